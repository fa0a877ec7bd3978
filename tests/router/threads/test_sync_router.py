"""The Router of code without an event loop: what it gives, from which threads, and what leaving it leaves behind."""

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from standby.router.notices.observers import NoticeCounts

from stage import Play, Stage, breaks_off, chunk, refuses, says
from standby import (
    AllTargetsFailed,
    ConfigError,
    ErrorKind,
    Finished,
    InvalidRequest,
    RouterClosed,
    Started,
    StreamInterrupted,
    SyncRouter,
    TextDelta,
)

PATIENCE_S = 20.0
MANY = Play([(0.0, chunk(f"{n} ")) for n in range(3000)], then="stall")


def made(stage: Stage) -> SyncRouter:
    """A SyncRouter over the targets of a stage."""
    router = stage.router()
    return SyncRouter(router.config, transport=router._transport)


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so, which something of another thread makes it."""
    over_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < over_s, "it did not come about"
        time.sleep(0.002)


def test_it_answers_as_the_router_does() -> None:
    one = Stage(a=lambda now_s: breaks_off("Once ", "upon "), b=says("Once upon ", "a time."))
    with made(one) as router:
        assert router.complete("?").text == "Once upon a time."
        with router.stream("?") as stream:
            assert "".join(stream.text()) == "Once upon a time."
            assert stream.report.target == "b"
            assert [switch.source for switch in stream.report.switches] == ["a"]
        with router.stream("?") as stream:
            first = next(stream)
            rest = list(stream)
            assert (type(first), type(rest[-1])) == (Started, Finished)
            assert stream.answer().text == "Once upon a time."
            assert list(stream) == []
    assert one.open == 0


def test_what_is_known_and_ordered_of_targets() -> None:
    one = Stage(a=says("from a"), b=says("from b"))
    with made(one) as router:
        assert [target.target for target in router.explain().asked] == ["a", "b"]
        router.isolate("a")
        assert router.complete("?").text == "from b"
        assert [snapshot.state for snapshot in router.health()] == ["isolated", "closed"]
        router.restore("a")
        assert router.complete("?").text == "from a"
        assert list(router.config.routes) == ["default"]
        router.swap(router.config)
        assert router.notices == NoticeCounts()


def test_failures_are_those_of_the_router() -> None:
    one = Stage(a=refuses(ErrorKind.AUTH), b=refuses(ErrorKind.AUTH))
    with made(one) as router, pytest.raises(AllTargetsFailed):
        router.complete("?")
    with made(one) as router:
        with router.stream("?") as stream:
            with pytest.raises(AllTargetsFailed):
                next(stream)
            assert list(stream) == []
            with pytest.raises(RuntimeError, match="left before its end"):
                stream.answer()
        with pytest.raises(InvalidRequest):
            router.complete("")
        with pytest.raises(ConfigError, match="no route"):
            router.stream("?", route="nowhere")


def test_an_answer_that_breaks_off_raises_what_it_is() -> None:
    one = Stage(a=lambda now_s: breaks_off("Once ", "upon "))
    with made(one) as router, router.stream("?") as stream:
        said = []
        with pytest.raises(StreamInterrupted):
            said += stream.text()
        with pytest.raises(StreamInterrupted) as caught:
            router.stream("?").answer()
    assert caught.value.partial == "Once upon "


def test_threads_ask_it_at_once() -> None:
    one = Stage(a=says("Once upon ", "a time."))
    with made(one) as router, ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(lambda: [router.complete("?").text, "".join(router.stream("?").text())]) for _ in range(40)]
        assert [job.result(PATIENCE_S) for job in jobs] == [["Once upon a time."] * 2] * 40
        assert sum(thread.name == "standby-loop" for thread in threading.enumerate()) == 1
    assert one.open == 0


async def test_it_may_be_asked_where_another_loop_runs() -> None:
    """As in a cell of a notebook."""
    one = Stage(a=says("well"))
    with made(one) as router:
        assert router.complete("?").text == "well"
        assert "".join(router.stream("?").text()) == "well"


@pytest.mark.parametrize("way", ["left", "closed by another thread", "dropped", "a router that is closed"])
def test_leaving_closes_what_is_open_upstream(way: str) -> None:
    one = Stage(a=lambda now_s: MANY)
    router = made(one)
    stream = router.stream("?")
    assert type(next(stream)) is Started
    assert one.open == 1
    match way:
        case "left":
            with stream:
                pass
        case "closed by another thread":
            threading.Thread(target=stream.close).start()
        case "dropped":
            del stream
            gc.collect()
        case _:
            router.close()
            with pytest.raises(RouterClosed):
                list(stream)
    until(lambda: one.open == 0)
    router.close()


def test_closing_ends_the_wait_of_another_thread() -> None:
    one = Stage(a=lambda now_s: MANY)
    with ThreadPoolExecutor(2) as pool, made(one) as router:
        waiting = [pool.submit(router.complete, "?"), pool.submit(list, router.stream("?"))]
        until(lambda: one.open == 2)
        router.close()
        router.close()
        for job in waiting:
            with pytest.raises((RouterClosed, StreamInterrupted)) as ended:  # the latter once something was delivered
                job.result(PATIENCE_S)
            assert ended.value.kind is ErrorKind.CLOSED
        with pytest.raises(RouterClosed):
            router.complete("?")


def test_from_yaml_reads_a_file(tmp_path: Path) -> None:
    file = tmp_path / "standby.yaml"
    file.write_text("targets: {a: {provider: openai, model: m, key: k}}\n")
    with SyncRouter.from_yaml(file) as router:
        assert [target.target for target in router.explain().asked] == ["a"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_begins_afresh() -> None:
    one = Stage(a=says("well"))
    with made(one) as router:
        assert router.complete("?").text == "well"
        reading, writing = os.pipe()
        child = os.fork()
        if not child:  # what fails here is seen in what the parent reads
            try:
                os.write(writing, router.complete("?").text.encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            assert told.read() == b"well"
        os.waitpid(child, 0)
        assert router.complete("?").text == "well"


def test_the_interpreter_ends_with_a_stream_that_is_open() -> None:
    program = (
        "import standby, socket, threading\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "url = f'http://127.0.0.1:{server.getsockname()[1]}/v1'\n"
        "threading.Thread(target=server.accept, daemon=True).start()\n"
        "router = standby.SyncRouter([standby.Target('openai', model='m', base_url=url, key='k', first_delta_s=0.2)])\n"
        "stream = router.stream('?')\n"
        "try:\n    next(stream)\nexcept standby.CallFailed as error:\n    print(error.kind)\n"
        "waiting = threading.Thread(target=lambda: router.complete('?', deadline_s=60), daemon=True)\n"
        "waiting.start()\n"
    )
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "first_token_timeout\n"), done.stderr


def test_events_are_taken_in_batches_and_bounded() -> None:
    """A reader that takes its time makes the provider wait, and gets every delta once."""
    count = 3000
    one = Stage(a=lambda now_s: says(*(f"{n} " for n in range(count))))
    with made(one) as router, router.stream("?") as stream:
        texts = [event.text for event in stream if isinstance(event, TextDelta)]
    assert "".join(texts) == "".join(f"{n} " for n in range(count))
