"""The models that a client may ask, as OpenAI and as Anthropic list them. Pure."""

from collections.abc import Iterable
from typing import Any

import msgspec

OWNER = "standby"
_BEGAN = "1970-01-01T00:00:00Z"
"""When a name was made that has no birthday."""


def openai_model(name: str, created_s: int) -> dict[str, Any]:
    """One model, as OpenAI has it."""
    return {"id": name, "object": "model", "created": created_s, "owned_by": OWNER}


def anthropic_model(name: str) -> dict[str, Any]:
    """One model, as Anthropic has it."""
    return {"type": "model", "id": name, "display_name": name, "created_at": _BEGAN}


def listed(names: Iterable[str], created_s: int, *, anthropic: bool) -> bytes:
    """All of them."""
    if not anthropic:
        return msgspec.json.encode({"object": "list", "data": [openai_model(name, created_s) for name in names]})
    data = [anthropic_model(name) for name in names]
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    return msgspec.json.encode({"data": data, "has_more": False, **ends})


def shown(name: str, created_s: int, *, anthropic: bool) -> bytes:
    """One of them."""
    return msgspec.json.encode(anthropic_model(name) if anthropic else openai_model(name, created_s))
