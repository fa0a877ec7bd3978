"""Reads the Markdown tables of docs/failover.md, so that the page and the tests cannot say different things."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "failover.md"


def rows(about: str) -> dict[str, tuple[str, ...]]:
    """The rows of the table below the marker `<!-- about: … -->`: the key in their first cell -> the other cells.

    Raises:
        ValueError: There is no such table, or a row has no key, or one that another row has.
    """
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {re.escape(about)}: .*? -->\n(.*?)<!-- end -->", text, re.DOTALL)
    if found is None:
        raise ValueError(f"{PAGE} has no table with the marker <!-- {about}: … --> and <!-- end -->")
    table: dict[str, tuple[str, ...]] = {}
    for line in found[1].splitlines()[2:]:
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        key = re.match(r"`(\w+)`", first)
        if key is None or key[1] in table:
            raise ValueError(f"the row {line!r} begins with no key of its own")
        table[key[1]] = tuple(others)
    return table
