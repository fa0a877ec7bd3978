"""What goes out, and what never does: redirects, cookies, credentials of the environment, headers that break a head."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standby.providers import ErrorKind, WireRequest
from standby.providers.http.address import address
from standby.providers.http.transport import HttpTransport
from standby.providers.transport import TransportOptions, redirection, refusal_body

from canaries import CANARY_KEY
from rawserver import Peer, RawServer, answers, failure_of, keeps_alive, read_out, response


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(TransportOptions())
    yield transport
    await transport.aclose()


def head_lines(head: str) -> tuple[str, dict[str, str]]:
    first, *lines = head.strip().split("\r\n")
    names = [line.partition(": ")[0].lower() for line in lines]
    assert len(set(names)) == len(names), "a header was sent twice"
    return first, {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}


async def sent_by(
    transport: HttpTransport, wire: WireRequest, *, expect_stream: bool = True
) -> tuple[str, dict[str, str]]:
    """Return what the transport sends for a request, with the port filled into its URL."""
    async with RawServer(answers(response())) as server:
        wire = WireRequest(wire.url.format(port=server.port), wire.headers, wire.body, wire.method)
        exchange = await transport.open(wire, connect_s=1, expect_stream=expect_stream)
        exchange.close()
        return head_lines(server.peers[0].requests[0])


async def test_a_request(transport: HttpTransport) -> None:
    wire = WireRequest("http://127.0.0.1:{port}/v1/chat?alt=sse", {"Authorization": "Bearer k", "X-Tab": "a\tb"}, b"{}")
    first, headers = await sent_by(transport, wire)
    port = headers.pop("host").removeprefix("127.0.0.1:")
    assert port.isdigit()
    assert first == "POST /v1/chat?alt=sse HTTP/1.1"
    assert headers == {
        "accept": "*/*",
        "accept-encoding": "identity",
        "authorization": "Bearer k",
        "content-length": "2",
        "content-type": "application/octet-stream",
        "user-agent": "standby",
        "x-tab": "a\tb",
    }


async def test_a_whole_body_may_come_compressed_unless_the_request_says_otherwise(transport: HttpTransport) -> None:
    url = "http://127.0.0.1:{port}/"
    _, headers = await sent_by(transport, WireRequest(url, {}, b"{}"), expect_stream=False)
    assert headers["accept-encoding"] == "gzip, deflate"
    _, headers = await sent_by(transport, WireRequest(url, {"accept-encoding": "x"}, b"{}"), expect_stream=False)
    assert headers["accept-encoding"] == "x"


async def test_a_requests_header_wins_in_whatever_spelling() -> None:
    transport = HttpTransport(TransportOptions(headers={"X-Team": "a", "user-AGENT": "theirs"}))
    url = "http://127.0.0.1:{port}/"
    _, headers = await sent_by(transport, WireRequest(url, {}, b"{}"))
    assert (headers["x-team"], headers["user-agent"]) == ("a", "theirs")
    _, headers = await sent_by(transport, WireRequest(url, {"x-team": "b", "X-TEAM": "c"}, b"{}"))
    assert headers["x-team"] == "c"
    await transport.aclose()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:{port}/model/a%3A0%2Fb/x?key=%41", "/model/a%3A0%2Fb/x?key=%41"),
        ("http://127.0.0.1:{port}/a:stream?alt=sse", "/a:stream?alt=sse"),
        ("http://127.0.0.1:{port}", "/"),
        ("http://127.0.0.1:{port}/ü x", "/%C3%BC%20x"),
        ("http://127.0.0.1:{port}/x\r\nX-Injected: 1", "/xX-Injected:%201"),
    ],
)
async def test_a_url_goes_out_as_it_is_or_quoted(transport: HttpTransport, url: str, target: str) -> None:
    first, headers = await sent_by(transport, WireRequest(url, {}, b"{}"))
    assert first == f"POST {target} HTTP/1.1"
    assert "x-injected" not in headers


async def test_few_addresses_are_remembered(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standby.providers.http.transport.ADDRESSES_MAX", 2)
    async with RawServer(keeps_alive(response())) as server:
        for number in range(5):
            wire = WireRequest(f"{server.url}/{number}", {}, b"{}")
            await read_out(await transport.open(wire, connect_s=1, expect_stream=True))
        assert [head.split()[1] for head in server.peers[0].requests] == [f"/v1/chat/{n}" for n in range(5)]
    assert len(transport._addresses) <= 2


def test_a_name_in_another_script_is_asked_by_its_ascii_form() -> None:
    found = address("https://bücher.test/x", proxy=None, trust_env=False)
    assert found.where == "xn--bcher-kva.test:443"


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0b", "a\x7fb", "ключ", "é", "\ud800", f"{CANARY_KEY}\n"])
async def test_a_header_that_cannot_be_sent_is_refused_without_showing_it(transport: HttpTransport, value: str) -> None:
    wire = WireRequest("http://127.0.0.1:9/", {"X-Api-Key": value}, b"{}")
    error = await failure_of(transport.open(wire, connect_s=1, expect_stream=True))
    assert (error.kind, error.local) == (ErrorKind.PROTOCOL, True)
    assert "X-Api-Key" in str(error)
    assert value not in str(error)


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "Ü", f"{CANARY_KEY}:"])
async def test_a_header_name_that_cannot_be_sent_is_refused(transport: HttpTransport, name: str) -> None:
    wire = WireRequest("http://127.0.0.1:9/", {name: "1"}, b"{}")
    error = await failure_of(transport.open(wire, connect_s=1, expect_stream=True))
    assert (error.kind, error.local) == (ErrorKind.PROTOCOL, True)


@pytest.mark.parametrize("size", [0, 2**20, 2**20 + 1, 5 * 2**20])
async def test_bodies_of_every_size_arrive_whole(transport: HttpTransport, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with RawServer(keeps_alive(response(b"ok"))) as server:
        exchange = await transport.open(server.wire(body), connect_s=1, expect_stream=True)
        assert await read_out(exchange) == (b"ok", None)
        assert server.peers[0].bodies == [body]


async def test_an_answer_that_comes_before_the_request_was_read(transport: HttpTransport) -> None:
    async def refuses(peer: Peer) -> None:
        await peer.read_exactly(1)
        await peer.send(response(b"too large", status="413 Content Too Large"))
        await asyncio.Event().wait()

    async with RawServer(refuses) as server:
        exchange = await transport.open(server.wire(bytes(20 * 2**20)), connect_s=1, expect_stream=True)
        assert (exchange.head.status, await refusal_body(exchange, 64)) == (413, b"too large")
        exchange.close()
        assert transport.open_exchanges == 0


async def test_a_request_without_a_body(transport: HttpTransport) -> None:
    first, headers = await sent_by(transport, WireRequest("http://127.0.0.1:{port}/models", {}, b"", "GET"))
    assert first == "GET /models HTTP/1.1"
    assert "content-length" not in headers


# Redirects and cookies


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(transport: HttpTransport, status: int) -> None:
    async with RawServer(answers(response())) as elsewhere:
        location = f"location: {elsewhere.url}?key={CANARY_KEY}"
        async with RawServer(answers(response(b"", location, status=f"{status} Moved"))) as server:
            exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
            assert exchange.head.status == status
            error = redirection(exchange.head)
            exchange.close()
        assert error is not None
        assert (error.kind, error.status) == (ErrorKind.PROTOCOL, status)
        assert f"http://127.0.0.1:{elsewhere.port}" in str(error)
        assert CANARY_KEY not in str(error)
        assert elsewhere.peers == []


@pytest.mark.parametrize(
    "location", ["/elsewhere", "", "//host/x", "https://a b/", "https://user:pass@host/", f"https://{'x' * 300}/"]
)
async def test_a_redirect_to_nowhere_that_can_be_named(transport: HttpTransport, location: str) -> None:
    async with RawServer(answers(response(b"", f"location: {location}", status="307 Moved"))) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert (
            str(redirection(exchange.head))
            == "protocol: redirected, which is never followed; check base_url (HTTP 307)"
        )
        exchange.close()


async def test_no_other_status_is_a_redirect(transport: HttpTransport) -> None:
    async with RawServer(answers(response(b"", "location: https://elsewhere.test/", status="300 Choose"))) as server:
        exchange = await transport.open(server.wire(), connect_s=1, expect_stream=True)
        assert redirection(exchange.head) is None
        exchange.close()


async def test_cookies_are_not_kept(transport: HttpTransport) -> None:
    async with RawServer(keeps_alive(response(b"", "set-cookie: tenant=a; path=/"))) as server:
        wire = WireRequest(f"http://localhost:{server.port}/", {}, b"{}")  # no client keeps cookies of an address
        for _ in range(2):
            await read_out(await transport.open(wire, connect_s=1, expect_stream=True))
        assert "cookie" not in head_lines(server.peers[0].requests[1])[1]


# The environment


@pytest.fixture
def hostile_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password from-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.mark.usefixtures("hostile_environment")
async def test_the_environment_has_no_say_unless_asked(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    _, headers = await sent_by(transport, WireRequest("http://127.0.0.1:{port}/", {}, b"{}"))
    assert "authorization" not in headers


@pytest.mark.usefixtures("hostile_environment")
@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_a_proxy_of_the_environment_is_used_when_asked(
    monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    transport = HttpTransport(TransportOptions(trust_env=True))
    async with RawServer(answers(response(b"from the proxy"))) as proxy:
        monkeypatch.setenv(variable, f"{scheme}127.0.0.1:{proxy.port}")
        wire = WireRequest("http://provider.test/v1", {}, b"{}")
        exchange = await transport.open(wire, connect_s=1, expect_stream=True)
        assert await exchange.read() == b"from the proxy"
        first, headers = head_lines(proxy.peers[0].requests[0])
        assert first == "POST http://provider.test/v1 HTTP/1.1"
        assert "authorization" not in headers, "netrc has no say even then"
        await transport.aclose()


@pytest.mark.usefixtures("hostile_environment")
async def test_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = HttpTransport(TransportOptions(trust_env=True))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    await sent_by(transport, WireRequest("http://127.0.0.1:{port}/", {}, b"{}"))
    await transport.aclose()


@pytest.mark.usefixtures("hostile_environment")
@pytest.mark.parametrize(
    ("proxy", "says"), [("socks5://127.0.0.1:9", "SOCKS"), (f"http://u:{CANARY_KEY}@:x", "no valid URL")]
)
async def test_a_proxy_of_the_environment_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, proxy: str, says: str
) -> None:
    transport = HttpTransport(TransportOptions(trust_env=True))
    monkeypatch.setenv("http_proxy", proxy)
    wire = WireRequest("http://provider.test/", {}, b"{}")
    error = await failure_of(transport.open(wire, connect_s=1, expect_stream=True))
    assert (error.kind, error.local) == (ErrorKind.CONNECT, True)
    assert says in str(error)
    await transport.aclose()
