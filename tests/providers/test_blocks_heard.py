"""Blocks of Anthropic's and Bedrock's answers, streamed and whole: the parts that an answer is put together from."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from standby.providers import registry
from standby.providers.events import Finished, FinishReason, PartAdded, ProviderEvent, TextDelta
from standby.providers.parts import (
    Citation,
    FilePart,
    ImagePart,
    NativePart,
    Part,
    Reasoning,
    TextPart,
    ToolCall,
)
from standby.providers.provider import ResponseHead
from standby.router.result.collecting import put_together
from standby.simulator.dialects.binary import frame

from components import need
from read_streams import ways_to_cut

STREAM_TYPES = {"anthropic": "text/event-stream", "bedrock": "application/vnd.amazon.eventstream"}
PLACE = {"type": "char_location", "cited_text": "Salt is white.", "document_index": 0, "start_char_index": 3}
PAGE = {"type": "web_search_result_location", "url": "https://x/y", "title": "Y", "cited_text": "Why?"}
SEARCH = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "salt"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"encrypted_content": "Eo0="}]}
REMOTE = {"type": "mcp_tool_use", "id": "mcp_1", "name": "look", "server_name": "s", "input": {"a": 1}}
SUMMARY = {"type": "compaction", "content": "All so far.", "encrypted_content": "Zm9v"}
TO_COME = {"type": "of_tomorrow", "text": {"deep": 1}, "data": [1, 2]}
CALLER = {"type": "code_execution_20260120", "tool_id": "srv_1"}


def written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def native(block: dict[str, Any], name: str = "", call_id: str | None = None) -> NativePart:
    return NativePart(block["type"], written(block), name, call_id)


def cite(where: dict[str, Any], url: str = "", title: str = "") -> Citation:
    return Citation(url, title, where["cited_text"], details=written(where))


class Case(NamedTuple):
    """An answer: its whole blocks, the pieces that each of them comes in, and the parts that it is."""

    blocks: list[dict[str, Any]]
    pieces: list[tuple[dict[str, Any], list[dict[str, Any]]]]
    parts: tuple[Part, ...]


def text(*said: str, citations: Sequence[dict[str, Any]] = ()) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    deltas: list[dict[str, Any]] = [{"type": "text_delta", "text": piece} for piece in said]
    return {"type": "text", "text": ""}, deltas + [{"type": "citations_delta", "citation": each} for each in citations]


def argued(block: dict[str, Any], *said: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *said)]


def thought(said: str, signature: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    pieces: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": said}] if said else []
    return {"type": "thinking", "thinking": "", "signature": ""}, [
        *pieces,
        {"type": "signature_delta", "signature": signature},
    ]


ANTHROPIC = {
    "two texts stay two": Case(
        [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
        [text("On", "e."), text("Two.")],
        (TextPart("One."), TextPart("Two.")),
    ),
    "thinking between texts and calls, as it came": Case(
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "s1"},
            {"type": "text", "text": "One."},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            {"type": "thinking", "thinking": "", "signature": "s2"},
            {"type": "redacted_thinking", "data": "locked"},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
        ],
        [
            thought("Hm.", "s1"),
            text("One."),
            argued({"type": "tool_use", "id": "t1", "name": "f"}, '{"a"', ":1}"),
            thought("", "s2"),
            ({"type": "redacted_thinking", "data": "locked"}, []),
            argued({"type": "tool_use", "id": "t2", "name": "g"}),
        ],
        (
            Reasoning("Hm.", "s1"),
            TextPart("One."),
            ToolCall("t1", "f", '{"a":1}'),
            Reasoning("", "s2"),
            Reasoning("", redacted="locked"),
            ToolCall("t2", "g", "{}"),
        ),
    ),
    "citations stand behind their own text": Case(
        [
            {"type": "text", "text": "It is ", "citations": None},
            {"type": "text", "text": "white", "citations": [PLACE, PAGE]},
            {"type": "text", "text": "."},
        ],
        [text("It is "), text("white", citations=[PLACE, PAGE]), text(".")],
        (TextPart("It is "), TextPart("white"), cite(PLACE), cite(PAGE, "https://x/y", "Y"), TextPart(".")),
    ),
    "a search of the provider's own, and what it found": Case(
        [SEARCH, FOUND, {"type": "text", "text": "White."}],
        [argued(SEARCH, '{"query"', ':"salt"}'), (FOUND, []), text("White.")],
        (native(SEARCH, "web_search", "srv_1"), native(FOUND, "", "srv_1"), TextPart("White.")),
    ),
    "a call over MCP": Case(
        [REMOTE, {"type": "mcp_tool_result", "tool_use_id": "mcp_1", "is_error": False, "content": []}],
        [
            argued(REMOTE, '{"a":1}'),
            ({"type": "mcp_tool_result", "tool_use_id": "mcp_1", "is_error": False, "content": []}, []),
        ],
        (
            native(REMOTE, "look", "mcp_1"),
            native({"type": "mcp_tool_result", "tool_use_id": "mcp_1", "is_error": False, "content": []}, "", "mcp_1"),
        ),
    ),
    "a compaction": Case(
        [SUMMARY],
        [
            (
                {"type": "compaction", "content": None, "encrypted_content": None},
                [{"type": "compaction_delta", "content": "All so far.", "encrypted_content": "Zm9v"}],
            )
        ],
        (native(SUMMARY),),
    ),
    "a block of a type to come goes back as it is": Case(
        [{"type": "text", "text": "A"}, TO_COME, {"type": "text", "text": "B"}],
        [text("A"), (TO_COME, []), text("B")],
        (TextPart("A"), native(TO_COME), TextPart("B")),
    ),
    "a call that the provider's code made": Case(
        [{"type": "tool_use", "id": "t1", "name": "f", "input": {}, "caller": CALLER}],
        [argued({"type": "tool_use", "id": "t1", "name": "f", "caller": CALLER})],
        (ToolCall("t1", "f", "{}", written({"caller": CALLER})),),
    ),
    "a call that the model itself made": Case(
        [{"type": "tool_use", "id": "t1", "name": "f", "input": {}, "caller": {"type": "direct"}}],
        [argued({"type": "tool_use", "id": "t1", "name": "f", "caller": {"type": "direct"}})],
        (ToolCall("t1", "f", "{}"),),
    ),
}

WEB = {"title": "Y", "sourceContent": [{"text": "Why?"}], "location": {"web": {"url": "https://x/y"}}}
GROUNDING = {"toolUseId": "g1", "name": "nova_grounding", "type": "server_tool_use", "input": {"q": "salt"}}
GROUND = {"toolUseId": "g1", "status": "success", "content": [{"text": "White."}, {"json": {"a": 1}}]}
PIXEL = "iVBORw0KGgo="


def converse(member: str, block: dict[str, Any], kind: str, name: str = "") -> NativePart:
    return NativePart(kind, written({member: block}), name, block["toolUseId"])


def without(block: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != name}


BEDROCK = {
    "two texts stay two": Case(
        [{"text": "One."}, {"text": "Two."}],
        [({}, [{"text": "On"}, {"text": "e."}]), ({}, [{"text": "Two."}])],
        (TextPart("One."), TextPart("Two.")),
    ),
    "thinking between texts and calls, as it came": Case(
        [
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s1"}}},
            {"text": "One."},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            {"reasoningContent": {"redactedContent": "bG9jaw=="}},
            {"toolUse": {"toolUseId": "t2", "name": "g", "input": {}}},
        ],
        [
            ({}, [{"reasoningContent": {"text": "Hm."}}, {"reasoningContent": {"signature": "s1"}}]),
            ({}, [{"text": "One."}]),
            (
                {"toolUse": {"toolUseId": "t1", "name": "f"}},
                [{"toolUse": {"input": '{"a":'}}, {"toolUse": {"input": "1}"}}],
            ),
            ({}, [{"reasoningContent": {"redactedContent": "bG9jaw=="}}]),
            ({"toolUse": {"toolUseId": "t2", "name": "g"}}, [{"toolUse": {"input": "{}"}}]),
        ],
        (
            Reasoning("Hm.", "s1"),
            TextPart("One."),
            ToolCall("t1", "f", '{"a":1}'),
            Reasoning("", redacted="bG9jaw=="),
            ToolCall("t2", "g", "{}"),
        ),
    ),
    "citations stand behind their own text": Case(
        [
            {"text": "It is "},
            {"citationsContent": {"content": [{"text": "white"}], "citations": [WEB]}},
            {"text": "."},
        ],
        [({}, [{"text": "It is "}]), ({}, [{"text": "white"}, {"citation": WEB}]), ({}, [{"text": "."}])],
        (
            TextPart("It is "),
            TextPart("white"),
            Citation("https://x/y", "Y", "Why?", details=written(WEB)),
            TextPart("."),
        ),
    ),
    "a search of the provider's own, and what it found": Case(
        [{"toolUse": GROUNDING}, {"toolResult": GROUND}, {"text": "White."}],
        [
            (
                {"toolUse": without(GROUNDING, "input")},
                [{"toolUse": {"input": '{"q":'}}, {"toolUse": {"input": '"salt"}'}}],
            ),
            (
                {"toolResult": without(GROUND, "content")},
                [{"toolResult": [{"text": "Whi"}]}, {"toolResult": [{"text": "te."}, {"json": {"a": 1}}]}],
            ),
            ({}, [{"text": "White."}]),
        ],
        (
            converse("toolUse", GROUNDING, "server_tool_use", "nova_grounding"),
            converse("toolResult", GROUND, "toolResult"),
            TextPart("White."),
        ),
    ),
    "a picture": Case(
        [{"text": "See:"}, {"image": {"format": "png", "source": {"bytes": PIXEL}}}],
        [({}, [{"text": "See:"}]), ({"image": {"format": "png"}}, [{"image": {"source": {"bytes": PIXEL}}}])],
        (TextPart("See:"), ImagePart(f"data:image/png;base64,{PIXEL}")),
    ),
}


def streamed(dialect: str, case: Case, finish: str) -> bytes:
    if dialect == "bedrock":
        need("botocore")
        return b"".join(converse_stream(case, finish))
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "m"}}]
    for index, (block, deltas) in enumerate(case.pieces):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index})
    events += [{"type": "message_delta", "delta": {"stop_reason": finish}}, {"type": "message_stop"}]
    return b"".join(b"data: " + written(event).encode() + b"\n\n" for event in events)


def converse_stream(case: Case, finish: str) -> list[bytes]:
    def event(name: str, **payload: Any) -> bytes:
        about = {":message-type": "event", ":event-type": name}
        return frame(about, written(payload).encode())

    events = [event("messageStart", role="assistant")]
    for index, (start, deltas) in enumerate(case.pieces):
        events += [event("contentBlockStart", contentBlockIndex=index, start=start)] if start else []
        events += (event("contentBlockDelta", contentBlockIndex=index, delta=delta) for delta in deltas)
        events.append(event("contentBlockStop", contentBlockIndex=index))
    return [*events, event("messageStop", stopReason=finish)]


def whole(dialect: str, case: Case, finish: str) -> bytes:
    if dialect == "bedrock":
        need("botocore")
        return written({"output": {"message": {"content": case.blocks}}, "stopReason": finish}).encode()
    return written({"id": "m", "content": case.blocks, "stop_reason": finish}).encode()


def heard(dialect: str, kind: str, body: bytes, cuts: tuple[int, ...]) -> tuple[list[ProviderEvent], Finished | None]:
    decoder = registry.get(dialect).decoder(ResponseHead(200, {"content-type": kind}))
    events: list[ProviderEvent] = []
    for start, end in pairwise((0, *cuts, len(body))):
        events += decoder.feed(body[start:end])
    if not decoder.closed:
        events += decoder.end()
    assert decoder.failure is None
    return events, decoder.finish


CASES = [("anthropic", name) for name in ANTHROPIC] + [("bedrock", name) for name in BEDROCK]


@pytest.mark.parametrize(("dialect", "name"), CASES)
def test_a_stream_is_the_parts_that_its_blocks_are(dialect: str, name: str) -> None:
    case = (ANTHROPIC if dialect == "anthropic" else BEDROCK)[name]
    body = streamed(dialect, case, "end_turn")
    for cuts in ways_to_cut(body):
        events, _ = heard(dialect, STREAM_TYPES[dialect], body, cuts)
        assert put_together(events).parts == case.parts, f"cut at {cuts[:3]}"


@pytest.mark.parametrize(("dialect", "name"), CASES)
def test_a_whole_answer_is_the_same_parts(dialect: str, name: str) -> None:
    case = (ANTHROPIC if dialect == "anthropic" else BEDROCK)[name]
    body = whole(dialect, case, "end_turn")
    for cuts in ((), tuple(range(1, len(body)))):
        events, _ = heard(dialect, "application/json", body, cuts)
        assert put_together(events).parts == case.parts


def test_a_block_of_the_provider_is_as_it_was_written() -> None:
    block = '{ "type":"of_tomorrow",  "data":[1,  2.50] }'
    body = f'{{"content":[{block}],"stop_reason":"end_turn"}}'.encode()
    events, _ = heard("anthropic", "application/json", body, ())
    assert events[-1] == PartAdded(NativePart("of_tomorrow", block))


@pytest.mark.parametrize(("native_finish", "finish"), [("pause_turn", "pause"), ("end_turn", "stop")])
def test_an_interrupted_turn_is_a_pause(native_finish: str, finish: FinishReason) -> None:
    case = ANTHROPIC["a search of the provider's own, and what it found"]
    for kind, body in (
        ("text/event-stream", streamed("anthropic", case, native_finish)),
        ("application/json", whole("anthropic", case, native_finish)),
    ):
        assert heard("anthropic", kind, body, ())[1] == Finished(finish, native_finish)


CUT_OFF = {
    "the input of its call was cut": [({**SEARCH, "input": {}}, [{"type": "input_json_delta", "partial_json": '{"q'}])],
    "its pieces are of a form to come": [(TO_COME, [{"type": "tomorrow_delta", "more": {"a": [1]}}])],
}


@pytest.mark.parametrize("pieces", CUT_OFF.values(), ids=CUT_OFF)
def test_a_block_that_cannot_go_back_is_passed_over(pieces: list[Any]) -> None:
    body = streamed("anthropic", Case([], [text("A"), *pieces, text("B")], ()), "max_tokens")
    events, _ = heard("anthropic", "text/event-stream", body, ())
    assert put_together(events).parts == (TextPart("A"), TextPart("B"))


def test_a_text_in_a_block_to_come_is_said_and_goes_back_once() -> None:
    block = {"type": "of_tomorrow"}
    body = streamed("anthropic", Case([], [(block, [{"type": "text_delta", "text": "Hi"}])], ()), "end_turn")
    events, _ = heard("anthropic", "text/event-stream", body, ())
    assert events[1:] == [TextDelta("Hi")]


def test_a_server_that_closes_no_block_tells_what_was_open() -> None:
    body = streamed("anthropic", Case([], [argued(SEARCH, '{"query":"salt"}')], ()), "end_turn")
    body = body.replace(b'"content_block_stop"', b'"content_block_slop"')
    events, _ = heard("anthropic", "text/event-stream", body, ())
    assert put_together(events).parts == (native(SEARCH, "web_search", "srv_1"),)


def test_blocks_of_converse_that_only_come_whole() -> None:
    need("botocore")
    blocks = [
        {"document": {"format": "pdf", "name": "Report", "source": {"bytes": "JVBERg=="}}},
        {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://a/b.png"}}}},
        {"ofTomorrow": {"a": 1}},
        {},
    ]
    events, _ = heard("bedrock", "application/json", whole("bedrock", Case(blocks, [], ()), "end_turn"), ())
    assert put_together(events).parts == (
        FilePart("data:application/pdf;base64,JVBERg==", "Report"),
        NativePart("video", written(blocks[1])),
        ImagePart("s3://a/b.png"),
        NativePart("ofTomorrow", '{"ofTomorrow":{"a":1}}'),
    )
