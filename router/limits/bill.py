"""The bill of one attempt: what is held for it while it runs, and what it has used when it is over, whatever its end.

Usage is what the provider counted. Where it has not, because the attempt was left or broke off, or where what it says
cannot be (`Room`), it is estimated at its upper bound and marked so: how far the provider went on is not known, and a
budget that guessed low would not hold.
"""

from typing import TypeAlias

from msgspec.structs import replace

from ...providers.chat import ChatRequest
from ...providers.errors import ErrorKind, ProviderError
from ...providers.events import Usage
from ...providers.opaque import Opaque
from ...providers.prices import Rates
from ..result.report import AttemptReport, Report
from ..result.transcript import Transcript
from .ledger import Reservation
from .limiter import Permit
from .token_estimate import answer_tokens_max, demand, said
from .usage_bounds import UsageBounds

Counted: TypeAlias = tuple[Usage | None, bool]
"""What a provider has counted last that can be, and whether it has said since what cannot."""

_SILENT = (ErrorKind.FIRST_TOKEN_TIMEOUT, ErrorKind.STALLED)
_NEVER_ARRIVED = (ErrorKind.CONNECT, ErrorKind.DNS, ErrorKind.TLS)


class Bill(Opaque):
    """What is held for one attempt. Closed exactly once; doing it again does nothing.

    Attributes:
        chat: The request, for an estimate.
        answer_max: What its target bounds an answer to where the request does not.
        rates: What the target costs; None: not known.
        total: The report of the call, which sums up.
        permit: What is taken of the target's limits; None: it has none.
        reservations: What is set aside of its budgets.
        room: What its provider's counts may be.
        counted: What its provider has counted, as `counted` tells it. Known once it is closed.
    """

    chat: ChatRequest
    answer_max: int | None
    rates: Rates | None
    total: Report
    permit: Permit | None = None
    reservations: list[Reservation] = []
    room: UsageBounds = UsageBounds()
    counted: Counted = (None, False)
    _open: bool = True

    def void(self, now_s: float) -> None:
        """Nothing was sent."""
        if self._open:
            self._open = False
            self._give_back(Usage(0, 0), 0.0, now_s)

    def close(
        self, attempt: AttemptReport, heard: Transcript, error: ProviderError | None, now_s: float, *, whole: bool
    ) -> None:
        """The attempt is over: put what it has used into its report, and give back what was held.

        Args:
            heard: What it said.
            error: Why it failed, or was left; None: it has finished.
            whole: Its end marker was seen, so that what its provider counted is all.
        """
        if not self._open:
            return
        self._open = False
        used: Usage | None = None
        cost: float | None = None
        try:
            usage, doubtful = self.counted = counted(heard, self.room)
            if error is not None and usage is None and not doubtful and self._is_free(error, heard):
                used, cost, whole = Usage(0, 0), 0.0, False
                return
            if usage is None or doubtful or not whole:
                usage, attempt.estimated = self._estimate(usage, heard), True
            if attempt.estimated:
                usage = replace(usage, cost=None) if usage.cost is not None else usage
            price = usage.cost if self.rates is None else self.rates.price_of(usage)
            used, cost = usage, price or 0.0
            attempt.usage, attempt.cost = usage, price
            self.total.add(attempt)
        finally:  # what could not be counted has used what was held for it
            if self.permit is not None or self.reservations:
                self._give_back(used, cost, now_s, whole=whole)

    def _is_free(self, error: ProviderError, heard: Transcript) -> bool:
        """Is it free? A request that was refused before any answer, or that never arrived, is not billed."""
        unsent = error.local and error.kind not in _SILENT  # our own clock may ring while the provider works
        unsaid = error.kind in _NEVER_ARRIVED or unsent or error.status is not None
        return unsaid and not any(map(said, heard.batches))

    def _estimate(self, counted: Usage | None, heard: Transcript) -> Usage:
        wanted = demand(self.chat, self.answer_max)
        answer = answer_tokens_max(sum(map(said, heard.batches)))
        if wanted.answer_max is not None:
            answer = min(answer, wanted.answer_max)
        if counted is None:
            return replace(wanted.most, output_tokens=answer)
        return replace(counted, output_tokens=max(counted.output_tokens, answer), reasoning_tokens=None)

    def _give_back(self, usage: Usage | None, cost: float | None, now_s: float, *, whole: bool = False) -> None:
        """Give back what was held; None: it is used as was thought."""
        try:
            for reservation in self.reservations:
                reservation.settle(reservation.cost if cost is None else cost)
        finally:
            if self.permit is not None:
                tokens = None if usage is None else usage.input_tokens + usage.output_tokens
                self.permit.release(now_s, tokens, whole=whole)


def counted(heard: Transcript, room: UsageBounds) -> Counted:
    """What the provider has counted last that can be, and whether it has said since what cannot."""
    doubtful = heard.miscounted
    for batch in reversed(heard.batches):
        for event in reversed(batch):
            if type(event) is Usage:
                if room.holds(event):
                    return event, doubtful
                doubtful = True
    return None, doubtful
