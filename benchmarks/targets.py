"""Targets for the figures. A target is printed beside its figure, met or not; it is never moved to fit."""

from collections.abc import Iterable

import msgspec

from .clients import BASELINE
from .figures import Figure, Unit
from .growth import GROWTH_MAX, STEP_MAX_MS, TIMES


class Target(msgspec.Struct, frozen=True):
    """A figure of ours, and the most that it may be.

    Attributes:
        what: The name of the figure.
        client: The client that it holds for.
        versus: A ratio to this client; None: the figure itself.
        at_most: What holds today, and must go on holding.
        goal: Where it is to come.
    """

    what: str
    client: str
    versus: str | None
    at_most: float | None
    goal: float | None


class Verdict(msgspec.Struct, frozen=True):
    """A target and what was measured, in a unit or as a ratio. None of `met` and `goal_met`: there is no such bound."""

    target: Target
    measured: float
    unit: Unit | None
    met: bool | None
    goal_met: bool | None


GATEWAY = "standby-gateway"
LEFT = ("in mid-stream", "before the first delta", "a call")
IMPORTS = "import aiohttp, tenacity"

TARGETS = (
    *(Target(f"delta c{c}", "standby", BASELINE, 1.3, 1.1) for c in (1, 8, 32, 256)),
    *(Target(f"delta c{c}", "standby", "openai", 1 / 15, 1 / 25) for c in (1, 8)),
    *(Target(what, "standby", "standby-before", 1.1, 1.03) for what in ("delta c8", "call c32")),
    Target("delta c8", "standby-full", "standby", 1.1, None),
    *(Target(f"delta c{c}", "standby", "litellm", None, 1 / 80) for c in (1, 8)),
    *(Target(f"delta c{c}", "standby", "tensorzero", None, 1 / 15) for c in (1, 8)),
    Target("paced c32", "standby", BASELINE, None, 1.15),
    Target("paced c32", "standby", "openai", None, 1 / 5),
    Target("paced c32", "standby", "litellm", None, 1 / 15),
    Target("paced c32", "standby", "tensorzero", None, 1 / 4),
    Target("call c32", "standby", BASELINE, 1.4, 1.2),
    Target("call c32", "standby-log", BASELINE, None, 1.35),
    Target("call c32", "standby", "tensorzero", None, 1.0),
    *(Target("call c32", "standby", peer, None, 1 / 5) for peer in ("openai", "pydantic-ai", "langchain")),
    Target("call c32", "standby", "litellm", None, 1 / 30),
    *(Target(f"added c32 by {before}, more than by hand", "standby", None, None, 1.2) for before in ("500", "refused")),
    *(Target(f"fail-over c32 by {before}", "standby", "litellm", None, 1 / 45) for before in ("500", "refused")),
    *(Target(f"fail-over c32 by {before}", "standby", "pydantic-ai", None, 1 / 5) for before in ("500", "refused")),
    *(
        Target(f"fail-over time c1 by {before}, more than by hand", "standby", None, None, 0.3)
        for before in ("500", "refused")
    ),
    Target("idle stream, more than by hand", "standby", None, None, 8.0),
    Target("idle stream, TLS, more than by hand", "standby", None, None, 8.0),
    Target("stalled stream, of 1,000", "standby", None, 512.0, 128.0),
    Target("stalled stream, 4 s later", "standby", None, None, 1.0),
    *(
        Target(f"drift of a {what}{beside}", "standby", None, None, 15.0)
        for beside in (", to by hand", "")
        for what in (
            "call, 1 to 20 targets",
            "delta, 1 to 20 targets",
            "call beside 1 to 1,000 streams",
            "delta, 1 to 1,000 streams",
            "call, 1 to 100,000",
        )
    ),
    Target("import", "import standby", IMPORTS, 1.3, 1.2),
    Target("import memory", "import standby", IMPORTS, None, 1.15),
    Target("loaded by a first failure", "standby", None, None, 0.0),
    Target("Router of 20 targets from YAML", "standby", None, None, 50.0),
    Target("peak memory c256", "standby", BASELINE, None, 1.3),
    Target("call c32", GATEWAY, "tensorzero-http", None, 1.0),
    Target("call c32", GATEWAY, "nginx", None, 7.0),
    Target("call c32", GATEWAY, "litellm-proxy", None, 1 / 70),
    Target("paced c32", GATEWAY, "tensorzero-http", None, 0.9),
    Target("paced c32", GATEWAY, "litellm-proxy", None, 1 / 14),
    *(Target(f"delta c8{more}", GATEWAY, "tensorzero-http", None, 1 / 8) for more in ("", ", 32 a write")),
    Target("first byte added", GATEWAY, None, None, 0.3),
    Target("end of a stream later, the latest", GATEWAY, None, None, 1.0),
    Target("memory of a stream, of 1,000", GATEWAY, None, None, 40.0),
    *(Target(f"upstream closed after its client left {when}", GATEWAY, None, None, 30.0) for when in LEFT),
    Target("time of a call, 256 at a time on all cores", f"{GATEWAY}-2", GATEWAY, None, 1 / 1.6),
    Target("anything, longest step for 64 KiB", "standby", None, STEP_MAX_MS, None),
    Target("anything, 8 times as much", "standby", None, float(GROWTH_MAX), 1.5 * TIMES),
    *(Target(f"{what} c256, p99.9", "standby", None, None, 5.0) for what in ("timer late", "step of the loop")),
)


def verdicts(figures: Iterable[Figure]) -> list[Verdict]:
    """All targets about which something was measured."""
    found = {(figure.what, figure.client): figure for figure in figures}
    said: list[Verdict] = []
    for target in TARGETS:
        figure = found.get((target.what, target.client))
        if figure is None or (target.versus is not None and target.versus not in figure.ratios):
            continue
        measured = _measured(figure, target.versus)
        unit = figure.unit if target.versus is None else None
        said.append(Verdict(target, measured, unit, _within(measured, target.at_most), _within(measured, target.goal)))
    return said


def _measured(figure: Figure, versus: str | None) -> float:
    """Of a drift, the end of its interval that lies farther from none: that one, too, has to be within the bound."""
    if versus is not None:
        return figure.ratios[versus].median
    if figure.unit == "%":
        return max(abs(figure.value.low), abs(figure.value.high))
    return figure.value.median


def _within(measured: float, bound: float | None) -> bool | None:
    return None if bound is None else measured <= bound
