"""The baseline: what one writes by hand for one provider, and no more.

It has no clocks, no health, no report and no retries; when a provider fails, the next URL is asked. `Loop` opens its
session as aiohttp's documentation shows it. `TunedLoop` leaves out of a session whatever costs time and can be left
out: what aiohttp allows at best, and so the floor for anything that stands on it. `LoopAtOnce` sends a request as soon
as it is made, which aiohttp itself does from Python 3.12 on. Before, it sends in the loop's next turn, those of all
callers together: on one machine that wakes a sleeping upstream once for all of them, and costs the less.
"""

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from types import SimpleNamespace
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from ..wire import MODEL


class _Delta(msgspec.Struct):
    role: str | None = None
    content: str | None = None


class _Choice(msgspec.Struct):
    index: int
    delta: _Delta
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Chunk(msgspec.Struct):
    id: str
    model: str
    choices: list[_Choice]
    usage: _Usage | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | None = None


class _WholeChoice(msgspec.Struct):
    index: int
    message: _Message
    finish_reason: str | None = None


class _Whole(msgspec.Struct):
    id: str
    model: str
    choices: list[_WholeChoice]
    usage: _Usage | None = None


decode_chunk = msgspec.json.Decoder(_Chunk).decode
decode_whole = msgspec.json.Decoder(_Whole).decode


_HEADERS = {"Authorization": "Bearer sk-bench", "Content-Type": "application/json"}


class Loop:
    """aiohttp, whole reads, typed decoding."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        self._urls: list[str | URL] = [f"{url}/chat/completions" for url in urls]
        self._session = self._new_session(connections)

    def _new_session(self, connections: int) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections), headers=_HEADERS)

    async def call(self) -> int:
        async with await self._ask(self._urls, stream=False) as response:
            answer = decode_whole(await response.read())
        return len(answer.choices[0].message.content or "")

    async def stream(self) -> int:
        for index in range(len(self._urls)):
            try:
                return await self._read(self._urls[index:])
            except aiohttp.ClientPayloadError:
                continue  # what was read is thrown away, and the next URL begins anew
        raise ValueError("no URL answered to the end")

    async def _read(self, urls: list[str | URL]) -> int:
        deltas = 0
        async with await self._ask(urls, stream=True) as response:
            rest = b""
            while data := await response.content.readany():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event == b"data: [DONE]":
                        return deltas
                    for choice in decode_chunk(event[6:]).choices:
                        if choice.delta.content:
                            deltas += 1
        raise ValueError("the stream ended without [DONE]")

    async def hold(self) -> object:
        response = await self._ask(self._urls, stream=True)
        for event in (await response.content.readany()).split(b"\n\n")[:-1]:
            decode_chunk(event[6:])
        return response

    async def aclose(self) -> None:
        await self._session.close()

    async def _ask(self, urls: list[str | URL], *, stream: bool) -> aiohttp.ClientResponse:
        body = msgspec.json.encode(
            {"model": MODEL, "messages": [{"role": "user", "content": "Why is the sky blue?"}], "stream": stream}
        )
        for url in urls:
            try:
                response = await self._session.post(url, data=body)
            except aiohttp.ClientConnectionError:
                continue
            if response.status == 200:
                return response
            await response.read()
        raise ValueError("no URL answered")


class TunedLoop(Loop):
    """No timer per request and read, no cookies, no headers but ours, URLs that are parsed once."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        await super().start(urls, connections)
        self._urls = [URL(url) for url in self._urls]

    def _new_session(self, connections: int) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=None, connect=5),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={**_HEADERS, "User-Agent": "loop", "Accept": "*/*", "Accept-Encoding": "identity"},
            auto_decompress=False,
        )


class LoopAtOnce(Loop):
    """Each request is sent when it is made, on any Python."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        if sys.version_info < (3, 12):
            at_once = SimpleNamespace(**vars(asyncio) | {"create_task": _run_at_once})
            aiohttp.client_reqrep.asyncio = at_once  # type: ignore[attr-defined]  # this process measures nothing else
        await super().start(urls, connections)


def _run_at_once(writing: Coroutine[Any, Any, None]) -> SimpleNamespace:
    """What a task is that has ended in its first step: to write a small request waits for nothing."""
    try:
        writing.send(None)
    except StopIteration:
        return SimpleNamespace(done=lambda: True)
    raise RuntimeError("the request was not taken at once")
