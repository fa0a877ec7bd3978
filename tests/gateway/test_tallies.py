"""What requests come to, as numbers and in Prometheus's words; and the tokens of their ids."""

import re

import pytest
from standby.config import Config, Route, Target
from standby.gateway.metrics import SECONDS, Metrics
from standby.gateway.record import AttemptLine, Record, moment
from standby.gateway.tallies import Spread
from standby.gateway.tokens import Tokens


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.0, 0), (0.005, 0), (0.0050001, 1), (0.01, 1), (300.0, 14), (300.1, 15), (1e9, 15)]
)
def test_a_duration_lies_below_the_bound_that_it_does_not_pass(seconds: float, place: int) -> None:
    spread = Spread(SECONDS)
    spread.observe(seconds)
    assert spread.counts == [int(at == place) for at in range(len(SECONDS) + 1)]
    assert (spread.count, spread.total_s) == (1, seconds)


def counted(*records: Record) -> dict[str, float]:
    config = Config(targets={"t": Target("openai/m", key="k")}, routes={"r": Route(("t",)), "s": Route(("t",))})
    metrics = Metrics(lambda: config, lambda: (), lambda: 0, "1")
    for record in records:
        metrics(record)
    lines = [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def record(**more: object) -> Record:
    known: dict[str, object] = {"time": "", "request_id": "x", "ingress": "openai", "route": "r", "status": 200}
    return Record(**known | {"outcome": "finished", "total_s": 0.02} | more)  # type: ignore[arg-type]


def used(
    target: str, input_tokens: int, output_tokens: int | None = None, cost_usd: float | None = None
) -> AttemptLine:
    return AttemptLine(
        target, "first", "finished", None, 200, 0.0, 0.0, 0.0, input_tokens, output_tokens, cost_usd
    )  # fmt: skip


def test_requests_of_all_kinds_are_added_up_as_the_labels_say() -> None:
    found = counted(
        record(first_s=0.004, overhead_s=0.0002, attempts=(used("t", 5, 7, 0.5),)),
        record(
            first_s=0.02, overhead_s=-1.0, attempts=(used("t", 1, None, None), used("u", 4, 2, 0.25)), total_s=400.0
        ),
        record(status=502, outcome="failed", kind="connect"),
        record(route="s", attempts=(used("t", 3),)),
        record(route="of a client", ingress="anthropic"),
    )
    of_r = 'ingress="openai",route="r"'
    assert found['standby_requests_total{ingress="openai",outcome="finished",route="r",status="200"}'] == 2
    assert found['standby_requests_total{ingress="openai",outcome="failed",route="r",status="502"}'] == 1
    assert found['standby_requests_total{ingress="anthropic",outcome="finished",route="other",status="200"}'] == 1
    assert found['standby_tokens_total{direction="input",route="r",target="t"}'] == 6
    assert found['standby_tokens_total{direction="output",route="r",target="t"}'] == 7
    assert found['standby_tokens_total{direction="input",route="r",target="other"}'] == 4
    assert found['standby_tokens_total{direction="input",route="s",target="t"}'] == 3
    assert found['standby_cost_usd_total{route="r",target="t"}'] == 0.5
    assert found['standby_cost_usd_total{route="r",target="other"}'] == 0.25
    assert found['standby_attempts_total{kind="",outcome="finished",target="t",why="first"}'] == 3
    assert found[f"standby_request_seconds_count{{{of_r}}}"] == 3
    assert found[f"standby_request_seconds_sum{{{of_r}}}"] == pytest.approx(400.04)
    buckets = {
        bound: found[f'standby_request_seconds_bucket{{ingress="openai",le="{bound}",route="r"}}']
        for bound in ("0.01", "0.025", "300.0", "+Inf")
    }
    assert buckets == {"0.01": 0, "0.025": 2, "300.0": 2, "+Inf": 3}
    assert found[f"standby_first_delta_seconds_count{{{of_r}}}"] == 2
    assert found[f"standby_overhead_seconds_sum{{{of_r}}}"] == 0.0002
    assert 'standby_overhead_seconds_count{ingress="openai",route="s"}' not in found  # nothing is known of it
    assert not any("of a client" in name for name in found)


def test_an_attempt_that_goes_on_with_an_answer_is_a_handover_behind_its_beginning() -> None:
    def attempt(target: str, why: str) -> AttemptLine:
        return AttemptLine(target, why, "finished", None, 200, 0.0, 0.0, 0.0)

    found = counted(record(attempts=(attempt("t", "first"), attempt("u", "replay"), attempt("t", "next"))))
    assert found['standby_handovers_total{from="t",to="other",when="after"}'] == 1
    assert found['standby_handovers_total{from="other",to="t",when="before"}'] == 1


def test_tokens_are_random_and_no_two_alike() -> None:
    tokens, others = Tokens(), Tokens()
    found = [each.next() for each in (tokens, others) for _ in range(500)]
    assert len(set(found)) == 1000
    assert all(re.fullmatch("[0-9a-f]{24}", each) for each in found)


@pytest.mark.parametrize(
    ("wall_s", "said"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_764_550_000.9999, "2025-12-01T00:46:40.999Z"),
        (1_764_550_001.25, "2025-12-01T00:46:41.250Z"),
    ],
)
def test_a_moment_is_told_to_the_millisecond(wall_s: float, said: str) -> None:
    assert moment(wall_s) == said
