"""Figures are ratios of what was measured in the same round; targets are printed as they are."""

import pytest

from benchmarks.case import GATEWAYS, PEERS, VERSIONS, Case, calls, coalesced
from benchmarks.commands import Sample
from benchmarks.drift import drift
from benchmarks.figures import Figure, Spread, figures, ratios
from benchmarks.latency import added_time
from benchmarks.result import Result
from benchmarks.table import figure_rows, verdict_rows
from benchmarks.targets import TARGETS, verdicts
from benchmarks.wire import Script


def test_ratios_pair_what_was_measured_together() -> None:
    # Both became twice as slow in the second round: the ratio of medians would be wrong, those of the rounds are not.
    assert ratios([2.0, 4.0, 2.0], [1.0, 2.0, 1.0]) == Spread(2.0, 2.0, 2.0)


def test_a_delta_costs_the_slope_between_short_and_long_streams() -> None:
    group = coalesced(8, 32, ("loop", "standby"))
    samples = {
        ("100 deltas c8", "loop"): [1000.0, 1100.0, 900.0],
        ("1,000 deltas c8", "loop"): [10_000.0, 10_100.0, 9900.0],
        ("100 deltas c8", "standby"): [2000.0, 2000.0, 2000.0],
        ("1,000 deltas c8", "standby"): [11_900.0, 11_900.0, 11_900.0],
    }
    found = {(figure.what, figure.client): figure for figure in figures([group], samples)}
    assert found["delta c8", "loop"].value.median == pytest.approx(10)
    assert found["delta c8", "standby"].ratios["loop"].median == pytest.approx(1.1)


def test_a_failing_first_target_adds_so_many_calls() -> None:
    group = calls(32, 64, ("loop", "standby"), ("500",))
    samples = {
        ("call c32", "loop"): [80.0],
        ("call c32 after 500", "loop"): [160.0],
        ("call c32", "standby"): [100.0],
        ("call c32 after 500", "standby"): [210.0],
    }
    found = {(figure.what, figure.client): figure.value.median for figure in figures([group], samples)}
    assert found["added c32 by 500", "loop"] == pytest.approx(1.0)
    assert found["added c32 by 500", "standby"] == pytest.approx(1.1)
    assert found["added c32 by 500, more than by hand", "standby"] == pytest.approx(0.3)
    assert ("added c32 by 500, more than by hand", "loop") not in found


@pytest.mark.parametrize(("measured", "met", "goal_met"), [(1.1, True, True), (1.2, True, False), (1.5, False, False)])
def test_a_target_is_met_or_it_is_not(measured: float, met: bool, goal_met: bool) -> None:
    spread = Spread(measured, measured, measured)
    figure = Figure("delta c8", "standby", "µs", spread, {"loop": spread})
    (verdict,) = verdicts([figure])
    assert (verdict.met, verdict.goal_met) == (met, goal_met)
    (row,) = verdict_rows([verdict])
    assert row[1] == f"{measured:.2f}"
    assert ("NOT MET" in row[2]) is not met
    assert ("NOT MET" in row[3]) is not goal_met


def test_every_target_is_about_a_ratio_that_is_taken() -> None:
    taken = {None, "loop", "openai", "standby", "import aiohttp, tenacity", *PEERS, *VERSIONS, *GATEWAYS}
    assert {target.versus for target in TARGETS} <= taken


def test_a_drift_is_the_rise_over_the_range_and_bears_outliers() -> None:
    rising = drift(range(11), [100 + 2 * place for place in range(11)])
    assert rising.median == pytest.approx(100 * 20 / 110)
    places = [1, 5, 10, 20] * 5
    wild = [(300.0 if number % 6 == 0 else 100.0 + number % 3) for number in range(20)]
    found = drift(places, wild)
    assert found.low <= 0 <= found.high
    assert abs(found.median) < 3


def test_a_drift_is_held_against_the_far_end_of_its_interval() -> None:
    figure = Figure("drift of a call, 1 to 20 targets", "standby", "%", Spread(2.0, -16.0, 9.0))
    (verdict,) = verdicts([figure])
    assert (verdict.measured, verdict.goal_met) == (16.0, False)


def test_the_time_of_a_fail_over_is_that_of_the_failed_attempt_and_ours() -> None:
    group = calls(1, 10, ("loop", "standby"), ("500",))
    times_us = {"call c1": (200.0, 300.0), "call c1 after 500": (450.0, 700.0)}
    samples = {
        name: {
            client: [Sample(1.0, time_us, time_us, 0.0)] for client, time_us in zip(group[0].clients, both, strict=True)
        }
        for name, both in times_us.items()
    }
    found = {figure.what: figure.value.median for figure in added_time([group], Result(samples=samples))}
    assert found["fail-over time c1 by 500"] == pytest.approx(0.4)
    assert found["fail-over time c1 by 500, more than by hand"] == pytest.approx(0.15)


def test_a_slow_client_does_fewer_operations_in_whole_waves() -> None:
    case = Case("x", "call", Script("single"), 8, 64, ())
    assert [case.count_of(share) for share in (1.0, 0.5, 0.2, 0.01)] == [64, 32, 16, 8]


def test_a_row_names_what_it_is_about_once() -> None:
    spread = Spread(1.0, 0.5, 2.0)
    rows = figure_rows([Figure("call c1", client, "µs", spread) for client in ("loop", "standby")], {})
    assert [row[0] for row in rows] == ["call c1", ""]
