"""Answers as a gateway has them, and what clients make of them: for the tests of all served dialects."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message
from standby.providers.events import (
    Finished,
    PartAdded,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from standby.providers.origin import Origin
from standby.providers.parts import Part, Reasoning, RefusalPart, TextPart, ToolCall
from standby.providers.provider import ResponseHead
from standby.providers.returning import Returning
from standby.providers.serving import About, Asked, Dialect, Source

ORIGIN = Origin("anthropic", "https://api.anthropic.com/v1", "claude", "0123456789ab")
ELSEWHERE = Origin("anthropic", "https://api.anthropic.com/v1", "another", "0123456789ab")
ABOUT = About("0a1b2c", 1_795_000_000)
STREAM = ResponseHead(200, {"content-type": "text/event-stream"})
BODY = ResponseHead(200, {"content-type": "application/json"})


def from_here(dialect: str = "anthropic") -> Callable[[], Source]:
    """The target that answers, speaking this dialect."""
    return lambda: Source(ORIGIN, dialect)


def asked(stream: bool = True, usage: bool = True, **more: Any) -> Asked:
    """What a client asks."""
    chat = ChatRequest(messages=(Message("user", "Hello"),))
    return Asked(chat=chat, model="route-1", stream=stream, include_usage=usage, **more)


def streamed(
    dialect: Dialect, events: Sequence[object], cuts: Iterable[int] = (), source: Any = None, **more: Any
) -> bytes:
    """A whole stream, its events told in batches that end at these places."""
    encoder = dialect.stream(asked(**more), ABOUT, source or from_here())
    ends = [*sorted({cut for cut in cuts if 0 < cut < len(events)}), len(events)]
    begins = [0, *ends[:-1]]
    return b"".join(encoder.encode(events[begin:end]) for begin, end in zip(begins, ends, strict=True))


def whole_body(dialect: Dialect, events: Sequence[object], source: Any = None, **more: Any) -> bytes:
    """The same answer as one body."""
    return dialect.whole(asked(stream=False, **more), ABOUT, source or from_here(), events).body


def whole(dialect: Dialect, events: Sequence[object], source: Any = None, **more: Any) -> Any:
    """The same answer as one body, decoded."""
    return json.loads(whole_body(dialect, events, source, **more))


def payloads(data: bytes) -> list[Any]:
    """The payloads of a stream, each with the name of its event checked."""
    found = []
    for frame in data.decode().strip().split("\n\n"):
        name, payload = frame.split("\n")
        found.append(json.loads(payload.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def heard(provider: str, data: bytes, head: ResponseHead = STREAM) -> list[ProviderEvent]:
    """What our own client hears, the finish included."""
    decoder = registry.get(provider).decoder(head)
    events = [*decoder.feed(data), *decoder.end()]
    assert decoder.failure is None, decoder.failure
    assert decoder.finish is not None
    return [*events, decoder.finish]


def own(part: Part, origin: Origin = ORIGIN) -> Part:
    """A part with the marks of its origin taken off, as an adapter of that origin does it."""
    message = Message("assistant", (part,))
    returning = Returning(lambda: origin)
    if isinstance(part, TextPart | RefusalPart):
        return part
    names = ("signature", "redacted") if isinstance(part, Reasoning) else ("signature",)
    names = (*names, "details") if not isinstance(part, ToolCall) else names
    states = {name: returning.state(getattr(part, name), message) for name in names if hasattr(part, name)}
    return msgspec.structs.replace(part, **states)  # type: ignore[type-var]


def events_of(parts: Iterable[Part], reason: Any = "stop", usage: Usage | None = None) -> list[ProviderEvent]:
    """The events of an answer, each part in two pieces where it can be cut."""
    events: list[ProviderEvent] = [Started("model-1", "id-1")]
    calls = thoughts = 0
    before: Part | None = None
    for part in parts:
        match part:
            case TextPart(text):
                if isinstance(before, TextPart) or part.phase is not None:
                    events.append(PartAdded(TextPart("", phase=part.phase)))
                events += [TextDelta(piece) for piece in halves(text)]
            case Reasoning():
                events += [ReasoningDelta(piece, thoughts) for piece in halves(part.text)]
                if not (part.signature is part.redacted is part.details is None):
                    events.append(ReasoningDelta("", thoughts, part.signature, part.redacted, part.details))
                thoughts += 1
            case ToolCall():
                events.append(ToolCallDelta(calls, part.id, part.name, "", part.signature, part.custom))
                events += [ToolCallDelta(calls, arguments=piece) for piece in halves(part.arguments)]
                calls += 1
            case RefusalPart(text):
                events += [RefusalDelta(piece) for piece in halves(text)]
            case _:
                events.append(PartAdded(part))  # type: ignore[arg-type]
        before = part
    if usage is not None:
        events.append(usage)
    return [*events, Finished(reason)]


def halves(text: str) -> list[str]:
    """A text in two pieces."""
    return [piece for piece in (text[: len(text) // 2], text[len(text) // 2 :]) if piece]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
STATES = st.uuids().map(lambda each: f"{each.hex[:9]}+/=")
THOUGHTS = st.one_of(
    st.builds(Reasoning, TEXTS, STATES),
    st.builds(Reasoning, TEXTS),
    st.builds(Reasoning, st.just(""), st.none(), STATES),
    st.builds(Reasoning, TEXTS, STATES, STATES),
)
ARGUMENTS = st.dictionaries(TEXTS, st.integers(0, 9) | TEXTS, max_size=2).map(
    lambda found: json.dumps(found, ensure_ascii=False, separators=(",", ":"))
)
CALLS = st.builds(
    ToolCall, st.uuids().map(lambda each: f"call_{each.hex[:9]}"), st.sampled_from(["look", "tell"]), ARGUMENTS
)
USAGES = st.sampled_from(
    [
        Usage(5, 7, 0, 0),
        Usage(90, 7, 30, 5, cache_write_tokens=20),
        Usage(3, 0, 3, 0),
    ]
)
READY = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
"""A machine that does something else at the same time is no fault."""
CUTS = st.lists(st.integers(0, 40), max_size=6)
