"""Code sends its readers only to pages and sections that exist."""

import ast
import re

from sources import ROOT, kept_files

PAGE = re.compile(r"\bdocs/[\w/-]+\.md(?:#([\w-]+))?")
ABROAD = re.compile(r"\b(?:DESIGN|STYLE|HOUSE|GATEWAY|FLEET|RELIABILITY)(?:\.md)?\b")
"""Notes that are not in the tree, as prose would name them."""


def anchors(page: str) -> set[str]:
    """The sections of a page, as links name them."""
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_every_page_and_section_named_in_code_exists() -> None:
    lost = []
    for path in kept_files():
        if path.suffix != ".py" or path.relative_to(ROOT).parts[0] == "tests":
            continue
        for named in PAGE.finditer(path.read_text(encoding="utf-8")):
            page = ROOT / named[0].partition("#")[0]
            if not page.is_file() or (named[1] and named[1] not in anchors(page.read_text(encoding="utf-8"))):
                lost.append(f"{path.relative_to(ROOT)}: {named[0]}")
    assert not lost, f"no such page or section: {lost}"


def test_no_text_in_code_points_to_a_note_outside_of_the_tree() -> None:
    lost = []
    for path in kept_files():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] != "tests":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            prose = [each for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            lost += [f"{path.relative_to(ROOT)}:{each.lineno}" for each in prose if ABROAD.search(str(each.value))]
    assert not lost, f"these name what no reader of the tree has: {lost}"


def test_the_test_sees_what_it_forbids() -> None:
    assert ABROAD.search("The whole table of DESIGN: one row a kind.")
    assert anchors("# A page\n\n## The table\n") == {"a-page", "the-table"}
    assert [named[1] for named in PAGE.finditer("see docs/failover.md#the-table and docs/cli.md")] == [
        "the-table",
        None,
    ]
