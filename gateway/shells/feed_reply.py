"""An answer that is read elsewhere: in another thread, in another event loop, or in another task of this one."""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeAlias

from ...router.threads.feed import Feed
from ..http import Fields, Handler, Request
from .answering import Note, answer, no_note
from .rendering import BODILESS, field_lines


class Head(NamedTuple):
    """The head of an answer.

    Attributes:
        data: The first piece of the body, perhaps empty.
        is_whole: It is all of the body, and the fields say its length.
    """

    status: int
    fields: Fields
    data: bytes
    is_whole: bool


Part: TypeAlias = Head | bytes
"""What a feed holds of an answer: first its head, then pieces of its body."""


class Unfinished(ConnectionError):
    """The body of an answer broke off, as when a server closes the connection within it."""


class FeedReply:
    """A `Reply` that goes into a feed."""

    __slots__ = ("_feed", "_head_only", "_state")

    def __init__(self, feed: Feed[Part], *, head_only: bool) -> None:
        self._feed, self._head_only = feed, head_only
        self._state = "new"

    @property
    def started(self) -> bool:
        """Whether a status has been sent."""
        return self._state != "new"

    @property
    def is_whole(self) -> bool:
        """Whether the answer has come to its proper end."""
        return self._state == "whole"

    async def whole(self, status: int, fields: Fields, body: bytes) -> None:
        """Send an answer with its length."""
        length = () if status in BODILESS else (("content-length", str(len(body))),)
        await self._begin(status, (*fields, *length), b"" if status in BODILESS else body, is_whole=True)
        self._state = "whole"

    async def start(self, status: int, fields: Fields, data: bytes = b"") -> None:
        """Send the head, and the first piece of the body."""
        await self._begin(status, fields, data, is_whole=False)

    async def chunk(self, data: bytes) -> None:
        """Send a piece of the body, and wait while the reader is behind."""
        if self._state != "started":
            raise RuntimeError("a piece of an answer that is not under way")
        if data and not self._head_only:
            await self._feed.put(data, len(data))

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece, and end."""
        await self.chunk(data)
        self._state = "whole"

    def abort(self) -> None:
        """Leave the answer unfinished."""
        self._state = "aborted"

    async def _begin(self, status: int, fields: Fields, data: bytes, *, is_whole: bool) -> None:
        if self._state != "new":
            raise RuntimeError("a second answer to one request")
        field_lines(fields)  # looks at them
        self._state = "started"
        data = b"" if self._head_only else data
        await self._feed.put(Head(status, fields, data, is_whole), len(data))


def feeding(
    handler: Handler, request: Request, note: Note = no_note
) -> Callable[[Feed[Part]], Coroutine[Any, Any, None]]:
    """What puts the answer to a request into a feed.

    It raises `Unfinished` at the end of an answer that did not come to its own.
    """

    async def work(feed: Feed[Part]) -> None:
        reply = FeedReply(feed, head_only=request.method == "HEAD")
        await answer(handler, request, reply, note)
        if not reply.is_whole:
            raise Unfinished("the body of the answer broke off")

    return work
