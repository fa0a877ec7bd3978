"""The envelope of every request: its credentials, and which headers and fields win."""

import importlib.metadata
import json
import re
from collections.abc import Iterator

import pytest
from standby.providers import envelope
from standby.providers.chat import chat_request
from standby.providers.provider import Endpoint


@pytest.fixture
def unnamed() -> Iterator[None]:
    envelope.user_agent.cache_clear()
    yield
    envelope.user_agent.cache_clear()


def an_endpoint(**given: object) -> Endpoint:
    return Endpoint(base_url="https://host", model="m", **given)  # type: ignore[arg-type]


@pytest.mark.usefixtures("unnamed")
def test_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"standby/[0-9]+\.[0-9]+\.[0-9]+\S*", envelope.user_agent())
    envelope.user_agent.cache_clear()

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(envelope, "version", missing)
    assert envelope.user_agent() == "standby"


def test_the_targets_headers_win_whatever_their_case() -> None:
    endpoint = an_endpoint(headers={"X-Key": "target", "ACCEPT": "*/*"})
    headers = envelope.request_headers(endpoint, {"x-KEY": "own", "x-more": "own"})
    assert (headers["x-key"], headers["x-more"], headers["accept"]) == ("target", "own", "*/*")
    assert set(headers) == {"content-type", "user-agent", "accept", "accept-encoding", "x-key", "x-more"}


def test_only_a_stream_is_asked_for_uncompressed_and_by_its_type() -> None:
    stream = envelope.request_headers(an_endpoint(), {}, stream_type="application/x-ndjson")
    assert (stream["accept"], stream["accept-encoding"]) == ("application/x-ndjson", "identity")
    whole = envelope.request_headers(an_endpoint(stream=False), {})
    assert whole["accept"] == "application/json"
    assert "accept-encoding" not in whole


def test_the_callers_fields_win_over_the_targets_and_none_takes_a_field_out() -> None:
    chat = chat_request("a", extra={"b": 3, "c": None})
    body = envelope.request_body({"a": 1, "b": 1, "c": 1, "d": None}, chat, an_endpoint(body={"a": 2, "b": 2}))
    assert json.loads(body) == {"a": 2, "b": 3}
