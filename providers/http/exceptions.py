"""Map failures of the connection to our kinds: one table of aiohttp's exceptions, and of the system's.

Nothing of aiohttp crosses this module: its exceptions hold request headers, URLs and raw heads in their `repr` and
`args`. An error made here says in our words what happened, and names a host and a port at most. The order of the table
matters: aiohttp's timeouts are at once client errors, timeouts and OS errors, its certificate errors are ValueErrors.
"""

import errno
import socket
import ssl
from functools import cache
from http import HTTPStatus
from typing import NamedTuple

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from ..errors import ErrorKind, ProviderError


class Row(NamedTuple):
    """What one class of exceptions means. `local`: the cause is on our side, it hurts no target's health."""

    exception: type[Exception]
    kind: ErrorKind
    words: str
    local: bool = False


TABLE: tuple[Row, ...] = (
    Row(aiohttp.ClientHttpProxyError, ErrorKind.CONNECT, "the proxy refused to connect us to {where}", local=True),
    Row(aiohttp.ClientProxyConnectionError, ErrorKind.CONNECT, "no connection to the proxy", local=True),
    Row(aiohttp.ClientConnectorCertificateError, ErrorKind.TLS, "the certificate of {where} is not trusted"),
    Row(aiohttp.ServerFingerprintMismatch, ErrorKind.TLS, "the certificate of {where} is not the pinned one"),
    Row(aiohttp.ClientConnectorSSLError, ErrorKind.TLS, "no TLS with {where}"),
    Row(aiohttp.ClientSSLError, ErrorKind.TLS, "no TLS with {where}"),
    Row(aiohttp.ClientConnectorDNSError, ErrorKind.DNS, "the name of {where} cannot be resolved"),
    Row(aiohttp.ConnectionTimeoutError, ErrorKind.CONNECT, "no connection to {where} within connect_s"),
    Row(aiohttp.ClientConnectorError, ErrorKind.CONNECT, "no connection to {where}"),
    Row(aiohttp.ServerTimeoutError, ErrorKind.TIMEOUT, "{where} did not answer in time"),
    Row(aiohttp.ServerDisconnectedError, ErrorKind.DISCONNECTED, "{where} closed the connection without an answer"),
    Row(aiohttp.ClientPayloadError, ErrorKind.TRUNCATED, "the connection to {where} was cut within the body"),
    Row(aiohttp.ClientResponseError, ErrorKind.PROTOCOL, "{where} sent no valid HTTP/1.1, or an oversized head"),
    Row(HttpProcessingError, ErrorKind.PROTOCOL, "{where} sent no valid HTTP/1.1, or an oversized head"),
    Row(aiohttp.InvalidURL, ErrorKind.PROTOCOL, "the URL is not valid; check base_url", local=True),
    Row(aiohttp.NonHttpUrlClientError, ErrorKind.PROTOCOL, "the URL is not http or https; check base_url", local=True),
    Row(ssl.SSLError, ErrorKind.TLS, "TLS with {where} failed"),
    Row(aiohttp.ClientOSError, ErrorKind.DISCONNECTED, "the connection to {where} broke before an answer"),
    Row(aiohttp.ClientConnectionError, ErrorKind.DISCONNECTED, "the connection to {where} broke before an answer"),
    Row(aiohttp.UploadAbortedError, ErrorKind.DISCONNECTED, "the request was not taken whole by {where}"),
    Row(TimeoutError, ErrorKind.CONNECT, "no connection to {where} within connect_s"),
    Row(OSError, ErrorKind.CONNECT, "no connection to {where}"),
    Row(aiohttp.ClientError, ErrorKind.PROTOCOL, "the exchange with {where} failed"),
    Row(Exception, ErrorKind.PROTOCOL, "the exchange with {where} failed"),
)
"""Most specific first; the first row that fits holds. The last one fits everything."""

LOCAL_ERRNOS = {
    errno.EMFILE: "this process has no file descriptors left",
    errno.ENFILE: "this machine has no file descriptors left",
    errno.EADDRNOTAVAIL: "this machine has no local port left",
    errno.ENOBUFS: "this machine has no network buffers left",
    errno.ENOMEM: "this machine has no memory left",
    errno.ENETUNREACH: "this machine has no route there",
    errno.ENETDOWN: "this machine's network is down",
}
"""Causes on our own side: they say nothing about a target."""

_ERRNOS = LOCAL_ERRNOS | {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ETIMEDOUT: "timed out",
}


def fault(
    error: Exception, where: str, *, via: str | None = None, reused: bool = False, answered: bool = False
) -> ProviderError:
    """Our error for one of aiohttp's, from asking to the head of the response.

    Args:
        error: What was raised. Nothing of it is kept.
        where: Host and port that were asked.
        via: Host and port of the proxy in between.
        reused: The connection had carried an exchange before.
        answered: Bytes of an answer had come.
    """
    row = _row_of(type(error))  # type: ignore[arg-type]  # to mypy, classes are not hashable
    kind, words, local = row.kind, row.words.format(where=where), row.local
    answered = answered or (isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str))
    if kind is ErrorKind.DISCONNECTED and answered:
        kind, words = ErrorKind.PROTOCOL, f"{where} broke off in the middle of the response's head"
    if via is not None and _at_proxy(error, kind, where):
        kind, local = ErrorKind.CONNECT, True
        words = row.words.format(where=where) if row.local else f"the proxy {via} did not connect us to {where}"
    reason, ours = _reason(error)
    return ProviderError(
        kind,
        f"{words} ({reason})" if reason else words,
        local=local or ours,
        reused_connection=reused and not answered and kind is ErrorKind.DISCONNECTED,
    )


def let_go(error: BaseException) -> None:
    """Take the frames from an exception that is over and done with, and from those that caused it.

    Frames hold exceptions and those hold frames, so that a request would stay in memory until the garbage collector
    comes, and it would have to come often. What it was raised in the midst of may be the caller's own, and is let be.
    """
    found: list[BaseException | None] = [error]
    while found:
        each = found.pop()
        if each is not None and each.__traceback__ is not None:
            each.__traceback__ = None
            found += (each.__cause__, getattr(each, "os_error", None))


@cache
def _row_of(kind: type[Exception]) -> Row:
    return next(row for row in TABLE if issubclass(kind, row.exception))


def _at_proxy(error: Exception, kind: ErrorKind, where: str) -> bool:
    """Did it fail at the proxy? With one in between, only the connector's errors name the host they tried to reach."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}" != where or isinstance(error, aiohttp.ClientProxyConnectionError)
    return kind in (ErrorKind.DISCONNECTED, ErrorKind.PROTOCOL)


def _reason(error: Exception) -> tuple[str, bool]:
    """More about it, in words that are safe to show, and whether the cause is on our side."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        hint = ", check its user and password" if error.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED else ""
        return f"HTTP {error.status}{hint}", True
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return getattr(error.certificate_error, "verify_message", ""), False
    if isinstance(error, ssl.SSLError):
        reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        return str(getattr(reason, "reason", None) or "").lower().replace("_", " "), False
    if isinstance(error, OSError):
        cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        number = None if isinstance(cause, socket.gaierror) else cause.errno  # the resolver numbers its own errors
        return _ERRNOS.get(number or 0, ""), number in LOCAL_ERRNOS
    if isinstance(error, aiohttp.ClientError | HttpProcessingError):
        return "", False
    return type(error).__name__, False
