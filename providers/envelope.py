"""The envelope of every request, in any dialect: its headers, and the fields that targets and callers add."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from .chat import ChatRequest
from .provider import Endpoint


@cache
def user_agent() -> str:
    """`standby/<version>`; without a version when the package runs uninstalled."""
    try:
        return f"standby/{version('standby')}"
    except PackageNotFoundError:
        return "standby"


def request_headers(
    endpoint: Endpoint, own: Mapping[str, str], *, stream_type: str = "text/event-stream"
) -> dict[str, str]:
    """The headers of a JSON request, names in lower case; the target's win over the dialect's `own`.

    A stream is asked for uncompressed: a compressed one is held back by buffers, and can be a bomb.
    """
    headers = {"content-type": "application/json", "user-agent": user_agent()}
    headers["accept"] = stream_type if endpoint.stream else "application/json"
    if endpoint.stream:
        headers["accept-encoding"] = "identity"
    for given in (own, endpoint.headers):
        for name, value in given.items():
            headers[name.lower()] = value
    return headers


def request_body(
    own: Mapping[str, Any], chat: ChatRequest, endpoint: Endpoint, *, joined: tuple[str, ...] = ()
) -> bytes:
    """The JSON body: the dialect's `own` fields, then the target's, then the caller's; None takes a field out.

    Args:
        joined: Fields that are objects of independent settings: theirs are added one by one, not as a whole.
    """
    body: Mapping[str, Any] = own
    if endpoint.body or chat.extra:
        body = {**own, **endpoint.body, **chat.extra}
        for name in joined:
            parts = [part[name] for part in (own, endpoint.body, chat.extra) if name in part]
            if len(parts) > 1 and all(isinstance(part, Mapping) for part in parts):
                body[name] = {field: value for part in parts for field, value in part.items()}
    if None in body.values():
        body = {name: value for name, value in body.items() if value is not None}
    return msgspec.json.encode(body)
