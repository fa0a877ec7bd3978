"""A drill plays on a loop of its own, and patches nothing in the process: a service may run beside it."""

import asyncio
import random
import sys
import time
from typing import Any

import pytest
from standby.config import Price
from standby.router.limits.ledger import Ledger
from standby.simulator.drill.drill import drill
from standby.simulator.drill.words import Latency, Spell
from standby.simulator.virtual.loop import WALL_EPOCH_S

from standby import Config, Target
from standby.adapters import TransportOptions, WireRequest, http_transport
from standby.testing import Answer, Simulator

WATCHED = ("asyncio", "time", "socket", "selectors", "ssl", "random", "os", "aiohttp", "standby")
"""What a test of time or of a network is tempted to patch: these modules, those below them, and their classes."""

CONFIG = Config.of_targets(
    (
        Target("openai", model="m", name="lead", budget_day=1.0, price=Price(input=1.0, output=1.0)),
        Target("openai", model="m", name="spare"),
    )
)


def attributes() -> dict[tuple[str, str], int]:
    """Which object each attribute of the watched modules, and of their classes, is."""
    found: dict[tuple[str, str], int] = {}
    for name, module in tuple(sys.modules.items()):
        if name.partition(".")[0] not in WATCHED or module is None:
            continue
        for attribute, value in tuple(vars(module).items()):
            found[name, attribute] = id(value)
            if isinstance(value, type) and value.__module__ == name:
                for inner, held in tuple(vars(value).items()):
                    found[f"{name}.{attribute}", inner] = id(held)
    return found


class Looking(Latency, frozen=True):
    """The latency of a target that is asked in the middle of a drill: a place to look from."""

    def drawn_s(self, rng: random.Random) -> float:
        SEEN.append(attributes())
        return super().drawn_s(rng)


SEEN: list[dict[tuple[str, str], int]] = []


def changed(before: dict[tuple[str, str], int], now: dict[tuple[str, str], int]) -> list[str]:
    """What is another object now. What keeps state is none of it: counters, caches, and what was loaded since."""
    return [f"{owner}.{name}" for (owner, name), what in before.items() if now.get((owner, name), what) != what]


def played() -> None:
    SEEN.clear()
    drill(CONFIG, [Spell("lead", "fail", 1.0, 2.0)], latencies={"lead": Looking()}, rate=2.0, for_s=4.0)


def test_no_attribute_of_the_process_is_another_one_before_while_and_after_a_drill() -> None:
    played()  # what is loaded and remembered at the first use is there now
    before = attributes()
    played()
    assert SEEN
    for now in (*SEEN, attributes()):
        assert changed(before, now) == []


def test_an_attribute_that_is_patched_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = attributes()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(asyncio.BaseEventLoop, "call_at", None)
    assert set(changed(before, attributes())) == {"asyncio.base_events.BaseEventLoop.call_at", "time.time"}


def test_budgets_and_hints_of_a_drill_follow_its_own_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[float] = []
    made = Ledger.__init__

    def noted(ledger: Ledger, wall: Any) -> None:
        read.append(wall())
        made(ledger, wall)

    monkeypatch.setattr(Ledger, "__init__", noted)
    played()
    assert read
    assert all(WALL_EPOCH_S <= at_s <= WALL_EPOCH_S + 60.0 for at_s in read)


async def test_a_drill_in_a_thread_leaves_the_dates_of_a_service_beside_it_alone() -> None:
    async with Simulator() as simulator:
        simulator.play("lead", Answer("It rains."))
        wire = WireRequest(simulator.base_url("lead") + "/chat/completions", {}, b"{}")
        transport = http_transport(TransportOptions())
        drilled = asyncio.create_task(asyncio.to_thread(drill, CONFIG, rate=1.0, for_s=600.0))
        dates = []
        while not drilled.done():
            exchange = await transport.open(wire, connect_s=5.0, expect_stream=False)
            dates.append(exchange.head.now_s - time.time())
            exchange.close()
        await transport.aclose()
    assert (await drilled).calls == 600
    assert dates
    assert all(abs(off_s) < 600.0 for off_s in dates), "the calendar of the drill is weeks away"
