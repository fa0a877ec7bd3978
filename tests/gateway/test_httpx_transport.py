"""The gateway as the transport of an httpx client: both names of the library, with a loop and without one."""

import asyncio
import gc
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import httpx2
import pytest
from standby.config import ClientKey, Config, Route, Serve
from standby.gateway.http import Handler, Reply, Request
from standby.gateway.in_process import in_process
from standby.gateway.shells.httpx_transport import AsyncTransport, Transport, library_of, served_path
from standby.router.threads.home import home_of

import standby
from gateway_stage import EVENTS, TEXT
from stage import SILENT, Play, Stage, breaks_off, chunk, refuses, says
from standby import ConfigError, MissingExtraError, Router, Target

PATIENCE_S = 20.0
CHAT = "/chat/completions"
LIBRARIES: list[Any] = [httpx, httpx2]
SECRET = "sk-of-the-sdk-0123456789"

pytestmark = pytest.mark.parametrize("library", LIBRARIES, ids=lambda each: each.__name__)


def asking(stream: bool = False, model: str = "gpt-of-old") -> dict[str, Any]:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Tell me."}]}


def text_of(body: str) -> str:
    """The text of a chat stream."""
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event.get("choices", ()))


def until(true: Callable[[], bool]) -> None:
    over_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < over_s, "it did not come about"
        time.sleep(0.002)


@pytest.fixture
def router() -> Iterator[Router]:
    one = Stage(a=lambda now_s: breaks_off("Once ", "upon "), b=says("Once upon ", "a time."))
    router = one.router()
    yield router
    home_of(router).close()


# Answers


async def test_an_asynchronous_client_is_answered(router: Router, library: Any) -> None:
    async with standby.httpx_client(router, library.__name__) as client:
        whole = await client.post(CHAT, json=asking())
        assert (whole.status_code, whole.json()["choices"][0]["message"]["content"]) == (200, "Once upon a time.")
        assert whole.headers["x-standby-target"] == "b"
        async with client.stream("POST", CHAT, json=asking(stream=True)) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            body = (await stream.aread()).decode()
        assert text_of(body) == "Once upon a time."
        assert body.count("data: [DONE]") == 1


def test_a_synchronous_client_is_answered(router: Router, library: Any) -> None:
    with standby.sync_httpx_client(router, library.__name__) as client:
        whole = client.post(CHAT, json=asking())
        assert whole.json()["choices"][0]["message"]["content"] == "Once upon a time."
        with client.stream("POST", CHAT, json=asking(stream=True)) as stream:
            assert text_of("\n".join(stream.iter_lines())) == "Once upon a time."


def test_many_threads_and_loops_use_two_clients(router: Router, library: Any) -> None:
    client, other = standby.sync_httpx_client(router, library.__name__), standby.httpx_client(router, library.__name__)

    def without_a_loop(number: int) -> list[str]:
        found = []
        for _ in range(5):
            found.append(client.post(CHAT, json=asking()).json()["choices"][0]["message"]["content"])
            with client.stream("POST", CHAT, json=asking(stream=True)) as stream:
                found.append(text_of(stream.read().decode()))
        return found

    async def asked() -> list[str]:
        whole = await other.post(CHAT, json=asking())
        async with other.stream("POST", CHAT, json=asking(stream=True)) as stream:
            return [whole.json()["choices"][0]["message"]["content"], text_of((await stream.aread()).decode())]

    async def all_asked() -> list[str]:
        return [each for pair in await asyncio.gather(*(asked() for _ in range(5))) for each in pair]

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(without_a_loop, number) for number in range(3)]
        jobs += [pool.submit(lambda: asyncio.run(all_asked())) for _ in range(3)]
        for job in jobs:
            assert job.result(PATIENCE_S) == ["Once upon a time."] * 10
    client.close()
    asyncio.run(other.aclose())


async def test_a_router_that_is_entered_answers_in_its_own_loop(library: Any) -> None:
    one = Stage(a=says("well"))
    before = threading.active_count()
    async with one.router() as router, standby.httpx_client(router, library.__name__) as client:
        assert (await client.post(CHAT, json=asking())).json()["choices"][0]["message"]["content"] == "well"
        assert threading.active_count() == before
        with standby.sync_httpx_client(router, library.__name__) as other:
            answer = await asyncio.to_thread(lambda: other.post(CHAT, json=asking()))
            assert answer.json()["choices"][0]["message"]["content"] == "well"
            with pytest.raises(standby.WrongLoop, match="would stand still"):
                other.post(CHAT, json=asking())


# What is asked


@pytest.mark.parametrize(("path", "served"), [
    ("/v1/chat/completions", "/v1/chat/completions"),
    ("/chat/completions", "/v1/chat/completions"),
    ("/messages", "/v1/messages"),
    ("/openai/v1/chat/completions", "/v1/chat/completions"),
    ("/api/v1/models/a%2Fb", "/v1/models/a%2Fb"),
    ("/v1/threads/t/messages", "/v1/threads/t/messages"),
    ("/v1/v1/messages", "/v1/v1/messages"),
    ("/embeddings", "/embeddings"),
    ("/", "/"),
])  # fmt: skip
def test_a_base_url_may_begin_otherwise(path: str, served: str, library: Any) -> None:
    assert served_path(path) == served


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/threads/t/messages", "/v1/files", "/", "/v2/anything"])
async def test_what_is_not_served_is_not_found_here_and_asked_nowhere(path: str, router: Router, library: Any) -> None:
    async with standby.httpx_client(router, library.__name__) as client:
        for url in (f"https://api.openai.com{path}", f"http://127.0.0.1:9{path}"):
            answer = await client.post(url, json={}, headers={"authorization": f"Bearer {SECRET}"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_served")


def test_a_proxy_of_the_environment_is_not_asked(router: Router, library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with standby.sync_httpx_client(router, library.__name__) as client:
        assert client.post(f"https://api.openai.com/v1{CHAT}", json=asking()).status_code == 200


async def test_the_sdks_own_key_stays_here(library: Any) -> None:
    one = Stage(a=says("well"))
    headers = {"authorization": f"Bearer {SECRET}", "x-api-key": SECRET, "api-key": SECRET, "cookie": SECRET}
    async with one.router() as router, standby.httpx_client(router, library.__name__) as client:
        assert (await client.post(CHAT, json=asking(), headers=headers)).status_code == 200
    assert SECRET not in repr(one.headers)
    assert SECRET not in repr(one.bodies)


async def test_a_handler_sees_no_key_and_what_else_was_sent(router: Router, library: Any) -> None:
    seen: list[Request] = []

    async def handler(request: Request, reply: Reply) -> None:
        seen.append(request)
        await reply.whole(200, TEXT, await request.read())

    headers = {"Authorization": SECRET, "X-Twice": "a", "anthropic-beta": "b"}
    client = made(library, router, handler)
    answer = await client.post("https://api.anthropic.com/v1/a%20b?x=1", content=b"\0body", headers=headers)
    await client.aclose()
    (request,) = seen
    assert (answer.content, request.method, request.path, request.query) == (b"\0body", "POST", "/v1/a%20b", "x=1")
    assert (request.headers["anthropic-beta"], request.headers.getall("x-twice")) == ("b", ["a"])
    assert "authorization" not in request.headers


def made(library: Any, router: Router, handler: Handler, **about: Any) -> Any:
    transport = AsyncTransport(router, handler, library)
    return library.AsyncClient(transport=transport, base_url="http://t.invalid", **about)


def test_keys_of_a_gateway_are_not_asked_for_within_the_program(library: Any) -> None:
    one = Stage(a=says("well"))
    config = Config(
        targets={each.name or "": each for each in one.targets()},
        routes={"default": Route(("a",)), "other": Route(("a",))},
        serve=Serve(keys={"app": ClientKey(keys=("k-" + "a" * 30,))}, aliases={"gpt-of-old": "other"}),
    )
    router = Router(config, transport=one.transport)
    with standby.sync_httpx_client(router, library.__name__) as client:
        names = {"gpt-of-old": "other", "default": "default", "something else": "default"}
        for name, route in names.items():
            assert client.post(CHAT, json=asking(model=name)).headers["x-standby-route"] == route
        assert {each["id"] for each in client.get("/models").json()["data"]} >= {"default", "other", "a"}


def test_a_name_means_nothing_where_there_is_no_default_route(library: Any) -> None:
    one = Stage(a=says("well"))
    config = Config(routes={"chat": Route(tuple(one.targets()))})
    assert in_process(config).aliases == {}
    with standby.sync_httpx_client(Router(config, transport=one.transport), library.__name__) as client:
        answer = client.post(CHAT, json=asking())
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
        client.close()


def test_a_body_that_is_compressed_is_refused(router: Router, library: Any) -> None:
    with standby.sync_httpx_client(router, library.__name__) as client:
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        assert client.post(CHAT, content=b"x", headers=headers).status_code == 415


# Silence


@pytest.mark.parametrize("streamed", [True, False])
def test_a_silence_ends_by_the_clients_time_for_a_read(streamed: bool, library: Any) -> None:
    one = Stage(a=Play([(0.0, chunk("x"))], then="stall") if streamed else SILENT)
    with standby.sync_httpx_client(one.router(), library.__name__) as client:
        with pytest.raises(library.ReadTimeout):
            client.post(CHAT, json=asking(streamed), timeout=library.Timeout(None, read=0.05))
        until(lambda: one.open == 0)


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_silence_ends_so_in_a_loop(streamed: bool, library: Any) -> None:
    one = Stage(a=Play([(0.0, chunk("x"))], then="stall") if streamed else SILENT)
    async with one.router() as router, standby.httpx_client(router, library.__name__) as client:
        with pytest.raises(library.ReadTimeout):
            await client.post(CHAT, json=asking(streamed), timeout=library.Timeout(None, read=0.05))
        await asyncio.sleep(0)
        assert one.open == 0


async def test_words_that_come_keep_a_long_answer_alive(library: Any) -> None:
    one = Stage(a=says(*"abcdefgh", every_s=0.05))
    async with one.router() as router, standby.httpx_client(router, library.__name__) as client:
        answer = await client.post(CHAT, json=asking(True), timeout=library.Timeout(0.01, read=0.3))
        assert text_of(answer.text) == "abcdefgh"


# What breaks


async def unfinished(request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS, b"1")
    await reply.chunk(b"2")
    reply.abort()


async def forgotten(request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS, b"1")


async def broken_within(request: Request, reply: Reply) -> None:
    await reply.start(200, EVENTS, b"1")
    raise KeyError("secret")


@pytest.mark.parametrize("handler", [unfinished, forgotten, broken_within])
async def test_a_body_that_breaks_off_does_not_look_whole(handler: Handler, router: Router, library: Any) -> None:
    async with made(library, router, handler) as client:
        with pytest.raises(library.RemoteProtocolError, match="incomplete"):
            await client.get("/")


async def test_a_bug_is_an_answer_of_its_own_and_is_told(router: Router, library: Any) -> None:
    async def broken(request: Request, reply: Reply) -> None:
        raise KeyError("secret")

    told: list[str] = []
    transport = AsyncTransport(
        router, broken, library, lambda what, error: told.append(f"{what} {type(error).__name__}")
    )
    async with library.AsyncClient(transport=transport, base_url="http://t.invalid") as client:
        answer = await client.get("/")
    assert (answer.status_code, told) == (500, ["fault KeyError"])
    assert "secret" not in answer.text


async def test_an_answer_that_cannot_be_rescued_ends_in_an_error(library: Any) -> None:
    one = Stage(a=breaks_off("Once "), b=breaks_off("Twice "))
    async with one.router() as router, standby.httpx_client(router, library.__name__) as client:
        text = ""
        with pytest.raises(library.RemoteProtocolError):
            async with client.stream("POST", CHAT, json=asking(True)) as stream:
                async for line in stream.aiter_lines():
                    text += f"{line}\n"
        assert text_of(text) == "Once "
        assert '"error"' in text
        assert "[DONE]" not in text


async def test_failures_have_their_status(library: Any) -> None:
    one = Stage(a=refuses(), b=refuses())
    async with one.router() as router, standby.httpx_client(router, library.__name__) as client:
        answer = await client.post(CHAT, json=asking())
        assert (answer.status_code, answer.headers["x-should-retry"]) == (502, "false")


def test_a_router_that_is_closed_is_a_connection_that_fails(library: Any) -> None:
    router = Stage(a=SILENT).router()
    client = standby.sync_httpx_client(router, library.__name__)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.post, CHAT, json=asking())
        until(lambda: router._shared is not None and bool(router._shared.generation.calls))
        home_of(router).close()
        assert waiting.result(PATIENCE_S).status_code == 503  # the gateway's own words: it shuts down
    with pytest.raises(library.ConnectError):
        client.post(CHAT, json=asking())
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.post(CHAT, json=asking())


# Leaving

STALLS = Play([(0.0, chunk("x"))], then="stall")


def left_by_closing(client: Any) -> None:
    with client.stream("POST", CHAT, json=asking(True)) as stream:
        next(stream.iter_raw())


def left_by_dropping(client: Any) -> None:
    request = client.build_request("POST", CHAT, json=asking(True))
    stream = client.send(request, stream=True)
    next(stream.iter_raw())
    del stream, request
    gc.collect()


@pytest.mark.parametrize("leave", [left_by_closing, left_by_dropping])
def test_a_stream_that_is_left_closes_what_is_open_upstream(leave: Callable[[Any], None], library: Any) -> None:
    one = Stage(a=STALLS)
    with standby.sync_httpx_client(one.router(), library.__name__) as client:
        leave(client)
        until(lambda: one.open == 0)
    assert [name for _, name in one.left] == ["a"]


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("elsewhere", [True, False])
async def test_a_task_that_is_cancelled_closes_what_is_open_upstream(
    streamed: bool, elsewhere: bool, library: Any
) -> None:
    one = Stage(a=STALLS)
    router = one.router()
    if not elsewhere:
        router.enter()
    async with standby.httpx_client(router, library.__name__) as client:
        asked = asyncio.ensure_future(client.post(CHAT, json=asking(streamed)))
        await asyncio.to_thread(until, lambda: one.open == 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.to_thread(until, lambda: one.open == 0)
    if not elsewhere:
        await router.aclose()


def test_a_client_that_is_closed_ends_the_thread_of_its_router(library: Any) -> None:
    router = Stage(a=says("well")).router()
    first, second = (standby.sync_httpx_client(router, library.__name__) for _ in range(2))
    assert first.post(CHAT, json=asking()).status_code == 200
    first.close()
    assert second.post(CHAT, json=asking()).status_code == 200
    second.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "standby-loop"]
    with standby.sync_httpx_client(router, library.__name__) as third:
        assert third.post(CHAT, json=asking()).status_code == 200


# What it is built of


async def test_many_pieces_come_together(router: Router, library: Any) -> None:
    async def handler(request: Request, reply: Reply) -> None:
        await reply.start(200, EVENTS, b"0 ")
        for number in range(1, 1000):
            await reply.chunk(f"{number} ".encode())
        await reply.end()

    async def pieces(stream: Any) -> AsyncIterator[bytes]:
        async for piece in stream.aiter_raw():
            yield piece

    async with made(library, router, handler) as client, client.stream("GET", "/") as stream:
        found = [piece async for piece in pieces(stream)]
    assert b"".join(found).split() == [str(number).encode() for number in range(1000)]
    assert len(found) < 500


def test_a_library_is_named_or_the_newest_that_is_there(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert library_of(library.__name__) is library
    assert library_of(None) is httpx2
    with pytest.raises(ConfigError, match="library must be"):
        library_of("requests")  # type: ignore[arg-type]
    monkeypatch.setitem(__import__("sys").modules, "httpx2", None)
    assert library_of(None) is httpx
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with pytest.raises(MissingExtraError, match="httpx"):
        library_of(None)


def test_what_is_no_router_is_told_at_once(library: Any) -> None:
    with pytest.raises(ConfigError, match="must be a Router"):
        standby.httpx_client([Target("koala")], library.__name__)  # type: ignore[call-overload]
    assert Transport.__doc__
