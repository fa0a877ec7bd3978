"""What happened in a call, a line each."""

from collections.abc import Iterator
from itertools import groupby

from ..router.result.report import AttemptReport, Report


def failed_lines(report: Report, *, but: str | None = None) -> list[str]:
    """The failed attempts, but those at one target."""
    return list(_lines([each for each in report.attempts if each.outcome == "failed" and each.target != but]))


def all_lines(report: Report) -> list[str]:
    """The attempts, and the targets that were not asked."""
    return [*_lines(report.attempts), *(skip.line() for skip in report.skipped)]


def _lines(attempts: list[AttemptReport]) -> Iterator[str]:
    """Attempts that follow upon each other and ended alike share a line, which tells how many they are."""
    for _, alike in groupby(attempts, _how_it_ended):
        first, *others = alike
        yield first.line() + (f" (\N{MULTIPLICATION SIGN}{len(others) + 1})" if others else "")


def _how_it_ended(attempt: AttemptReport) -> tuple[object, ...]:
    return attempt.target, attempt.outcome, attempt.kind, attempt.status, attempt.native_code, attempt.detail
