"""Proxies in between: forwarded, tunnelled, SOCKS; what fails at them is our own matter, and no password shows."""

import asyncio
import base64
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import trustme
from standby.providers import ErrorKind, MissingExtraError, WireRequest
from standby.providers.http.transport import HttpTransport
from standby.providers.transport import TransportOptions
from test_transport_tls import server_context

from canaries import CANARY_KEY
from rawserver import Peer, RawServer, Script, answers, failure_of, keeps_alive, read_out, response

PASSWORD = quote(CANARY_KEY, safe="")
BASIC = base64.b64encode(f"me:{CANARY_KEY}".encode()).decode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
async def made() -> AsyncIterator[Any]:
    """Makes transports, and closes them."""
    transports = []

    def make(**options: Any) -> HttpTransport:
        transports.append(HttpTransport(TransportOptions(**options)))
        return transports[-1]

    yield make
    for transport in transports:
        await transport.aclose()
        assert transport.open_connections == transport.open_exchanges == 0


async def asked(transport: HttpTransport, wire: WireRequest, *, connect_s: float = 2) -> Any:
    return await transport.open(wire, connect_s=connect_s, expect_stream=True)


# HTTP


async def tunnels(peer: Peer) -> None:
    head = await peer.request()
    method, target, _ = head.split("\r\n")[0].split(" ")
    if f"Proxy-Authorization: Basic {BASIC}" not in head:
        await peer.send(response(b"who?", status="407 Proxy Authentication Required"))
        return
    assert method == "CONNECT"
    await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await peer.relay(int(target.rpartition(":")[2]))


async def test_plain_requests_are_forwarded_with_our_password(made: Any) -> None:
    async with RawServer(keeps_alive(response(b"forwarded"))) as proxy:
        transport = made(proxy=f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        for reused in (False, True):
            exchange = await asked(transport, WireRequest("http://provider.test/v1?x=1", {}, b"{}"))
            assert (exchange.reused, await read_out(exchange)) == (reused, (b"forwarded", None))
        for head in proxy.peers[0].requests:
            assert head.startswith("POST http://provider.test/v1?x=1 HTTP/1.1\r\nHost: provider.test\r\n")
            assert f"Proxy-Authorization: Basic {BASIC}" in head


async def test_tls_goes_through_a_tunnel(made: Any, authority: trustme.CA, ca_file: str) -> None:
    async with (
        RawServer(keeps_alive(response(b"tunnelled")), tls=server_context(authority)) as server,
        RawServer(tunnels) as proxy,
    ):
        transport = made(proxy=f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}", ca_file=ca_file)
        for reused in (False, True):
            exchange = await asked(transport, server.wire())
            assert (exchange.reused, await read_out(exchange)) == (reused, (b"tunnelled", None))
        assert len(proxy.peers) == 1
        assert "authorization: bearer" not in proxy.peers[0].requests[0].lower()
        await transport.aclose()


@pytest.mark.parametrize("tls", [True, False])
async def test_a_wrong_password(made: Any, authority: trustme.CA, tls: bool) -> None:
    refuses = tunnels if tls else answers(response(b"who?", status="407 Proxy Authentication Required"))
    async with RawServer(refuses) as proxy:
        transport = made(proxy=f"http://me:{PASSWORD}x@127.0.0.1:{proxy.port}")
        wire = WireRequest(f"http{'s' * tls}://127.0.0.1:9/", {}, b"{}")
        error = await failure_of(asked(transport, wire))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, True)
    assert "user and password" in str(error).replace(" a ", " ")


@pytest.mark.parametrize(
    "script",
    [
        answers(response(b"no", status="403 Forbidden")),
        answers(then="close"),
        answers(then="reset"),
        answers(b"SSH-2.0\r\n"),
    ],
)
async def test_a_proxy_that_does_not_tunnel(made: Any, script: Script) -> None:
    async with RawServer(script) as proxy:
        transport = made(proxy=f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        error = await failure_of(asked(transport, WireRequest("https://provider.test/", {}, b"{}")))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, True)
    assert "proxy" in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_proxy_there(made: Any, scheme: str) -> None:
    transport = made(proxy=f"http://me:{PASSWORD}@127.0.0.1:9")
    error = await failure_of(asked(transport, WireRequest(f"{scheme}://provider.test/", {}, b"{}")))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, True)
    assert str(error) == "connect: no connection to the proxy (refused)"


async def test_a_proxy_whose_name_cannot_be_resolved(made: Any) -> None:
    transport = made(proxy="http://proxy.invalid:3128")
    error = await failure_of(asked(transport, WireRequest("http://provider.test/", {}, b"{}")))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, True)
    assert "proxy.invalid:3128" in str(error)


async def test_a_certificate_behind_the_proxy_is_the_targets_matter(made: Any, authority: trustme.CA) -> None:
    async with RawServer(answers(response()), tls=server_context(authority)) as server, RawServer(tunnels) as proxy:
        transport = made(proxy=f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        error = await failure_of(asked(transport, server.wire()))
        assert (error.kind, error.local) == (ErrorKind.TLS, False)
        await transport.aclose()


# SOCKS


def socks(
    seen: list[tuple[str, int]], *, user: bytes = b"", password: bytes = b"", reply: int = 0, port: int = 0
) -> Script:
    """A SOCKS5 proxy (RFC 1928, 1929) that relays to a port on loopback, whatever it was asked for."""

    async def script(peer: Peer) -> None:
        _, count = await peer.read_exactly(2)
        await peer.read_exactly(count)
        await peer.send(b"\x05\x02" if user else b"\x05\x00")
        if user:
            _, length = await peer.read_exactly(2)
            theirs = await peer.read_exactly(length)
            (length,) = await peer.read_exactly(1)
            right = (theirs, await peer.read_exactly(length)) == (user, password)
            await peer.send(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                return
        _, _, _, kind = await peer.read_exactly(4)
        if kind == 3:
            (length,) = await peer.read_exactly(1)
            host = (await peer.read_exactly(length)).decode()
        else:
            host = ".".join(map(str, await peer.read_exactly(4)))
        (asked_for,) = struct.unpack("!H", await peer.read_exactly(2))
        seen.append((host, asked_for))
        await peer.send(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if reply == 0:
            await peer.relay(port or asked_for)

    return script


async def test_socks5_resolves_here_and_keeps_its_connections(made: Any) -> None:
    pytest.importorskip("aiohttp_socks")
    seen: list[tuple[str, int]] = []
    async with RawServer(keeps_alive(response(b"hidden"))) as server, RawServer(socks(seen)) as proxy:
        transport = made(proxy=f"socks5://127.0.0.1:{proxy.port}")
        wire = WireRequest(f"http://localhost:{server.port}/", {}, b"{}")
        for reused in (False, True):
            exchange = await asked(transport, wire)
            assert (exchange.reused, await read_out(exchange)) == (reused, (b"hidden", None))
        assert seen == [("127.0.0.1", server.port)]
        await server.peers[0].send(response(b"foreign"))
        async with asyncio.timeout(1):
            await proxy.peers[0].closed.wait()
        exchange = await asked(transport, wire)
        assert (exchange.reused, await read_out(exchange)) == (False, (b"hidden", None))
        await transport.aclose()


async def test_socks5h_leaves_the_name_to_the_proxy(made: Any) -> None:
    pytest.importorskip("aiohttp_socks")
    seen: list[tuple[str, int]] = []
    async with RawServer(answers(response(b"hidden"))) as server:
        script = socks(seen, user=b"me", password=CANARY_KEY.encode(), port=server.port)
        async with RawServer(script) as proxy:
            transport = made(proxy=f"socks5h://me:{PASSWORD}@127.0.0.1:{proxy.port}")
            exchange = await asked(transport, WireRequest("http://provider.onion/", {}, b"{}"))
            assert await read_out(exchange) == (b"hidden", None)
            assert seen == [("provider.onion", 80)]
            await transport.aclose()


async def test_tls_through_socks(made: Any, authority: trustme.CA, ca_file: str) -> None:
    pytest.importorskip("aiohttp_socks")
    async with (
        RawServer(keeps_alive(response(b"safe")), tls=server_context(authority)) as server,
        RawServer(socks([])) as proxy,
    ):
        transport = made(proxy=f"socks5://127.0.0.1:{proxy.port}", ca_file=ca_file)
        for reused in (False, True):
            exchange = await asked(transport, server.wire())
            assert (exchange.reused, await read_out(exchange)) == (reused, (b"safe", None))
        untrusting = made(proxy=f"socks5://127.0.0.1:{proxy.port}")
        error = await failure_of(asked(untrusting, server.wire()))
        assert (error.kind, error.local) == (ErrorKind.TLS, False)
        await transport.aclose()
        await untrusting.aclose()


@pytest.mark.parametrize(
    ("script", "local"),
    [
        (socks([], user=b"me", password=b"other"), True),
        (socks([], reply=2), True),
        (socks([], reply=1), True),
        (socks([], reply=3), False),
        (socks([], reply=5), False),
        (answers(then="close"), True),
        (answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"), True),
    ],
)
async def test_what_a_socks_proxy_refuses(made: Any, script: Script, local: bool) -> None:
    pytest.importorskip("aiohttp_socks")

    async def impatient(peer: Peer) -> None:
        if script.__qualname__.startswith("answers"):
            await peer.read_exactly(3)
            await peer.send(b"HTTP")
        else:
            await script(peer)

    async with RawServer(impatient) as proxy:
        transport = made(proxy=f"socks5h://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        error = await failure_of(asked(transport, WireRequest("http://provider.test/", {}, b"{}")))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, local)
    assert "SOCKS proxy" in str(error)


@pytest.mark.parametrize("resets", [True, False])
async def test_a_socks_proxy_that_leaves(made: Any, resets: bool) -> None:
    pytest.importorskip("aiohttp_socks")

    async def leaves(peer: Peer) -> None:
        await peer.read_exactly(1)
        peer.reset() if resets else peer.close()

    async with RawServer(leaves) as proxy:
        transport = made(proxy=f"socks5h://127.0.0.1:{proxy.port}")
        error = await failure_of(asked(transport, WireRequest("http://provider.test/", {}, b"{}")))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, True)


@pytest.mark.parametrize(("ours_s", "theirs_s"), [(0.05, 60), (1, 0.05)])
async def test_a_socks_proxy_that_stalls_is_within_connect_s(
    made: Any, monkeypatch: pytest.MonkeyPatch, ours_s: float, theirs_s: float
) -> None:
    pytest.importorskip("aiohttp_socks")
    monkeypatch.setattr("python_socks.async_.asyncio.v2._proxy.DEFAULT_TIMEOUT", theirs_s)

    async def stalls(peer: Peer) -> None:
        await peer.until_closed()

    async with RawServer(stalls) as proxy:
        transport = made(proxy=f"socks5h://127.0.0.1:{proxy.port}")
        error = await failure_of(asked(transport, WireRequest("http://provider.test/", {}, b"{}"), connect_s=ours_s))
        assert (error.kind, error.local) == (ErrorKind.CONNECT, False)


async def test_no_socks_proxy_there(made: Any) -> None:
    pytest.importorskip("aiohttp_socks")
    transport = made(proxy=f"socks5h://me:{PASSWORD}@127.0.0.1:9")
    error = await failure_of(asked(transport, WireRequest("http://provider.test/", {}, b"{}")))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, True)


async def test_a_name_that_socks5_cannot_resolve(made: Any) -> None:
    pytest.importorskip("aiohttp_socks")

    async def greets(peer: Peer) -> None:
        await peer.read_exactly(3)
        await peer.send(b"\x05\x00")
        await peer.until_closed()

    async with RawServer(greets) as proxy:
        transport = made(proxy=f"socks5://127.0.0.1:{proxy.port}")
        error = await failure_of(asked(transport, WireRequest("http://provider.invalid/", {}, b"{}")))
    assert (error.kind, error.local) == (ErrorKind.DNS, False)


# Options


@pytest.mark.parametrize("proxy", ["", "proxy", f"ftp://u:{PASSWORD}@h", f"http://u:{PASSWORD}@", "socks4://h:1"])
def test_a_proxy_that_is_none_is_refused_without_showing_it(proxy: str) -> None:
    with pytest.raises(ValueError, match="socks5h") as caught:
        HttpTransport(TransportOptions(proxy=proxy))
    assert PASSWORD not in str(caught.value)


def test_socks_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "standby.providers.http.socks", raising=False)
    monkeypatch.delattr("standby.providers.http.socks", raising=False)
    monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
    with pytest.raises(MissingExtraError, match=r"standby\[socks\]"):
        HttpTransport(TransportOptions(proxy="socks5://127.0.0.1:1080"))


async def test_socks_and_a_connector_exclude_each_other() -> None:
    async with aiohttp.TCPConnector() as connector:
        with pytest.raises(ValueError, match="connector"):
            HttpTransport(TransportOptions(proxy="socks5://127.0.0.1:1080", connector=connector))
