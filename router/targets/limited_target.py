"""A route target as one call sees it, where limits or a budget hold: what the call would use, and its place in line.

Most calls need none of this, and keep the plain route targets that all calls share.
"""

from collections.abc import Callable, Sequence

from ...providers.chat import ChatRequest
from ...providers.errors import ErrorKind
from ..failover.steps import MIN_ATTEMPT_S
from ..health.refusal import Refusal
from ..limits.admission import Admission
from ..limits.limiter import Limited
from ..limits.queue import Queue, Ticket
from ..limits.token_estimate import TokenEstimate, demand
from ..result.report import Report
from .route_target import RouteTarget

_USUAL = 90.0
"""Percentile of the recent answers' times that an answer is expected to take: a single slow one is no rule."""


class LimitedRouteTarget(RouteTarget):
    """One target in one call, within its limits and budgets.

    Args:
        wanted: What the request says it will use.
        deadline_s: Of the call, on the loop's clock.
        whole: The whole answer must have come by then, and not only its first useful delta.

    Attributes:
        urgent: The call has delivered a part of the answer: it goes before calls that wait for their first.
    """

    __slots__ = ("_cost_max", "_deadline_s", "_demand", "_ticket", "_whole", "urgent")

    def __init__(self, route_target: RouteTarget, wanted: TokenEstimate, deadline_s: float, *, whole: bool) -> None:
        for name in RouteTarget.__slots__:
            setattr(self, name, getattr(route_target, name))
        if wanted.answer_max is None and self.answer_max is not None:
            wanted = wanted._replace(answer_max=self.answer_max)
        self._demand, self._deadline_s, self._whole = wanted, deadline_s, whole
        self._cost_max = 0.0 if self.live.rates is None else self.live.rates.cost(wanted.most)
        self._ticket: Ticket | None = None
        self.urgent = False

    def refusal(self, now_s: float, fingerprint: Callable[[], bytes] | None = None) -> Refusal | None:
        """Why it may not be asked now; None when it may."""
        return self.live.health.refusal(now_s, fingerprint) or self.limited(now_s)

    def limited(self, now_s: float) -> Limited | None:
        """Return the limit or budget that keeps it from being asked now.

        It sheds calls that could not finish before their deadline, also from the queue: under overload most places
        would else go to calls that are already late.
        """
        refusal = self._refused(now_s)
        if self.urgent or (refusal is None and self._ticket is None) or (refusal is not None and not refusal.queues):
            return refusal
        usual_s = (self.live.limits.answers if self._whole else self.live.latency).percentile_s(_USUAL) or 0.0
        last_s = self._deadline_s - max(usual_s, MIN_ATTEMPT_S)
        turn_s = now_s if refusal is None or refusal.until_s is None else refusal.until_s
        if turn_s >= last_s:
            detail = f"its turn would come too late for an answer, which takes {usual_s:.2g} s"
            return Limited("limit", detail, None, ErrorKind.RATE_LIMITED)
        if refusal is not None and refusal.until_s is None:
            return Limited(refusal.reason, refusal.detail, last_s, queue=refusal.queue)
        return refusal

    def wait_in_line(self, queue: Queue, wake: Callable[[], None]) -> None:
        """Wait for what is full; a place that is held already is kept.

        Args:
            queue: Of the refusal.
        """
        if self._ticket is None or self._ticket.queue is not queue:
            self.leave_line()
            self._ticket = queue.join(wake, self._demand.tokens)

    def leave_line(self) -> None:
        """Wait no more. Idempotent."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.leave()

    def admit(
        self,
        chat: ChatRequest,
        total: Report,
        now_s: float,
        fingerprint: Callable[[], bytes] | None = None,
        *,
        last_resort: bool = False,
    ) -> Admission | Refusal:
        """Take all that one attempt needs, or nothing. Our own limits hold even as a last resort."""
        refusal = self.limited(now_s) if last_resort else self.refusal(now_s, fingerprint)
        if refusal is not None:
            return refusal
        live = self.live
        bill = self.bill(chat, total)
        bill.permit = live.limits.take(live.sizes, self._demand.tokens, now_s)
        try:
            if live.rates is not None:
                for ledger, _ in self.purses:
                    bill.reservations.append(ledger.reserve(self._cost_max))
            self.leave_line()
            return Admission(live.health.admit(now_s), bill)
        except BaseException:
            bill.void(now_s)
            raise

    def _refused(self, now_s: float) -> Limited | None:
        live, ticket = self.live, self._ticket
        queue = live.limits.queue
        refusal = live.limits.refusal(live.sizes, self._demand.tokens, now_s, queue.first if self.urgent else ticket)
        if refusal is not None or live.rates is None:
            return refusal
        for ledger, budgets in self.purses:
            queue = ledger.queue
            refusal = ledger.refusal(budgets, self._cost_max, now_s, queue.first if self.urgent else ticket)
            if refusal is not None:
                return refusal
        return None


def in_call(
    route_targets: Sequence[RouteTarget], chat: ChatRequest, deadline_s: float, *, whole: bool = False
) -> Sequence[RouteTarget]:
    """The route targets as this call sees them: those where something is limited become its own."""
    for route_target in route_targets:
        if route_target.limited_here:
            wanted = demand(chat)
            return [
                LimitedRouteTarget(each, wanted, deadline_s, whole=whole) if each.limited_here else each
                for each in route_targets
            ]
    return route_targets
