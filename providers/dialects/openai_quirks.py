"""Where servers of the OpenAI chat protocol differ: `Quirks`, as data."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from ..refusals import Rule

EffortForm: TypeAlias = Literal[
    "reasoning_effort", "reasoning", "reasoning_enabled", "thinking", "enable_thinking", "template_enable_thinking"
]


SPOKEN = frozenset(
    {
        "files", "files by id", "audio", "refusals", "names", "image detail original", "custom tools", "custom calls",
        "allowed tools", "native tools", "verbosity", "logprobs", "logit_bias", "user", "safety_identifier", "metadata",
        "service_tier", "top_k", "min_p",
    }
)  # fmt: skip
"""What the protocol has words for, of `asked.FEATURES`: `top_k` and `min_p` by its other speakers, not by OpenAI."""
BY_OPENAI = SPOKEN - {"top_k", "min_p", "native tools"}


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
        effort: How the reasoning effort is said: as a field, in `reasoning`, or only on and off: there too, in
            `thinking`, in `enable_thinking`, or in the chat template's.
        efforts: Efforts that have another word here, or the nearest one that is known; others are said as they are.
        lacks: Fields of `ChatRequest` that cannot be said here. Harmless ones are left out, with a note. Also
            `images by URL` and `tool_choice of one tool`, where only these are lacking.
        prefill: How to have a trailing assistant turn gone on with; None: it cannot be done.
        reasoning_field: The field of an assistant's turn in which this provider takes its own reasoning back.
        reasoning_with_calls: A turn with calls must have that field, empty where the thinking was another target's.
        refusal_field: A turn in which the model declined has a field `refusal`; else it is said as its text.
        says: Features of `asked.FEATURES` that it takes.
        cache_marks: Parts of a prompt can be marked for its cache (`cache_control`).
        rules: Its own rows for classifying errors.
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
    efforts: Mapping[str, str] = msgspec.field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    prefill: PrefillForm | None = None
    reasoning_field: str | None = None
    reasoning_with_calls: bool = False
    refusal_field: bool = False
    says: frozenset[str] = SPOKEN
    cache_marks: bool = False
    rules: tuple[Rule, ...] = ()

    @property
    def spoken(self) -> frozenset[str]:
        """What this speaker has words for, of `asked.FEATURES`."""
        spoken = self.says | {"cache marks"} if self.cache_marks else self.says
        return spoken | {"reasoning_budget_tokens"} if self.effort == "reasoning" else spoken
