"""Write the last results into README.md here, and the picture of them beside it.

    python -m benchmarks.page            from all of benchmarks/results/*.json
    make bench ARGS="--memory --json benchmarks/results/memory.json"     renews one of these

Nothing is said in the tables that is not in the files: a test holds the page to them.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from .figures import Figure
from .growth import PAGE as GUARANTEES
from .growth import with_growth
from .picture import picture
from .report import Report
from .table import FIGURE_HEAD, VERDICT_HEAD, Row, figure_rows, verdict_rows

HERE = Path(__file__).resolve().parent
RESULTS, PAGE, PICTURE = HERE / "results", HERE / "README.md", HERE / "results.svg"
ORDER = ("quick", "engine", "peers", "gateway", "latency", "start", "memory", "slopes", "lag", "growth")
_PLACE = re.compile(r"(<!-- results: .*? -->\n).*?(<!-- /results -->)", re.DOTALL)


def reports() -> list[Report]:
    """All that are kept, in their order."""
    files = sorted(RESULTS.glob("*.json"), key=lambda file: (*ORDER, file.stem).index(file.stem))
    return [msgspec.json.decode(file.read_bytes(), type=Report) for file in files]


def with_results(text: str, found: Sequence[Report]) -> str:
    """The page with these results in their place."""
    made = "\n\n".join([_verdicts(found), *map(_section, found)])
    return _PLACE.sub(lambda place: f"{place[1]}{made}\n{place[2]}", text)


def drawn(found: Iterable[Report]) -> str:
    """The picture, of the first run that has peers."""
    return picture(next(report.result.figures for report in found if "--peers" in report.command))


def grown(found: Iterable[Report]) -> list[Figure]:
    """The figures of the run that has measured growth."""
    return next(report.result.figures for report in found if "--growth" in report.command)


def _verdicts(found: Iterable[Report]) -> str:
    rows = [row for report in found for row in verdict_rows(report.verdicts)]
    return f"### Beside the targets\n\n{_table(VERDICT_HEAD, rows)}"


def _section(report: Report) -> str:
    remarks = "".join(f"\n* {remark}" for remark in report.remarks)
    rows = figure_rows(report.result.figures, report.result.reads)
    summary = f"<summary>All figures of <code>{report.command}</code></summary>"
    table = f"<details>\n{summary}\n\n{_table(FIGURE_HEAD, rows)}\n\n</details>"
    return f"### `{report.command}`, {report.date}\n\n* {report.machine}{remarks}\n\n{table}"


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Write both."""
    found = reports()
    PAGE.write_text(with_results(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    PICTURE.write_text(drawn(found), encoding="utf-8")
    GUARANTEES.write_text(with_growth(GUARANTEES.read_text(encoding="utf-8"), grown(found)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
