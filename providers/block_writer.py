"""What two dialects of content blocks have in common: Anthropic's Messages API, and Converse, which grew from it."""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from .fit import json_object
from .messages import Cache, ChatRequest, FilePart, ImagePart, Message, TextPart
from .returning import Returning
from .turns import cache_marks

Block: TypeAlias = dict[str, Any] | msgspec.Raw
Given: TypeAlias = TextPart | ImagePart | FilePart

MARKS_MAX = 4
"""Maximum of marks for the cache in one request, in both APIs."""


class BlockWriter:
    """Writes the blocks of one request.

    Attributes:
        notes: What was left out, by the feature's name.

    Args:
        returning: Which opaque state goes back.
    """

    def __init__(self, chat: ChatRequest, returning: Returning) -> None:
        self._returning = returning
        self._too_many = max(0, cache_marks(chat) - MARKS_MAX)
        self.notes: dict[str, str] = {}
        if self._too_many:
            self.notes["cache marks"] = f"left out, the first {self._too_many} of them: this API takes {MARKS_MAX}"

    def _mark(self, cache: Cache | None) -> dict[str, str] | None:
        """How long the prompt may be cached up to here, beside the kind of mark; None: there is no mark, or too many.

        The last ones count, since they cover what stands before them; what is usual is not said.
        """
        if cache is None:
            return None
        if self._too_many:
            self._too_many -= 1
            return None
        return {"ttl": cache} if cache != "5m" else {}

    def _own_json(self, state: str, message: Message) -> msgspec.Raw | None:
        """JSON that this API wrote once, as it was; None, if another one did, or it is no object."""
        own = self._returning.state(state, message)
        found = None if own is None else json_object(own)
        if own is not None and found is None:
            self.notes["native parts"] = "left out where they are no JSON objects: nothing else can be one of this API"
        return found

    def _own_citation(self, details: str | None, message: Message) -> msgspec.Raw | None:
        """A citation as this API wrote it; None, if it did not."""
        if details is None:
            self.notes["citations"] = "left out where they are not this API's own: it takes them as it wrote them"
            return None
        return self._own_json(details, message)


def given(message: Message, says: Callable[[str], object] = bool) -> list[Given]:
    """The texts, images and files of a turn.

    Args:
        says: Whether a text says anything, so that the API takes it.
    """
    return [
        part
        for part in message.content
        if isinstance(part, ImagePart | FilePart) or (isinstance(part, TextPart) and says(part.text))
    ]
