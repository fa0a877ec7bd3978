"""TLS: trusted authorities, client certificates, and errors of failed handshakes. The test makes the certificates."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from standby.providers import ErrorKind, WireRequest
from standby.providers.http.tls import tls_context
from standby.providers.http.transport import HttpTransport
from standby.providers.transport import TransportOptions

from rawserver import Peer, RawServer, answers, failure_of, keeps_alive, read_out, response


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names or ("127.0.0.1",)).configure_cert(context)
    return context


async def test_a_certificate_of_an_unknown_authority(authority: trustme.CA) -> None:
    transport = HttpTransport(TransportOptions())
    async with RawServer(answers(response()), tls=server_context(authority)) as server:
        error = await failure_of(transport.open(server.wire(), connect_s=2, expect_stream=True))
        await transport.aclose()
    assert (error.kind, error.local) == (ErrorKind.TLS, False)
    assert "unable to get local issuer certificate" in str(error)


async def test_a_certificate_for_another_host(authority: trustme.CA, ca_file: str) -> None:
    transport = HttpTransport(TransportOptions(ca_file=ca_file))
    async with RawServer(answers(response()), tls=server_context(authority, "elsewhere.test")) as server:
        error = await failure_of(transport.open(server.wire(), connect_s=2, expect_stream=True))
        await transport.aclose()
    assert error.kind is ErrorKind.TLS
    assert "mismatch" in str(error)


async def test_an_authority_of_our_own(authority: trustme.CA, ca_file: str) -> None:
    transport = HttpTransport(TransportOptions(ca_file=ca_file))
    async with RawServer(keeps_alive(response(b"safe")), tls=server_context(authority)) as server:
        opened = [transport.open(server.wire(), connect_s=2, expect_stream=True) for _ in range(2)]
        for exchange in await asyncio.gather(*opened):
            assert await read_out(exchange) == (b"safe", None)
        again = await transport.open(server.wire(), connect_s=2, expect_stream=True)
        assert (again.reused, await read_out(again)) == (True, (b"safe", None))
        await transport.aclose()


async def test_a_client_certificate(authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    mine = tmp_path / "mine.pem"
    authority.issue_cert("me@standby.test").private_key_and_cert_chain_pem.write_to_path(mine)
    async with RawServer(answers(response(b"known")), tls=context) as server:
        transport = HttpTransport(TransportOptions(ca_file=ca_file, client_cert=str(mine)))
        assert await read_out(await transport.open(server.wire(), connect_s=2, expect_stream=True)) == (b"known", None)
        await transport.aclose()
        nobody = HttpTransport(TransportOptions(ca_file=ca_file))
        error = await failure_of(nobody.open(server.wire(), connect_s=2, expect_stream=True))
        assert error.kind in (ErrorKind.TLS, ErrorKind.DISCONNECTED)  # TLS 1.3 refuses after the handshake
        await nobody.aclose()


@pytest.mark.parametrize("option", ["ca_file", "client_cert"])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("sort", ["pipe", "device"])
async def test_a_pipe_or_device_in_its_place_is_not_waited_for(option: str, sort: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    if sort == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    transport = HttpTransport(TransportOptions(**{option: str(path)}))
    error = await failure_of(
        transport.open(WireRequest("https://127.0.0.1:9/", {}, b"{}"), connect_s=1, expect_stream=True)
    )
    assert (error.kind, error.local) == (ErrorKind.TLS, True)
    assert f"{option} {path} cannot be used: is a {sort}, not a file" in str(error)
    await transport.aclose()


@pytest.mark.parametrize("option", ["ca_file", "client_cert"])
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_file_that_cannot_be_used_is_our_own_fault(option: str, content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    if content is not None:
        path.write_text(content)
    transport = HttpTransport(TransportOptions(**{option: str(path)}))
    wire = WireRequest("https://127.0.0.1:9/", {}, b"{}")
    for _ in range(2):
        error = await failure_of(transport.open(wire, connect_s=1, expect_stream=True))
        assert (error.kind, error.local) == (ErrorKind.TLS, True)
        assert f"{option} {path} cannot be used" in str(error)
    await transport.aclose()


async def test_a_key_with_a_password_is_refused_and_no_prompt_asks_for_it(
    authority: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "mine.pem"
    issued = authority.issue_cert("me@standby.test")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"locked"),
    )
    path.write_bytes(locked + issued.cert_chain_pems[0].bytes())
    transport = HttpTransport(TransportOptions(client_cert=str(path)))
    wire = WireRequest("https://127.0.0.1:9/", {}, b"{}")
    error = await failure_of(asyncio.wait_for(transport.open(wire, connect_s=1, expect_stream=True), 2))
    assert (error.kind, error.local) == (ErrorKind.TLS, True)
    await transport.aclose()


@pytest.mark.parametrize("make", [ssl.create_default_context, lambda: tls_context(None, None)])
def test_tls_is_verified_and_new_enough(make: Callable[[], ssl.SSLContext]) -> None:
    """The first is what aiohttp uses when we give it none."""
    context = make()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


# Handshakes


@pytest.fixture
async def transport(ca_file: str) -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions(ca_file=ca_file))
    yield transport
    await transport.aclose()
    assert transport.open_connections == 0


def over_tls(server: RawServer) -> WireRequest:
    return WireRequest(server.url.replace("http:", "https:"), {}, b"{}")


async def test_a_plain_server(transport: HttpTransport) -> None:
    async def says_hello(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.until_closed()

    async with RawServer(says_hello) as server:
        error = await failure_of(transport.open(over_tls(server), connect_s=2, expect_stream=True))
    assert error.kind is ErrorKind.TLS


@pytest.mark.parametrize("resets", [True, False])
async def test_a_server_that_leaves_during_the_handshake(transport: HttpTransport, resets: bool) -> None:
    async def leaves(peer: Peer) -> None:
        await peer.read_exactly(1)
        peer.reset() if resets else peer.close()

    async with RawServer(leaves) as server:
        error = await failure_of(transport.open(over_tls(server), connect_s=2, expect_stream=True))
    assert (error.kind, error.local) in ((ErrorKind.CONNECT, False), (ErrorKind.TLS, False))


async def test_a_handshake_that_stalls_is_within_connect_s(transport: HttpTransport) -> None:
    async def stalls(peer: Peer) -> None:
        await peer.until_closed()

    async with RawServer(stalls) as server:
        asked = transport.open(over_tls(server), connect_s=0.05, expect_stream=True)
        assert (await failure_of(asyncio.wait_for(asked, 1))).kind is ErrorKind.CONNECT
        await asyncio.wait_for(server.peers[0].closed.wait(), 0.5)


# Bodies and closing over TLS


async def test_a_body_that_is_cut(authority: trustme.CA, transport: HttpTransport) -> None:
    script = answers(response(b"half", length=10), then="close")
    async with RawServer(script, tls=server_context(authority)) as server:
        got, error = await read_out(await transport.open(server.wire(), connect_s=2, expect_stream=True))
    assert (got, error and error.kind) == (b"half", ErrorKind.TRUNCATED)


@pytest.mark.parametrize("cancels", [True, False])
async def test_closing_does_not_wait_for_the_farewell_of_the_other_side(
    authority: trustme.CA, transport: HttpTransport, cancels: bool
) -> None:
    async with RawServer(answers(response(b"half", length=10)), tls=server_context(authority)) as server:
        exchange = await transport.open(server.wire(), connect_s=2, expect_stream=True)
        assert await exchange.read() == b"half"
        if cancels:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(exchange.read(), 0.01)
        else:
            exchange.close()
        await asyncio.wait_for(server.peers[0].closed.wait(), 0.05)


async def test_late_bytes_on_an_idle_connection(authority: trustme.CA, transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"mine")), tls=server_context(authority)) as server:
        for _ in range(2):
            exchange = await transport.open(server.wire(), connect_s=2, expect_stream=True)
            assert (exchange.reused, await read_out(exchange)) == (False, (b"mine", None))
            await server.peers[-1].send(response(b"foreign"))
