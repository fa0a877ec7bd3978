"""Explain a call without making it: the targets it would ask, in order and with their time limits, and those left out.

Nothing is asked, taken or counted. The plan is the course of a call in which every target stays silent to its limit:
the same `Course`, `RouteTarget`, `lacks`, `flaw` and `refusal` that a call uses, so that it cannot tell another story.
"""

import os
import random
from collections.abc import Mapping, Sequence

import msgspec

from ..config.model import Config
from ..config.route import AllOpen, MidStream, Route, Select, Upstream
from ..providers.chat import ChatRequest, chat_request
from ..providers.errors import DISPOSITIONS, ErrorKind, ProviderError
from ..providers.plain import Plain
from .failover.course import Course
from .failover.standings import Standings
from .failover.steps import Ask, Policy, Step, Wait
from .health.snapshot import HealthChanged
from .result.reasons import SkipReason
from .result.report import Skipped
from .targets.clocks import Clocks
from .targets.generation import Generation
from .targets.limited_target import CallTarget, in_call
from .targets.memory import Memory
from .targets.record import TargetRecord
from .targets.route_target import RouteTarget
from .targets.selection import UNASKABLE, Needs, left_out, planned, speaks_otherwise, unaskable

PLAIN = chat_request("A plain question?")
"""Needs nothing but text: what is planned for when no request is given."""


class PlannedTarget(Plain, msgspec.Struct, frozen=True):
    """One target of a plan.

    Attributes:
        clocks: Its clocks on this route, before the deadline shortens any of them.
        attempts_max: Maximum attempts at it in one call.
        place: Its position in the order, from 1; None when it is not asked.
        asked_s: When it is asked, in seconds since the call began, if every target before it stays silent to its limit.
        silent_until_s: When it is given up if it stays silent too.
        skipped: Why it may not be asked at the beginning. With a `place`, it is back before the others are used up.
    """

    target: str
    provider: str
    model: str
    dialect: str
    base_url: str
    clocks: Clocks
    attempts_max: int
    place: int | None = None
    asked_s: float | None = None
    silent_until_s: float | None = None
    skipped: Skipped | None = None


class Plan(Plain, msgspec.Struct, frozen=True):
    """The plan of a call on a route, as it would be made now.

    Attributes:
        targets: All targets of the route, in its order; by cost where the route selects by it.
        deadline_s: Of a stream until its first useful delta, of a collected answer until its end.
        reserve_s: The part of the deadline that an attempt keeps free while another target is left.
        select: Which target of a tier comes first. Where each call draws anew, the plan keeps the written order.
    """

    route: str
    targets: tuple[PlannedTarget, ...]
    deadline_s: float
    reserve_s: float
    all_open: AllOpen
    mid_stream: tuple[MidStream, ...]
    upstream: Upstream
    select: Select

    @property
    def asked(self) -> tuple[PlannedTarget, ...]:
        """Those that would be asked, in the order of their turns."""
        return tuple(sorted((t for t in self.targets if t.place is not None), key=lambda t: t.place or 0))

    def _repr_markdown_(self) -> str:
        from .result.markdown import escaped, table

        rows = [
            (t.place, t.target, t.asked_s, t.silent_until_s, None if t.skipped is None else t.skipped.detail)
            for t in (*self.asked, *(t for t in self.targets if t.place is None))
        ]
        head = ("place", "target", "asked at (s)", "given up at (s)", "note")
        return f"**{escaped(self.route)}**: deadline {self.deadline_s:g} s\n\n{table(head, rows)}"


def explain(
    config: Config,
    route: str | Route | None = None,
    chat: ChatRequest | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
) -> Plan:
    """Make the plan of a streamed call by a new Router, with every target healthy.

    Args:
        route: A route, or the name of a configured one; None: the default.
        chat: What would be asked; None: something that every target can answer.

    Raises:
        ConfigError: There is no such route.
    """
    found = route if isinstance(route, Route) else config.route(route)
    name = route if isinstance(route, str) else "-" if route else "default"
    rng = random.Random(0)  # noqa: S311 - nothing is drawn from it
    record = TargetRecord(config, rng, _tell_no_listener, ())  # every target is well: one record does for all
    generation = Generation(1, config, Memory(lambda _: record), lambda: 0.0, {}, environment)
    route_targets = generation.route_targets(found, None)
    deadline_s = found.deadline_s or config.limits.deadline_s
    return plan(
        route_targets, found, name, chat or PLAIN, deadline_s=deadline_s, reserve_s=config.limits.reserve_s, now_s=0.0
    )


def plan(
    route_targets: Sequence[RouteTarget],
    route: Route,
    name: str,
    chat: ChatRequest,
    *,
    deadline_s: float,
    reserve_s: float,
    now_s: float,
    upstream: Upstream | None = None,
    dialect: str | None = None,
    sticky: str | None = None,
) -> Plan:
    """The plan of a call that these route targets would be asked in.

    Args:
        now_s: The clock that the route targets' health runs on.
        dialect: Targets that speak another one are left out.
        sticky: A conversation's key: its targets keep their order.
    """
    route_targets = planned(route_targets, route.select, chat, sticky)
    of_call = in_call(route_targets, chat, now_s + deadline_s)
    upstream = upstream or route.upstream
    policy = Policy(now_s + deadline_s, reserve_s, route.all_open, DISPOSITIONS, single=upstream == "single")
    course = Course(of_call, policy, Standings(of_call, now_s), random.Random(0))  # noqa: S311 - nothing is drawn from it
    skipped: dict[int, Skipped] = {}
    for index, route_target in enumerate(of_call):
        left_out = None if dialect is None else speaks_otherwise(route_target, dialect)
        if left_out := left_out or _left_out(route_target, chat, stream=upstream == "stream"):
            skipped[index] = Skipped(route_target.label, *left_out, 0.0)
            course.exclude(index, *left_out, now_s)
        elif refusal := route_target.refusal(now_s):
            back_s = None if refusal.until_s is None else refusal.until_s - now_s
            skipped[index] = Skipped(route_target.label, refusal.reason, refusal.detail, 0.0, back_s)
    turns = _turns(course, now_s)
    return Plan(
        route=name,
        targets=tuple(
            _planned(route_target, turns.get(index), skipped.get(index)) for index, route_target in enumerate(of_call)
        ),
        deadline_s=deadline_s,
        reserve_s=reserve_s,
        all_open=route.all_open,
        mid_stream=route.mid_stream,
        upstream=upstream,
        select=route.select,
    )


def _left_out(route_target: CallTarget, chat: ChatRequest, *, stream: bool) -> tuple[SkipReason, str] | None:
    """Reason and detail when the target is of no use for this request, whatever its health."""
    if problem := left_out(route_target, Needs.of(chat)):
        return problem
    endpoint = route_target.live.endpoint(stream=stream, fit=route_target.fit)
    if endpoint is not None:  # a key that comes from a file or a callback is not fetched for a plan
        try:
            route_target.live.provider.build_request(route_target.with_defaults(chat), endpoint)
        except UNASKABLE as why:
            return unaskable(why)
        except ProviderError as why:  # what it signs with cannot be had: a call would fail here, and go on
            return ("no_key" if why.kind is ErrorKind.AUTH else "misconfigured"), why.detail or why.kind.value
    return None


class _Turn(msgspec.Struct, frozen=True):
    """One target's turn, on the course's clock."""

    place: int
    asked_s: float
    silent_until_s: float


def _turns(course: Course, began_s: float) -> dict[int, _Turn]:
    """Run the course with every target silent; return the first turn of each, by its index."""
    turns: dict[int, _Turn] = {}
    now_s = began_s
    step: Step | None = course.next(now_s)
    while True:
        match step:
            case Ask(index, _, first_by_s):
                turns.setdefault(index, _Turn(len(turns) + 1, now_s - began_s, first_by_s - began_s))
                now_s = first_by_s
                step = course.attempt_failed(index, ProviderError(ErrorKind.FIRST_TOKEN_TIMEOUT), now_s)
            case Wait(until_s) if until_s > now_s:
                now_s = until_s
                step = course.next(now_s)
            case _:  # the end, or a wait for a probe that only its own return can end
                return turns


def _planned(route_target: CallTarget, turn: _Turn | None, skipped: Skipped | None) -> PlannedTarget:
    live = route_target.live
    if turn is None and skipped is None and route_target.only_on is not None:
        skipped = Skipped(
            route_target.label, "only_on", f"only after {route_target.only_on.value.replace('_', ' ')}", 0.0
        )
    elif turn is None and skipped is None:
        skipped = Skipped(route_target.label, "deadline", "the deadline leaves it no time", 0.0)
    return PlannedTarget(
        target=route_target.label,
        provider=live.target.provider,
        model=live.model,
        dialect=live.dialect,
        base_url=live.base_url,
        clocks=route_target.clocks,
        attempts_max=route_target.retry.attempts,
        place=turn.place if turn else None,
        asked_s=turn.asked_s if turn else None,
        silent_until_s=turn.silent_until_s if turn else None,
        skipped=skipped,
    )


def _tell_no_listener(change: HealthChanged) -> None:
    """Nothing happens to the targets of a plan."""
