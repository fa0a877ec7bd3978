"""What the targets do under each key of the tables in docs/failover.md: scripts for the simulator, on real sockets.

The tables say what must come of it. A key without a scene, or a scene without a key, fails the tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Any

from standby.config import Limits, Retry
from standby.providers import DISPOSITIONS
from standby.providers.chat import ToolCall
from standby.providers.http import private_way, public_way  # noqa: F401 - loaded before any clock runs

from playing import Playing, health_of
from standby import Config, ErrorKind, Report, Route, Router, Target
from standby.testing import (
    Answer,
    At,
    Cut,
    ErrorEvent,
    Failure,
    LeaveOut,
    Malformed,
    Page,
    Pings,
    Request,
    Script,
    Stall,
    blocked,
    redirect,
)

FIRST = "The first target says all of this."
PARTIAL = "The first"
"""What of it is delivered before a fault at its third delta."""
NEXT = "The next target answers instead."
BOTH = ("openai", "koala")
OPENAI = ("openai",)
KOALA = ("koala",)

LIMITS = Limits(connect_s=0.6, first_delta_s=0.8, stall_s=0.6, tail_s=0.05)
RETRY = Retry(backoff_s=0.001, backoff_max_s=0.001, patience_s=0.1)
DEADLINE_S = 10.0
NOT_TAKEN: dict[str, Any] = {"connect_s": 0.2}
NOTHING_COMES: dict[str, Any] = {"first_delta_s": 0.3}
GOES_SILENT: dict[str, Any] = {"stall_s": 0.2}
"""Own clocks of targets at which they ring in any case: a test need not wait for longer."""

Step = Script | Answer | Failure | Page | str
Where = Callable[[Playing], str]


@dataclass(frozen=True)
class Scene:
    """One row's stage.

    Attributes:
        plays: What the first target does, request by request; the last goes on.
        leads: The dialects that the first target speaks, one test each.
        where: Its base URL, when it is not the simulator's.
        about: More of the first target's settings.
        then: What the next target does.
        next_dialect: What the next target speaks; None: there is no next target.
        next_provider: Its provider, where that is not called like its dialect.
        about_next: More of the next target's settings.
        says: What the first target's answer is, if it gives one.
        partial: What is delivered of it before it breaks off.
        warm: The first target has answered before, so that the call comes over a kept connection.
    """

    plays: tuple[Step, ...] = (FIRST,)
    leads: tuple[str, ...] = BOTH
    where: Where | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    then: Step | Callable[[Request], Step] = NEXT
    next_dialect: str | None = "openai"
    next_provider: str | None = None
    about_next: Mapping[str, Any] = field(default_factory=dict)
    says: str = FIRST
    partial: str = PARTIAL
    deadline_s: float = DEADLINE_S
    warm: bool = False


def failing(kind: ErrorKind, **said: Any) -> Failure:
    return Failure(kind, **said)


def limited(hint: float | str | None = None) -> Failure:
    return Failure(ErrorKind.RATE_LIMITED, retry_after_s=hint)


def json_page(status: int, body: str = '{"error":{"message":"No."}}') -> Page:
    return Page(body.encode(), status, "application/json")


def cut(at: At = At.head(), *, rst: bool = False) -> Script:  # noqa: B008 - a frozen place
    return Script(FIRST, (Cut(at, rst=rst),))


def broken(*faults: Any, said: str = FIRST) -> Script:
    return Script(said, faults)


SILENT = broken(Stall(At.head()))
HTML = Page(b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>")
EMPTY = Answer(("",))

BEFORE: dict[str, Scene] = {
    # No connection
    "refused": Scene(where=Playing.refused_url),
    "black_hole": Scene(where=Playing.black_hole_url, about=NOT_TAKEN),
    "dns": Scene(where=lambda _: "http://nowhere.invalid"),
    "tls": Scene(where=Playing.untrusted_url),
    # A connection that gives way, or says nothing
    "reset": Scene((cut(rst=True),)),
    "closed": Scene((cut(),)),
    "closed_alone": Scene((cut(), FIRST), next_dialect=None),
    "reset_reused": Scene((FIRST, cut(rst=True), FIRST), warm=True),
    "reset_reused_twice": Scene((FIRST, cut(rst=True)), warm=True),
    "head_only": Scene((cut(At.body(0)),)),
    "cut_before_delta": Scene((cut(At.delta(0)),), leads=OPENAI),
    "cut_before_delta_alone": Scene((cut(At.delta(0)), FIRST), leads=OPENAI, next_dialect=None),
    "silent": Scene((SILENT,), about=NOTHING_COMES),
    "silent_after_head": Scene((broken(Stall(At.body(0))),), about=NOTHING_COMES),
    "pings": Scene((broken(Pings(At.delta(0), every_s=0.02)),), about=NOTHING_COMES),
    "silent_alone": Scene((SILENT,), next_dialect=None, deadline_s=1.2),
    "silent_alone_own_clock": Scene((SILENT,), next_dialect=None, about=NOTHING_COMES),
    "silent_everywhere": Scene((SILENT,), then=SILENT, about=NOTHING_COMES, deadline_s=1.0),
    # Too many requests
    "429": Scene((limited(),)),
    "429_once": Scene((limited(), FIRST)),
    "429_short": Scene((limited(0.05), FIRST)),
    "429_short_always": Scene((limited(0.05),)),
    "429_seconds": Scene((limited(30),)),
    "429_date": Scene((limited(formatdate(time() + 3600, usegmt=True)),)),
    "429_huge": Scene((limited(10**9),)),
    "429_zero": Scene((limited(0),)),
    "429_negative": Scene((limited("-1"),)),
    "429_garbage": Scene((limited("soon"),)),
    "429_alone": Scene((limited(30),), next_dialect=None, deadline_s=0.4),
    "429_alone_returns": Scene((limited(0.2), FIRST), next_dialect=None, deadline_s=3),
    # The provider fails
    "500_once": Scene((failing(ErrorKind.SERVER_ERROR), FIRST)),
    "500": Scene((failing(ErrorKind.SERVER_ERROR),)),
    "500_never_retry": Scene((failing(ErrorKind.SERVER_ERROR, headers={"x-should-retry": "false"}),)),
    "503_short": Scene((failing(ErrorKind.OVERLOADED, retry_after_s=0.05), FIRST)),
    "503_seconds": Scene((failing(ErrorKind.OVERLOADED, retry_after_s=20),)),
    "503_sentence": Scene((json_page(503, '{"error":{"message":"Please try again in 20 seconds."}}'),)),
    "500_seconds": Scene((failing(ErrorKind.SERVER_ERROR, retry_after_s=20),)),
    "408_seconds": Scene((failing(ErrorKind.TIMEOUT, status=408, retry_after_s=20),)),
    "503_huge": Scene((failing(ErrorKind.OVERLOADED, retry_after_s=10**9),)),
    "503_alone_returns": Scene(
        (failing(ErrorKind.OVERLOADED, retry_after_s=0.2), FIRST), next_dialect=None, deadline_s=3
    ),
    "503": Scene((failing(ErrorKind.OVERLOADED),)),
    "529": Scene((failing(ErrorKind.OVERLOADED, status=529),)),
    "408": Scene((failing(ErrorKind.TIMEOUT, status=408),)),
    "504": Scene((failing(ErrorKind.TIMEOUT, status=504),)),
    # The target's own account and address
    "401": Scene((failing(ErrorKind.AUTH),)),
    "402": Scene((json_page(402),)),
    "quota": Scene((failing(ErrorKind.QUOTA_EXHAUSTED),)),
    "403": Scene((failing(ErrorKind.AUTH, status=403),)),
    "403_bot_wall": Scene((blocked(),)),
    "404": Scene((failing(ErrorKind.NOT_FOUND),)),
    "redirect": Scene((redirect("https://elsewhere.test/"),)),
    # The request
    "400_context": Scene((failing(ErrorKind.CONTEXT_LENGTH),), leads=OPENAI),
    "400_context_smaller": Scene(
        (failing(ErrorKind.CONTEXT_LENGTH),),
        leads=OPENAI,
        about={"capabilities": {"context_window": 8000}},
        about_next={"capabilities": {"context_window": 4000}},
    ),
    "413": Scene((json_page(413),)),
    "400_filter": Scene((failing(ErrorKind.CONTENT_FILTER),), leads=OPENAI),
    "400": Scene((failing(ErrorKind.BAD_REQUEST),), leads=OPENAI),
    "400_twice": Scene((failing(ErrorKind.BAD_REQUEST),), leads=OPENAI, then=failing(ErrorKind.BAD_REQUEST)),
    "400_alone": Scene((failing(ErrorKind.BAD_REQUEST),), leads=OPENAI, next_dialect=None),
    "400_seconds": Scene((failing(ErrorKind.BAD_REQUEST, retry_after_s=20),), leads=OPENAI),
    "422": Scene((json_page(422),), leads=KOALA),
    # Status 200, and no answer
    "html": Scene((HTML,)),
    "json_error": Scene((failing(ErrorKind.SERVER_ERROR, status=200),), leads=OPENAI),
    "json_error_untold": Scene((failing(ErrorKind.SERVER_ERROR, status=200),), leads=KOALA),
    "error_event": Scene((broken(ErrorEvent(At.delta(0), failing(ErrorKind.OVERLOADED))),), leads=OPENAI),
    "error_event_auth": Scene((broken(ErrorEvent(At.delta(0), failing(ErrorKind.AUTH))),), leads=OPENAI),
    "empty": Scene((EMPTY,)),
    "empty_length": Scene((Answer(("",), finish="length"),), leads=OPENAI, says=""),
    "malformed": Scene((broken(Malformed(At.delta(0))),)),
    "no_finish": Scene((Script(EMPTY, (LeaveOut(("finish", "marker")),)),), leads=OPENAI),
    "done_only": Scene((Script(EMPTY, (LeaveOut(("finish",)),)),), leads=OPENAI),
    "no_done": Scene((broken(LeaveOut(("marker",))),), leads=OPENAI),
}
"""Faults before the first useful delta."""


CUT = broken(Cut(At.delta(2)))
LATE = failing(ErrorKind.SERVER_ERROR)
TOOL = Answer("", tool_calls=(ToolCall("call_1", "look", '{"where":"up there"}'),))
THOUGHTS = Answer(FIRST, reasoning="I wonder what to say")
TAKES_PREFILLS = "openrouter"
"""Speaks the chat protocol, and takes a prefill where the model does."""
PREFILL: dict[str, Any] = {"capabilities": {"prefill": "plain"}}


def goes_on(request: Request) -> Step:
    """Goes on with what it is given, when it is; asked from scratch, it says the same as the first target."""
    said = [text for role, text in request.reading.messages if role == "assistant"]
    if not said:
        return FIRST
    assert said == [PARTIAL]
    return FIRST.removeprefix(PARTIAL) if request.reading.prefilled else FIRST


def goes_on_at_once(request: Request) -> Step:
    """As `goes_on`; but asked in words to go on, it does not say the last words again."""
    asked = any(role == "assistant" for role, _ in request.reading.messages)
    return FIRST.removeprefix(PARTIAL) if asked else FIRST


AFTER: dict[str, Scene] = {
    "cut": Scene((CUT,)),
    "reset": Scene((broken(Cut(At.delta(2), rst=True)),)),
    "stall": Scene((broken(Stall(At.delta(2))),), about=GOES_SILENT),
    "pings": Scene((broken(Pings(At.delta(2), every_s=0.02)),), about=GOES_SILENT),
    "no_finish": Scene((broken(LeaveOut(("finish", "marker"))),), leads=OPENAI, partial=FIRST),
    "done_only": Scene((broken(LeaveOut(("finish",))),), leads=OPENAI, partial=FIRST),
    "malformed": Scene((broken(Malformed(At.delta(2))),)),
    "error_event": Scene((broken(ErrorEvent(At.delta(2), failing(ErrorKind.OVERLOADED))),), leads=OPENAI),
    "error_in_tail": Scene((broken(ErrorEvent(At.end(), LATE), LeaveOut(("marker",))),), leads=OPENAI, partial=FIRST),
    "silent_tail": Scene((broken(Stall(At.end()), LeaveOut(("marker",))),), leads=OPENAI),
    "slow": Scene((Script(FIRST, delta_delay_s=0.05),), deadline_s=0.2),
    "filter": Scene((broken(ErrorEvent(At.delta(2), failing(ErrorKind.CONTENT_FILTER))),), leads=OPENAI),
    "cut_continue": Scene((CUT,), then=goes_on, next_provider=TAKES_PREFILLS, about_next=PREFILL),
    "cut_no_prefill": Scene((CUT,), then=goes_on),
    "cut_ask": Scene((CUT,), then=goes_on),
    "cut_ask_at_once": Scene((CUT, FIRST.removeprefix(PARTIAL)), then=goes_on_at_once),
    "cut_replay": Scene((CUT,), then=goes_on),
    "cut_replay_differs": Scene((CUT, "But it says something else the second time.")),
    "cut_restart": Scene((CUT,)),
    "cut_default": Scene((CUT, "But it says something else the second time.")),
    "cut_in_tool_call": Scene((Script(TOOL, (Cut(At.delta(2)),)),), leads=OPENAI, partial=""),
    "cut_after_thoughts": Scene((Script(THOUGHTS, (Cut(At.delta(2)),)),), leads=OPENAI, partial=""),
    "cut_alone": Scene((CUT, FIRST), next_dialect=None),
    "stall_alone": Scene((broken(Stall(At.delta(2))), FIRST), next_dialect=None, about=GOES_SILENT),
}
"""Faults after the first useful delta."""


def config(simulator: Playing, scene: Scene, lead: str, **route: Any) -> Config:
    """The targets `first` and `next` of a scene on one route, `r`."""
    simulator.play("first", *scene.plays, dialect=lead)
    where = simulator.base_url("first") if scene.where is None else scene.where(simulator)
    targets = {"first": Target(lead, model="m", name="first", key="k", base_url=where, **scene.about)}
    if scene.next_dialect is not None:
        simulator.play("next", scene.then, dialect=scene.next_dialect)
        url, provider = simulator.base_url("next"), scene.next_provider or scene.next_dialect
        targets["next"] = Target(provider, model="m", name="next", key="k", base_url=url, **scene.about_next)
    routes = {"r": Route(tuple(targets), deadline_s=scene.deadline_s, **route)}
    return Config(targets=targets, routes=routes, limits=LIMITS, retry=RETRY)


def effect_on_health(router: Router, report: Report, name: str) -> str:
    """What the call has done to a target's health, in the words of the table."""
    health = health_of(router, name)
    mine = [attempt for attempt in report.attempts if attempt.target == name]
    hint_s, ended_s = mine[-1].hint_s, mine[-1].ended_s
    kinds = {attempt.kind for attempt in mine if attempt.kind is not None}
    if health.parks:
        assert (health.state, health.failure_ratio) == ("parked", 0.0), "what parks a target is not counted too"
        left_s = health.parks[0].until_s - health.at_s
        ago_s = (report.ended_s or 0.0) - (ended_s or 0.0)
        until_hint = hint_s is not None and abs(left_s + ago_s - hint_s) < 0.2
        return "parked until the hint" if until_hint else f"parked {round(left_s)} s"
    assert health.state == "closed"
    counted = health.failure_ratio * health.calls
    if not counted:
        return "none"
    weight = DISPOSITIONS[kinds.pop()].health
    words = {1.0: ("failure", "failures"), 0.5: ("half", "halves")}[weight]
    times = round(counted / weight)
    return f"{times} {words[times > 1]}"
