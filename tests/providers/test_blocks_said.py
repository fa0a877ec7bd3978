"""What a neutral request becomes in the content blocks of Anthropic and of Bedrock, part by part."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from standby.providers import registry
from standby.providers.dialects.bedrock import Bedrock
from standby.providers.messages import (
    AllowedTools,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    NativeTool,
    TextPart,
    Tool,
    ToolCall,
)
from standby.providers.parts import Citation, NativePart, Part, Reasoning
from standby.providers.provider import Provider, Unsupported

from components import need
from conversation import body, built

ENVIRONMENT = {"AWS_REGION": "eu-central-1"}
CLAUDE = "claude-haiku-4-5"
ON_BEDROCK = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
PDF = "data:application/pdf;base64,JVBERg=="
NOTES = f"data:text/markdown;base64,{base64.b64encode(b'# Salt').decode()}"
PNG = "data:image/png;base64,iVBORw0KGgo="
LOOK, HEAR = Tool("look"), Tool("hear")
CALL = ToolCall("t1", "look", '{"a":1}')
PLACE = '{"type":"char_location","cited_text":"x"}'
SEARCH = '{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"q":1}}'
GROUNDED = '{"toolUse":{"toolUseId":"g1","name":"nova_grounding","type":"server_tool_use","input":{}}}'
WEB = '{"title":"Y","location":{"web":{"url":"https://x/y"}}}'


def provider(name: str) -> Provider:
    if name != "bedrock":
        return registry.get(name)
    need("botocore")
    return Bedrock(ENVIRONMENT)


def model(name: str) -> str:
    return ON_BEDROCK if name == "bedrock" else CLAUDE


def sent(name: str, chat: ChatRequest, **to: Any) -> Any:
    return body(provider(name), chat, to.pop("model", model(name)), **to)


def notes(name: str, chat: ChatRequest, **to: Any) -> dict[str, str]:
    said = built(provider(name), chat, to.pop("model", model(name)), **to).notes
    return {re.split(r" was |: ", note, maxsplit=1)[0]: note for note in said}


def said(*parts: Part, **fields: Any) -> ChatRequest:
    return ChatRequest(messages=(Message("user", parts),), **fields)


def answered(*parts: Part, by: str, tools: tuple[Tool, ...] = (LOOK,)) -> ChatRequest:
    turns = Message("user", "Hi"), Message("assistant", parts, origin=by), Message("user", "Go on.")
    return ChatRequest(messages=turns, tools=tools)


def content(name: str, chat: ChatRequest, turn: int = 0) -> Any:
    return sent(name, chat)["messages"][turn]["content"]


def ephemeral(**more: str) -> dict[str, Any]:
    return {"cache_control": {"type": "ephemeral", **more}}


USER_PARTS: dict[str, tuple[Part, Any, Any]] = {
    "a PDF": (
        FilePart(PDF, "Salt (1).pdf"),
        [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
          "title": "Salt (1).pdf"}],
        [{"document": {"format": "pdf", "name": "Salt (1)", "source": {"bytes": "JVBERg=="}}}],
    ),
    "a text as a file": (
        FilePart(NOTES),
        [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "# Salt"}}],
        [{"document": {"format": "md", "name": "document", "source": {"bytes": NOTES.partition(",")[2]}}}],
    ),
    "a PDF at a URL": (
        FilePart("https://x/a.pdf"),
        [{"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}}],
        "files by URL",
    ),
    "a PDF in S3": (
        FilePart("s3://b/a.pdf"),
        [{"type": "document", "source": {"type": "url", "url": "s3://b/a.pdf"}}],
        [{"document": {"format": "pdf", "name": "document", "source": {"s3Location": {"uri": "s3://b/a.pdf"}}}}],
    ),
    "an upload": (
        FilePart(id="file_1"),
        [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}],
        "files by id",
    ),
    "a picture as a file": (
        FilePart(PNG),
        [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}],
        [{"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}],
    ),
    "a program's file": (FilePart("data:application/x-elf;base64,AAAA"), "files other than", "files other than"),
    "a text that is none": (
        FilePart("data:text/plain;base64,/w=="),
        "files of text that is not UTF-8",
        [{"document": {"format": "txt", "name": "document", "source": {"bytes": "/w=="}}}],
    ),
    "a marked text": (
        TextPart("Long.", cache="5m"),
        [{"type": "text", "text": "Long.", **ephemeral()}],
        [{"text": "Long."}, {"cachePoint": {"type": "default"}}],
    ),
    "a marked image": (
        ImagePart(PNG, cache="1h"),
        [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
          **ephemeral(ttl="1h")}],
        [{"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
         {"cachePoint": {"type": "default", "ttl": "1h"}}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
@pytest.mark.parametrize("what", USER_PARTS)
def test_a_part_of_a_users_turn(what: str, name: str) -> None:
    part, anthropic, bedrock = USER_PARTS[what]
    wanted = anthropic if name == "anthropic" else bedrock
    chat = said(TextPart("See:"), part)
    if isinstance(wanted, str):
        with pytest.raises(Unsupported, match=f"^{wanted}"):
            sent(name, chat)
    else:
        assert content(name, chat)[1:] == wanted


RESULTS: dict[str, tuple[tuple[Part, ...], Any, Any]] = {
    "two texts stay two": (
        (TextPart("a"), TextPart("b")),
        [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        [{"text": "a"}, {"text": "b"}],
    ),
    "a document and a picture": (
        (FilePart(NOTES), ImagePart(PNG)),
        [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "# Salt"}},
         {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}],
        [{"document": {"format": "md", "name": "document", "source": {"bytes": NOTES.partition(",")[2]}}},
         {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
@pytest.mark.parametrize("what", RESULTS)
def test_what_a_tool_gave(what: str, name: str) -> None:
    parts, anthropic, bedrock = RESULTS[what]
    turns = Message("user", "Hi"), Message("assistant", (CALL,)), Message("tool", parts, tool_call_id="t1")
    block = content(name, ChatRequest(messages=turns, tools=(LOOK,)), 2)[0]
    found = block["content"] if name == "anthropic" else block["toolResult"]["content"]
    assert found == (anthropic if name == "anthropic" else bedrock)


def test_a_mark_within_a_result_stands_on_the_result() -> None:
    parts = TextPart("a", cache="5m"), TextPart("b", cache="1h")
    turns = Message("user", "Hi"), Message("assistant", (CALL,)), Message("tool", parts, tool_call_id="t1")
    chat = ChatRequest(messages=turns, tools=(LOOK,))
    result = content("anthropic", chat, 2)[0]
    assert result["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert all("cache_control" not in block for block in result["content"])
    assert [next(iter(block)) for block in content("bedrock", chat, 2)] == ["toolResult", "cachePoint"]


THOUGHTS = (
    Reasoning("Hm.", "s1"),
    TextPart("I look."),
    CALL,
    Reasoning("Hm again.", "s2"),
    Reasoning("", redacted="bG9jaw=="),
    ToolCall("t2", "look", "{}"),
)
BLOCKS = {
    "anthropic": [
        {"type": "thinking", "thinking": "Hm.", "signature": "s1"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}},
        {"type": "thinking", "thinking": "Hm again.", "signature": "s2"},
        {"type": "redacted_thinking", "data": "bG9jaw=="},
        {"type": "tool_use", "id": "t2", "name": "look", "input": {}},
    ],
    "bedrock": [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s1"}}},
        {"text": "I look."},
        {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"a": 1}}},
        {"reasoningContent": {"reasoningText": {"text": "Hm again.", "signature": "s2"}}},
        {"reasoningContent": {"redactedContent": "bG9jaw=="}},
        {"toolUse": {"toolUseId": "t2", "name": "look", "input": {}}},
    ],
}


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_interleaved_thinking_goes_back_as_it_came(name: str) -> None:
    assert content(name, answered(*THOUGHTS, by=name), 1) == BLOCKS[name]


@pytest.mark.parametrize(("name", "other"), [("anthropic", "bedrock"), ("bedrock", "anthropic")])
def test_another_targets_thinking_stays_away_and_is_noted(name: str, other: str) -> None:
    chat = answered(*THOUGHTS, by=other)
    kept = [block for block in BLOCKS[name] if not {"thinking", "data", "reasoningContent"} & block.keys()]
    assert content(name, chat, 1) == kept
    assert any("3 times" in note for note in notes(name, chat).values())


@pytest.mark.parametrize(("name", "native"), [("anthropic", SEARCH), ("bedrock", GROUNDED)])
def test_a_block_of_the_provider_goes_back_verbatim_at_its_place_to_its_origin_only(name: str, native: str) -> None:
    parts = TextPart("a"), NativePart("server_tool_use", native, "w"), TextPart("b")
    wire = built(provider(name), answered(*parts, by=name), model(name)).body
    assert native.encode() in wire
    assert [set(block) for block in content(name, answered(*parts, by=name), 1)][1] == set(json.loads(native))
    other = answered(*parts, by="gemini")
    assert native.encode() not in built(provider(name), other, model(name)).body
    assert any("opaque state" in note for note in notes(name, other).values())


def test_citations_go_back_in_their_own_text() -> None:
    cited = Citation(text="x", details=PLACE)
    texts = TextPart("It is "), TextPart("white"), cited, cited, TextPart(".")
    assert content("anthropic", answered(*texts, by="anthropic"), 1) == [
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "white", "citations": [json.loads(PLACE)] * 2},
        {"type": "text", "text": "."},
    ]
    there = Citation("https://x/y", details=WEB)
    assert content("bedrock", answered(TextPart("It is "), TextPart("white"), there, by="bedrock"), 1) == [
        {"text": "It is "},
        {"citationsContent": {"content": [{"text": "white"}], "citations": [json.loads(WEB)]}},
    ]


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_citations_of_another_target_are_left_out_with_a_note(name: str) -> None:
    for cited in (Citation("https://x/y"), Citation(details='{"a":1}')):
        chat = answered(TextPart("white"), cited, by="gemini")
        assert content(name, chat, 1) in ("white", [{"text": "white"}])
        assert notes(name, chat)


def test_the_caller_of_a_call_goes_back_with_it() -> None:
    by_code = ToolCall("t1", "look", "{}", '{"caller":{"type":"code_execution_20260120","tool_id":"srv_1"}}')
    block = content("anthropic", answered(by_code, by="anthropic"), 1)[0]
    assert block["caller"] == {"type": "code_execution_20260120", "tool_id": "srv_1"}
    assert "caller" not in content("anthropic", answered(by_code, by="gemini"), 1)[0]


def test_marks_on_tools_and_on_the_system_text() -> None:
    chat = ChatRequest(
        messages=(Message("system", (TextPart("Be terse."), TextPart("Rules.", cache="1h"))), Message("user", "Hi")),
        tools=(LOOK, msgspec.structs.replace(HEAR, cache="5m")),
    )
    there = sent("anthropic", chat)
    assert there["system"] == [
        {"type": "text", "text": "Be terse."},
        {"type": "text", "text": "Rules.", **ephemeral(ttl="1h")},
    ]
    assert [tool.get("cache_control") for tool in there["tools"]] == [None, {"type": "ephemeral"}]
    there = sent("bedrock", chat)
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert there["system"] == [{"text": "Be terse."}, {"text": "Rules."}, point]
    assert [next(iter(tool)) for tool in there["toolConfig"]["tools"]] == ["toolSpec", "toolSpec", "cachePoint"]


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_of_more_than_four_marks_the_last_four_are_sent(name: str) -> None:
    chat = said(*(TextPart(f"{number}", cache="5m") for number in range(6)))
    marked = [block for block in content(name, chat) if "cache_control" in block or "cachePoint" in block]
    assert len(marked) == 4
    last = content(name, chat)[-1]
    assert last == ({"cachePoint": {"type": "default"}} if name == "bedrock" else marked[-1])
    assert "first 2 of them" in notes(name, chat)["cache marks"]


def test_tools_of_the_provider_stand_among_the_tools() -> None:
    search = NativeTool("anthropic", {"type": "web_search_20260209", "name": "web_search"})
    there = sent("anthropic", said(TextPart("Hi"), tools=(LOOK,), native_tools=(search,)))
    assert there["tools"] == [{"name": "look", "input_schema": LOOK.parameters}, search.spec]
    grounding = NativeTool("bedrock", {"systemTool": {"name": "nova_grounding"}})
    there = sent("bedrock", said(TextPart("Hi"), native_tools=(grounding,)))
    assert there["toolConfig"] == {"tools": [grounding.spec]}


@pytest.mark.parametrize("required", [True, False])
def test_of_allowed_tools_the_others_are_not_offered(required: bool) -> None:
    chat = said(TextPart("Hi"), tools=(LOOK, HEAR), tool_choice=AllowedTools(("hear",), required))
    there = sent("anthropic", chat)
    assert [tool["name"] for tool in there["tools"]] == ["hear"]
    assert there["tool_choice"] == {"type": "any" if required else "auto"}
    there = sent("bedrock", chat)["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in there["tools"]] == ["hear"]
    assert there.get("toolChoice") == ({"any": {}} if required else None)
    assert "allowed tools" in notes("anthropic", chat)
    assert "allowed tools" in notes("bedrock", chat)


FIELDS: dict[str, tuple[str, dict[str, Any], Callable[[Any], Any], Any, set[str]]] = {
    "a user": ("anthropic", {"user": "u"}, lambda b: b["metadata"], {"user_id": "u"}, set()),
    "two marks of a user": (
        "anthropic",
        {"user": "u", "safety_identifier": "s"},
        lambda b: b["metadata"],
        {"user_id": "s"},
        {"user"},
    ),
    "a tier": ("anthropic", {"service_tier": "auto"}, lambda b: b["service_tier"], "auto", set()),
    "OpenAI's usual tier": (
        "anthropic",
        {"service_tier": "default"},
        lambda b: b["service_tier"],
        "standard_only",
        set(),
    ),
    "a tier that it has not": (
        "anthropic",
        {"service_tier": "flex"},
        lambda b: b.get("service_tier"),
        None,
        {"service_tier"},
    ),
    "top_k": ("anthropic", {"top_k": 5}, lambda b: b["top_k"], 5, set()),
    "top_k beside thinking": (
        "anthropic",
        {"top_k": 5, "reasoning_effort": "low"},
        lambda b: b.get("top_k"),
        None,
        {"top_k"},
    ),
    "a budget": (
        "anthropic",
        {"reasoning_budget_tokens": 3000, "reasoning_effort": "low"},
        lambda b: b["thinking"],
        {"type": "enabled", "budget_tokens": 3000},
        set(),
    ),
    "a budget below the least": (
        "anthropic",
        {"reasoning_budget_tokens": 7},
        lambda b: b["thinking"]["budget_tokens"],
        1024,
        {"reasoning_budget_tokens"},
    ),
    "no budget": (
        "anthropic",
        {"reasoning_budget_tokens": 0},
        lambda b: b["thinking"],
        {"type": "disabled"},
        set(),
    ),
    "metadata": ("anthropic", {"metadata": {"a": "b"}}, lambda b: b.get("metadata"), None, {"metadata"}),
    "verbosity": ("anthropic", {"verbosity": "low"}, lambda b: b.get("verbosity"), None, {"verbosity"}),
    "marks of the call on Bedrock": (
        "bedrock",
        {"metadata": {"team": "a b"}},
        lambda b: b["requestMetadata"],
        {"team": "a b"},
        set(),
    ),
    "marks that Bedrock refuses": (
        "bedrock",
        {"metadata": {"team": "ä"}},
        lambda b: b.get("requestMetadata"),
        None,
        {"metadata"},
    ),
    "a tier on Bedrock": (
        "bedrock",
        {"service_tier": "flex"},
        lambda b: b["serviceTier"],
        {"type": "flex"},
        set(),
    ),
    "top_k of Claude on Bedrock": (
        "bedrock",
        {"top_k": 5},
        lambda b: b["additionalModelRequestFields"],
        {"top_k": 5},
        set(),
    ),
    "a budget of Claude on Bedrock": (
        "bedrock",
        {"reasoning_budget_tokens": 3000, "temperature": 0.5},
        lambda b: (b["additionalModelRequestFields"], b.get("inferenceConfig")),
        ({"thinking": {"type": "enabled", "budget_tokens": 3000}}, None),
        {"temperature"},
    ),
    "an effort of Claude on Bedrock": (
        "bedrock",
        {"reasoning_effort": "low"},
        lambda b: b["additionalModelRequestFields"],
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        set(),
    ),
    "a user on Bedrock": ("bedrock", {"user": "u"}, lambda b: b.get("requestMetadata"), None, {"user"}),
}


@pytest.mark.parametrize("what", FIELDS)
def test_a_field(what: str) -> None:
    name, fields, found, wanted, noted = FIELDS[what]
    chat = said(TextPart("Hi"), **fields)
    assert found(sent(name, chat)) == wanted
    assert set(notes(name, chat)) == noted


@pytest.mark.parametrize(
    ("on", "fields", "wanted"),
    [
        ("us.amazon.nova-pro-v1:0", {"top_k": 5}, {"additionalModelRequestFields": {"inferenceConfig": {"topK": 5}}}),
        ("us.amazon.nova-pro-v1:0", {"reasoning_effort": "low"}, {"outputConfig": {"effort": "low"}}),
        (
            "eu.anthropic.claude-sonnet-4-6",
            {"reasoning_effort": "low"},
            {
                "additionalModelRequestFields": {"thinking": {"type": "adaptive", "display": "summarized"}},
                "outputConfig": {"effort": "low"},
            },
        ),
        (
            "eu.anthropic.claude-opus-4-5-20251101-v1:0",
            {"reasoning_effort": "low"},
            {"outputConfig": {"effort": "low"}},
        ),
    ],
)
def test_models_of_bedrock_have_their_own_words(on: str, fields: dict[str, Any], wanted: Any) -> None:
    there = sent("bedrock", said(TextPart("Hi"), **fields), model=on)
    assert {
        name: there.get(name) for name in ("additionalModelRequestFields", "outputConfig") if name in there
    } == wanted


def test_a_budget_on_a_model_that_thinks_as_it_sees_fit_is_noted() -> None:
    chat = said(TextPart("Hi"), reasoning_budget_tokens=3000)
    assert sent("anthropic", chat, model="claude-opus-5")["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert set(notes("anthropic", chat, model="claude-opus-5")) == {"reasoning_budget_tokens"}


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_a_file_in_an_assistants_turn_is_refused(name: str) -> None:
    with pytest.raises(Unsupported, match="files in assistant turns"):
        sent(name, answered(FilePart(PDF), by=name))


def test_documents_of_bedrock_have_a_text_beside_them_and_names_of_their_own() -> None:
    with pytest.raises(Unsupported, match="files without a text"):
        sent("bedrock", said(FilePart(PDF)))
    files = FilePart(PDF, "a/b_c  d.e.pdf"), FilePart(PDF, "a b c d.pdf"), FilePart(PDF, "…"), FilePart(PDF, "x" * 300)
    blocks = content("bedrock", said(TextPart("Hi"), *files))[1:]
    assert [block["document"]["name"] for block in blocks] == ["a b c d e", "a b c d", "document", "x" * 192]
    twice = content("bedrock", said(TextPart("Hi"), FilePart(PDF, "a.pdf"), FilePart(PDF, "a.pdf")))[1:]
    assert [block["document"]["name"] for block in twice] == ["a", "a (2)"]
