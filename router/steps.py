"""What a call and its course say to each other: who can be asked, what governs the call, and the steps to take."""

from typing import Literal, Protocol, TypeAlias

import msgspec

from ..config.model import AllOpen, MidStream, Retry
from ..providers.capabilities import Capabilities
from ..providers.errors import Disposition, ErrorKind, ProviderError
from .refusal import Refusal
from .returning import ReturnLine

MIN_ATTEMPT_S = 0.02
"""An attempt with less time than this cannot fit: no network answers sooner."""


class Candidate(Protocol):
    """What the core knows of a target."""

    label: str
    dialect: str
    capabilities: Capabilities
    retry: Retry
    only_on: ErrorKind | None  # it is asked only after a failure of this kind

    @property
    def returning(self) -> ReturnLine | None:
        """The line of those who waited for it."""
        ...

    @property
    def first_delta_s(self) -> float:
        """Its clock for the first useful delta."""
        ...

    def refusal(self, now_s: float) -> Refusal | None:
        """Why it may not be asked now."""
        ...

    def may_retry(self, now_s: float) -> bool:
        """Pay for one retry from its budget."""
        ...

    def has_other_credential(self, error: ProviderError, now_s: float) -> bool:
        """After such an error with one of its keys: can it be asked with another at once?"""
        ...

    def may_hedge(self, now_s: float) -> bool:
        """Is it well, and pay for one hedge from its budgets."""
        ...


class Policy(msgspec.Struct, frozen=True):
    """What governs one call.

    Attributes:
        deadline_s: When the call must have committed (a stream) or ended (a collected answer), on the loop's clock.
        reserve_s: What an attempt leaves of the deadline for one more target.
        all_open: What to do when nobody may be asked.
        dispositions: The table of what may follow an error, the route's overrides applied.
        mid_stream: What may follow when a delivered answer breaks off, tried in order.
        resumable: The request can be gone on with in plain text: no structured output, no forced tool.
    """

    deadline_s: float
    reserve_s: float
    all_open: AllOpen
    dispositions: dict[ErrorKind, Disposition]
    mid_stream: tuple[MidStream, ...] = ()
    resumable: bool = True


class Ask(msgspec.Struct, frozen=True):
    """Open an attempt at this target.

    Attributes:
        candidate: The target's place in the call's list.
        why: `first`, `handover`, `return` or `last_resort`, for the report.
        first_by_s: When its first useful delta must have come, on the loop's clock.
        short: It has less time than its own clock would give: silence then says little about the target.
    """

    candidate: int
    why: str
    first_by_s: float
    short: bool


class Wait(msgspec.Struct, frozen=True):
    """Nobody may be asked now.

    Attributes:
        until_s: When to look again at the latest.
        candidate: Whose return is waited for.
        queues: Who is merely full: the call takes its place in their queues, and leaves all others.
    """

    until_s: float
    candidate: int
    queues: tuple[int, ...] = ()


class Resume(msgspec.Struct, frozen=True):
    """The delivered answer broke off: go on with it at this target.

    Attributes:
        policy: How.
        first_by_s: When its first useful delta must have come, on the loop's clock.
    """

    candidate: int
    policy: MidStream
    first_by_s: float


Verdict: TypeAlias = Literal["exhausted", "rejected", "unavailable", "deadline", "interrupted"]


class End(msgspec.Struct, frozen=True):
    """The call is over without an answer.

    Attributes:
        kind: The most useful reason for the caller.
    """

    verdict: Verdict
    kind: ErrorKind


Step: TypeAlias = Ask | Wait | End
