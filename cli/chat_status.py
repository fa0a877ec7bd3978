"""`/report` and `/health` of `standby chat`: the report of the last call, and the health of the targets."""

from collections.abc import Sequence

from rich.console import Console

from ..router import AttemptReport, HealthSnapshot, Report
from .render import NONE, Cell, safe, seconds, show_table


def show_report(out: Console, report: Report | None) -> None:
    """Show each attempt of the last call; times count from the question."""
    if report is None:
        out.print("Nothing has been asked yet.")
        return
    if report.attempts:
        columns = ("#", "target", "why", "what happened", "asked at", "first word", "ended")
        rows = [_attempt(number, attempt) for number, attempt in enumerate(report.attempts, 1)]
        show_table(out, columns, rows, right=("asked at", "first word", "ended"))
    for skip in report.skipped:
        out.print(safe(skip.line()), soft_wrap=True)
    for wait in report.waits:
        out.print(f"waited {wait.for_s:.2f} s ({wait.reason})" + (f" for {wait.target}" if wait.target else ""))
    for each in report.switches:
        out.print(f"{each.source} broke off after {each.at_chars} characters; {each.target} went on ({each.policy})")
    out.print(_outcome(report))


def _attempt(number: int, attempt: AttemptReport) -> list[Cell]:
    return [
        str(number),
        attempt.target,
        attempt.why.replace("_", " "),
        safe(_what_happened(attempt)),
        seconds(attempt.began_s),
        seconds(attempt.first_delta_s),
        seconds(attempt.ended_s),
    ]


def _what_happened(attempt: AttemptReport) -> str:
    if attempt.outcome != "failed" or attempt.kind is None:
        said = {"finished": "answered", "cancelled": "stopped"}.get(attempt.outcome, attempt.outcome)
        return f"{said}: {attempt.detail}" if attempt.detail else said
    facts = [str(fact) for fact in (attempt.status, attempt.native_code) if fact is not None]
    shown = f" ({', '.join(dict.fromkeys(facts))})" if facts else ""
    return f"{attempt.kind.value.replace('_', ' ')}{shown}" + (f": {attempt.detail}" if attempt.detail else "")


def _outcome(report: Report) -> str:
    took = "" if report.ended_s is None else f" after {report.ended_s:.2f} s"
    said = {"finished": f"answered by {report.target}", "cancelled": "stopped by you"}.get(report.outcome)
    if said is None:
        said = report.outcome if report.kind is None else f"{report.outcome}: {report.kind.value.replace('_', ' ')}"
    usage = report.usage
    tokens = "" if usage is None else f"; {usage.input_tokens} tokens read, {usage.output_tokens} written"
    return safe(f"{said}{took}{tokens}")


def show_health(out: Console, snapshots: Sequence[HealthSnapshot]) -> None:
    """Show the health of each target now."""
    columns = ("target", "state", "back in", "failures", "calls", "failed", "first word", "tokens/s")
    show_table(out, columns, [_standing(each) for each in snapshots], right=columns[2:])


def _standing(each: HealthSnapshot) -> list[Cell]:
    reason = f" ({each.reason.replace('_', ' ')})" if each.reason not in (None, each.state) else ""
    return [
        each.target,
        each.state.replace("_", " ") + reason,
        NONE if each.until_s is None else seconds(max(0.0, each.until_s - each.at_s)),
        str(each.failures),
        str(each.calls),
        f"{each.failure_ratio:.0%}",
        seconds(each.first_delta_ewma_s),
        NONE if each.tokens_per_s is None else f"{each.tokens_per_s:.0f}",
    ]
