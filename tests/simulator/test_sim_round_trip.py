"""What a dialect says is what our own adapter of it hears, and the other way round: for any answer, any request."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message, Role, TextPart, Tool, ToolCall
from standby.providers.errors import ErrorKind
from standby.providers.events import (
    Finished,
    FinishReason,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from standby.providers.provider import Decoder, Endpoint, ResponseHead
from standby.providers.secret import Secret
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.faults import At, Cut, ErrorEvent, LeaveOut, Malformed
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.request import Reading, Request
from standby.simulator.scenario.script import Script
from standby.simulator.serving.plan import Write, plan

from raw_client import body_of

SPEAKERS = ("anthropic", "gemini", "openai-responses")
SPEECH = Answer("Hello, wörld 🌍, again.")
DELTAS = 4

KINDS = (
    ErrorKind.AUTH,
    ErrorKind.BAD_REQUEST,
    ErrorKind.BLOCKED,
    ErrorKind.CONTEXT_LENGTH,
    ErrorKind.NOT_FOUND,
    ErrorKind.OVERLOADED,
    ErrorKind.PREFILL_UNSUPPORTED,
    ErrorKind.QUOTA_EXHAUSTED,
    ErrorKind.RATE_LIMITED,
    ErrorKind.SERVER_ERROR,
    ErrorKind.TIMEOUT,
)

words = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), max_size=5).map(tuple)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,9}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=3)
arguments = objects.map(lambda found: msgspec.json.encode(found).decode())


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    calls = draw(st.lists(st.tuples(names, arguments), max_size=3))
    thought = draw(st.integers(0, 50))
    return Answer(
        text=draw(words),
        reasoning=draw(words),
        tool_calls=tuple(ToolCall(f"id_{place}", name, given) for place, (name, given) in enumerate(calls)),
        finish=draw(st.sampled_from([None, "length", "content_filter"])),
        usage=Usage(draw(st.integers(20, 10**9)), thought + draw(st.integers(1, 10**6)), 7, thought),
    )


def asked(dialect: str, *, stream: bool = True) -> Request:
    reading = Reading("m", stream=stream, wants_usage=True)
    return Request(provider="p", number=1, method="POST", path="/", reading=reading)


def decoded(dialect: str, script: Script, *, stream: bool = True) -> tuple[list[ProviderEvent], Decoder]:
    head, body = response(dialect, script, stream=stream)
    decoder = registry.get(dialect).decoder(head)
    events = decoder.feed(body)
    return events + decoder.end(), decoder


def response(dialect: str, script: Script, *, stream: bool = True) -> tuple[ResponseHead, bytes]:
    steps = plan(script, DIALECTS[dialect], asked(dialect, stream=stream)).steps
    wire = b"".join(step.data for step in steps if isinstance(step, Write))
    status_line, *lines = wire.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    head = ResponseHead(int(status_line.split()[1]), dict(line.split(": ", 1) for line in lines))
    return head, body_of(wire)


def joined(events: list[ProviderEvent] | tuple[Any, ...]) -> dict[str, Any]:
    """What is said, however it was cut into deltas; bare state is not compared."""
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            call = calls.setdefault(event.index, ["", "", ""])
            for place, piece in enumerate((event.id, event.name, event.arguments)):
                call[place] += piece or ""
    return {
        "text": "".join(event.text for event in events if isinstance(event, TextDelta)),
        "thoughts": "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        "calls": [tuple(call) for _, call in sorted(calls.items())],
    }


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "single"])
@pytest.mark.parametrize("dialect", SPEAKERS)
@given(answer=answers())
@settings(max_examples=60, deadline=None)
def test_any_answer_is_heard_as_it_was_meant(dialect: str, stream: bool, answer: Answer) -> None:
    events, decoder = decoded(dialect, Script(answer), stream=stream)
    assert decoder.failure is None
    assert joined(events) == joined(answer.deltas())
    assert decoder.finish is not None
    assert decoder.finish.reason == answer.reason
    assert [event for event in events if isinstance(event, Usage)][-1] == answer.usage


@pytest.mark.parametrize("dialect", SPEAKERS)
def test_text_keeps_its_deltas(dialect: str) -> None:
    events, _ = decoded(dialect, Script(SPEECH))
    assert tuple(event for event in events if isinstance(event, TextDelta)) == SPEECH.deltas()


def test_a_refusal_is_told_where_the_wire_has_words_for_it() -> None:
    events, decoder = decoded("openai-responses", Script(Answer("Well.", refusal=("I ", "can't."))))
    assert [event for event in events if isinstance(event, RefusalDelta)] == [
        RefusalDelta("I "),
        RefusalDelta("can't."),
    ]
    assert decoder.finish == Finished("stop", "completed")
    for dialect in ("anthropic", "gemini"):
        with pytest.raises(ValueError, match="no words for RefusalPart"):
            decoded(dialect, Script(Answer(refusal="No.")))


@pytest.mark.parametrize(
    ("dialect", "finish", "native"),
    [
        ("anthropic", "pause", "pause_turn"),
        ("anthropic", "other", "compaction"),
        ("gemini", "other", "OTHER"),
        ("openai-responses", "other", "incomplete:steered"),
    ],
)
def test_other_endings(dialect: str, finish: FinishReason, native: str) -> None:
    assert decoded(dialect, Script(Answer("Hi", finish=finish)))[1].finish == Finished(finish, native)
    assert decoded(dialect, Script(Answer("Hi", native_finish=native)))[1].finish == Finished(finish, native)


@pytest.mark.parametrize("dialect", SPEAKERS)
@pytest.mark.parametrize(
    ("fault", "kind", "deltas"),
    [
        (Cut(At.delta(2)), ErrorKind.TRUNCATED, 2),
        (Cut(At.body(0)), ErrorKind.TRUNCATED, 0),
        (LeaveOut(("finish", "marker")), ErrorKind.TRUNCATED, DELTAS),
        (Malformed(At.delta(1)), ErrorKind.PROTOCOL, 1),
        (ErrorEvent(At.delta(0), Failure(ErrorKind.OVERLOADED)), ErrorKind.OVERLOADED, 0),
        (ErrorEvent(At.delta(3), Failure(ErrorKind.SERVER_ERROR)), ErrorKind.SERVER_ERROR, 3),
        (ErrorEvent(At.delta(1), Failure(ErrorKind.RATE_LIMITED)), ErrorKind.RATE_LIMITED, 1),
    ],
    ids=lambda given: type(given).__name__,
)
def test_faults_get_their_verdict(dialect: str, fault: Any, kind: ErrorKind, deltas: int) -> None:
    events, decoder = decoded(dialect, Script(SPEECH, [fault]))
    assert decoder.failure is not None
    assert decoder.failure.kind is kind
    assert tuple(event for event in events if isinstance(event, TextDelta)) == SPEECH.deltas()[:deltas]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dialect", SPEAKERS)
def test_a_refusal_is_understood_as_the_kind_that_was_meant(dialect: str, kind: ErrorKind) -> None:
    head, body = response(dialect, Script(Failure(kind, retry_after_s=7)))
    error = registry.get(dialect).error_for(head, body)
    assert error.kind is kind
    if kind is ErrorKind.RATE_LIMITED:
        assert error.retry_after_s == 7


@pytest.mark.parametrize("dialect", ["anthropic", "openai-responses"])
def test_a_filtered_request_is_refused(dialect: str) -> None:
    head, body = response(dialect, Script(Failure(ErrorKind.CONTENT_FILTER)))
    assert registry.get(dialect).error_for(head, body).kind is ErrorKind.CONTENT_FILTER


@pytest.mark.parametrize("place", ["before", "inside"])
def test_gemini_answers_a_filtered_prompt_without_candidates(place: str) -> None:
    filtered = Failure(ErrorKind.CONTENT_FILTER)
    script = Script(filtered) if place == "before" else Script("", [ErrorEvent(At.delta(0), filtered)])
    _, decoder = decoded("gemini", script)
    assert decoder.failure is not None
    assert decoder.failure.kind is ErrorKind.CONTENT_FILTER


@pytest.mark.parametrize("dialect", SPEAKERS)
def test_what_the_dialect_cannot_say_is_an_error(dialect: str) -> None:
    with pytest.raises(ValueError, match="dns"):
        DIALECTS[dialect].refusal(Failure(ErrorKind.DNS))


def test_gemini_has_no_words_for_broken_arguments() -> None:
    with pytest.raises(ValueError, match="as an object"):
        decoded("gemini", Script(Answer(tool_calls=(ToolCall("t", "look", '{"a":'),))))


turns = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "tool"]), st.text(min_size=1, max_size=12), names),
    min_size=1,
    max_size=6,
)


def conversation(said: list[tuple[Role, str, str]]) -> list[Message]:
    """Messages in a sensible order: every assistant's turn calls a tool, and results answer the last call."""
    messages: list[Message] = [Message("user", (TextPart("Begin."),))]
    for place, (role, text, name) in enumerate(said):
        if role == "assistant":
            call = ToolCall(f"call_{place}", name, '{"a":1}')
            messages.append(Message("assistant", (TextPart(text),), (call,)))
        elif role == "user":
            messages.append(Message("user", (TextPart(text),)))
        elif messages[-1].role == "assistant":
            messages.append(Message("tool", (TextPart(text),), tool_call_id=messages[-1].tool_calls[0].id))
    return messages


def by_side(messages: Any) -> list[tuple[str, str]]:
    """Texts joined by run of one role, since dialects merge turns."""
    runs: list[tuple[str, str]] = []
    for role, text in messages:
        if runs and runs[-1][0] == role:
            runs[-1] = (role, runs[-1][1] + text)
        else:
            runs.append((role, text))
    return runs


@pytest.mark.parametrize("dialect", SPEAKERS)
@given(
    said=turns,
    system=st.none() | st.text(min_size=1, max_size=8),
    tools=st.lists(names, unique=True, max_size=2),
    stream=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_request_is_read_as_it_was_meant(
    dialect: str, said: list[tuple[Role, str, str]], system: str | None, tools: list[str], stream: bool
) -> None:
    messages = conversation(said)
    chat = ChatRequest(messages=tuple(messages), system=system, tools=tuple(Tool(name) for name in tools))
    endpoint = Endpoint(base_url="http://127.0.0.1:1/p", model="m", key=Secret("k"), stream=stream)
    wire = registry.get(dialect).build_request(chat, endpoint)
    path = wire.url.removeprefix("http://127.0.0.1:1/p").partition("?")[0]
    reading = DIALECTS[dialect].read(wire.headers, path, wire.body)
    meant = [("system", system)] if system else []
    meant += [(message.role, message.text) for message in messages]
    assert by_side(reading.messages) == by_side(meant)
    assert (reading.model, reading.stream, list(reading.tools)) == ("m", stream, tools)


@pytest.mark.parametrize("dialect", SPEAKERS)
def test_an_empty_request_asks_nothing(dialect: str) -> None:
    assert DIALECTS[dialect].read({}, "/", b"") == Reading()
