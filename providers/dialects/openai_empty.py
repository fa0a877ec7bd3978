"""A stream of no bytes: the way in which the server of llama-cpp-python refuses a prompt that is too long for it.

Its status, 200, is out before the prompt is counted, and then there is nothing that it says (its whole answers are
refused with a 400 and words). Whether such a server stands there is told by its `server` header.
"""

from ..decoder_base import BaseDecoder
from ..errors import ErrorKind, ProviderError
from ..events import ProviderEvent
from ..provider import Decoder


class EmptyStreamDecoder(BaseDecoder):
    """The decoder of a stream that means by its silence that the prompt is too long.

    Args:
        inner: The decoder of what is said.
    """

    def __init__(self, inner: Decoder) -> None:
        self._inner = inner
        self._is_empty = True

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """See `Decoder`."""
        if data:
            self._is_empty = False
        return self._follow(self._inner, self._inner.feed(data))

    def end(self) -> list[ProviderEvent]:
        """See `Decoder`."""
        events = self._follow(self._inner, self._inner.end())
        if self._is_empty:
            self.failure = ProviderError(
                ErrorKind.CONTEXT_LENGTH, "a stream of no bytes: so this server refuses too long a prompt"
            )
        return events
