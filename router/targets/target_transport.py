"""The transport of one live target: made at its first request, given up as a whole, and made anew by a later one."""

from collections.abc import Awaitable, Callable, Iterable

from ...providers.http.transport import HttpTransport
from ...providers.transport import Transport


class TargetTransport:
    """The transport of one live target.

    Attributes:
        present: The one in use; None: none is.
    """

    __slots__ = ("_leaving", "present")

    def __init__(self) -> None:
        self.present: Transport | None = None
        self._leaving: list[Transport] = []

    @property
    def waits(self) -> bool:
        """Is one given up that only `aclose` closes? The standard one closes at once."""
        return any(not isinstance(each, HttpTransport) for each in self._leaving)

    def use(self, transport: Transport) -> Transport:
        """Take a new one into use. Those given up before that have closed at once are remembered no more."""
        self._leaving = [each for each in self._leaving if not isinstance(each, HttpTransport)]
        self.present = transport
        return transport

    def close(self) -> None:
        """Give up the one in use; the standard one is closed with the loop's next rounds. Idempotent."""
        given_up, self.present = self.present, None
        if given_up is not None:
            self._leaving.append(given_up)
            if isinstance(given_up, HttpTransport):
                given_up.close()

    async def aclose(self) -> None:
        """Give up the one in use, and wait until nothing is open. Idempotent, also after a cancellation."""
        self.close()
        while self._leaving:
            leaving = self._leaving[-1]
            await leaving.aclose()
            if leaving in self._leaving:  # no other task was quicker
                self._leaving.remove(leaving)


async def close_all(closes: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Close one after another, to the last, whatever one of them raises: a transport may be third-party code.

    Raises:
        Exception: What the first one raised that did.
    """
    failed: Exception | None = None
    for close in closes:
        try:
            await close()
        except Exception as error:  # noqa: BLE001 - raised behind the last one
            failed = failed or error
    if failed is not None:
        try:
            raise failed
        finally:
            del failed  # it holds this frame
