"""Drills: what a route would do in an outage."""

from itertools import pairwise

import pytest
from standby.config.errors import ConfigError
from standby.simulator.drill.drill import drill
from standby.simulator.drill.result import SLICES
from standby.simulator.drill.words import Latency, Spell

from standby import Config, Route, Target

TWO = Config(
    targets={
        "lead": Target("openai", model="m", name="lead", key="k", reasoning=False),
        "second": Target("anthropic", model="m", name="second", key="k"),
    },
    routes={"default": Route(("lead", "second"))},
)
LEAD_ONLY = {"default": Route(("lead",))}


def test_in_fine_weather_the_lead_answers_everything() -> None:
    result = drill(TWO, rate=5, for_s=20)
    assert (result.calls, result.availability, result.served) == (100, 1.0, {"lead": 100, "second": 0})
    assert result.first_delta_s["p50"] < result.first_delta_s["p99"]


def test_while_the_lead_is_down_the_second_answers_and_the_breaker_shows() -> None:
    result = drill(TWO, [Spell("lead", "fail", 5, 15)], rate=10, for_s=30)
    assert result.availability == 1.0
    assert 100 < result.served["second"] < 250
    assert {stretch.state for stretch in result.health if stretch.target == "lead"} >= {"closed", "open"}
    assert result.asked["lead"] - result.served["lead"] <= 15, "an open breaker spares the target"


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


def test_a_spell_must_begin_before_the_end() -> None:
    with pytest.raises(ConfigError, match="the outage of lead begins at 60 s, but the drill ends at 60 s"):
        drill(TWO, [Spell("lead", "slow", 60, 90)], for_s=60)


def test_a_latency_must_name_a_target_of_the_route() -> None:
    with pytest.raises(ConfigError, match="has no target 'sekond'; it has lead, second; did you mean 'second'"):
        drill(TWO, latencies={"sekond": Latency()})


def test_each_target_is_as_soon_as_is_said_of_it() -> None:
    quick = drill(TWO, latencies={"lead": Latency(0.1, 0.1)}, rate=5, for_s=20).first_delta_s
    assert quick["p50"] == pytest.approx(0.1, abs=0.02)
    assert quick["p99"] == pytest.approx(0.1, abs=0.02)
    spread = drill(TWO, latencies={"lead": Latency(0.2, 2.0)}, rate=25, for_s=40).first_delta_s
    assert spread["p50"] == pytest.approx(0.2, rel=0.2)
    assert spread["p95"] == pytest.approx(2.0, rel=0.3)


def test_what_happened_is_told_slice_by_slice() -> None:
    result = drill(TWO, [Spell("lead", "fail", 10, 20)], rate=10, for_s=30)
    timeline, second = result.timeline, SLICES // 30
    assert timeline.slice_s == 30 / SLICES
    assert sum(timeline.served["lead"][: 10 * second]) == sum(each.began_s < 10 for each in result.drilled)
    assert sum(timeline.served["second"][: 10 * second]) == sum(timeline.served["lead"][10 * second : 20 * second]) == 0
    assert sum(map(sum, timeline.served.values())) == result.answered == 300
    assert sum(timeline.failed["lead"]) == result.failed["lead"] > 0
    assert sum(timeline.failed["second"]) == sum(timeline.unanswered) == 0
    known = [(p50, p95) for p50, p95 in zip(timeline.p50_s, timeline.p95_s, strict=True) if p50 and p95]
    assert len(known) > SLICES // 2
    assert all(p50 <= p95 for p50, p95 in known)


def test_a_target_is_left_alone_as_long_as_its_breaker_was_seen_open() -> None:
    result = drill(TWO, [Spell("lead", "fail", 5, 15)], rate=10, for_s=30)
    assert 5 < result.left_alone_s("lead") < 25
    assert result.left_alone_s("second") == 0
    for target in ("lead", "second"):
        stretches = [each for each in result.health if each.target == target]
        assert (stretches[0].from_s, stretches[-1].until_s) == (0, 30)
        assert all(one.until_s == other.from_s for one, other in pairwise(stretches))


def test_what_it_would_cost_is_told_by_target() -> None:
    priced = Config(targets={"lead": Target("openai", model="gpt-4o-mini", name="lead", key="k")}, routes=LEAD_ONLY)
    result = drill(priced, rate=2, for_s=10)
    assert result.cost is not None
    assert result.cost == pytest.approx(sum(result.spend.values()))
    assert list(result.spend) == ["lead"]
    assert result.cost > 0.001, "an answer counts as many tokens as a usual one, however short it is"
    assert drill(TWO, rate=1, for_s=5).cost is None, "the price of m is not known"


@pytest.mark.parametrize(("rate", "for_s"), [(0.01, 10.0), (1e6, 1e6)])
def test_a_drill_has_calls_but_not_too_many(rate: float, for_s: float) -> None:
    with pytest.raises(ConfigError, match="a drill has between one call and 1000000"):
        drill(TWO, rate=rate, for_s=for_s)
