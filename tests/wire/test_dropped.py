"""Answers that are dropped, or closed, in another thread or on another loop than they are read on."""

import asyncio
import gc
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import standby
from playing import LONG_S, Playing, until
from standby import Router, StreamBusy, Target
from standby.testing import At, Script, Simulator, Stall

TEXT = "One two three four."
STALLED = Script(TEXT, (Stall(At.delta(1)),))
TICKING = Script("word " * 400, delta_delay_s=0.01)


class Loop:
    """An event loop that runs in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, play: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(play, self.loop).result(LONG_S)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LONG_S)
        self.loop.close()


@pytest.fixture
def provider() -> Iterator[tuple[Loop, Simulator]]:
    """A simulator in a thread of its own."""
    there, simulator = Loop(), Simulator()
    there.run(simulator.start())
    yield there, simulator
    there.run(asyncio.wait_for(simulator.emptied(), LONG_S))
    there.run(simulator.aclose())
    there.close()
    for thread in threading.enumerate():
        if thread.name == "standby-closing":  # it has closed the connection, and ends its loop
            thread.join(LONG_S)
            assert not thread.is_alive()


def target(simulator: Simulator) -> Target:
    return Target("openai", model="m", name="lead", base_url=simulator.base_url("lead"), key="k")


def opened(simulator: Simulator) -> tuple[Any, str]:
    """A synchronous stream, of which a piece was read."""
    pieces = standby.ask_stream("Hello?", targets=[target(simulator)])
    return pieces, next(pieces)


def _in_a_thread(drop: Callable[[], None]) -> None:
    thread = threading.Thread(target=drop)
    thread.start()
    thread.join()


def _on_a_loop(drop: Callable[[], None]) -> None:
    async def play() -> None:
        drop()

    asyncio.run(play())


def _on_a_loop_in_a_thread(drop: Callable[[], None]) -> None:
    _in_a_thread(lambda: _on_a_loop(drop))


def _here(drop: Callable[[], None]) -> None:
    drop()


@pytest.mark.parametrize("where", [_here, _in_a_thread, _on_a_loop, _on_a_loop_in_a_thread])
@pytest.mark.parametrize("way", ["is dropped", "is dropped in a cycle", "is closed"])
def test_a_synchronous_stream_closes_its_connection_wherever_it_is_left(
    provider: tuple[Loop, Simulator], where: Callable[[Callable[[], None]], None], way: str
) -> None:
    there, simulator = provider
    simulator.play("lead", TICKING)
    held: list[Any] = [opened(simulator)[0]]
    if way == "is dropped in a cycle":
        held.append(held)
        held[0].itself = held

    def leave() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if way == "is closed":
                held[0].close()
                held[0].close()
            else:
                held.clear()
                gc.collect()

    where(leave)
    there.run(asyncio.wait_for(simulator.exchanges[0].left.wait(), 1.0))


def test_a_synchronous_stream_may_be_read_in_one_thread_after_another(provider: tuple[Loop, Simulator]) -> None:
    _, simulator = provider
    simulator.play("lead", TEXT)
    pieces, text = opened(simulator)
    read: list[str] = [text]
    while read[-1] is not None:
        _in_a_thread(lambda: read.append(next(pieces, None)))  # type: ignore[arg-type]
    assert "".join(read[:-1]) == TEXT
    assert next(pieces, None) is None


def test_closing_a_synchronous_stream_ends_the_thread_that_reads_it(provider: tuple[Loop, Simulator]) -> None:
    there, simulator = provider
    simulator.play("lead", STALLED)
    pieces, _ = opened(simulator)
    ended: list[object] = []
    reader = threading.Thread(target=lambda: ended.append(next(pieces, None)))
    reader.start()
    while not pieces._reading._busy.locked():
        pass
    with pytest.raises(StreamBusy):
        next(pieces)
    pieces.close()
    reader.join(LONG_S)
    assert ended == [None]
    there.run(asyncio.wait_for(simulator.exchanges[0].left.wait(), 1.0))


async def test_where_a_loop_runs_a_synchronous_stream_is_read_on_it(simulator: Playing) -> None:
    """As a web framework does that takes iterables of both kinds: a client that leaves cancels the wait."""
    simulator.play("lead", TEXT, STALLED)
    pieces = await asyncio.to_thread(standby.ask_stream, "Hello?", targets=[target(simulator)])
    assert "".join([piece async for piece in pieces]) == TEXT  # type: ignore[attr-defined]
    pieces = await asyncio.to_thread(standby.ask_stream, "Hello?", targets=[target(simulator)])

    async def read() -> None:
        async for _ in pieces:  # type: ignore[attr-defined]
            pass

    reader = asyncio.create_task(read())
    await until(lambda: len(simulator.exchanges) == 2)
    exchange = simulator.exchanges[1]
    await until(lambda: exchange.bytes_written)
    reader.cancel()
    await asyncio.wait([reader])
    assert reader.cancelled()
    await asyncio.wait_for(exchange.left.wait(), 1.0)
    with pytest.raises(StreamBusy, match="without a loop"):
        await anext(pieces.__aiter__())  # type: ignore[attr-defined]
    await simulator.emptied()


@pytest.mark.parametrize("one_shot", [False, True])
def test_a_stream_that_is_dropped_in_another_thread_is_closed_on_its_loop(
    provider: tuple[Loop, Simulator], *, one_shot: bool
) -> None:
    there, simulator = provider
    simulator.play("lead", STALLED)
    here = Loop()
    here.loop.set_debug(True)  # which refuses what is not safe from another thread
    router = Router([target(simulator)])

    async def open_one() -> Any:
        if one_shot:
            stream = standby.stream("Hello?", targets=[target(simulator)])
        else:
            router.enter()
            stream = router.stream("Hello?")
        await anext(stream)
        return stream

    held = [here.run(open_one())]
    with pytest.warns(ResourceWarning, match="dropped without being closed"):
        held.clear()
        gc.collect()
    there.run(asyncio.wait_for(simulator.exchanges[0].left.wait(), 1.0))
    here.run(router.aclose())
    here.close()
    gc.collect()
