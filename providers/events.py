"""The events of a stream: one closed union, the same for every dialect.

A decoder turns bytes into these; the router relays them in order, exactly once. Readers `match` on them and close
with `assert_never`. They are msgspec structs: half the price of a dataclass, and JSON for free. What they say is in
their fields; their repr hides it, for reprs end up in logs (asyncio in its debug mode writes those of results).
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from .errors import safe_code
from .parts import AudioPart, Citation, FilePart, ImagePart, Logprobs, NativePart, TextPart
from .plain import Plain

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "pause", "other"]
"""`pause`: the provider has interrupted a long turn of its own tools; the turn is sent back to go on with it."""


class Started(Plain, msgspec.Struct, frozen=True, gc=False, tag="started"):
    """The provider began to answer. Comes at most once, and is not useful by itself.

    Attributes:
        model: The model that the provider says is answering; None when it does not say.
        id: The provider's own id of the response.
    """

    model: str | None = None
    id: str | None = None

    def __repr__(self) -> str:
        return f"Started(model={safe_code(self.model)!r}, id={safe_code(self.id)!r})"


class TextDelta(Plain, msgspec.Struct, frozen=True, gc=False, tag="text"):
    """A piece of the answer, never empty."""

    text: str

    def __repr__(self) -> str:
        return f"TextDelta(<{len(self.text)} characters>)"


class ReasoningDelta(Plain, msgspec.Struct, frozen=True, gc=False, tag="reasoning"):
    """A piece of the model's thinking, or the opaque state that closes a block of it.

    Attributes:
        text: The readable piece; empty when only state came.
        index: Which block of thinking it belongs to.
        signature: The provider's proof of the block, to be sent back unchanged within the turn.
        redacted: An encrypted block that only its provider can read.
        details: More that the provider wrote of the block, as JSON text.
    """

    text: str
    index: int = 0
    signature: str | None = None
    redacted: str | None = None
    details: str | None = None

    def __repr__(self) -> str:
        return f"ReasoningDelta(<{len(self.text)} characters>, index={self.index})"


class RefusalDelta(Plain, msgspec.Struct, frozen=True, gc=False, tag="refusal"):
    """A piece of the text with which the model declines, never empty."""

    text: str

    def __repr__(self) -> str:
        return f"RefusalDelta(<{len(self.text)} characters>)"


class ToolCallDelta(Plain, msgspec.Struct, frozen=True, gc=False, tag="tool_call"):
    """A fragment of a tool call. Fragments of one call share `index`; `id` and `name` come with the first.

    Attributes:
        index: The position of the call in the answer, from 0, without gaps.
        id: The call's id; made by the adapter where the provider gives none.
        name: The function's name.
        arguments: The next piece of the arguments' JSON text; the pieces of a call, joined, are its arguments.
        signature: The provider's opaque state of the call (Gemini's thought signature).
        custom: The tool takes free text: the pieces are its input. Comes with the name.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    signature: str | None = None
    custom: bool = False

    def __repr__(self) -> str:
        return f"ToolCallDelta({self.index}, name={safe_code(self.name)!r}, <{len(self.arguments)} characters>)"


class PartAdded(Plain, msgspec.Struct, frozen=True, gc=False, tag="part"):
    """A part of the answer that comes whole.

    Attributes:
        part: An image, a file, audio, a citation of the text before it, what the provider's own tools did, or how
            likely the tokens were. An empty text begins a text of its own: what follows is another text part.
    """

    part: TextPart | ImagePart | FilePart | AudioPart | Citation | NativePart | Logprobs

    def __repr__(self) -> str:
        return f"PartAdded({self.part!r})"


class Usage(Plain, msgspec.Struct, frozen=True, gc=False, tag="usage", repr_omit_defaults=True):
    """Tokens as the provider counted them. The last one of a stream replaces those before it.

    Attributes:
        input_tokens: All tokens of the prompt, cached ones included.
        output_tokens: All tokens of the answer, reasoning included.
        cached_input_tokens: Those of the prompt that were read from the provider's cache.
        reasoning_tokens: Those of the answer that were spent on thinking.
        cache_write_tokens: Those of the prompt that were written to the provider's cache, for however long.
        cache_write_1h_tokens: Those of them that it keeps for an hour.
        input_audio_tokens, input_image_tokens: Those of the prompt that are sound, or pictures.
        output_audio_tokens, output_image_tokens: Those of the answer.
        tool_uses: How often tools that the provider runs itself were used, by name.
        cost: What the provider says that it costs, in US dollars.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    tool_uses: dict[str, int] | None = None
    cost: float | None = None

    def counts_text_alone(self) -> bool:
        """Is nothing counted but tokens that cost what text does? Nearly always; it is asked for every answer."""
        if (  # noqa: SIM103 - a returned condition takes half as much again
            self.cache_write_tokens is not None
            or self.cache_write_1h_tokens is not None
            or self.input_audio_tokens is not None
            or self.input_image_tokens is not None
            or self.output_audio_tokens is not None
            or self.output_image_tokens is not None
            or self.tool_uses is not None
            or self.cost is not None
        ):
            return False
        return True

    @property
    def total(self) -> int:
        """All tokens."""
        return self.input_tokens + self.output_tokens


class Finished(Plain, msgspec.Struct, frozen=True, gc=False, tag="finished"):
    """The dialect's own end marker was seen: the answer is whole. Always the last event.

    Attributes:
        reason: Why the model stopped; None where the dialect has no end marker (Koala).
        native_reason: The provider's own word for it.
    """

    reason: FinishReason | None
    native_reason: str | None = None

    def __repr__(self) -> str:
        return f"Finished({self.reason!r}, native_reason={safe_code(self.native_reason)!r})"


UsefulDelta: TypeAlias = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta
ProviderEvent: TypeAlias = Started | UsefulDelta | PartAdded | Usage | Finished


class Texts(list[ProviderEvent]):
    """Pieces of text and nothing else, as most reads of a stream are: nothing has to look at each to know it.

    Attributes:
        pieces: How many they were: of more, what came behind them may be anything.
        said: All of them, joined.
    """

    __slots__ = ("pieces", "said")

    pieces: int
    said: str


def in_pieces(texts: list[str]) -> Texts:
    """A piece for each of these texts, none of which is empty."""
    told = Texts(map(TextDelta, texts))  # a constructor of our own would cost half as much as the rest
    told.pieces, told.said = len(texts), "".join(texts)
    return told


_USEFUL = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)


def any_useful(events: Iterable[object]) -> bool:
    """Whether any of these events carries content."""
    for event in events:  # a generator would cost more than all the rest
        kind = type(event)
        if kind is TextDelta or kind is ToolCallDelta or (kind is not Started and is_useful(event)):
            return True
    return False


def is_useful(event: object) -> bool:
    """Whether an event carries content. Decoders emit no empty delta, so the type decides, but for bare state."""
    if isinstance(event, ReasoningDelta):
        return bool(event.text)
    if isinstance(event, PartAdded):
        return isinstance(event.part, ImagePart | FilePart | AudioPart)
    return isinstance(event, _USEFUL)
