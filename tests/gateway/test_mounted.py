"""The gateway as an app that others mount: whom it lets in, where its Router lives, and which path is its own."""

import asyncio
from typing import Any

import pytest
from standby.config import ClientKey, Config, Route, Serve
from standby.gateway import asgi
from standby.gateway.mounted import below
from standby.router.router import loop_of
from standby.router.threads.home import home_of

from asgi_server import GONE, Server, piece
from gateway_stage import until
from stage import Play, Stage, chunk, says
from standby import ConfigError, Router

KEY = "k-" + "a" * 30
BODY = b'{"model": "default", "messages": [{"role": "user", "content": "Tell me."}], "stream": %b}'
JSON_TYPE = (b"content-type", b"application/json")


def router(one: Stage, **serve: Any) -> Router:
    config = Config(routes={"default": Route(tuple(one.targets()))}, serve=Serve(**serve) if serve else None)
    return Router(config, transport=one.transport)


async def ask(app: Any, *headers: tuple[bytes, bytes], path: str = "/v1/chat/completions", **scope: Any) -> Server:
    server = Server(piece(BODY % b"false"))
    about = {"path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http"}
    await server.run(app, headers=[JSON_TYPE, *headers], **(about | scope))
    return server


@pytest.mark.parametrize(("path", "own"), [
    ("/v1/chat/completions", "/v1/chat/completions"),
    ("/llm/v1/models/a", "/v1/models/a"),
    ("/llm/health", "/health"),
    ("/ready", "/ready"),
    ("/llm", "/llm"),
])  # fmt: skip
def test_the_path_of_the_application_is_passed_over(path: str, own: str) -> None:
    assert below(path) == own


async def test_the_application_may_let_clients_in() -> None:
    async with router(Stage(a=says("well")), keys={"app": ClientKey(keys=(KEY,))}) as entered:
        app = asgi(entered, auth="app")
        page = ((b"origin", b"https://app.example"), (b"sec-fetch-site", b"same-origin"), (b"host", b"app.example"))
        for headers in ((), page):
            server = await ask(app, *headers, path="/llm/v1/chat/completions", root_path="/llm")
            assert server.status == 200
            assert b"well" in server.body


async def test_keys_are_asked_for_where_there_are_some() -> None:
    async with router(Stage(a=says("well")), keys={"app": ClientKey(keys=(KEY,))}) as entered:
        app = asgi(entered)
        assert (await ask(app)).status == 401
        assert (await ask(app, (b"authorization", f"Bearer {KEY}".encode()))).status == 200


async def test_without_keys_this_machine_alone_asks() -> None:
    async with router(Stage(a=says("well")), auth="none") as entered:
        app = asgi(entered)
        assert (await ask(app, (b"host", b"localhost:8000"))).status == 200
        assert (await ask(app, (b"host", b"app.example"))).status == 403


def test_an_app_that_would_let_no_client_in_is_not_made() -> None:
    with pytest.raises(ConfigError, match="auth='app'"):
        asgi(router(Stage(a=says("well"))))
    with pytest.raises(ConfigError, match="must be 'keys' or 'app'"):
        asgi(router(Stage(a=says("well"))), auth="none")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="must be a Router"):
        asgi("standby.yaml")  # type: ignore[arg-type]


async def test_a_router_lives_as_long_as_the_server_that_starts_the_app() -> None:
    lives = router(Stage(a=says("well")))
    app = asgi(lives, auth="app")
    server = Server({"type": "lifespan.startup"})
    living = asyncio.create_task(server.run(app, type="lifespan"))
    await until(lambda: bool(server.sent))
    assert loop_of(lives) is asyncio.get_running_loop()
    assert (await ask(app)).status == 200
    server.comes({"type": "lifespan.shutdown"})
    await living
    assert [each["type"] for each in server.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(Exception, match="closed"):
        loop_of(lives)


async def test_a_router_that_is_entered_stays_so_when_the_server_ends() -> None:
    async with router(Stage(a=says("well"))) as entered:
        await Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}).run(
            asgi(entered, auth="app"), type="lifespan"
        )
        assert loop_of(entered) is asyncio.get_running_loop()


async def test_what_cannot_start_says_so_to_the_server() -> None:
    lives = router(Stage(a=says("well")))
    app = asgi(lives, auth="app")
    async with lives:
        pass
    server = Server({"type": "lifespan.startup"})
    with pytest.raises(Exception, match="closed"):
        await server.run(app, type="lifespan")
    assert [each["type"] for each in server.sent] == ["lifespan.startup.failed"]


async def test_an_app_that_is_told_of_no_start_asks_in_a_thread() -> None:
    lives = router(Stage(a=says("We", "ll.")))
    app = asgi(lives, auth="app")
    server = await ask(app)
    assert (server.status, b"Well." in server.body) == (200, True)
    assert loop_of(lives) is not asyncio.get_running_loop()
    stream = Server(piece(BODY % b"true"))
    await stream.run(app, headers=[JSON_TYPE], path="/v1/chat/completions", raw_path=None)
    assert stream.is_whole
    assert stream.body.count(b"[DONE]") == 1
    home_of(lives).close()


@pytest.mark.parametrize("entered", [True, False])
async def test_a_client_that_leaves_takes_its_call_along(entered: bool) -> None:
    one = Stage(a=Play([(0.0, chunk("x"))], then="stall"))
    lives = router(one)
    if entered:
        lives.enter()
    app = asgi(lives, auth="app")
    server = Server(piece(BODY % b"true"))
    running = asyncio.create_task(server.run(app, headers=[JSON_TYPE], path="/v1/chat/completions", raw_path=None))
    await until(lambda: len(server.sent) > 1)
    server.comes(GONE)
    await running
    await until(lambda: one.open == 0)
    assert not server.is_whole
    await (lives.aclose() if entered else asyncio.to_thread(home_of(lives).close))


@pytest.mark.parametrize("entered", [True, False])
async def test_a_body_that_is_not_taken_is_refused_wherever_the_router_lives(entered: bool) -> None:
    lives = router(Stage(a=says("x")))
    if entered:
        lives.enter()
    server = await ask(asgi(lives, auth="app"), (b"content-encoding", b"gzip"))
    assert server.status == 415
    await (lives.aclose() if entered else asyncio.to_thread(home_of(lives).close))
