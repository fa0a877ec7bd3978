"""Two thousand calls that go wrong in every way leave nothing behind: no socket, no task, no connection, no permit."""

import asyncio
import gc
import os
import random
from collections import Counter

import pytest
from standby.config import Health, Limits, Retry

from playing import Playing, live_of, until
from standby import CallFailed, Config, ErrorKind, Route, Router, Target
from standby.testing import (
    Answer,
    At,
    Cut,
    ErrorEvent,
    Failure,
    LeaveOut,
    Malformed,
    Page,
    Request,
    Script,
    Stall,
    blocked,
    redirect,
)

CALLS = 2000
AT_ONCE = 20
TEXT = "All of this was said in one go."

FAULTS: tuple[Script | Answer | Failure | Page, ...] = (
    Script(TEXT, (Cut(At.head(), rst=True),)),
    Script(TEXT, (Cut(At.head()),)),
    Script(TEXT, (Cut(At.body(0)),)),
    Script(TEXT, (Cut(At.delta(0)),)),
    Script(TEXT, (Cut(At.delta(3), rst=True),)),
    Script(TEXT, (Cut(At.delta(3)),)),
    Script(TEXT, (Stall(At.head()),)),
    Script(TEXT, (Stall(At.delta(3)),)),
    Script(TEXT, (Malformed(At.delta(0)),)),
    Script(TEXT, (Malformed(At.delta(3)),)),
    Script(TEXT, (ErrorEvent(At.delta(0), Failure(ErrorKind.OVERLOADED)),)),
    Script(TEXT, (ErrorEvent(At.delta(3), Failure(ErrorKind.OVERLOADED)),)),
    Script(TEXT, (LeaveOut(("finish", "usage", "marker")),)),
    Script(TEXT, keep_alive=False),
    Script(TEXT, (Cut(At.end()),), framing="close"),
    Answer(""),
    Failure(ErrorKind.SERVER_ERROR),
    Failure(ErrorKind.OVERLOADED, retry_after_s=0.001),
    Failure(ErrorKind.RATE_LIMITED, retry_after_s=0.001),
    Failure(ErrorKind.RATE_LIMITED),
    Failure(ErrorKind.AUTH),
    Failure(ErrorKind.BAD_REQUEST),
    Page(b"<html></html>"),
    blocked(),
    redirect("https://elsewhere.test/"),
)
PATIENT = Health(
    failures_in_row=1_000_000,
    window_min_calls=1_000_000,
    park_auth_s=0.001,
    park_quota_s=0.001,
    park_not_found_s=0.001,
    park_rate_limited_s=0.001,
)
"""No target is left alone for long, so that every call meets faults."""


def open_files() -> int:
    """How many files and sockets are open; 0 where the system does not tell."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


async def test_nothing_is_left_of_two_thousand_faulty_calls(simulator: Playing) -> None:
    drawn = random.Random(2000)

    def faulty(_: Request) -> Script | Answer | Failure | Page:
        return drawn.choice(FAULTS)

    def shaky(_: Request) -> Script | Answer | Failure | Page:
        return drawn.choice(FAULTS) if drawn.random() < 0.5 else Script(TEXT)

    simulator.play("worst", faulty)
    simulator.play("bad", faulty)
    simulator.play("shaky", shaky)
    where = {name: simulator.base_url(name) for name in ("worst", "bad", "shaky")}
    where = {"refused": simulator.refused_url(), **where}
    config = Config(
        targets={
            name: Target("openai", model="m", name=name, key="k", base_url=url, body={"named": name})
            for name, url in where.items()
        },
        routes={
            "quiet": Route(("worst", "refused", "bad", "shaky")),
            "loud": Route(("bad", "worst", "shaky", "refused"), mid_stream=("replay", "restart")),
        },
        limits=Limits(connect_s=0.5, first_delta_s=0.02, stall_s=0.02, tail_s=0.01, deadline_s=0.3, reserve_s=0.05),
        retry=Retry(attempts=2, backoff_s=0.001, backoff_max_s=0.002, budget_floor_per_s=1000),
        health=PATIENT,
    )
    ends: Counter[str] = Counter()
    files, tasks, connections = open_files(), asyncio.all_tasks(), simulator.connections_open

    async with Router(config) as router:
        left = iter(range(CALLS))

        async def caller() -> None:
            for number in left:
                ends[await one_call(router, drawn, number)] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(caller())
        transports = [live_of(router, name).transport for name in where]
        await until(lambda: all(transport.open_exchanges == 0 for transport in transports))
        assert all(transport.open_connections <= AT_ONCE for transport in transports), "idle ones at most"

    assert sum(ends.values()) == CALLS
    assert {"answered", "left", "cancelled", "StreamInterrupted", "AllTargetsFailed"} <= set(ends)
    await until(lambda: simulator.connections_open == connections)
    gc.collect()
    assert open_files() == files
    assert asyncio.all_tasks() == tasks


async def one_call(router: Router, drawn: random.Random, number: int) -> str:
    """One call in one of five manners; how it ended."""
    route = "loud" if number % 2 else "quiet"
    try:
        if number % 5 == 0:
            await router.complete("Hello?", route=route, deadline_s=0.3)
            return "answered"
        if number % 5 == 1:
            task = asyncio.create_task(read(router, route))
            await asyncio.wait([task], timeout=drawn.uniform(0, 0.02))
            task.cancel()
            await asyncio.wait([task])
            return "cancelled" if task.cancelled() else _how(task.exception())
        return await read(router, route, break_at=3 if number % 5 == 2 else None)
    except CallFailed as failure:
        return type(failure).__name__


async def read(router: Router, route: str, break_at: int | None = None) -> str:
    seen = 0
    async with router.stream("Hello?", route=route) as stream:
        async for _ in stream:
            seen += 1
            if seen == break_at:
                return "left"
    return "answered"


def _how(error: BaseException | None) -> str:
    if error is not None and not isinstance(error, CallFailed):
        pytest.fail(f"a call ended with {error!r}")
    return "answered" if error is None else type(error).__name__
