"""What the figures are held against. A target is printed beside its figure, met or not; it is never moved to fit."""

from collections.abc import Iterable

import msgspec

from .clients import BASELINE
from .figures import Figure


class Target(msgspec.Struct, frozen=True):
    """A figure of ours, and the most that it may be.

    Attributes:
        what: The name of the figure.
        client: Whose.
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
    """A target and what was measured. None of `met` and `goal_met`: there is no such bound."""

    target: Target
    measured: float
    met: bool | None
    goal_met: bool | None


IMPORTS = "import aiohttp, tenacity"

TARGETS = (
    *(Target(f"delta c{c}", "understudy", BASELINE, 1.3, 1.1) for c in (1, 8, 32, 256)),
    *(Target(f"delta c{c}", "understudy", "openai", 1 / 15, 1 / 25) for c in (1, 8)),
    Target("paced c32", "understudy", BASELINE, None, 1.15),
    Target("call c32", "understudy", BASELINE, 1.4, 1.2),
    Target("call c32", "understudy-log", BASELINE, None, 1.35),
    *(Target(f"added c32 by {before}", "understudy", None, None, 1.2) for before in ("500", "refused")),
    Target("import", "import understudy", IMPORTS, 1.3, 1.2),
    Target("import memory", "import understudy", IMPORTS, None, 1.15),
    Target("idle stream, more than by hand", "understudy", None, None, 8.0),
)


def verdicts(figures: Iterable[Figure]) -> list[Verdict]:
    """All targets about which something was measured."""
    found = {(figure.what, figure.client): figure for figure in figures}
    said: list[Verdict] = []
    for target in TARGETS:
        figure = found.get((target.what, target.client))
        if figure is None or (target.versus is not None and target.versus not in figure.ratios):
            continue
        measured = (figure.value if target.versus is None else figure.ratios[target.versus]).median
        said.append(Verdict(target, measured, _within(measured, target.at_most), _within(measured, target.goal)))
    return said


def _within(measured: float, bound: float | None) -> bool | None:
    return None if bound is None else measured <= bound
