"""A Router for many threads and event loops: where its calls run, how they are left, and what stays behind."""

import asyncio
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from standby.router.threads import feed as feeding
from standby.router.threads.feed import Feed
from standby.router.threads.home import BATCHES_MAX, Home, home_of
from standby.router.threads.loop_thread import LoopThread

from stage import SILENT, Play, Stage, breaks_off, chunk, refuses, says
from standby import AllTargetsFailed, CallFailed, Router, RouterClosed, StreamBusy, TextDelta, WrongLoop

PATIENCE_S = 20.0
SECRET = "the-prompt-that-nobody-may-see"
MANY = Play([(0.0, chunk(f"{n} ")) for n in range(3000)], then="stall")

forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]


@contextmanager
def at_home(router: Router) -> Iterator[Home]:
    """The Router's home, closed at the end."""
    home = home_of(router)
    try:
        yield home
    finally:
        home.close()


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so, which something of another thread makes it."""
    over_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < over_s, "it did not come about"
        time.sleep(0.002)


def read(feed: Feed[Any]) -> str:
    """The text of an answer, read in a thread without a loop."""
    text = ""
    while batches := feed.take():
        text += "".join(event.text for batch in batches for event in batch if type(event) is TextDelta)
    return text


async def read_async(feed: Feed[Any]) -> str:
    """The same in a loop."""
    text = ""
    while batches := await feed.take_async():
        text += "".join(event.text for batch in batches for event in batch if type(event) is TextDelta)
    return text


def in_a_thread(deed: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(deed).result(PATIENCE_S)


# Where calls run


def test_many_threads_and_loops_ask_one_router() -> None:
    one = Stage(a=lambda now_s: breaks_off("Once ", "upon "), b=says("Once upon ", "a time."))

    def without_a_loop(home: Home) -> list[str]:
        found = []
        for _ in range(10):
            found.append(read(home.stream("?")))
            found.append(home.run(home.router.complete("?")).text)
        return found

    async def asked(home: Home) -> list[str]:
        whole = await home.run_async(home.router.complete("?"))
        return [whole.text, await read_async(home.stream("?"))]

    async def all_asked(home: Home) -> list[str]:
        return [each for pair in await asyncio.gather(*(asked(home) for _ in range(10))) for each in pair]

    with at_home(one.router()) as home, ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(without_a_loop, home) for _ in range(4)]
        jobs += [pool.submit(lambda: asyncio.run(all_asked(home))) for _ in range(4)]
        for job in jobs:
            assert job.result(PATIENCE_S) == ["Once upon a time."] * 20
        assert sum(thread.name == "standby-loop" for thread in threading.enumerate()) == 1
    assert one.open == 0


async def test_a_router_that_is_entered_is_asked_in_its_own_loop() -> None:
    one = Stage(a=says("well"))
    async with one.router() as router:
        home = home_of(router)
        assert home.loop is asyncio.get_running_loop()
        assert await read_async(home.stream("?")) == "well"
        assert (await home.run_async(router.complete("?"))).text == "well"
        assert await asyncio.to_thread(lambda: home.run(router.complete("?")).text) == "well"
        assert await asyncio.to_thread(lambda: read(home.stream("?"))) == "well"
        assert await asyncio.to_thread(lambda: asyncio.run(read_async(home.stream("?")))) == "well"
        assert home.thread is None


async def test_the_thread_of_the_routers_loop_is_not_made_to_wait_for_itself() -> None:
    one = Stage(a=says("well"))
    async with one.router() as router:
        home = home_of(router)
        with pytest.raises(WrongLoop, match="would stand still"):
            home.run(router.complete("?"))
        feed = home.stream("?")
        with pytest.raises(WrongLoop, match="would stand still"):
            feed.take()
        assert await read_async(feed) == "well"


def test_a_router_that_was_closed_is_not_opened_again_unseen() -> None:
    async def lived() -> Router:
        async with Stage(a=says("well")).router() as router:
            return router

    router = asyncio.run(lived())
    with pytest.raises(RouterClosed):
        home_of(router).run(router.complete("?"))


def test_one_home_for_all_and_a_new_one_once_it_is_closed() -> None:
    router = Stage(a=says("well")).router()
    with at_home(router) as home:
        assert home is home_of(router)
        assert home.run(router.complete("?")).text == "well"
    with pytest.raises(RouterClosed):
        home.run(router.complete("?"))
    del home
    with at_home(router) as again:
        assert again.run(router.complete("?")).text == "well"


def test_a_home_that_is_dropped_takes_its_thread_along() -> None:
    router = Stage(a=says("well")).router()
    home = home_of(router)
    home.run(router.complete("?"))
    thread = home.thread
    assert thread is not None
    del home
    gc.collect()
    thread.join()
    assert thread.over.done()
    with at_home(router) as again:  # at once, and whatever the old one is still at
        assert again.run(router.complete("?")).text == "well"


def test_what_cannot_be_entered_says_why_to_the_caller() -> None:
    def enter() -> None:
        raise WrongLoop("no")

    async def leave() -> None:
        raise AssertionError("it was never entered")

    with pytest.raises(WrongLoop, match="no"):
        LoopThread(enter, leave)
    until(lambda: not any(thread.name == "standby-loop" for thread in threading.enumerate()))


NAMED: contextvars.ContextVar[str] = contextvars.ContextVar("named", default="nothing")


def test_a_call_runs_in_the_context_of_its_caller() -> None:
    async def told() -> str:
        return NAMED.get()

    async def feeds(feed: Feed[str]) -> None:
        await feed.put(NAMED.get())

    with at_home(Stage(a=says("well")).router()) as home:
        NAMED.set("of the caller")
        assert home.run(told()) == "of the caller"
        assert Feed(home.loop, feeds).take() == ["of the caller"]


# Leaving


def test_a_stream_that_is_left_closes_what_is_open_upstream() -> None:
    one = Stage(a=Play([(0.0, chunk("x"))], then="stall"))
    with at_home(one.router()) as home:
        feed = home.stream("?")
        assert feed.take()
        assert one.open == 1
        feed.leave()
        feed.leave()
        until(lambda: one.open == 0)


def test_a_stream_that_is_left_before_it_began_asks_nothing() -> None:
    one = Stage(a=says("x"))
    with at_home(one.router()) as home:
        busy = threading.Event()
        home.loop.call_soon_threadsafe(busy.wait)  # the loop does not turn
        feed = home.stream("?")
        feed.leave()
        busy.set()
        home.run(asyncio.sleep(0))
    assert one.asked == []


async def test_a_task_in_another_loop_that_is_cancelled_cancels_its_call() -> None:
    one = Stage(a=Play([(0.0, chunk("x"))], then="stall"))
    with at_home(one.router()) as home:
        asked = asyncio.ensure_future(home.run_async(home.router.complete("?")))
        await asyncio.to_thread(until, lambda: one.open == 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.to_thread(until, lambda: one.open == 0)


def test_the_keyboard_interrupts_a_wait_and_its_call() -> None:
    one = Stage(a=SILENT)
    main = threading.main_thread()
    assert main is threading.current_thread()

    def interrupt() -> None:
        until(lambda: len(one.asked) == asked + 1)
        assert main.ident is not None
        signal.pthread_kill(main.ident, signal.SIGINT)

    with at_home(one.router()) as home:
        for wait in (lambda: home.run(home.router.complete("?")), lambda: read(home.stream("?"))):
            asked = len(one.asked)
            thread = threading.Thread(target=interrupt)
            thread.start()
            with pytest.raises(KeyboardInterrupt):
                wait()
            thread.join()
        until(lambda: not [*home.run(_calls_of(home.router))][1:])


async def _calls_of(router: Router) -> list[object]:
    shared = router._shared
    assert shared is not None
    return [*shared.generation.calls]


def test_a_home_that_closes_ends_open_calls() -> None:
    one = Stage(a=Play([(0.0, chunk("x"))], then="stall"))
    home = home_of(one.router())
    feed = home.stream("?")
    assert feed.take()
    waiting = ThreadPoolExecutor(2)
    ends = [waiting.submit(feed.take), waiting.submit(home.run, home.router.complete("?"))]
    until(lambda: one.open == 2)
    home.close()
    for end in ends:
        with pytest.raises(CallFailed) as closed:
            end.result(PATIENCE_S)
        assert closed.value.kind.value == "closed"
    waiting.shutdown()
    assert one.open == 0


@pytest.mark.parametrize("wait", ["run", "take", "run_async", "take_async"])
def test_a_loop_that_ends_without_a_word_is_noticed(wait: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (feeding, sys.modules[Home.__module__]):
        monkeypatch.setattr(module, "LOOK_S", 0.01)
    router = Stage(a=SILENT).router()
    loop = asyncio.new_event_loop()
    loop.call_soon(router.enter)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    until(lambda: router._shared is not None)
    home = home_of(router)

    async def nothing(feed: Feed[int]) -> None:
        await asyncio.Event().wait()

    waits: dict[str, Callable[[], Any]] = {
        "run": lambda: home.run(asyncio.Event().wait()),
        "take": lambda: Feed(loop, nothing).take(),
        "run_async": lambda: asyncio.run(_awaited(lambda: home.run_async(asyncio.Event().wait()))),
        "take_async": lambda: asyncio.run(_awaited(lambda: Feed(loop, nothing).take_async())),
    }
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waits[wait])
        time.sleep(0.05)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        left = asyncio.all_tasks(loop)
        loop.close()
        with pytest.raises(RouterClosed):
            waiting.result(PATIENCE_S)
    for task in left:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # this loop was ended on purpose, in the midst


async def _awaited(make: Callable[[], Awaitable[Any]]) -> Any:
    return await make()


# Streams


def test_a_reader_that_is_behind_holds_the_provider_up() -> None:
    one = Stage(a=MANY)
    with at_home(one.router()) as home:
        feed = home.stream("?")
        until(lambda: len(feed) == BATCHES_MAX + 1)
        time.sleep(0.05)
        assert len(feed) == BATCHES_MAX + 1
        text = ""
        while not text.endswith(" 2999 "):
            text += "".join(event.text for batch in feed.take() or () for event in batch if type(event) is TextDelta)
        assert text.split() == [str(n) for n in range(3000)]
        feed.leave()


def test_a_wait_may_have_an_end_and_go_on() -> None:
    turn = threading.Event()

    async def feeds(feed: Feed[int]) -> None:
        await asyncio.to_thread(turn.wait)
        await feed.put(1)

    with at_home(Stage(a=says("x")).router()) as home:
        feed = Feed(home.loop, feeds)
        assert feed.take(0.01) is None
        turn.set()
        assert feed.take(PATIENCE_S) == [1]
        assert feed.take() == feed.take() == []


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    turn = asyncio.Event()

    async def feeds(feed: Feed[int]) -> None:
        await turn.wait()
        await feed.put(1)

    async with Stage(a=says("x")).router() as router:
        feed = Feed(home_of(router).loop, feeds)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(feed.take_async(), 0.01)
        turn.set()
        assert await feed.take_async() == [1]


def test_a_feed_has_one_reader() -> None:
    with at_home(Stage(a=SILENT).router()) as home, ThreadPoolExecutor(1) as pool:
        feed = home.stream("?")
        first = pool.submit(feed.take)
        until(lambda: feed._handover._taker is not None)
        with pytest.raises(StreamBusy):
            feed.take()
        assert feed._handover._taker is not None  # the first one is still going to be woken
        home.close()
        with pytest.raises(RouterClosed):
            first.result(PATIENCE_S)


# What fails


@pytest.mark.parametrize("way", ["run", "stream", "run_async"])
def test_failures_keep_their_class_and_none_of_our_frames(way: str) -> None:
    one = Stage(a=refuses(), b=refuses())
    with at_home(one.router()) as home, pytest.raises(AllTargetsFailed) as failed:
        if way == "run":
            home.run(home.router.complete(SECRET))
        elif way == "run_async":
            asyncio.run(_awaited(lambda: home.run_async(home.router.complete(SECRET))))
        else:
            read(home.stream(SECRET))
    assert [attempt.target for attempt in failed.value.report.attempts] == ["a", "b"]
    frames = [frame for frame, _ in traceback.walk_tb(failed.value.__traceback__)]
    assert not [
        frame
        for frame in frames
        if "/router/" in frame.f_code.co_filename and "/tests/" not in frame.f_code.co_filename
    ]
    assert failed.value.__context__ is failed.value.__cause__ is None


def test_a_timeout_of_the_coroutine_is_its_own() -> None:
    async def times_out() -> None:
        raise TimeoutError("mine")

    with at_home(Stage(a=says("x")).router()) as home, pytest.raises(TimeoutError, match="mine"):
        home.run(times_out())


# Forks, and the end of the interpreter


def child_of(deed: Callable[[], bool]) -> int:
    """The exit code of a forked process in which this has to be true."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(int(PATIENCE_S))
    code = 1
    try:
        code = 0 if deed() else 2
    finally:
        os._exit(code)


@pytest.mark.parametrize("mark", [pytest.param(None, marks=forks)])
def test_a_forked_process_begins_afresh_and_the_parent_goes_on(mark: None) -> None:
    one = Stage(a=MANY, b=says("of the child"))
    with at_home(one.router("a")) as home:
        feed, other = home.stream("?"), one.router("b")
        home_of(other).run(other.complete("?"))
        assert feed.take()

        def in_the_child() -> bool:
            with pytest.raises(WrongLoop, match="forked"):
                feed.take()
            feed.leave()  # does nothing to the parent's
            home = home_of(other)
            texts = [home.run(other.complete("?")).text, read(home.stream("?"))]
            gc.collect()
            home.close()
            return texts == ["of the child"] * 2

        assert child_of(in_the_child) == 0
        got = 0
        while got < 2000:
            got += len(feed.take(PATIENCE_S) or ())
        feed.leave()
        home_of(other).close()


PROGRAM = """
import asyncio, sys, threading, time
from standby import CallFailed, Router, Target
from standby.testing import Script, Simulator, Stall, At
from standby.router.threads.home import home_of

ready = threading.Event()

def upstream():
    async def run():
        async with Simulator() as simulator:
            simulator.play("lead", Script("One two three.", (Stall(At.delta(1)),)))
            urls.append(simulator.base_url("lead"))
            ready.set()
            await asyncio.sleep(3600)
    asyncio.run(run())

urls = []
threading.Thread(target=upstream, daemon=True).start()
ready.wait()
router = Router([Target("openai", model="m", key="k", base_url=urls[0])], observers=[lambda notice: None])
feed = home_of(router).stream("?")
assert feed.take()

def wait():
    try:
        feed.take()
    except CallFailed as failed:
        assert failed.kind == "closed"

threading.Thread(target=wait, daemon=True).start()
HOW
print("the end of the program")
"""


@pytest.mark.parametrize("how", ["", "home = home_of(router)", "sys.exit(0)"])
def test_an_interpreter_that_ends_with_open_streams_ends_at_once_and_silently(how: str) -> None:
    program = PROGRAM.replace("HOW", "" if "exit" in how else how)
    if "exit" in how:
        program += f"\n{how}\n"
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, "the end of the program\n", "")
