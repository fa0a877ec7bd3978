"""`standby demo`: it fails over for real, and says no more than what happened."""

import json

import pytest
from standby.cli import demo_show as playing
from standby.simulator.scenario.script import Scenario

from commands import run


def test_the_answer_arrives_and_a_table_says_what_happened() -> None:
    ended = run("demo", "--fast")
    assert ended.exit_code == 0
    answer, table = ended.stdout.split("\n\n")[1:3]
    assert answer.startswith("This is standby's simulator speaking")
    header, *rows = table.splitlines()[:5]
    assert header.split() == ["#", "TARGET", "WHY", "WHAT", "HAPPENED", "WHEN", "TOOK"]
    told = [tuple(row.split()[1:3]) for row in rows]
    assert told == [("lead", "first"), ("lead", "retry"), ("second", "handover"), ("standby", "handover")]
    assert "✗ overloaded, HTTP 503" in rows[0]
    assert "✗ overloaded, in its stream" in rows[1]
    assert "✗ refused the connection" in rows[2]
    assert "✓ answered, whole" in rows[3]


def test_for_programs_it_is_one_object() -> None:
    ended = run("demo", "--fast", "--json")
    told = json.loads(ended.stdout)
    assert (ended.exit_code, told["failed_over"], told["report"]["target"]) == (0, True, "standby")
    assert [attempt["kind"] for attempt in told["report"]["attempts"]] == ["overloaded", "overloaded", "connect", None]


def test_it_succeeds_only_if_a_target_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing.Show, "_lead", lambda _: Scenario(("I am well, thank you.",)))
    ended = run("demo", "--fast")
    assert ended.exit_code == 1
    assert "This should not have happened" in ended.stdout


def test_it_succeeds_only_if_what_was_told_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing.Show, "_text", property(lambda show: "".join(show._heard[1:])))
    assert run("demo", "--fast").exit_code == 1
