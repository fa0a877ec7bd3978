"""A simulator on a real port for every test of this room, and a resolver that knows this machine alone."""

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import trustme

from playing import Playing
from ways import WAYS, Way, unknown_release


@pytest.fixture(params=WAYS)
def either_way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """The test is done once on each way to use aiohttp."""
    way: Way = request.param
    with unknown_release() if way == "public" else nullcontext():
        yield way


@pytest.fixture(scope="session")
def untrusted() -> ssl.SSLContext:
    """A server's certificate from an unknown authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
async def simulator(monkeypatch: pytest.MonkeyPatch, untrusted: ssl.SSLContext) -> AsyncIterator[Playing]:
    """A running simulator, closed after the test."""
    known = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **options: Any) -> Any:
        if str(host).endswith((".invalid", ".test")):  # asked for real, a resolver without network takes its time
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with Playing(untrusted) as simulator:
        yield simulator
