"""`standby check` and `standby schema`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from standby.config import json_schema
from standby.gateway import state_place
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Answer, Failure

from canaries import CANARY_KEY
from commands import Invoke, run
from standby.testing import Simulator

GOOD = """\
targets:
  a: {provider: openai, model: m-1}
  b: {provider: openai, model: m-2}
routes:
  chat: {targets: [a, b]}
"""
BAD = """\
targets:
  a: {provider: koalla}
  b: {provider: openai, connect_s: -1}
"""


@pytest.fixture
def file(nobody_is_configured: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    return nobody_is_configured / "router.yaml"


def test_a_good_file(file: Path) -> None:
    file.write_text(GOOD)
    ended = run("check", "router.yaml")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "router.yaml: 2 targets, 1 route: fine\n", "")


def test_all_problems_have_their_places(file: Path) -> None:
    file.write_text(BAD)
    ended = run("check", "router.yaml")
    assert ended.exit_code == 2
    first, second = ended.stdout.splitlines()
    assert first.startswith("router.yaml:2:17: targets.a.provider: ")
    assert first.endswith("did you mean 'koala'?")
    assert second.startswith("router.yaml:3:36: targets.b.connect_s: must be more than 0")


def test_a_target_that_nothing_can_be_asked_of_is_a_reason_to_fail(file: Path) -> None:
    file.write_text(GOOD.replace("model: m-2", "name: b").replace("b: {provider: openai", "b: {provider: groq"))
    ended = run("check", "router.yaml")
    assert ended.exit_code == 2
    assert ended.stdout.startswith("router.yaml:3:3: targets.b.model: names no model")


def test_a_warning_is_no_reason_to_fail(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    file.write_text(GOOD)
    ended = run("check", "router.yaml")
    assert (ended.exit_code, ended.stdout) == (0, "router.yaml: 2 targets, 1 route: fine\n")
    assert "warning: router.yaml:2:" in ended.stderr
    assert "OPENAI_API_KEY" in ended.stderr


def test_several_files_and_json(file: Path) -> None:
    file.write_text(GOOD)
    file.with_name("bad.yaml").write_text(BAD)
    ended = run("check", "router.yaml", "bad.yaml", "missing.yaml", "--json")
    assert ended.exit_code == 2
    good, bad, missing = json.loads(ended.stdout)["files"]
    assert good == {"file": "router.yaml", "ok": True, "problems": [], "warnings": []}
    assert [(each["line"], each["path"]) for each in bad["problems"]] == [
        (2, "targets.a.provider"),
        (3, "targets.b.connect_s"),
    ]
    assert missing["problems"][0]["message"].startswith("cannot be read")


def test_without_a_name_the_usual_file_is_checked(file: Path) -> None:
    nothing = run("check")
    assert nothing.exit_code == 2
    assert "name a file, or set STANDBY_CONFIG" in nothing.stderr
    file.with_name("standby.yaml").write_text(GOOD)
    assert run("check").stdout == "standby.yaml: 2 targets, 1 route: fine\n"


def test_the_schema_is_the_schema() -> None:
    ended = run("schema")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == json_schema()


def test_what_this_machine_cannot_serve_fails_the_check(file: Path) -> None:
    file.write_text(GOOD + "serve:\n  keys: {app: {key_files: [gone]}}\n")
    ended = run("check", "router.yaml")
    assert ended.exit_code == 2
    assert ended.stdout.startswith(
        "router.yaml:7:28: serve.keys.app.key_files[0]: the file of keys gone cannot be read"
    )
    assert "fine" not in ended.stdout


def test_a_state_on_a_network_file_system_fails_the_check(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_place, "network_file_system", lambda path: "nfs4" if path.name == "s.db" else None)
    serve = "serve:\n  auth: none\n  state: "
    file.write_text(f"{GOOD}{serve}s.db\n")
    ended = run("check", "router.yaml")
    assert ended.exit_code == 2
    assert ended.stdout == (
        "router.yaml:8:10: serve.state: the state file would lie on nfs4, a network file system;"
        " give a local path, or none\n"
    )
    file.write_text(f"{GOOD}{serve}none\n")
    assert run("check", "router.yaml").exit_code == 0


async def test_live_asks_each_target_for_a_word(
    invoke: Invoke, standby_simulator: Simulator, configured: Callable[..., Path]
) -> None:
    standby_simulator.play("lead", "Yes.")
    standby_simulator.play("second", Failure(ErrorKind.AUTH))
    standby_simulator.play("third", Answer(()))
    configured("lead", "second", "third")
    ended = await invoke("check", "--live")
    assert ended.exit_code == 1
    lead, second, third = ended.stdout.splitlines()[-3:]
    assert lead.split()[:2] == ["✓", "lead"], ended
    assert second.split()[:2] == ["✗", "second"]
    assert "auth (401" in second
    assert third.split()[:2] == ["✓", "third"]
    assert "16 tokens were not enough" in third
    assert CANARY_KEY not in ended.stdout + ended.stderr
    told = json.loads((await invoke("check", "--live", "--json")).stdout)
    assert [(each["target"], each["answers"]) for each in told["files"][0]["live"]] == [
        ("lead", True),
        ("second", False),
        ("third", True),
    ]


async def test_live_asks_nothing_where_the_file_is_wrong(
    invoke: Invoke, standby_simulator: Simulator, configured: Callable[..., Path]
) -> None:
    standby_simulator.play("lead", "Yes.")
    file = configured("lead")
    file.write_text(file.read_text() + "limits: {stall_s: soon}\n")
    ended = await invoke("check", "--live")
    assert (ended.exit_code, standby_simulator.exchanges) == (2, ())
