"""The types of the neutral request, before any dialect shapes it."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from .errors import StandbyError
from .sequences import ListOf

Role: TypeAlias = Literal["user", "assistant", "system", "tool"]
ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
ToolChoice: TypeAlias = Literal["auto", "none", "required"] | str
"""`auto`, `none`, `required`, or the name of the one tool that must be called."""


class InvalidRequest(StandbyError, ValueError):
    """The caller's request makes no sense; the message names the place and the mend, never the content."""


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    """A piece of text in a message."""

    text: str

    def __repr__(self) -> str:
        return f"TextPart(<{len(self.text)} characters>)"


class ImagePart(msgspec.Struct, frozen=True, tag="image"):
    """An image in a message.

    Attributes:
        url: `https://…`, or `data:image/png;base64,…` for the bytes themselves.
        detail: How closely the model should look; only some dialects have it.
    """

    url: str
    detail: Literal["auto", "low", "high"] | None = None

    @property
    def data(self) -> tuple[str, str] | None:
        """`(media type, base64 text)` of a data URL, else None."""
        match = _DATA_URL.fullmatch(self.url[:128].partition(",")[0] + ",")
        return (match[1], self.url.partition(",")[2]) if match else None

    def __repr__(self) -> str:
        return f"ImagePart(<{'data' if self.data else 'url'}>)"


_DATA_URL = re.compile(r"data:([a-z0-9.+-]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)

Part: TypeAlias = TextPart | ImagePart


class ToolCall(msgspec.Struct, frozen=True):
    """A whole call of a tool, as the model made it.

    Attributes:
        arguments: The arguments as JSON text, as the model wrote it.
        signature: The provider's opaque state of this call, sent back unchanged to the same provider.
    """

    id: str
    name: str
    arguments: str
    signature: str | None = None

    def __repr__(self) -> str:
        return f"ToolCall(id={self.id!r}, name={self.name!r}, arguments=<{len(self.arguments)} characters>)"


class Reasoning(msgspec.Struct, frozen=True):
    """A block of a model's thinking, kept so that it can go back unchanged to the provider that made it.

    Attributes:
        signature: The provider's proof of the block.
        redacted: An encrypted block that only its provider can read.
    """

    text: str
    signature: str | None = None
    redacted: str | None = None

    def __repr__(self) -> str:
        return f"Reasoning(<{len(self.text)} characters>)"


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation.

    Attributes:
        role: The speaker: system, user, assistant or tool.
        content: What is said; a text is taken for its one part. An assistant's turn may have none when it only calls
            tools.
        tool_calls: The tools that an assistant's turn calls.
        tool_call_id: For role `tool`: the call that this is the result of.
        is_error: For role `tool`: the tool failed, and the content says how.
        reasoning: The thinking before an assistant's turn, with its provider's opaque state.
        provider: Which provider's opaque state `reasoning` and `tool_calls` hold; it goes back to that one only.
    """

    role: Role
    content: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    is_error: bool = False
    reasoning: tuple[Reasoning, ...] = ()
    provider: str | None = None

    if TYPE_CHECKING:  # a text is taken for its one part, and code may write lists for tuples

        def __init__(
            self,
            role: Role,
            content: str | ListOf[Part] = ...,
            tool_calls: ListOf[ToolCall] = ...,
            tool_call_id: str | None = None,
            is_error: bool = False,
            reasoning: ListOf[Reasoning] = ...,
            provider: str | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        if isinstance(self.content, str):  # the usual first try; taken as a sequence of characters, it would be lost
            msgspec.structs.force_setattr(self, "content", (TextPart(self.content),) if self.content else ())

    @property
    def plain_text(self) -> str | None:
        """The text of a turn that is one text and nothing else, as nearly every one is; None of any other."""
        part = self.content[0] if len(self.content) == 1 else None
        return part.text if type(part) is TextPart and not self.tool_calls else None

    @property
    def text(self) -> str:
        """The text parts, joined."""
        content = self.content
        if len(content) == 1 and type(content[0]) is TextPart:
            return content[0].text
        return "".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The image parts."""
        content = self.content
        if len(content) == 1 and type(content[0]) is TextPart:
            return ()
        return tuple(part for part in self.content if isinstance(part, ImagePart))

    def __repr__(self) -> str:
        return f"Message(role={self.role!r}, {len(self.content)} parts, {len(self.tool_calls)} tool calls)"


class Tool(msgspec.Struct, frozen=True):
    """A function that the model may call.

    Attributes:
        parameters: The JSON Schema of its arguments.
        strict: Should the provider enforce the schema?
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = None


class JsonSchema(msgspec.Struct, frozen=True):
    """The answer must be JSON of this schema. An empty schema asks for any JSON object."""

    schema: dict[str, Any]
    name: str = "answer"
    strict: bool = True
    description: str = ""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a caller can ask of a model, in no dialect.

    Attributes:
        messages: The conversation without system texts, oldest first.
        system: The system text, joined from all system messages.
        max_tokens: The most tokens that the answer may have.
        stop: Texts at which the answer ends.
        response_format: The answer is JSON of a schema.
        reasoning_effort: How long a reasoning model may think.
        prefill: The answer begins with this text, and only what follows is wanted: for models that go on from a
            trailing assistant turn.
        extra: Fields to add to the wire's body as they are; the caller must know the dialect.
    """

    messages: tuple[Message, ...]
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    response_format: JsonSchema | None = None
    reasoning_effort: ReasoningEffort | None = None
    prefill: str | None = None
    extra: dict[str, Any] = msgspec.field(default_factory=dict)

    if TYPE_CHECKING:  # code may write lists for tuples

        def __init__(
            self,
            *,
            messages: ListOf[Message],
            system: str | None = None,
            tools: ListOf[Tool] = ...,
            tool_choice: ToolChoice | None = None,
            parallel_tool_calls: bool | None = None,
            temperature: float | None = None,
            top_p: float | None = None,
            max_tokens: int | None = None,
            stop: ListOf[str] = ...,
            seed: int | None = None,
            frequency_penalty: float | None = None,
            presence_penalty: float | None = None,
            response_format: JsonSchema | None = None,
            reasoning_effort: ReasoningEffort | None = None,
            prefill: str | None = None,
            extra: Mapping[str, Any] = ...,
        ) -> None: ...

    @property
    def has_images(self) -> bool:
        """Whether any message shows an image."""
        return any(message.images for message in self.messages)

    @property
    def has_tools(self) -> bool:
        """Whether tools are offered, or the conversation already holds calls and results."""
        return bool(self.tools) or any(m.tool_calls or m.role == "tool" for m in self.messages)

    def __repr__(self) -> str:
        return f"ChatRequest({len(self.messages)} messages, {len(self.tools)} tools)"
