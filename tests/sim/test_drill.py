"""Drills: what a route would do in an outage, and how the command tells it."""

import json
from pathlib import Path

import pytest
from understudy.cli import main
from understudy.config.model import ConfigError
from understudy.simulator.drill import Spell, drill

from understudy import Config, Route, Target

TWO = Config(
    targets={
        "lead": Target("openai", model="m", name="lead", key="k", reasoning=False),
        "second": Target("anthropic", model="m", name="second", key="k"),
    },
    routes={"default": Route(("lead", "second"))},
)
YAML = """
targets:
  lead: {provider: openai, model: m, key: k, reasoning: false}
  second: {provider: koala}
routes:
  default: {targets: [lead, second]}
"""


def test_in_fine_weather_the_lead_answers_everything() -> None:
    result = drill(TWO, rate=5, for_s=20)
    assert (result.calls, result.availability, result.served) == (100, 1.0, {"lead": 100, "second": 0})
    assert result.first_delta_s["p50"] < result.first_delta_s["p99"]


def test_while_the_lead_is_down_the_second_answers_and_the_breaker_shows() -> None:
    result = drill(TWO, [Spell("lead", "fail", 5, 15)], rate=10, for_s=30)
    assert result.availability == 1.0
    assert 100 < result.served["second"] < 250
    assert {stretch.state for stretch in result.health if stretch.target == "lead"} >= {"closed", "open"}
    assert result.asked["lead"] - result.served["lead"] < 15, "an open breaker spares the target"


def test_when_all_are_down_for_good_calls_fail() -> None:
    result = drill(TWO, [Spell("lead", "fail"), Spell("second", "fail")], rate=1, for_s=10)
    assert result.availability == 0.0
    assert sum(result.failures.values()) == 10


def test_the_same_seed_gives_the_same_drill() -> None:
    spells = [Spell("lead", "slow", 2, 8), Spell("second", "rate_limit", 4, 6)]
    assert drill(TWO, spells, for_s=10, seed=3).to_dict() == drill(TWO, spells, for_s=10, seed=3).to_dict()


def test_a_spell_must_name_a_target_of_the_route() -> None:
    with pytest.raises(ConfigError, match="has no target 'leed'; it has lead, second"):
        drill(TWO, [Spell("leed", "fail")])


@pytest.mark.parametrize(("demand", "code"), [("availability>=99%", 0), ("p50<1ms", 1), ("speed>9000", 2)])
def test_the_command_ends_as_required(
    demand: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "understudy.yaml"
    file.write_text(YAML)
    options = ["--fail", "lead@2s..5s", "--for", "10s", "--rate", "5/s", "--require", demand, "--json"]
    assert main(["drill", str(file), *options]) == code
    told = json.loads(capsys.readouterr().out)
    assert "error" in told if code == 2 else told["missed"] == ([demand] if code else [])


def test_the_command_tells_it_in_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "understudy.yaml"
    file.write_text(YAML)
    assert main(["drill", str(file), "--for", "10s", "--slow", "lead@5s.."]) == 0
    out = capsys.readouterr().out
    assert "100 calls in 10 s: 100.000% answered" in out
    assert "lead" in out
