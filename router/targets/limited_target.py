"""A route target as one call sees it, where limits or a budget hold: what the call would use, and its place in line.

Most calls need none of this, and keep the plain route targets that all calls share.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ...config.limits import Retry
from ...providers.capabilities import Capabilities, Fit
from ...providers.chat import ChatRequest
from ...providers.errors import ErrorKind, ProviderError
from ..failover.steps import MIN_ATTEMPT_S
from ..health.refusal import Refusal
from ..health.return_line import ReturnLine
from ..limits.admission import Admission
from ..limits.bill import Bill
from ..limits.limiter import Limited
from ..limits.queue import Queue, Ticket
from ..limits.token_estimate import TokenEstimate, demand
from ..limits.usage_bounds import UsageBounds
from ..result.report import Report
from .clocks import Clocks
from .route_target import RouteTarget

_USUAL = 90.0
"""Percentile of the recent answers' times that an answer is expected to take: a single slow one is no rule."""


class LimitedRouteTarget:
    """One target in one call, within its limits and budgets. All else is as its plain form says, and is asked of it.

    Args:
        wanted: What the request says it will use.
        deadline_s: Of the call, on the loop's clock.
        whole: The whole answer must have come by then, and not only its first useful delta.

    Attributes:
        plain: The route target that all calls share.
        live: Its live target.
        urgent: The call has delivered a part of the answer: it goes before calls that wait for their first.
    """

    __slots__ = ("_cost_max", "_deadline_s", "_demand", "_ticket", "_whole", "live", "plain", "urgent")

    def __init__(self, plain: RouteTarget, wanted: TokenEstimate, deadline_s: float, *, whole: bool) -> None:
        self.plain, self.live = plain, plain.live
        if wanted.answer_max is None and plain.answer_max is not None:
            wanted = wanted._replace(answer_max=plain.answer_max)
        self._demand, self._deadline_s, self._whole = wanted, deadline_s, whole
        self._cost_max = 0.0 if self.live.rates is None else self.live.rates.cost(wanted.most)
        self._ticket: Ticket | None = None
        self.urgent = False

    # What limits it

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
        bill = self.plain.bill(chat, total)
        bill.permit = live.limits.take(live.sizes, self._demand.tokens, now_s)
        try:
            for ledger, _ in self.plain.purses:  # its provider may say what it costs, though no price is known
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
        if refusal is not None or not (live.rates is not None or live.tells_cost):
            return refusal
        for ledger, budgets in self.plain.purses:
            queue = ledger.queue
            refusal = ledger.refusal(budgets, self._cost_max, now_s, queue.first if self.urgent else ticket)
            if refusal is not None:
                return refusal
        return None

    def try_pay_hedge(self, now_s: float) -> bool:
        """Pay for one hedge, if it may be asked now: from the route's budget of hedges and the target's extra calls."""
        return self.refusal(now_s) is None and self.plain.try_pay_hedge(now_s)

    # What its plain form says

    @property
    def label(self) -> str:
        """What reports and logs call it."""
        return self.plain.label

    @property
    def capabilities(self) -> Capabilities:
        """What its model can do."""
        return self.plain.capabilities

    @property
    def outside(self) -> str | None:
        """Why it is outside the bounds of the route, or of the call; None: it is within."""
        return self.plain.outside

    @property
    def fit(self) -> Fit:
        """How a request is made fit."""
        return self.plain.fit

    @property
    def retry(self) -> Retry:
        """How it is tried again."""
        return self.plain.retry

    @property
    def clocks(self) -> Clocks:
        """Those that hold for this call."""
        return self.plain.clocks

    @property
    def standing_clocks(self) -> Clocks:
        """Those that would hold if the call had set none."""
        return self.plain.standing_clocks

    @property
    def first_delta_s(self) -> float:
        """Its clock for the first useful delta."""
        return self.plain.first_delta_s

    @property
    def first_delta_held(self) -> bool:
        """That clock was set for this target or this call."""
        return self.plain.first_delta_held

    @property
    def only_on(self) -> ErrorKind | None:
        """It is asked only after a failure of this kind."""
        return self.plain.only_on

    @property
    def plain_tokens(self) -> float:
        """A request of text alone is answered here if it has no more tokens than this."""
        return self.plain.plain_tokens

    @property
    def takes_any(self) -> bool:
        """No request has to be left out here, as far as is known."""
        return self.plain.takes_any

    @property
    def takes_prefill(self) -> bool:
        """Does it go on from a prefill, as far as is known?"""
        return self.plain.takes_prefill

    @property
    def returning(self) -> ReturnLine | None:
        """The line of the calls that waited for its return; None: it is not just back."""
        return self.plain.returning

    def failed_in_row(self, now_s: float) -> int:
        """How many calls have failed here since the last answer."""
        return self.plain.failed_in_row(now_s)

    def try_pay_retry(self, now_s: float) -> bool:
        """Pay for one retry from its budget, if there is enough."""
        return self.plain.try_pay_retry(now_s)

    def has_other_credential(self, error: ProviderError, now_s: float) -> bool:
        """After such an error with one of its keys: can it be asked with another at once?"""
        return self.plain.has_other_credential(error, now_s)

    def credit_hedge(self) -> None:
        """It is asked by a call whose route hedges: that earns a share of a hedge."""
        self.plain.credit_hedge()

    def hedge_after_s(self, *, stream: bool) -> float | None:
        """After how long a silence a second target is asked beside it; None: never, or not enough is known yet."""
        return self.plain.hedge_after_s(stream=stream)

    def give_up(self, error: ProviderError, now_s: float) -> None:
        """A call that failed here, with this error last, does not try here again for now."""
        self.plain.give_up(error, now_s)

    def bill(self, chat: ChatRequest, total: Report) -> Bill:
        """The bill of one attempt here, with nothing held for it yet."""
        return self.plain.bill(chat, total)

    def room(self, chat: ChatRequest) -> UsageBounds:
        """What its provider may say that this request has used."""
        return self.plain.room(chat)

    def with_defaults(self, chat: ChatRequest) -> ChatRequest:
        """The request with the target's and the route's parameters where the caller left them open."""
        return self.plain.with_defaults(chat)


CallTarget: TypeAlias = RouteTarget | LimitedRouteTarget
"""A target as one call sees it."""


def in_call(
    route_targets: Sequence[RouteTarget], chat: ChatRequest, deadline_s: float, *, whole: bool = False
) -> Sequence[CallTarget]:
    """The route targets as this call sees them: those where something is limited become its own."""
    for route_target in route_targets:
        if route_target.limited_always or route_target.live.limits.told:
            wanted = demand(chat)
            return [
                LimitedRouteTarget(each, wanted, deadline_s, whole=whole)
                if each.limited_always or each.live.limits.told
                else each
                for each in route_targets
            ]
    return route_targets
