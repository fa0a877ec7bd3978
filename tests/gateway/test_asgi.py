"""The gateway as an ASGI app: messages in, messages out, and a client that leaves is noticed."""

import asyncio
from typing import Any

import pytest
from standby.config import Clients
from standby.gateway.http import ClientGone, Handler, Reply, Request
from standby.gateway.shells.asgi import AsgiApp

from asgi_server import GONE, Server, piece
from gateway_stage import EVENTS, TEXT, Held, echo, until


async def test_a_request_is_what_the_server_tells() -> None:
    seen: list[Request] = []

    async def handler(request: Request, reply: Reply) -> None:
        seen.append(request)
        await reply.whole(200, TEXT, await request.read())

    server = Server(piece(b"ab", more=True), piece(b"", more=True), piece(b"c"))
    await server.run(AsgiApp(handler))
    assert (server.status, server.body, server.is_whole) == (200, b"abc", True)
    assert server.sent[0]["headers"] == [(b"content-type", b"text/plain"), (b"content-length", b"3")]
    (request,) = seen
    assert (request.path, request.query, request.peer, request.tls) == ("/v1/a%20b", "x=1", "10.0.0.9", True)
    assert request.headers.getall("X-Twice") == ["a", "b"]


@pytest.mark.parametrize(("scope", "path"), [
    ({"root_path": "/v1"}, "/a%20b"),
    ({"root_path": "/v"}, "/v1/a%20b"),
    ({"raw_path": None}, "/v1/a%20b"),
    ({"raw_path": b"/gate", "root_path": "/gate/"}, "/gate"),
])  # fmt: skip
async def test_a_path_is_that_below_where_the_app_is_mounted(scope: dict[str, Any], path: str) -> None:
    server = Server(piece())
    await server.run(AsgiApp(echo), **scope)
    assert server.body == f"POST {path} x=1 ".encode()


async def test_a_stream_has_no_empty_piece_before_its_end() -> None:
    async def handler(request: Request, reply: Reply) -> None:
        await reply.start(200, EVENTS, b"1")
        for data in (b"", b"2", b""):
            await reply.chunk(data)
        await reply.end()

    server = Server(piece())
    await server.run(AsgiApp(handler))
    assert [each["body"] for each in server.sent[1:]] == [b"1", b"2", b""]
    assert server.is_whole


async def test_the_handler_of_a_client_that_left_is_cancelled() -> None:
    async def wait(held: Held, request: Request, reply: Reply) -> None:
        await reply.start(200, EVENTS)
        await held.here()

    held, server = Held(wait), Server(piece())
    running = asyncio.create_task(server.run(AsgiApp(held)))
    await until(lambda: held.begun == 1)
    server.comes(GONE)
    await running
    assert (held.cancelled, held.finished) == (1, 0)
    assert not server.is_whole


async def test_a_client_that_leaves_in_its_body_is_noticed() -> None:
    held = Held(lambda held, request, reply: echo(request, reply))
    server = Server(piece(b"a", more=True), GONE)
    await server.run(AsgiApp(held))
    assert (held.cancelled, server.sent) == (1, [])


async def test_an_app_that_is_cancelled_cancels_its_handler() -> None:
    held, server = Held(lambda held, request, reply: held.here()), Server(piece())
    running = asyncio.create_task(server.run(AsgiApp(held)))
    await until(lambda: held.begun == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert held.cancelled == 1


async def broken(request: Request, reply: Reply) -> None:
    raise KeyError("secret")


async def broken_in_the_stream(request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS, b"1")
    raise KeyError("secret")


async def aborting(request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS, b"1")
    reply.abort()


@pytest.mark.parametrize(("handler", "status", "is_whole", "notes"), [
    (broken, 500, True, ["fault"]),
    (broken_in_the_stream, 200, False, ["fault"]),
    (aborting, 200, False, []),
])  # fmt: skip
async def test_an_answer_that_breaks_does_not_look_whole(
    handler: Handler, status: int, is_whole: bool, notes: list[str]
) -> None:
    told: list[str] = []
    server = Server(piece())
    await server.run(AsgiApp(handler, note=lambda what, error: told.append(what)))
    assert (server.status, server.is_whole, told) == (status, is_whole, notes)
    assert b"secret" not in server.body


@pytest.mark.parametrize(("headers", "pieces", "status"), [
    ([(b"content-encoding", b"gzip")], [piece(b"a")], 415),
    ([(b"content-length", b"1025")], [piece(b"a", more=True)], 413),
    ([], [piece(b"a" * 1000, more=True), piece(b"a" * 1000, more=True)], 413),
])  # fmt: skip
async def test_a_body_that_is_not_taken_is_refused(
    headers: list[tuple[bytes, bytes]], pieces: list[dict[str, Any]], status: int
) -> None:
    server = Server(*pieces)
    await server.run(AsgiApp(echo, Clients(body_bytes_max=1024)), headers=headers)
    assert (server.status, server.is_whole) == (status, True)


async def test_a_server_that_says_the_client_has_gone_when_written_to() -> None:
    said: list[str] = []

    async def handler(request: Request, reply: Reply) -> None:
        try:
            await reply.start(200, EVENTS)
        except ClientGone as gone:
            said.append(str(gone))
            raise

    async def gone() -> None:
        raise OSError

    await Server(piece(), send=gone).run(AsgiApp(handler))
    assert said == ["the client has gone"]


async def test_a_server_that_starts_and_ends_is_answered_and_a_websocket_refused() -> None:
    server = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await server.run(AsgiApp(echo), type="lifespan")
    await server.run(AsgiApp(echo), type="websocket")
    assert [each["type"] for each in server.sent] == [
        "lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close",
    ]  # fmt: skip
