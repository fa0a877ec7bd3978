"""The simulator on real sockets: what a script says is what a client meets, down to FIN and RST."""

import asyncio
import json
import socket

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.faults import (
    Afterwards,
    At,
    Cut,
    Delay,
    ErrorEvent,
    Fault,
    Insert,
    LeaveOut,
    Malformed,
    Pings,
    Stall,
)
from standby.simulator.scenario.reply import Answer, Failure, Page, Raw, Reply, blocked, redirect
from standby.simulator.scenario.request import Request
from standby.simulator.scenario.script import Chooser, Scenario, Script, Step, Window
from standby.simulator.server import ScriptError, Simulator
from standby.simulator.serving.connection import PIPELINE_MAX_BYTES
from standby.simulator.serving.exchange import LOG_MAX, Exchange, ExchangeLog
from standby.simulator.serving.http1 import BODY_MAX_BYTES

from raw_client import HELLO, PATIENCE_S, QUIET_S, RawClient, body_of, texts_of

CHUNKS_END = b"0\r\n\r\n"
WORDS = ("One", " two", " three")
OVERLOADED = Failure(ErrorKind.OVERLOADED)


async def ask_once(*played: Scenario | Chooser | Step, body: object = HELLO) -> tuple[RawClient, Exchange]:
    """One request on a connection of its own, read to the end of the connection."""
    async with Simulator() as simulator:
        simulator.play("p", *played)
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask(body)
            await client.read()
        return client, await simulator.asked("p")


@pytest.mark.parametrize("rst", [False, True])
@pytest.mark.parametrize("at", [At.head(), At.wire(20), At.body(0), At.body(37), At.delta(0), At.delta(2), At.end()])
async def test_a_cut_is_a_fin_or_a_reset_after_exactly_those_bytes(at: At, rst: bool) -> None:
    whole, _ = await ask_once(Script(Answer(WORDS), keep_alive=False))
    cut, exchange = await ask_once(Script(Answer(WORDS), [Cut(at, rst=rst)], keep_alive=False))
    assert cut.end == ("rst" if rst else "fin")
    assert whole.received.startswith(cut.received)
    assert len(cut.received) == exchange.bytes_written < len(whole.received)
    assert exchange.ended == "cut"


@pytest.mark.parametrize("at", [At.head(), At.wire(20), At.body(0), At.delta(0), At.delta(2), At.end()])
async def test_a_stall_is_silence_on_an_open_connection(at: At) -> None:
    async with Simulator() as simulator:
        simulator.play("cut", Script(Answer(WORDS), [Cut(at)]))
        simulator.play("p", Script(Answer(WORDS), [Stall(at)]))
        async with RawClient(simulator.base_url("cut")) as cut:
            await cut.ask()
            expected = await cut.read()
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            if expected:
                await client.read(until=expected)
            assert await client.is_silent()
            exchange = await simulator.asked("p")
            assert exchange.ended is None
            left_s = simulator.now_s()
        await asyncio.wait_for(exchange.left.wait(), PATIENCE_S)
        assert exchange.ended == "left"
        assert exchange.ended_s is not None
        assert exchange.ended_s - left_s < 0.05


async def test_pings_come_for_ever_and_nothing_else() -> None:
    async with Simulator() as simulator:
        simulator.play("p", Script(Answer(WORDS), [Pings(At.delta(1), 0.005)], framing="close"))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            await client.read(until=b": ping\n\n" * 3)
        exchange = await simulator.asked("p")
        await asyncio.wait_for(exchange.left.wait(), PATIENCE_S)
        assert texts_of(body_of(client.received)) == ["One"]


async def test_pings_can_end() -> None:
    client, exchange = await ask_once(Script(Answer(WORDS), [Pings(At.delta(1), 0.001, 2)], keep_alive=False))
    assert body_of(client.received).count(b": ping\n\n") == 2
    assert texts_of(body_of(client.received)) == list(WORDS)
    assert exchange.ended == "completed"


async def test_delays_are_kept() -> None:
    script = Script(Answer(WORDS), head_delay_s=0.01, first_delay_s=0.02, delta_delay_s=0.01, keep_alive=False)
    _, exchange = await ask_once(script)
    assert exchange.ended_s is not None
    assert 0.05 <= exchange.ended_s - exchange.arrived_s < 1


async def test_every_event_is_a_read_of_its_own_unless_told_otherwise() -> None:
    one_by_one, _ = await ask_once(Script(Answer(WORDS), framing="close"))
    assert [read.count(b"\n\n") for read in one_by_one.reads[1:]] == [1] * 6
    together, _ = await ask_once(Script(Answer(WORDS), framing="close", events_per_write=100))
    assert [read.count(b"\n\n") for read in together.reads] == [0, 6]
    sliced, _ = await ask_once(Script(Answer(WORDS), framing="close", write_bytes=1))
    assert {len(read) for read in sliced.reads} == {1}
    parted, _ = await ask_once(Script(Page(b"abcdef"), [Delay(At.body(2), 0), Delay(At.body(5), 0)], keep_alive=False))
    assert parted.reads[1:] == [b"ab", b"cde", b"f"]


@pytest.mark.parametrize(
    ("reply", "status", "content_type", "in_body"),
    [
        (Failure(ErrorKind.RATE_LIMITED, retry_after_s=7), 429, "application/json", b'"rate_limit_exceeded"'),
        (Failure(ErrorKind.OVERLOADED, status=529), 529, "application/json", b'"message":"Engine is overloaded"'),
        (Failure(ErrorKind.OVERLOADED, status=200), 200, "application/json", b'{"error":'),
        (Failure(ErrorKind.BLOCKED), 403, "text/html; charset=UTF-8", b"Just a moment..."),
        (blocked(), 403, "text/html; charset=UTF-8", b"Just a moment..."),
        (Page(b"<html>Sign in</html>"), 200, "text/html; charset=utf-8", b"<html>Sign in</html>"),
        (Page(b"<html>502</html>", 502), 502, "text/html; charset=utf-8", b"<html>502</html>"),
    ],
)
async def test_refusals_and_pages(reply: Reply, status: int, content_type: str, in_body: bytes) -> None:
    client, exchange = await ask_once(Script(reply, keep_alive=False))
    head, _, body = client.received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert f"content-type: {content_type}\r\n".encode() in head + b"\r\n"
    assert f"content-length: {len(body)}".encode() in head
    assert (b"retry-after: 7\r\n" in head) == (status == 429)
    assert in_body in body
    assert exchange.ended == "completed"


async def test_a_redirect_names_its_place_and_has_no_body() -> None:
    client, _ = await ask_once(Script(redirect("http://127.0.0.1:1/x", 308), keep_alive=False))
    assert client.received.startswith(b"HTTP/1.1 308 Permanent Redirect\r\n")
    assert client.received.endswith(b"\r\n\r\n")
    assert b"location: http://127.0.0.1:1/x\r\n" in client.received


@pytest.mark.parametrize(
    "fault",
    [
        Malformed(At.delta(1)),
        ErrorEvent(At.delta(1), OVERLOADED),
        ErrorEvent(At.delta(0), OVERLOADED),
        LeaveOut(("finish", "marker")),
        Insert(At.end(), b"data: more\n\n"),
    ],
)
async def test_a_stream_with_spoilt_events_has_clean_framing(fault: Fault) -> None:
    client, exchange = await ask_once(Script(Answer(WORDS), [fault], keep_alive=False))
    assert client.received.endswith(CHUNKS_END)
    assert (client.end, exchange.ended) == ("fin", "completed")


async def test_a_short_body_is_shorter_than_declared() -> None:
    client, _ = await ask_once(Script("Hello", declared_bytes=5000))
    head, _, body = client.received.partition(b"\r\n\r\n")
    assert b"content-length: 5000" in head
    assert 0 < len(body) < 5000
    assert client.end == "fin"


async def test_raw_bytes_need_not_be_http() -> None:
    client, exchange = await ask_once(Raw(b"SSH-2.0-OpenSSH_9.9\r\n"))
    assert client.received == b"SSH-2.0-OpenSSH_9.9\r\n"
    assert (client.end, exchange.ended) == ("fin", "completed")


async def test_a_connection_is_kept_and_its_requests_counted() -> None:
    async with Simulator() as simulator:
        simulator.play("p", Answer(WORDS), OVERLOADED, "Again.")
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            await client.read(until=CHUNKS_END)
            await client.ask()
            await client.read(until=b"}}")
            await client.ask()
            await client.read(until=CHUNKS_END)
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            await client.read(until=CHUNKS_END)
        assert [(seen.connection, seen.on_connection) for seen in simulator.exchanges] == [
            (1, 1),
            (1, 2),
            (1, 3),
            (2, 1),
        ]
        assert [exchange.request.number for exchange in simulator.exchanges] == [1, 2, 3, 4]
        assert {exchange.ended for exchange in simulator.exchanges} == {"completed"}
        assert texts_of(body_of(client.received)) == ["Again."]
        assert simulator.connections_seen == 2
        await asyncio.wait_for(simulator.emptied(), PATIENCE_S)
        assert simulator.connections_open == 0


async def test_the_next_request_may_come_before_its_turn() -> None:
    async with Simulator() as simulator:
        simulator.play("p", Script("One", delta_delay_s=0.01), Script("Two", keep_alive=False))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            await client.ask()
            await client.read()
        first, _, second = client.received.partition(CHUNKS_END)
        assert texts_of(body_of(first)) == ["One"]
        assert texts_of(body_of(second)) == ["Two"]


async def test_a_flood_of_requests_waits_in_the_kernel_and_is_answered() -> None:
    async with Simulator() as simulator:
        simulator.play("p", Script(Answer(WORDS), first_delay_s=0.01), Script("Two", keep_alive=False))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            await client.ask({**HELLO, "user": "x" * 3 * PIPELINE_MAX_BYTES})
            await client.read()
        assert len((await simulator.asked("p", 2)).request.body) > 3 * PIPELINE_MAX_BYTES


@pytest.mark.parametrize(
    ("after", "end"),
    [
        (Afterwards(0.005, b"HTTP/1.1 408 Request Timeout\r\n\r\n"), None),
        (Afterwards(0.005, b"garb", "fin"), "fin"),
        (Afterwards(0.005, b"", "fin"), "fin"),
        (Afterwards(0.005, b"", "rst"), "rst"),
    ],
)
async def test_what_happens_on_the_idle_connection(after: Afterwards, end: str | None) -> None:
    async with Simulator() as simulator:
        simulator.play("p", Script("Hello", [after]), Script("Again", keep_alive=False))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            whole = await client.read(until=CHUNKS_END)
            exchange = await simulator.asked("p")
            assert exchange.ended == "completed"
            if after.data or end:
                await client.read(until=after.data if end is None else None)
            assert client.received == whole + after.data
            assert client.end == end
            if end is None:
                await client.ask()
                await client.read()
                assert (await simulator.asked("p", 2)).on_connection == 2


async def test_a_request_in_time_forgoes_what_would_have_come_afterwards() -> None:
    async with Simulator() as simulator:
        simulator.play("p", Script("Hello", [Afterwards(60, b"unasked", "rst")]), Script("Again", keep_alive=False))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            await client.read(until=CHUNKS_END)
            await client.ask()
            await client.read()
        assert client.end == "fin"
        assert b"unasked" not in client.received


async def test_the_log_tells_what_came() -> None:
    async with Simulator() as simulator:
        simulator.play("p", "Hello")
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask(HELLO, "/v1/chat/completions?a=b", authorization="Bearer sk-secret", x_trace="7")
            await client.read(until=CHUNKS_END)
        request = (await simulator.asked("p")).request
        assert (request.provider, request.method, request.path, request.query) == (
            "p",
            "POST",
            "/v1/chat/completions",
            "a=b",
        )
        assert request.json == HELLO
        assert request.headers["authorization"] == "Bearer sk-secret"
        assert request.headers["x-trace"] == "7"
        assert request.reading.model == "m"
        assert request.reading.messages == (("user", "Say it."),)
        shown = f"{simulator.exchanges!r} {request!r} {request.reading!r}"
        assert "sk-secret" not in shown
        assert "Say it." not in shown


async def test_a_client_that_leaves_while_it_is_answered_is_seen_at_once() -> None:
    async with Simulator() as simulator:
        simulator.play("p", Script(Answer(WORDS * 1000), delta_delay_s=0.002))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            exchange = await simulator.asked("p")
            async with asyncio.timeout(PATIENCE_S):
                while b" two" not in client.received:
                    client.reads.append(await client._reader.read(65536))
        await asyncio.wait_for(exchange.left.wait(), PATIENCE_S)
        assert exchange.ended == "left"


async def test_a_client_that_does_not_read_holds_the_script_up() -> None:
    async with Simulator() as simulator:
        simulator.play("p", Script(Page(b"x" * 16 * 1024 * 1024), keep_alive=False))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            exchange = await simulator.asked("p")
            client._writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(QUIET_S)
            assert exchange.ended is None
            written = exchange.bytes_written
            client._writer.transport.resume_reading()  # type: ignore[attr-defined]
            await client.read()
            await asyncio.wait_for(exchange.done.wait(), PATIENCE_S)
        assert written <= exchange.bytes_written == len(client.received)
        assert exchange.ended == "completed"


async def test_a_client_that_never_reads_is_seen_to_leave() -> None:
    async with Simulator() as simulator:
        simulator.play("p", Script(Page(b"x" * 64 * 1024 * 1024)))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            exchange = await simulator.asked("p")
        await asyncio.wait_for(exchange.left.wait(), PATIENCE_S)


async def test_steps_are_repeated_or_cycled_and_windows_use_none_up() -> None:
    cycle = Scenario(("a", OVERLOADED), then="cycle")
    asked = Request(provider="p", number=1, method="POST", path="/")
    assert [cycle.script_for(asked, step, 0).reply for step in range(4)] == ["a", OVERLOADED, "a", OVERLOADED]
    repeat = Scenario(("a", OVERLOADED), windows=[Window(10, 70, "down"), Window(20, 30, "never")])
    assert [repeat.script_for(asked, step, 0).reply for step in range(3)] == ["a", OVERLOADED, OVERLOADED]
    assert [repeat.script_for(asked, 0, now_s).reply for now_s in (9.9, 10, 25, 69.9, 70)] == [
        "a",
        "down",
        "down",
        "down",
        "a",
    ]
    down, _ = await ask_once(Scenario(("a",), windows=[Window(0, 600)]))
    assert (down.received, down.end) == (b"", "rst")
    async with Simulator() as simulator:
        simulator.play("p", Scenario((Script("a", keep_alive=False), "b"), windows=[Window(0, 0.02, OVERLOADED)]))
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            await client.read(until=b"}}")
            await asyncio.sleep(max(0, 0.02 - simulator.now_s()))
            await client.ask()
            await client.read()
        assert b" 503 " in client.received
        assert b'"content":"a"' in client.received


async def test_a_callable_looks_at_the_request() -> None:
    def choose(request: Request) -> Step:
        return Script(f"You asked {request.reading.model}.", keep_alive=False)

    client, _ = await ask_once(choose, body={"model": "gpt", "stream": True})
    assert texts_of(body_of(client.received)) == ["You", " asked", " gpt."]


async def test_what_is_played_can_change_while_requests_are_counted_on() -> None:
    async with Simulator({"p": "One"}) as simulator:
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask()
            await client.read(until=CHUNKS_END)
            simulator.play("p", Script("Two", keep_alive=False), dialect="koala")
            await client.ask({"input": "x"}, accept="text/event-stream")
            await client.read()
        assert client.received.endswith(b'data: "Two"\n\n\r\n' + CHUNKS_END)
        assert (await simulator.asked("p", 2)).on_connection == 2


async def test_providers_do_not_mix() -> None:
    async with Simulator({"a": "Aa", "b": "Bb"}) as simulator:
        for name, text in (("b", "Bb"), ("a", "Aa")):
            async with RawClient(simulator.base_url(name)) as client:
                await client.ask()
                await client.read(until=CHUNKS_END)
            assert texts_of(body_of(client.received)) == [text]
        assert [exchange.provider for exchange in simulator.exchanges] == ["b", "a"]
        stranger = simulator.base_url("a").replace("/a", "/c")
        async with RawClient(stranger) as client:
            await client.ask()
            await client.read(until=b"a, b\n")
        assert b" 404 " in client.received


async def test_a_body_that_cannot_be_read_is_a_bad_request() -> None:
    async with Simulator({"p": "Hello"}) as simulator:
        async with RawClient(simulator.base_url("p")) as client:
            await client.ask(b"{not json")
            await client.read(until=b"}}")
        assert client.received.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(("length", "status"), [(str(BODY_MAX_BYTES + 1), 413), ("x", 400)])
async def test_a_refused_request_gets_its_answer_though_it_goes_on_sending(length: str, status: int) -> None:
    async with Simulator({"p": "Hello"}) as simulator:
        async with RawClient(simulator.base_url("p")) as client:
            await client.send(f"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n".encode())
            await client.send(b"x" * 100_000)
            await client.read()
        assert client.received.startswith(b"HTTP/1.1 %d " % status)
        assert client.end == "fin"
        assert simulator.exchanges == ()


async def test_a_refused_client_that_stays_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standby.simulator.serving.connection.REFUSED_LINGER_S", QUIET_S)
    async with Simulator({"p": "Hello"}) as simulator:
        client = await RawClient(simulator.base_url("p")).__aenter__()
        await client.send(b"GARBAGE\r\n\r\n")
        await client.read()
        assert simulator.connections_open == 1
        await client.send(b"more")
        await asyncio.wait_for(simulator.emptied(), PATIENCE_S)
        await client.leave()


def test_every_dialect_lets_a_request_without_a_body_through() -> None:
    from standby.simulator.dialects import DIALECTS

    for dialect in DIALECTS.values():
        assert dialect.read({}, "/", b"").messages == ()


@pytest.mark.parametrize("played", [Script(Answer(WORDS), [Cut(At.delta(9))]), lambda request: 1 / 0])
async def test_a_script_that_cannot_be_played_is_a_500_and_an_error_at_the_end(played: Chooser | Step) -> None:
    simulator = Simulator({"p": played})
    await simulator.start()
    async with RawClient(simulator.base_url("p")) as client:
        await client.ask()
        await client.read()
    assert client.received.startswith(b"HTTP/1.1 500 ")
    with pytest.raises(ScriptError, match="1 requests"):
        await simulator.aclose()


async def test_a_refused_port_refuses() -> None:
    async with Simulator() as simulator:
        with pytest.raises(ConnectionRefusedError):
            await RawClient(simulator.refused_url()).__aenter__()


async def test_a_black_hole_neither_takes_nor_refuses() -> None:
    async with Simulator() as simulator:
        port = int(simulator.black_hole_url().rpartition(":")[2])
        with socket.socket() as client:
            client.setblocking(False)
            connecting = asyncio.ensure_future(asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port)))
            done, _ = await asyncio.wait([connecting], timeout=QUIET_S)
            connecting.cancel()
            assert not done


async def test_closing_ends_what_goes_on() -> None:
    async with Simulator({"p": Script(Answer(WORDS), [Stall(At.delta(1))])}) as simulator:
        client = await RawClient(simulator.base_url("p")).__aenter__()
        await client.ask()
        exchange = await simulator.asked("p")
        idle = await RawClient(simulator.base_url("p")).__aenter__()
    assert exchange.ended == "stopped"
    assert not exchange.left.is_set()
    assert exchange.done.is_set()
    for left_over in (client, idle):
        await left_over.read()
        assert left_over.end is not None
        await left_over.leave()


async def test_a_simulator_is_started_once() -> None:
    simulator = Simulator({"p": "Hello"})
    with pytest.raises(RuntimeError, match="no port"):
        simulator.base_url("p")
    await simulator.start(listen=False)
    assert simulator.connections_open == 0
    await simulator.aclose()
    with pytest.raises(RuntimeError, match="before"):
        await simulator.start()


async def test_a_port_can_be_chosen() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with Simulator({"p": "Hello"}, port=port) as simulator:
        assert simulator.base_url("p") == f"http://127.0.0.1:{port}/p"


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="path segment"):
        Simulator({"a/b": "x"})
    with pytest.raises(ValueError, match="does not speak"):
        Simulator().play("a", "x", dialect="latin")
    with pytest.raises(ValueError, match="at least one"):
        Simulator().play("a")
    with pytest.raises(ValueError, match="alone"):
        Simulator().play("a", Scenario(("x",)), "y")
    with pytest.raises(LookupError, match="plays nothing"):
        Simulator().base_url("a")


def test_the_log_is_bounded() -> None:
    log = ExchangeLog()
    for number in range(LOG_MAX + 5):
        log.add(Exchange(Request(provider="p", number=number, method="POST", path="/"), 1, number, 0.0))
    assert [exchange.request.number for exchange in log] == list(range(5, LOG_MAX + 5))
    for number in range(5):
        body = bytes(16 * 1024 * 1024)
        log.add(Exchange(Request(provider="p", number=number, method="POST", path="/", body=body), 1, 1, 0.0))
    assert [exchange.request.number for exchange in log] == [1, 2, 3, 4]


async def test_json_where_a_stream_was_asked_and_the_reverse() -> None:
    single, _ = await ask_once(Script(Answer(WORDS), form="single", keep_alive=False))
    assert json.loads(body_of(single.received))["choices"][0]["message"]["content"] == "One two three"
    stream, _ = await ask_once(Script(Answer(WORDS), form="stream", keep_alive=False), body={"model": "m"})
    assert texts_of(body_of(stream.received)) == list(WORDS)


class MemoryTransport(asyncio.Transport):
    """A transport without a socket, as virtual time uses them."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.end: str | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.end is not None

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        self.end = "fin"

    def abort(self) -> None:
        self.end = "rst"


@pytest.mark.parametrize("rst", [False, True])
async def test_connections_run_on_transports_without_a_socket(rst: bool) -> None:
    simulator = Simulator({"p": Script(Answer(WORDS), [Cut(At.delta(2), rst=rst)], framing="close")})
    await simulator.start(listen=False)
    connection, transport = simulator.protocol(), MemoryTransport()
    connection.connection_made(transport)
    connection.data_received(b'POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 15\r\n\r\n{"stream":true}')
    await asyncio.wait_for((await simulator.asked("p")).done.wait(), PATIENCE_S)
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert texts_of(body_of(transport.written)) == ["One", " two"]
    assert transport.end == ("rst" if rst else "fin")
    connection.connection_lost(None)
    await simulator.aclose()
