"""The table from exceptions to kinds: every class of aiohttp has its row, and no row hides another."""

import errno
import itertools
import ssl
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from standby.providers import ErrorKind
from standby.providers.http.exceptions import LOCAL_ERRNOS, TABLE, Row, fault, let_go

from canaries import CANARY_KEY, assert_no_canary

CONNECT, DNS, TLS = ErrorKind.CONNECT, ErrorKind.DNS, ErrorKind.TLS
DISCONNECTED, TRUNCATED, PROTOCOL, TIMEOUT = (
    ErrorKind.DISCONNECTED,
    ErrorKind.TRUNCATED,
    ErrorKind.PROTOCOL,
    ErrorKind.TIMEOUT,
)
WHERE = "provider.test:443"
KEY = ConnectionKey("provider.test", 443, True, True, None, None, None, None)

EXPECTED = {
    "ClientConnectionError": DISCONNECTED,
    "ClientConnectionResetError": DISCONNECTED,
    "ClientConnectorCertificateError": TLS,
    "ClientConnectorDNSError": DNS,
    "ClientConnectorError": CONNECT,
    "ClientConnectorSSLError": TLS,
    "ClientError": PROTOCOL,
    "ClientHttpProxyError": CONNECT,
    "ClientOSError": DISCONNECTED,
    "ClientPayloadError": TRUNCATED,
    "ClientProxyConnectionError": CONNECT,
    "ClientResponseError": PROTOCOL,
    "ClientSSLError": TLS,
    "ConnectionTimeoutError": CONNECT,
    "ContentTypeError": PROTOCOL,
    "InvalidURL": PROTOCOL,
    "InvalidUrlClientError": PROTOCOL,
    "InvalidUrlRedirectClientError": PROTOCOL,
    "NonHttpUrlClientError": PROTOCOL,
    "NonHttpUrlRedirectClientError": PROTOCOL,
    "RedirectClientError": PROTOCOL,
    "ServerConnectionError": DISCONNECTED,
    "ServerDisconnectedError": DISCONNECTED,
    "ServerFingerprintMismatch": TLS,
    "ServerTimeoutError": TIMEOUT,
    "SocketTimeoutError": TIMEOUT,
    "TooManyRedirects": PROTOCOL,
    "UnixClientConnectorError": CONNECT,
    "UploadAbortedError": DISCONNECTED,
    "WSServerHandshakeError": PROTOCOL,
}


def descendants(of: type[Exception]) -> Iterator[type[Exception]]:
    yield of
    for child in of.__subclasses__():
        if child.__module__.startswith("aiohttp."):
            yield from descendants(child)


def row_of(exception: type[Exception]) -> Row:
    return next(row for row in TABLE if issubclass(exception, row.exception))


def test_every_exception_of_aiohttp_has_its_kind() -> None:
    assert {cls.__name__: row_of(cls).kind for cls in descendants(aiohttp.ClientError)} == EXPECTED


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (ssl.SSLError, TLS),
        (ssl.SSLCertVerificationError, TLS),
        (TimeoutError, CONNECT),
        (ConnectionResetError, CONNECT),
        (OSError, CONNECT),
        (ValueError, PROTOCOL),
        (RuntimeError, PROTOCOL),
        (Exception, PROTOCOL),
    ],
)
def test_so_have_those_of_python(exception: type[Exception], kind: ErrorKind) -> None:
    assert row_of(exception).kind is kind


def test_no_row_hides_a_later_one() -> None:
    for earlier, later in itertools.combinations(TABLE, 2):
        assert not issubclass(later.exception, earlier.exception), (earlier, later)
    assert TABLE[-1].exception is Exception


def test_only_the_class_of_an_unknown_exception_is_named() -> None:
    error = fault(KeyError(CANARY_KEY), WHERE)
    assert str(error) == f"protocol: the exchange with {WHERE} failed (KeyError)"
    assert_no_canary(error)


@pytest.mark.parametrize("number", sorted(LOCAL_ERRNOS))
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_cause_on_our_side_hurts_no_target(number: int, wrapped: bool) -> None:
    cause = OSError(number, "x")
    error = fault(aiohttp.ClientConnectorError(KEY, cause) if wrapped else cause, WHERE)
    assert (error.kind, error.local) == (CONNECT, True)
    assert LOCAL_ERRNOS[number] in str(error)


def test_a_resolver_without_file_descriptors_is_on_our_side() -> None:
    error = fault(aiohttp.ClientConnectorDNSError(KEY, OSError(errno.EMFILE, "x")), WHERE)
    assert (error.kind, error.local) == (DNS, True)


def test_the_reason_of_a_handshake_is_said_in_words() -> None:
    cause = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")
    cause.reason = "WRONG_VERSION_NUMBER"
    error = fault(aiohttp.ClientConnectorSSLError(KEY, cause), WHERE)
    assert str(error) == f"tls: no TLS with {WHERE} (wrong version number)"


@pytest.mark.parametrize(("reused", "answered"), list(itertools.product([True, False], repeat=2)))
def test_only_a_silent_end_on_a_kept_connection_is_the_race(reused: bool, answered: bool) -> None:
    for exception in (aiohttp.ServerDisconnectedError(), aiohttp.ClientOSError(errno.ECONNRESET, "x")):
        error = fault(exception, WHERE, reused=reused, answered=answered)
        assert error.kind is (PROTOCOL if answered else DISCONNECTED)
        assert error.reused_connection is (reused and not answered)


def test_of_a_failure_only_what_caused_it_loses_its_frames() -> None:
    try:
        raise KeyError("the caller's own, which it handles while it asks")
    except KeyError:
        with pytest.raises(aiohttp.ClientConnectionError) as failed:
            try:
                raise OSError
            except OSError as refused:
                raise aiohttp.ClientConnectionError from refused
    error, cause = failed.value, failed.value.__cause__
    assert cause is not None
    assert isinstance(cause.__context__, KeyError)
    let_go(error)
    assert error.__traceback__ is None
    assert cause.__traceback__ is None
    assert cause.__context__.__traceback__ is not None
