"""Flaws that make a target useless for every request: no model, no address, a missing extra, an option without sense.

A file with such a target is refused when it is loaded. A target that code brings along is passed over by each call.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import NamedTuple

from ..providers import registry
from ..providers.cloud_keys import CloudKey
from ..providers.errors import MissingExtraError
from .target import Target

_SOCKS_MODULE = "aiohttp_socks"


class Flaw(NamedTuple):
    """One thing that keeps a target from being made.

    Attributes:
        field: The setting that is to be given, or that needs what is missing.
        message: What is wrong.
        hint: What to do about it.
    """

    field: str
    message: str
    hint: str


def base_url_variable(provider: str) -> str:
    """The environment variable that may hold the address of a provider's targets."""
    return f"STANDBY_{provider.upper().replace('-', '_')}_BASE_URL"


def cloud_key(target: Target, environment: Mapping[str, str]) -> CloudKey | None:
    """What finds the key of a target that gives none, if its provider knows of something; None: nothing is asked."""
    source_of = getattr(registry.get(target.provider), "key_source", None)
    if source_of is None or target.key or target.keys or target.key_file is not None:
        return None
    source = source_of(target.options, environment)
    return source if isinstance(source, CloudKey) else None


def options_problem(target: Target) -> str | None:
    """What is wrong with the values of a target's options, as its provider sees them; None when nothing is."""
    problem_of = getattr(registry.get(target.provider), "options_problem", None)
    problem: str | None = None if problem_of is None else problem_of(target.options)
    return problem


def missing_extras(target: Target, environment: Mapping[str, str]) -> Iterator[tuple[str, MissingExtraError]]:
    """The extras that a target needs and that are not installed, each with the setting that needs it."""
    info = registry.get(target.provider).info
    if info.extra is not None and not _is_installed(info.extra_module or info.extra):
        yield "provider", MissingExtraError(info.title, info.extra)
    elif (source := cloud_key(target, environment)) is not None and (missing := source.missing) is not None:
        yield "options", missing
    if (target.proxy or "").startswith("socks") and not _is_installed(_SOCKS_MODULE):
        yield "proxy", MissingExtraError("a SOCKS proxy", "socks")


def flaws(target: Target, environment: Mapping[str, str]) -> Iterator[Flaw]:
    """Everything that keeps this target from being made.

    Args:
        environment: Where an address may be given, too.
    """
    info = registry.get(target.provider).info
    if target.base_url is None:
        variable = base_url_variable(target.provider)
        named = environment.get(variable)
        if named and not named.startswith(("https://", "http://")):
            yield Flaw("base_url", f"the address in {variable} does not begin with https:// or http://", "")
        elif not named and info.base_url is None:
            hint = f"give base_url, or set {variable}"
            yield Flaw("base_url", "has no address, and the provider has none of its own", hint)
    if target.model is None and info.default_model is None:
        yield Flaw("model", "names no model, and the provider has no usual one", "give model")
    if problem := options_problem(target):
        yield Flaw("options", problem, "")
    for field, missing in missing_extras(target, environment):
        what, _, install = str(missing).partition(": ")
        yield Flaw(field, what, install)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # a stand-in without a spec
        return True
