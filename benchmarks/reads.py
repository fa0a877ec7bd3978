"""Counts how often a client took bytes from its connection, apart from what is measured: counting costs time."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def counted_reads() -> Iterator[Callable[[], int]]:
    """Count the reads of all connections: of aiohttp, ours, and of anyio, on which httpx stands."""
    count = 0

    def counting(read: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            return await read(*args, **options)

        return counted

    places = [
        ("aiohttp.streams", "StreamReader", "readany"),
        ("standby.providers.http.exchange", "HttpExchange", "read"),
        ("standby.providers.http.exchange", "Exchange", "read"),  # as releases called it that runs are compared with
        ("anyio._backends._asyncio", "SocketStream", "receive"),
    ]
    patched = []
    for module, name, method in places:
        if module in sys.modules:
            if (owner := getattr(sys.modules[module], name, None)) is None:
                continue
            patched.append((owner, method, getattr(owner, method)))
            setattr(owner, method, counting(getattr(owner, method)))
    try:
        yield lambda: count
    finally:
        for owner, method, original in patched:
            setattr(owner, method, original)
