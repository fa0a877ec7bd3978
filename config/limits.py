"""The time limits of a call and of its attempts, and the maximum attempts at one target."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .bounds import Bounds
from .field_types import STRICT, Ratio, Seconds, SecondsOrZero
from .held import check


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often one target is asked within one call.

    Attributes:
        attempts: Tries at one target, the first one included.
        backoff_s: The longest wait before the second try; it doubles from try to try. The real wait is drawn between a
            tenth and the whole of this (full jitter), so that calls that failed together do not come back together.
        backoff_max_s: Where the doubling ends: a longer wait would leave no time for another target.
        patience_s: A provider's hint of at most this is waited out by the call that got it, once, and stops no other; a
            longer one parks the target, since another target answers sooner.
        budget_ratio: Retries of a target may be at most this share of its calls, so that an outage is not multiplied.
        budget_floor_per_s: Retries a second that are always allowed, so that a quiet service may retry at all.
    """

    __pydantic_config__: ClassVar = STRICT

    attempts: Annotated[int, Bounds(at_least=1, at_most=10)] = 3
    backoff_s: Seconds = 0.5
    backoff_max_s: Seconds = 8.0
    patience_s: SecondsOrZero = 2.5
    budget_ratio: Ratio = 0.1
    budget_floor_per_s: Annotated[float, Bounds(at_least=0, at_most=1000)] = 1.0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The clocks of an attempt and of a call. A target or a route may set any of them anew.

    Attributes:
        connect_s: Maximum time until a connection stands: DNS, TCP, TLS and proxy together.
        first_delta_s: Maximum time until the first useful delta; pings, comments and role frames do not count, for a
            provider that only pings is not answering.
        stall_s: Maximum time between two useful deltas, while the caller waits for the next one.
        reasoning_first_delta_s: In place of `first_delta_s` for models that think first, and are silent meanwhile.
        reasoning_stall_s: In place of `stall_s` for them.
        tail_s: Maximum wait for usage after the end marker, before the answer is delivered as finished: the text is
            complete, so the caller should not wait long for the bill.
        total_s: Maximum time of one attempt as a whole. None: an answer that flows is never ended.
        deadline_s: Maximum time of a streamed call until its first useful delta is delivered.
        complete_deadline_s: Maximum time of a collected call until its end; longer, because the whole answer must fit.
        reserve_s: The part of the deadline that an attempt keeps free so that one more target can be asked.
    """

    __pydantic_config__: ClassVar = STRICT

    connect_s: Seconds = 5.0
    first_delta_s: Seconds = 10.0
    stall_s: Seconds = 10.0
    reasoning_first_delta_s: Seconds = 60.0
    reasoning_stall_s: Seconds = 60.0
    tail_s: Seconds = 0.25
    total_s: Seconds | None = None
    deadline_s: Seconds = 120.0
    complete_deadline_s: Seconds = 600.0
    reserve_s: Seconds = 3.0

    def __post_init__(self) -> None:
        check(self)
