"""The protocols that clients may speak, by the path at which they ask."""

from collections.abc import Mapping

import msgspec

from ..providers.errors import InvalidRequest
from ..providers.serving import Dialect
from ..providers.serving.chat import chat
from ..providers.serving.messages import messages
from ..providers.serving.responses import responses
from ..router.limits.token_estimate import demand
from . import failures
from .failures import Told
from .http import Request, RequestRefused

OPENAI: Dialect = chat
ANTHROPIC: Dialect = messages

DIALECTS: Mapping[str, Dialect] = {
    "/v1/chat/completions": OPENAI,
    "/v1/messages": ANTHROPIC,
    "/v1/responses": responses,
}
"""Where models are asked, and in which protocol."""


async def count_tokens(request: Request, request_id: str) -> bytes | Told:
    """About how many tokens a request of the Messages API has: an estimate, since nothing is asked for it."""
    try:
        body = await request.read()
        asked = messages.read(_bounded(body))
    except RequestRefused as refused:
        return failures.of_http(refused, request_id)
    except InvalidRequest as problem:
        return failures.unreadable(problem, request_id)
    return msgspec.json.encode({"input_tokens": max(1, demand(asked.chat).prompt)})


def _bounded(body: bytes) -> bytes:
    """A body with the bound that the Messages API wants of a request, and not of a count."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return body  # the reader says what is wrong with it
    return body if "max_tokens" in fields else msgspec.json.encode({**fields, "max_tokens": msgspec.Raw(b"1")})
