"""`standby demo`: it fails over for real, and says no more than what happened."""

import json
import re

import pytest
from standby.cli import demo_client, demo_gateway
from standby.cli import demo_show as playing
from standby.simulator.scenario.persona import LINES
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


def test_a_client_of_the_gateway_hears_one_answer_although_its_provider_dies_in_mid_sentence() -> None:
    ended = run("demo", "--fast")
    _, _, shown = ended.stdout.partition("standby serve  ")
    head, answer, table = shown.split("\n\n")[:3]
    assert re.fullmatch(r"(OpenAI's own client|a plain HTTP client).* asks http://127\.0\.0\.1:\d+/v1", head)
    assert answer.startswith("This is standby's simulator speaking")
    assert [tuple(row.split()[1:3]) for row in table.splitlines()[1:3]] == [("lead", "✗"), ("standby", "✓")]
    assert "died in mid-sentence" in table
    assert "all 29 words, in order, once." in table
    assert str(len(answer.split())) in table


@pytest.mark.parametrize("sdk", [True, False])
def test_both_clients_of_the_gateway_hear_the_same(monkeypatch: pytest.MonkeyPatch, sdk: bool) -> None:
    if not sdk:
        monkeypatch.setattr(demo_client, "find_spec", lambda name: None)
    told = json.loads(run("demo", "--fast", "--json").stdout)["gateway"]
    assert told["client"].startswith("OpenAI's own client" if sdk else "a plain HTTP client")
    assert (told["survived"], told["text"]) == (True, LINES[0])
    assert [(each["target"], each["outcome"]) for each in told["attempts"]] == [
        ("lead", "failed"), ("standby", "finished"),
    ]  # fmt: skip


def test_it_succeeds_only_if_the_gateways_provider_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_gateway, "DIES_AFTER", 0)
    ended = run("demo", "--fast")
    assert ended.exit_code == 1
    assert "This should not have happened: the client's answer is not whole" in ended.stdout


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
