"""Calls without a Router of one's own, on real sockets: asynchronous, synchronous, and where they are refused."""

import asyncio
import gc
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standby.config import NoTargets

import standby
from playing import LONG_S, Playing, until
from standby import CallFailed, ErrorKind, Router, Target, WrongLoop
from standby.testing import At, Failure, Script, Simulator, Stall

TEXT = "Good morning to you all."


def target(simulator: Simulator, name: str = "lead", **about: Any) -> Target:
    return Target("openai", model="m", name=name, base_url=simulator.base_url(name), **{"key": "k", **about})


async def test_stream_closes_what_it_opened(simulator: Playing) -> None:
    simulator.play("lead", TEXT)
    async with standby.stream("Hello?", targets=[target(simulator)]) as stream:
        assert "".join([piece async for piece in stream.text()]) == TEXT
        assert stream.report.outcome == "finished"
    await simulator.emptied()


async def test_stream_closes_what_it_opened_when_it_is_left(simulator: Playing) -> None:
    simulator.play("lead", Script(TEXT, (Stall(At.delta(2)),)))
    async with standby.stream("Hello?", targets=[target(simulator)]) as stream:
        async for _ in stream.text():
            break
    await asyncio.wait_for(simulator.emptied(), LONG_S)
    assert simulator.exchanges[0].ended == "left"


async def test_stream_without_a_block_closes_at_its_end(simulator: Playing) -> None:
    simulator.play("lead", TEXT)
    stream = standby.stream("Hello?", targets=[target(simulator)])
    assert [event async for event in stream][-1].reason == "stop"  # type: ignore[union-attr]
    await asyncio.wait_for(simulator.emptied(), LONG_S)


async def test_a_stream_that_is_never_read_opens_nothing(simulator: Playing) -> None:
    simulator.play("lead", TEXT)
    async with standby.stream("Hello?", targets=[target(simulator)]):
        pass
    standby.stream("Hello?", targets=[target(simulator)])
    assert not simulator.connections_seen


async def test_complete_closes_what_it_opened(simulator: Playing) -> None:
    simulator.play("lead", Failure(ErrorKind.AUTH))
    simulator.play("next", TEXT)
    answer = await standby.complete("Hello?", targets=[target(simulator), target(simulator, "next")])
    assert (answer.text, answer.target) == (TEXT, "next")
    await simulator.emptied()


async def test_complete_closes_what_it_opened_when_it_is_cancelled(simulator: Playing) -> None:
    simulator.play("lead", Script(TEXT, (Stall(At.delta(2)),)))
    task = asyncio.create_task(standby.complete("Hello?", targets=[target(simulator)]))
    exchange = await simulator.asked("lead")
    await until(lambda: exchange.bytes_written)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await asyncio.wait_for(exchange.left.wait(), LONG_S)


@pytest.mark.parametrize("targets", [None, [], ()])
async def test_without_targets_nothing_is_made_up(targets: Any) -> None:
    with pytest.raises(NoTargets, match=r"targets=\['koala', 'openai/gpt-5-mini'\]"):
        await standby.complete("Hello?", targets=targets)
    with pytest.raises(NoTargets):
        standby.stream("Hello?", targets=targets)


async def test_a_connector_of_the_callers_own_is_used_and_stays_open(simulator: Playing) -> None:
    simulator.play("lead", TEXT)
    async with aiohttp.TCPConnector() as connector:
        for _ in range(2):
            lead = target(simulator, connector=connector)
            assert (await standby.complete("Hello?", targets=[lead])).text == TEXT
            async with standby.stream("Hello?", targets=[lead]) as stream:
                assert "".join([piece async for piece in stream.text()]) == TEXT
            assert not connector.closed


async def test_a_proxy_is_asked_in_the_providers_place(simulator: Playing) -> None:
    simulator.play("lead", "Never asked directly.")
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        body = b'data: {"choices":[{"delta":{"content":"By proxy."},"finish_reason":"stop"}]}\n\n'
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        writer.write(head + body)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        where = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        answer = await standby.complete("Hello?", targets=[target(simulator, proxy=where)])
    assert answer.text == "By proxy."
    assert asked[0].startswith(f"POST {simulator.base_url('lead')}/chat/completions HTTP/1.1\r\n".encode())
    assert not simulator.exchanges


async def test_a_key_file_is_read_anew_when_it_has_changed(simulator: Playing, tmp_path: Path) -> None:
    simulator.play("lead", TEXT)
    path = tmp_path / "key"
    async with Router([target(simulator, key=None, key_file=str(path))]) as router:
        for number, key in enumerate(("first-key", "second-key")):
            path.write_text(key, encoding="utf-8")
            os.utime(path, ns=(number, number))
            await router.complete("Hello?")
    sent = [exchange.request.headers["authorization"] for exchange in simulator.exchanges]
    assert sent == ["Bearer first-key", "Bearer second-key"]


async def test_a_key_callback_is_asked_for_every_attempt(simulator: Playing) -> None:
    simulator.play("lead", TEXT)
    keys = iter(["token-1", "token-2"])

    async def token() -> str:
        return next(keys)

    async with Router([target(simulator, key=token)]) as router:
        for _ in range(2):
            await router.complete("Hello?")
    sent = [exchange.request.headers["authorization"] for exchange in simulator.exchanges]
    assert sent == ["Bearer token-1", "Bearer token-2"]


async def test_a_key_callback_that_raises_only_costs_its_target(simulator: Playing) -> None:
    simulator.play("lead", "Never asked.")
    simulator.play("next", TEXT)

    async def token() -> str:
        raise KeyError("vault")

    answer = await standby.complete("Hi", targets=[target(simulator, key=token), target(simulator, "next")])
    assert (answer.text, answer.target) == (TEXT, "next")
    line = answer.report.attempts[0].line()
    assert line.startswith("lead: auth after 0.0")
    assert line.endswith(" s, the key callback raised KeyError")


# Synchronous


class Served:
    """A simulator on a loop of its own, in a thread of its own, for callers without a loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.simulator = Simulator()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self.simulator.start())

    def run(self, play: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(play, self.loop).result(LONG_S)

    def close(self) -> None:
        self.run(self.simulator.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LONG_S)
        self.loop.close()


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    yield one
    one.close()


def test_ask(served: Served) -> None:
    served.simulator.play("lead", TEXT)
    answer = standby.ask("Hello?", targets=[target(served.simulator)], temperature=0.5)
    assert answer.text == TEXT
    assert served.simulator.exchanges[0].request.json["temperature"] == 0.5
    served.run(served.simulator.emptied())


def test_ask_that_fails(served: Served) -> None:
    served.simulator.play("lead", Failure(ErrorKind.AUTH))
    with pytest.raises(CallFailed) as caught:
        standby.ask("Hello?", targets=[target(served.simulator)])
    assert caught.value.kind is ErrorKind.AUTH


def test_ask_stream_gives_the_text_as_it_comes(served: Served) -> None:
    served.simulator.play("lead", Script(TEXT, (Stall(At.delta(2)),)))
    pieces = standby.ask_stream("Hello?", targets=[target(served.simulator)])
    assert [next(pieces), next(pieces)] == ["Good", " morning"]
    pieces.close()  # type: ignore[attr-defined]
    [exchange] = served.simulator.exchanges
    served.run(asyncio.wait_for(exchange.left.wait(), LONG_S))
    served.run(served.simulator.emptied())


def _break(served: Served) -> None:
    for _ in standby.ask_stream("Hello?", targets=[target(served.simulator)]):
        break
    gc.collect()


def _raise(served: Served) -> None:
    with pytest.raises(KeyError):
        for _ in standby.ask_stream("Hello?", targets=[target(served.simulator)]):
            raise KeyError
    gc.collect()


def _forget(served: Served) -> None:
    next(iter(standby.ask_stream("Hello?", targets=[target(served.simulator)])))
    gc.collect()


@pytest.mark.parametrize("leave", [_break, _raise, _forget])
def test_leaving_ask_stream_closes_the_socket(served: Served, leave: Callable[[Served], None]) -> None:
    served.simulator.play("lead", Script(TEXT, (Stall(At.delta(2)),)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        leave(served)
    [exchange] = served.simulator.exchanges
    served.run(asyncio.wait_for(exchange.left.wait(), LONG_S))


def test_ask_stream_to_its_end(served: Served) -> None:
    served.simulator.play("lead", TEXT)
    assert "".join(standby.ask_stream("Hello?", targets=[target(served.simulator)])) == TEXT
    served.run(served.simulator.emptied())


def test_ask_stream_refuses_early(served: Served) -> None:
    """What is wrong with the call is said when it is made, not when the first piece is asked for."""
    with pytest.raises(NoTargets):
        standby.ask_stream("Hello?", targets=[])


async def test_the_synchronous_ones_refuse_a_running_loop() -> None:
    with pytest.raises(WrongLoop, match=r"await standby\.complete\(…\)"):
        standby.ask("Hello?", targets=["koala"])
    with pytest.raises(WrongLoop, match=r"async with standby\.stream\(…\)"):
        standby.ask_stream("Hello?", targets=["koala"])


def test_ask_in_several_threads(served: Served) -> None:
    served.simulator.play("lead", TEXT)
    lead = target(served.simulator)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: standby.ask("Hello?", targets=[lead]).text, range(16)))
    assert answers == [TEXT] * 16


# One Router, one loop, one process


def test_each_loop_has_its_own_router(served: Served) -> None:
    served.simulator.play("lead", TEXT)
    router = Router([target(served.simulator)])

    async def use() -> str:
        async with router:
            return (await router.complete("Hello?")).text

    assert [asyncio.run(use()), asyncio.run(use())] == [TEXT, TEXT]


def test_a_router_is_refused_in_another_loop(served: Served) -> None:
    served.simulator.play("lead", TEXT)
    router = Router([target(served.simulator)])

    def elsewhere() -> None:
        async def use() -> None:
            with pytest.raises(WrongLoop, match="make one Router for each loop"):
                await router.complete("Hello?")

        asyncio.run(use())

    async def use() -> str:
        async with router:
            await asyncio.to_thread(elsewhere)
            return (await router.complete("Hello?")).text

    assert asyncio.run(use()) == TEXT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_router_is_refused_in_a_forked_process(served: Served) -> None:
    served.simulator.play("lead", TEXT)

    async def use() -> int:
        async with Router([target(served.simulator)]) as router:
            assert (await router.complete("Hello?")).text == TEXT
            child = os.fork()
            if child == 0:
                code = 3
                try:
                    router.stream("Hello?")
                except WrongLoop as refused:
                    code = 0 if "make one Router in each worker" in str(refused) else 2
                finally:
                    os._exit(code)
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            return os.waitstatus_to_exitcode(status)

    assert asyncio.run(use()) == 0
