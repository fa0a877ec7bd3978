"""What stands beside the text in Cohere's and Ollama's answers: sources, and how likely the tokens were."""

import json
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message
from standby.providers.events import ProviderEvent
from standby.providers.parts import Citation, TextPart
from standby.providers.provider import ResponseHead
from standby.router.result.collecting import put_together

from conversation import body
from read_streams import ways_to_cut

PAGE: dict[str, Any] = {"type": "document", "id": "d1", "document": {"title": "Y", "url": "https://x/y"}}
TOOL: dict[str, Any] = {"type": "tool", "id": "t1", "tool_output": {"a": 1}}
CITED: dict[str, Any] = {"start": 0, "end": 5, "text": "White", "sources": [PAGE, TOOL]}
TOKENS = [{"token": "White", "logprob": -0.5}]


def written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def heard(provider: str, kind: str, wire: bytes, cuts: tuple[int, ...] = ()) -> list[ProviderEvent]:
    decoder = registry.get(provider).decoder(ResponseHead(200, {"content-type": kind}))
    events: list[ProviderEvent] = []
    for start, end in zip((0, *cuts), (*cuts, len(wire)), strict=True):
        if not decoder.closed:
            events += decoder.feed(wire[start:end])
    if not decoder.closed:
        events += decoder.end()
    assert decoder.failure is None
    return events


def cohere(citations: Any) -> bytes:
    events: list[dict[str, Any]] = [
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "White."}}}},
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": citations}}},
        {"type": "citation-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    ]
    return b"".join(b"data: " + written(event).encode() + b"\n\n" for event in events)


SOURCES = (
    Citation("https://x/y", "Y", "White", 0, 5, written({**CITED, "sources": [PAGE]})),
    Citation("", "", "White", 0, 5, written({**CITED, "sources": [TOOL]})),
)


def test_sources_of_cohere_are_citations() -> None:
    wire = cohere(CITED)
    for cuts in ways_to_cut(wire):
        assert put_together(heard("cohere", "text/event-stream", wire, cuts)).parts == (TextPart("White."), *SOURCES)
    message = {"content": [{"type": "text", "text": "White."}], "citations": [CITED]}
    whole = written({"id": "m", "finish_reason": "COMPLETE", "message": message}).encode()
    assert put_together(heard("cohere", "application/json", whole)).parts == (TextPart("White."), *SOURCES)


@pytest.mark.parametrize("odd", [None, 3, "x", [], [1], ["x"]])
def test_sources_that_make_no_sense_cost_nothing_of_the_answer(odd: Any) -> None:
    assert put_together(heard("cohere", "text/event-stream", cohere(odd))).parts == (TextPart("White."),)


@pytest.mark.parametrize(("told", "expected"), [(TOKENS, written(TOKENS)), ([], None), (None, None), ("x", None)])
def test_how_likely_the_tokens_of_ollama_were(told: Any, expected: str | None) -> None:
    said = {"model": "m", "message": {"content": "White"}, "logprobs": told, "done": True, "done_reason": "stop"}
    wire = written(said).encode() + b"\n"
    for cuts in ways_to_cut(wire):
        assert put_together(heard("ollama", "application/x-ndjson", wire, cuts)).logprobs == expected


def test_options_of_the_answer() -> None:
    chat = ChatRequest(messages=(Message("user", "Hi"),), top_k=3, min_p=0.1, top_logprobs=2)
    taken = body(registry.get("ollama"), chat)
    assert (taken["logprobs"], taken["top_logprobs"], taken["options"]) == (True, 2, {"top_k": 3, "min_p": 0.1})
    assert body(registry.get("cohere"), ChatRequest(messages=(Message("user", "Hi"),), top_k=3))["k"] == 3
