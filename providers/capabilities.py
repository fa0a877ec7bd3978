"""The capabilities of a provider's model, as data: selection reads them, reports show them, a target may override them.

None means "not known": an unknown capability never keeps a target from being asked.
"""

from typing import Literal, TypeAlias

import msgspec

Prefill: TypeAlias = Literal["none", "plain", "echoed"]
"""Does the model go on from a trailing assistant turn? `echoed`: yes, and it says the turn again first."""


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

    def overridden(self, other: "Capabilities") -> "Capabilities":
        """These capabilities with all that `other` knows put in their place."""
        known = {name: value for name, value in msgspec.structs.asdict(other).items() if value is not None}
        return msgspec.structs.replace(self, **known) if known else self
