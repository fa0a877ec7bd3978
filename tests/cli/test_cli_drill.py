"""`standby drill`: options and drill files, the table, the lines of time, the picture, and the exit code."""

import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from standby.cli.drill_table import STRETCHES_MAX, show_drill
from standby.simulator.drill.result import Drilled, DrillResult, Stretch, Tried, summed_up
from standby.simulator.drill.words import Spell, demand

from commands import run
from components import need

EXAMPLES = Path(__file__).parents[2] / "config" / "examples"
YAML = """
targets:
  lead: {provider: openai, model: gpt-4o-mini, key: k}
  second: {provider: koala}
routes:
  default: {targets: [lead, second]}
  other: {targets: [second]}
"""


@pytest.fixture
def file(nobody_is_configured: Path) -> str:
    path = nobody_is_configured / "standby.yaml"
    path.write_text(YAML)
    return str(path)


@pytest.mark.parametrize(("required", "code"), [("availability>=99%", 0), ("p50<1ms", 1), ("speed>9000", 2)])
def test_it_ends_as_required(required: str, code: int, file: str) -> None:
    options = ["--fail", "lead@2s..5s", "--for", "10s", "--rate", "5/s", "--require", required, "--json"]
    ended = run("drill", file, *options)
    assert ended.exit_code == code
    told = json.loads(ended.stdout)
    assert "error" in told if code == 2 else told["missed"] == ([required] if code else [])
    assert ("not met: p50<1ms" in ended.stderr) is (code == 1)


def test_in_a_pipe_it_is_told_line_by_line(file: str) -> None:
    ended = run("drill", file, "--for", "10s", "--fail", "lead@5s..", "--require", "p95<9s")
    assert ended.exit_code == 0
    lines = ended.stdout.splitlines()
    assert lines[0] == "100 calls in 10 s: 100.000% answered"
    assert "TARGET  ANSWERED  SHARE  ASKED  FAILED  LEFT ALONE  COST" in lines
    assert any(line.startswith("lead    open  ") and line.endswith("10.00 s") for line in lines)
    assert lines[-1].startswith("✓ p95<9s  it is 0.")
    assert "\x1b" not in ended.stdout


def test_a_file_tells_the_drill_and_the_command_line_wins(file: str, tmp_path: Path) -> None:
    outage = tmp_path / "outage.yaml"
    outage.write_text("for: 5s\nrate: 4/s\nroute: other\nspells: [fail: second]\nrequire: [availability>50%]\n")
    as_told = json.loads(run("drill", file, "--drill", str(outage), "--json").stdout)
    assert (as_told["calls"], as_told["for_s"], as_told["availability"]) == (20, 5, 0)
    assert as_told["missed"] == ["availability>50%"]
    options = ["--drill", str(outage), "--for", "10s", "--route", "default", "--rate", "1/s", "--json"]
    changed = json.loads(run("drill", file, *options).stdout)
    assert (changed["calls"], changed["served"], changed["missed"]) == (10, {"lead": 10, "second": 0}, [])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--fail", "leed@1s..2s"], "the route has no target 'leed'; it has lead, second; did you mean 'lead'?"),
        (["--fail", "lead@2s..1s"], "'lead@2s..1s' ends before it begins"),
        (["--latency", "lead=fast"], "'fast' is no duration"),
        (["--latency", "leed=1s"], "the route has no target 'leed'"),
        (["--for", "0s"], "a drill has between one call and"),
        (["--rate", "often"], "'often' is no rate"),
        (["--route", "talk"], "there is no route 'talk'"),
        (["--plot", "out.gif"], "'out.gif' is not a known picture format; end its name in .svg or .png"),
        (["--drill", "gone.yaml"], "gone.yaml: cannot be read: no such file or directory"),
    ],
)
def test_what_makes_no_sense_is_told(options: list[str], told: str, file: str) -> None:
    ended = run("drill", file, *options)
    assert ended.exit_code == 2
    assert told in ended.stderr


def test_problems_of_a_drill_file_have_their_lines(file: str, nobody_is_configured: Path) -> None:
    (nobody_is_configured / "outage.yaml").write_text("for: 1m\nspells:\n  - fail: third\n")
    ended = run("drill", file, "--drill", "outage.yaml")
    assert ended.exit_code == 2
    assert "outage.yaml:3:11: spells[0].fail: the route has no target 'third'; it has lead, second" in ended.stderr


def test_a_latency_is_kept(file: str) -> None:
    told = json.loads(run("drill", file, "--latency", "lead=2s..2s", "--for", "10s", "--json").stdout)
    assert told["first_delta_s"]["p50"] == pytest.approx(2, abs=0.1)


# On a terminal


def drawn(result: DrillResult, *demands: str, width: int = 100, spells: Sequence[Spell] = ()) -> list[str]:
    screen = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    show_drill(screen, result, [demand(text) for text in demands], spells)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


def outage(*, lost: bool = False) -> DrillResult:
    """A minute at a call a second; in its middle third `a` failed once and was left alone."""
    drilled = []
    for second in range(60):
        down = 20 <= second < 40
        tries = [Tried("a", second, "failed")] if second == 20 else []
        tries.append(Tried("b" if down else "a", second, "finished", 0.001))
        drilled.append(Drilled(second, tries[-1].target, 0.5, tries))
    if lost:
        drilled.append(Drilled(50.5, None, None, [Tried("b", 50.5, "failed")], "overloaded"))
    health = [Stretch("a", "closed", 0, 21), Stretch("a", "open", 21, 40), Stretch("a", "closed", 40, 60)]
    return summed_up(drilled, {"a": 41, "b": 20}, [*health, Stretch("b", "closed", 0, 60)], 60)


def test_a_time_line_shows_which_target_answered_and_which_was_left_alone() -> None:
    lines = drawn(outage(), "availability>=99%", "p95<0.1s")
    assert "a " + "█" * 20 + "✗" + "─" * 19 + "█" * 20 in lines
    assert "b " + "·" * 20 + "█" * 20 + "·" * 20 in lines
    assert "  0 s" + " " * 53 + "60 s" in [line.rstrip() for line in lines]
    assert lines[-2:] == ["✓ availability>=99%  it is 100.000%", "✗ p95<0.1s  it is 0.50 s"]
    assert not [line for line in lines if "unanswered" in line]


def test_what_was_done_to_a_target_stands_below_its_line() -> None:
    lines = drawn(outage(), spells=[Spell("a", "fail", 20, 40), Spell("b", "rate_limit", 50)])
    below_a, below_b = (lines.index(next(line for line in lines if line.startswith(f"{name} "))) + 1 for name in "ab")
    assert lines[below_a] == "  " + " " * 20 + "▔" * 20 + " fail"
    assert lines[below_b] == "  " + " " * 50 + "▔" * 10 + " rate limit"


def test_states_differ_without_colours() -> None:
    result = outage()
    result.health = [Stretch("a", "open", 0, 30), Stretch("a", "parked", 30, 60), Stretch("b", "isolated", 0, 60)]
    for counts in (*result.timeline.served.values(), *result.timeline.failed.values()):
        counts[:] = [0] * len(counts)
    lines = drawn(result)
    assert "a " + "─" * 30 + "═" * 30 in lines
    assert "b " + "#" * 60 in lines


def test_several_configurations_are_compared(file: str, nobody_is_configured: Path) -> None:
    lone = nobody_is_configured / "lone.yaml"
    lone.write_text("targets:\n  lead: {provider: openai, model: gpt-4o-mini, key: k}\n")
    options = ["--fail", "lead@2s..", "--for", "10s", "--rate", "5/s", "--require", "availability>99%"]
    ended = run("drill", file, str(lone), *options)
    assert ended.exit_code == 1
    heads, first, second = ended.stdout.splitlines()
    assert heads.split() == ["FILE", "ANSWERED", "P50", "P95", "P99", "MORE", "TRIES", "COST"]
    assert (first.split()[1], second.split()[0]) == ("100.000%", str(lone))
    assert ended.stderr.splitlines() == [f"not met by {lone}: availability>99%"]
    told = json.loads(run("drill", file, str(lone), *options, "--json").stdout)
    assert [each["file"] for each in told] == [file, str(lone)]
    assert "--plot draws one drill" in run("drill", file, str(lone), "--plot", "x.svg").stderr


def test_without_a_file_the_usual_one_is_played(file: str) -> None:
    assert run("drill", "--for", "2s").stdout == run("drill", file, "--for", "2s").stdout


def test_without_any_file_it_says_what_is_missing(nobody_is_configured: Path) -> None:
    ended = run("drill")
    assert (ended.exit_code, "name a file, or set STANDBY_CONFIG" in ended.stderr) == (2, True)


def test_calls_without_an_answer_have_a_line_of_their_own() -> None:
    lines = drawn(outage(lost=True))
    assert "unanswered " + " " * 50 + "✗" in [line.rstrip() for line in lines]
    assert "1 failed: overloaded" in "\n".join(lines)


def test_on_a_narrow_terminal_a_line_is_half_as_long() -> None:
    assert "a " + "█" * 10 + "─" * 10 + "█" * 10 in [line.replace("✗", "─") for line in drawn(outage(), width=60)]


def test_a_name_that_leaves_no_room_is_cut() -> None:
    result, name = outage(), "x" * 50
    for counts in (result.timeline.served, result.timeline.failed, result.served, result.failed, result.asked):
        counts[name] = counts.pop("b")
    assert "x" * 18 + "… " + "·" * 10 + "█" * 10 + "·" * 10 in [line.rstrip() for line in drawn(result, width=50)]


def test_a_pipe_gets_a_bounded_list_of_states() -> None:
    result = outage()
    result.health = [Stretch("a", "open", number, number + 1) for number in range(STRETCHES_MAX + 5)]
    out = Console(file=io.StringIO(), width=200)
    show_drill(out, result)
    assert isinstance(out.file, io.StringIO)
    assert out.file.getvalue().endswith("and 5 more\n")


# The picture


def test_a_picture_shows_each_target_and_what_was_done_to_it(file: str, nobody_is_configured: Path) -> None:
    need("matplotlib")
    options = ["--fail", "lead@5s..15s", "--slow", "second", "--for", "20s", "--seed", "3"]
    assert run("drill", file, *options, "--plot", "out.svg").exit_code == 0
    picture = (nobody_is_configured / "out.svg").read_bytes()
    words = [text.strip() for text in ElementTree.fromstring(picture).itertext() if text.strip()]
    assert {"lead", "second", "down", "slow", "first word", "p50", "p95", "answered", "breaker open"} <= {*words}
    assert "100.000% of 200 calls answered" in words
    assert run("drill", file, *options, "--plot", "again.svg").exit_code == 0
    assert (nobody_is_configured / "again.svg").read_bytes() == picture, "the same seed gives the same picture"


def test_a_picture_can_be_a_png_and_shows_failed_calls(file: str, nobody_is_configured: Path) -> None:
    need("matplotlib")
    options = ["--route", "other", "--rate-limit", "second@2s..4s", "--for", "5s", "--plot", "out.png"]
    assert run("drill", file, *options).exit_code == 0
    assert (nobody_is_configured / "out.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_told(file: str) -> None:
    need("matplotlib")
    ended = run("drill", file, "--for", "1s", "--plot", "no/such/folder/out.svg")
    assert ended.exit_code == 2
    assert "out.svg cannot be written: no such file or directory" in ended.stderr


def test_without_matplotlib_the_extra_is_named_before_anything_is_played(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr("standby.simulator.drill.drill.perform", pytest.fail)
    ended = run("drill", file, "--plot", "out.svg")
    assert ended.exit_code == 2
    assert "pip install 'standby[plot]'" in ended.stderr


def test_without_a_picture_matplotlib_is_not_missed(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    assert run("drill", file, "--for", "1s").exit_code == 0


def test_a_picture_of_nothing_answered_is_drawn(file: str, nobody_is_configured: Path) -> None:
    need("matplotlib")
    assert run("drill", file, "--route", "other", "--fail", "second", "--for", "2s", "--plot", "out.svg").exit_code == 0
    assert "some calls unanswered" in (nobody_is_configured / "out.svg").read_text()


# As it is promised


def test_five_minutes_of_the_example_are_played_in_seconds(
    nobody_is_configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At half the rate of which docs/drills.md speaks, and in twice its time: a loaded machine is slower."""
    need("matplotlib")
    for name in ("OPENAI_API_KEY", "GROQ_API_KEY"):
        monkeypatch.setenv(name, "any text")
    options = ["--fail", "koala@2m..3m", "--rate", "25/s", "--for", "5m", "--require", "availability>=99.9%"]
    began_s = time.process_time()
    ended = run("drill", str(EXAMPLES / "minimal.yaml"), *options, "--plot", "out.svg")
    assert time.process_time() - began_s < 20
    assert ended.exit_code == 0, ended
    assert "7500 calls in 300 s" in ended.stdout
    assert (nobody_is_configured / "out.svg").exists()
