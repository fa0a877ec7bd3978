"""The registry: providers by name, ours and third parties'.

A package adds providers by the entry-point group `standby.providers`: each entry point names a `Provider` object
(or a callable without arguments that makes one). They are found at the first look-up of a name that is not built in.
"""

import difflib
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

from .errors import StandbyError, without_keys
from .provider import Provider

ENTRY_POINT_GROUP = "standby.providers"

_BUILT_IN: dict[str, str] = {
    "anthropic": "anthropic",
    "azure-openai": "azure_openai",
    "bedrock": "bedrock",
    "cohere": "cohere",
    "gemini": "gemini",
    "koala": "koala",
    "mistral": "mistral",
    "ollama": "ollama",
    "openai": "openai",
    "openai-responses": "openai_responses",
}
"""Name of a provider -> module below `dialects` that holds it as `provider`; imported when it is first asked for.

Beside these, `dialects.compatible` holds rows of providers that speak OpenAI's protocol: a row there is all one takes.
"""

_registered: dict[str, Provider] = {}
_third_parties_loaded = False


class UnknownProvider(StandbyError, LookupError):
    """No provider has this name; the message lists those that exist and the nearest one."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        name = without_keys(name)
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else "."
        super().__init__(f"unknown provider {name!r}{meant} Known: {', '.join(known)}.")
        self.name, self.known = name, known

    def __reduce__(self) -> tuple[type["UnknownProvider"], tuple[str, tuple[str, ...]]]:
        return type(self), (self.name, self.known)


def register(provider: Provider) -> None:
    """Add a provider under its `name`, for this process.

    Raises:
        ValueError: Another provider has this name; a provider is never replaced silently.
        TypeError: It is not a provider.
    """
    if not isinstance(provider, Provider):
        raise TypeError(f"{provider!r} is not a provider: it lacks a method or attribute of standby.adapters.Provider")
    holder = _registered.get(provider.name)
    if (holder is not None and holder is not provider) or _is_built_in(provider.name):
        raise ValueError(f"a provider named {provider.name!r} is already registered")
    _registered[provider.name] = provider


def unregister(name: str) -> None:
    """Take a provider that `register` added out again, as tests do when they end. A built-in one stays.

    Raises:
        UnknownProvider: None of this name was added.
    """
    if _is_built_in(name) or _registered.pop(name, None) is None:
        raise UnknownProvider(name, names())


def get(name: str) -> Provider:
    """The provider of this name.

    Raises:
        UnknownProvider: There is none.
    """
    found = _registered.get(name)
    if found is None and _is_built_in(name):
        found = _registered[name] = _built_in(name)
    if found is None:
        _load_third_parties()
        found = _registered.get(name)
    if found is None:
        raise UnknownProvider(name, names())
    return found


def names() -> tuple[str, ...]:
    """The names of all providers, sorted."""
    _load_third_parties()
    return tuple(sorted(_BUILT_IN.keys() | _presets().keys() | _registered.keys()))


def _built_in(name: str) -> Provider:
    module = _BUILT_IN.get(name)
    if module is None:
        return _presets()[name]
    provider: Provider = import_module(f"..dialects.{module}", __name__).provider
    return provider


def _is_built_in(name: str) -> bool:
    return name in _BUILT_IN or name in _presets()


def _presets() -> Mapping[str, Provider]:
    from .dialects.compatible import PRESETS

    return PRESETS


def _load_third_parties() -> None:
    global _third_parties_loaded
    if _third_parties_loaded:
        return
    _third_parties_loaded = True
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        loaded = entry.load()
        provider = loaded if isinstance(loaded, Provider) else loaded()
        if entry.name != provider.name:
            raise StandbyError(
                f"the entry point {entry.name!r} of {entry.value!r} holds a provider named {provider.name!r}:"
                " the names must be the same"
            )
        register(provider)
