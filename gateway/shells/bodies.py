"""Bodies of requests: read whole, within a size and at a pace."""

import asyncio

from aiohttp import web
from multidict import MultiMapping

from ...config import Clients
from ..http import RequestRefused
from .connection import Connection
from .rendering import CONTINUE

UNCOMPRESSED = (("accept-encoding", "identity"),)
"""What a client is told to send instead."""

DIGITS_MAX = 20
"""Digits of a length that are looked at: all of any that can be."""


async def read_body(incoming: web.BaseRequest, connection: Connection, clients: Clients) -> bytes:
    """Read the body of a request, after asking for it if the client waits to be asked.

    Raises:
        RequestRefused: It is too large, too slow, compressed, or broken off.
    """
    content, most = incoming.content, clients.body_bytes_max
    if (refused := unfit_body(incoming.headers, most)) is not None:
        raise refused
    try:
        if content.is_eof():  # it came along with the head
            body = content.read_nowait()
            if len(body) > most:
                raise too_large(most)
            return body
        if "expect" in incoming.headers:
            connection.write(CONTINUE)
        return await _read_slowly(incoming, clients)
    except web.RequestPayloadError:
        raise RequestRefused(400, "The body of the request is broken.") from None


async def _read_slowly(incoming: web.BaseRequest, clients: Clients) -> bytes:
    pieces = bytearray()
    began_s = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(began_s + clients.body_s) as patience:
            while piece := await incoming.content.readany():
                pieces += piece
                if len(pieces) > clients.body_bytes_max:
                    raise too_large(clients.body_bytes_max)
                patience.reschedule(began_s + clients.body_s + len(pieces) / clients.body_min_bytes_per_s)
    except TimeoutError:
        raise RequestRefused(408, "The body of the request did not come in time.") from None
    return bytes(pieces)


def unfit_body(headers: MultiMapping[str], most: int) -> RequestRefused | None:
    """Look at what the headers tell of a body: why it is not taken, if so."""
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        return RequestRefused(415, "Bodies of requests are taken uncompressed only.", UNCOMPRESSED)
    length = headers.get("content-length", "")
    return too_large(most) if length.isdigit() and int(length[:DIGITS_MAX]) > most else None


def too_large(most: int) -> RequestRefused:
    """Say that a body is too large."""
    return RequestRefused(413, f"The body of the request is larger than {most} bytes.")
