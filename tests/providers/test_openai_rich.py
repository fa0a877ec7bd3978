"""What stands beside the text in the chat protocol: read from an answer whole or in pieces, and said in a request."""

import json
from typing import Any

import pytest
from standby.providers.chat import (
    AudioPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    Tool,
    ToolCall,
    chat_request,
)
from standby.providers.dialects.openai import OpenAIChat, provider
from standby.providers.events import PartAdded, ReasoningDelta, Started, TextDelta, ToolCallDelta
from standby.providers.parts import Citation, Logprobs
from standby.providers.provider import Endpoint, ResponseHead, Unsupported
from standby.providers.quirks import Quirks

STREAM = ResponseHead(200, {"content-type": "text/event-stream"}, 1000.0)
WHOLE = ResponseHead(200, {"content-type": "application/json"}, 1000.0)


def streamed(*chunks: dict[str, Any]) -> list[Any]:
    """What a stream of these chunks tells."""
    decoder = provider.decoder(STREAM)
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    events = [*decoder.feed(b"".join(f"data: {json.dumps(each)}\n\n".encode() for each in (*chunks, end)))]
    events += decoder.end()
    assert decoder.failure is None
    return [event for event in events if not isinstance(event, Started)]


def whole(message: dict[str, Any], **fields: Any) -> list[Any]:
    """What a whole answer tells."""
    decoder = provider.decoder(WHOLE)
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **fields}
    events = [*decoder.feed(json.dumps(body).encode()), *decoder.end()]
    assert decoder.failure is None
    return [event for event in events if not isinstance(event, Started)]


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields}]}


A, URL = TextDelta("a"), "https://host/a"

BESIDE: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "an image": ({"images": [{"image_url": {"url": "data:image/png;base64,AA=="}}]},
                 [PartAdded(ImagePart("data:image/png;base64,AA=="))]),
    "an image by its URL alone": ({"images": [{"image_url": URL}]}, [PartAdded(ImagePart(URL))]),
    "images that are none": ({"images": [{"image_url": {"url": ""}}, {"image_url": 5}, "x", {}]}, []),
    "a citation": (
        {"annotations": [{"url_citation": {"url": URL, "title": "A", "start_index": 1, "end_index": 2}}]},
        [PartAdded(Citation(URL, "A", "", 1, 2,
                            '{"url_citation":{"url":"https://host/a","title":"A","start_index":1,"end_index":2}}'))],
    ),
    "a citation whose places make no sense": (
        {"annotations": [{"url": URL, "title": 5, "start_index": True, "end_index": "2"}]},
        [PartAdded(Citation(URL, details='{"url":"https://host/a","title":5,"start_index":true,"end_index":"2"}'))],
    ),
    "notes that cite nothing": ({"annotations": [{"url_citation": {"title": "A"}}, 5]}, []),
    "audio of a known kind": (
        {"audio": {"id": "audio_1", "data": "UklGRg==", "transcript": "a"}},
        [PartAdded(AudioPart("data:audio/wav;base64,UklGRg==", "audio_1", "a"))],
    ),
    "audio of bare samples": ({"audio": {"data": "AAAA"}}, [PartAdded(AudioPart("data:audio/pcm;base64,AAAA"))]),
    "audio that is only heard of": ({"audio": {"id": "audio_1"}}, [PartAdded(AudioPart("", "audio_1"))]),
    "audio that is no base64": ({"audio": {"data": "a", "transcript": "a"}}, [PartAdded(AudioPart("", None, "a"))]),
    "audio of nothing": ({"audio": {"expires_at": 5}}, []),
    "details of thinking": (
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm", "index": 0}, "x"]},
        [ReasoningDelta("", details='[{"type":"reasoning.text","text":"Hm","index":0}]')],
    ),
    "a call with Google's state": (
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"},
                         "extra_content": {"google": {"thought_signature": "SIG"}}}]},
        [ToolCallDelta(0, "c", "f", "{}", signature="SIG")],
    ),
    "a call with what is none": (
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}, "extra_content": "x"}]},
        [ToolCallDelta(0, "c", "f", "{}")],
    ),
    "a call of a custom tool": (
        {"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": "1+1"}}]},
        [ToolCallDelta(0, "c", "f", "1+1", custom=True)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_what_stands_beside_the_text_is_told_by_a_stream_as_by_a_whole_answer(name: str) -> None:
    fields, events = BESIDE[name]
    told = [event for event in streamed(delta(content="a"), delta(**fields)) if event != A]
    assert told == events
    assert [event for event in whole({"content": "a", **fields}) if event != A] == events


def test_details_of_thinking_that_come_in_pieces_are_one_each() -> None:
    pieces = [
        {"type": "reasoning.text", "index": 0, "text": "H", "signature": None},
        {"type": "reasoning.text", "index": 0, "text": "m.", "signature": "sig"},
        {"type": "reasoning.encrypted", "index": 1, "id": "r1", "data": "x"},
        {"type": "reasoning.encrypted", "index": 1, "id": "r2", "data": "y"},
        {"type": "reasoning.summary", "summary": "s"},
        {"type": "reasoning.summary", "summary": "t"},
    ]
    (told,) = streamed(*(delta(reasoning_details=[piece]) for piece in pieces))
    assert json.loads(told.details) == [
        {"type": "reasoning.text", "index": 0, "text": "Hm.", "signature": "sig"},
        pieces[2], pieces[3], pieces[4], pieces[5],
    ]  # fmt: skip


RESULTS = [{"url": URL, "title": "A"}, {"url": 5}, {"title": "B"}]
SOURCES: dict[str, tuple[dict[str, Any], list[Citation]]] = {
    "URLs": ({"citations": [URL, 5, URL]}, [Citation(URL)]),
    "URLs with what was found": ({"citations": [URL, "https://b"], "search_results": RESULTS},
                                 [Citation(URL, "A"), Citation("https://b")]),
    "what was found alone": ({"search_results": RESULTS}, [Citation(URL, "A")]),
    "a title that is none": ({"search_results": [{"url": URL, "title": 5}]}, [Citation(URL)]),
    "nothing that makes sense": ({"citations": "x", "search_results": 5}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_sources_that_every_chunk_repeats_are_told_once_at_the_end(name: str) -> None:
    fields, citations = SOURCES[name]
    told = [A, *map(PartAdded, citations)]
    assert streamed({**delta(content="a"), **fields}, {**delta(), **fields}) == told
    assert whole({"content": "a"}, **fields) == told


@pytest.mark.parametrize("likely", [{"content": []}, {"content": None}, {"refusal": []}, "x", 5])
def test_tokens_that_are_not_told_are_no_event(likely: Any) -> None:
    assert streamed({"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": likely}]}) == [A]


def test_how_likely_tokens_were_is_told_as_the_provider_wrote_it() -> None:
    token = {"token": "a", "logprob": -0.5, "bytes": [97]}
    told = streamed({"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [token]}}]})
    assert told == [A, PartAdded(Logprobs('[{"token":"a","logprob":-0.5,"bytes":[97]}]'))]


# Requests.


def turns(*messages: Message, **quirks: Any) -> list[dict[str, Any]]:
    """The turns of a request as they go over the wire."""
    speaker = OpenAIChat("else", provider.info, quirks=Quirks(**quirks))
    wire = speaker.build_request(chat_request(messages), Endpoint(base_url="https://host/v1", model="m"))
    said: list[dict[str, Any]] = json.loads(wire.body)["messages"]
    return said


SAID: dict[str, tuple[Part, dict[str, Any]]] = {
    "a file": (FilePart("data:application/pdf;base64,AA==", "a.pdf"),
               {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}}),
    "a file that was uploaded": (FilePart(id="file-1"), {"type": "file", "file": {"file_id": "file-1"}}),
    "audio": (AudioPart("data:audio/wav;base64,AA=="),
              {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}),
    "audio by the protocol's word for it": (
        AudioPart("data:audio/mpeg;base64,AA=="),
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_a_part_is_said_in_the_protocols_words(name: str) -> None:
    part, wire = SAID[name]
    assert turns(Message("user", (TextPart("a"), part))) == [{"role": "user", "content": [A_TEXT, wire]}]


A_TEXT = {"type": "text", "text": "a"}
MARKED = TextPart("a", cache="1h")
FORMS: dict[str, tuple[Message, dict[str, Any], dict[str, Any]]] = {
    "a text that is marked": (
        Message("user", (MARKED,)), {"cache_marks": True},
        {"role": "user", "content": [{**A_TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
    ),
    "a text that is marked as usual": (
        Message("user", (TextPart("a", cache="5m"),)), {"cache_marks": True},
        {"role": "user", "content": [{**A_TEXT, "cache_control": {"type": "ephemeral"}}]},
    ),
    "texts of a result, for a server of one text": (
        Message("tool", (TextPart("a"), TextPart("b")), tool_call_id="c"), {"lacks": frozenset({"text parts"})},
        {"role": "tool", "tool_call_id": "c", "content": "ab"},
    ),
    "a refusal as a text": (Message("assistant", (RefusalPart("No."),)), {}, {"role": "assistant", "content": "No."}),
    "a refusal in its field": (
        Message("assistant", (RefusalPart("No."),)), {"refusal_field": True},
        {"role": "assistant", "content": None, "refusal": "No."},
    ),
    "details of thinking, of this target": (
        Message("assistant", (Reasoning("", details='[{"data":"x"}]'), TextPart("a")), origin="else"), {},  # type: ignore[arg-type]
        {"role": "assistant", "content": "a", "reasoning_details": [{"data": "x"}]},
    ),
    "details that are no list": (
        Message("assistant", (Reasoning("", details="x"), TextPart("a")), origin="else"), {},  # type: ignore[arg-type]
        {"role": "assistant", "content": "a"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("details", "sent", "noted"),
    [
        ('[{"data":"x"},{"data":"y"}]', [{"data": "x"}, {"data": "y"}], False),
        ('[{"data":"x"}, "y", 5]', [{"data": "x"}], True),
        ('["y"]', None, True),
        ('{"data":"x"}', None, True),
        ("[]", None, True),
        ("x", None, True),
    ],
)
def test_details_that_are_none_are_left_out_with_a_note(details: str, sent: Any, noted: bool) -> None:
    turn = Message("assistant", (Reasoning("", details=details), TextPart("a")), origin="openai")  # type: ignore[arg-type]
    wire = provider.build_request(ChatRequest(messages=(turn,)), Endpoint(base_url="https://x", model="m"))
    assert json.loads(wire.body)["messages"][0].get("reasoning_details") == sent
    assert any("it is not what its dialect writes" in note for note in wire.notes) == noted
    assert not any("it goes back to its origin" in note for note in wire.notes)


@pytest.mark.parametrize("name", FORMS)
def test_a_turn_is_said_as_the_server_takes_it(name: str) -> None:
    message, quirks, wire = FORMS[name]
    assert turns(Message("user", "Hi"), message, **quirks)[1] == wire


UNSAYABLE: dict[str, tuple[Message, dict[str, Any], str]] = {
    "audio at a URL": (Message("user", (AudioPart("https://host/a.wav"),)), {}, "audio by URL"),
    "thinking of a user's": (Message("user", (Reasoning("Hm."),)), {}, "Reasoning outside of assistant turns"),
    "a call of a tool's": (
        Message("tool", (ToolCall("c", "f", "{}"),), tool_call_id="c"), {}, "ToolCall outside of assistant turns"
    ),
    "a system text in the middle": (Message("system", "a"), {"lacks": frozenset({"system"})}, "system"),
    "an image of a tool's": (Message("tool", (ImagePart(URL),), tool_call_id="c"), {}, "images in tool messages"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSAYABLE)
def test_what_the_protocol_cannot_say_is_refused_before_anything_is_sent(name: str) -> None:
    message, quirks, words = UNSAYABLE[name]
    with pytest.raises(Unsupported, match=words):
        turns(Message("user", "Hi"), message, **quirks)


def test_a_mark_on_a_tool_is_said_where_the_server_takes_it() -> None:
    speaker = OpenAIChat("else", provider.info, quirks=Quirks(cache_marks=True))
    asked = chat_request("a", tools=[Tool("f", cache="5m")])
    wire = speaker.build_request(asked, Endpoint(base_url="https://host/v1", model="m"))
    assert json.loads(wire.body)["tools"][0]["cache_control"] == {"type": "ephemeral"}
