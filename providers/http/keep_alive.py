"""A request over a connection that lies idle in the pool, without the machinery of aiohttp's session.

A session makes a URL, header maps, a writer and a task for each request, which cost more than all that is done with
the answer. What a target is asked over and over has the same head each time, so it is put together once. The
connection, its pool and its parser are the same as the session's, and so are the rules of both. Whatever must be opened
first, goes through a proxy, is large, or has a header that changes how a message ends, is the session's to send.

What many tasks ask in one turn of the loop leaves together in the next: an upstream or a proxy on the same machine,
which sleeps in between, is then woken once for all of them. That is a fifth of what a call costs.

What this module uses of aiohttp's insides stands in the table of `privates`.
"""

import types
from collections.abc import Generator
from typing import TYPE_CHECKING, ClassVar

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ..opaque import Opaque
from .body import Body
from .connector import Line, PooledConnector
from .exceptions import fault
from .response import OverLine

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey

_OF_THE_SESSION = ("connection", "content-length", "expect", "transfer-encoding", "upgrade")
"""Headers that change how a message is sent, or ends."""

_SWITCHING_PROTOCOLS = 101


class KeptResponse(OverLine, Opaque):
    """The response to a request that came over a kept connection; as much of aiohttp's as an exchange needs.

    Attributes:
        connection: None once it is given back.
        line: What it came over.
        body: What comes behind its head.
        is_over: The connection is given back.
        reused: Always.
    """

    _connection: Connection
    line: ResponseHandler | None
    status: int
    headers: CIMultiDictProxy[str]
    body: Body
    is_over: bool = False
    reused: ClassVar[bool] = True

    @property
    def connection(self) -> Connection | None:
        return None if self.is_over else self._connection

    def close(self) -> None:
        """Give the connection up."""
        if not self.is_over:
            self.is_over = True
            self._connection.close()

    def ended(self) -> None:
        """The body has ended: the connection is free for others."""
        if not self.is_over:
            self.is_over = True
            self._connection.release()


def head(url: URL, headers: "CIMultiDict[str]") -> bytes | None:
    """The head of a POST up to its length, which is left to be filled in; None: the session must send this.

    Args:
        headers: All of them, checked.
    """
    if any(name in headers for name in _OF_THE_SESSION):
        return None
    lines = [f"POST {url.raw_path_qs} HTTP/1.1", f"Host: {headers.get('host') or url.host_port_subcomponent}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "host"]
    if "content-type" not in headers:
        lines.append("Content-Type: application/octet-stream")
    return "\r\n".join([*lines, "Content-Length: "]).encode("ascii")


@types.coroutine
def _turn() -> Generator[None]:
    """As `asyncio.sleep(0)`, without a coroutine around it."""
    yield


async def ask(
    pool: PooledConnector, key: "ConnectionKey", start: bytes, body: bytes, where: str, buffer_bytes: int
) -> KeptResponse | None:
    """Send a request and wait for the head of its response; None: no connection lies idle, and nothing was sent.

    Args:
        start: As `head` gives it.
        where: Host and port, for messages.
        buffer_bytes: How much of the body may wait to be read.

    Raises:
        ProviderError: As `HttpTransport.open` says it.
        asyncio.CancelledError: The task was cancelled. The socket is closed.
    """
    if pool._acquired:
        await _turn()  # with those of other tasks in one go, and only then is the connection looked at
    connection = pool.take(key)
    if connection is None:
        return None
    line = connection.protocol
    assert isinstance(line, Line)
    transport = line.transport
    assert transport is not None
    try:
        line.set_response_params(
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=buffer_bytes,
        )
        # As a view: its repr shows nothing, and asyncio in debug mode logs what fails, with its frame.
        transport.write(memoryview(b"%b%d\r\n\r\n%b" % (start, len(body), body)))
        while True:
            message, content = await line.read()
            if not 100 <= message.code <= 199 or message.code == _SWITCHING_PROTOCOLS:
                break
    except Exception as error:  # noqa: BLE001 - every error becomes ours, by the table
        failure = fault(error, where, reused=True, answered=line.answered)
        transport.abort()
        connection.close()
    except BaseException:
        transport.abort()
        connection.close()
        raise
    else:
        response = KeptResponse(connection, line, message.code, message.headers, Body.of(content, line))
        content.on_eof(response.ended)
        return response
    try:
        raise failure
    finally:
        del failure  # it holds this frame
