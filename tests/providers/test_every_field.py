"""Every field of the neutral form, in every dialect: it is sent, refused before anything is sent, or told in a note.

There is no fourth outcome. A field counts as sent when the body differs from that of the same request without it.
"""

from typing import Any, get_args

import msgspec
import pytest
from standby.providers import registry
from standby.providers.asked import FEATURES
from standby.providers.messages import (
    AllowedTools,
    AudioPart,
    ChatRequest,
    FilePart,
    ImagePart,
    JsonSchema,
    Message,
    NativePart,
    NativeTool,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from standby.providers.parts import Citation
from standby.providers.provider import Endpoint, Provider, Unsupported
from standby.providers.secret import Secret

from components import need

LOOK = Tool("look", "Look.", {"type": "object", "properties": {"at": {"type": "string"}}})
PLAIN = ChatRequest(messages=(Message("user", "Hello"),))
WITH_TOOLS = msgspec.structs.replace(PLAIN, tools=(LOOK, msgspec.structs.replace(LOOK, name="listen")))
PDF = "data:application/pdf;base64,JVBERi0="
PNG = "data:image/png;base64,iVBORw0KGgo="


def with_part(part: Part, role: Any = "user", chat: ChatRequest = PLAIN, **turn: Any) -> ChatRequest:
    """A conversation in which a turn has one more part."""
    return msgspec.structs.replace(chat, messages=(*chat.messages, Message(role, (TextPart("I see."), part), **turn)))


def answered(*parts: Part, name: str = "", **turn: Any) -> ChatRequest:
    """A conversation that goes on behind an answer of these parts, made by the target that is asked."""
    turns = (Message("assistant", parts, origin=name or None, **turn), Message("user", "Go on."))
    return msgspec.structs.replace(PLAIN, messages=(*PLAIN.messages, *turns))


def called(call: ToolCall, result: Part | str = "21", *, failed: bool = False, name: str = "") -> ChatRequest:
    """A conversation with a call, and its result."""
    content = (TextPart(result),) if isinstance(result, str) else (result,)
    turns = (
        Message("assistant", (call,), origin=name or None),
        Message("tool", content, tool_call_id=call.id, is_error=failed),
    )
    return msgspec.structs.replace(WITH_TOOLS, messages=(*PLAIN.messages, *turns))


SEARCH = NativePart("server_tool_use", '{"type":"server_tool_use"}', "web_search")
CALL = ToolCall("call_A1bcdefg", "look", "{}")

OPTIONS: dict[str, Any] = {
    "temperature": 0.5, "top_p": 0.5, "max_tokens": 7, "stop": ("X",), "seed": 3, "frequency_penalty": 0.5,
    "presence_penalty": 0.5, "reasoning_effort": "high", "response_format": JsonSchema({"type": "object"}),
    "prefill": "One", "reasoning_budget_tokens": 2048, "verbosity": "low", "top_k": 5, "min_p": 0.1, "logprobs": True,
    "top_logprobs": 2, "logit_bias": {"50": -1}, "user": "u-1", "safety_identifier": "s-1",
    "metadata": {"team": "a"}, "service_tier": "flex", "system": "Be terse.", "extra": {"odd": 1},
}  # fmt: skip
"""Options of a request that stand for themselves."""
NOT_ASKED_ALONE = {"messages", "tools", "tool_choice", "parallel_tool_calls", "native_tools", "n"}
"""Fields with cases of their own below; `n` may be 1 only, which is what every dialect does."""

PAIRS: dict[str, tuple[Any, Any]] = {
    **{name: (lambda n, name=name, value=value: msgspec.structs.replace(PLAIN, **{name: value}), lambda n: PLAIN)
       for name, value in OPTIONS.items()},
    "tools": (lambda n: WITH_TOOLS, lambda n: PLAIN),
    "a strict tool": (
        lambda n: msgspec.structs.replace(PLAIN, tools=(msgspec.structs.replace(LOOK, strict=True),)),
        lambda n: msgspec.structs.replace(PLAIN, tools=(LOOK,)),
    ),
    "a custom tool": (
        lambda n: msgspec.structs.replace(PLAIN, tools=(Tool("run", "Run.", custom=True),)), lambda n: PLAIN
    ),
    "a marked tool": (
        lambda n: msgspec.structs.replace(PLAIN, tools=(msgspec.structs.replace(LOOK, cache="1h"),)),
        lambda n: msgspec.structs.replace(PLAIN, tools=(LOOK,)),
    ),
    "native_tools": (
        lambda n: msgspec.structs.replace(PLAIN, native_tools=(NativeTool(n, {"type": "web_search"}),)), lambda n: PLAIN
    ),
    "parallel_tool_calls": (
        lambda n: msgspec.structs.replace(WITH_TOOLS, parallel_tool_calls=False), lambda n: WITH_TOOLS
    ),
    **{f"tool_choice {choice}": (
        lambda n, choice=choice: msgspec.structs.replace(WITH_TOOLS, tool_choice=choice), lambda n: WITH_TOOLS
    ) for choice in ("none", "required", "look")},
    "allowed tools": (
        lambda n: msgspec.structs.replace(WITH_TOOLS, tool_choice=AllowedTools(("look",))), lambda n: WITH_TOOLS
    ),
    "an image": (lambda n: with_part(ImagePart(PNG)), lambda n: with_part(TextPart(""))),
    "an image at a URL": (lambda n: with_part(ImagePart("https://host/a.png")), lambda n: with_part(TextPart(""))),
    "an image's detail": (lambda n: with_part(ImagePart(PNG, "high")), lambda n: with_part(ImagePart(PNG))),
    "an image's original": (lambda n: with_part(ImagePart(PNG, "original")), lambda n: with_part(ImagePart(PNG))),
    "an image of the assistant's": (
        lambda n: answered(TextPart("a"), ImagePart(PNG), name=n), lambda n: answered(TextPart("a"), name=n)
    ),
    "an image of a tool's": (lambda n: called(CALL, ImagePart(PNG)), lambda n: called(CALL, "")),
    "a file": (lambda n: with_part(FilePart(PDF, "a.pdf")), lambda n: with_part(TextPart(""))),
    "a file at a URL": (lambda n: with_part(FilePart("https://host/a.pdf")), lambda n: with_part(TextPart(""))),
    "a file by its id": (lambda n: with_part(FilePart(id="file-1")), lambda n: with_part(TextPart(""))),
    "a file of a tool's": (lambda n: called(CALL, FilePart(PDF, "a.pdf")), lambda n: called(CALL, "")),
    "audio": (lambda n: with_part(AudioPart("data:audio/wav;base64,UklGRg==")), lambda n: with_part(TextPart(""))),
    "audio of the assistant's": (
        lambda n: answered(TextPart("a"), AudioPart(id="audio_1"), name=n), lambda n: answered(TextPart("a"), name=n)
    ),
    "two texts": (lambda n: with_part(TextPart("b")), lambda n: with_part(TextPart(""))),
    "a marked text": (lambda n: with_part(TextPart("b", cache="1h")), lambda n: with_part(TextPart("b"))),
    "a name": (
        lambda n: msgspec.structs.replace(PLAIN, messages=(Message("user", "Hello", name="Ann"),)), lambda n: PLAIN
    ),
    "a late system text": (
        lambda n: msgspec.structs.replace(PLAIN, messages=(*PLAIN.messages, Message("system", "Be terse."))),
        lambda n: PLAIN,
    ),
    "only a system text": (
        lambda n: ChatRequest(messages=(Message("system", "Be terse."),)), lambda n: PLAIN
    ),
    "a refusal": (lambda n: answered(RefusalPart("No.")), lambda n: answered()),
    "a phase": (
        lambda n: answered(TextPart("a", phase="commentary"), name=n), lambda n: answered(TextPart("a"), name=n)
    ),
    "thinking of its own": (
        lambda n: answered(Reasoning("Hm.", "c2ln"), TextPart("a"), name=n), lambda n: answered(TextPart("a"), name=n)
    ),
    "thinking that is text alone": (
        lambda n: answered(Reasoning("Hm."), TextPart("a")), lambda n: answered(TextPart("a"))
    ),
    "its own thinking that is text alone": (
        lambda n: answered(Reasoning("Hm."), TextPart("a"), name=n), lambda n: answered(TextPart("a"), name=n)
    ),
    "sealed thinking of its own": (
        lambda n: answered(Reasoning("", None, "c2ln"), TextPart("a"), name=n),
        lambda n: answered(TextPart("a"), name=n),
    ),
    "details of its own thinking": (
        lambda n: answered(Reasoning("", details='[{"data":"x"}]'), TextPart("a"), name=n),
        lambda n: answered(TextPart("a"), name=n),
    ),
    "state of another's thinking": (
        lambda n: answered(Reasoning("", "c2ln"), TextPart("a"), name="another"), lambda n: answered(TextPart("a"))
    ),
    "state of another's call": (
        lambda n: called(msgspec.structs.replace(CALL, signature="c2ln"), name="another"), lambda n: called(CALL)
    ),
    "state of its own call": (
        lambda n: called(msgspec.structs.replace(CALL, signature="c2ln"), name=n), lambda n: called(CALL, name=n)
    ),
    "a call, and its result": (lambda n: called(CALL), lambda n: WITH_TOOLS),
    "a custom call": (
        lambda n: called(msgspec.structs.replace(CALL, custom=True, arguments="1+1")), lambda n: WITH_TOOLS
    ),
    "a result that tells of a failure": (lambda n: called(CALL, failed=True), lambda n: called(CALL)),
    "a citation": (
        lambda n: answered(TextPart("a"), Citation("https://a", details='{"type":"x"}'), name=n),
        lambda n: answered(TextPart("a"), name=n),
    ),
    "a block of the provider's own": (
        lambda n: answered(SEARCH, TextPart("a"), name=n),
        lambda n: answered(TextPart("a"), name=n),
    ),
}  # fmt: skip
"""A field, and the two requests that differ in it alone, of a provider's name."""


def built(provider: Provider, chat: ChatRequest, stream: bool = True) -> tuple[bytes, tuple[str, ...]]:
    wire = provider.build_request(
        chat,
        Endpoint(
            base_url="https://host/v1",
            model=provider.info.default_model or "model-1",
            key=Secret("key-12345678"),
            stream=stream,
            options={"region": "eu-central-1"} if provider.name == "bedrock" else {},
        ),
    )
    return wire.body, wire.notes


def test_every_field_of_a_request_has_a_case() -> None:
    assert set(ChatRequest.__struct_fields__) == {*OPTIONS, *NOT_ASKED_ALONE}


def test_every_kind_of_part_has_a_case() -> None:
    asked = [make("openai") for make, _ in PAIRS.values()]
    shown = {type(part) for chat in asked for message in chat.messages for part in message.content}
    assert shown == {*get_args(Part)} - {ToolResult}, "a result is a turn of its own by then"
    unasked = [name for name, feature in FEATURES.items() if not any(map(feature.asked, asked))]
    assert not unasked


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("field", PAIRS)
def test_a_field_is_sent_or_refused_or_noted(field: str, name: str) -> None:
    if name == "bedrock":
        need("botocore")
    provider = registry.get(name)
    asking, without = (make(name) for make in PAIRS[field])
    try:
        body, notes = built(provider, asking)
    except Unsupported:
        return
    plain, plain_notes = built(provider, without)
    sent = body != plain
    noted = [note for note in notes if note not in plain_notes]
    assert sent or noted, "it was dropped without a word"
    if any(": left out, for this API" in note for note in noted):
        assert not sent, "it was sent, though a note tells that it was left out"


ONE_TEXT = {"koala", "ollama"}
"""Their wires have one text for a turn."""


@pytest.mark.parametrize("name", [name for name in registry.names() if name not in ONE_TEXT])
def test_two_texts_of_a_turn_stay_two(name: str) -> None:
    if name == "bedrock":
        need("botocore")
    turn = Message("user", (TextPart("Total: 1"), TextPart("0 apples left")))
    body, _ = built(registry.get(name), ChatRequest(messages=(turn,)))
    assert b"Total: 1" in body
    assert b"0 apples left" in body
    assert b"Total: 10" not in body


def test_a_name_that_is_told_to_be_left_out_is_not_sent() -> None:
    body, notes = built(registry.get("groq"), ChatRequest(messages=(Message("user", "Hello", name="Ann"),)))
    assert b"Ann" not in body
    assert any(note.startswith("names: left out") for note in notes)
