"""`standby check --live`: ask each target for a word, with its own key. Will the spare answer when it is needed?"""

import asyncio
from typing import NamedTuple

from rich.text import Text

from ..config import Config
from ..providers.errors import ErrorKind
from ..router import CallFailed, Router
from .render import Cell, console, seconds, show_table

QUESTION = "Answer with the one word: yes."
TOKENS_MAX = 16
"""Some providers refuse a smaller maximum."""

WAIT_S = 30.0


class Probed(NamedTuple):
    """What a target has done.

    Attributes:
        took_s: Until its whole answer, or its failure; None: nothing was sent.
        told: What happened, in words.
    """

    target: str
    answers: bool
    took_s: float | None
    told: str


def probe(config: Config) -> list[Probed]:
    """Ask every target of a configuration, all at once."""
    return asyncio.run(_probe_all(config))


async def _probe_all(config: Config) -> list[Probed]:
    async with Router(config) as router:
        return list(await asyncio.gather(*(_probe(router, name) for name in config.targets)))


async def _probe(router: Router, name: str) -> Probed:
    try:
        answer = await router.complete(QUESTION, targets=[name], max_tokens=TOKENS_MAX, deadline_s=WAIT_S)
    except CallFailed as failure:
        report = failure.report
        if report.attempts and report.attempts[-1].kind is ErrorKind.EMPTY:
            return Probed(name, True, report.ended_s, f"answers, but {TOKENS_MAX} tokens were not enough for a word")
        told = "; ".join(line.partition(": ")[2] for line in report.lines()) or str(failure)
        return Probed(name, False, report.ended_s if report.attempts else None, told)
    return Probed(name, True, answer.report.ended_s, f"answered, by {answer.model}")


def show_probed(found: list[Probed]) -> None:
    """Print what was found, a row each."""
    rows: list[list[Cell]] = [
        [
            Text("✓" if each.answers else "✗", style="green" if each.answers else "red"),
            Text(each.target, style="bold"),
            seconds(each.took_s),
            each.told,
        ]
        for each in found
    ]
    show_table(console(), ["", "target", "after", "what it did"], rows, right=["after"])
