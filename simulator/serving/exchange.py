"""The simulator's log of requests: one `Exchange` per request, bounded. Nothing of it goes to any logger."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Literal, TypeAlias

from ..scenario.request import Request

Ending: TypeAlias = Literal["completed", "cut", "left", "stopped"]
"""The response was told to its end; the script closed the connection; the client left first; the simulator closed."""

LOG_MAX = 1000
LOG_MAX_BYTES = 64 * 1024 * 1024


class Exchange:
    """One request and what became of it. All times are seconds since the simulator started.

    Attributes:
        request: What was asked.
        connection: Counts the connections of the simulator, from 1.
        on_connection: Counts the requests on that connection, from 1: 2 and more came on a kept-alive one.
        arrived_s: When the request was whole.
        ended: How it ended; None while it goes on.
        ended_s: When it ended.
        bytes_written: Handed to the connection, head and framing included.
        done: Set when it has ended, however that was.
        left: Set when the client left before the response was told to its end.
        afterwards: What the script says of the idle connection has happened.
    """

    def __init__(self, request: Request, connection: int, on_connection: int, arrived_s: float) -> None:
        self.request = request
        self.connection = connection
        self.on_connection = on_connection
        self.arrived_s = arrived_s
        self.ended: Ending | None = None
        self.ended_s: float | None = None
        self.bytes_written = 0
        self.done = asyncio.Event()
        self.left = asyncio.Event()
        self.afterwards = False

    @property
    def provider(self) -> str:
        """The simulated provider that was asked; empty when no prefix matched."""
        return self.request.provider

    def end(self, how: Ending, now_s: float) -> None:
        """Note the end; the first one counts."""
        if self.ended is not None:
            return
        self.ended, self.ended_s = how, now_s
        self.done.set()
        if how == "left":
            self.left.set()

    def __repr__(self) -> str:
        state = self.ended or "going on"
        return f"Exchange({self.request!r}, connection {self.connection}.{self.on_connection}, {state})"


class ExchangeLog:
    """The newest exchanges: at most `LOG_MAX`, and bodies of at most `LOG_MAX_BYTES` together; one at least."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque()
        self._bytes = 0

    def add(self, exchange: Exchange) -> None:
        self._exchanges.append(exchange)
        self._bytes += len(exchange.request.body)
        while len(self._exchanges) > 1 and (len(self._exchanges) > LOG_MAX or self._bytes > LOG_MAX_BYTES):
            self._bytes -= len(self._exchanges.popleft().request.body)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._exchanges))
