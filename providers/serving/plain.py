"""What nearly every request is: a few plain texts and the commonest options, read by the strictest types there are.

Whatever does not fit them is read with care, and by the same rules: these types leave out what needs a second look, so
both give the same request. It is a matter of cost alone.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec

from ..chat import ChatRequest, Message
from ..codecs.json import BULK_BYTES
from ..messages import TextPart
from .dialect import Asked

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**62)] | None
Number: TypeAlias = float | None

T = TypeVar("T")


class PlainPart(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A text among parts."""

    type: Literal["text"]
    text: Text


Said: TypeAlias = Text | Annotated[list[PlainPart], msgspec.Meta(min_length=1)]


class _MessagesTurn(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: Literal["user", "assistant"]
    content: Said


class _Messages(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    model: Text
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=2**62)]
    messages: Annotated[list[_MessagesTurn], msgspec.Meta(min_length=1)]
    system: str | Annotated[list[PlainPart], msgspec.Meta(min_length=1, max_length=1)] | None = None
    stream: bool = False
    temperature: Number = None
    top_p: Number = None
    top_k: Count = None


class _ResponsesTurn(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: Literal["user"]
    content: Text
    type: Literal["message"] | None = None


class _Responses(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    model: Text
    input: Text | Annotated[list[_ResponsesTurn], msgspec.Meta(min_length=1)]
    instructions: Text | None = None
    store: Literal[False] | None = None
    stream: bool = False
    max_output_tokens: Count = None
    temperature: Number = None
    top_p: Number = None


def strictly(decode: Callable[[bytes], T], body: bytes) -> T | None:
    """The body as this strict type; None: it is not of it, or so large that it is looked at first."""
    if len(body) >= BULK_BYTES:
        return None
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def parts_of(said: str | Sequence[PlainPart]) -> tuple[TextPart, ...]:
    """The parts of what is said."""
    return (TextPart(said),) if isinstance(said, str) else tuple(TextPart(part.text) for part in said)


_decode_messages = msgspec.json.Decoder(_Messages).decode
_decode_responses = msgspec.json.Decoder(_Responses).decode


def plain_messages(body: bytes) -> Asked | None:
    """A plain request of the Messages API; None: there is more to say of it."""
    plain = strictly(_decode_messages, body)
    if plain is None or plain.messages[-1].role == "assistant":  # the beginning of the answer
        return None
    chat = ChatRequest(
        messages=tuple(Message(turn.role, parts_of(turn.content)) for turn in plain.messages),
        system=(plain.system if isinstance(plain.system, str | None) else plain.system[0].text) or None,
        max_tokens=plain.max_tokens,
        temperature=plain.temperature,
        top_p=plain.top_p,
        top_k=plain.top_k,
    )
    return Asked(chat=chat, model=plain.model, stream=plain.stream, include_usage=True)


def plain_responses(body: bytes) -> Asked | None:
    """A plain request of the Responses API; None: there is more to say of it."""
    plain = strictly(_decode_responses, body)
    if plain is None:
        return None
    said = [plain.input] if isinstance(plain.input, str) else [turn.content for turn in plain.input]
    echoed = {name: value for name in _ECHOED if (value := getattr(plain, name)) is not None}
    chat = ChatRequest(
        messages=tuple(Message("user", (TextPart(text),)) for text in said),
        system=plain.instructions,
        max_tokens=plain.max_output_tokens,
        temperature=plain.temperature,
        top_p=plain.top_p,
    )
    return Asked(chat=chat, model=plain.model, stream=plain.stream, include_usage=True, echoed=echoed)


_ECHOED = ("instructions", "max_output_tokens", "temperature", "top_p")
"""Fields of a plain request that the response repeats."""
