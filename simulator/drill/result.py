"""The result of a drill: figures, the health of the targets over time, and a timeline in equal slices."""

import math

import msgspec

SLICES = 120
"""Number of slices of a drill's time: as many as a picture shows well."""


class Stretch(msgspec.Struct):
    """How a target's health stood, and from when to when."""

    target: str
    state: str
    from_s: float
    until_s: float


class Tried(msgspec.Struct, frozen=True):
    """One attempt of a call: when it began in the drill, and whether it answered, failed, or was not needed."""

    target: str
    began_s: float
    outcome: str
    cost: float | None = None


class Drilled(msgspec.Struct):
    """The result of one call of a drill.

    Attributes:
        served_by: The target that answered; None: none did.
        first_delta_s: Time from the beginning of the call to its first useful delta.
        kind: The kind of its failure; None: it did not fail.
    """

    began_s: float
    served_by: str | None
    first_delta_s: float | None
    attempts: list[Tried]
    kind: str | None = None


class Timeline(msgspec.Struct):
    """Counts per slice of time. A call or attempt counts in the slice in which it began; after the last one, in none.

    Attributes:
        slice_s: Duration of a slice.
        served: Number of calls that each target answered.
        failed: Number of attempts that failed at each target.
        unanswered: Number of calls without an answer.
        p50_s: Median time to the first word; None where no call was answered.
        p95_s: 95th percentile of it.
    """

    slice_s: float
    served: dict[str, list[int]]
    failed: dict[str, list[int]]
    unanswered: list[int]
    p50_s: list[float | None]
    p95_s: list[float | None]


class DrillResult(msgspec.Struct):
    """The result of a drill.

    Attributes:
        availability: Share of the calls that were answered.
        first_delta_s: Percentiles of the time to the first useful delta of the answered calls, `p50`, `p95`, `p99`.
        served: Number of calls that each target answered.
        asked: Number of requests that each target got.
        failed: Number of attempts that failed at each target.
        retries: Attempts beyond the first of their calls.
        failures: Number of calls that ended without an answer, by kind.
        health: How each target stood over time.
        cost: What it would have cost, in US dollars, as far as prices are known.
        spend: That by target.
    """

    calls: int
    answered: int
    availability: float
    first_delta_s: dict[str, float]
    served: dict[str, int]
    asked: dict[str, int]
    failed: dict[str, int]
    retries: int
    failures: dict[str, int]
    health: list[Stretch]
    cost: float | None
    spend: dict[str, float]
    for_s: float
    timeline: Timeline
    drilled: list[Drilled]

    def to_dict(self) -> dict[str, object]:
        """Everything but the single calls, as plain JSON types."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        del plain["drilled"]
        return plain

    def left_alone_s(self, target: str) -> float:
        """How long a target was not asked because of its health."""
        closed = ("closed", "half_open")
        mine = [each for each in self.health if each.target == target and each.state not in closed]
        return sum(each.until_s - each.from_s for each in mine)


def summed_up(drilled: list[Drilled], asked: dict[str, int], health: list[Stretch], for_s: float) -> DrillResult:
    """The figures of these calls."""
    waits = sorted(each.first_delta_s for each in drilled if each.kind is None and each.first_delta_s is not None)
    failures: dict[str, int] = {}
    for each in drilled:
        if each.kind is not None:
            failures[each.kind] = failures.get(each.kind, 0) + 1
    spend: dict[str, float] = {}
    for each in drilled:
        for tried in each.attempts:
            if tried.cost is not None:
                spend[tried.target] = spend.get(tried.target, 0.0) + tried.cost
    served, failed = dict.fromkeys(asked, 0), dict.fromkeys(asked, 0)
    for each in drilled:
        if each.served_by is not None:
            served[each.served_by] += 1
        for tried in each.attempts:
            failed[tried.target] += tried.outcome == "failed"
    answered = sum(each.kind is None for each in drilled)
    return DrillResult(
        calls=len(drilled),
        answered=answered,
        availability=answered / len(drilled),
        first_delta_s={f"p{percent}": _percentile(waits, percent) for percent in (50, 95, 99) if waits},
        served=served,
        asked=asked,
        failed=failed,
        retries=sum(max(0, len(each.attempts) - 1) for each in drilled),
        failures=failures,
        health=health,
        cost=math.fsum(spend.values()) if spend else None,
        spend=spend,
        for_s=for_s,
        timeline=_timeline(drilled, list(asked), for_s),
        drilled=drilled,
    )


def _timeline(drilled: list[Drilled], targets: list[str], for_s: float) -> Timeline:
    served = {target: [0] * SLICES for target in targets}
    failed = {target: [0] * SLICES for target in targets}
    unanswered = [0] * SLICES
    waits: list[list[float]] = [[] for _ in range(SLICES)]

    def add(counts: list[int], at_s: float) -> None:
        if at_s < for_s:
            counts[int(at_s * SLICES / for_s)] += 1

    for each in drilled:
        if each.kind is not None:
            add(unanswered, each.began_s)
        elif each.first_delta_s is not None and each.began_s < for_s:
            waits[int(each.began_s * SLICES / for_s)].append(each.first_delta_s)
        for tried in each.attempts:
            if tried.outcome == "failed":
                add(failed[tried.target], tried.began_s)
        if each.served_by is not None:
            add(served[each.served_by], each.attempts[-1].began_s)
    ordered = [sorted(each) for each in waits]
    return Timeline(
        slice_s=for_s / SLICES,
        served=served,
        failed=failed,
        unanswered=unanswered,
        p50_s=[_percentile(each, 50) if each else None for each in ordered],
        p95_s=[_percentile(each, 95) if each else None for each in ordered],
    )


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
