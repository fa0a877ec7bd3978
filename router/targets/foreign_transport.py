"""A transport that the Router's user has brought: held to its protocol, as it may be third-party code.

What it raises is told as a failure of its target, in words that repeat nothing of it: the call goes on elsewhere. The
standard transport keeps its promises, and is asked without this layer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from ...providers.errors import ErrorKind, ProviderError
from ...providers.provider import ResponseHead, WireRequest
from ...providers.transport import Exchange, Transport

P = ParamSpec("P")
T = TypeVar("T")


class ForeignTransport:
    """One that may raise what it must not.

    Attributes:
        transport: What was brought.
    """

    __slots__ = ("transport",)

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> Exchange:
        """As the protocol says it.

        Raises:
            ProviderError: There is no response; or the transport has a bug.
        """
        return await _held("open", self._open, wire, connect_s, expect_stream)

    async def aclose(self) -> None:
        """As the protocol says it. What it raises is its user's to see."""
        await self.transport.aclose()

    async def _open(self, wire: WireRequest, connect_s: float, expect_stream: bool) -> Exchange:
        return ForeignExchange(await self.transport.open(wire, connect_s=connect_s, expect_stream=expect_stream))


class ForeignExchange:
    """A response of such a transport.

    Attributes:
        head, framed: Of the response.
    """

    __slots__ = ("_exchange", "framed", "head")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.head: ResponseHead = exchange.head
        self.framed: bool = exchange.framed

    @property
    def ended(self) -> bool:
        """As the protocol says it."""
        return self._exchange.ended

    async def read(self) -> bytes:
        """As the protocol says it.

        Raises:
            ProviderError: What the body has ended with; or the transport has a bug.
        """
        return await _held("read", self._exchange.read)

    async def read_until(self, until_s: float) -> bytes | None:
        """As the protocol says it.

        Raises:
            ProviderError: As `read`.
        """
        return await _held("read_until", self._exchange.read_until, until_s)

    def interrupt(self, error: ProviderError) -> None:
        """As the protocol says it; a bug in it harms no other attempt whose clock runs out."""
        try:
            self._exchange.interrupt(error)
        except Exception as bug:  # noqa: BLE001 - it is third-party code
            _tell("interrupt", bug)

    def close(self) -> None:
        """As the protocol says it; a bug in it harms nothing."""
        try:
            self._exchange.close()
        except Exception as bug:  # noqa: BLE001 - it is third-party code
            _tell("close", bug)

    def release(self) -> None:
        """As the protocol says it; a bug in it harms nothing."""
        try:
            self._exchange.release()
        except Exception as bug:  # noqa: BLE001 - it is third-party code
            _tell("release", bug)


async def _held(method: str, ask: Callable[P, Awaitable[T]], *args: P.args, **named: P.kwargs) -> T:
    """What a method gives, or a `ProviderError`.

    A cancellation that is not that of the task is a bug too: libraries cancel waits of their own.
    """
    try:
        return await ask(*args, **named)
    except ProviderError:
        raise
    except asyncio.CancelledError as bug:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        what = _words(method, bug)
    except Exception as bug:  # noqa: BLE001 - it is third-party code
        what = _words(method, bug)
    raise ProviderError(ErrorKind.PROTOCOL, what)


def _words(method: str, bug: BaseException) -> str:
    """What is said of a bug: its type, as its text may repeat a request."""
    return f"the transport's {method} raised {type(bug).__name__}: a bug in it"


def _tell(method: str, bug: Exception) -> None:
    """Tell of a bug where no call can fail by it, as asyncio tells of those in callbacks."""
    asyncio.get_running_loop().call_exception_handler({"message": f"standby: {_words(method, bug)}"})
