"""Targets that are reached in the same way share what lies idle; what is one target's stays with it."""

import asyncio
import gc
from dataclasses import replace
from typing import Any

import pytest
import trustme
from standby.providers.http.connector import PooledConnector
from standby.providers.http.idle import Ways
from standby.router.targets.call_targets import KEPT_MAX

from playing import LONG_S, Playing, until
from standby import Config, Router, Target
from standby.testing import Afterwards, At, Script, Stall

CUSTOMERS = 1000


class Wire(asyncio.Transport):
    """Nothing goes over it."""

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        return


def customer(simulator: Playing, number: int, **about: Any) -> Target:
    return Target("openai", **{"model": "m", "base_url": simulator.base_url("lead"), "key": f"key-{number}", **about})


def key_of(exchange: Any) -> str:
    return str(exchange.request.headers["authorization"]).removeprefix("Bearer ")


async def rested(router: Router) -> None:
    """Until each finished exchange has given its connection back."""
    lives = router._entered().generation._made_so_far()
    await until(lambda: not any(live.transport.open_exchanges for live in lives))


VARIED = {
    "key": lambda number: {"key": f"key-{number}"},
    "header": lambda number: {"headers": {"x-request-id": str(number)}},
    "model": lambda number: {"model": f"m-{number}"},
    "clock": lambda number: {"stall_s": 1.0 + number},
}


async def test_a_thousand_targets_of_one_endpoint_use_a_handful_of_connections(simulator: Playing) -> None:
    simulator.play("lead", "Good morning.")
    async with Router(["koala"]) as router:
        for number in range(CUSTOMERS):
            answer = await router.complete("Hello?", targets=[customer(simulator, number)])
            assert answer.text == "Good morning."
        assert simulator.connections_seen <= 5
    assert [key_of(each) for each in simulator.exchanges] == [f"key-{number}" for number in range(CUSTOMERS)]
    await asyncio.wait_for(simulator.emptied(), LONG_S)


@pytest.mark.parametrize("varied", VARIED)
async def test_whatever_tells_targets_apart_connections_are_kept(simulator: Playing, varied: str) -> None:
    simulator.play("lead", "Good morning.")
    async with Router(["koala"]) as router:
        for number in range(20):
            await router.complete("Hello?", targets=[customer(simulator, 0, **VARIED[varied](number))])
            await rested(router)
        assert simulator.connections_seen == 1


@pytest.mark.parametrize("at_once", [8, 40])
async def test_many_at_once_each_get_their_own_answer_over_shared_connections(simulator: Playing, at_once: int) -> None:
    simulator.play("lead", lambda request: f"For {request.headers['authorization']} alone.")
    async with Router(["koala"]) as router:

        async def ask(number: int) -> None:
            for _ in range(3):
                answer = await router.complete("Hello?", targets=[customer(simulator, number)])
                assert answer.text == f"For Bearer key-{number} alone."

        for _ in range(2):
            await asyncio.gather(*(ask(number) for number in range(at_once)))
        assert simulator.connections_seen <= 2 * at_once  # one may have ended before its connection is free
        assert len(simulator.exchanges) == 6 * at_once


async def test_an_answer_that_was_left_answers_no_other_request(simulator: Playing) -> None:
    simulator.play("lead", Script("One two three four.", (Stall(At.delta(2)),)), "Five six.")
    async with Router(["koala"]) as router:
        async with router.stream("Hello?", targets=[customer(simulator, 1)]) as stream:
            async for _ in stream.text():
                break
        answer = await router.complete("Hello?", targets=[customer(simulator, 2)])
        assert answer.text == "Five six."
        assert [each.connection for each in simulator.exchanges] == [1, 2]


async def test_ways_that_differ_share_nothing(simulator: Playing, tmp_path: Any) -> None:
    simulator.play("lead", "Good morning.")
    simulator.play("other", "Good morning.")
    certificates = tmp_path / "ca.pem"
    certificates.write_bytes(trustme.CA().cert_pem.bytes())
    async with Router(["koala"]) as router:
        ways: list[dict[str, Any]] = [
            {}, {"base_url": simulator.base_url("other")}, {"ca_file": str(certificates)}, {"trust_env": True},
        ]  # fmt: skip
        for seen, way in enumerate(ways, 1):
            for number in range(2):
                await router.complete("Hello?", targets=[customer(simulator, 0 if "ca_file" in way else number, **way)])
                await rested(router)
                assert simulator.connections_seen == seen, (way, number)


async def test_a_bound_of_connections_is_each_targets_own(simulator: Playing) -> None:
    simulator.play("lead", Script("One two.", (Stall(At.delta(1)),)), "Three.")
    async with Router(["koala"]) as router:
        one, other = (customer(simulator, number, connections_max=1) for number in range(2))
        async with router.stream("Hello?", targets=[one]) as stream:
            async for _ in stream.text():
                break
            assert (await router.complete("Hello?", targets=[other])).text == "Three."


async def test_what_lies_idle_is_closed_with_the_last_that_could_use_it(simulator: Playing) -> None:
    simulator.play("lead", "Good morning.")
    lead = customer(simulator, 0)
    async with Router(Config.of_targets([lead])) as router:
        await router.complete("Hello?")
        await rested(router)
        ways = router._entered()._ways
        for number in range(KEPT_MAX + 20):
            await router.complete("Hello?", targets=[customer(simulator, 1 + number)])
            await rested(router)
        assert (simulator.connections_seen, simulator.connections_open) == (1, 1)  # though twenty were forgotten
        assert len(ways) == 1

        router.swap(Config.of_targets([replace(lead, key="new")]))  # nothing of the new one was asked yet
        await asyncio.wait_for(simulator.emptied(), LONG_S)
        await router.complete("Hello?")
        assert simulator.connections_seen == 2

        router.swap(Config.of_targets([replace(lead, key="newer")]))
        async with router.stream("Hello?") as stream:
            async for _ in stream:
                router.swap(Config.of_targets([replace(lead, key="newest")]))  # the old one is still in use
                await router.complete("Hello?")
        await until(lambda: not router._entered()._closing)
        await rested(router)
        seen = simulator.connections_seen
        await router.complete("Hello?")  # over one that the older ones have left
        assert simulator.connections_seen == seen
    assert key_of(simulator.exchanges[-1]) == "newest"
    await asyncio.wait_for(simulator.emptied(), LONG_S)


async def test_a_connection_that_a_server_has_closed_is_not_taken_by_another_target(simulator: Playing) -> None:
    simulator.play("lead", Script("Good morning.", (Afterwards(close="fin"),)), "Good day.")
    async with Router(["koala"]) as router:
        await router.complete("Hello?", targets=[customer(simulator, 1)])
        await until(lambda: simulator.connections_open == 0)
        answer = await router.complete("Hello?", targets=[customer(simulator, 2)])
        assert (answer.text, len(answer.report.attempts)) == ("Good day.", 1)


async def test_what_one_has_left_there_is_cleared_away_when_another_one_stays() -> None:
    idle = Ways().idle("a way")
    first, second = (PooledConnector(keepalive_s=10.0, max_age_s=300.0, idle=idle) for _ in range(2))
    line = first._factory()
    line.connection_made(Wire())
    key: Any = object()
    idle[key].append((line, asyncio.get_running_loop().time()))
    await first.close()
    assert key in idle
    assert second._cleanup_handle is not None
    line.connection_lost(None)
    second._cleanup()
    assert not idle
    assert second._cleanup_handle is None
    await second.close()
    assert not idle.users


def test_a_way_is_forgotten_with_its_last_pool() -> None:
    ways = Ways()
    kept, other = ways.idle("a"), ways.idle("b")
    assert ways.idle("a") is kept is not other
    del other
    assert len(ways) == 1


def test_the_pools_of_a_way_are_told_in_the_order_in_which_they_came() -> None:
    """The first one left looks after what lies idle; an order by address would differ from run to run."""

    class Pool:
        def _cleanup(self) -> None:
            """Nothing lies idle."""

    idle, pools = Ways().idle("a way"), [Pool() for _ in range(50)]
    for pool in pools:
        idle.users[pool] = None
    del pools[::2], pool
    gc.collect()
    assert list(idle.users) == pools
