"""The right to one attempt, with all that it holds: the lease of the target's health, its permit and reservations.

Taken all or nothing (`RouteTarget.admit`), and given back exactly once, by `settle`, whatever way the attempt ends.
"""

from typing import Literal, TypeAlias

from ...providers.errors import ErrorKind, ProviderError
from ...providers.opaque import Opaque
from ..health.lease import Lease
from ..result.report import AttemptReport
from ..result.transcript import Transcript
from .bill import Bill

Outcome: TypeAlias = Literal["succeeded", "abandoned"] | ProviderError
"""How an attempt ended: with a whole answer, by its caller's leave, or with a failure."""

_LEFT = ProviderError(ErrorKind.CANCELLED)


class Admission(Opaque):
    """The right to one attempt. Settled exactly once; settling again does nothing.

    Attributes:
        lease: Of the target's health.
        bill: What is held of its limits and budgets, and counted; None: nothing is held.
    """

    lease: Lease
    bill: Bill | None = None
    _open: bool = True

    def settle(
        self,
        outcome: Outcome,
        now_s: float,
        report: AttemptReport | None = None,
        heard: Transcript | None = None,
        *,
        whole: bool = False,
    ) -> None:
        """The attempt is over: tell the target's health, count what was used, give back what was held.

        Whatever raises on the way, the rest is given back.

        Args:
            report: Of the attempt; None: nothing was sent.
            heard: What the target said.
            whole: The end marker of the answer was seen.
        """
        if not self._open:
            return
        self._open = False
        error: ProviderError | None = None
        try:
            if outcome == "succeeded":
                self.lease.succeeded(now_s)
            elif outcome == "abandoned":
                error = _LEFT
                self.lease.abandoned(now_s)
            else:
                error = outcome
                self.lease.failed(error, now_s)
        finally:
            bill = self.bill
            if bill is None:
                pass
            elif report is None or heard is None:
                bill.void(now_s)
            else:
                bill.close(report, heard, error, now_s, whole=whole)
