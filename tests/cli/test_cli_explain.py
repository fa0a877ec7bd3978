"""`standby explain` and `standby providers`."""

import json
from pathlib import Path

import pytest
from standby.providers import registry

from canaries import CANARY_KEY
from commands import run

ROUTES = """\
targets:
  a: {provider: openai, model: m-1, capabilities: {images: false}}
  b: {provider: openai, model: m-2, first_delta_s: 4}
routes:
  chat: {targets: [a, b, koala], deadline_s: 30}
"""


@pytest.fixture(autouse=True)
def routes(nobody_is_configured: Path) -> None:
    (nobody_is_configured / "routes.yaml").write_text(ROUTES)


def test_the_plan_of_a_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY_KEY)
    ended = run("explain", "routes.yaml", "--route", "chat")
    assert ended.exit_code == 0
    lines = ended.stdout.splitlines()
    assert lines[0] == "The plan of a call on route chat:"
    assert lines[1].strip().startswith("its first word must come within 30 s, of which 3 s are kept")
    assert [line.split() for line in lines[5:8]] == [
        ["1", "a", "(m-1)", "0", "s", "10", "s", "5", "s", "10", "s", "10", "s", "3"],
        ["2", "b", "(m-2)", "10", "s", "14", "s", "5", "s", "4", "s", "10", "s", "3"],
        ["3", "koala", "(gpt-4o-mini)", "14", "s", "30", "s", "5", "s", "10", "s", "10", "s", "3"],
    ]


def test_who_is_left_out_and_why() -> None:
    ended = run("explain", "routes.yaml", "--route", "chat", "--tools")
    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[-5:] == [
        "No target would be asked.",
        "Not asked:",
        "  a: no key: set OPENAI_API_KEY",
        "  b: no key: set OPENAI_API_KEY",
        "  koala: takes no tools",
    ]


def test_the_plan_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY_KEY)
    told = json.loads(run("explain", "-c", "routes.yaml", "-r", "chat", "--images", "--json").stdout)
    first, second, third = told["targets"]
    assert (first["place"], first["skipped"]["detail"]) == (None, "takes no images")
    assert (second["place"], second["asked_s"], second["silent_until_s"]) == (1, 0.0, 4.0), "its own clock"
    assert third["skipped"]["detail"] == "takes no images"
    assert told["deadline_s"] == 30.0


def test_targets_in_place_of_a_route() -> None:
    told = json.loads(run("explain", "-t", "koala,openai/m-1", "--json").stdout)
    assert [(each["target"], each["place"]) for each in told["targets"]] == [("koala", 1), ("openai/m-1", None)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "nothing is configured, so there is nothing to explain"),
        (("routes.yaml", "-c", "routes.yaml"), "give the configuration once"),
        (("routes.yaml", "-r", "chatt"), "there is no route 'chatt'; configured are chat"),
        (("-t", "opnai"), "did you mean 'openai'?"),
    ],
)
def test_what_cannot_be_explained(arguments: tuple[str, ...], told: str) -> None:
    ended = run("explain", *arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert told in ended.stderr


def test_the_providers_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY_KEY)
    ended = run("providers", "--json")
    told = {each["name"]: each for each in json.loads(ended.stdout)}
    assert tuple(told) == registry.names()
    assert (told["openai"]["key_env"], told["openai"]["key_set"]) == ("OPENAI_API_KEY", True)
    assert told["openai"]["capabilities"]["tools"] is True
    assert (told["koala"]["key_set"], told["koala"]["official"], told["koala"]["working"]) == (False, False, False)


def test_the_providers_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {line.split()[0]: line for line in run("providers").stdout.splitlines()}
    assert "OPENAI_API_KEY missing" in lines["openai"]
    assert "Unofficial, not working when last seen" in lines["koala"]
    assert registry.get("koala").info.site_url in lines["koala"]
    monkeypatch.setenv("OPENAI_API_KEY", CANARY_KEY)
    ended = run("providers")
    assert "OPENAI_API_KEY set" in ended.stdout
