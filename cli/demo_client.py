"""The client of the gateway's demo, which knows nothing of standby: OpenAI's own SDK, or its wire over plain HTTP.

Either is what a user has: the SDK if it is installed, else the standard library's HTTP client.
"""

import asyncio
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

Hear = Callable[[str], None]
"""Called with each piece of text, as it comes."""

PATIENCE_S = 60.0


@dataclass
class Heard:
    """What the client saw of a stream.

    Attributes:
        client: Its name, and its version where it has one.
        ids: The ids of the answer's pieces.
        finishes: How it was told that the answer ended.
        error: What went wrong, as it was told.
    """

    client: str
    ids: set[str] = field(default_factory=set)
    finishes: list[str] = field(default_factory=list)
    error: str | None = None

    def take(self, chunk: Any, hear: Hear) -> None:
        """Take a piece of a stream, as an object of JSON."""
        self.ids.add(chunk["id"])
        for choice in chunk["choices"]:
            if finish := choice.get("finish_reason"):
                self.finishes.append(finish)
            if text := choice["delta"].get("content"):
                hear(text)


def client_name() -> str:
    """The client that will ask."""
    if find_spec("openai") is None:
        return "a plain HTTP client"
    return f"OpenAI's own client {import_module('openai').__version__}"


async def ask(url: str, question: str, hear: Hear) -> Heard:
    """Ask for a stream, and read it to its end."""
    asking = _by_sdk if find_spec("openai") is not None else _by_http
    return await asking(url, question, hear)


async def _by_sdk(url: str, question: str, hear: Hear) -> Heard:
    """Ask by the SDK. Its types are not looked at: it is not a part of this package."""
    openai: Any = import_module("openai")
    heard = Heard(client_name())
    direct = openai.DefaultAsyncHttpxClient(trust_env=False)  # a proxy of the user's has no way to this machine
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", http_client=direct) as client:
        try:
            stream = await client.chat.completions.create(
                model="default", messages=[{"role": "user", "content": question}], stream=True
            )
            async for chunk in stream:
                heard.take(chunk.to_dict(), hear)
        except openai.APIError as error:
            heard.error = type(error).__name__
    return heard


async def _by_http(url: str, question: str, hear: Hear) -> Heard:
    """Ask over plain HTTP, in a thread."""
    loop, heard = asyncio.get_running_loop(), Heard(client_name())
    where = urlsplit(url).netloc
    body = json.dumps({"model": "default", "messages": [{"role": "user", "content": question}], "stream": True})

    def read() -> None:
        connection = http.client.HTTPConnection(where, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            while line := answer.readline():
                if line.startswith(b"data: {"):
                    heard.take(json.loads(line[6:]), lambda text: _hand_over(loop, hear, text))
            if answer.status != http.client.OK:
                heard.error = f"HTTP {answer.status}"
        except (OSError, http.client.HTTPException) as error:
            heard.error = type(error).__name__
        finally:
            connection.close()

    await asyncio.to_thread(read)
    await asyncio.sleep(0)  # what was handed over last is heard
    return heard


def _hand_over(loop: asyncio.AbstractEventLoop, hear: Hear, text: str) -> None:
    loop.call_soon_threadsafe(hear, text)
