"""The public view of a target's health: its changes as they come, and its present state. It holds no secret.

Instants are on the event loop's clock (`loop.time()`), as everywhere in the engine; a snapshot also says what the wall
clock shows.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from ...providers.errors import ErrorKind
from ...providers.plain import Plain, as_plain, instant
from ..result.reasons import ChangeReason

HealthState: TypeAlias = Literal["closed", "open", "half_open", "parked", "isolated"]
"""`closed`: it is asked. `open`: its breaker is. `half_open`: one probe is out, after an open breaker or a park.
`parked`: it said that it is to be left alone, or all its keys did. `isolated`: by hand."""


class HealthChanged(Plain, msgspec.Struct, frozen=True):
    """The health of a target, or of one of its several keys, has changed.

    Attributes:
        reason: A word: what opened or parked it (an error kind, or `slow`), `probe` (one was sent), `abandoned` (it
            came back without news), `answered`, `renewed` (its key has changed), `isolated`, `isolation_over`, or
            `restored`.
        until_s: When it may be asked again, if that is known.
        credential: Which of several keys, by its place (`key-2`), was parked or is back; None: the target as a whole.
    """

    target: str
    was: HealthState
    now: HealthState
    reason: ChangeReason
    until_s: float | None
    at_s: float
    credential: str | None = None


class ParkSnapshot(Plain, msgspec.Struct, frozen=True):
    """A park that is not lifted yet. Once its time is up, one probe is due.

    Attributes:
        reason: The error kind that led to it.
        times: How often in a row.
        credential: Which key, by its place (`key-1`); None: the target as a whole.
    """

    reason: ErrorKind
    until_s: float
    times: int
    credential: str | None


class HealthSnapshot(Plain, msgspec.Struct, frozen=True):
    """How a target stands now.

    Attributes:
        reason: What opened or parked it; None while it is sound.
        until_s: When it may be asked again; None: now, or that depends on a probe or a person.
        probing: A probe is in flight.
        share: How much of its share of calls it takes: less than 1 during its slow start.
        failures: Failures since its last answer.
        calls: Calls that ended within the breaker's window.
        failure_ratio: Their share that failed, by weight.
        slow_ratio: Their share that was slow.
        parks: Its own, and those of its keys.
        first_delta_ewma_s: Seconds to the first useful delta: a moving average that follows peaks at once.
        first_delta_p50_s, first_delta_p95_s, first_delta_p99_s: Percentiles of it; None while too few are known.
        tokens_per_s: A moving average of the output tokens a second after the first delta, as fast as they were read.
        retry_tokens: Retries that its budget allows at once.
        at_wall_s: This instant by the wall clock, in epoch seconds.
        spent_day, spent_month: US dollars that calls have cost here within this day and month, UTC; None: it has no
            budget, by which they would be counted.
        budget_day, budget_month: The most that it may cost; None: that is not bounded.
    """

    target: str
    state: HealthState
    reason: ChangeReason | None
    until_s: float | None
    at_s: float
    probing: bool
    share: float
    failures: int
    calls: int
    failure_ratio: float
    slow_ratio: float
    parks: tuple[ParkSnapshot, ...]
    first_delta_ewma_s: float | None
    first_delta_p50_s: float | None
    first_delta_p95_s: float | None
    first_delta_p99_s: float | None
    tokens_per_s: float | None
    retry_tokens: float
    at_wall_s: float = 0.0
    spent_day: float | None = None
    spent_month: float | None = None
    budget_day: float | None = None
    budget_month: float | None = None

    @property
    def until_wall_s(self) -> float | None:
        """When it may be asked again, by the wall clock, in epoch seconds; None: as `until_s`."""
        return None if self.until_s is None else self._wall(self.until_s)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain JSON types; instants also by the wall clock, in UTC."""
        plain: dict[str, Any] = as_plain(self)
        for park in plain["parks"]:
            park["until"] = instant(self._wall(park["until_s"]))
        return plain | {"at": instant(self.at_wall_s), "until": instant(self.until_wall_s)}

    def _wall(self, at_s: float) -> float:
        return self.at_wall_s + at_s - self.at_s


class FileSnapshot(Plain, msgspec.Struct, frozen=True):
    """How the file stands that a Router watches.

    Attributes:
        file: Its path.
        reloads: How often it was read anew and serves.
        refusals: How often it was wrong.
        refused: What is wrong with it as it is now; None: it serves.
        lost: Why it cannot be read any more, so that what was read last serves; None: it can.
        blind: Why the system tells of no changes, so that it is only looked at now and then; None: it tells.
    """

    file: str
    reloads: int
    refusals: int
    refused: str | None
    lost: str | None
    blind: str | None
