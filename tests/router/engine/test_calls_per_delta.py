"""What a delta and a call cost, counted in calls of functions: exact where a clock would say something else each time.

Only calls of our own code are counted, and those of built-in functions that it makes. A number that rises is a price
that every delta or every call pays: take the work out, or do it per read, per failure or when it is asked for.
"""

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import standby
from stage import DONE, Play, Stage, chunk, perform
from standby import Router, config, providers, router

OURS = tuple(str(Path(str(room.__file__)).parent) for room in (standby, config, providers, router))
HEAD = b'data: {"id":"c","model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
PER_READ = 8


async def counted(action: Callable[[], Awaitable[Any]]) -> int:
    """How many functions our code calls meanwhile."""
    calls = 0

    def see(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(OURS):
            calls += 1

    sys.setprofile(see)
    try:
        await action()
    finally:
        sys.setprofile(None)
    return calls


def event(**delta: Any) -> bytes:
    """One chunk as servers write it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return b"data: " + json.dumps({"id": "c", "created": 1, "model": "m-1", "choices": [choice]}).encode() + b"\n\n"


KINDS = {
    "text": event(content="word "),
    "text beside fields that say nothing": event(content="word ", reasoning_content=None, tool_calls=[]),
    "thinking": event(content=None, reasoning_content="hm "),
    "arguments": event(tool_calls=[{"index": 0, "function": {"arguments": "1"}}]),
}
BEGUN = {
    "arguments": event(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]),
}


def stream_of(kind: str, reads: int) -> Play:
    body = [HEAD + BEGUN.get(kind, KINDS[kind]), *[KINDS[kind] * PER_READ] * reads, chunk(finish="stop") + DONE]
    return Play([(0.0, data) for data in body])


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("text", 38.9),
        ("text beside fields that say nothing", 38.9),
        ("thinking", 78.1),
        ("arguments", 108.4),
    ],
)
def test_a_read_of_eight_deltas_calls_so_many_functions(kind: str, most: float) -> None:
    async def calls_of(reads: int) -> int:
        one = Stage(a=stream_of(kind, reads))
        async with one.router() as made:
            await drained(made)
            return await counted(lambda: drained(made))

    async def slope() -> tuple[int, int]:
        return await calls_of(10), await calls_of(20)

    fewer, more = perform(slope())
    assert (more - fewer) / 10 <= most


async def drained(made: Router) -> None:
    async with made.stream("hi") as stream:
        async for _ in stream:
            pass


def test_a_call_calls_so_many_functions() -> None:
    message = {"role": "assistant", "content": "word"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    body = {"id": "c", "model": "m-1", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    whole = Play([(0.0, json.dumps(body).encode())], headers={"content-type": "application/json"})

    async def calls() -> int:
        one = Stage(a=whole)
        async with one.router() as made:
            await made.complete("hi", upstream="single")
            return await counted(lambda: made.complete("hi", upstream="single"))

    assert perform(calls()) <= 173  # 171 with Python 3.11
