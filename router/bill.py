"""The bill of one attempt: what is held for it while it runs, and what it has used when it is over, whatever its end.

Usage is what the provider counted. Where it has not, because the attempt was left or broke off, it is estimated at its
upper bound and marked so: nobody knows how far the provider went on, and a budget that guessed low would not hold.
"""

from collections.abc import Sequence

from ..providers.errors import ErrorKind, ProviderError
from ..providers.events import ProviderEvent, Usage
from ..providers.prices import Rates
from .demand import Demand, answer_tokens_max, said
from .limits import Permit
from .report import AttemptReport, Report
from .spend import Reservation

_NEVER_ARRIVED = (ErrorKind.CONNECT, ErrorKind.DNS, ErrorKind.TLS)


class Bill:
    """What is held for one attempt. Closed exactly once; doing it again does nothing.

    Args:
        rates: What the target costs; None: nobody knows.
        total: The report of the call, which sums up.
    """

    __slots__ = ("_demand", "_open", "_permit", "_rates", "_reservations", "_said", "_total", "_usage")

    def __init__(
        self,
        demand: Demand,
        rates: Rates | None,
        permit: Permit,
        reservations: Sequence[Reservation],
        total: Report,
    ) -> None:
        self._demand, self._rates, self._permit, self._reservations = demand, rates, permit, reservations
        self._total = total
        self._said = 0  # bytes of the answer so far
        self._usage: Usage | None = None
        self._open = True

    def saw(self, batch: list[ProviderEvent]) -> None:
        """The answer goes on."""
        self._said += said(batch)
        for event in batch:
            if type(event) is Usage:
                self._usage = event

    def void(self, now_s: float) -> None:
        """Nothing was sent."""
        self._settle(Usage(0, 0), 0.0, now_s)

    def close(self, attempt: AttemptReport, error: ProviderError | None, now_s: float, *, whole: bool) -> None:
        """The attempt is over: put what it has used into its report, and give back what was held.

        Args:
            error: Why it failed, or was left; None: it has finished.
            whole: Its end marker was seen, so that what its provider counted is all.
        """
        if not self._open:
            return
        usage = self._usage
        if error is not None and usage is None and self._is_free(error):
            self._settle(Usage(0, 0), 0.0, now_s)
            return
        if usage is None or not whole:
            usage, attempt.estimated = self._estimate(), True
        attempt.usage = usage
        attempt.cost = None if self._rates is None else self._rates.cost(usage)
        self._total.add(attempt)
        self._settle(usage, attempt.cost or 0.0, now_s, whole=whole)

    def _is_free(self, error: ProviderError) -> bool:
        """Refused before anything was said, or never there: nobody bills that."""
        return not self._said and (error.kind in _NEVER_ARRIVED or error.local or error.status is not None)

    def _estimate(self) -> Usage:
        counted, demand = self._usage, self._demand
        answer = answer_tokens_max(self._said)
        if demand.answer_max is not None:
            answer = min(answer, demand.answer_max)
        if counted is None:
            return Usage(demand.prompt_max, answer)
        return Usage(counted.input_tokens, max(counted.output_tokens, answer), counted.cached_input_tokens)

    def _settle(self, usage: Usage, cost: float, now_s: float, *, whole: bool = False) -> None:
        if self._open:
            self._open = False
            for reservation in self._reservations:
                reservation.settle(cost)
            self._permit.release(now_s, usage.input_tokens + usage.output_tokens, whole=whole)
