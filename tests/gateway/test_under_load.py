"""A gateway that changes, or ends, while hundreds of requests are under way: none of them is lost.

The whole process but its command line: `run`, a file that is watched, sockets on both sides, and signals.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from standby.config import Serve, load
from standby.config.worker_share import share_of
from standby.gateway import serve as serving
from standby.gateway.process.ending import DONE, Stop
from standby.gateway.process.listening import Listening, bind
from standby.gateway.running import Plan, run

from gateway_play import CHAT, asking
from gateway_stage import PATIENCE_S, Answer, Wire, until
from gateway_upstream import HEAD, Asked, Upstream, upstream
from stage import DONE as STREAM_DONE
from stage import chunk

STREAMS = 200
KEPT, REMOVED = "sk-standby-" + "k" * 32, "sk-standby-" + "r" * 32
WATCH_S = 0.02


def text(url: str, *, keys: tuple[str, ...] = (KEPT,), routes: int = 1, more: str = "", concurrency: int = 400) -> str:
    """A configuration, with one key for each text and so many routes besides `chat`."""
    named = "\n".join(f"    key{place}: {{keys: [{key}]}}" for place, key in enumerate(keys))
    others = "\n".join(f"  other{place}: {{targets: [one]}}" for place in range(routes))
    return f"""
targets:
  one: {{provider: openai, model: m, base_url: {url}, key: k, concurrency: {concurrency}}}
routes:
  chat: {{targets: [one]}}
{others}
serve:
  listen: 127.0.0.1:0
  state: none
  drain_delay_s: 0
  admin: {{enabled: false}}
  keys:
{named}
{more}
"""


@dataclass
class Running:
    """The gateway.

    Attributes:
        told: What operators are told.
        lines: Of the log.
    """

    port: int
    file: Path
    provider: Upstream
    stop: Stop
    ending: "asyncio.Task[int]"
    told: list[str]
    lines: list[bytes]

    def wire(self) -> Wire:
        return Wire("127.0.0.1", self.port)

    async def write(self, content: str) -> None:
        """Put a file in place of the old one, and wait until the gateway has said what it thinks of it."""
        before = len(self.told)
        self.file.write_text(content, encoding="utf-8")
        await until(lambda: len(self.told) > before)

    async def ask(self, key: str = KEPT, *, model: str = "chat", stream: bool = False) -> Answer:
        async with self.wire() as wire:
            return await wire.ask(asking(CHAT, key, model=model, stream=stream))


@asynccontextmanager
async def running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, workers: int = 1, **how: Any
) -> AsyncIterator[Running]:
    monkeypatch.setattr(serving, "WATCH_S", WATCH_S)
    file, stop = tmp_path / "standby.yaml", Stop()
    told: list[str] = []
    lines: list[bytes] = []
    async with upstream() as provider:
        file.write_text(text(provider.url, **how), encoding="utf-8")
        ready: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
        plan = Plan(
            config=share_of(load(file), workers), load=lambda: load(file), files=(file,), write=lines.append,
            share=lambda config: share_of(config, workers), tell=told.append,
        )  # fmt: skip
        where = bind((plan.config.serve or Serve()).address)
        ending = asyncio.create_task(run(plan, where, lambda listening, admin: ready.set_result(listening), stop))
        try:
            listening = await asyncio.wait_for(ready, PATIENCE_S)
            yield Running(listening.address.port, file, provider, stop, ending, told, lines)
        finally:
            stop.ask()
            stop.ask()
            await ending


def slowly(go: asyncio.Event) -> object:
    """A provider that gives a word at once, and the rest when the test says so."""

    async def script(asked: Asked) -> None:
        await asked.send(HEAD, chunk("Once "))
        await go.wait()
        await asked.send(chunk("upon"), chunk(finish="stop"), STREAM_DONE)
        asked.writer.close()

    return script


def words_of(answer: Answer) -> str:
    events = [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


async def test_sigterm_cuts_none_of_200_streams_and_lets_none_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = asyncio.Event()
    async with running(tmp_path, monkeypatch) as it:
        it.provider.script = slowly(go)  # type: ignore[assignment]
        wires = [it.wire() for _ in range(STREAMS)]
        for wire in wires:
            await wire.__aenter__()
            await wire.send(asking(CHAT, KEPT, stream=True))
        for wire in wires:
            await wire.first_bytes()
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: _is_refused(it.port))
        go.set()
        answers = await asyncio.gather(*(wire.answer() for wire in wires))
        assert {(answer.status, answer.is_whole, words_of(answer)) for answer in answers} == {(200, True, "Once upon")}
        assert all(b"data: [DONE]" in answer.body for answer in answers)
        async with asyncio.timeout(PATIENCE_S):
            assert await it.ending == DONE
        lines = [json.loads(line) for data in it.lines for line in data.splitlines()]
        assert [line["outcome"] for line in lines] == ["finished"] * STREAMS
        for wire in wires:
            await wire.leave()


def _is_refused(port: int) -> bool:
    import socket

    with socket.socket() as asking_in:
        return asking_in.connect_ex(("127.0.0.1", port)) != 0


async def test_a_file_that_changes_ten_times_under_load_loses_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, monkeypatch, keys=(KEPT, REMOVED)) as it:
        changing = True

        async def client(stream: bool) -> list[Answer]:
            answers = []
            async with it.wire() as wire:
                while changing:
                    answers.append(await wire.ask(asking(CHAT, KEPT, stream=stream)))
            return answers

        go = asyncio.Event()
        it.provider.script = slowly(go)  # type: ignore[assignment]
        begun_before = [it.wire() for _ in range(STREAMS)]
        for wire in begun_before:
            await wire.__aenter__()
            await wire.send(asking(CHAT, REMOVED, stream=True))
        for wire in begun_before:
            await wire.first_bytes()
        it.provider.script = _at_once
        asking_on = [asyncio.create_task(client(place % 2 == 0)) for place in range(20)]
        for change in range(10):
            keys = (KEPT,) if change % 2 else (KEPT, REMOVED)
            await it.write(text(it.provider.url, keys=keys, routes=change + 2))
            assert (await it.ask(REMOVED)).status == (401 if change % 2 else 200), "at once"
            assert (await it.ask(model=f"other{change + 1}")).status == 200
        changing = False
        answered = [answer for each in await asyncio.gather(*asking_on) for answer in each]
        assert len(answered) > 200
        assert {(answer.status, answer.is_whole) for answer in answered} == {(200, True)}
        go.set()
        for wire in begun_before:
            answer = await wire.answer()
            assert (answer.is_whole, words_of(answer)) == (True, "Once upon"), "its key is gone, and it goes on"
            await wire.leave()
        assert it.told == ["the configuration was read anew"] * 10


async def _at_once(asked: Asked) -> None:
    await asked.send(HEAD, chunk("Once "), chunk("upon"), chunk(finish="stop"), STREAM_DONE)
    asked.writer.close()


WRONG = {
    "no YAML": "targets: [",
    "nothing": "",
    "half of it": "targets:\n  one: {provider: openai, model: m, key: k}\n",
    "a key that two have": "serve",
    "a key file that is not there": "    lost: {key_files: [/nowhere/keys]}",
    "an alias of nothing": "  aliases: {gpt: nothing-at-all}",
    "a route without its target": "routes",
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_file_changes_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with running(tmp_path, monkeypatch) as it:
        good, wrong = text(it.provider.url), WRONG[name]
        if wrong == "serve":
            wrong = text(it.provider.url, keys=(KEPT, KEPT), routes=3)
        elif wrong == "routes":
            wrong = good.replace("chat: {targets: [one]}", "chat: {targets: [two]}")
        elif wrong.startswith(" "):
            wrong = text(it.provider.url, keys=(REMOVED,), routes=3, more=wrong)
        await it.write(wrong)
        assert it.told[-1].startswith("reload_failed: ")
        assert not any(key in told for key in (KEPT, REMOVED) for told in it.told)
        assert (await it.ask()).status == 200
        assert (await it.ask(REMOVED)).status == 401
        assert (await it.ask(model="other2")).status == 404, "nor are its routes"
        await asyncio.sleep(5 * WATCH_S)
        assert len(it.told) == 1, "once"
        await it.write(text(it.provider.url, keys=(REMOVED,)))
        assert [(await it.ask(key)).status for key in (KEPT, REMOVED)] == [401, 200]


async def test_keys_in_a_file_of_their_own_are_watched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"{KEPT}\n", encoding="utf-8")
    async with running(tmp_path, monkeypatch, keys=(REMOVED,)) as it:
        with_file = text(it.provider.url, keys=(REMOVED,), more=f"    filed: {{key_files: [{keys}]}}")
        await it.write(with_file)
        assert [(await it.ask(key)).status for key in (KEPT, REMOVED)] == [200, 200]
        keys.write_text("sk-standby-" + "n" * 32 + "\n", encoding="utf-8")
        await until(lambda: len(it.told) == 2)
        assert [(await it.ask(key)).status for key in (KEPT, REMOVED)] == [401, 200]


async def test_a_worker_reads_a_file_anew_whose_limits_are_enough_for_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own part of a limit may well be smaller than the number of workers."""
    shares = "  workers: 4"
    async with running(tmp_path, monkeypatch, more=shares, workers=4) as it:
        await it.write(text(it.provider.url, more=shares, concurrency=4, routes=2))
        assert it.told == ["the configuration was read anew"]
        assert (await it.ask(model="other1")).status == 200
        await it.write(text(it.provider.url, more=shares, concurrency=3))
        assert "is smaller than the number of workers" in it.told[-1]
