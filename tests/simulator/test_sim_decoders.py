"""What our own decoders make of the simulator's bytes is what the script meant."""

import msgspec
import pytest
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message, Role, TextPart, ToolCall
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, ProviderEvent, Started, Usage
from standby.providers.provider import Decoder, Endpoint, ResponseHead
from standby.providers.secret import Secret
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.faults import At, Cut, ErrorEvent, LeaveOut, Malformed
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.request import Reading, Request
from standby.simulator.scenario.script import Script
from standby.simulator.serving.plan import Write, plan

from raw_client import body_of

ASK = Request(provider="p", number=1, method="POST", path="/", reading=Reading("m", stream=True, wants_usage=True))
SPEECH = Answer("Hello, wörld 🌍, again.")
OVERLOADED = Failure(ErrorKind.OVERLOADED)
FULL = Answer(
    "It is warm.",
    reasoning="Let me think.",
    tool_calls=(ToolCall("call_A1", "get_weather", '{"city":"Paris"}'), ToolCall("call_B2", "get_time", "{}")),
    usage=Usage(14, 6, cached_input_tokens=0, reasoning_tokens=0),
)


def decoded(dialect: str, script: Script, request: Request = ASK) -> tuple[list[ProviderEvent], Decoder]:
    """Events and verdict of our decoder over one simulated response."""
    steps = plan(script, DIALECTS[dialect], request).steps
    wire = b"".join(step.data for step in steps if isinstance(step, Write))
    status_line, *lines = wire.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    head = ResponseHead(int(status_line.split()[1]), dict(line.split(": ", 1) for line in lines))
    decoder = registry.get(dialect).decoder(head)
    events = decoder.feed(body_of(wire))
    return events + decoder.end(), decoder


@pytest.mark.parametrize(
    ("dialect", "answer", "finish"),
    [
        ("openai", SPEECH, Finished("stop", "stop")),
        ("openai", FULL, Finished("tool_calls", "tool_calls")),
        ("openai", Answer(refusal="I can't help."), Finished("stop", "stop")),
        ("openai", Answer("Cut sh", finish="length"), Finished("length", "length")),
        ("openai", Answer(finish="content_filter"), Finished("content_filter", "content_filter")),
        ("koala", SPEECH, Finished(None)),
    ],
)
def test_events_are_those_of_the_script(dialect: str, answer: Answer, finish: Finished) -> None:
    events, decoder = decoded(dialect, Script(answer))
    told = [event for event in events if not isinstance(event, Started | Usage)]
    assert tuple(told) == answer.deltas()
    assert decoder.failure is None
    assert decoder.finish == finish
    if dialect == "openai":
        assert [event for event in events if isinstance(event, Started)] == [Started("m", "chatcmpl-simulated1")]
        assert events[-1] == msgspec.structs.replace(answer.counted(0), cached_input_tokens=0, reasoning_tokens=0)


@pytest.mark.parametrize("dialect", ["openai", "koala"])
def test_one_body_says_the_same(dialect: str) -> None:
    events, decoder = decoded(dialect, Script(SPEECH, form="single"))
    assert decoder.failure is None
    assert "".join(getattr(event, "text", "") for event in events) == SPEECH.text


@pytest.mark.parametrize(
    ("dialect", "script", "kind", "deltas"),
    [
        ("openai", Script(SPEECH, [Cut(At.delta(2))]), ErrorKind.TRUNCATED, 2),
        ("openai", Script(SPEECH, [Cut(At.body(0))]), ErrorKind.TRUNCATED, 0),
        ("openai", Script(SPEECH, [LeaveOut(("finish", "marker"))]), ErrorKind.TRUNCATED, 4),
        ("openai", Script(SPEECH, [LeaveOut(("finish",))]), ErrorKind.TRUNCATED, 4),
        ("openai", Script(SPEECH, [Malformed(At.delta(1))]), ErrorKind.PROTOCOL, 1),
        ("openai", Script(SPEECH, [ErrorEvent(At.delta(0), OVERLOADED)]), ErrorKind.OVERLOADED, 0),
        ("openai", Script(SPEECH, [ErrorEvent(At.delta(3), OVERLOADED)]), ErrorKind.OVERLOADED, 3),
        ("koala", Script(SPEECH, [Malformed(At.delta(1))]), ErrorKind.PROTOCOL, 1),
        ("koala", Script(Answer()), ErrorKind.TRUNCATED, 0),
    ],
)
def test_faults_get_their_verdict(dialect: str, script: Script, kind: ErrorKind, deltas: int) -> None:
    events, decoder = decoded(dialect, script)
    assert decoder.failure is not None
    assert decoder.failure.kind is kind
    assert tuple(event for event in events if not isinstance(event, Started | Usage)) == SPEECH.deltas()[:deltas]


TOLD_BY_ALL = (
    ErrorKind.AUTH,
    ErrorKind.BAD_REQUEST,
    ErrorKind.BLOCKED,
    ErrorKind.NOT_FOUND,
    ErrorKind.OVERLOADED,
    ErrorKind.QUOTA_EXHAUSTED,
    ErrorKind.RATE_LIMITED,
    ErrorKind.SERVER_ERROR,
    ErrorKind.TIMEOUT,
)
TOLD_BY_OPENAI = (*TOLD_BY_ALL, ErrorKind.CONTENT_FILTER, ErrorKind.CONTEXT_LENGTH, ErrorKind.PREFILL_UNSUPPORTED)


@pytest.mark.parametrize(
    ("dialect", "kind"),
    [*(("openai", kind) for kind in TOLD_BY_OPENAI), *(("koala", kind) for kind in TOLD_BY_ALL)],
)
def test_a_refusal_is_understood_as_the_kind_that_was_meant(dialect: str, kind: ErrorKind) -> None:
    speaker = DIALECTS[dialect]
    steps = plan(Script(Failure(kind, retry_after_s=7)), speaker, ASK).steps
    wire = b"".join(step.data for step in steps if isinstance(step, Write))
    status_line, *lines = wire.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    head = ResponseHead(int(status_line.split()[1]), dict(line.split(": ", 1) for line in lines))
    error = registry.get(dialect).error_for(head, body_of(wire))
    assert error.kind is kind
    if kind is ErrorKind.RATE_LIMITED:
        assert error.retry_after_s == 7


@pytest.mark.parametrize("dialect", ["openai", "koala"])
def test_our_own_requests_are_read(dialect: str) -> None:
    said: tuple[tuple[Role, str], ...] = (("user", "Hi."), ("assistant", "Yes?"), ("user", "Say it."))
    chat = ChatRequest(messages=tuple(Message(role, (TextPart(text),)) for role, text in said))
    endpoint = Endpoint(base_url="http://127.0.0.1:1/p", model="m", key=Secret("k") if dialect == "openai" else None)
    wire = registry.get(dialect).build_request(chat, endpoint)
    headers = {name.lower(): value for name, value in wire.headers.items()}
    reading = DIALECTS[dialect].read(headers, "/", wire.body)
    assert reading.messages == said
    assert (reading.model, reading.stream) == ("m", True)
