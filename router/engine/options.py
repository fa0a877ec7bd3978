"""Parse the options of one call: its targets, its time limits, and the request itself."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NoReturn, TypedDict

from ...config.errors import ConfigError
from ...config.field_types import SECONDS
from ...config.held import setting_problem
from ...config.labels import Boundary, Wanted, boundary
from ...config.model import Config
from ...config.route import Hold, MidStream, Route, Targets, Upstream, listed
from ...providers.chat import (
    ChatRequest,
    InvalidRequest,
    JsonSchema,
    Messages,
    NativeTool,
    ReasoningEffort,
    Tool,
    ToolChoice,
    Verbosity,
    chat_request,
)
from ...providers.opaque import Opaque
from ...providers.sendable import text_problem, type_name
from ...providers.sequences import ListOf
from ..result.answer_form import AnswerForm
from ..targets.native import headers_problem


class OtherOptions(TypedDict, total=False):
    """The options of one call but for `response_format`, whose class the type of the answer depends on."""

    route: str | None
    targets: Targets | None
    only: Targets | None
    require: Wanted | None
    avoid: Wanted | None
    dialect: str | None
    hedge: Literal[False] | None
    headers: Mapping[str, object] | None
    deadline_s: float | None
    connect_s: float | None
    first_delta_s: float | None
    stall_s: float | None
    total_s: float | None
    upstream: Upstream | None
    mid_stream: ListOf[MidStream] | None
    hold: Hold | None
    sticky: str | None
    system: str | None
    tools: Sequence[Tool | NativeTool | Mapping[str, object] | Callable[..., object]] | None
    tool_choice: ToolChoice | Mapping[str, object] | None
    parallel_tool_calls: bool | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    reasoning_effort: ReasoningEffort | None
    prefill: str | None
    native_tools: Sequence[NativeTool] | None
    reasoning_budget_tokens: int | None
    verbosity: Verbosity | None
    top_k: int | None
    min_p: float | None
    logprobs: bool | None
    top_logprobs: int | None
    logit_bias: Mapping[str, float] | Mapping[int, float] | None
    n: int | None
    user: str | None
    safety_identifier: str | None
    metadata: Mapping[str, str] | None
    service_tier: str | None
    max_completion_tokens: int | None
    stream_options: Mapping[str, object] | None
    extra: Mapping[str, object] | None


class CallOptions(OtherOptions, total=False):
    """The options of one call: its targets, its time limits, and the fields of the request.

    `route` names a configured route; `targets` replaces it by a list, the best first. Clocks are in seconds and win
    over the target's, the route's and the defaults. `mid_stream=()` switches off what the route says of answers that
    break off. `sticky` is a conversation's key: within a tier its calls go to the same target, so that prompt caches
    stay warm. `require` and `avoid` are labels that a target must have, or must not have, to be asked at all, beside
    what its route says of them. `only` asks these targets in place of the route's, in this order, by its policy and
    out of its budgets. `dialect` leaves out those that speak another one, which could not be told all of it.
    `hedge=False` asks no second target beside a silent one. `headers` are added to the requests, by dialect or
    provider (`{"anthropic": {"anthropic-beta": "…"}}`), and beside those names to all. The rest are fields of
    `ChatRequest`, also in OpenAI's shape.
    """

    response_format: JsonSchema | Mapping[str, object] | type | None


_PARTS: tuple[tuple[str, ...], ...] = (
    (
        *(name for name in ChatRequest.__struct_fields__ if name != "messages"),
        "max_completion_tokens",
        "stream_options",
    ),
    ("route", "targets", "only", "hedge"),
    ("deadline_s", "upstream", "sticky", "headers", "dialect"),
    ("hold", "mid_stream"),
    ("connect_s", "first_delta_s", "stall_s", "total_s"),
    ("require", "avoid"),
)
"""Options of the request, of which targets are asked, of the call, in place of the route's own, its
clocks, and its bounds."""
_OF_REQUEST, _WHICH, _OF_CALL, _OF_ROUTE, _CLOCKS, _BOUNDS = range(len(_PARTS))
_PART_OF = {name: place for place, names in enumerate(_PARTS) for name in names}
_MEANT = {
    "model": "; a model is part of a target: targets=['openai/gpt-5-mini'].",
    "stream": "; stream(…) gives a stream, complete(…) a whole answer.",
    "timeout": "; did you mean 'deadline_s'?",
}
"""Options of other libraries, and how to say it here."""


class ParsedOptions(Opaque):
    """What the options of one call come to.

    Attributes:
        chat: The request, checked.
        route: With what the call says of it.
        dialect: Targets that speak another one are left out; None: none are.
        key: What the route's route targets are kept under; None when the list of targets is this call's own.
        spends: The route whose budgets it is paid from; None: of none.
        shown: The route's name in the report.
        clocks: The call's own clocks, by name.
        form: Reads the answer as an object of the class that was asked for; None: none was.
        boundary: What a target must be to be asked, beside what its route says; None: nothing more.
    """

    chat: ChatRequest
    route: Route
    key: str | None
    shown: str
    clocks: dict[str, float] = {}
    deadline_s: float | None = None
    upstream: Upstream | None = None
    sticky: str | None = None
    headers: Mapping[str, object] | None = None
    dialect: str | None = None
    spends: str | None = None
    boundary: Boundary | None = None
    form: AnswerForm | None = None

    def take(self, options: Mapping[str, Any]) -> None:
        """Take options of these very names, which were checked."""
        for option, value in options.items():
            setattr(self, option, value)


def asked(config: Config, messages: Messages, options: CallOptions) -> ParsedOptions:
    """Tell a call's options apart, and check them.

    Raises:
        InvalidRequest: The request makes no sense.
        ConfigError: There is no such route or target.
    """
    parts: dict[int, dict[str, Any]] = {}  # of what is given: most calls say little
    for option, value in options.items():
        part = _PART_OF.get(option)
        if part is None:
            _refuse(option)
        if value is not None:
            if part in parts:
                parts[part][option] = value
            else:
                parts[part] = {option: value}
    chat = chat_request(messages, **parts[_OF_REQUEST]) if _OF_REQUEST in parts else chat_request(messages)
    if _WHICH in parts:
        found = _chosen(config, chat, parts[_WHICH])
    else:
        found = ParsedOptions(chat, config.route(), "default", "default")
    if _OF_REQUEST in parts and isinstance(wanted := parts[_OF_REQUEST].get("response_format"), type):
        found.form = AnswerForm(wanted, chat.prefill or "")
    if _OF_ROUTE in parts:
        found.route = _with_own(found.route, parts[_OF_ROUTE])
    if _BOUNDS in parts:
        found.boundary = _boundary(parts[_BOUNDS])
    if _CLOCKS in parts:
        found.clocks = parts[_CLOCKS]
        _check_seconds(found.clocks)
    if _OF_CALL in parts:
        for option, value in parts[_OF_CALL].items():
            _CHECKS[option](option, value)
        found.take(parts[_OF_CALL])
    return found


def _chosen(config: Config, chat: ChatRequest, which: dict[str, Any]) -> ParsedOptions:
    """Which targets are asked, and by which route."""
    only = _only(which["only"]) if "only" in which else None
    if "targets" in which:
        if "route" in which or only is not None:
            raise ConfigError("give route or targets, not both")
        found = ParsedOptions(chat, Route(listed(which["targets"])), None, "-")
    else:
        name = which.get("route")
        if name is not None and not isinstance(name, str):
            raise ConfigError(f"route must be a text, the name of a route, but is a {type_name(name)}")
        key = name or "default"
        found = ParsedOptions(chat, config.route(name), key, key)
        if only is not None:
            found.route, found.key, found.spends = replace(found.route, targets=only, on={}), None, key
    if "hedge" in which:
        found.route = _unhedged(found.route, which["hedge"])
    return found


def _with_own(route: Route, own: dict[str, Any]) -> Route:
    """A route with what a call says in its place."""
    for name, value in own.items():
        if problem := setting_problem(Route, name, value):
            raise ConfigError(f"{name} {problem}")
    if "mid_stream" in own:
        own["mid_stream"] = tuple(own["mid_stream"])
    return replace(route, **own)


def _only(given: Any) -> tuple[Any, ...]:
    try:
        return listed(given)
    except ConfigError as wrong:
        raise ConfigError(f"only: {wrong}") from None


def _boundary(given: dict[str, Any]) -> Boundary | None:
    for name, value in given.items():
        if problem := setting_problem(Route, name, value):
            raise ConfigError(f"{name} {problem}")
    return boundary(given.get("require", {}), given.get("avoid", {}), "the call")


def _unhedged(route: Route, given: object) -> Route:
    if given is not False:
        shown = "is true" if given is True else f"is a {type_name(given)}"
        raise ConfigError(f"hedge must be False, a bool, but {shown}: a call switches it off, its route switches it on")
    return replace(route, hedge=None)


def _refuse(name: str) -> NoReturn:
    near = difflib.get_close_matches(name, _PART_OF, n=1)
    meant = _MEANT.get(name) or (f"; did you mean {near[0]!r}?" if near else ".")
    raise InvalidRequest(
        f"unknown option {name!r}{meant} Known: {', '.join(sorted(_PART_OF))}."
        " A field of one dialect goes into extra={…}."
    )


def _check_seconds(given: Mapping[str, Any]) -> None:
    """Hold a call's own times to the bounds of the settings they stand in for."""
    for name, value in given.items():
        if problem := SECONDS.problem(value):
            raise ConfigError(f"{name} {problem}")


def _check_deadline(name: str, given: object) -> None:
    _check_seconds({name: given})


def _check_headers(name: str, given: Any) -> None:
    if wrong := headers_problem(given):
        raise ConfigError(f"{name} {wrong}")


def _check_text(name: str, given: Any) -> None:
    if problem := text_problem(given):
        raise InvalidRequest(f"{name} {problem}")


def _check_upstream(name: str, given: object) -> None:
    if not (isinstance(given, str) and given in ("stream", "single")):
        shown = repr(given) if isinstance(given, str) else f"a {type_name(given)}"
        raise ConfigError(f"{name} must be 'stream' or 'single', but is {shown}")


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "deadline_s": _check_deadline,
    "upstream": _check_upstream,
    "sticky": _check_text,
    "headers": _check_headers,
    "dialect": _check_text,
}
"""What refuses an option of the call that makes no sense, by its name."""
