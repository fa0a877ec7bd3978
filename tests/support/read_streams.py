"""What a provider's decoder makes of a stream, in the words of the tables that expect it."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from standby.providers import registry
from standby.providers.events import ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from standby.providers.parts import AudioPart, Citation, ImagePart, NativePart, Reasoning, ToolCall
from standby.providers.provider import ResponseHead
from standby.providers.tool_calls import is_made
from standby.router.result.collecting import put_together

NOW_S = 1_795_000_000.0


def outcome(provider: str, content_type: str, body: bytes, cuts: tuple[int, ...] = ()) -> dict[str, Any]:
    """All that an answer says: `text`, `reasoning`, `refusal`, `calls`, `usage`, `finish`, `error_kind`, `notes`.

    And what is rarer: `custom` calls, `images`, `audio`, `citations`, `provider_tools`, `logprobs`, and the opaque
    `state` of thoughts and calls.

    Ids of ours are `<made>`. What an answer has none of is left out.
    """
    decoder = registry.get(provider).decoder(ResponseHead(200, {"content-type": content_type}, NOW_S))
    events: list[ProviderEvent] = []
    for start, end in pairwise((0, *cuts, len(body))):
        if decoder.failure is None and not decoder.closed:
            events += decoder.feed(body[start:end])
    if decoder.failure is None and not decoder.closed:
        events += decoder.end()
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            call = calls.setdefault(event.index, ["", "", ""])
            assert not (call[0] and event.id), "an id is told once"
            call[0] = call[0] or ("<made>" if event.id and is_made(event.id) else event.id or "")
            call[1] = call[1] or event.name or ""
            call[2] += event.arguments
    assert list(calls) == list(range(len(calls)))
    usages = [event for event in events if isinstance(event, Usage)]
    said: dict[str, Any] = {
        "text": "".join([event.text for event in events if isinstance(event, TextDelta)]),
        "reasoning": "".join([event.text for event in events if isinstance(event, ReasoningDelta)]),
        "refusal": "".join([event.text for event in events if isinstance(event, RefusalDelta)]),
        "calls": list(calls.values()),
        "usage": {
            name: value
            for name in (usages[-1].__struct_fields__ if usages else ())
            if (value := getattr(usages[-1], name)) is not None
        },
        "finish": decoder.finish.reason if decoder.finish is not None and decoder.failure is None else None,
        "error_kind": decoder.failure.kind.value if decoder.failure is not None else None,
        "notes": list(getattr(decoder, "notes", ())),
    }
    return {name: value for name, value in (said | _rare(events)).items() if value}


def _rare(events: list[ProviderEvent]) -> dict[str, Any]:
    """What is no text, thought or call."""
    whole = put_together(events)
    parts = whole.parts
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    states = [state for each in thoughts for state in (each.signature, each.redacted, each.details)]
    return {
        "custom": any(call.custom for call in calls),
        "images": [part.url for part in parts if isinstance(part, ImagePart)],
        "audio": [[part.id, part.transcript, part.url] for part in parts if isinstance(part, AudioPart)],
        "citations": [[part.url, part.title] for part in parts if isinstance(part, Citation)],
        "provider_tools": [part.name for part in parts if isinstance(part, NativePart) and part.name],
        "logprobs": [] if whole.logprobs is None else [whole.logprobs],
        "state": [state for state in (*states, *(call.signature for call in calls)) if state is not None],
    }


def ways_to_cut(body: bytes) -> Iterator[tuple[int, ...]]:
    """Whole, byte by byte, and in two at every place."""
    yield ()
    yield tuple(range(1, len(body)))
    yield from ((place,) for place in range(1, len(body)))
