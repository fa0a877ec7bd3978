"""The dialects that are not OpenAI's: what our own decoders read is what was meant, and what we ask is understood."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message, TextPart, Tool, ToolCall
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.events import (
    Finished,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from standby.providers.provider import Decoder, Endpoint, ResponseHead
from standby.providers.secret import Secret
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.faults import At, Cut, ErrorEvent, Insert, LeaveOut, Malformed, Part
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.request import Reading, Request
from standby.simulator.scenario.script import Script
from standby.simulator.serving.plan import Write, plan

from components import need
from raw_client import body_of

NAMES = ("azure-openai", "bedrock", "cohere", "mistral", "ollama")
WHOLE_CALLS = ("mistral", "ollama")
ASK = Request(provider="p", number=1, method="POST", path="/", reading=Reading("m", stream=True, wants_usage=True))
SPEECH = Answer(("Hello", ", wörld 🌍", ", again."))
CALLS = (ToolCall("D681PevKs", "get_weather", '{"city":"Paris"}'), ToolCall("D681PevKt", "get_time", "{}"))
FULL = Answer("It is warm.", reasoning="Let me think.", tool_calls=CALLS, usage=Usage(14, 6))


@pytest.fixture(autouse=True, scope="module")
def _with_botocore() -> None:
    need("botocore")


def decoded(dialect: str, script: Script, *, bytewise: bool = False) -> tuple[list[ProviderEvent], Decoder]:
    """Events and verdict of our decoder over one simulated response."""
    steps = plan(script, DIALECTS[dialect], ASK).steps
    wire = b"".join(step.data for step in steps if isinstance(step, Write))
    decoder = registry.get(dialect).decoder(_head(wire))
    body = body_of(wire)
    events: list[ProviderEvent] = []
    for piece in [body[at : at + 1] for at in range(len(body))] if bytewise else [body]:
        events += decoder.feed(piece)
    return events + decoder.end(), decoder


def _head(wire: bytes) -> ResponseHead:
    status_line, *lines = wire.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return ResponseHead(int(status_line.split()[1]), dict(line.split(": ", 1) for line in lines))


def summary(events: Any) -> tuple[str, str, list[tuple[str | None, str | None, Any]]]:
    """Text, reasoning and calls, however they came."""
    text = "".join(event.text for event in events if isinstance(event, TextDelta | RefusalDelta))
    reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    calls: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            call = calls.setdefault(event.index, [event.id, event.name, ""])
            call[2] += event.arguments
    return text, reasoning, [(i, n, msgspec.json.decode(arguments or "{}")) for i, n, arguments in calls.values()]


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("form", ["stream", "single"])
@pytest.mark.parametrize("answer", [SPEECH, FULL, Answer("Cut sh", finish="length"), Answer(refusal="I can't.")])
def test_what_is_read_is_what_was_meant(dialect: str, form: Any, answer: Answer) -> None:
    events, decoder = decoded(dialect, Script(answer, form=form))
    assert decoder.failure is None
    assert decoder.finish is not None
    assert decoder.finish.reason == answer.reason
    assert summary(events) == summary(answer.deltas())
    counts = [event for event in events if isinstance(event, Usage)][-1]
    meant = answer.counted(ASK.reading.words)
    assert (counts.input_tokens, counts.output_tokens) == (meant.input_tokens, meant.output_tokens)
    assert decoded(dialect, Script(answer, form=form), bytewise=True)[0] == events


@pytest.mark.parametrize("dialect", [name for name in NAMES if name not in WHOLE_CALLS])
def test_deltas_come_one_by_one(dialect: str) -> None:
    events, _ = decoded(dialect, Script(msgspec.structs.replace(FULL, text="")))
    told = [event for event in events if not isinstance(event, Started | Usage)]
    assert tuple(told) == msgspec.structs.replace(FULL, text="").deltas()


@pytest.mark.parametrize("dialect", WHOLE_CALLS)
def test_calls_come_whole(dialect: str) -> None:
    events, _ = decoded(dialect, Script(FULL))
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [ToolCall(call.id or "", call.name or "", call.arguments) for call in calls] == list(CALLS)


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize(
    ("faults", "kind", "deltas"),
    [
        ([Cut(At.delta(2))], ErrorKind.TRUNCATED, 2),
        ([Cut(At.body(0))], ErrorKind.TRUNCATED, 0),
        ([LeaveOut(get_args(Part))], ErrorKind.TRUNCATED, 3),
        ([Malformed(At.delta(1))], ErrorKind.PROTOCOL, 1),
        ([ErrorEvent(At.delta(0), Failure(ErrorKind.SERVER_ERROR))], ErrorKind.SERVER_ERROR, 0),
        ([ErrorEvent(At.delta(2), Failure(ErrorKind.SERVER_ERROR))], ErrorKind.SERVER_ERROR, 2),
        ([ErrorEvent(At.delta(1), Failure(ErrorKind.OVERLOADED))], ErrorKind.OVERLOADED, 1),
    ],
    ids=str,
)
def test_faults_get_their_verdict(dialect: str, faults: Any, kind: ErrorKind, deltas: int) -> None:
    events, decoder = decoded(dialect, Script(SPEECH, faults))
    assert decoder.failure is not None
    assert decoder.failure.kind is kind
    assert tuple(event for event in events if isinstance(event, TextDelta)) == SPEECH.deltas()[:deltas]


@pytest.mark.parametrize("dialect", NAMES)
def test_a_ping_is_nothing(dialect: str) -> None:
    ping = DIALECTS[dialect].ping
    faults = [Insert(At.delta(place), ping) for place in range(3)]
    events, decoder = decoded(dialect, Script(SPEECH, faults))
    assert tuple(event for event in events if isinstance(event, TextDelta)) == SPEECH.deltas()
    assert decoder.failure is None


TOLD = (
    ErrorKind.AUTH,
    ErrorKind.BAD_REQUEST,
    ErrorKind.BLOCKED,
    ErrorKind.CONTEXT_LENGTH,
    ErrorKind.NOT_FOUND,
    ErrorKind.OVERLOADED,
    ErrorKind.QUOTA_EXHAUSTED,
    ErrorKind.RATE_LIMITED,
    ErrorKind.SERVER_ERROR,
    ErrorKind.TIMEOUT,
)
TOLD_BY: dict[str, tuple[ErrorKind, ...]] = {
    "azure-openai": (ErrorKind.CONTENT_FILTER,),
    "bedrock": (ErrorKind.PREFILL_UNSUPPORTED,),
    "cohere": (ErrorKind.CONTENT_FILTER,),
    "ollama": (ErrorKind.UNSUPPORTED,),
}


def refused(dialect: str, failure: Failure) -> ProviderError:
    """What our provider makes of a refusal."""
    steps = plan(Script(failure), DIALECTS[dialect], ASK).steps
    wire = b"".join(step.data for step in steps if isinstance(step, Write))
    return registry.get(dialect).error_for(_head(wire), body_of(wire))


@pytest.mark.parametrize(
    ("dialect", "kind"), [(name, kind) for name in NAMES for kind in (*TOLD, *TOLD_BY.get(name, ()))]
)
def test_a_refusal_is_understood_as_the_kind_that_was_meant(dialect: str, kind: ErrorKind) -> None:
    error = refused(dialect, Failure(kind, retry_after_s=7))
    assert error.kind is kind
    if kind is ErrorKind.RATE_LIMITED:
        assert error.retry_after_s == 7


@pytest.mark.parametrize("dialect", NAMES)
def test_the_parts_of_a_refusal_can_be_set(dialect: str) -> None:
    error = refused(dialect, Failure(ErrorKind.SERVER_ERROR, status=502, message="Oh no."))
    assert (error.kind, error.status, error.provider_message) == (ErrorKind.SERVER_ERROR, 502, "Oh no.")


@pytest.mark.parametrize("dialect", NAMES)
def test_what_a_dialect_cannot_say_is_an_error(dialect: str) -> None:
    with pytest.raises(ValueError, match="dns"):
        DIALECTS[dialect].refusal(Failure(ErrorKind.DNS))


@pytest.mark.parametrize("dialect", ["bedrock", "cohere", "ollama"])
def test_a_finish_that_a_dialect_does_not_have_needs_a_word_of_its_own(dialect: str) -> None:
    unheard: Any = {"bedrock": "other", "cohere": "other", "ollama": "content_filter"}[dialect]
    with pytest.raises(ValueError, match="native_finish"):
        DIALECTS[dialect].frames(Answer("Hi", finish=unheard), ASK)
    _, decoder = decoded(dialect, Script(Answer("Hi", finish=unheard, native_finish="something")))
    assert decoder.finish == Finished("other", "something")


@pytest.mark.parametrize("dialect", ["bedrock", "ollama"])
def test_arguments_that_are_no_object_cannot_be_said_whole(dialect: str) -> None:
    with pytest.raises(ValueError, match="JSON object"):
        DIALECTS[dialect].single(Answer(tool_calls=(ToolCall("1", "f", "[1]"),)), ASK)


# Any answer, any request

TEXTS = st.text(max_size=12)
JSON = st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers(-9, 9) | TEXTS, max_size=3)
NAMES_OF_TOOLS = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Any answer with text, thinking and calls."""
    count = draw(st.integers(0, 3))
    calls = [
        ToolCall(f"{number:09d}", draw(NAMES_OF_TOOLS), msgspec.json.encode(draw(JSON)).decode())
        for number in range(count)
    ]
    return Answer(
        tuple(draw(st.lists(TEXTS, max_size=4))),
        reasoning=tuple(draw(st.lists(TEXTS, max_size=3))),
        tool_calls=tuple(calls),
        usage=Usage(draw(st.integers(1, 999)), draw(st.integers(1, 999))),
    )


@pytest.mark.parametrize("dialect", NAMES)
@settings(max_examples=30, deadline=None)
@given(answer=answers(), form=st.sampled_from(["stream", "single"]))
def test_any_answer_survives_the_wire(dialect: str, answer: Answer, form: Any) -> None:
    events, decoder = decoded(dialect, Script(answer, form=form))
    assert decoder.failure is None
    assert decoder.finish is not None
    assert decoder.finish.reason == answer.reason
    assert summary(events) == summary(answer.deltas())


@st.composite
def conversations(draw: st.DrawFn) -> ChatRequest:
    """Any conversation of alternating turns, none of them empty."""
    said = draw(st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=5))
    turns = [Message("assistant" if place % 2 else "user", (TextPart(text),)) for place, text in enumerate(said)]
    tools = draw(st.lists(NAMES_OF_TOOLS, unique=True, max_size=3))
    return ChatRequest(
        messages=tuple(turns),
        system=draw(st.none() | st.text(min_size=1, max_size=9)),
        tools=tuple(Tool(name, draw(TEXTS)) for name in tools),
        temperature=draw(st.none() | st.floats(0, 1)),
        max_tokens=draw(st.none() | st.integers(1, 99)),
        seed=draw(st.none() | st.integers(0, 99)),
    )


@pytest.mark.parametrize("dialect", NAMES)
@settings(max_examples=30, deadline=None)
@given(chat=conversations(), stream=st.booleans(), model=st.from_regex(r"[a-z0-9.:/-]{1,20}", fullmatch=True))
def test_any_request_is_read_as_it_was_meant(dialect: str, chat: ChatRequest, stream: bool, model: str) -> None:
    base_url = "http://127.0.0.1:1/p"
    endpoint = Endpoint(base_url=base_url, model=model, key=Secret("k"), stream=stream)
    wire = registry.get(dialect).build_request(chat, endpoint)
    reading = DIALECTS[dialect].read(wire.headers, wire.url.removeprefix(base_url), wire.body)
    system = [("system", chat.system)] if chat.system else []
    assert reading.messages == (*system, *((message.role, message.text) for message in chat.messages))
    assert reading.tools == tuple(tool.name for tool in chat.tools)
    assert (reading.model, reading.stream) == (model, stream)
    assert reading.prefilled == (chat.messages[-1].role == "assistant")


@pytest.mark.parametrize("dialect", ["cohere", "mistral"])
def test_content_in_parts_is_read(dialect: str) -> None:
    body = b'{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}'
    assert DIALECTS[dialect].read({}, "/", body).messages == (("user", "ab"),)


@pytest.mark.parametrize("dialect", NAMES)
def test_an_empty_body_asks_nothing(dialect: str) -> None:
    assert DIALECTS[dialect].read({}, "/", b"") == Reading()


def test_ollama_streams_unless_it_is_told_not_to() -> None:
    assert DIALECTS["ollama"].read({}, "/", b'{"model":"m"}').stream
    assert not DIALECTS["ollama"].read({}, "/", b'{"model":"m","stream":false}').stream


def test_mistral_refuses_fields_that_it_does_not_know() -> None:
    with pytest.raises(msgspec.ValidationError, match="max_completion_tokens"):
        DIALECTS["mistral"].read({}, "/", b'{"model":"m","max_completion_tokens":1}')


def test_azure_reads_the_deployment_from_the_path() -> None:
    path = "/openai/deployments/my%20gpt/chat/completions"
    assert DIALECTS["azure-openai"].read({}, path, b'{"model":"m"}').model == "my gpt"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_halves_of_characters_are_said_as_halves_and_heard_as_characters(dialect: str) -> None:
    answer = Answer(("a\ud83d", "\ude00b", "\ud83d", "\ude00", "\ude00c\ud83d"))
    assert b"\\ud83d" in b"".join(frame.data for frame in DIALECTS[dialect].frames(answer, ASK))
    events, _ = decoded(dialect, Script(answer))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "a😀b😀\ufffdc\ufffd"
