"""Plans: every place of a script becomes the right byte, without a socket."""

import zlib
from itertools import accumulate

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.faults import (
    Afterwards,
    At,
    Cut,
    Delay,
    ErrorEvent,
    Insert,
    LeaveOut,
    Malformed,
    Pings,
    Stall,
)
from standby.simulator.scenario.reply import Answer, Failure, Page, Raw, redirect
from standby.simulator.scenario.request import Reading, Request
from standby.simulator.scenario.script import Encoding, Framing, Script
from standby.simulator.serving.plan import Close, Hang, PlanStep, Repeat, Wait, Write, plan

from raw_client import body_of, texts_of

STREAM = Request(provider="p", number=1, method="POST", path="/", reading=Reading("m", stream=True, wants_usage=True))
SINGLE = Request(provider="p", number=1, method="POST", path="/", reading=Reading("m"))
OPENAI = DIALECTS["openai"]
WORDS = ("One", " two", " three")
OVERLOADED = Failure(ErrorKind.OVERLOADED)


def steps(script: Script, request: Request = STREAM) -> tuple[PlanStep, ...]:
    return plan(script, OPENAI, request).steps


def told(script: Script, request: Request = STREAM) -> bytes:
    return b"".join(step.data for step in steps(script, request) if isinstance(step, Write))


def writes(script: Script) -> list[bytes]:
    return [step.data for step in steps(script) if isinstance(step, Write)]


FRAMINGS: tuple[Framing, ...] = ("chunked", "content_length", "close")


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_cut_at_any_byte_of_the_wire_leaves_exactly_those_bytes(framing: Framing) -> None:
    wire = told(Script(Answer(WORDS), framing=framing))
    for count in range(len(wire) + 1):
        cut = steps(Script(Answer(WORDS), [Cut(At.wire(count))], framing=framing))
        assert b"".join(step.data for step in cut if isinstance(step, Write)) == wire[:count]
        assert Close() in cut


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_cut_at_any_byte_of_the_body_leaves_exactly_those_bytes(framing: Framing) -> None:
    body = body_of(told(Script(Answer(WORDS), framing=framing)))
    for count in range(len(body) + 1):
        assert body_of(told(Script(Answer(WORDS), [Cut(At.body(count))], framing=framing))) == body[:count]


@pytest.mark.parametrize("per_write", [1, 2, 100])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_cut_after_deltas_leaves_whole_events(framing: Framing, per_write: int) -> None:
    for count in range(4):
        script = Script(Answer(WORDS), [Cut(At.delta(count))], framing=framing, events_per_write=per_write)
        body = body_of(told(script))
        assert texts_of(body) == list(WORDS[:count])
        assert b'"role"' in body
        assert body.endswith(b"\n\n")
        assert b'finish_reason":"stop' not in body


def test_the_end_is_behind_the_body_and_before_the_terminator() -> None:
    wire = told(Script(Answer(WORDS)))
    held = told(Script(Answer(WORDS), [Stall(At.end())]))
    assert wire == held + b"0\r\n\r\n"
    assert steps(Script(Answer(WORDS), [Stall(At.end())]))[-1] == Hang()


@pytest.mark.parametrize("at", [At.delta(4), At.wire(100_000), At.body(100_000)])
def test_a_place_beyond_the_response_is_an_error(at: At) -> None:
    with pytest.raises(ValueError, match="beyond"):
        steps(Script(Answer(WORDS), [Cut(at)]))


@pytest.mark.parametrize("fault", [Insert(At.delta(4), b":\n\n"), ErrorEvent(At.delta(4), OVERLOADED)])
def test_an_event_beyond_the_answer_is_an_error(fault: Insert | ErrorEvent) -> None:
    with pytest.raises(ValueError, match="beyond"):
        steps(Script(Answer(WORDS), [fault]))


def test_there_is_no_delta_to_spoil_behind_the_last() -> None:
    with pytest.raises(ValueError, match="3 useful deltas"):
        steps(Script(Answer(WORDS), [Malformed(At.delta(3))]))


@pytest.mark.parametrize(
    "fault", [Insert(At.end(), b"x"), ErrorEvent(At.end(), OVERLOADED), LeaveOut(("finish",)), Pings(At.end(), 1)]
)
def test_a_fault_of_events_needs_a_stream(fault: Insert | ErrorEvent | LeaveOut | Pings) -> None:
    with pytest.raises(ValueError, match="no events"):
        steps(Script(Answer(WORDS), [fault]), SINGLE)


def test_delays_stand_where_they_belong() -> None:
    script = Script(Answer(WORDS), head_delay_s=1, first_delay_s=2, delta_delay_s=3)
    kinds = [step.seconds if isinstance(step, Wait) else "w" for step in steps(script)]
    # head; role; one, two, three; finish, usage, marker, terminator
    assert kinds == [1, "w", "w", 2, "w", 3, "w", 3, "w", "w", "w", "w", "w"]


def test_events_go_out_together_when_the_last_of_them_is_due() -> None:
    script = Script(Answer(WORDS), first_delay_s=2, delta_delay_s=3, events_per_write=3)
    kinds = [step.seconds if isinstance(step, Wait) else "w" for step in steps(script)]
    # head; role, one, two; three, finish, usage; marker; terminator
    assert kinds == ["w", 5, "w", 3, "w", "w", "w"]


def test_no_write_is_longer_than_the_script_says() -> None:
    sliced = writes(Script(Answer(WORDS), write_bytes=7))
    assert max(map(len, sliced)) == 7
    assert b"".join(sliced) == told(Script(Answer(WORDS)))


def test_a_delay_of_nothing_ends_the_write_there() -> None:
    wire = told(Script(Answer(WORDS)))
    parted = writes(Script(Answer(WORDS), [Delay(At.wire(3), 0)]))
    assert parted[0] == wire[:3]
    assert b"".join(parted) == wire


def test_several_faults_happen_in_the_order_of_their_places() -> None:
    script = Script(Answer(WORDS), [Cut(At.delta(2), rst=True), Delay(At.delta(1), 5), Pings(At.delta(1), 1, 2)])
    happened = [step for step in steps(script) if not isinstance(step, Write)]
    assert happened == [Wait(5), Repeat(b"8\r\n: ping\n\n\r\n", 1, 2), Close(rst=True)]


def test_nothing_follows_pings_for_ever() -> None:
    script = Script(Answer(WORDS), [Pings(At.delta(1), 1), Cut(At.delta(2))], framing="close")
    assert steps(script)[-1] != Close()
    *_, last, close = steps(script)
    assert (last, close) == (Repeat(b": ping\n\n", 1, None), Close(whole=True))


def test_a_content_length_does_not_count_pings() -> None:
    with pytest.raises(ValueError, match="pings"):
        steps(Script("Hello", [Pings(At.delta(0), 1)], framing="content_length"))


@pytest.mark.parametrize(
    ("parts", "has"),
    [
        (("finish",), (False, True, True)),
        (("marker",), (True, True, False)),
        (("usage",), (True, False, True)),
        (("finish", "usage", "marker"), (False, False, False)),
    ],
)
def test_ends_can_be_left_out(parts: tuple[str, ...], has: tuple[bool, bool, bool]) -> None:
    body = body_of(told(Script(Answer(WORDS), [LeaveOut(parts)])))  # type: ignore[arg-type]
    assert texts_of(body) == list(WORDS)
    assert (b'"finish_reason":"stop"' in body, b'"prompt_tokens"' in body, b"[DONE]" in body) == has


def test_an_event_is_spoilt_in_place_of_a_delta() -> None:
    events = body_of(told(Script(Answer(WORDS), [Malformed(At.delta(1))]))).split(b"\n\n")
    good = body_of(told(Script(Answer(WORDS)))).split(b"\n\n")
    assert [place for place, pair in enumerate(zip(events, good, strict=True)) if pair[0] != pair[1]] == [2]
    assert events[2] == good[2][:-1]
    own = body_of(told(Script(Answer(WORDS), [Malformed(At.delta(0), b"data: {\n\n")])))
    assert own.split(b"\n\n")[1] == b"data: {"


@pytest.mark.parametrize(
    ("then", "tail"),
    [("end", b""), ("marker", b"data: [DONE]\n\n")],
)
def test_an_error_event_ends_the_stream(then: str, tail: bytes) -> None:
    fault = ErrorEvent(At.delta(1), OVERLOADED, then)  # type: ignore[arg-type]
    body = body_of(told(Script(Answer(WORDS), [fault])))
    assert texts_of(body) == ["One"]
    assert body.endswith(OPENAI.error_frame(OVERLOADED) + tail)


def test_an_answer_can_go_on_after_an_error_event() -> None:
    body = body_of(told(Script(Answer(WORDS), [ErrorEvent(At.delta(1), OVERLOADED, "rest")])))
    assert OPENAI.error_frame(OVERLOADED) in body
    assert texts_of(body) == list(WORDS)


def test_an_error_event_can_be_first_or_behind_the_end() -> None:
    first = body_of(told(Script(Answer(WORDS), [ErrorEvent(At.delta(0), OVERLOADED)])))
    assert texts_of(first) == []
    last = body_of(told(Script(Answer(WORDS), [ErrorEvent(At.end(), OVERLOADED)])))
    assert last.endswith(b"data: [DONE]\n\n" + OPENAI.error_frame(OVERLOADED))


def test_bytes_can_be_put_between_events_and_behind_the_end() -> None:
    faults = [Insert(At.delta(1), b": hush\n\n"), Insert(At.end(), b"data: more\n\n")]
    body = body_of(told(Script(Answer(WORDS), faults)))
    assert body.split(b"\n\n")[2] == b": hush"
    assert body.endswith(b"data: [DONE]\n\ndata: more\n\n")


def test_an_empty_answer_has_no_deltas_but_an_end() -> None:
    body = body_of(told(Script(Answer())))
    assert texts_of(body) == []
    assert body.endswith(b"data: [DONE]\n\n")
    stalled = body_of(told(Script(Answer(), [Stall(At.delta(0))])))
    assert stalled.count(b"\n\n") == 1


def test_empty_deltas_are_told_and_not_counted() -> None:
    script = Script(Answer(("", "a", "", "b")), [Cut(At.delta(1))])
    body = body_of(told(script))
    assert texts_of(body) == ["a"]
    assert body.count(b"\n\n") == 3


def test_an_empty_event_does_not_end_the_chunks() -> None:
    script = Script(Answer(WORDS), [Insert(At.delta(1), b"")])
    assert body_of(told(script)) == body_of(told(Script(Answer(WORDS))))
    assert told(script).count(b"\r\n0\r\n\r\n") == 1


@pytest.mark.parametrize("request_", [STREAM, SINGLE])
def test_the_form_can_be_the_other_one(request_: Request) -> None:
    assert b"text/event-stream" in told(Script("Hello", form="stream"), request_)
    single = told(Script("Hello", form="single"), request_)
    assert b"content-type: application/json\r\n" in single
    assert b'"content":"Hello"' in single


@pytest.mark.parametrize("request_", [STREAM, SINGLE])
@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15)])
def test_a_body_can_be_compressed_and_each_event_arrives_by_itself(
    encoding: Encoding, wbits: int, request_: Request
) -> None:
    answer = Answer(WORDS)
    packed = told(Script(answer, encoding=encoding), request_)
    assert f"content-encoding: {encoding}\r\n".encode() in packed
    whole = zlib.decompressobj(wbits)
    assert whole.decompress(body_of(packed)) == body_of(told(Script(answer), request_))
    assert whole.eof
    if request_ is STREAM:
        for count in range(len(WORDS) + 1):
            part = told(Script(answer, (Cut(At.delta(count)),), encoding=encoding, framing="close"))
            plain = zlib.decompressobj(wbits).decompress(part.partition(b"\r\n\r\n")[2])
            assert plain == told(Script(answer, (Cut(At.delta(count)),), framing="close")).partition(b"\r\n\r\n")[2]


def test_a_false_length_is_declared_and_the_connection_closed() -> None:
    script = Script("Hello", declared_bytes=9999)
    assert b"content-length: 9999\r\nconnection: close\r\n" in told(script)
    assert steps(script)[-1] == Close(whole=True)


def test_a_connection_is_closed_when_either_side_says_so() -> None:
    assert not any(isinstance(step, Close) for step in steps(Script("Hello")))
    assert steps(Script("Hello", keep_alive=False))[-1] == Close(whole=True)
    assert b"\r\nconnection: close\r\n" in told(Script("Hello", keep_alive=False))
    leaving = Request(provider="p", number=1, method="POST", path="/", headers={"connection": "Close"})
    assert steps(Script("Hello"), leaving)[-1] == Close(whole=True)


def test_heads_can_be_bent() -> None:
    page = told(Script(Page(b"<html>", 529, "text/html"), headers={"X-Odd": "1", "content-type": "text/plain"}))
    assert page.startswith(b"HTTP/1.1 529 Unknown\r\ncontent-type: text/plain\r\n")
    assert b"x-odd: 1\r\n" in page
    assert b"content-type: text/plain\r\n" in told(Script("Hello", content_type="text/plain"))
    moved = told(Script(redirect("http://elsewhere/")))
    assert moved.startswith(b"HTTP/1.1 307 Temporary Redirect\r\n")
    assert b"location: http://elsewhere/\r\n" in moved
    assert b"content-type" not in moved


def test_raw_bytes_are_told_as_they_are() -> None:
    raw = b"HTTP/1.1 200 OK\r\n\r\nabc"
    assert steps(Script(Raw(raw)))[-1] == Close(whole=True)
    assert told(Script(Raw(raw))) == raw
    assert told(Script(Raw(raw), [Cut(At.body(1))])) == raw[:-2]
    assert told(Script(Raw(b"SSH-2.0-OpenSSH_9\r\n"))) == b"SSH-2.0-OpenSSH_9\r\n"
    assert steps(Script(Raw(b""))) == (Close(whole=True),)


def test_what_comes_afterwards_is_no_part_of_the_response() -> None:
    after = Afterwards(1, b"HTTP/1.1 408\r\n\r\n", "fin")
    planned = plan(Script("Hello", [after]), OPENAI, STREAM)
    assert planned.afterwards == after
    assert planned.steps == steps(Script("Hello"))


def test_the_same_script_gives_the_same_bytes() -> None:
    script = Script(Answer("Hello again.", reasoning="Hm."))
    assert steps(script) == steps(script)
    sizes = list(accumulate(len(step.data) for step in steps(script) if isinstance(step, Write)))
    assert sizes[-1] == len(told(script))


@pytest.mark.parametrize(
    "make",
    [
        lambda: At.body(-1),
        lambda: Delay(At.head(), float("inf")),
        lambda: Delay(At.head(), -1),
        lambda: Pings(At.delta(0), 0),
        lambda: Pings(At.body(3), 1),
        lambda: Malformed(At.end()),
        lambda: ErrorEvent(At.wire(3), OVERLOADED),
        lambda: Insert(At.head(), b""),
        lambda: Script("x", head_delay_s=-1),
        lambda: Script("x", write_bytes=0),
        lambda: Script("x", [Pings(At.delta(0), 1.0)], encoding="gzip"),
        lambda: Script("x", events_per_write=0),
        lambda: Script("x", declared_bytes=1, framing="chunked"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()  # type: ignore[operator]
