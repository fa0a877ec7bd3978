"""The types of the neutral request, before any dialect shapes it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from .errors import InvalidRequest
from .origin import Origin
from .parts import (
    AudioPart,
    Cache,
    Citation,
    FilePart,
    ImagePart,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from .sequences import ListOf

__all__ = [
    "AllowedTools",
    "AudioPart",
    "Cache",
    "ChatRequest",
    "Citation",
    "FilePart",
    "ImagePart",
    "InvalidRequest",
    "JsonSchema",
    "Message",
    "NativePart",
    "NativeTool",
    "Part",
    "Reasoning",
    "ReasoningEffort",
    "RefusalPart",
    "Role",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolResult",
    "Verbosity",
]

Role: TypeAlias = Literal["user", "assistant", "system", "tool"]
ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Verbosity: TypeAlias = Literal["low", "medium", "high"]


class AllowedTools(msgspec.Struct, frozen=True):
    """The model may call some of the tools that are offered, and no other.

    Attributes:
        required: It must call at least one of them.
    """

    names: tuple[str, ...]
    required: bool = False

    def __repr__(self) -> str:
        return f"AllowedTools({len(self.names)} tools)"


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | str | AllowedTools
"""`auto`, `none`, `required`, the name of the one tool that must be called, or a choice of several."""


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation.

    Attributes:
        role: The speaker: system, user, assistant or tool.
        content: What is said, in order; a text is taken for its one part. An assistant's turn holds its thinking, its
            words and its calls as they came.
        tool_calls: The calls in the content. Given beside a content without them, they stand behind it.
        tool_call_id: For role `tool`: the call that this is the result of.
        is_error: For role `tool`: the tool failed, and the content says how.
        reasoning: The thinking in the content. Given beside a content without it, it stands before it.
        origin: Which target's opaque state the content holds: it goes back to that one only. The name of a provider
            stands for any of its targets.
        name: Of the participant who speaks, where a role has several.
    """

    role: Role
    content: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    is_error: bool = False
    reasoning: tuple[Reasoning, ...] = ()
    origin: Origin | None = None
    name: str | None = None

    if TYPE_CHECKING:  # a text is taken for its one part, and code may write lists for tuples

        def __init__(
            self,
            role: Role,
            content: str | ListOf[Part] = ...,
            tool_calls: ListOf[ToolCall] = ...,
            tool_call_id: str | None = None,
            is_error: bool = False,
            reasoning: ListOf[Reasoning] = ...,
            origin: Origin | str | None = None,
            name: str | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        content = self.content
        if (
            type(content) is tuple
            and len(content) == 1
            and type(content[0]) is TextPart
            and not self.tool_calls
            and not self.reasoning
            and self.origin is None
        ):
            return  # nearly always
        if isinstance(content, str):  # the usual first try; taken as a sequence of characters, it would be lost
            content = (TextPart(content),) if content else ()
            msgspec.structs.force_setattr(self, "content", content)
        if not isinstance(content, tuple | list):
            return  # it is left to be refused
        if isinstance(self.origin, str):
            msgspec.structs.force_setattr(self, "origin", Origin(self.origin))
        if self.tool_calls or self.reasoning or len(content) > 1 or (content and type(content[0]) is not TextPart):
            self._put_in_order()

    def _put_in_order(self) -> None:
        """Make `content`, `tool_calls` and `reasoning` tell the same; what is no list is left to be refused."""
        content, calls, thoughts = self.content, self.tool_calls, self.reasoning
        if not all(isinstance(parts, tuple | list) for parts in (content, calls, thoughts)):
            return
        before = [thought for thought in thoughts if thought not in content]
        behind = [call for call in calls if call not in content]
        if before or behind:
            content = (*before, *content, *behind)
            msgspec.structs.force_setattr(self, "content", content)
        calls = tuple(part for part in content if isinstance(part, ToolCall))
        thoughts = tuple(part for part in content if isinstance(part, Reasoning))
        msgspec.structs.force_setattr(self, "tool_calls", calls)
        msgspec.structs.force_setattr(self, "reasoning", thoughts)

    @property
    def plain_text(self) -> str | None:
        """The text of a turn that is one text and nothing else, as nearly every one is; None of any other."""
        return plain_text(self)

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

    @property
    def refusal(self) -> str:
        """The words with which the model declined."""
        return "".join(part.text for part in self.content if isinstance(part, RefusalPart))

    def __repr__(self) -> str:
        return f"Message(role={self.role!r}, {len(self.content)} parts, {len(self.tool_calls)} tool calls)"


def plain_text(turn: Message) -> str | None:
    """As `Message.plain_text`: for what every call asks, since a property costs as much again."""
    content = turn.content
    if len(content) == 1 and type(part := content[0]) is TextPart and part.cache is None and part.phase is None:
        return part.text if turn.name is None else None
    return None


def plain_question(chat: "ChatRequest") -> str | None:
    """The text of a request that is one plain turn of a user and asks nothing else; None of any other."""
    turns = chat.messages
    if len(turns) == 1 and turns[0].role == "user" and msgspec.structs.astuple(chat)[1:] == _NOTHING_ELSE:
        return plain_text(turns[0])
    return None


class Tool(msgspec.Struct, frozen=True):
    """A function that the model may call.

    Attributes:
        parameters: The JSON Schema of its arguments.
        strict: Should the provider enforce the schema?
        custom: It takes free text in place of arguments; then `parameters` say nothing.
        format: Of a custom tool: the grammar of its text, as OpenAI's API has it; None: any text.
        cache: The prompt may be cached up to here.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = None
    custom: bool = False
    format: dict[str, Any] | None = None
    cache: Cache | None = None


class NativeTool(msgspec.Struct, frozen=True):
    """A tool that a provider runs itself, like a search of the web. Targets of other providers cannot be asked with it.

    Attributes:
        provider: A provider's name or a dialect: `openai-responses`, `anthropic`, `gemini`, `bedrock`, …
        spec: The tool as that provider's API has it: `{"type": "web_search"}`, `{"googleSearch": {}}`.
    """

    provider: str
    spec: dict[str, Any]

    def __repr__(self) -> str:
        return f"NativeTool({self.provider!r})"


class JsonSchema(msgspec.Struct, frozen=True):
    """The answer must be JSON of this schema. An empty schema asks for any JSON object."""

    schema: dict[str, Any]
    name: str = "answer"
    strict: bool = True
    description: str = ""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a caller can ask of a model, in no dialect.

    Attributes:
        messages: The conversation, oldest first. System texts that are plain and stand first may be in `system`.
        system: The system text before the conversation.
        native_tools: Tools that a provider runs itself.
        max_tokens: The most tokens that the answer may have.
        stop: Texts at which the answer ends.
        response_format: The answer is JSON of a schema.
        reasoning_effort: How long a reasoning model may think.
        prefill: The answer begins with this text, and only what follows is wanted: for models that go on from a
            trailing assistant turn.
        reasoning_budget_tokens: The same as a number, for models that take one; it wins over the effort there.
        verbosity: How long the answer should be.
        top_k, min_p: Tokens are drawn from so many of the likeliest, or from those with such a part of the likeliest
            one's probability.
        logprobs: The answer tells how likely its tokens were.
        top_logprobs: And so many others in their places.
        logit_bias: Tokens, by their ids in the model's vocabulary, that are made more or less likely.
        n: How many answers; more than one is refused.
        user, safety_identifier: A mark of the end user, for the provider's own safety checks.
        metadata: Marks that the provider keeps with the call.
        service_tier: The provider's word for how it serves the call.
        extra: Fields to add to the wire's body as they are, by dialect or provider: `{"openai": {"store": True}}`.
            Fields beside those names go to every target, whatever its dialect.
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
    native_tools: tuple[NativeTool, ...] = ()
    reasoning_budget_tokens: int | None = None
    verbosity: Verbosity | None = None
    top_k: int | None = None
    min_p: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    n: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
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
            native_tools: ListOf[NativeTool] = ...,
            reasoning_budget_tokens: int | None = None,
            verbosity: Verbosity | None = None,
            top_k: int | None = None,
            min_p: float | None = None,
            logprobs: bool | None = None,
            top_logprobs: int | None = None,
            logit_bias: Mapping[str, float] | None = None,
            n: int | None = None,
            user: str | None = None,
            safety_identifier: str | None = None,
            metadata: Mapping[str, str] | None = None,
            service_tier: str | None = None,
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


_NOTHING_ELSE = msgspec.structs.astuple(ChatRequest(messages=()))[1:]
