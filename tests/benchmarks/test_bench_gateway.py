"""What stands around a gateway in the benchmark: it finds every wrong byte, and measures what it says it measures."""

import re
import socketserver
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from benchmarks.case import GATEWAYS, Case
from benchmarks.clients import CLIENTS
from benchmarks.commands import Sample
from benchmarks.gateway import around, part
from benchmarks.gateway.arms import ARMS
from benchmarks.gateway.around import DIRECT, Around
from benchmarks.gateway.build import compiler
from benchmarks.gateway.generator import SILENT_CALL, SILENT_STREAM, Ask, ask
from benchmarks.gateway.generator import Generator as Load
from benchmarks.gateway.install import LIST
from benchmarks.peers import requirements
from benchmarks.result import Setting
from benchmarks.run import measure
from benchmarks.targets import TARGETS
from benchmarks.wire import ANSWER, Script
from components import lack

if compiler() is None:
    lack("needs gcc, or another compiler of C")

SINGLE, HOLD = Script("single"), Script("hold")
PACED, COALESCED = Script("stream", 6, 1, 2000, 4), Script("stream", 40, 8, 1000, 1)
SCRIPTS = (SINGLE, HOLD, PACED, COALESCED)
SETTING = Setting("asyncio", pinned=False, repeats=1, streams=3, progress=lambda words: None)


@pytest.fixture(scope="module")
def load() -> Generator[Load]:
    with Load(SCRIPTS) as started:
        yield started


def directly(load: Load, script: str, *, stream: bool) -> Ask:
    return ask(load.port, script, f"/{script}/v1/chat/completions", "any", stream=stream)


def test_calls_are_asked_and_answered_as_often_as_was_said(load: Load) -> None:
    before = load.answers()
    done = load.load(directly(load, SINGLE.segment, stream=False), 4, 50)
    assert (done.count, done.pieces, load.answers() - before) == (50, 50, 50)
    assert 0 < done.total_us.p50 <= done.total_us.p99 <= done.total_us.longest <= done.wall_us


@pytest.mark.parametrize(("script", "least_reads"), [(PACED, 8), (COALESCED, 7)])
def test_streams_come_in_as_many_writes_as_the_script_says(load: Load, script: Script, least_reads: int) -> None:
    done = load.load(directly(load, script.segment, stream=True), 2, 6)
    assert done.pieces == 6 * script.deltas
    assert done.reads >= 6 * least_reads - 6  # a busy machine may read two writes as one
    assert done.total_us.p50 >= script.gap_us * (len(script.writes) - 1) / 2
    assert done.first_us.p50 < done.total_us.p50


def test_a_stream_alone_tells_when_its_first_text_and_its_end_arrived(load: Load) -> None:
    done = load.load(directly(load, PACED.segment, stream=True), 1, 3)
    for times in (done.added_first_us, done.added_end_us):
        assert 0 < times.p50 < 1e6


def test_streams_are_held_until_they_are_dropped(load: Load) -> None:
    load.hold(directly(load, HOLD.segment, stream=True), 30)
    load.drop()
    assert load.load(directly(load, SINGLE.segment, stream=False), 1, 1).count == 1


@pytest.mark.parametrize(
    ("script", "stream", "pieces"), [("hold", True, 1), (SILENT_STREAM, True, 0), (SILENT_CALL, False, 0)]
)
def test_a_client_that_leaves_is_seen_to_have_left(load: Load, script: str, stream: bool, pieces: int) -> None:
    assert 0 < load.leave(directly(load, script, stream=stream), pieces).closed_us < 3e6


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda request: request.replace(b"sky blue", b"sky grey"), "does not know"),
        (lambda request: request.replace(b"/single/", b"/double/"), "does not know"),
        (lambda request: request.replace(b'"stream":false', b'"stream":false]'[:14] + b"!"), "does not know"),
    ],
)
def test_the_upstream_takes_no_other_question(load: Load, change: Callable[[bytes], bytes], why: str) -> None:
    good = directly(load, SINGLE.segment, stream=False)
    request = change(good.request)
    length = len(request.partition(b"\r\n\r\n")[2])
    request = re.sub(rb"content-length: \d+", b"content-length: %d" % length, request)
    with pytest.raises(RuntimeError, match=why):
        load.load(good._replace(request=request), 1, 1)


STREAM = b"".join(PACED.writes)
WHOLE = b"".join(SINGLE.writes)


def reframed(old: bytes, new: bytes) -> bytes:
    """The stream with something else in it once, and chunks that say how long they are."""
    head, _, rest = STREAM.partition(b"\r\n\r\n")
    payload = b""
    while not rest.startswith(b"0\r\n"):
        size, _, rest = rest.partition(b"\r\n")
        payload, rest = payload + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    payload = payload.replace(old, new, 1)
    return head + b"\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(payload), payload)


def longer(body: bytes, more: bytes) -> bytes:
    """A whole answer with this much in front of its last bytes."""
    changed = body[:-1] + more + b"}"
    return re.sub(rb"content-length: \d+", b"content-length: %d" % len(changed.partition(b"\r\n\r\n")[2]), changed)


ANSWERS = {
    "as the upstream's own": (STREAM, None),
    "with comments and blank lines": (reframed(b"data:", b": ping\n\n\n\n: x\ndata:"), None),
    "a wrong byte": (STREAM.replace(b" air0", b" fir0"), "wrong byte"),
    "another delta": (reframed(b'" air0"', b'" blue0"'), "wrong byte"),
    "a delta twice": (reframed(b'" air0"', b'" air0 air0"'), "wrong byte"),
    "a delta lost": (STREAM.replace(b'"content":" wave0"', b'"kontent":" wave0"'), "wrong byte"),
    "the last delta lost": (STREAM.replace(b'"content":" short0"', b'"kontent":" short0"'), "ends after"),
    "no end of the stream": (STREAM.replace(b"data: [DONE]\n\n", b": ping ping\n\n\n"), "without its end"),
    "two ends of the stream": (reframed(b"data: [DONE]", b"data: [DONE]\n\ndata: [DONE]"), "wrong line"),
    "no reason for the end": (STREAM.replace(b'"finish_reason":"stop"', b'"finish_reason":null  '), "why it ended"),
    "another reason for the end": (STREAM.replace(b'"finish_reason":"stop"', b'"finish_reason":"halt"'), "ends with"),
    "an error": (STREAM.replace(b'"usage":null', b'"error":"xx"', 1), "holds an error"),
    "an event that is not JSON": (STREAM.replace(b'"usage":null', b'"usage":nulL', 1), "not JSON"),
    "a number that is none": (STREAM.replace(b'"index":0', b'"index":-', 1), "not JSON"),
    "a line of another kind": (STREAM.replace(b"data: {", b"dada: {", 1), "wrong line"),
    "a chunk without its end": (STREAM.replace(b"\n\n\r\n", b"\n\n\n\r", 1), "chunk without an end"),
    "a chunk without a size": (STREAM.replace(b"\r\n\r\n", b"\r\n\r\ng", 1), "without a size"),
    "another type": (STREAM.replace(b"text/event-stream", b"text/plain; x=-12"), "another type"),
    "no framing": (STREAM.replace(b"transfer-encoding", b"transfer-unknown-"), "no length"),
    "a failure": (STREAM.replace(b"200 OK", b"500 OK"), "no success"),
    "bytes behind it": (STREAM + b"HTTP/1.1", "behind an answer"),
    "half of it": (STREAM[: len(STREAM) // 2], "closed a connection"),
}  # fmt: skip

WHOLES = {
    "as the upstream's own": (WHOLE, None),
    "with more fields": (longer(WHOLE, b',"more":[1.5e+3,{"a":"\\u00e9"},[]]'), None),
    "a wrong byte": (WHOLE.replace(b"sentence 7", b"sentence 8"), "wrong byte"),
    "less text": (longer(WHOLE.replace(b"sentence 9.", b"sentence 9"), b" "), "ends after"),
    "not JSON": (longer(WHOLE, b',"more":[1,]'), "not JSON"),
    "an escape that is none": (longer(WHOLE, b',"more":"\\u00g0"'), "not JSON"),
    "bytes behind it": (WHOLE + b"\n", "behind an answer"),
    "half of it": (WHOLE[:-40], "closed a connection"),
}


@contextmanager
def answering(data: bytes) -> Iterator[int]:
    """A server that answers each request by these bytes, and then closes."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(data)
            self.request.shutdown(1)
            self.request.recv(65536)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def check(load: Load, script: Script, data: bytes, why: str | None) -> None:
    with answering(data) as port:
        asked = ask(port, script.segment, "/v1/chat/completions", "any", stream=script.kind == "stream")
        if why is None:
            assert load.load(asked, 1, 1).count == 1
        else:
            with pytest.raises(RuntimeError, match=why):
                load.load(asked, 1, 1)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_stream_is_verified_to_the_last_byte(load: Load, answer: str) -> None:
    data, why = ANSWERS[answer]
    assert (data == STREAM) == (answer == "as the upstream's own"), "the change changes nothing"
    check(load, PACED, data, why)


@pytest.mark.parametrize("answer", WHOLES)
def test_a_whole_answer_is_verified_to_the_last_byte(load: Load, answer: str) -> None:
    data, why = WHOLES[answer]
    assert (data == WHOLE) == (answer == "as the upstream's own"), "the change changes nothing"
    check(load, SINGLE, data, why)


def test_a_gateway_that_is_not_there_ends_the_run(load: Load) -> None:
    with answering(b"") as port:
        pass
    with pytest.raises(RuntimeError, match="takes no connection"):
        load.load(ask(port, SINGLE.segment, "/", "any", stream=False), 1, 1)


def test_our_gateway_is_measured_with_a_line_in_its_log_for_every_request() -> None:
    cases = (
        Case("tiny call", "call", SINGLE, 2, 10, ("standby-gateway",)),
        Case("tiny stream", "stream", PACED, 2, 4, ("standby-gateway",)),
    )
    with Load(SCRIPTS) as load, Around(load, None, [script.segment for script in SCRIPTS], None) as made:
        result = measure([cases], made, SETTING, {**CLIENTS, **ARMS})
        sample: Sample = result.samples["tiny call"]["standby-gateway"][0]
        assert sample.cpu_us > 0
        assert result.reads["tiny stream"]["standby-gateway"] >= 2
        running = made.running("standby-gateway")
        assert running.resident > 2**20
        before = running.cpu_s
        load.load(made.ask("standby-gateway", SINGLE.segment, "call"), 1, 5)
        assert running.cpu_s > before
        made.count("standby-gateway", 5)


def test_a_log_that_misses_a_line_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(around, "LOG_S", 0.5)
    with (
        Load(SCRIPTS) as load,
        pytest.raises(RuntimeError, match="asked 3 times, and logged 2"),
        Around(load, None, (), None) as gateways,
    ):
        gateways.warm("standby-gateway", 1)
        gateways.count("standby-gateway", 1)


def test_what_is_measured_without_a_gateway_needs_none(load: Load) -> None:
    with Around(load, None, (), None) as made:
        assert load.load(made.ask(DIRECT, SINGLE.segment, "call"), 1, 2).count == 2


def test_a_gateway_that_cannot_be_had_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GATEWAYS:
        monkeypatch.setitem(ARMS, name, msgspec.structs.replace(ARMS[name], program=lambda: None))
    case = Case("tiny", "call", SINGLE, 1, 1, GATEWAYS)
    with Load(SCRIPTS) as load, Around(load, None, (), None) as made:
        result = measure([(case,)], made, SETTING, {**CLIENTS, **ARMS})
    assert result.absent == sorted(GATEWAYS)
    assert result.figures == []


def test_without_a_compiler_it_says_so_and_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "compiler", lambda: None)
    result = part.gateway(SETTING)
    assert result.figures == []
    assert "gcc" in result.notes[0]


def test_every_target_of_the_gateway_is_about_something_that_is_measured() -> None:
    told = {target.what for target in TARGETS if target.client.startswith("standby-gateway")}
    assert {f"upstream closed after {leave.words}" for leave in part.LEAVES} <= told
    assert set(requirements(LIST)) == {"litellm", "tensorzero"}
    assert len(ANSWER.encode()) == len(ANSWER)  # its text is compared byte by byte, and nothing in it is ever escaped
