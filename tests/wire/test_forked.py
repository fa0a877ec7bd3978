"""A process that is forked inherits copies of all sockets: nothing that it does with them reaches the parent's."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from playing import LONG_S, Playing, settled, until
from standby import RoutedStream, Router, Target, WrongLoop, ask_stream
from standby.testing import At, Script, Stall
from ways import Way

TEXT = "One two three four five six."
SLOW = Script(TEXT, delta_delay_s=0.05)

pytestmark = [
    pytest.mark.usefixtures("either_way"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]


class Held:
    """What a service holds when it forks, in attributes, so that it can be dropped.

    Attributes:
        stream: One that is being read.
    """

    def __init__(self, router: Router, stream: RoutedStream | None) -> None:
        self.router: Router | None = router
        self.stream = stream


def _drops(held: Held) -> None:
    held.stream = held.router = None
    gc.collect()


def _drops_the_router(held: Held) -> None:
    """All of it: connector and session too, as a collector does."""
    assert held.router is not None
    shared, held.router._shared, held.stream = held.router._shared, None, None
    assert shared is not None
    for live in shared.generation.all_live():
        live._transport.present = None
    del shared
    gc.collect()


def _closes_the_stream(held: Held) -> None:
    assert held.stream is not None
    asyncio.run(held.stream.aclose())


def _closes_the_router(held: Held) -> None:
    assert held.router is not None
    asyncio.run(held.router.aclose())
    asyncio.run(held.router.aclose())


def _reads(held: Held) -> None:
    async def read() -> None:
        assert held.stream is not None
        async for _ in held.stream:
            pass

    try:
        asyncio.run(asyncio.wait_for(read(), 0.3))
    except Exception:  # noqa: BLE001 - it is refused, or breaks off, or nothing comes: never the parent's bytes
        return


def _uses(held: Held) -> None:
    async def use() -> None:
        assert held.router is not None
        with pytest.raises(WrongLoop, match="make one Router in each worker"):
            await held.router.complete("Hello?")

    asyncio.run(use())


def _enters_anew(held: Held) -> None:
    async def use() -> None:
        assert held.router is not None
        async with held.router as router:
            assert len(router.health()) == 1

    asyncio.run(use())


def _exits(held: Held) -> None:
    """As a worker does that has nothing more to do."""


DEEDS: list[Callable[[Held], None]] = [
    _drops, _drops_the_router, _closes_the_stream, _closes_the_router, _reads, _uses, _enters_anew, _exits,
]  # fmt: skip


def forked(deed: Callable[[Any], None], held: Any, *, until_told: int | None = None) -> int:
    """A child that does it, and waits until a pipe is closed."""
    if child := os.fork():
        return child
    code = 1
    signal.alarm(int(2 * LONG_S))  # whatever happens, it ends
    try:
        sys.unraisablehook = lambda seen: os.write(2, f"{seen.exc_value!r}\n".encode())  # type: ignore[assignment]
        deed(held)
        if until_told is not None:
            os.read(until_told, 1)
        code = 0
    finally:
        os._exit(code)


async def ended(child: int) -> int:
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    return os.waitstatus_to_exitcode(status)


def target(simulator: Playing, **about: Any) -> Target:
    return Target("openai", model="m", name="lead", key="k", base_url=simulator.base_url("lead"), **about)


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_stream_goes_on_whatever_a_forked_process_does(
    simulator: Playing, deed: Callable[[Held], None], either_way: Way
) -> None:
    simulator.play("lead", "Before.", SLOW)
    async with Router([target(simulator)]) as router:
        await router.complete("Hello?")
        await router.complete("Hello?", upstream="single")  # an idle connection beside the busy one
        stream = router.stream("Hello?")
        pieces = stream.text()
        text = await anext(pieces)
        held = Held(router, stream)
        child = forked(deed, held)
        async with asyncio.timeout(LONG_S):
            text += "".join([piece async for piece in pieces])
        assert text == TEXT
        assert await ended(child) == 0
        seen = simulator.connections_seen
        await settled(router, router._entered().generation.all_live()[0].target)
        await router.complete("Hello?")
        fresh = simulator.connections_seen - seen
        assert fresh == (either_way == "public"), "the parent's connections stay in use; the public way keeps none"


def _drops_the_pieces(held: list[Any]) -> None:
    held.clear()
    gc.collect()


def _closes_the_pieces(held: list[Any]) -> None:
    held[0].close()
    held[0].close()


def _reads_the_pieces(held: list[Any]) -> None:
    with pytest.raises(WrongLoop, match="ask anew in each worker"):
        next(held[0])


@pytest.mark.parametrize("deed", [_exits, _drops_the_pieces, _closes_the_pieces, _reads_the_pieces])
async def test_a_synchronous_stream_is_still_woken_by_other_threads(
    simulator: Playing, deed: Callable[[Any], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """It has a loop of its own, on a poll that the child shares: what wakes it may not be taken off."""
    simulator.play("lead", Script(TEXT, (Stall(At.delta(2)),)))
    held = [await asyncio.to_thread(ask_stream, "Hello?", targets=[target(simulator)])]
    await asyncio.to_thread(next, held[0])
    assert await ended(forked(deed, held)) == 0
    [pieces] = held
    reader = asyncio.create_task(asyncio.to_thread(list, pieces))
    await until(pieces._reading._busy.locked)  # type: ignore[attr-defined]
    await asyncio.sleep(0.1)  # it waits for what does not come
    pieces.close()  # type: ignore[attr-defined]
    assert await asyncio.wait_for(reader, 1.0) == [" two"]
    assert capfd.readouterr().err == ""


async def test_a_synchronous_stream_that_was_not_begun_is_read_in_the_child(simulator: Playing) -> None:
    simulator.play("lead", TEXT)
    pieces = await asyncio.to_thread(ask_stream, "Hello?", targets=[target(simulator)])

    def reads(_: Any) -> None:
        read: list[str] = []
        thread = threading.Thread(target=lambda: read.extend(pieces))  # a loop runs in this one
        thread.start()
        thread.join()
        assert "".join(read) == TEXT

    assert await ended(forked(reads, None)) == 0


@pytest.mark.parametrize("deed", [_drops, _closes_the_stream, _closes_the_router])
async def test_a_stream_on_the_callers_own_connector_goes_on_too(
    simulator: Playing, deed: Callable[[Held], None]
) -> None:
    simulator.play("lead", SLOW)
    async with aiohttp.TCPConnector() as connector, Router([target(simulator, connector=connector)]) as router:
        stream = router.stream("Hello?")
        pieces = stream.text()
        text = await anext(pieces)
        child = forked(deed, Held(router, stream))
        async with asyncio.timeout(LONG_S):
            text += "".join([piece async for piece in pieces])
        assert text == TEXT
        assert await ended(child) == 0


async def test_what_is_left_in_the_parent_is_closed_though_a_child_lives_on(simulator: Playing) -> None:
    """The child's copies would keep the connection open, and the provider generating."""
    simulator.play("lead", Script("word " * 200, delta_delay_s=0.05))
    reading, writing = os.pipe()
    async with Router([target(simulator)]) as router:
        stream = router.stream("Hello?")
        await anext(stream)
        child = forked(_exits, Held(router, stream), until_told=reading)
        await stream.aclose()
        [exchange] = simulator.exchanges
        await asyncio.wait_for(exchange.left.wait(), 1)
    os.write(writing, b"!")
    assert await ended(child) == 0
    os.close(reading)
    os.close(writing)


async def test_a_connection_that_is_being_made_is_let_go_of_too(simulator: Playing) -> None:
    async with Router([Target("openai", model="m", key="k", base_url=simulator.black_hole_url())]) as router:
        call = asyncio.create_task(router.complete("Hello?"))
        [live] = router._entered().generation.all_live()
        await until(lambda: live.transport.open_connections)
        await until(lambda: live.transport.descriptors() - {-1})
        inherited = live.transport.descriptors() - {-1}

        def looks(_: Held) -> None:
            for each in inherited:
                assert os.readlink(f"/proc/self/fd/{each}") == os.devnull

        assert await ended(forked(looks, Held(router, None))) == 0
        call.cancel()
        await asyncio.wait([call])
