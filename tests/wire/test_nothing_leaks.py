"""Providers that echo keys and prompts wherever they can, and everything that people and log collectors see of it.

The log itself is searched after every test, by the fixture of the whole suite.
"""

import asyncio
import json
import logging
import os
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from standby.config import Limits, Retry
from standby.providers.provider import Endpoint, WireRequest
from standby.providers.secret import Secret
from standby.providers.transport import TransportOptions

import standby
from canaries import CANARY_COMPLETION, CANARY_KEY, CANARY_PROMPT, assert_no_canary, canaries_in
from playing import Playing, live_of
from standby import (
    CallFailed,
    ChatRequest,
    Config,
    ConfigError,
    ErrorKind,
    Report,
    Route,
    Router,
    StreamInterrupted,
    Target,
)
from standby.testing import Answer, At, Cut, ErrorEvent, Failure, Insert, Malformed, Page, Raw, Script, Stall

pytestmark = pytest.mark.usefixtures("either_way")

ECHO = f"Incorrect API key provided: {CANARY_KEY}. You asked: {CANARY_PROMPT}"
ROOM = str(Path(standby.__file__).parents[1])


def body(**error: Any) -> bytes:
    said = {"message": ECHO, "type": CANARY_KEY, "code": CANARY_PROMPT, "param": CANARY_KEY, **error}
    return json.dumps({"error": said, "request_id": CANARY_KEY, "detail": ECHO}).encode()


HEADERS = {
    "x-request-id": CANARY_KEY,
    "retry-after": CANARY_KEY,
    "x-should-retry": CANARY_KEY,
    "www-authenticate": CANARY_KEY,
    "x-ratelimit-reset-requests": CANARY_KEY,
}
TEXT = Answer((CANARY_COMPLETION, " And so on.", " And on."))
STATUSES = (400, 401, 402, 403, 404, 407, 408, 413, 418, 422, 429, 451, 498, 500, 501, 503, 529)

LEAKS: dict[str, Any] = {
    **{f"{status} in JSON": Page(body(), status, "application/json", HEADERS) for status in STATUSES},
    "an error that is a text": Page(json.dumps({"error": ECHO}).encode(), 400, "application/json"),
    "an error that is a list": Page(json.dumps([{"error": {"message": ECHO, "code": 400}}]).encode(), 400),
    "a code that is a key": Page(body(code=CANARY_KEY.replace("/", "").replace("+", "").replace("=", "")), 500, "json"),
    "no JSON": Page(ECHO.encode(), 500, "text/plain", HEADERS),
    "a web page": Page(f"<html>{ECHO}</html>".encode(), 403, headers=HEADERS),
    "a web page at 200": Page(f"<html>{ECHO}</html>".encode(), headers=HEADERS),
    "JSON at 200": Page(body(), 200, "application/json", HEADERS),
    "a redirect": Page(b"", 302, headers={"location": f"https://elsewhere.test/?key={quote(CANARY_KEY, safe='')}"}),
    "a type that is a key": Page(b"{}", 200, f'text/html; key="{CANARY_KEY}"'),
    "no HTTP": Raw(ECHO.encode()),
    "a wrong status line": Raw(f"HTTP/1.1 {CANARY_KEY}\r\n\r\n".encode()),
    "a wrong header": Raw(f"HTTP/1.1 200 OK\r\n{CANARY_KEY}\r\n\r\n".encode()),
    "a wrong chunk": Raw(f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{CANARY_KEY}\r\n".encode()),
    "an error event": Script(TEXT, (ErrorEvent(At.delta(0), Failure(ErrorKind.SERVER_ERROR, message=ECHO)),)),
    "an error event later": Script(TEXT, (ErrorEvent(At.delta(2), Failure(ErrorKind.OVERLOADED, message=ECHO)),)),
    "an error event of a key": Script(
        TEXT, (Insert(At.delta(0), b"event: error\ndata: " + json.dumps({"error": CANARY_KEY}).encode() + b"\n\n"),)
    ),
    "an event that is no JSON": Script(TEXT, (Malformed(At.delta(0), f"data: {ECHO}\n\n".encode()),)),
    "an event that is no JSON, later": Script(TEXT, (Malformed(At.delta(2), f"data: {ECHO}\n\n".encode()),)),
    "an event of another shape": Script(
        TEXT, (Malformed(At.delta(1), b'data: {"choices": ' + json.dumps(ECHO).encode() + b"}\n\n"),)
    ),
    "a finish reason": Script(Answer((CANARY_COMPLETION,), native_finish=CANARY_KEY), (Cut(At.end()),)),
    "a model": Script(Answer((CANARY_COMPLETION,), model=CANARY_KEY), (Cut(At.delta(1)),)),
    "a cut": Script(TEXT, (Cut(At.delta(1), rst=True),)),
    "a stall": Script(TEXT, (Stall(At.delta(1)),)),
    "silence": Script(TEXT, (Stall(At.head()),)),
    "an answer": Script(TEXT),
}


def config(*targets: Target, **route: Any) -> Config:
    return Config(
        routes={"r": Route(targets, deadline_s=0.5, **route)},
        limits=Limits(connect_s=0.2, first_delta_s=0.2, stall_s=0.2, tail_s=0.02, reserve_s=0.05),
        retry=Retry(attempts=2, backoff_s=0.001, backoff_max_s=0.001),
    )


def target(simulator: Playing, **about: Any) -> Target:
    about = {"key": CANARY_KEY, "headers": {"x-secret": CANARY_KEY}, "body": {"user": CANARY_KEY}} | about
    return Target("openai", model="m", name="lead", base_url=simulator.base_url("lead"), **about)


@pytest.fixture(params=["structlog unconfigured", "structlog configured"])
def told(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What an application's own structlog got, when it has one."""
    lines: list[str] = []
    if request.param == "structlog configured":

        def keep(_: object, method: str, event: structlog.typing.EventDict) -> str:
            lines.append(f"{method} {event!r}")
            return ""

        structlog.configure(processors=[keep], logger_factory=structlog.ReturnLoggerFactory())
    yield lines
    structlog.reset_defaults()
    assert bool(lines) is (request.param == "structlog configured"), "a call writes its line, to one of both"
    for line in lines:
        assert not canaries_in(line)


@pytest.mark.parametrize("form", ["stream", "complete", "single"])
@pytest.mark.parametrize("leak", LEAKS)
async def test_no_failure_shows_a_key_or_a_text(simulator: Playing, told: list[str], leak: str, form: str) -> None:
    script = LEAKS[leak]
    if form == "single" and isinstance(script, Script) and script.faults:
        script = Script(TEXT, (Cut(At.body(40)),))
    simulator.play("lead", script)
    asyncio.get_running_loop().set_debug(True)
    async with Router(config(target(simulator), mid_stream=("replay", "restart"))) as router:
        try:
            if form == "stream":
                async with router.stream(CANARY_PROMPT, system=CANARY_PROMPT) as stream:
                    assert_no_canary_in_repr(stream)
                    async for _ in stream:
                        pass
                report = stream.report
            else:
                answer = await router.complete(CANARY_PROMPT, upstream="single" if form == "single" else "stream")
                assert_no_canary_in_repr(answer)
                report = answer.report
        except CallFailed as failure:
            assert_shows_nothing(failure, frames=leak != "a model")  # there, an event has it, as it came
            report = failure.report
        assert_report_shows_nothing(report)
        for thing in (router, router.config, router.explain(CANARY_PROMPT), *router.health()):
            assert_no_canary_in_repr(thing)
    assert report.attempts, "the target was asked"


def assert_shows_nothing(failure: CallFailed, *, frames: bool = True) -> None:
    """Nothing in the exception, but a delivered text in its one place; no key in what our frames hold, either."""
    if isinstance(failure, StreamInterrupted):
        for text in (str(failure), repr(failure), repr(failure.args), "".join(traceback.format_exception(failure))):
            assert not canaries_in(text)
        failure = StreamInterrupted(failure.kind, failure.report, "")
    assert_no_canary(failure)
    if isinstance(failure, ExceptionGroup):
        for error in failure.exceptions:
            assert_no_canary(error)
    for frame, _ in traceback.walk_tb(failure.__traceback__):
        if frames and frame.f_code.co_filename.startswith(ROOM) and "/tests/" not in frame.f_code.co_filename:
            assert not canaries_in(repr(frame.f_locals), frozenset({"key"})), frame.f_code


def assert_report_shows_nothing(report: Report) -> None:
    assert_no_canary(report)
    for view in (report.to_dict(), *report.lines(), *report.attempts, *report.skipped):
        assert_no_canary(view)


def assert_no_canary_in_repr(thing: object) -> None:
    for text in (str(thing), repr(thing), f"{thing}"):
        assert not canaries_in(text), f"{type(thing).__name__} shows {canaries_in(text)}"


async def _raises() -> str:
    raise ValueError(f"no token, though I tried {CANARY_KEY}")


async def _gives_lines() -> str:
    return f"{CANARY_KEY}\r\nx-injected: {CANARY_KEY}"


async def _gives_umlauts() -> str:
    return f"{CANARY_KEY}ä"


async def _gives_a_secret() -> Secret:
    return Secret(CANARY_KEY)


async def _gives_a_number() -> Any:
    return 7


async def _gives_nothing() -> Any:
    return None


async def _gives_blanks() -> str:
    return " \n"


@pytest.mark.parametrize(
    ("callback", "kind"),
    [
        (_raises, ErrorKind.AUTH),
        (_gives_lines, ErrorKind.PROTOCOL),
        (_gives_umlauts, ErrorKind.PROTOCOL),
        (_gives_a_secret, ErrorKind.AUTH),
        (_gives_a_number, ErrorKind.AUTH),
        (_gives_nothing, ErrorKind.AUTH),
        (_gives_blanks, ErrorKind.AUTH),
    ],
)
async def test_a_key_from_a_callback(
    simulator: Playing, callback: Callable[[], Awaitable[str | Secret]], kind: ErrorKind
) -> None:
    simulator.play("lead", Page(body(), 401, "application/json", HEADERS))
    async with Router(config(target(simulator, key=callback))) as router:
        with pytest.raises(CallFailed) as caught:
            await router.complete(CANARY_PROMPT)
    assert caught.value.kind is kind
    assert [attempt.kind for attempt in caught.value.report.attempts] == [kind]
    assert_shows_nothing(caught.value)
    assert_report_shows_nothing(caught.value.report)
    assert len(simulator.exchanges) == (callback is _gives_a_secret)


async def test_a_key_from_a_file(simulator: Playing, tmp_path: Path) -> None:
    simulator.play("lead", Page(body(), 401, "application/json", HEADERS), "Well.")
    path = tmp_path / "key"
    path.write_text(f"{CANARY_KEY}\n", encoding="utf-8")
    lead = target(simulator, key=None, key_file=str(path))
    async with Router(config(lead)) as router:
        with pytest.raises(CallFailed) as caught:
            await router.complete(CANARY_PROMPT)
        assert_shows_nothing(caught.value)
        assert_no_canary_in_repr(router.explain())
    assert simulator.exchanges[0].request.headers["authorization"] == f"Bearer {CANARY_KEY}"


@pytest.mark.parametrize("text", [b"\xff\xfe", b"", b"   \n", CANARY_KEY.encode() + b"\nsecond line\n"])
async def test_a_key_file_that_cannot_be_used(simulator: Playing, tmp_path: Path, text: bytes) -> None:
    simulator.play("lead", "Never asked.")
    path = tmp_path / "key"
    path.write_bytes(text)
    async with Router(config(target(simulator, key=None, key_file=str(path)))) as router:
        with pytest.raises(CallFailed) as caught:
            await router.complete(CANARY_PROMPT)
    assert_shows_nothing(caught.value)
    assert not simulator.exchanges


@pytest.mark.parametrize("form", ["refused", "wants another login", "speaks no HTTP"])
async def test_a_login_in_a_proxys_url(simulator: Playing, form: str) -> None:
    simulator.play("lead", "Never asked.")
    replies = {"wants another login": b"HTTP/1.1 407 No\r\n\r\n", "speaks no HTTP": f"{CANARY_KEY}\r\n\r\n".encode()}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(replies[form])
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if form == "refused":
        port = int(simulator.refused_url().rpartition(":")[2])
    login = f"http://user:{quote(CANARY_KEY, safe='')}@127.0.0.1:{port}"
    lead = target(simulator, proxy=login)
    assert_no_canary_in_repr(lead)
    async with server, Router(config(lead)) as router:
        with pytest.raises(CallFailed) as caught:
            await router.complete(CANARY_PROMPT)
        assert_shows_nothing(caught.value)
        assert_report_shows_nothing(caught.value.report)
        assert_no_canary_in_repr(router.explain())


@pytest.mark.parametrize(
    "about",
    [
        {"base_url": f"https://user:{quote(CANARY_KEY, safe='')}@provider.test"},
        {"base_url": f"ftp://{quote(CANARY_KEY, safe='')}"},
        {"proxy": f"gopher://user:{quote(CANARY_KEY, safe='')}@proxy.test"},
        {"proxy": f"http://user:{quote(CANARY_KEY, safe='')}@proxy.test:port"},
        {"key": CANARY_KEY, "key_file": "x"},
        {"key": 5, "headers": {"x": f"{CANARY_KEY}\n"}},
    ],
    ids=lambda about: " ".join(about),
)
def test_a_target_that_is_refused_shows_nothing(about: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Target("openai", model="m", **about)
    assert_no_canary(caught.value)


def test_the_objects_that_hold_a_key_or_a_text_show_none() -> None:
    chat = standby.Message("user", (standby.TextPart(CANARY_PROMPT),))
    wired = WireRequest("https://x.test/?key=k", {"authorization": CANARY_KEY}, CANARY_PROMPT.encode())
    headers = {"authorization": CANARY_KEY}
    for thing in (
        Secret(CANARY_KEY),
        Target("openai", model="m", key=CANARY_KEY, headers=headers, body=headers, options=headers),
        Target("openai", model="m", parameters={"stop": CANARY_PROMPT}),
        Config.of_targets((Target("openai", model="m", key=CANARY_KEY),)),
        Route((Target("openai", model="m", key=CANARY_KEY),), parameters={"system": CANARY_PROMPT}),
        Router([Target("openai", model="m", key=CANARY_KEY)]),
        wired,
        Endpoint(base_url="https://x.test", model="m", key=Secret(CANARY_KEY), headers=headers, body=headers),
        ChatRequest(messages=(chat,), system=CANARY_PROMPT, stop=(CANARY_PROMPT,), prefill=CANARY_PROMPT),
        chat,
        standby.TextPart(CANARY_PROMPT),
        standby.ToolCall("id", "name", json.dumps({"q": CANARY_PROMPT})),
        TransportOptions(proxy=f"http://user:{CANARY_KEY}@proxy.test", headers=headers),
    ):
        assert_no_canary_in_repr(thing)


async def test_what_is_in_use_shows_nothing(simulator: Playing) -> None:
    simulator.play("lead", Script(TEXT, (Stall(At.delta(1)),)))
    async with Router(config(target(simulator))) as router, router.stream(CANARY_PROMPT) as stream:
        await anext(stream)
        live = live_of(router, router.config.routes["r"].targets[0])
        transport = live.transport
        [exchange] = transport._exchanges
        for thing in (router, stream, live, live.health, transport, exchange, stream._call, router._shared):
            assert_no_canary_in_repr(thing)


async def test_an_answer_shows_itself_only_where_it_is_asked_for(simulator: Playing) -> None:
    simulator.play("lead", TEXT)
    async with Router(config(target(simulator))) as router:
        answer = await router.complete(CANARY_PROMPT)
    assert answer.text.startswith(CANARY_COMPLETION)
    assert_no_canary_in_repr(answer)
    assert_no_canary_in_repr(answer.message)


def test_a_key_in_the_environment_is_not_in_the_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY_KEY)
    path = tmp_path / "standby.yaml"
    path.write_text("targets:\n  main:\n    provider: openai\n    key: ${OPENAI_API_KEY}\n", encoding="utf-8")
    router = Router.from_yaml(path)
    assert router.config.targets["main"].key == Secret(CANARY_KEY)
    assert_no_canary_in_repr(router)
    assert_no_canary_in_repr(router.config)
    assert os.environ["OPENAI_API_KEY"] == CANARY_KEY


async def test_the_library_logs_one_line_a_call_and_configures_nothing(
    simulator: Playing, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.play("lead", TEXT)
    handlers = list(logging.getLogger().handlers)
    async with Router(config(target(simulator))) as router:
        await router.complete(CANARY_PROMPT)
    assert logging.getLogger().handlers == handlers
    assert not structlog.is_configured()
    assert [record.name for record in caplog.records if record.name.startswith("standby")] == ["standby"]
