"""What no dialect can send is refused before a call begins: by its place, never by its content."""

import copy
import dataclasses
import datetime
import enum
import pickle
import traceback
import types
from typing import Any

import msgspec
import pytest
from standby.providers.chat import chat_request
from standby.providers.sendable import DEPTH_MAX, VALUES_MAX, json_problem, text_problem

from canaries import CANARY_PROMPT, canaries_in
from standby import (
    ChatRequest,
    Config,
    ConfigError,
    ImagePart,
    InvalidRequest,
    JsonSchema,
    Message,
    Route,
    Target,
    TextPart,
    Tool,
    ToolCall,
)

HALF = f"{CANARY_PROMPT}\ud83d"
NAN, INFINITE = float("nan"), float("inf")


class Colour(enum.StrEnum):
    RED = "red"


class Markup(str):
    __slots__ = ()


@dataclasses.dataclass
class Holds:
    value: object


def deep(levels: int) -> list[Any]:
    nested: list[Any] = [CANARY_PROMPT]
    for _ in range(levels - 1):
        nested = [nested]
    return nested


def cycle() -> dict[str, Any]:
    holder: dict[str, Any] = {"text": CANARY_PROMPT}
    holder["again"] = [holder, holder]
    return holder


def wide() -> list[Any]:
    """A few lists; written out they would be 10**30 values."""
    lists: list[Any] = [CANARY_PROMPT]
    for _ in range(30):
        lists = [lists] * 10
    return lists


UNSENDABLE: dict[str, object] = {
    "half a character": HALF,
    "half a character as a name": {HALF: 1},
    "NaN": NAN,
    "infinity": -INFINITE,
    "NaN in a dataclass": Holds([NAN]),
    "an object": object(),
    "a class": str,
    "a function": len,
    "a text of another class": Markup(CANARY_PROMPT),
    "bytes": CANARY_PROMPT.encode(),
    "a bytearray in a dataclass": Holds(bytearray(b"x")),
    "bytes as a name": {b"x": 1},
    "a tuple as a name": {(1, 2): 1},
    "NaN as a name": {NAN: 1},
    "a whole number of 5,000 digits": 10**5000,
    "a whole number of 65 bits": 2**64,
    "a complex number": 1j,
    "a view": {}.keys(),
    "100,000 levels": deep(100_000),
    "what holds itself": cycle(),
    "what holds too much": wide(),
}
SENDABLE: tuple[object, ...] = (
    None, True, 0, -(2**63), 2**64 - 1, 1.5, "text", "emoji 🐨", [], {}, (1, (2,)), {1: "a"}, Colour.RED, {"a": [None]},
    datetime.date(2026, 1, 1), Holds({"deep": (1, "x")}), deep(DEPTH_MAX), {"a"},
)  # fmt: skip


@pytest.mark.parametrize("value", UNSENDABLE.values(), ids=UNSENDABLE)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"a": [1, {"b": value}]}], ids=["bare", "inside"])
def test_what_json_cannot_say_is_told_without_its_content(value: object, wrap: Any) -> None:
    problem = json_problem(wrap(value))
    assert problem is not None
    assert not canaries_in(problem)
    assert problem.isascii()


@pytest.mark.parametrize("value", SENDABLE, ids=lambda value: type(value).__name__)
def test_what_the_encoder_writes_is_let_be(value: object) -> None:
    assert json_problem(value) is None
    msgspec.json.encode(value)


def test_many_values_are_no_problem_and_too_many_are() -> None:
    assert json_problem([0] * (VALUES_MAX - 1)) is None
    assert json_problem([0] * (VALUES_MAX + 1)) == "holds more than 1000000 values, or itself"


@pytest.mark.parametrize("text", ["", "plain", "ä", "漢字", "🐨", "\x00", "\ufffd", "e\u0301"])
def test_every_whole_text_can_be_sent(text: str) -> None:
    assert text_problem(text) is None


@pytest.mark.parametrize("text", ["\ud83d", "\ud83d\udc28", "a" * 1000 + "\udcff", "\udcffä"])
def test_no_half_character_can(text: str) -> None:
    assert "half a character" in str(text_problem(text))


CALL = ToolCall("1", "f", "{}")
PARTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "the message": (HALF, {}),
    "messages[1].content": ([{"role": "user", "content": "a"}, {"role": "user", "content": HALF}], {}),
    "messages[0].content ": ([{"role": "system", "content": HALF}, {"role": "user", "content": "a"}], {}),
    "messages[0].content[1]": ([Message("user", (TextPart("a"), TextPart(HALF)))], {}),
    "messages[0].content is not": ([Message("user", (TextPart(CANARY_PROMPT.encode()),))], {}),  # type: ignore[arg-type]
    "messages[0].content[0] is a": ([Message("user", (CANARY_PROMPT,))], {}),  # type: ignore[arg-type]
    "messages[0].content[0]": ([{"role": "user", "content": [{"type": "image_url", "image_url": HALF}]}], {}),
    "messages[1].content[1]": (ChatRequest(messages=(
        Message("user", (TextPart("a"),)), Message("user", (TextPart("a"), ImagePart(HALF))),
    )), {}),
    "messages[0].tool_calls[1].arguments": ([Message("assistant", (), (CALL, ToolCall("1", "f", HALF)))], {}),
    "messages[0].tool_calls[0].id": ([Message("assistant", (), (ToolCall(HALF, "f", "{}"),))], {}),
    "messages[0].tool_call_id": ([{"role": "tool", "tool_call_id": HALF, "content": "x"}], {}),
    "messages[0].role": ([Message(CANARY_PROMPT)], {}),  # type: ignore[arg-type]
    "system": ("a", {"system": HALF}),
    "prefill": (ChatRequest(messages=(Message("user", (TextPart("a"),)),), prefill=HALF), {}),
    "stop[1]": ("a", {"stop": ["x", HALF]}),
    "tool_choice": ("a", {"tool_choice": HALF}),
    "temperature": (ChatRequest(messages=(Message("user", (TextPart("a"),)),), temperature=NAN), {}),
    "top_p": ("a", {"top_p": 10**400}),
    "max_tokens": ("a", {"max_tokens": 10**5000}),
    "seed": ("a", {"seed": 2**70}),
    "tools[1].name": ("a", {"tools": [Tool("f"), Tool(HALF)]}),
    "tools[0].description": (
        "a", {"tools": [{"type": "function", "function": {"name": "f", "description": object()}}]}
    ),
    "tools[0].parameters": ("a", {"tools": [{"type": "function", "function": {"name": "f", "parameters": cycle()}}]}),
    "tools[0].function.parameters": ("a", {"tools": [{"function": {"name": "f", "parameters": CANARY_PROMPT}}]}),
    "tools[0].strict": ("a", {"tools": [Tool("f", strict=CANARY_PROMPT)]}),  # type: ignore[arg-type]
    "response_format.schema": ("a", {"response_format": JsonSchema({"enum": [NAN]})}),
    "response_format.name": ("a", {"response_format": JsonSchema({}, HALF)}),
    "extra": ("a", {"extra": {CANARY_PROMPT: object()}}),
    "extra ": (ChatRequest(messages=(Message("user", (TextPart("a"),)),), extra={"a": deep(100_000)}), {}),
}  # fmt: skip


@pytest.mark.parametrize("where", PARTS)
def test_the_place_is_named_and_the_content_is_not(where: str) -> None:
    messages, options = PARTS[where]
    with pytest.raises(InvalidRequest) as caught:
        chat_request(messages, **options)
    refused = caught.value
    assert str(refused).startswith(where)
    for twin in (refused, copy.copy(refused), pickle.loads(pickle.dumps(refused))):
        shown = f"{twin!s} {twin!r} {twin.args!r} {''.join(traceback.format_exception(twin))}"
        assert not canaries_in(shown)
        assert str(twin) == str(refused)
    assert not canaries_in(pickle.dumps(refused).decode("latin-1"))
    assert refused.__cause__ is None
    assert refused.__context__ is None, "what the encoder said would hold the text"


@pytest.mark.parametrize("value", UNSENDABLE.values(), ids=UNSENDABLE)
@pytest.mark.parametrize("field", ["extra", "tools", "response_format"])
def test_everything_is_found_wherever_anything_goes(value: object, field: str) -> None:
    options: dict[str, Any] = {
        "extra": {"extra": {"field": value}},
        "tools": {"tools": [Tool("f", "", {"type": "object", "properties": {"a": {"default": value}}})]},
        "response_format": {"response_format": JsonSchema({"default": value})},
    }[field]
    for messages in ("Hi", [{"role": "user", "content": "Hi"}], chat_request("Hi")):
        with pytest.raises(InvalidRequest, match=field) as caught:
            chat_request(messages, **options)
        assert not canaries_in(str(caught.value))
    by_hand = ChatRequest(messages=chat_request("Hi").messages, **_as_made(options))
    with pytest.raises(InvalidRequest, match=field):
        chat_request(by_hand)


def _as_made(options: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}


@pytest.mark.parametrize(
    "about",
    [
        {"body": {"field": NAN}},
        {"body": {"field": [HALF]}},
        {"body": {"field": CANARY_PROMPT.encode()}},
        {"body": types.MappingProxyType({"field": object()})},
        {"parameters": {"temperature": NAN}},
        {"parameters": {"stop": [HALF]}},
        {"parameters": {"extra": {"field": cycle()}}},
        {"parameters": {"tools": [{"function": {"name": "f", "parameters": {"a": object()}}}]}},
        {"headers": {"x-header": HALF}},
        {"model": HALF},
        {"first_delta_s": 10**5000},
    ],
    ids=lambda about: str(next(iter(about))),
)
def test_a_target_that_would_send_such_a_thing_cannot_be_made(about: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"Target\.{next(iter(about))}") as caught:
        Target("openai", **{"model": "m"} | about)
    assert not canaries_in(str(caught.value))


def test_nor_can_a_route() -> None:
    with pytest.raises(ConfigError, match=r"Route\.parameters"):
        Config(routes={"r": Route(("koala",), parameters={"system": HALF})})
