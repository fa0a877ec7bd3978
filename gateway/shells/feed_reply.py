"""An answer that is read elsewhere: in another thread, in another event loop, or in another task of this one."""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeAlias

from ...router.threads.feed import Feed
from ..http import Fields, Handler, Reply, Request
from .answering import Note, answer, no_note
from .rendering import field_lines


class Head(NamedTuple):
    """The head of an answer.

    Attributes:
        fields: Without one of the body's length.
        data: The first piece of the body, perhaps empty.
        is_whole: It is all of the body.
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
    """A `Reply` that goes into a feed. It leaves to the reader what follows from the request's method."""

    __slots__ = ("_feed", "_state")

    def __init__(self, feed: Feed[Part]) -> None:
        self._feed = feed
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
        """Send an answer that is all there."""
        await self._begin(status, fields, body, is_whole=True)
        self._state = "whole"

    async def start(self, status: int, fields: Fields, data: bytes = b"") -> None:
        """Send the head, and the first piece of the body."""
        await self._begin(status, fields, data, is_whole=False)

    async def chunk(self, data: bytes) -> None:
        """Send a piece of the body, and wait while the reader is behind."""
        if self._state != "started":
            raise RuntimeError("a piece of an answer that is not under way")
        if data:
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
        await self._feed.put(Head(status, fields, data, is_whole), len(data))


def feeding(
    handler: Handler, request: Request, note: Note = no_note
) -> Callable[[Feed[Part]], Coroutine[Any, Any, None]]:
    """What puts the answer to a request into a feed.

    It raises `Unfinished` at the end of an answer that did not come to its own.
    """

    async def work(feed: Feed[Part]) -> None:
        reply = FeedReply(feed)
        await answer(handler, request, reply, note)
        if not reply.is_whole:
            raise Unfinished("the body of the answer broke off")

    return work


async def pass_on(feed: Feed[Part], reply: Reply) -> None:
    """Give what comes in a feed to a reply of this loop, and leave the feed."""
    try:
        found = await feed.take_async()
        head = found[0]
        assert isinstance(head, Head)
        if head.is_whole:
            await reply.whole(head.status, head.fields, head.data)
            return
        await reply.start(head.status, head.fields, head.data)
        del found[0]
        while True:
            if data := b"".join([piece for piece in found if isinstance(piece, bytes)]):
                await reply.chunk(data)
            if not (found := await feed.take_async()):
                await reply.end()
                return
    except Unfinished:
        reply.abort()
    finally:
        feed.leave()
