"""The capabilities of a provider's model, as data: selection and fitting read them, a target may override them.

None means "not known": an unknown capability keeps no target from being asked, and changes no request. What is known
of models, and from where, stands in `knowledge`.
"""

from typing import Literal, TypeAlias

import msgspec

from .messages import ReasoningEffort, Verbosity

Prefill: TypeAlias = Literal["none", "plain", "echoed"]
"""Does the model go on from a trailing assistant turn? `echoed`: yes, and it says the turn again first."""

Fit: TypeAlias = Literal["nearest", "strict", "off"]
"""How a request is made fit for its target: moved to the nearest value with a note, refused where it would have to be
moved, or sent as it was written."""

Thinking: TypeAlias = Literal["none", "budget", "adaptive", "level"]
"""How a model is told to think: not at all, with a budget of tokens, as it sees fit, or by a level."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What one model takes and gives.

    Attributes:
        tools: Takes tools and tool results.
        images: Takes images.
        json_schema: Answers JSON of a given schema.
        system: Takes a system text.
        reasoning: Thinks before it answers: its first useful delta may take a minute.
        prefill: Goes on from a trailing assistant turn, and how.
        context_window: The most tokens of prompt and answer together.
        max_stop: The most stop texts.
        sampling: Takes temperature and top_p.
        seed: Takes a seed.
        efforts: The values of reasoning_effort that it takes; an empty list: none at all.
        efforts_with_tools: Those that it takes beside tools, where that is not the same.
        effort_default: How much it thinks where the request does not say.
        sampling_efforts: The efforts beside which it takes temperature and top_p; None: beside any.
        temperature_max: The highest temperature.
        penalties: Takes frequency_penalty and presence_penalty; None: as sampling.
        verbosities: The values of verbosity that it takes; an empty list: none at all.
        json_object: Answers JSON without a given schema.
        tools_with_json: Takes tools and a response_format in one request.
        closed_schemas: Wants additionalProperties false on every object of a schema.
        full_schemas: Wants every property of a schema to be required.
        schema_lacks: Keywords that it refuses in a schema.
        schema_rules: Which schemas the last three are about: all, or those that are to be enforced (`strict`).
        image_types: The kinds of images, as media types.
        image_bytes_max: The most bytes of one image.
        images_max: The most images of one request.
        file_bytes_max: The most bytes of one file.
        audio_types: The kinds of audio, as media types.
        logprobs: Tells how likely tokens were.
        output_max: The most tokens of an answer: a higher `max_tokens` is refused.
        output_default: The most tokens of an answer where the caller names no limit and the dialect wants one.
        thinking: How it is told to think.
        thinking_min, thinking_max: The least and the highest budget of tokens for thinking.
        signed_calls: Wants the state of its thinking back with each step of calls, and takes what tools show (Gemini,
            from the third generation on).
        system_in_place: Takes a system text in the midst of a conversation, behind a user's turn.
        service_tier_lacks: Values of service_tier that it refuses.
    """

    tools: bool | None = None
    images: bool | None = None
    json_schema: bool | None = None
    system: bool | None = None
    reasoning: bool | None = None
    prefill: Prefill | None = None
    context_window: int | None = None
    max_stop: int | None = None
    sampling: bool | None = None
    seed: bool | None = None
    efforts: tuple[ReasoningEffort, ...] | None = None
    efforts_with_tools: tuple[ReasoningEffort, ...] | None = None
    effort_default: ReasoningEffort | None = None
    sampling_efforts: tuple[ReasoningEffort, ...] | None = None
    temperature_max: float | None = None
    penalties: bool | None = None
    verbosities: tuple[Verbosity, ...] | None = None
    json_object: bool | None = None
    tools_with_json: bool | None = None
    closed_schemas: bool | None = None
    full_schemas: bool | None = None
    schema_lacks: tuple[str, ...] | None = None
    schema_rules: Literal["all", "strict"] | None = None
    image_types: tuple[str, ...] | None = None
    image_bytes_max: int | None = None
    images_max: int | None = None
    file_bytes_max: int | None = None
    audio_types: tuple[str, ...] | None = None
    logprobs: bool | None = None
    output_max: int | None = None
    output_default: int | None = None
    thinking: Thinking | None = None
    thinking_min: int | None = None
    thinking_max: int | None = None
    signed_calls: bool | None = None
    system_in_place: bool | None = None
    service_tier_lacks: tuple[str, ...] | None = None

    def overridden(self, other: "Capabilities") -> "Capabilities":
        """These capabilities with all that `other` knows put in their place."""
        known = {name: value for name, value in msgspec.structs.asdict(other).items() if value is not None}
        return msgspec.structs.replace(self, **known) if known else self
