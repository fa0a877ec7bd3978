"""Simulated worlds: nothing that must hold is violated, and the same seed gives the same run. `make sim` plays more."""

import pytest
from understudy.simulator.drill_world import run
from understudy.simulator.world import sweep

SAFETY = range(8)
LIVENESS = range(4)


@pytest.mark.parametrize("seed", SAFETY)
def test_whatever_goes_wrong_every_promise_holds(seed: int) -> None:
    assert run(seed).violations == []


@pytest.mark.parametrize("seed", LIVENESS)
def test_with_one_healthy_target_every_call_ends_well(seed: int) -> None:
    assert run(seed, mode="liveness").violations == []


def test_a_seed_can_be_played_again() -> None:
    first, again = run(1), run(1)
    assert first.trace == again.trace
    assert first.edges == again.edges
    assert run(2).trace != first.trace


def test_a_sweep_adds_up() -> None:
    summary = sweep(0, 2)
    assert (summary.worlds, summary.streams) == (2, 80)
    assert sum(summary.faults.values()) > 20
    assert summary.untaken()
