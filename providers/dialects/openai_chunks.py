"""The chunks of the OpenAI chat protocol: all that is read of them, and lenient reading where the types do not fit.

Only fields that are read are declared, in the order of the wire: that is what makes decoding cheap. A chunk that does
not fit (a count as a float, content as a list, arguments as an object) is read again as plain JSON.
"""

import re
from typing import Any

import msgspec

from ..codecs import read_aside
from .openai_counts import Counts


class FunctionPart(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class CustomPart(msgspec.Struct, gc=False):
    name: str | None = None
    input: str | None = None


class CallPart(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: FunctionPart | None = None
    custom: CustomPart | None = None
    extra_content: dict[str, Any] | None = None


class Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[CallPart] | None = None
    function_call: FunctionPart | None = None  # of the protocol before it had tools
    reasoning_details: list[Any] | None = None
    annotations: list[Any] | None = None
    images: list[Any] | None = None
    audio: dict[str, Any] | None = None
    thinking_blocks: list[Any] | None = None  # LiteLLM: as Anthropic writes them
    extra_content: dict[str, Any] | None = None

    def says_something(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)

    def is_text(self) -> bool:
        """Is what it says, if anything, text or a refusal, and nothing else?"""
        rest = self.reasoning or self.reasoning_content or self.tool_calls or self.function_call
        return not rest and not self.is_rich()

    def is_rich(self) -> bool:
        """Does it hold what `openai_rich` reads?"""
        blocks = self.reasoning_details or self.thinking_blocks
        return bool(blocks or self.annotations or self.images or self.audio or self.extra_content)


class MixedDelta(Delta, gc=False):
    """One with a list in place of a text: its chunks, as they are, for their order counts."""

    chunks: list[dict[str, Any]] = []


class Choice(msgspec.Struct, gc=False):
    delta: Delta | None = None
    finish_reason: str | None = None
    message: Delta | None = None  # Perplexity: all that was said so far, beside the delta
    logprobs: dict[str, Any] | None = None
    error: Any = None  # OpenRouter: of this choice
    usage: Counts | None = None  # Moonshot


class GroqPart(msgspec.Struct, gc=False):
    usage: Counts | None = None
    error: str | None = None


class Chunk(msgspec.Struct, gc=False):
    choices: list[Choice] | None = None
    usage: Counts | None = None
    error: Any = None
    x_groq: GroqPart | None = None
    citations: list[Any] | None = None
    search_results: list[Any] | None = None


class FirstChunk(Chunk, gc=False):
    """With what is read once: until the answer has begun."""

    id: str | None = None
    model: str | None = None


class WholeChoice(msgspec.Struct, gc=False, rename={"delta": "message", "message": "delta"}):
    delta: Delta | None = None
    finish_reason: str | None = None
    message: Delta | None = None
    logprobs: dict[str, Any] | None = None
    error: Any = None
    usage: Counts | None = None


class Whole(msgspec.Struct, gc=False):
    """A whole answer in one body."""

    id: str | None = None
    model: str | None = None
    choices: list[WholeChoice] | None = None
    usage: Counts | None = None
    error: Any = None
    x_groq: GroqPart | None = None
    citations: list[Any] | None = None
    search_results: list[Any] | None = None


_DIGITS = re.compile(r"[0-9]{1,9}")


def one_object(decoded: Any) -> dict[str, Any]:
    """Take an object, or the only one of a list: Google's compatible endpoint wraps its errors."""
    if isinstance(decoded, list) and len(decoded) == 1:
        decoded = decoded[0]
    if not isinstance(decoded, dict):
        raise msgspec.ValidationError("the data is not an object")
    return decoded


def kindly(decoded: dict[str, Any]) -> FirstChunk:
    """A chunk, or a whole answer, of which only what makes sense is kept."""
    choices = decoded.get("choices")
    if isinstance(choices, dict):
        choices = [choices]
    groq = decoded.get("x_groq")
    return FirstChunk(
        [_choice(choice) for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else None,
        read_aside(decoded.get("usage"), Counts),
        decoded.get("error"),
        GroqPart(read_aside(groq.get("usage"), Counts), _str(groq.get("error"))) if isinstance(groq, dict) else None,
        _list(decoded.get("citations")),
        _list(decoded.get("search_results")),
        _str(decoded.get("id")),
        _str(decoded.get("model")),
    )


def _choice(choice: dict[str, Any]) -> Choice:
    delta, message = choice.get("delta"), choice.get("message")
    return Choice(
        _delta(delta) if isinstance(delta, dict) else None,
        _str(choice.get("finish_reason")),
        _delta(message) if isinstance(message, dict) else None,
        _object(choice.get("logprobs")),
        choice.get("error"),
        read_aside(choice.get("usage"), Counts),
    )


def _delta(said: dict[str, Any]) -> Delta:
    content = said.get("content")
    if isinstance(content, dict):
        content = [content]
    calls = said.get("tool_calls")
    if isinstance(calls, dict):
        calls = [calls]
    function = said.get("function_call")
    delta = Delta(
        _str(content),
        _text(said.get("reasoning") or said.get("reasoning_content")),
        None,
        _str(said.get("refusal")),
        [_call(call) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else None,
        _function(function) if isinstance(function, dict) else None,
        _list(said.get("reasoning_details")),
        _list(said.get("annotations")),
        _list(said.get("images")),
        _object(said.get("audio")),
        _list(said.get("thinking_blocks")),
        _object(said.get("extra_content")),
    )
    if not isinstance(content, list):
        return delta
    chunks = [{"type": "text", "text": chunk} if isinstance(chunk, str) else chunk for chunk in content]
    chunks = [chunk for chunk in chunks if isinstance(chunk, dict)]
    if delta.reasoning:  # some say the thinking in both ways
        chunks = [chunk for chunk in chunks if chunk.get("type") != "thinking"]
    return MixedDelta(**msgspec.structs.asdict(delta), chunks=chunks)


def _call(call: dict[str, Any]) -> CallPart:
    custom = call.get("custom")
    return CallPart(
        _int(call.get("index")),
        _str(call.get("id")),
        _function(_dict(call.get("function"))),
        CustomPart(_str(custom.get("name")), _str(custom.get("input"))) if isinstance(custom, dict) else None,
        _object(call.get("extra_content")),
    )


def _function(function: dict[str, Any]) -> FunctionPart:
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        arguments = msgspec.json.encode(arguments).decode()
    return FunctionPart(_str(function.get("name")), _str(arguments))


def _list(found: object) -> list[Any] | None:
    return found if isinstance(found, list) else None


def _object(found: object) -> dict[str, Any] | None:
    return found if isinstance(found, dict) else None


def _dict(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _str(found: object) -> str | None:
    return found if isinstance(found, str) else None


def _text(found: object) -> str | None:
    """A text, also of one that is wrapped in an object, or cut into a list of them."""
    if isinstance(found, list):
        return "".join(_text(each) or "" for each in found)
    if isinstance(found, dict):
        found = next((found[name] for name in ("text", "content", "summary") if isinstance(found.get(name), str)), None)
    return _str(found)


def _int(found: object) -> int | None:
    if (isinstance(found, float) and found.is_integer()) or (isinstance(found, str) and _DIGITS.fullmatch(found)):
        found = int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
