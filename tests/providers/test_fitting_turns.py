"""Turns and ids made fit for their target: merged, parted, moved, and named as its server takes them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.chat import (
    ChatRequest,
    Message,
    TextPart,
    ToolCall,
    chat_request,
)
from standby.providers.fitting.call_ids import id_form, sent_ids
from standby.providers.provider import Unsupported, WireRequest

from components import need
from conversation import TOOL, built

REGION = {"region": "eu-central-1"}
LONG = "call_" + "a" * 60
CLAUDE = "anthropic.claude-opus-4-6-v1:0"


@pytest.fixture(autouse=True, scope="module")
def _with_botocore() -> None:
    need("botocore")


def fit(where: str, chat: ChatRequest, **to: Any) -> WireRequest:
    """The request at `provider/model`."""
    name, _, model = where.partition("/")
    return built(registry.get(name), chat, model or "m", options=REGION if name == "bedrock" else {}, **to)


# Turns: E14 and E15.
def roles(where: str, chat: ChatRequest, **to: Any) -> list[tuple[str, Any]]:
    body = json.loads(fit(where, chat, **to).body)
    return [(turn["role"], turn.get("content")) for turn in body["messages"]]


def said(*turns: tuple[str, str]) -> ChatRequest:
    return chat_request([{"role": role, "content": text} for role, text in turns])


def test_turns_that_must_alternate_are_merged() -> None:
    chat = said(("system", "s"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"), ("user", "e"))
    merged = [("system", "s"), ("user", "a\n\nb"), ("assistant", "c\n\nd"), ("user", "e")]
    assert roles("perplexity/sonar", chat) == merged
    assert roles("openai/m", chat, quirks={"alternate": True}) == merged
    assert roles("mistral/m", chat, quirks={"alternate": True}) == merged
    assert len(roles("perplexity/sonar", chat, fit="off")) == 6
    assert fit("perplexity/sonar", chat).notes == ("turns of one side in a row were merged: turns must alternate here",)
    with pytest.raises(Unsupported, match="turns of one side in a row"):
        fit("perplexity/sonar", chat, fit="strict")


def test_parts_of_merged_turns_stay_parts() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x/a.png"}}
    chat = chat_request([{"role": "user", "content": "a"}, {"role": "user", "content": [image]}])
    [(role, content)] = roles("openai/m", chat, quirks={"alternate": True})
    assert (role, [part["type"] for part in content]) == ("user", ["text", "image_url"])


def called(call_id: str, *then: Message) -> ChatRequest:
    turns = (
        Message("user", (TextPart("q"),)),
        Message("assistant", (), (ToolCall(call_id, TOOL.name, "{}"),)),
        Message("tool", (TextPart("r"),), tool_call_id=call_id),
        *then,
    )
    return ChatRequest(messages=turns, tools=(TOOL,))


def test_a_users_turn_does_not_follow_a_tools_result_where_the_two_may_not_meet() -> None:
    chat = called("abcdefghi", Message("user", (TextPart("and?"),)))
    for where, to in (("mistral/mistral-small-latest", {}), ("vllm/devstral", {"quirks": {"user_after_tool": False}})):
        turns = roles(where, chat, **to)
        assert [role for role, _ in turns] == ["user", "assistant", "tool", "assistant", "user"]
        assert turns[3][1] == " "
    assert [role for role, _ in roles("openai/m", chat)] == ["user", "assistant", "tool", "user"]
    assert not fit("mistral/mistral-small-latest", called("abcdefghi")).notes


@pytest.mark.parametrize(
    ("turns", "sent"),
    [
        ("user assistant tool system user", "system user assistant tool assistant user"),
        ("system user assistant system user", "system user assistant user"),
        ("user system assistant user", "user system assistant user"),
        ("system system user assistant", "system system user assistant"),
    ],
)
def test_a_system_text_behind_the_assistants_side_is_moved_where_it_may_not_stand_there(turns: str, sent: str) -> None:
    call = ToolCall("abcdefghi", TOOL.name, "{}")
    said = tuple(
        Message(role, (call,) if role == "assistant" and "tool" in turns else (TextPart(f"{role} {place}"),),
                tool_call_id=call.id if role == "tool" else None)
        for place, role in enumerate(turns.split())
    )  # type: ignore[arg-type]  # fmt: skip
    chat = ChatRequest(messages=said, tools=(TOOL,))
    for where, to in (("mistral/m", {}), ("vllm/devstral", {"quirks": {"user_after_tool": False}})):
        got = roles(where, chat, **to)
        assert " ".join(role for role, _ in got) == sent
        told = [text for _, content in got for text in str(content).split("\n\n") if text.startswith("system")]
        assert told == [f"system {place}" for place, role in enumerate(turns.split()) if role == "system"]


# Ids: E16.
@pytest.mark.parametrize(
    ("where", "most", "letters"),
    [("openai/gpt-4o", 40, ""), ("azure-openai/d", 40, ""), ("openai-responses/gpt-5.2", 64, ""),
     (f"bedrock/{CLAUDE}", 64, "_.:-"), ("anthropic/claude-opus-4-6", 10**6, "_-"), ("mistral/m", 9, "")],
)  # fmt: skip
@pytest.mark.parametrize(
    "call_id", [LONG, "call_65OReGAIB0M4612fiyF6YMbI|fc_" + "0" * 57, "functions.get_weather:0", "é", "", "a" * 300]
)
def test_an_id_is_sent_as_the_server_takes_it_and_call_and_result_stay_together(
    where: str, most: int, letters: str, call_id: str
) -> None:
    wire = fit(where, called(call_id)).body.decode()
    body = json.loads(wire)
    found = [
        value for name, value in fields(body) if name in ("id", "tool_call_id", "tool_use_id", "toolUseId", "call_id")
    ]
    assert len(found) == 2
    assert found[0] == found[1]
    assert 0 < len(found[0]) <= most
    if where.split("/")[0] in ("bedrock", "anthropic", "mistral"):
        assert all(letter.isascii() and (letter.isalnum() or letter in letters) for letter in found[0])
    assert fit(where, called(call_id)).body == fit(where, called(call_id)).body


def fields(node: Any) -> list[tuple[str, Any]]:
    pairs = list(node.items()) if isinstance(node, dict) else []
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return pairs + [pair for part in parts for pair in fields(part)]


def test_an_id_that_fits_is_left_alone() -> None:
    assert fit("openai/gpt-4o", called("toolu_01A")).notes == ()
    assert b'"toolu_01A"' in fit("anthropic/claude-opus-4-6", called("toolu_01A")).body
    noted = fit("mistral/m", called("toolu_01A")).notes
    assert noted == ("ids of tool calls were said otherwise: those that are taken here are [a-zA-Z0-9]{9}",)
    with pytest.raises(Unsupported, match="the ids of its tool calls"):
        fit("mistral/m", called("toolu_01A"), fit="strict")


@given(st.lists(st.text(max_size=12), unique=True, max_size=40), st.sampled_from(["[ab]{7}", "[0-9]{2,4}", "[a-z_]+"]))
def test_two_ids_are_never_sent_as_one(ids: list[str], form: str) -> None:
    sent = sent_ids(ids, form)
    whole = [sent.get(each, each) for each in ids]
    assert len(set(whole)) == len(ids)
    assert all(id_form(form).pattern.fullmatch(each) for each in whole)
    back = {theirs: ours for ours, theirs in sent.items()}
    assert [back.get(each, each) for each in whole] == ids


def test_an_id_stays_the_same_as_the_conversation_grows() -> None:
    first = sent_ids(["x|1"], "[a-z]{9}")
    assert sent_ids(["x|1", "y|2", "z|3"], "[a-z]{9}").items() >= first.items()


def test_where_ids_collide_the_next_hash_is_taken() -> None:
    ids = [f"{number}!" for number in range(4)]
    sent = sent_ids(ids, "[ab]{2}")
    assert sorted(sent.values()) == ["aa", "ab", "ba", "bb"]


def test_reasoning_goes_back_with_every_call_where_the_server_wants_it() -> None:
    """E2 and E3: DeepSeek and Kimi refuse a turn with calls that comes without, also where another target made it."""
    for where in ("deepseek/deepseek-v4-pro", "moonshot/kimi-k2.6", "openai/kimi-k2-thinking", "openai/deepseek-chat"):
        turns = json.loads(fit(where, called("c1")).body)["messages"]
        assert turns[1]["reasoning_content"] == ""
    assert "reasoning_content" not in json.loads(fit("zai/glm-5", called("c1")).body)["messages"][1]
