"""What leaves the library takes no frame of it along: trackers of errors send the locals of every frame they find.

Every failure in every dialect and way of asking: what is raised, all that it is linked to, and all that was logged with
a traceback. Only a caller's own frames may hold what the caller said.
"""

import asyncio
import errno
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from standby.config import Health, Hedge, Hold, Limits, Retry

import standby
from canaries import CANARY_COMPLETION, CANARY_KEY, CANARY_PROMPT, canaries_in
from components import need
from playing import LONG_S, Playing
from standby import CallFailed, Config, ConfigError, ErrorKind, InvalidRequest, Route, Router, Target
from standby.testing import Answer, At, Cut, ErrorEvent, Failure, Malformed, Page, Raw, Script, Stall

ROOM = str(Path(standby.__file__).parents[1])
TESTS = str(Path(__file__).parents[1])
DIALECTS = (
    "anthropic", "azure-openai", "bedrock", "cohere", "gemini", "koala", "mistral", "ollama", "openai",
    "openai-responses",
)  # fmt: skip
ECHO = f"No {CANARY_KEY} for {CANARY_PROMPT}"
TEXT = Answer((CANARY_COMPLETION, " And so on.", " And on."))

FAILURES: dict[str, Any] = {
    "400": Failure(ErrorKind.BAD_REQUEST, message=ECHO),
    "401": Failure(ErrorKind.AUTH, message=ECHO),
    "404": Failure(ErrorKind.NOT_FOUND, message=ECHO),
    "429": Failure(ErrorKind.RATE_LIMITED, message=ECHO),
    "500": Failure(ErrorKind.SERVER_ERROR, message=ECHO),
    "a filter": Failure(ErrorKind.CONTENT_FILTER, message=ECHO),
    "a web page": Page(f"<html>{ECHO}</html>".encode()),
    "a redirect": Page(b"", 302, headers={"location": f"https://{CANARY_KEY[:9]}.test/{CANARY_KEY}"}),
    "no HTTP": Raw(ECHO.encode()),
    "a wrong chunk": Raw(f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{CANARY_KEY}\r\n".encode()),
    "a reset": Script(TEXT, (Cut(At.head(), rst=True),)),
    "silence": Script(TEXT, (Stall(At.head()),)),
    "an error in the stream": Script(TEXT, (ErrorEvent(At.delta(2), Failure(ErrorKind.OVERLOADED, message=ECHO)),)),
    "a cut": Script(TEXT, (Cut(At.delta(1), rst=True),)),
    "a stall": Script(TEXT, (Stall(At.delta(1)),)),
    "nonsense": Script(TEXT, (Malformed(At.delta(1), f"data: {{{ECHO}\n{{{ECHO}\n\n".encode()),)),
    "no connection": "refused",
    "no trust": "untrusted",
    "no name": "unknown",
    "a proxy that refuses": "proxy",
}
UNSAID = {
    ("koala", "an error in the stream"), ("koala", "a filter"), ("ollama", "a filter"), ("bedrock", "a filter"),
}  # fmt: skip
"""What these dialects have no words for."""


def links(error: BaseException | None, seen: set[int] | None = None) -> Iterator[BaseException]:
    """An exception and all that it is linked to, suppressed or not."""
    seen = set() if seen is None else seen
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    inner = [each for each in vars(error).values() if isinstance(each, BaseException)]
    group = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for each in (error.__cause__, error.__context__, *group, *inner):
        yield from links(each, seen)


def assert_bare(error: BaseException) -> None:
    for each in links(error):
        assert not canaries_in(f"{each!r} {each.args!r} {getattr(each, '__notes__', '')}"), type(each)
        for frame, line in traceback.walk_tb(each.__traceback__):
            file = frame.f_code.co_filename
            if file.startswith(TESTS):
                continue
            where = f"{type(each).__name__} in {frame.f_code.co_qualname} ({file}:{line})"
            assert "/aiohttp/" not in file, where
            assert not file.startswith(ROOM) or frame.f_code.co_name in ("text", "here", "__aiter__"), where
            assert not canaries_in(_shown(frame.f_locals)), where


def _shown(value: object, depth: int = 0) -> str:
    """What a tracker of errors makes of a value: containers item by item, all else by its repr."""
    if depth < 5 and isinstance(value, Mapping):
        return " ".join(f"{_shown(name, 5)}={_shown(item, depth + 1)}" for name, item in list(value.items()))
    if depth < 5 and isinstance(value, list | tuple | set | frozenset):
        return " ".join(_shown(item, depth + 1) for item in value)
    return repr(value)


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    """Whatever is logged with a traceback is held to the same, down to asyncio's own debug lines."""

    class Tracker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1] is not None:
                errors.append(record.exc_info[1])

    errors: list[BaseException] = []
    tracker = Tracker(logging.DEBUG)
    logging.getLogger().addHandler(tracker)
    yield
    logging.getLogger().removeHandler(tracker)
    for error in errors:
        for each in links(error):
            for frame, _ in traceback.walk_tb(each.__traceback__):
                shown = _shown(frame.f_locals)  # the simulator runs here too, and may show what it answers
                assert "x-more" not in shown, f"logged, with {frame.f_code}"


@pytest.fixture
async def debugged() -> AsyncIterator[None]:
    """asyncio's debug mode, in which every single step is slow, and is logged with the reprs of all that it has."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    yield
    loop.set_debug(False)


def target(simulator: Playing, dialect: str, script: Any = "An answer.", name: str = "lead") -> Target:
    if dialect == "bedrock":
        need("botocore")
    about: dict[str, Any] = {"key": CANARY_KEY, "headers": {"x-more": CANARY_KEY}, "body": {"user": CANARY_KEY}}
    if dialect == "bedrock":
        about["options"] = {"region": "nowhere-1", "secret_access_key": CANARY_KEY, "access_key_id": CANARY_KEY}
    simulator.play(name, "Never asked." if isinstance(script, str) else script, dialect=dialect)
    about["base_url"] = {
        "refused": simulator.refused_url(),
        "untrusted": simulator.untrusted_url(),
        "unknown": "https://provider.invalid",
    }.get(script if isinstance(script, str) else "", simulator.base_url(name))
    if script == "proxy":
        port = simulator.refused_url().rpartition(":")[2]
        about["proxy"] = f"http://user:{'p' * 8}@127.0.0.1:{port}"
    return Target(dialect, model="m", name=name, **about)


def config(*targets: Target, **route: Any) -> Config:
    return Config(
        routes={"r": Route(targets, **{"deadline_s": 0.4, "mid_stream": ("replay",), **route})},
        limits=Limits(connect_s=0.3, first_delta_s=0.1, stall_s=0.1, tail_s=0.02, reserve_s=0.02),
        retry=Retry(attempts=2, backoff_s=0.001, backoff_max_s=0.001),
        health=Health(failures_in_row=1000, window_min_calls=1000, park_auth_s=0.001, park_not_found_s=0.001),
    )


async def read(router: Router) -> None:
    async with router.stream(CANARY_PROMPT, system=CANARY_PROMPT) as stream:
        async for _ in stream:
            pass


async def read_text(router: Router) -> None:
    async with router.stream([{"role": "user", "content": CANARY_PROMPT}]) as stream:
        async for _ in stream.text():
            pass


async def collect(router: Router) -> None:
    await router.complete(CANARY_PROMPT)


async def single(router: Router) -> None:
    await router.complete(CANARY_PROMPT, upstream="single")


Way = tuple[Callable[[Router], Awaitable[None]], dict[str, Any]]
WAYS: dict[str, Way] = {
    "stream": (read, {}),
    "text": (read_text, {}),
    "complete": (collect, {}),
    "single": (single, {}),
    "hedged": (read, {"hedge": Hedge(after=0.001, budget_ratio=1.0)}),
    "held": (read_text, {"hold": Hold(deltas=2)}),
}


SOME_WAYS = {name: WAYS[name] for name in ("text", "complete", "single")}


@pytest.mark.parametrize(("dialect", "failure"), [each for each in product(DIALECTS, FAILURES) if each not in UNSAID])
async def test_no_failure_takes_a_frame_along(simulator: Playing, dialect: str, failure: str) -> None:
    await every_way(simulator, dialect, failure, WAYS if dialect == "openai" else SOME_WAYS)


@pytest.mark.usefixtures("debugged")
@pytest.mark.parametrize("failure", FAILURES)
async def test_nor_does_debug_mode_show_anything(simulator: Playing, failure: str) -> None:
    await every_way(simulator, "openai", failure, WAYS)


async def every_way(simulator: Playing, dialect: str, failure: str, ways: Mapping[str, Way]) -> None:
    script, failed = FAILURES[failure], 0
    for way, (ask, route) in ways.items():
        if way == "single" and isinstance(script, Script) and script.faults and failure not in ("a reset", "silence"):
            script = Script(TEXT, (Cut(At.body(40)),))  # a body has no events to strike
        targets = [target(simulator, dialect, script, name) for name in ("lead", "next")]
        async with Router(config(*targets, **route)) as router:
            try:
                await ask(router)
            except CallFailed as error:
                failed += 1
                assert_bare(error)
    assert failed == len(ways)


@pytest.mark.usefixtures("debugged")
@pytest.mark.parametrize("upstream", ["stream", "single"])
async def test_nor_does_the_first_write_on_a_new_connection(
    simulator: Playing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, upstream: Any
) -> None:
    class Broken(socket.socket):
        def send(self, *what: Any) -> int:
            raise ConnectionResetError(errno.ECONNRESET, "reset")

    caplog.set_level(logging.DEBUG, "asyncio")
    monkeypatch.setattr("standby.providers.http.connector.made", lambda known, info: Broken(*info[:3]))
    async with Router(config(target(simulator, "openai"))) as router:
        with pytest.raises(CallFailed):
            await router.complete(CANARY_PROMPT, upstream=upstream)
    assert "Fatal write error" in caplog.text  # which is what shows the bytes that were written


PLACES = {
    "before a connection": None,
    "before a head": Script(TEXT, (Stall(At.head()),)),
    "within an answer": Script(TEXT, (Stall(At.delta(1)),)),
}


@pytest.mark.usefixtures("debugged")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES)
async def test_no_cancellation_does(simulator: Playing, place: str, way: str) -> None:
    ask, route = WAYS[way]
    script: Any = "Never asked." if place == "before a connection" else PLACES[place]
    if way == "single" and place == "within an answer":
        script = Script(TEXT, (Stall(At.body(40)),))
    targets = [target(simulator, "openai", script, name) for name in ("lead", "next")]
    if place == "before a connection":
        targets = [target_of_nobody(name) for name in ("lead", "next")]
    patient = Limits(connect_s=LONG_S, first_delta_s=LONG_S, stall_s=LONG_S)  # whatever the machine is busy with
    settings = replace(config(*targets, **{**route, "deadline_s": 2 * LONG_S}), limits=patient)
    async with Router(settings) as router:
        for leave in ("cancelled", "timed out", "closed"):
            task = asyncio.create_task(ask(router))
            if place == "before a connection":
                await asyncio.sleep(0.02)
            else:
                asked = len(simulator.exchanges)
                async with asyncio.timeout(LONG_S):
                    while len(simulator.exchanges) == asked:  # noqa: ASYNC110 - each turn is logged: few are taken
                        await asyncio.sleep(0.005)
            if leave == "closed":
                await router.aclose()
            task.cancel()
            try:
                if leave == "timed out":
                    async with asyncio.timeout(0.01):
                        await task
                else:
                    await task
            except BaseException as error:  # noqa: BLE001 - whatever it is
                assert_bare(error)
            else:
                assert place == "within an answer", "it ends as an answer that was left"


def target_of_nobody(name: str) -> Target:
    async def hangs() -> str:
        token = CANARY_KEY
        await asyncio.sleep(60)
        return token

    return Target("openai", model="m", name=name, key=hangs, base_url="http://127.0.0.1:9")


async def test_no_key_of_a_callback_does(simulator: Playing) -> None:
    async def raises() -> str:
        token = CANARY_KEY
        raise LookupError(f"{token} is over")

    simulator.play("lead", "Never asked.")
    lead = Target("openai", model="m", name="lead", key=raises, base_url=simulator.base_url("lead"))
    async with Router(config(lead)) as router:
        for ask in (read, collect):
            with pytest.raises(CallFailed) as caught:
                await ask(router)
            assert_bare(caught.value)


async def test_what_the_caller_handles_stays_linked(simulator: Playing) -> None:
    lead = target(simulator, "openai", FAILURES["500"])
    mine = ValueError("mine")
    async with Router(config(lead)) as router:
        for ask in (read, collect):
            try:
                raise mine
            except ValueError:
                with pytest.raises(CallFailed) as caught:
                    await ask(router)
            assert caught.value.__context__ is mine
            frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(mine.__traceback__)]
            assert set(frames) == {"test_what_the_caller_handles_stays_linked"}
            assert_bare(caught.value)


async def test_no_refusal_of_the_caller_does(simulator: Playing) -> None:
    lead = target(simulator, "openai")
    async with Router(config(lead)) as router:
        for ask in (router.stream, router.explain):
            with pytest.raises(InvalidRequest) as caught:
                ask(f"{CANARY_PROMPT}\ud83d")
            assert_bare(caught.value)
            with pytest.raises(ConfigError) as refused:
                ask(CANARY_PROMPT, targets=[lead], route="r")
            assert_bare(refused.value)
        with pytest.raises(InvalidRequest) as caught:
            await router.complete(CANARY_PROMPT, tools=[CANARY_PROMPT])
        assert_bare(caught.value)
    with pytest.raises(ConfigError) as refused:
        Target("openai", model="m", key=CANARY_KEY, key_file="key")
    assert_bare(refused.value)
    with pytest.raises(ConfigError) as refused:
        Target("openai", model="m", key=CANARY_KEY, headers={"x": f"{CANARY_KEY}\n"})
    assert_bare(refused.value)
    with pytest.raises(ConfigError) as refused:
        standby.config.load(None, env_file=None, targets={"a": {"provider": "nobody", "key": CANARY_KEY}})
    assert_bare(refused.value)


async def test_a_bug_leaves_its_places_behind(simulator: Playing, monkeypatch: pytest.MonkeyPatch) -> None:
    from standby.router.engine.attempt import Attempt

    def breaks(attempt: object, *read: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Attempt, "_decoded", breaks)
    lead = target(simulator, "openai")
    async with Router(config(lead)) as router:
        for ask in (read, collect):
            with pytest.raises(ZeroDivisionError) as caught:
                await ask(router)
            assert_bare(caught.value)
            [note] = caught.value.__notes__
            assert note.startswith("raised by way of ")
            assert f"breaks ({__file__}:" in note


async def test_none_of_the_one_shots_does(simulator: Playing) -> None:
    lead = target(simulator, "openai", FAILURES["a stall"])
    clocks = {"targets": [lead], "stall_s": 0.1, "deadline_s": 1.0, "mid_stream": ()}
    with pytest.raises(CallFailed) as caught:
        async with standby.stream(CANARY_PROMPT, **clocks) as stream:  # type: ignore[arg-type]
            async for _ in stream.text():
                pass
    assert_bare(caught.value)
    with pytest.raises(CallFailed) as caught:
        await standby.complete(CANARY_PROMPT, **clocks)  # type: ignore[arg-type]
    assert_bare(caught.value)

    def in_a_thread() -> list[BaseException]:
        found: list[BaseException] = []
        for ask in (standby.ask, lambda *args, **named: list(standby.ask_stream(*args, **named))):
            try:
                ask(CANARY_PROMPT, **clocks)
            except CallFailed as error:
                found.append(error)
        return found

    found = await asyncio.to_thread(in_a_thread)
    pieces = await asyncio.to_thread(standby.ask_stream, CANARY_PROMPT, **clocks)  # type: ignore[arg-type]
    with pytest.raises(CallFailed) as caught:
        async for _ in pieces:  # type: ignore[attr-defined]
            pass
    found.append(caught.value)
    assert len(found) == 3
    for error in found:
        assert_bare(error)
