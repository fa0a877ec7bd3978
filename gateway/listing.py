"""The models that a client may ask, as OpenAI and as Anthropic list them. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from ..providers.serving.refused import wrong

OWNER = "standby"

LIMIT_MAX = 1000
"""Maximum names on a page, and so many without a `limit`: not all clients turn pages."""

DIGITS_MAX = 6
_BEGAN = "1970-01-01T00:00:00Z"
"""When a name was made that has no birthday."""


def openai_model(name: str, created_s: int) -> dict[str, Any]:
    """One model, as OpenAI has it."""
    return {"id": name, "object": "model", "created": created_s, "owned_by": OWNER}


def anthropic_model(name: str) -> dict[str, Any]:
    """One model, as Anthropic has it."""
    return {"type": "model", "id": name, "display_name": name, "created_at": _BEGAN}


class Page(NamedTuple):
    """The part of a list that Anthropic's clients ask for.

    Attributes:
        limit: Maximum names of it.
        after, before: It begins behind this name, or ends before it; empty: at the list's own ends.
    """

    limit: int = LIMIT_MAX
    after: str = ""
    before: str = ""


WHOLE = Page()


def page_of(query: str) -> Page:
    """The part that an address asks for.

    Raises:
        Refused: A parameter makes no sense; names it.
    """
    given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    limit = given.get("limit", str(LIMIT_MAX))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= DIGITS_MAX and 1 <= int(limit) <= LIMIT_MAX):
        raise wrong("limit", f"must be a whole number from 1 to {LIMIT_MAX}")
    after, before = given.get("after_id", ""), given.get("before_id", "")
    if after and before:
        raise wrong("before_id", "cannot be given together with after_id")
    return Page(int(limit), after, before)


def listed(names: Sequence[str], created_s: int, *, anthropic: bool, page: Page = WHOLE) -> bytes:
    """All of them, or as Anthropic lists them a part.

    Raises:
        Refused: A part is to begin or end at a name that is not among them.
    """
    if not anthropic:
        return msgspec.json.encode({"object": "list", "data": [openai_model(name, created_s) for name in names]})
    found, has_more = _part(names, page)
    data = [anthropic_model(name) for name in found]
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    return msgspec.json.encode({"data": data, "has_more": has_more, **ends})


def _part(names: Sequence[str], page: Page) -> tuple[Sequence[str], bool]:
    """The part, and whether there is more in the direction in which it was asked for."""
    for parameter, name in (("after_id", page.after), ("before_id", page.before)):
        if name and name not in names:
            raise wrong(parameter, "is no model of this list")
    if page.before:
        end = names.index(page.before)
        begin = max(0, end - page.limit)
        return names[begin:end], begin > 0
    begin = names.index(page.after) + 1 if page.after else 0
    end = begin + page.limit
    return names[begin:end], end < len(names)


def shown(name: str, created_s: int, *, anthropic: bool) -> bytes:
    """One of them."""
    return msgspec.json.encode(anthropic_model(name) if anthropic else openai_model(name, created_s))
