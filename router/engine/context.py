"""The state that all parts of one call share: the request, the route targets, the course and the report."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...config.errors import ConfigError
from ...config.route import Route
from ...providers.chat import ChatRequest
from ...providers.opaque import Opaque
from ..failover.course import Course
from ..failover.mid_stream import resumable
from ..failover.standings import Standings
from ..failover.steps import Policy, fair_part_s
from ..health.doubts import CallFailures
from ..health.fingerprint import Fingerprint
from ..result.answer_form import AnswerForm
from ..result.report import Report
from ..targets.generation import Generation
from ..targets.limited_target import CallTarget, in_call
from ..targets.live_target import LiveTarget
from ..targets.route_target import RouteTarget
from ..targets.selection import ordered
from .options import ParsedOptions
from .shared import Shared


class CallContext(Opaque):
    """The facts of one call; nothing here changes but the course, the report and the failures.

    Attributes:
        began_s, deadline_s: On the loop's clock. The deadline is of the commit, or for a whole answer of the end.
        whole: Nothing is handed over before the end.
        single: One JSON body is asked for instead of a stream.
        fingerprint: Of the request.
        failed: What has failed in it; None: nothing.
        brought: The targets that it has brought along itself.
        headers: To be added to its requests, by dialect or provider.
        dialect: Targets that speak another one are left out; None: none are.
        form: Reads the answer as an object of a class; None: it stays a text.
        parsed: The object that the whole answer has become.
        repaired: A target was asked once more, because its answer did not fit.
    """

    shared: Shared
    generation: Generation
    loop: asyncio.AbstractEventLoop
    chat: ChatRequest
    route: Route
    route_targets: Sequence[CallTarget]
    course: Course
    report: Report
    began_s: float
    deadline_s: float
    whole: bool
    single: bool
    fingerprint: Callable[[], bytes]
    failed: CallFailures | None = None
    brought: tuple[LiveTarget, ...] = ()
    headers: Mapping[str, object] | None = None
    dialect: str | None = None
    form: AnswerForm | None = None
    parsed: Any = None
    repaired: bool = False

    @property
    def failures(self) -> CallFailures:
        """What has failed in it, made when an attempt does."""
        if self.failed is None:
            self.failed = CallFailures(self.fingerprint, self.began_s)
        return self.failed

    def since_s(self) -> float:
        """Seconds since the call began."""
        return self.loop.time() - self.began_s


def in_context(shared: Shared, generation: Generation, what: ParsedOptions, *, whole: bool) -> CallContext:
    """The context of a call that begins now."""
    loop, chat, route = shared.loop, what.chat, what.route
    limits = generation.config.limits
    standing_s = route.deadline_s or (limits.complete_deadline_s if whole else limits.deadline_s)
    deadline_s = what.deadline_s or standing_s
    began_s = loop.time()
    by_s = began_s + deadline_s
    known = generation.route_targets(route, what.key, what.clocks, what.spends, what.boundary)
    if known[0].live.flaw:
        _refuse_if_all_are_misconfigured(known)
    order = ordered(known, route.select, chat, what.sticky, began_s, shared.rng)
    route_targets = in_call(order, chat, by_s, whole=whole)
    single = (what.upstream or route.upstream) == "single"
    policy = Policy(
        by_s,
        limits.reserve_s,
        route.all_open,
        generation.dispositions(route),
        route.mid_stream,
        resumable(chat),
        single,
        fair_part_s(deadline_s, standing_s),
    )
    fingerprint = Fingerprint(chat)
    standings = Standings(route_targets, began_s, fingerprint)
    brought = () if what.key else tuple(dict.fromkeys(route_target.live for route_target in known))
    report = Report(shared.call_id(), what.shown, [], skipped=standings.skipped, began_wall_s=shared.wall())
    return CallContext(
        shared,
        generation,
        loop,
        chat,
        route,
        route_targets,
        Course(route_targets, policy, standings, shared.rng),
        report,
        began_s,
        by_s,
        whole,
        single,
        fingerprint,
        brought=brought,
        headers=what.headers,
        dialect=what.dialect,
        form=what.form,
    )


def _refuse_if_all_are_misconfigured(route_targets: Sequence[RouteTarget]) -> None:
    """One target that cannot be made is passed over; when all cannot, the call has nothing that it could ask.

    Raises:
        ConfigError: All cannot.
    """
    flaws = [route_target.live.flaw for route_target in route_targets]
    if all(flaw is not None and flaw[0] == "misconfigured" for flaw in flaws):
        raise ConfigError(
            "; ".join(f"target {s.label}: {f[1]}" for s, f in zip(route_targets, flaws, strict=True) if f)
        )
