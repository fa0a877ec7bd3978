"""An ASGI server, as far as an app sees it: messages go in and come out, and a client may leave."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway_stage import PATIENCE_S

GONE = {"type": "http.disconnect"}


def piece(body: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


class Server:
    """An ASGI server, as far as an app sees it.

    Attributes:
        sent: The messages of the app.
    """

    def __init__(self, *messages: dict[str, Any], send: Callable[[], Awaitable[None]] | None = None) -> None:
        self._coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for message in messages:
            self.comes(message)
        self._send = send
        self.sent: list[Any] = []

    def comes(self, message: dict[str, Any]) -> None:
        self._coming.put_nowait(message)

    async def receive(self) -> Any:
        return await self._coming.get()

    async def send(self, message: Any) -> None:
        if self._send is not None:
            await self._send()
        self.sent.append(message)

    async def run(self, app: Any, **scope: Any) -> None:
        about = {
            "type": "http", "method": "POST", "path": "/v1/a b", "raw_path": b"/v1/a%20b", "query_string": b"x=1",
            "headers": [(b"x-twice", b"a"), (b"x-twice", b"b")], "client": ("10.0.0.9", 4711), "scheme": "https",
        }  # fmt: skip
        async with asyncio.timeout(PATIENCE_S):
            await app({**about, **scope}, self.receive, self.send)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(each["body"] for each in self.sent[1:])

    @property
    def is_whole(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False
