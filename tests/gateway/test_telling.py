"""What is told of requests that are over: a line of the log, and counters that no client can make a series of."""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standby.config import Config, Price
from standby.gateway.lag import LagMeter
from standby.gateway.metrics import Metrics, new_tallies, rendered
from standby.gateway.record import AttemptLine, Record, line_of, moment
from standby.gateway.request_log import RequestLog
from standby.gateway.worker_tallies import TallyFile, add_up

from gateway_play import CHAT, MESSAGES, Seen, playing
from gateway_stage import until
from stage import Stage, breaks_off, perform, refuses, says, stage, status

__all__ = ["stage"]

MakeStage = Callable[..., Stage]


def record(number: int = 1, **facts: Any) -> Record:
    return Record(time=moment(0.0), request_id=f"req_{number}", ingress="openai", **facts)


def test_a_line_is_json_with_everything_that_a_search_needs() -> None:
    attempt = AttemptLine("a", "first", "failed", "connect", None, 0.0, None, 0.1)
    told = json.loads(line_of(record(key="app", route="chat", status=200, outcome="finished", attempts=(attempt,))))
    assert told["time"] == "1970-01-01T00:00:00.000Z"
    assert (told["request_id"], told["key"], told["route"], told["status"]) == ("req_1", "app", "chat", 200)
    assert told["attempts"][0]["kind"] == "connect"
    assert told.keys() == set(Record.__struct_fields__)


async def test_lines_are_written_together_in_another_thread_and_the_rest_at_the_end() -> None:
    written: list[tuple[str, bytes]] = []
    once = asyncio.Event()
    loop = asyncio.get_running_loop()

    def write(data: bytes) -> None:
        written.append((threading.current_thread().name, data))
        loop.call_soon_threadsafe(once.set)

    log = RequestLog(write)
    for number in range(3):
        log(record(number))
    assert written == []
    await once.wait()
    log(record(3))
    await log.aclose()
    assert [json.loads(line)["request_id"] for _, data in written for line in data.splitlines()] == [
        "req_0", "req_1", "req_2", "req_3",
    ]  # fmt: skip
    assert len(written) == 2
    assert threading.main_thread().name not in {name for name, _ in written}


async def test_lines_that_nothing_takes_in_are_dropped_and_counted() -> None:
    log = RequestLog(lambda data: None, buffer_bytes_max=1000)
    for number in range(50):
        log(record(number))
    assert 0 < log.dropped < 50
    await log.aclose()


async def test_a_log_that_cannot_be_written_harms_no_request() -> None:
    def write(data: bytes) -> None:
        raise BrokenPipeError

    log = RequestLog(write)
    log(record())
    await log.aclose()
    assert log.failed == 1


def values(text: bytes) -> dict[str, float]:
    """The samples of an exposition, by name and labels."""
    lines = [line for line in text.decode().splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_what_is_counted(stage: MakeStage) -> None:
    one = stage(a=[refuses(), says("x"), breaks_off("Once ")], b=says("Once upon"), c=status(401))

    async def play() -> None:
        async with playing(one, settings={"price": Price(input=1, output=1)}, mid_stream=("replay",)) as it:
            metrics = Metrics(lambda: it.router.config, it.router.health, lambda: it.service.in_flight, "1.2")
            for path, model, fields in (
                (CHAT, "chat", {}), (MESSAGES, "chat", {}), (CHAT, "chat", {"stream": True}), (CHAT, "no-xyzzy", {}),
                (CHAT, "openai/gpt-xyzzy", {}), (CHAT, "c", {}), (CHAT, "chat", {"n": 7}),
            ):  # fmt: skip
                await it.ask(path, model, **fields)
            for each in it.records:
                metrics(each)
            metrics.rejected("head_timeout")
            text = metrics.render()
            found = values(text)
            chat = 'ingress="openai",outcome="finished",route="chat",status="200"'
            assert found[f"standby_requests_total{{{chat}}}"] == 2
            assert found['standby_attempts_total{kind="connect",outcome="failed",target="a",why="first"}'] == 1
            assert found['standby_attempts_total{kind="",outcome="finished",target="b",why="replay"}'] == 1
            assert found['standby_handovers_total{from="a",to="b",when="before"}'] == 1
            assert found['standby_handovers_total{from="a",to="b",when="after"}'] == 1
            assert found['standby_rejected_total{reason="not_found"}'] == 1
            assert found['standby_rejected_total{reason="bad_request"}'] == 1
            assert found['standby_rejected_total{reason="head_timeout"}'] == 1
            assert found['standby_target_state{state="closed",target="a"}'] == 1
            assert found['standby_target_state{state="parked",target="c"}'] == 1
            assert found['standby_build_info{version="1.2"}'] == 1
            assert found["standby_in_flight"] == 0
            assert found['standby_request_seconds_count{ingress="anthropic",route="chat"}'] == 1
            assert found['standby_tokens_total{direction="output",route="chat",target="a"}'] > 0
            assert found['standby_tokens_total{direction="output",route="chat",target="b"}'] > 0
            assert found['standby_cost_usd_total{route="chat",target="b"}'] == pytest.approx(
                sum(attempt.cost_usd or 0 for each in it.records for attempt in each.attempts if attempt.target == "b")
            )
            assert b"xyzzy" not in text  # what a client has written makes no series
            before = len(found)
            for number in range(20):
                await it.ask(CHAT, f"openai/gpt-{number}")
                metrics(it.records[-1])
            assert len(values(metrics.render())) <= before + 20

    perform(play())


def test_requests_in_flight_are_seen(stage: MakeStage) -> None:
    one = stage(a=says("x", first_s=5.0))

    async def play() -> None:
        async with playing(one) as it:
            task = asyncio.ensure_future(it.ask(CHAT, seen=Seen()))
            await asyncio.sleep(1)
            assert it.service.in_flight == 1
            await task
            assert it.service.in_flight == 0

    perform(play())


def test_a_target_that_is_gone_stands_nowhere_and_one_that_changes_stands_otherwise(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"))

    async def play() -> None:
        async with playing(one) as it:
            metrics = Metrics(lambda: it.router.config, it.router.health, lambda: it.service.in_flight, "1.2")
            it.router.isolate("a")
            found = values(metrics.render())
            assert found['standby_target_state{state="isolated",target="a"}'] == 1
            assert found['standby_target_state{state="closed",target="b"}'] == 1
            it.router.swap(replace(it.router.config, targets={"b": it.router.config.targets["b"]}, routes={}))
            found = values(metrics.render())
            assert not any('target="a"' in name for name in found)
            assert found['standby_target_state{state="closed",target="b"}'] == 1

    perform(play())


def test_how_late_the_loop_is_is_counted_twice_a_second() -> None:
    async def play() -> None:
        lags: list[float] = []
        meter = LagMeter(lags.append)
        await asyncio.sleep(2.1)
        assert lags == [0.0] * 4
        meter.close()
        await asyncio.sleep(10)
        assert len(lags) == 4

    perform(play())


def _changed_ns(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


async def test_workers_write_their_tallies_down_which_are_added_up_and_gone_on_with(tmp_path: Path) -> None:
    folder = str(tmp_path)
    (tmp_path / "worker-3.json").write_text("half a fi")
    for worker in (1, 2, 1):
        metrics = Metrics(lambda: Config(), lambda: (), lambda: 1, "1.2")
        file = TallyFile(metrics.tallies, folder, worker, metrics.sample)
        metrics(record(route="-", status=200, outcome="finished", total_s=0.3, first_s=0.2, overhead_s=0.001))
        metrics.rejected("stalled")
        metrics.lagged(0.002)
        path = tmp_path / f"worker-{worker}.json"
        before = _changed_ns(path)
        await until(lambda path=path, before=before: _changed_ns(path) != before)  # type: ignore[misc]
        alive = values(rendered(add_up(new_tallies(), folder, 3), "1.2"))
        assert alive["standby_in_flight"] == 1
        await file.close()
    found = values(rendered(add_up(new_tallies(), folder, 3), "1.2"))
    assert found['standby_rejected_total{reason="stalled"}'] == 3
    assert found['standby_requests_total{ingress="openai",outcome="finished",route="-",status="200"}'] == 3
    assert found['standby_request_seconds_sum{ingress="openai",route="-"}'] == pytest.approx(0.9)
    assert found['standby_overhead_seconds_count{ingress="openai",route="-"}'] == 3
    assert found["standby_loop_lag_seconds_count"] == 3
    assert found["standby_in_flight"] == 0, "none of them lives"
    assert found['standby_build_info{version="1.2"}'] == 1
