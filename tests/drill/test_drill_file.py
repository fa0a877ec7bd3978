"""Drill files: what they say, and what is wrong with them, line by line."""

from pathlib import Path

import pytest
from standby.config.errors import ConfigError
from standby.config.problems import ConfigFileError
from standby.simulator.drill.file import DrillFile, read_drill_file
from standby.simulator.drill.words import Latency, Spell


def targets_of(route: str | None) -> tuple[str, ...]:
    if route not in (None, "chat"):
        raise ConfigError(f"there is no route {route!r}; configured are chat")
    return ("lead", "second")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outage.yaml"


def test_a_file_says_all_that_the_command_line_can(file: Path) -> None:
    file.write_text(
        "route: chat\nrate: 600/m\nfor: 5m\nseed: 7\n"
        "spells:\n  - fail: lead@1m..2m\n  - {slow: second@90s.., rate_limit: lead}\n"
        "latency:\n  lead: 0.3s..1.2s\n"
        "require: [availability>=99.9%, p95<2s]\n"
    )
    found = read_drill_file(file, targets_of)
    assert [demand.text for demand in found.require] == ["availability>=99.9%", "p95<2s"]
    found.require.clear()
    assert found == DrillFile(
        spells=[Spell("lead", "fail", 60, 120), Spell("second", "slow", 90), Spell("lead", "rate_limit")],
        latencies={"lead": Latency(0.3, 1.2)},
        route="chat",
        rate=10,
        for_s=300,
        seed=7,
    )


def test_all_problems_are_told_at_once_with_their_places(file: Path) -> None:
    file.write_text(
        "rat: 5/s\n"
        "rate: fast\n"
        "for: [1m]\n"
        "seed: seven\n"
        "spells:\n"
        "  - fail: leed@1s..2s\n"
        "  - fial: lead\n"
        "  - lead@1s\n"
        "  - slow: lead@2s..1s\n"
        "latency:\n"
        "  secnd: 1s\n"
        "  lead: quick\n"
        "require:\n"
        "  - speed>1\n"
    )
    with pytest.raises(ConfigFileError) as refusal:
        read_drill_file(file, targets_of)
    assert [line.removeprefix(f"{file}:") for line in str(refusal.value).splitlines()] == [
        "1:1: rat: unknown key; did you mean 'rate'?",
        "2:7: rate: 'fast' is no rate; write for example 50/s or 600/m",
        "3:6: for: must be a text",
        "4:7: seed: 'seven' is no seed; write a whole number",
        "6:11: spells[0].fail: the route has no target 'leed'; it has lead, second; did you mean 'lead'?",
        "7:5: spells[1].fial: unknown kind of spell; did you mean 'fail'?",
        "8:5: spells[2]: must be a mapping; write for example fail: openai@10s..70s",
        "9:11: spells[3].slow: 'lead@2s..1s' ends before it begins",
        "11:10: latency.secnd: the route has no target 'secnd'; it has lead, second; did you mean 'second'?",
        "12:9: latency.lead: 'quick' is no duration; write for example 30s, 5m or 1.5h",
        "14:5: require[0]: 'speed>1' cannot be required; write for example availability>=99.9% or p95<2s",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "says nothing"),
        ("spells: {fail: lead}\n", ":1:9: spells: must be a list"),
        ("latency: [lead]\n", ":1:10: latency: must be a mapping"),
        ("route: talk\n", ":1:8: route: there is no route 'talk'; configured are chat"),
        ("spells:\n - dozens: lead\n", "unknown kind of spell; there are fail, slow, rate_limit"),
        ("for: 1m\nfor: 2m\n", ":2:1: for: duplicate key"),
        ("for: {", "is not YAML"),
        ("- for\n", "must hold settings"),
    ],
)
def test_what_is_no_drill_is_refused(file: Path, text: str, told: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigFileError) as refusal:
        read_drill_file(file, targets_of)
    assert told in str(refusal.value)


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(ConfigFileError, match="cannot be read: no such file"):
        read_drill_file(file, targets_of)
