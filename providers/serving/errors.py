"""Errors in each dialect's own form: the words for programs by the status, where nothing else says them."""

from collections.abc import Mapping

from .dialect import Failure
from .rendering import encoded

_OPENAI: Mapping[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "permission_denied"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}
"""Status -> `type` and `code`, as OpenAI says them. Other faults of requests are as a 400; the rest is the server's."""

_ANTHROPIC: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def openai_object(failure: Failure) -> dict[str, object]:
    """What stands under `error`, as OpenAI's APIs have it."""
    usual = _OPENAI[400] if 400 <= failure.status < 500 else ("server_error", None)
    type_, code = _OPENAI.get(failure.status, usual)
    if failure.type is not None:  # a provider's words: where it has no code, it has none
        type_, code = failure.type, None
    return {"message": failure.message, "type": type_, "param": failure.param, "code": failure.code or code}


def openai_error(failure: Failure) -> bytes:
    """The body of an error of OpenAI's APIs."""
    return encoded({"error": openai_object(failure)})


def anthropic_object(failure: Failure) -> dict[str, object]:
    """An error of the Messages API, as a body and as an event."""
    usual = "invalid_request_error" if 400 <= failure.status < 500 else "api_error"
    kind = failure.type or _ANTHROPIC.get(failure.status, usual)
    error: dict[str, object] = {"type": kind, "message": failure.message}
    if failure.code is not None:
        error["details"] = {"error_code": failure.code}
    told: dict[str, object] = {"type": "error", "error": error}
    return told if failure.request_id is None else told | {"request_id": failure.request_id}


def anthropic_error(failure: Failure) -> bytes:
    """The body of an error of the Messages API."""
    return encoded(anthropic_object(failure))
