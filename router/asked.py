"""What one call asks: its options, told apart into whom, how long, and the request itself."""

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, NoReturn, TypedDict, cast

from ..config.model import SECONDS, Config, ConfigError, Hold, MidStream, Route, Target, Upstream, listed
from ..providers.chat import ChatRequest, InvalidRequest, Messages, ReasoningEffort, chat_request

_CLOCKS = ("connect_s", "first_delta_s", "stall_s", "total_s")


class CallOptions(TypedDict, total=False):
    """What one call may set for itself: whom to ask, how long, and the fields of the request.

    `route` names a configured route; `targets` replaces it by a list, the best first. Clocks are in seconds and win
    over the target's, the route's and the defaults. `mid_stream=()` switches off what the route says of answers that
    break off. `sticky` is a conversation's key: within a tier its calls go to the same target, so that prompt caches
    stay warm. The rest are fields of `ChatRequest`, also in OpenAI's shape.
    """

    route: str | None
    targets: Sequence[str | Target] | None
    deadline_s: float | None
    connect_s: float | None
    first_delta_s: float | None
    stall_s: float | None
    total_s: float | None
    upstream: Upstream | None
    mid_stream: Sequence[MidStream] | None
    hold: Hold | None
    sticky: str | None
    system: str | None
    tools: Sequence[Any] | None
    tool_choice: Any
    parallel_tool_calls: bool | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    response_format: Any
    reasoning_effort: ReasoningEffort | None
    extra: dict[str, Any] | None


_OF_REQUEST = frozenset(ChatRequest.__struct_fields__) - {"messages"}
_KNOWN = frozenset(CallOptions.__annotations__) | _OF_REQUEST
_MEANT = {
    "model": "; a model is part of a target: targets=['openai/gpt-5-mini'].",
    "stream": "; stream(…) gives a stream, complete(…) a whole answer.",
    "timeout": "; did you mean 'deadline_s'?",
    "max_completion_tokens": "; did you mean 'max_tokens'?",
}
"""Options of other libraries, and how to say it here."""


class Asked(NamedTuple):
    """What the options of one call come to.

    Attributes:
        key: What the route's seats are kept under; None when the list of targets is this call's own.
        clocks: The call's own clocks, by name.
    """

    chat: ChatRequest
    route: Route
    key: str | None
    shown: str
    clocks: dict[str, float]
    deadline_s: float | None
    upstream: Upstream | None
    sticky: str | None


def asked(config: Config, messages: Messages, options: CallOptions) -> Asked:
    """Tell a call's options apart, and check them.

    Raises:
        InvalidRequest: The request makes no sense.
        ConfigError: There is no such route or target.
    """
    if not _KNOWN.issuperset(options):
        _refuse(next(option for option in options if option not in _KNOWN))
    name, targets, sticky = options.get("route"), options.get("targets"), options.get("sticky")
    deadline_s, upstream = options.get("deadline_s"), options.get("upstream")
    given: dict[str, Any] = {}
    overrides: dict[str, float] = {}
    own: dict[str, Any] = {}
    for option, value in options.items():
        if value is None:
            continue
        if option in _OF_REQUEST:
            given[option] = value
        elif option in _CLOCKS:
            overrides[option] = cast(float, value)
        elif option == "hold":
            own[option] = value
        elif option == "mid_stream":
            own[option] = _words(cast(Sequence[str], value))
    chat = chat_request(messages, **given)
    if targets is not None:
        if name is not None:
            raise ConfigError("give route or targets, not both")
        route, key, shown = Route(listed(targets)), None, "-"
    else:
        route = config.route(name)
        key = shown = name or "default"
    if own:
        route = replace(route, **own)
    if overrides or deadline_s is not None or upstream is not None:
        _check(overrides if deadline_s is None else {**overrides, "deadline_s": deadline_s}, upstream)
    return Asked(chat, route, key, shown, overrides, deadline_s, upstream, sticky)


def _refuse(name: str) -> NoReturn:
    near = difflib.get_close_matches(name, _KNOWN, n=1)
    meant = _MEANT.get(name) or (f"; did you mean {near[0]!r}?" if near else ".")
    raise InvalidRequest(
        f"unknown option {name!r}{meant} Known: {', '.join(sorted(_KNOWN))}."
        " A field of one dialect goes into extra={…}."
    )


def _words(given: Sequence[str]) -> Any:
    return given if isinstance(given, str) else tuple(given)  # a text is refused as one, not letter by letter


def _check(clocks: dict[str, float], upstream: str | None) -> None:
    """Hold a call's own clocks to the bounds of the settings they stand in for."""
    for name, value in clocks.items():
        if problem := SECONDS.problem(value):
            raise ConfigError(f"{name} {problem}")
    if upstream not in (None, "stream", "single"):
        raise ConfigError(f"upstream must be 'stream' or 'single', but is {upstream!r}")
