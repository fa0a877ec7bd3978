"""How a server ends: asked once, it lets what is under way finish; asked twice, it ends at once."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

LAST_WORDS_S = 5.0
"""So long streams that are told of the end may take to end by themselves."""

LOOK_S = 1.0
"""How often connections that have become idle are closed while the last answers go on."""

DONE, BROKEN_OFF = 0, 3
"""Exit codes: every answer came to its end; or some were broken off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """How long the end may take.

    Attributes:
        delay_s: So long new requests are still taken, until balancers have seen that it ends.
        wait_s: Then, how long open streams may go on before they are told.
    """

    delay_s: float = 5.0
    wait_s: float = 600.0


class Stop:
    """The wish to end, by a signal or a call.

    Attributes:
        asked: Set when it was asked for once.
        at_once: Set when it was asked for again.
    """

    def __init__(self) -> None:
        self.asked, self.at_once = asyncio.Event(), asyncio.Event()

    def ask(self) -> None:
        """Ask for the end; the second time, for one that waits for nothing."""
        (self.at_once if self.asked.is_set() else self.asked).set()


class Ending(Protocol):
    """What is told about the end, beside the server itself."""

    def leaving(self) -> None:
        """No longer be ready: balancers shall send new requests elsewhere."""
        ...

    async def last_words(self) -> None:
        """Tell every stream that goes on that the server ends, in its dialect, and end it."""
        ...


class Server(Protocol):
    """The server that ends."""

    @property
    def in_flight(self) -> int: ...
    def leave(self) -> None: ...
    def close_idle(self) -> None: ...
    def abort(self) -> None: ...
    async def emptied(self) -> None: ...


class Listeners(Protocol):
    """What new connections come by."""

    def close(self) -> None: ...


async def end(server: Server, listeners: Listeners, service: Ending, drain: Drain, stop: Stop) -> int:
    """End a server that was asked to; its exit code.

    Not ready at once. New requests are taken for `delay_s`, each on a connection that closes behind it. Then nothing
    listens, idle connections close, and answers go on for up to `wait_s`. What goes on still is told, and cut off.
    """
    service.leaving()
    server.leave()
    gently = asyncio.create_task(_gently(server, listeners, service, drain))
    at_once = asyncio.create_task(stop.at_once.wait())
    try:
        await asyncio.wait({gently, at_once}, return_when=asyncio.FIRST_COMPLETED)
        broken_off = not gently.done() and server.in_flight > 0
        if gently.done():
            broken_off = not gently.result()
    finally:
        for task in (gently, at_once):
            task.cancel()
        await asyncio.gather(gently, at_once, return_exceptions=True)
        listeners.close()
        server.abort()
    await server.emptied()
    return BROKEN_OFF if broken_off else DONE


async def _gently(server: Server, listeners: Listeners, service: Ending, drain: Drain) -> bool:
    """Wait for all answers; whether none was broken off."""
    await asyncio.sleep(drain.delay_s)
    listeners.close()
    if await _emptied(server, drain.wait_s):
        return True
    told = asyncio.create_task(service.last_words())
    try:
        await _emptied(server, LAST_WORDS_S)
    finally:
        told.cancel()
        await asyncio.gather(told, return_exceptions=True)
    return False


async def _emptied(server: Server, within_s: float) -> bool:
    """Wait until no connection is left, and close those that become idle."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + within_s
    while True:
        server.close_idle()
        try:
            async with asyncio.timeout(max(0.0, min(LOOK_S, until_s - loop.time()))):
                await server.emptied()
        except TimeoutError:
            if loop.time() >= until_s:
                return False
        else:
            return True
