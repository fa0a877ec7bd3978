"""How a server wants a request said, where it differs from OpenAI's own: `Quirks`, as data.

Those of our providers stand in their rows and in `knowledge`; a target may set most of them for a server of its own.
What a *model* takes is told by `Capabilities`.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from .messages import ChatRequest
from .refusals import Rule

EffortForm: TypeAlias = Literal[
    "reasoning_effort",
    "reasoning",
    "reasoning_enabled",
    "thinking",
    "thinking_effort",
    "enable_thinking",
    "template_enable_thinking",
]
JsonForm: TypeAlias = Literal["json_schema", "json_object_schema", "json_object"]


SPOKEN = frozenset(
    {
        "files", "files by URL", "files by id", "audio", "refusals", "names", "image detail original", "custom tools",
        "custom calls", "allowed tools", "native tools", "verbosity", "logprobs", "logit_bias", "user",
        "safety_identifier", "metadata", "service_tier", "top_k", "min_p",
    }
)  # fmt: skip
"""What the protocol has words for, of `asked.FEATURES`: `top_k` and `min_p` by its other speakers, not by OpenAI."""
BY_OPENAI = SPOKEN - {"top_k", "min_p", "native tools", "files by URL"}  # its own takes a file's bytes, or its id


class PrefillForm(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is told to go on from the trailing assistant turn, where sending that turn is not enough.

    Attributes:
        turn: Fields that the turn carries (`{"prefix": True}`).
        body: Fields that the body carries (`{"continue_final_message": True, …}`).
        path: Of the chat call, where another one must be asked (DeepSeek's beta); None: the usual one.
    """

    turn: Mapping[str, Any] = msgspec.field(default_factory=dict)
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    path: str | None = None


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """Where a speaker of the protocol differs from OpenAI itself. The defaults are OpenAI's own ways.

    Attributes:
        path: Of a chat call, below the base URL; `{model}` stands for the model (Azure's deployments).
        key_header, key_prefix: Where the key goes, and what stands before it.
        option_headers: Option of a target -> request header that takes its value.
        option_query: Option of a target -> query parameter that takes its value.
        system_role: The role of the system text.
        max_tokens_field: The field that limits the answer.
        renames: Other fields of the body that have another name here.
        stream_options: Sent with a stream; None: the server does not know this field.
        body: More fields of every body.
        effort: How the reasoning effort is said: as a field, in `reasoning`, as a field with `thinking` on or off
            beside it, or only on and off: in `reasoning`, in `thinking`, in `enable_thinking`, or in that of the chat
            template.
        json: How an answer in JSON is asked for: by a schema as OpenAI's `json_schema`, by a schema beside
            `json_object`, or by `json_object` alone, which names no schema.
        lacks: Fields of `ChatRequest` that cannot be said here. Harmless ones are left out, with a note. Also
            `images by URL` and `tool_choice of one tool`, where only these are lacking; and `text parts`, of a server
            that takes one text in turns other than a user's.
        prefill: How to have a trailing assistant turn gone on with; None: it cannot be done.
        reasoning_field: The field of an assistant's turn in which this provider takes its own reasoning back.
        reasoning_with_calls: A turn with calls must have that field, empty where the thinking was another target's.
        refusal_field: A turn in which the model declined has a field `refusal`; else it is said as its text.
        says: Features of `asked.FEATURES` that it takes.
        think_tags: An answer that begins with `<think>` has its thinking there: open models, servers without a parser.
        cache_marks: Parts of a prompt can be marked for its cache (`cache_control`).
        alternate: Turns of users and assistants must alternate, beginning with a user's.
        user_after_tool: A user's turn may follow the results of tools at once, and a system text any turn.
        call_id: The ids of tool calls that are taken: one class of characters and how many of them, as in a regular
            expression (`[a-zA-Z0-9]{9}`); None: any.
        rules: Its own rows for classifying errors.
        empty_if_too_long: How the `server` header begins of a server at this place that answers a prompt which is too
            long for it with a stream of no bytes; None: such a stream was cut.
    """

    path: str = "/chat/completions"
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    option_headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    option_query: Mapping[str, str] = msgspec.field(default_factory=dict)
    system_role: Literal["system", "developer"] = "system"
    max_tokens_field: str = "max_completion_tokens"
    renames: Mapping[str, str] = msgspec.field(default_factory=dict)
    stream_options: Mapping[str, Any] | None = msgspec.field(default_factory=lambda: {"include_usage": True})
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    effort: EffortForm = "reasoning_effort"
    json: JsonForm = "json_schema"
    lacks: frozenset[str] = frozenset()
    prefill: PrefillForm | None = None
    reasoning_field: str | None = None
    reasoning_with_calls: bool = False
    refusal_field: bool = False
    says: frozenset[str] = SPOKEN
    think_tags: bool = False
    cache_marks: bool = False
    alternate: bool = False
    user_after_tool: bool = True
    call_id: str | None = None
    rules: tuple[Rule, ...] = ()
    empty_if_too_long: str | None = None

    @property
    def spoken(self) -> frozenset[str]:
        """What this speaker has words for, of `asked.FEATURES`."""
        spoken = self.says | {"cache marks"} if self.cache_marks else self.says
        return spoken | {"reasoning_budget_tokens"} if self.effort == "reasoning" else spoken


TURNS = ("alternate", "user_after_tool", "call_id")
"""Quirks that are about the turns of a conversation, whatever the dialect."""

HEARD = ("think_tags",)
"""Quirks that are about what is heard: a target may set them for its server, and no model is known by them."""

SAID = (
    "max_tokens_field", "system_role", "effort", "json", "reasoning_field", "reasoning_with_calls", "lacks", "renames",
    "says", "cache_marks",
    "stream_options", "prefill", "path", *TURNS,
)  # fmt: skip
"""Quirks of how things are said."""

SETTABLE = (*SAID, *HEARD)
"""Quirks that a target may set. Where the key goes is no matter of a model's server."""


def quirks_with(quirks: Quirks, given: Mapping[str, Any]) -> Quirks:
    """Return quirks with these in their place; their values may be as a file has them.

    Raises:
        msgspec.ValidationError: A value cannot be that of its quirk.
    """
    if not given:
        return quirks
    own = msgspec.convert(dict(given), Quirks)
    return msgspec.structs.replace(quirks, **{name: getattr(own, name) for name in given})


ON_OFF: frozenset[EffortForm] = frozenset(
    ("reasoning_enabled", "thinking", "enable_thinking", "template_enable_thinking")
)
"""Forms of an effort that know no levels."""


def value_problem(given: Mapping[str, Any]) -> str | None:
    """What is wrong with the values of quirks that a target gives; None when nothing is."""
    try:
        made = quirks_with(Quirks(), given)
    except msgspec.ValidationError as error:
        return f"make no sense: {error}"
    if made.call_id is not None and not CALL_ID.fullmatch(made.call_id):
        return "make no sense: call_id is one class of characters and how many of them: [a-zA-Z0-9]{1,64}"
    unknown = sorted(made.lacks - LACKING)
    return f"make no sense: lacks names {unknown[0]!a}, which is no field of a request" if unknown else None


CALL_ID = re.compile(r"(\[[^\]]+\])(?:\{(\d{1,3})(?:,(\d{1,3}))?\}|\+)")
"""A form of ids: one class of characters, and how many of them."""

LACKING = frozenset((*ChatRequest.__struct_fields__, "images", "images by URL", "tool_choice of one tool"))
"""Everything that a server may lack."""

_ON_OFF = "only as on or off, "
_EFFORTS: Mapping[str, str] = {
    "reasoning_effort": "as reasoning_effort",
    "reasoning": "as effort inside reasoning",
    "reasoning_enabled": f"{_ON_OFF}as enabled inside reasoning",
    "thinking": f"{_ON_OFF}as the type of thinking",
    "thinking_effort": "as reasoning_effort, with thinking on or off beside it",
    "enable_thinking": f"{_ON_OFF}as enable_thinking",
    "template_enable_thinking": f"{_ON_OFF}as enable_thinking of the chat template",
}
_JSON: Mapping[str, str] = {
    "json_schema": "an answer of a schema is asked for as json_schema",
    "json_object_schema": "an answer of a schema is asked for as json_object with the schema beside it",
    "json_object": "any JSON object can be asked for, and none of a given schema",
}


def explained(name: str, value: Any) -> str:
    """Say in words what a quirk of a target does."""
    match name:
        case "max_tokens_field":
            return f"the limit of an answer is sent as {value}"
        case "system_role":
            return f"the system text is sent with the role {value}"
        case "effort":
            return f"reasoning_effort is said {_EFFORTS[value]}"
        case "json":
            return _JSON[value]
        case "reasoning_field":
            return f"the model's own reasoning goes back to it as {value}"
        case "reasoning_with_calls":
            return "a turn with tool calls " + (
                "always brings its reasoning, if only empty" if value else "may go bare"
            )
        case "says":
            return f"more that is sent: {', '.join(sorted(value)) or 'nothing'}"
        case "cache_marks":
            return "marks for the cache are " + ("sent" if value else "not sent")
        case "think_tags":
            return "an answer that begins with <think> " + (
                "has its thinking there" if value else "is text from its first word on"
            )
        case "lacks":
            return f"not sent: {', '.join(sorted(value)) or 'nothing'}; harmless ones are left out, others refused"
        case "renames":
            return f"other names: {', '.join(f'{ours} as {theirs}' for ours, theirs in value.items()) or 'none'}"
        case "stream_options":
            return f"with a stream, stream_options holds {', '.join(value)}" if value else "stream_options is not sent"
        case "prefill":
            return "an answer that has begun is gone on with from a trailing assistant turn" + (
                f", which is marked by {', '.join(marks)}"
                if (marks := [*value.get("turn", ()), *value.get("body", ())])
                else ""
            )
        case "path":
            return f"a chat call goes to {value}"
        case "alternate":
            return "turns of one side in a row are merged" if value else "turns of one side may follow each other"
        case "user_after_tool":
            return (
                "a user's turn may follow the results of tools"
                if value
                else "a blank assistant turn goes between results of tools and a user's turn"
            )
        case _:
            return f"ids of tool calls that are not {value} are sent as others, always the same"
