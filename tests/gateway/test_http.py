"""The types between the gateway and its servers."""

import pytest
from multidict import CIMultiDict
from standby.gateway.http import Request, RequestRefused

from canaries import CANARY_KEY, CANARY_PROMPT, assert_no_canary

HEADERS = CIMultiDict([("Authorization", f"Bearer {CANARY_KEY}"), ("X-Twice", "a"), ("x-twice", "b")])


async def test_a_body_is_read_once_and_then_at_hand() -> None:
    reads = 0

    async def read() -> bytes:
        nonlocal reads
        reads += 1
        return b"{}"

    request = Request("POST", "/v1/messages", headers=HEADERS, body=read)
    assert reads == 0, "a request that is refused by its head costs no body"
    assert [await request.read(), await request.read()] == [b"{}", b"{}"]
    assert reads == 1
    assert await Request("GET", "/", headers=HEADERS).read() == b""


async def test_a_body_that_was_refused_is_refused_again() -> None:
    async def read() -> bytes:
        raise RequestRefused(413, "too large")

    request = Request("POST", "/", headers=HEADERS, body=read)
    for _ in range(2):
        with pytest.raises(RequestRefused) as refused:
            await request.read()
        assert (refused.value.status, refused.value.fields) == (413, ())


def test_headers_disregard_case_and_keep_what_is_repeated() -> None:
    headers = Request("GET", "/", headers=HEADERS).headers
    assert headers["AUTHORIZATION"] == f"Bearer {CANARY_KEY}"
    assert headers.getall("X-TWICE") == ["a", "b"]


def test_a_request_shows_no_secret() -> None:
    request = Request("POST", "/v1/x", query=f"key={CANARY_KEY}", headers=HEADERS, body=CANARY_PROMPT.encode())
    assert_no_canary(repr(request))
    assert repr(request) == "<Request POST /v1/x>"
