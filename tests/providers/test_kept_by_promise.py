"""What is kept from request to request is kept by an explicit promise, and belongs to one owner."""

from types import MappingProxyType

import msgspec
import pytest
from standby.providers import registry
from standby.providers.chat import chat_request
from standby.providers.http.transport import HttpTransport
from standby.providers.provider import Endpoint, WireRequest
from standby.providers.secret import Secret
from standby.providers.transport import TransportOptions
from standby.router.targets.live_target import LiveTarget

from playing import until
from rawserver import RawServer, keeps_alive, read_out, response
from standby import ErrorKind, ProviderError, Router, Target

CHAT = chat_request("hi")


@pytest.mark.parametrize("lasting", [False, True])
async def test_headers_that_change_are_sent_anew_unless_the_adapter_promises_that_they_do_not(lasting: bool) -> None:
    """Of a read-only view, too: that the view cannot be written says nothing of the mapping behind it."""
    mine = {"Authorization": "Bearer first"}
    view = MappingProxyType(mine)
    transport = HttpTransport(TransportOptions())
    async with RawServer(keeps_alive(response(b"ok"))) as server:
        for key in ("first", "second", "third"):
            mine["Authorization"] = f"Bearer {key}"
            wire = WireRequest(f"{server.url}/", view, b"{}", lasting=lasting)
            exchange = await transport.open(wire, connect_s=1, expect_stream=True)
            await read_out(exchange)
            await until(lambda: not transport.connections_in_use)
        sent = [request.split("Bearer ")[1].split("\r\n")[0] for request in server.peers[0].requests]
        assert len(server.peers) == 1
    await transport.aclose()
    assert sent == (["first", "second", "second"] if lasting else ["first", "second", "third"])


def test_only_the_adapters_that_keep_their_headers_promise_it() -> None:
    endpoint = Endpoint(base_url="https://a.test", model="m", key=Secret("k"))
    openai, anthropic = registry.get("openai"), registry.get("anthropic")
    first, second = (openai.build_request(CHAT, endpoint) for _ in range(2))
    assert first.lasting
    assert first.headers is second.headers
    assert not anthropic.build_request(CHAT, endpoint).lasting


def test_a_copy_of_an_endpoint_with_changes_keeps_nothing_of_the_original() -> None:
    provider = registry.get("openai")
    original = Endpoint(base_url="https://a.test", model="m", key=Secret("first"))
    early = msgspec.structs.replace(original, key=Secret("second"))
    provider.build_request(CHAT, original)
    late = msgspec.structs.replace(original, key=Secret("third"), base_url="https://b.test")
    for endpoint, key, host in ((original, "first", "a"), (early, "second", "a"), (late, "third", "b")):
        wire = provider.build_request(CHAT, endpoint)
        assert {name.lower(): value for name, value in wire.headers.items()}["authorization"] == f"Bearer {key}"
        assert wire.url.startswith(f"https://{host}.test/")


def test_what_is_kept_of_an_endpoint_is_no_part_of_what_it_is() -> None:
    used, fresh = (Endpoint(base_url="https://a.test", model="m") for _ in range(2))
    registry.get("openai").build_request(CHAT, used)
    assert used.kept
    assert used == fresh
    assert used != msgspec.structs.replace(used, model="n")


async def test_headers_that_an_adapter_changes_are_masked_as_they_were_sent() -> None:
    """The secrets of a request are found by what its headers hold, not by which object they are."""
    headers = {"Authorization": "Bearer sk-first-0123456789"}
    target = Target("openai", model="m", key="sk-other-0123456789", base_url="https://a.test")
    async with Router([target]) as router:
        [live] = router._entered().generation.all_live()
        assert masked(live, headers, "sk-first-0123456789")
        headers["Authorization"] = "Bearer sk-second-0123456789"
        assert masked(live, headers, "sk-second-0123456789")
        assert masked(live, headers, "sk-in-the-url-0123456789", "https://a.test/?key=sk-in-the-url-0123456789")


def masked(live: LiveTarget, headers: dict[str, str], secret: str, url: str = "https://a.test/") -> bool:
    """Is this secret masked in an error that repeats it?"""
    error = ProviderError(ErrorKind.AUTH, provider_message=f"wrong key {secret}")
    live.own(error, url, headers)
    return secret not in str(error.provider_message)
