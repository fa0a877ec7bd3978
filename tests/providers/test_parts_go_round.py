"""Any turn in parts: said by a provider it is heard whole, cut anywhere; said to it again it stands in the same order.

Drawn by Hypothesis: texts, thoughts with and without their state, calls, refusals, in any order. The simulator says
them in each dialect, our decoder hears them, and our request says back what was heard.
"""

import json
from collections import Counter
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message, TextPart, Tool, ToolCall
from standby.providers.origin import Origin
from standby.providers.parts import Part, Reasoning, RefusalPart
from standby.simulator.scenario.reply import Answer

from components import need
from conversation import endpoint
from saying import Form, heard

ORDERED = ("anthropic", "bedrock", "gemini", "openai-responses")
"""Dialects in which a turn is a list of parts."""
SIGNED = {"anthropic": "always", "bedrock": "always", "gemini": "sometimes", "openai-responses": "as an item"}
"""Whether a thought has a state of its own there."""
SAYS_REFUSALS = frozenset({"openai", "azure-openai", "openai-responses"})
DIALECTS = (*ORDERED, "openai", "azure-openai", "mistral", "cohere", "ollama", "koala")
MODELS = {"anthropic": "claude-haiku-4-5", "bedrock": "anthropic.claude-haiku-4-5-20251001-v1:0"}

words = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>"), min_size=1, max_size=9)
arguments = st.dictionaries(st.sampled_from("abc"), words | st.integers(-9, 9), max_size=2).map(json.dumps)


@pytest.fixture(autouse=True, scope="module")
def _with_botocore() -> None:
    need("botocore")


@st.composite
def turns(draw: st.DrawFn, dialect: str) -> tuple[Part, ...]:
    """The parts of an answer that this dialect has words for, each with a mark by which it is found again."""
    kinds = ["text", "thought", "call", *(["refusal"] if dialect in SAYS_REFUSALS else [])]
    if dialect == "koala":
        kinds = ["text"]
    return tuple(
        _part(draw, dialect, kind, place)
        for place, kind in enumerate(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=6)))
    )


def _part(draw: st.DrawFn, dialect: str, kind: str, place: int) -> Part:
    said = f"m{place}m{draw(words)}x"
    match kind:
        case "text":
            return TextPart(said)
        case "refusal":
            return RefusalPart(said)
        case "call":
            return ToolCall(f"call0000{place}"[-9:], f"f{place}", draw(arguments))
        case _:
            signature, redacted = _state(draw, dialect, place)
            return Reasoning(said, signature, redacted)


def _state(draw: st.DrawFn, dialect: str, place: int) -> tuple[str | None, str | None]:
    match SIGNED.get(dialect):
        case "always":
            return f"sig{place}", None
        case "sometimes":
            return (f"sig{place}" if draw(st.booleans()) else None), None
        case "as an item":
            return f"rs_{place}", f"locked{place}"
        case _:
            return None, None


def told(parts: tuple[Any, ...]) -> dict[str, Any]:
    """All that parts tell, however they are cut: nothing of it may be lost or doubled."""
    return {
        "text": "".join(part.text for part in parts if isinstance(part, TextPart)),
        "thoughts": "".join(part.text for part in parts if isinstance(part, Reasoning)),
        "refusal": "".join(part.text for part in parts if isinstance(part, RefusalPart)),
        "calls": [(p.id, p.name, json.loads(p.arguments)) for p in parts if isinstance(p, ToolCall)],
        "state": Counter(
            state for p in parts if isinstance(p, Reasoning) for state in (p.signature, p.redacted) if state
        ),
    }


def order(parts: tuple[Any, ...]) -> list[str]:
    """The kinds of parts, with neighbours of one kind as one."""
    kinds = [type(part).__name__ for part in parts]
    return [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]


@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data(), size=st.integers(1, 80))
@settings(max_examples=20, deadline=None)
def test_an_answer_in_parts_is_heard_whole_however_it_is_cut(
    dialect: str, form: Form, data: st.DataObject, size: int
) -> None:
    said = data.draw(turns(dialect))
    whole = heard(dialect, Answer(parts=said), form).parts
    assert told(whole) == told(said)
    assert heard(dialect, Answer(parts=said), form, pieces_of=size).parts == whole
    if dialect in ORDERED:
        assert order(whole) == order(said)
    if whole:
        assert heard(dialect, Answer(parts=whole), form).parts == whole, "what was heard is heard again"


def asked(dialect: str, parts: tuple[Part, ...]) -> tuple[str, list[Any]]:
    """The request in which a turn goes back to where it came from; as text, and its turns."""
    provider = registry.get(dialect)
    options = {"region": "eu-central-1"} if dialect == "bedrock" else {}
    to = endpoint(provider, MODELS.get(dialect, "m"), options=options)
    origin = Origin(dialect, to.base_url, to.model)
    results = [
        Message("tool", (TextPart(f"r{part.id}r"),), tool_call_id=part.id)
        for part in parts
        if isinstance(part, ToolCall)
    ]
    messages = (
        Message("user", (TextPart("Begin."),)),
        Message("assistant", parts, origin=origin),
        *(results or [Message("user", (TextPart("Go on."),))]),
    )
    tools = tuple(Tool(part.name) for part in parts if isinstance(part, ToolCall))
    chat = ChatRequest(messages=messages, tools=tools)
    body = provider.build_request(chat, to).body
    assert provider.build_request(chat, to).body == body, "the same request, the same bytes"
    wire = json.loads(body)
    found = next(wire[name] for name in ("messages", "contents", "input") if name in wire)
    return body.decode(), found if isinstance(found, list) else [found]


def marks(parts: tuple[Part, ...]) -> list[str]:
    """A text of each part by which it is found in a request."""
    return [f'"{part.id}"' if isinstance(part, ToolCall) else str(getattr(part, "text", ""))[:3] for part in parts]


@pytest.mark.parametrize("dialect", [dialect for dialect in DIALECTS if dialect != "koala"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_turn_goes_back_with_every_part_once(dialect: str, data: st.DataObject) -> None:
    """Thoughts only where the dialect takes them back."""
    said = data.draw(turns(dialect))
    _, wire = asked(dialect, said)
    turn = json.dumps(wire, ensure_ascii=False)
    takes_thoughts = dialect in (*ORDERED, "mistral", "cohere", "ollama")
    for part, mark in zip(said, marks(said), strict=True):
        if isinstance(part, ToolCall):
            assert f'"{part.name}"' in turn
        elif not isinstance(part, Reasoning) or (takes_thoughts and (part.signature or dialect not in ORDERED)):
            assert turn.count(mark) == 1, mark


@pytest.mark.parametrize("dialect", ORDERED)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_where_a_turn_is_a_list_its_parts_stand_in_their_order(dialect: str, data: st.DataObject) -> None:
    said = data.draw(turns(dialect))
    _, wire = asked(dialect, said)
    turn = json.dumps(wire, ensure_ascii=False)
    sent = [
        turn.index(f'"{part.name}"' if isinstance(part, ToolCall) else mark)
        for part, mark in zip(said, marks(said), strict=True)
        if not isinstance(part, Reasoning) or part.signature
    ]
    assert sent == sorted(sent)
