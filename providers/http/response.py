"""A response over a connection of which more is known than aiohttp tells."""

from typing import TYPE_CHECKING, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError

from .body import Body
from .exceptions import fault

if TYPE_CHECKING:
    from .connector import Line


class OverLine:
    """What an exchange asks of a response, by its connection.

    Attributes:
        connection: None once it is given back.
        line: What it came over.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def connection(self) -> Connection | None: ...

        line: ResponseHandler | None

        def close(self) -> None: ...

    @property
    def breaks_http(self) -> bool:
        """Has anything come over the connection that is no HTTP?"""
        connection = self.connection
        line = None if connection is None else connection.protocol
        return line is not None and isinstance(line.exception(), HttpProcessingError)

    def abort(self) -> None:
        """Give the response up: its socket is closed at once."""
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self.close()

    def spoil(self) -> None:
        """Let nothing more come over the connection, although it was given back."""
        if self.line is not None:
            self.line.force_close()
            self.line.abort()


class Response(OverLine, aiohttp.ClientResponse):
    """A response that knows its connection, and that fails with our error.

    Attributes:
        reused: The connection had carried an exchange before.
        line: What it came over.
        body: What comes behind its head.
    """

    reused = False
    line: ResponseHandler | None = None
    body: Body

    @property
    def is_over(self) -> bool:
        """The connection is given back."""
        return self.connection is None

    async def start(self, connection: Connection) -> "Response":
        where = f"{self.url.raw_host}:{self.url.port}"
        line, transport = cast("Line | None", connection.protocol), connection.transport
        if line is None or transport is None:
            raise fault(aiohttp.ServerDisconnectedError(), where)  # it was lost while the request was being sent
        self.reused, self.line = getattr(line, "used", False), line
        line.used = True  # a caller's connector has lines of aiohttp's own, which take the attribute too
        try:
            await super().start(connection)
        except Exception as error:  # noqa: BLE001 - every error becomes ours, by the table
            failure = fault(error, where, reused=self.reused, answered=getattr(line, "answered", False))
            transport.abort()
        except BaseException:
            transport.abort()
            raise
        else:
            self.body = Body.of(self.content, line)
            return self
        try:
            raise failure
        finally:
            del failure  # it holds this frame
