"""Every name inside aiohttp, and inside aiohttp-socks, that is used here; and whether the installed release has them.

aiohttp promises nothing of what stands in this table: a method that is overridden, an attribute that begins with an
underscore. So the private way is taken only on releases on which all tests have run, and only with every name in place.
On any other the public way is taken, which uses what aiohttp documents: slower, told once in the log, and right.

A test reads the source of this room and holds the table to it, so that no use is left out and no row outlives its use.
"""

import asyncio
import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import aiohttp

TESTED = ("3.14",)
"""The releases of aiohttp (major.minor) on which the tests of the private way have run."""

TESTED_SOCKS = ("0.12",)
"""Those of aiohttp-socks."""

EVENT = "standby.public_way"


class Private(NamedTuple):
    """What is used of one class of aiohttp's.

    Attributes:
        of: The class, by its module and name.
        names: Attributes that are read or set, and methods that are called or overridden.
        why: What they are needed for.
        breaks: What would happen if they moved, and nothing looked.
    """

    of: str
    names: tuple[str, ...]
    why: str
    breaks: str


TABLE: tuple[Private, ...] = (
    Private(
        "aiohttp.streams.StreamReader",
        ("_buffer", "_size", "_http_chunk_splits", "_waiter", "_eof", "_exception"),
        "a body is taken whole, and waited for without a coroutine",
        "bodies that are empty, repeated or never wake their reader",
    ),
    Private(
        "aiohttp.streams.StreamReader",
        ("_high_water", "_high_water_chunks", "get_read_buffer_limits"),
        "what waits to be read is bounded, many small chunks included",
        "a consumer that stops holds more memory",
    ),
    Private(
        "aiohttp.base_protocol.BaseProtocol",
        ("_loop", "_reading_paused", "pause_reading", "resume_reading", "connection_made"),
        "a paused connection is resumed once, and only then; in asyncio's debug mode its transport shows no bytes",
        "a stream that hangs until it counts as silent",
    ),
    Private(
        "aiohttp.client_proto.ResponseHandler",
        ("data_received", "feed_data", "_buffer", "_parser"),
        "what comes on an idle connection closes it; interim responses are bounded",
        "one call gets the answer of another",
    ),
    Private(
        "aiohttp.client_proto.ResponseHandler",
        ("_payload", "connection_lost"),
        "a reset is no end of a body, and a broken one does end",
        "a truncated body without framing ends as if it were whole",
    ),
    Private(
        "aiohttp.client_proto.ResponseHandler",
        ("close", "abort", "force_close", "is_connected", "set_exception", "exception"),
        "a connection that is given up is closed at once",
        "a provider goes on generating, and billing, after its caller has left",
    ),
    Private(
        "aiohttp.client_proto.ResponseHandler",
        ("set_response_params", "read"),
        "a request over a kept connection goes without the machinery of a session",
        "no request over a kept connection",
    ),
    Private(
        "aiohttp.connector.BaseConnector",
        ("_conns", "_get", "_release", "_cleanup", "_cleanup_handle", "_loop", "_factory"),
        "idle connections are shared by all targets that are reached in the same way, and looked at before each use",
        "connections of aiohttp's own make, with its rules; no request over a kept connection",
    ),
    Private(
        "aiohttp.connector.BaseConnector",
        ("_acquired", "_limit", "connect", "close", "_close"),
        "a full pool says so, a fork lets go of what it inherits, and closing waits for the sockets",
        "a failure that names the wrong cause; sockets that outlive the Router",
    ),
    Private(
        "aiohttp.connector.Connection",
        ("transport", "protocol", "close", "release"),
        "one is made for a connection that is taken from the pool",
        "no request over a kept connection",
    ),
    Private(
        "aiohttp.client_reqrep.ClientResponse",
        ("start", "connection"),
        "a failure before the head closes the connection at once, and says whether it had been used before",
        "a call that is asked again, although its first request may have been carried out",
    ),
    Private(
        "aiohttp.http.HttpResponseParser",
        ("feed_eof",),
        "the beginning of a message behind the end of an answer is seen",
        "one call gets the answer of another",
    ),
)
"""Each with its reason. `missing` looks for every name."""

SOCKS_TABLE: tuple[Private, ...] = (
    Private(
        "aiohttp_socks.ProxyConnector",
        ("_connect_via_proxy",),
        "a connection through a SOCKS proxy is of our own class, and its failures are told from those of the target",
        "connections through a SOCKS proxy that are not looked at before they are used again",
    ),
)
"""Looked for only when a target has such a proxy."""


def obstacle(*, socks: bool) -> str | None:
    """Why the private way cannot be taken, in a few words; None: it can. Called in the event loop.

    Args:
        socks: A SOCKS proxy is used.
    """
    if socks not in _FOUND:
        _FOUND[socks] = _obstacle(socks=socks)
    return _FOUND[socks]


_FOUND: dict[bool, str | None] = {}
"""What `obstacle` has found, with SOCKS and without: a release does not change while it is in use."""


def _obstacle(*, socks: bool) -> str | None:
    known: list[tuple[str, str, tuple[str, ...], tuple[Private, ...]]] = [
        ("aiohttp", aiohttp.__version__, TESTED, TABLE)
    ]
    if socks:
        known.append(("aiohttp-socks", import_module("aiohttp_socks").__version__, TESTED_SOCKS, SOCKS_TABLE))
    for name, version, tested, table in known:
        if ".".join(version.split(".")[:2]) not in tested:
            return f"{name} {version} is not among the releases that were tested ({', '.join(tested)})"
        if gone := missing(table):
            return f"{name} {version} has no {gone[0]}"
    return None


def missing(table: tuple[Private, ...]) -> list[str]:
    """The names that the installed release does not have. Called in the event loop."""
    gone = []
    for row in table:
        try:
            held = _sample(row.of)
        except Exception:  # noqa: BLE001 - a class that has moved, or is made in another way, is one that cannot be used
            gone.append(row.of)
        else:
            gone += [f"{row.of}.{name}" for name in row.names if not hasattr(held, name)]
    return gone


def _sample(of: str) -> Any:
    """An object of the class, as far as its attributes are made with it; else the class itself."""
    module, _, name = of.rpartition(".")
    kind = getattr(import_module(module), name)
    make = _MADE.get(of)
    return kind if make is None else make(kind)


def _reader(kind: Any) -> Any:
    loop = asyncio.get_running_loop()
    return kind(import_module("aiohttp.base_protocol").BaseProtocol(loop), 1, loop=loop)


_MADE: dict[str, Callable[[Any], Any]] = {
    "aiohttp.streams.StreamReader": _reader,
    "aiohttp.base_protocol.BaseProtocol": lambda kind: kind(asyncio.get_running_loop()),
    "aiohttp.client_proto.ResponseHandler": lambda kind: kind(asyncio.get_running_loop()),
    "aiohttp.connector.BaseConnector": lambda kind: kind(),
}


class _Told:
    """What this process has said in its log."""

    public_way = False


def tell(why: str) -> None:
    """Warn, once in this process, that the public way is taken: by structlog, if the application uses it."""
    if _Told.public_way:
        return
    _Told.public_way = True
    import structlog

    detail = f"{why}; requests go the public way of aiohttp, which is slower and as right"
    try:
        if structlog.is_configured():
            structlog.get_logger("standby").warning(EVENT, detail=detail)
        else:
            logging.getLogger("standby").warning("event=%r detail=%r", EVENT, detail)
    except Exception as error:  # noqa: BLE001 - the application's own logging may raise anything: it costs no call its answer
        context = {"message": f"the log failed on {EVENT}: {type(error).__name__}"}
        asyncio.get_running_loop().call_exception_handler(context)
