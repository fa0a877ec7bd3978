"""Parts of Gemini's answers, streamed and whole, and how they go back: each signature on the part that it came on."""

import json
from itertools import pairwise
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message, Tool
from standby.providers.dialects.gemini import provider
from standby.providers.events import ProviderEvent, any_useful
from standby.providers.messages import AllowedTools, NativeTool
from standby.providers.parts import (
    AudioPart,
    Citation,
    FilePart,
    ImagePart,
    NativePart,
    Part,
    Reasoning,
    TextPart,
    ToolCall,
)
from standby.providers.provider import ResponseHead, Unsupported
from standby.providers.tool_calls import made_call_id
from standby.router.result.collecting import put_together

from conversation import body, built
from read_streams import ways_to_cut

FLASH, THIRD = "gemini-2.5-flash", "gemini-3-flash-preview"
PLACEHOLDER = "skip_thought_signature_validator"
PIXEL = "iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
CODE = {"executableCode": {"language": "PYTHON", "code": "print(1)"}, "thoughtSignature": "sig"}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}
REMOTE = {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "args": {"q": 1}, "id": "t1"}}
DRAFT = {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thought": True}

Wire = dict[str, Any]


def written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def call(name: str, **more: Any) -> Wire:
    return {"functionCall": {"name": name, "args": {"a": 1}, "id": f"id-{name}"}, **more}


def called(name: str, signature: str | None = None) -> ToolCall:
    return ToolCall(f"id-{name}", name, '{"a":1}', signature)


CASES: dict[str, tuple[list[Wire], tuple[Part, ...], list[Wire] | None]] = {
    "thinking, text and calls, as they came": (
        [
            {"text": "Plan.", "thought": True, "thoughtSignature": "s1"},
            {"text": "One."},
            call("f", thoughtSignature="s2"),
            {"text": "More.", "thought": True, "thoughtSignature": "s3"},
            call("g"),
        ],
        (Reasoning("Plan.", "s1"), TextPart("One."), called("f", "s2"), Reasoning("More.", "s3"), called("g")),
        None,
    ),
    "a signed text is a part by itself": (
        [{"text": "One."}, {"text": "Two.", "thoughtSignature": "s1"}, {"text": "Three."}],
        (TextPart("One."), TextPart("Two."), Reasoning("", "s1"), TextPart("Three.")),
        None,
    ),
    "a signature by itself, behind a call": (
        [call("f"), {"thoughtSignature": "s1"}],
        (called("f"), Reasoning("", "s1")),
        [call("f"), {"text": "", "thoughtSignature": "s1"}],
    ),
    "a signature by itself, alone": (
        [{"thoughtSignature": "s1"}], (Reasoning("", "s1"),), [{"text": "", "thoughtSignature": "s1"}]
    ),
    "a signed image": (
        [{"text": "See:"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": "s1"}],
        (TextPart("See:"), ImagePart(f"data:image/png;base64,{PIXEL}"), Reasoning("", "s1")),
        None,
    ),
    "code that it ran": (
        [{"text": "So:"}, CODE, RESULT, {"text": "One."}],
        (
            TextPart("So:"), NativePart("executableCode", written(CODE)),
            NativePart("codeExecutionResult", written(RESULT)), TextPart("One."),
        ),
        None,
    ),
    "a tool that it ran, and a part to come": (
        [REMOTE, {"ofTomorrow": 1}],
        (NativePart("toolCall", written(REMOTE), "", "t1"), NativePart("ofTomorrow", '{"ofTomorrow":1}')),
        None,
    ),
    "a draft of an image is thinking": ([DRAFT], (NativePart("inlineData", written(DRAFT)),), None),
    "audio, and a file": (
        [
            {"inlineData": {"mimeType": "audio/mpeg", "data": "AAAA"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        ],
        (AudioPart("data:audio/mpeg;base64,AAAA"), FilePart(PDF)),
        None,
    ),
}  # fmt: skip
"""The parts of an answer, what they are here, and how they go back; None: as they came."""


def chunk(*parts: Wire, **more: Any) -> Wire:
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "index": 0, **more}]}


def streamed(parts: list[Wire], **last: Any) -> bytes:
    chunks = [chunk(part) for part in parts] + [chunk(finishReason="STOP", **last)]
    return b"".join(b"data: " + written(each).encode() + b"\r\n\r\n" for each in chunks)


def heard(kind: str, wire: bytes, cuts: tuple[int, ...] = ()) -> list[ProviderEvent]:
    decoder = provider.decoder(ResponseHead(200, {"content-type": kind}))
    events: list[ProviderEvent] = []
    for start, end in pairwise((0, *cuts, len(wire))):
        events += decoder.feed(wire[start:end])
    events += decoder.end()
    assert decoder.failure is None
    return events


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_the_parts_that_it_came_in(name: str) -> None:
    parts, expected, _ = CASES[name]
    wire = streamed(parts)
    for cuts in ways_to_cut(wire):
        assert put_together(heard("text/event-stream", wire, cuts)).parts == expected, f"cut at {cuts[:3]}"
    whole = written(chunk(*parts, finishReason="STOP")).encode()
    assert put_together(heard("application/json", whole)).parts == expected


@pytest.mark.parametrize("name", CASES)
def test_an_answer_goes_back_to_its_origin_as_it_came(name: str) -> None:
    parts, heard_parts, back = CASES[name]
    turn = Message("assistant", heard_parts, origin="gemini")
    taken = body(provider, ChatRequest(messages=(Message("user", "Hi"), turn)), THIRD)
    assert taken["contents"][1]["parts"] == (parts if back is None else back)


def test_an_image_alone_is_an_answer() -> None:
    assert any_useful(heard("text/event-stream", streamed([CASES["a signed image"][0][1]])))


GROUNDING = {
    "groundingChunks": [
        {"web": {"uri": "https://x/y", "title": "Y"}},
        {"retrievedContext": {"uri": "gs://a/b", "title": "B", "text": "Why?"}},
    ],
    "groundingSupports": [{"segment": {"startIndex": 4, "endIndex": 9}, "groundingChunkIndices": [0, 7, "x"]}],
}
CITED = {"citationSources": [{"startIndex": 1, "endIndex": 2, "uri": "https://z"}]}


def test_sources_are_citations_once() -> None:
    about = {"groundingMetadata": GROUNDING, "citationMetadata": CITED}
    wire = streamed([{"text": "A"}], **about).replace(b'"finishReason":"STOP",', b"") + streamed([], **about)
    parts = put_together(heard("text/event-stream", wire)).parts[1:]
    found = [part for part in parts if isinstance(part, Citation)]
    assert [(part.url, part.title, part.text, part.start, part.end) for part in found] == [
        ("https://x/y", "Y", "", 4, 9), ("gs://a/b", "B", "Why?", None, None), ("https://z", "", "", 1, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("odd", [[], "x", {"groundingChunks": {"a": 1}, "citations": 3}, {"groundingSupports": [1]}])
def test_sources_that_make_no_sense_cost_nothing_of_the_answer(odd: Any) -> None:
    wire = streamed([{"text": "A"}], groundingMetadata=odd, citationMetadata=odd, logprobsResult=odd)
    assert put_together(heard("text/event-stream", wire)).parts == (TextPart("A"),)


def test_how_likely_the_tokens_were() -> None:
    chosen = [{"token": "A", "logProbability": -0.5}]
    told = {"chosenCandidates": chosen, "topCandidates": [{"candidates": chosen}]}
    found = put_together(heard("text/event-stream", streamed([{"text": "A"}], logprobsResult=told))).logprobs
    assert json.loads(found or "") == [{**chosen[0], "topCandidates": chosen}]


def steps(origin: Any, *signatures: str | None) -> ChatRequest:
    """A conversation of several steps, each with two calls side by side."""
    turns: list[Message] = [Message("user", "Hi")]
    for step, signature in enumerate(signatures):
        calls = (ToolCall(f"c{step}", "f", "{}", signature), ToolCall(f"d{step}", "g", "{}"))
        turns.append(Message("assistant", calls, origin=origin))
        turns += [Message("tool", "1", tool_call_id=each.id) for each in calls]
    return ChatRequest(messages=tuple(turns))


def signatures(chat: ChatRequest, model: str) -> list[str | None]:
    contents = body(provider, chat, model)["contents"]
    return [part.get("thoughtSignature") for turn in contents for part in turn["parts"] if "functionCall" in part]


@pytest.mark.parametrize(
    ("model", "chat", "expected"),
    [
        (THIRD, steps("openai", None, None), [PLACEHOLDER, None, PLACEHOLDER, None]),
        (THIRD, steps("anthropic", "another's"), [PLACEHOLDER, None]),
        (THIRD, steps(None, None), [PLACEHOLDER, None]),
        (THIRD, steps("gemini", "own", None), ["own", None, None, None]),
        ("models/gemini-3.1-pro-preview", steps("openai", None), [PLACEHOLDER, None]),
        ("gemini-4-flash", steps("openai", None), [PLACEHOLDER, None]),
        ("gemini-flash-latest", steps("openai", None), [PLACEHOLDER, None]),
        ("gemini-10-flash", steps("openai", None), [PLACEHOLDER, None]),
        ("gemini-pro-latest", steps("openai", None), [None, None]),
        (FLASH, steps("openai", None), [None, None]),
        ("gemini-2.0-flash", steps("openai", "another's"), [None, None]),
    ],
)
def test_only_calls_that_another_model_made_get_the_placeholder(
    model: str, chat: ChatRequest, expected: list[str | None]
) -> None:
    assert signatures(chat, model) == expected
    told = [note for note in built(provider, chat, model).notes if "placeholder" in note]
    assert bool(told) == (PLACEHOLDER in expected)


@pytest.mark.parametrize(
    ("model", "chat", "expected"),
    [
        (THIRD, steps("anthropic", None, None), [PLACEHOLDER, None, PLACEHOLDER, None]),
        ("google/gemini-3.5-flash", steps(None, None), [PLACEHOLDER, None]),
        (THIRD, steps("openai", "own", None), ["own", None, None, None]),
        (FLASH, steps("anthropic", None), [None, None]),
        ("gpt-5", steps("anthropic", None), [None, None]),
    ],
)
def test_googles_compatible_endpoint_gets_the_placeholder_too(
    model: str, chat: ChatRequest, expected: list[str | None]
) -> None:
    wire = built(registry.get("openai"), chat, model)
    calls = [call for turn in json.loads(wire.body)["messages"] for call in turn.get("tool_calls", ())]
    told = [call.get("extra_content", {}).get("google", {}).get("thought_signature") for call in calls]
    assert told == expected
    assert any("placeholder" in note for note in wire.notes) == (PLACEHOLDER in expected)


def test_what_a_user_shows() -> None:
    shown = (
        FilePart(PDF),
        FilePart("https://x/a.pdf"),
        FilePart(id="https://g/files/1"),
        AudioPart("data:audio/wav;base64,AA=="),
    )
    taken = body(provider, ChatRequest(messages=(Message("user", shown),)), FLASH)
    assert taken["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x/a.pdf"}},
        {"fileData": {"fileUri": "https://g/files/1"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}},
    ]  # fmt: skip


@pytest.mark.parametrize("part", [ImagePart(f"data:image/png;base64,{PIXEL}"), FilePart(PDF)])
def test_what_a_tool_shows_the_third_generation_sees(part: ImagePart | FilePart) -> None:
    made = ToolCall(made_call_id(), "f", "{}")
    turns = (Message("assistant", (made,)), Message("tool", (TextPart("See"), part), tool_call_id=made.id))
    chat = ChatRequest(messages=turns)
    data = part.data
    assert data is not None
    assert body(provider, chat, THIRD)["contents"][1]["parts"][0]["functionResponse"] == {
        "name": "f", "response": {"output": "See"}, "parts": [{"inlineData": {"mimeType": data[0], "data": data[1]}}],
    }  # fmt: skip
    with pytest.raises(Unsupported, match="outside user turns"):
        built(provider, chat, FLASH)


@pytest.mark.parametrize(
    ("what", "turn"),
    [
        ("images outside user turns", Message("assistant", (ImagePart("https://x/y.png"),), origin="openai")),
        ("files outside user turns", Message("assistant", (FilePart(PDF),))),
        ("audio by its id", Message("assistant", (AudioPart(id="a"),), origin="gemini")),
        ("a file at a URL that does not tell its type", Message("user", (FilePart("https://x/y"),))),
    ],
)
def test_a_part_that_cannot_be_said_is_refused(what: str, turn: Message) -> None:
    with pytest.raises(Unsupported, match=f"^{what}$"):
        built(provider, ChatRequest(messages=(turn,)), THIRD)


LOOK, SEARCH = Tool("look"), NativeTool("gemini", {"googleSearch": {}})


def asked(model: str = FLASH, **options: Any) -> Any:
    options_of_target = options.pop("target", {})
    chat = ChatRequest(messages=(Message("user", "Hi"),), **options)
    return body(provider, chat, model, options=options_of_target)


@pytest.mark.parametrize(("required", "mode"), [(False, "VALIDATED"), (True, "ANY")])
def test_some_of_the_tools_are_allowed(required: bool, mode: str) -> None:
    config = asked(tools=(LOOK, Tool("hear")), tool_choice=AllowedTools(("look",), required))["toolConfig"]
    assert config == {"functionCallingConfig": {"mode": mode, "allowedFunctionNames": ["look"]}}


def test_tools_that_google_runs() -> None:
    assert asked(native_tools=(SEARCH,))["tools"] == [{"googleSearch": {}}]
    both = asked(THIRD, tools=(LOOK,), native_tools=(SEARCH,))
    assert [*map(list, both["tools"])] == [["functionDeclarations"], ["googleSearch"]]
    assert both["toolConfig"] == {"includeServerSideToolInvocations": True}
    with pytest.raises(Unsupported, match=r"^native tools beside functions$"):
        asked(tools=(LOOK,), native_tools=(SEARCH,))


def test_options_of_the_answer() -> None:
    config = asked(top_k=3, logprobs=True, top_logprobs=2, reasoning_budget_tokens=2000)["generationConfig"]
    thinking = {"includeThoughts": True, "thinkingBudget": 2000}
    assert config == {"topK": 3, "responseLogprobs": True, "logprobs": 2, "thinkingConfig": thinking}
    assert asked(service_tier="flex")["serviceTier"] == "flex"


def test_marks_are_labels_on_vertex_only() -> None:
    marks = {"team": "a"}
    assert asked(metadata=marks, target={"vertex": {"project": "p-1"}})["labels"] == marks
    assert "labels" not in asked(metadata=marks)
