"""What a request asks of the Router: the target or route that its model names, and what it sets of its call. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from multidict import MultiMapping

from ..config.client_key import ClientKey
from ..config.model import Config
from ..config.serve import Serve, ServedRoute
from ..config.target import Target
from ..providers.chat import ChatRequest
from ..providers.serving import Asked
from ..router.engine.options import CallOptions
from .model_names import Meant, may_target, meant
from .overrides import NOTHING, Overrides, overrides_of, targets_refusal
from .refused import Refused

_AS_IT_STANDS = ServedRoute()


class UnknownModel(NamedTuple):
    """The model that is asked for means nothing here, or nothing that this key may ask."""


class Unserved(NamedTuple):
    """Fields that no target which may answer has words for.

    Attributes:
        paths: Of the fields.
    """

    paths: tuple[str, ...]


class Wanted(NamedTuple):
    """What is to be asked.

    Attributes:
        meant: The route, or the target that is asked alone.
        notes: What was left out on the way, for the client.
        untold: Fields that only targets of the client's own protocol are told.
    """

    chat: ChatRequest
    options: CallOptions
    meant: Meant
    notes: tuple[str, ...]
    untold: tuple[str, ...]

    def left_out(self, at: str, dialect: str) -> tuple[str, ...]:
        """What an answer from a target is to be told with.

        Args:
            at: The dialect of the target.
            dialect: The client's.
        """
        if not self.untold or at == dialect:
            return self.notes
        return (*self.notes, f"{', '.join(self.untold)}: left out, for the target speaks another protocol")


def wanted(
    asked: Asked,
    headers: MultiMapping[str],
    config: Config,
    serve: Serve,
    key: ClientKey,
    dialect: str,
    dialect_of: Callable[[str], str],
) -> Wanted | Refused | UnknownModel | Unserved:
    """What a request asks of the Router, as far as its key allows.

    Args:
        dialect: The client's protocol.
        dialect_of: The dialect of a provider, by its name.
    """
    name = meant(asked.model, config, serve, key)
    if name is None:
        return UnknownModel()
    field: object = None if asked.standby is None else msgspec.json.decode(asked.standby)
    overrides = overrides_of(headers, field, key)
    if isinstance(overrides, Refused):
        return overrides
    options = _options(name, overrides, key)
    of_route = _targets(config, name) if overrides.targets is not None or asked.carried else {}
    if overrides.targets is not None:
        allowed = [each for each in overrides.targets if may_target(key, each)]
        if refused := targets_refusal(overrides.targets, tuple(of_route), allowed):
            return refused
    if asked.carried and serve.routes.get(name.route, _AS_IT_STANDS).unsupported == "refuse":
        asks = [of_route.get(each, each) for each in overrides.targets or tuple(of_route)]
        if all(dialect_of(config.target(each).provider) != dialect for each in asks):
            return Unserved(asked.carried)
        options["dialect"] = dialect  # no other is asked, whatever fails: nothing of a request is lost on the way
    if sent := _forwarded(headers, serve.forward_headers):
        options["headers"] = sent
    return Wanted(asked.chat, options, name, asked.notes, asked.carried + asked.hints)


def _targets(config: Config, name: Meant) -> Mapping[str, str | Target]:
    """The targets that may answer, by the names that they are called here."""
    if not name.route:
        return {name.target: name.target}
    placed = [each.reference for each in config.placed(config.routes[name.route])]
    return {each if isinstance(each, str) else each.name or each.provider: each for each in placed}


def _options(name: Meant, overrides: Overrides, key: ClientKey) -> CallOptions:
    """The options of the call, within the bounds of its key."""
    options: dict[str, Any] = {"route": name.route} if name.route else {"targets": (name.target,)}
    if overrides.targets is not None:
        options["only" if name.route else "targets"] = overrides.targets
    if overrides is not NOTHING:
        for option in ("deadline_s", "sticky", "mid_stream", "hold", "upstream"):
            if (value := getattr(overrides, option)) is not None:
                options[option] = value
    if key.require:
        options["require"] = key.require
    if key.avoid:
        options["avoid"] = key.avoid
    if overrides.no_hedge:
        options["hedge"] = False
    return options  # type: ignore[return-value]


_OF_DIALECTS: Mapping[str, tuple[str, ...]] = {
    "anthropic-": ("anthropic",),
    "openai-": ("openai", "openai-responses"),
}
"""Headers that only targets of some dialects are told, by how their names begin."""


def _forwarded(headers: MultiMapping[str], names: Iterable[str]) -> dict[str, object]:
    """The client's headers that go on to providers: by dialect, and beside those to all."""
    sent: dict[str, Any] = {}
    for name in names:
        if name not in headers:
            continue
        value = ",".join(headers.getall(name, []))
        if not value or not value.isascii() or not value.isprintable():
            continue
        dialects = next((them for start, them in _OF_DIALECTS.items() if name.startswith(start)), None)
        if dialects is None:
            sent[name] = value
        for dialect in dialects or ():
            sent.setdefault(dialect, {})[name] = value
    return sent
