"""The interface between a call and its course: the candidates, the policy of the call, and the steps to take."""

import math
from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias, TypeGuard

import msgspec

from ...config.limits import Retry
from ...config.route import AllOpen, MidStream
from ...providers.capabilities import Capabilities
from ...providers.errors import Disposition, ErrorKind, ProviderError
from ..health.refusal import Refusal
from ..health.return_line import ReturnLine
from ..limits.queue import Queue
from ..result.reasons import AttemptReason, WaitReason

MIN_ATTEMPT_S = 0.02
"""An attempt with less time than this cannot fit: no network answers sooner."""
FAIR_PART = 0.45
"""Of the deadline. A call's first target has at least half of it, whatever the reserve; the rest of that half is for
what a busy loop takes from the call's beginning to its first attempt."""

Cut: TypeAlias = Literal["no", "fair", "short"]
"""What the deadline leaves an attempt: all that its own clock gives; less, but a fair part of the deadline, so that
silence is the target's failure all the same; or less than that, so that silence says little about the target."""


class Candidate(Protocol):
    """What the core knows of a target."""

    @property
    def label(self) -> str:
        """What reports and logs call it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What its model can do."""
        ...

    @property
    def retry(self) -> Retry:
        """How it is tried again."""
        ...

    @property
    def only_on(self) -> ErrorKind | None:
        """It is asked only after a failure of this kind."""
        ...

    @property
    def takes_prefill(self) -> bool:
        """Does it go on from a prefill, as far as is known?"""
        ...

    @property
    def returning(self) -> ReturnLine | None:
        """The line of the calls that waited for its return."""
        ...

    @property
    def first_delta_s(self) -> float:
        """Its clock for the first useful delta."""
        ...

    @property
    def first_delta_held(self) -> bool:
        """That clock was set for this target or this call: the last target has no more time than it gives, either."""
        ...

    def refusal(self, now_s: float, fingerprint: Callable[[], bytes] | None = None) -> Refusal | None:
        """Why it may not be asked now, by a call with such a request; None: of any."""
        ...

    def failed_in_row(self, now_s: float) -> int:
        """How many calls have failed here since the last answer, the present one included."""
        ...

    def try_pay_retry(self, now_s: float) -> bool:
        """Pay for one retry from its budget, if there is enough."""
        ...

    def has_other_credential(self, error: ProviderError, now_s: float) -> bool:
        """After such an error with one of its keys: can it be asked with another at once?"""
        ...

    def try_pay_hedge(self, now_s: float) -> bool:
        """Pay for one hedge from its budgets, if it is well and there is enough."""
        ...

    def give_up(self, error: ProviderError, now_s: float) -> None:
        """A call that failed here, with this error last, does not try here again for now."""
        ...


class Policy(msgspec.Struct, frozen=True):
    """What governs one call.

    Attributes:
        deadline_s: When the call must have committed (a stream) or ended (a collected answer), on the loop's clock.
        reserve_s: What an attempt leaves of the deadline for one more target.
        all_open: What to do when no target may be asked.
        dispositions: The table of what may follow an error, the route's overrides applied.
        mid_stream: What may follow when a delivered answer breaks off, tried in order.
        resumable: The request can be gone on with in plain text: no structured output, no forced tool.
        single: One JSON body is asked for: nothing of it comes before its end, so that the clock for the first useful
            delta does not run.
        fair_s: So much is a fair part of the deadline; never reached where only the call's own deadline is so short.
    """

    deadline_s: float
    reserve_s: float
    all_open: AllOpen
    dispositions: dict[ErrorKind, Disposition]
    mid_stream: tuple[MidStream, ...] = ()
    resumable: bool = True
    single: bool = False
    fair_s: float = math.inf


class Ask(msgspec.Struct, frozen=True):
    """Open an attempt at this target.

    Attributes:
        target_index: Of the target, in the call's list.
        why: For the report.
        first_by_s: When its first useful delta must have come, on the loop's clock.
        cut: What the deadline leaves of the time that its own clock would give.
        not_before_s: When it begins at the earliest.
        wait: What it waits for until then; None: it begins at once.
    """

    target_index: int
    why: AttemptReason
    first_by_s: float
    cut: Cut
    not_before_s: float = 0.0
    wait: WaitReason | None = None


class Wait(msgspec.Struct, frozen=True):
    """No target may be asked now.

    Attributes:
        until_s: When to look again at the latest.
        target_index: Of the target that is waited for.
        wait: What is waited for: its return, a place with it, or the end of its hint.
        queues: Of those that are merely full, by index: the call takes its place there, and leaves all others.
    """

    until_s: float
    target_index: int
    wait: WaitReason
    queues: Mapping[int, Queue] = {}


class Resume(msgspec.Struct, frozen=True):
    """The delivered answer broke off: go on with it at this target.

    Attributes:
        target_index: Of the target, in the call's list.
        policy: How.
        first_by_s: When its first useful delta must have come, on the loop's clock.
        not_before_s: When it begins at the earliest: the target has given this call a short hint.
    """

    target_index: int
    policy: MidStream
    first_by_s: float
    not_before_s: float


Verdict: TypeAlias = Literal["exhausted", "rejected", "unavailable", "deadline", "interrupted"]


class End(msgspec.Struct, frozen=True):
    """The call is over without an answer.

    Attributes:
        kind: The most useful reason for the caller.
    """

    verdict: Verdict
    kind: ErrorKind


Step: TypeAlias = Ask | Wait | End


def fair_part_s(deadline_s: float, standing_s: float) -> float:
    """For how long a target that the deadline cuts must have been silent, for the silence to be its failure.

    An attempt that is late in its call, since earlier ones took most of the deadline, has less, and is not blamed.

    Args:
        deadline_s: Of the call.
        standing_s: That of the route, or the default: of all calls that set none.

    Returns:
        Infinity where the call alone has set so short a deadline.
    """
    return standing_s * FAIR_PART if deadline_s >= standing_s else math.inf


def wants_retry(step: object) -> TypeGuard[Ask]:
    """Is this a step to try again at the target that was asked before it?"""
    return type(step) is Ask and step.why == "retry"
