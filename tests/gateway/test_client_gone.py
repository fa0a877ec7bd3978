"""A client that leaves, in each phase: its handler is cancelled, and nothing is left of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from standby.gateway.http import ClientGone, Reply, Request

from gateway_stage import EVENTS, TEXT, Held, Wire, served, until

HEAD = b"POST /a HTTP/1.1\r\nHost: gateway\r\nContent-Length: 3\r\n\r\n"


async def before_the_answer(held: Held, request: Request, reply: Reply) -> None:
    await request.read()
    await held.here()


async def in_the_body(held: Held, request: Request, reply: Reply) -> None:
    held.begun += 1
    await request.read()


async def after_the_head(held: Held, request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS)
    await held.here()


async def mid_stream(held: Held, request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS, b"data: 1\n\n")
    await reply.chunk(b"data: 2\n\n")
    await held.here()


async def while_it_takes_nothing(held: Held, request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS)
    while True:
        held.begun = 1
        await reply.chunk(b"x" * 65536)


PHASES: dict[str, tuple[Callable[[Held, Request, Reply], Awaitable[None]], bytes, bytes]] = {
    "in the body": (in_the_body, HEAD, b""),
    "before the answer": (before_the_answer, HEAD + b"abc", b""),
    "after the head": (after_the_head, HEAD + b"abc", b"\r\n\r\n"),
    "in mid-stream": (mid_stream, HEAD + b"abc", b"data: 2\n\n\r\n"),
    "while it takes nothing": (while_it_takes_nothing, HEAD + b"abc", b"\r\n\r\n"),
}
"""What the handler does, what the client sends, and what it waits for before it leaves."""


async def close(wire: Wire) -> None:
    await wire.leave()


async def half_close(wire: Wire) -> None:
    """End the sending side alone: a client that does so is taken as gone, as by all servers that were compared."""
    wire.writer.write_eof()


@pytest.mark.parametrize("leave", [close, half_close])
@pytest.mark.parametrize("phase", PHASES)
async def test_the_handler_of_a_client_that_left_is_cancelled(
    phase: str, leave: Callable[[Wire], Awaitable[None]]
) -> None:
    handler, sent, awaited = PHASES[phase]
    held = Held(handler)
    async with served(held) as stage, stage.wire() as wire:
        await wire.send(sent)
        await until(lambda: held.begun == 1)
        while awaited not in wire.seen:
            await wire.first_bytes(len(wire.seen) + 1)
        assert stage.server.in_flight == 1
        await leave(wire)
        await until(lambda: held.cancelled == 1 and stage.server.in_flight == 0)
        await until(lambda: stage.server.connections == 0)
        assert (held.finished, stage.notes) == (0, [])


async def test_a_client_that_leaves_ends_the_requests_that_wait_behind_its_first_too() -> None:
    held = Held(before_the_answer)
    async with served(held) as stage, stage.wire() as wire:
        await wire.send((HEAD + b"abc") * 10)
        await until(lambda: held.begun == 1)
        await wire.leave()
        await until(lambda: stage.server.connections == 0)
        assert (held.begun, held.cancelled) == (1, 1)


async def test_what_a_cancelled_handler_does_at_its_end_is_waited_for() -> None:
    cleaned = asyncio.Event()

    async def wait(held: Held, request: Request, reply: Reply) -> None:
        try:
            await held.here()
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    held = Held(wait)
    async with served(held) as stage:
        async with stage.wire() as wire:
            await wire.send(HEAD + b"abc")
            await until(lambda: held.begun == 1)
        await stage.server.emptied()
        assert cleaned.is_set()


async def test_writing_to_a_client_that_has_gone_says_so() -> None:
    said: list[BaseException] = []

    async def wait(held: Held, request: Request, reply: Reply) -> None:
        await reply.start(200, EVENTS)
        try:
            await held.here()
        finally:
            try:
                await reply.chunk(b"data: 1\n\n")
            except ClientGone as gone:
                said.append(gone)

    held = Held(wait)
    async with served(held) as stage:
        async with stage.wire() as wire:
            await wire.send(HEAD + b"abc")
            await wire.first_bytes()
        await until(lambda: stage.server.connections == 0 and stage.server.in_flight == 0)
        assert [str(each) for each in said] == ["the client has gone"]
        assert stage.faults == []


async def test_a_client_that_resets_after_its_answer_leaves_nothing() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        await request.read()
        await reply.whole(200, TEXT, b"x" * 1000)

    async with served(handler) as stage:
        for _ in range(20):
            async with stage.wire() as wire:
                await wire.send(HEAD + b"abc")
        await until(lambda: stage.server.connections == 0 and stage.server.in_flight == 0)
        assert stage.notes == []
