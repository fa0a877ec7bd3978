"""The pages under docs/ agree with the code: links lead somewhere, tables and defaults are those of the code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import ROOT
from standby.config import Health, Limits, Retry
from standby.config.route import AllOpen, MidStream
from standby.providers import DISPOSITIONS

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FAILOVER = (ROOT / "docs" / "failover.md").read_text(encoding="utf-8")


def _anchor(heading: str) -> str:
    """As the forges make them of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in _links(page):
        path, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(_anchor, headings), f"{page.name} links to {link}: no such heading"


@pytest.mark.parametrize("index", ["docs/README.md", "docs/decisions/README.md"])
def test_an_index_leads_to_every_page(index: str) -> None:
    page = ROOT / index
    linked = {(page.parent / link.partition("#")[0]).resolve() for link in _links(page)}
    own = {each for each in page.parent.rglob("*.md") if each != page}
    if index == "docs/README.md":  # the decisions have an index of their own
        own -= set((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert own <= linked, f"{index} does not lead to {sorted(each.name for each in own - linked)}"


def table(heading: str) -> dict[str, list[str]]:
    """The first table below a heading or marker: the word in code in the first cell -> the other cells."""
    _, found, rest = FAILOVER.partition(heading)
    assert found, f"docs/failover.md has no {heading!r}"
    lines = re.search(r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", rest, re.MULTILINE)
    assert lines is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1].splitlines()]
    return {re.findall(r"`([^`]+)`", first)[0]: others for first, *others in rows}


RETRY = {
    "never": "–",
    "once": "once",
    "backoff": "with backoff",
    "hint": "by the hint",
    "fresh_connection": "on a fresh connection",
}
ANOTHER = {"yes": "yes", "no": "no", "larger_window": "with a larger window", "one_other": "one, then you are told"}
HEALTH = {0.0: "–", 0.5: "half", 1.0: "counts"}


def test_the_kinds_and_what_follows_them() -> None:
    expected = {
        kind.value: [
            RETRY[row.retry],
            ANOTHER[row.ask_another],
            HEALTH[row.health],
            "yes" if row.parks else "by a long hint" if row.heeds_hint else "–",
            "yes" if row.alert else "–",
        ]
        for kind, row in DISPOSITIONS.items()
    }
    assert {kind: cells[1:] for kind, cells in table("<!-- kinds:").items()} == expected


def test_the_clocks_and_their_defaults() -> None:
    limits = Limits()
    clocks = {
        name: [float(number) for number in re.findall(r"([\d.]+) s", row[0])]
        for name, row in table("## The clocks").items()
    }
    assert clocks == {
        "connect_s": [limits.connect_s],
        "first_delta_s": [limits.first_delta_s, limits.reasoning_first_delta_s],
        "stall_s": [limits.stall_s, limits.reasoning_stall_s],
        "total_s": [],
        "deadline_s": [limits.deadline_s, limits.complete_deadline_s],
    }
    assert limits.total_s is None
    assert f"`reserve_s` ({limits.reserve_s:g} s" in FAILOVER
    assert f"`tail_s` ({limits.tail_s:g} s)" in FAILOVER


def test_the_defaults_of_retries_and_health() -> None:
    retry, health = Retry(), Health()
    assert (retry.attempts, health.failures_in_row, health.failure_ratio, health.window_min_calls) == (3, 5, 0.5, 10)
    for said in (
        f"`patience_s` ({retry.patience_s:g} s)",
        f"between a tenth and the whole of {retry.backoff_s:g} s (`backoff_s`), before the third one of"
        f" {2 * retry.backoff_s:g} s, doubling to at most {retry.backoff_max_s:g} s",
        f"within `open_max_s` ({health.open_max_s:g} s)",
        f"calls within {health.window_s:g} s, open a target's breaker: it is not asked for {health.open_s:g} s",
    ):
        assert said in " ".join(FAILOVER.split()), f"docs/failover.md does not say {said!r}"
    assert (retry.budget_ratio, retry.budget_floor_per_s) == (0.1, 1.0)
    assert {park: re.findall(r"after (\d+) s", row[0]) for park, row in table("### Parks").items()} == {
        "rate_limited": [f"{health.park_rate_limited_s:g}"],
        "overloaded": [],  # by a hint alone
        "auth": [f"{health.park_auth_s:g}"],
        "quota_exhausted": [f"{health.park_quota_s:g}"],
        "not_found": [f"{health.park_not_found_s:g}"],
    }
    assert health.park_max_s == 24 * 3600


def test_the_policies() -> None:
    assert set(table("## After the first token")) == set(MidStream.__args__)
    assert set(table("### When every target is left alone")) == set(AllOpen.__args__)
