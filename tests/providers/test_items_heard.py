"""Items of a response, however a server tells them: the parts that an answer is put together from, in order."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.events import ProviderEvent
from standby.providers.parts import Citation, ImagePart, NativePart, Part, Reasoning, TextPart, ToolCall
from standby.providers.provider import ResponseHead
from standby.router.result.collecting import put_together

from read_streams import ways_to_cut

Item = dict[str, Any]


def written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def thought(number: int, *summary: str) -> Item:
    parts = [{"type": "summary_text", "text": text} for text in summary]
    return {"type": "reasoning", "id": f"rs_{number}", "summary": parts, "encrypted_content": f"locked{number}"}


def message(number: int, *texts: str, phase: str | None = None, **more: Any) -> Item:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": [], **more} for text in texts]
    item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": content}
    return item if phase is None else {**item, "phase": phase}


def call(number: int, name: str, arguments: str) -> Item:
    return {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": name,
            "arguments": arguments}  # fmt: skip


def custom(number: int, name: str, said: str) -> Item:
    return {"type": "custom_tool_call", "id": f"ctc_{number}", "call_id": f"call_{number}", "name": name, "input": said}


def kept(item: Item, name: str = "") -> NativePart:
    return NativePart(item["type"], written(item), name, item.get("call_id") or item.get("id"))


SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "salt"}}
MCP = {"type": "mcp_call", "id": "mcp_1", "name": "look", "server_label": "s", "arguments": "{}", "output": "seen"}
CODE = {"type": "code_interpreter_call", "id": "ci_1", "code": "1+1", "container_id": "c", "outputs": None}
COMPACTION = {"type": "compaction", "id": "cmp_1", "encrypted_content": "Zm9v"}
SHELL = {"type": "shell_call", "id": "sh_1", "call_id": "call_7", "action": {"commands": ["ls"]}, "status": "completed"}
PATCH = {"type": "apply_patch_call", "id": "ap_1", "call_id": "call_8", "operation": {"type": "delete_file"}}
SCREEN = {"type": "computer_call", "id": "cu_1", "call_id": "call_9", "action": {"type": "screenshot"}}
TO_COME = {"type": "of_tomorrow", "arguments": {"deep": 1}, "content": "odd", "summary": 3, "name": [1]}
PICTURE = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="}
PAGE = {"type": "url_citation", "url": "https://x/y", "title": "Y", "start_index": 0, "end_index": 3}
FILE = {"type": "file_citation", "file_id": "f1", "filename": "a.pdf", "index": 2}

CASES: dict[str, tuple[list[Item], tuple[Part, ...]]] = {
    "thinking, text and calls, as they came": (
        [thought(1, "Plan."), message(1, "One."), call(1, "f", '{"a":1}'), thought(2), call(2, "g", "{}")],
        (
            Reasoning("Plan.", "rs_1", "locked1"),
            TextPart("One."),
            ToolCall("call_1", "f", '{"a":1}'),
            Reasoning("", "rs_2", "locked2"),
            ToolCall("call_2", "g", "{}"),
        ),
    ),
    "several texts of one message": (
        [message(1, "One.", "Two.", "Three.")],
        (TextPart("One."), TextPart("Two."), TextPart("Three.")),
    ),
    "two messages stay two": ([message(1, "One."), message(2, "Two.")], (TextPart("One."), TextPart("Two."))),
    "the same text twice": ([message(1, "One."), message(2, "One.")], (TextPart("One."), TextPart("One."))),
    "phases": (
        [
            message(1, "Looking.", phase="commentary"),
            call(1, "f", "{}"),
            message(2, "A.", "B.", phase="final_answer"),
        ],
        (
            TextPart("Looking.", phase="commentary"),
            ToolCall("call_1", "f", "{}"),
            TextPart("A.", phase="final_answer"),
            TextPart("B.", phase="final_answer"),
        ),
    ),
    "a custom tool": (
        [custom(1, "run", "print(1)"), message(1, "So.")],
        (ToolCall("call_1", "run", "print(1)", custom=True), TextPart("So.")),
    ),
    "a custom tool whose input is JSON, beside a function": (
        [custom(1, "run", '{"a":1}'), call(2, "run", '{"a":1}'), custom(3, "run", '{"a":1}')],
        (
            ToolCall("call_1", "run", '{"a":1}', custom=True),
            ToolCall("call_2", "run", '{"a":1}'),
            ToolCall("call_3", "run", '{"a":1}', custom=True),
        ),
    ),
    "a custom tool with no input": ([custom(1, "run", "")], (ToolCall("call_1", "run", "", custom=True),)),
    "tools of the provider's own": (
        [SEARCH, MCP, CODE, message(1, "White."), COMPACTION],
        (kept(SEARCH), kept(MCP, "look"), kept(CODE), TextPart("White."), kept(COMPACTION)),
    ),
    "the caller's shell and screen": ([SHELL, PATCH, SCREEN], (kept(SHELL), kept(PATCH), kept(SCREEN))),
    "an item of a type to come": (
        [message(1, "A"), TO_COME, message(2, "B")],
        (TextPart("A"), kept(TO_COME), TextPart("B")),
    ),
    "a picture": (
        [message(1, "See:"), PICTURE, {**PICTURE, "id": "ig_2", "output_format": "webp"}],
        (
            TextPart("See:"),
            ImagePart("data:image/png;base64,iVBORw0KGgo="),
            NativePart(
                "image_generation_call",
                '{"type":"image_generation_call","id":"ig_1","status":"completed"}',
                "",
                "ig_1",
            ),
            ImagePart("data:image/webp;base64,iVBORw0KGgo="),
            NativePart(
                "image_generation_call",
                '{"type":"image_generation_call","id":"ig_2","status":"completed","output_format":"webp"}',
                "",
                "ig_2",
            ),
        ),
    ),
    "a picture that came to nothing": ([{**PICTURE, "result": None}], (kept({**PICTURE, "result": None}),)),
    "citations stand behind their own text": (
        [message(1, "White.", annotations=[PAGE, FILE]), message(2, "So.", annotations=[PAGE])],
        (
            TextPart("White."),
            Citation("https://x/y", "Y", "", 0, 3, written(PAGE)),
            Citation("", "a.pdf", "", None, None, written(FILE)),
            TextPart("So."),
            Citation("https://x/y", "Y", "", 0, 3, written(PAGE)),
        ),
    ),
    "annotations that make no sense": ([message(1, "White.", annotations={"a": 1}, logprobs=7)], (TextPart("White."),)),
}  # fmt: skip

_DELTAS = {
    "function_call": ("function_call_arguments", "arguments"),
    "custom_tool_call": ("custom_tool_call_input", "input"),
}


def told(index: int, item: Item, *, whole: bool) -> Iterator[Item]:
    """The events of one item; unless `whole`, it is also said piece by piece."""
    at = {"output_index": index}
    empty = {"summary": [], "content": [], "arguments": "", "input": ""}
    is_read = item["type"] in ("message", "reasoning", *_DELTAS)
    if not whole:
        nothing = {name: empty.get(name, value) for name, value in item.items() if name != "encrypted_content"}
        yield {"type": "response.output_item.added", **at, "item": nothing if is_read else {"type": item["type"]}}
        yield from pieces(item, at)
    yield {"type": "response.output_item.done", **at, "item": item}


def pieces(item: Item, at: Item) -> Iterator[Item]:
    kind, field = _DELTAS.get(item["type"], ("", ""))
    if kind:
        said = item[field]
        for piece in (said[:3], said[3:]):
            yield {"type": f"response.{kind}.delta", **at, "delta": piece}
        yield {"type": f"response.{kind}.done", **at, field: said}
    for place, part in enumerate(item["content"] if item["type"] == "message" else ()):
        here = {**at, "content_index": place}
        yield {"type": "response.output_text.delta", **here, "delta": part["text"][:2], "logprobs": []}
        yield {"type": "response.output_text.delta", **here, "delta": part["text"][2:], "logprobs": []}
        yield {"type": "response.output_text.done", **here, "text": part["text"]}
        yield {"type": "response.content_part.done", **here, "part": part}
    for place, part in enumerate(item["summary"] if item["type"] == "reasoning" else ()):
        yield {"type": "response.reasoning_summary_text.delta", **at, "summary_index": place, "delta": part["text"]}


def response(items: list[Item]) -> Item:
    return {"id": "resp_1", "model": "m", "status": "completed", "output": items}


def streamed(items: list[Item], way: str) -> bytes:
    begun: Item = {"type": "response.created", "response": {**response([]), "status": "in_progress"}}
    events = [begun]
    if way != "at the end only":
        for index, item in enumerate(items):
            events += told(index, item, whole=way == "item by item")
    events.append({"type": "response.completed", "response": response([] if way == "no output" else items)})
    return b"".join(b"data: " + written(event).encode() + b"\n\n" for event in events)


def heard(kind: str, body: bytes, cuts: tuple[int, ...]) -> list[ProviderEvent]:
    decoder = registry.get("openai-responses").decoder(ResponseHead(200, {"content-type": kind}))
    events: list[ProviderEvent] = []
    for start, end in zip((0, *cuts), (*cuts, len(body)), strict=True):
        events += decoder.feed(body[start:end])
    if not decoder.closed:
        events += decoder.end()
    assert decoder.failure is None
    assert decoder.finish is not None
    assert decoder.finish.reason == ("tool_calls" if put_together(events).parts and any(
        isinstance(part, ToolCall) for part in put_together(events).parts) else "stop")  # fmt: skip
    return events


@pytest.mark.parametrize("way", ["piece by piece", "item by item", "at the end only", "no output"])
@pytest.mark.parametrize("name", CASES)
def test_a_stream_is_the_parts_that_its_items_are(name: str, way: str) -> None:
    items, parts = CASES[name]
    body = streamed(items, way)
    every = way == "piece by piece" and len(body) < 1500
    for cuts in ways_to_cut(body) if every else ((), tuple(range(1, len(body)))):
        assert put_together(heard("text/event-stream", body, cuts)).parts == parts, f"cut at {cuts[:3]}"


@pytest.mark.parametrize("name", CASES)
def test_a_whole_response_is_the_same_parts(name: str) -> None:
    items, parts = CASES[name]
    assert put_together(heard("application/json", written(response(items)).encode(), ())).parts == parts


def test_an_item_of_the_provider_is_as_it_was_written() -> None:
    item = '{ "type":"of_tomorrow",  "data":[1,  2.50] }'
    body = f'{{"status":"completed","output":[{item}]}}'.encode()
    assert put_together(heard("application/json", body, ())).parts == (NativePart("of_tomorrow", item),)


@pytest.mark.parametrize("way", ["piece by piece", "item by item", "at the end only"])
def test_how_likely_the_tokens_were(way: str) -> None:
    tokens = [{"token": "Hi", "logprob": -0.5, "top_logprobs": []}]
    body = streamed([message(1, "Hi", logprobs=tokens), message(2, "Ho", logprobs=tokens)], way)
    assert put_together(heard("text/event-stream", body, ())).logprobs == written([*tokens, *tokens])


@pytest.mark.parametrize("item_id", ["msg_1", "another"])
@pytest.mark.parametrize("content_index", [0, 4])
def test_the_end_of_a_text_that_comes_late_is_no_text_of_its_own(content_index: int, item_id: str) -> None:
    item = {**message(1, "It is four.", "So."), "id": item_id}
    delta = {"type": "response.output_text.delta", "content_index": content_index, "delta": "It is"}
    events = [delta, {"type": "response.completed", "response": response([item])}]
    body = b"".join(b"data: " + written(event).encode() + b"\n\n" for event in events)
    assert put_together(heard("text/event-stream", body, ())).parts == (TextPart("It is four."), TextPart("So."))


COUNTED_APART = [(delta, done) for delta in (0, 1, 2) for done in (None, 0, 1, 2)]


@pytest.mark.parametrize(("delta", "done"), COUNTED_APART)
@pytest.mark.parametrize("ends", [True, False])
def test_a_text_that_is_counted_otherwise_when_it_is_done_is_one_text(delta: int, done: int | None, ends: bool) -> None:
    """vLLM counts parts over all items, here in one way and not in another."""
    here = {"item_id": "m1", "output_index": 0}
    whole = message(1, "It is four.")
    events: list[dict[str, Any]] = [
        {"type": "response.output_text.delta", **here, "content_index": delta, "delta": piece}
        for piece in ("It is", " four.")
    ]
    if done is not None:
        part = {"type": "output_text", "text": "It is four."}
        events += [
            {"type": "response.output_text.done", **here, "content_index": done, "text": "It is four."},
            {"type": "response.content_part.done", **here, "content_index": done, "part": part},
        ]
    if ends:
        events.append({"type": "response.output_item.done", "output_index": 0, "item": whole})
    events.append({"type": "response.completed", "response": {"status": "completed", "output": [whole]}})
    body = b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)
    assert put_together(heard("text/event-stream", body, ())).parts == (TextPart("It is four."),)


def test_two_texts_that_are_alike_are_two() -> None:
    here = {"item_id": "m1", "output_index": 0}
    part = {"type": "output_text", "text": "A"}
    events: list[dict[str, Any]] = [
        {"type": "response.output_text.delta", **here, "content_index": 0, "delta": "A"},
        {"type": "response.output_text.done", **here, "content_index": 0, "text": "A"},
        {"type": "response.content_part.done", **here, "content_index": 1, "part": part},
        {"type": "response.completed", "response": {"status": "completed", "output": [message(1, "A", "A")]}},
    ]
    body = b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)
    assert put_together(heard("text/event-stream", body, ())).parts == (TextPart("A"), TextPart("A"))
