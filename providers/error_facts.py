"""The facts of an error body, read once from any of its many shapes into one struct.

Seen: `{"error": {"message", "type", "code"}}`, `{"error": "text"}`, `{"code", "error": "text"}`, a flat object, any of
these as the first of a list, `message` and `detail` as text or as a list of objects, and pages that are no JSON.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from .codecs import UNDECODABLE, decode_kindly
from .codecs.json import whole_text
from .errors import WORDS_MAX_BYTES


class ErrorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of an error, before it is judged.

    Attributes:
        message: The provider's words; the beginning of the body when it is not JSON.
        code: The provider's own code, as sent.
        type: The provider's own type of the error, as sent.
        words: All machine-readable names of the error as `plain_word` writes them: what rules compare with.
        status: An HTTP status that the error itself names.
        param: The part of the request that is wrong, where the error names it.
        is_json: Whether the body was JSON at all.
        error: The error object together with what stands around it, for what only one dialect sends.
    """

    message: str = ""
    code: str | int | None = None
    type: str | None = None
    words: frozenset[str] = frozenset()
    status: int | None = None
    param: str | None = None
    is_json: bool = True
    error: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that an error repeats, in lower case: inside a stream there is no other way to send them."""
        nested = self.error.get("headers") or _inside(self.error, "metadata").get("headers")
        return {name.lower(): str(value) for name, value in nested.items()} if isinstance(nested, dict) else {}

    @property
    def retry_delay(self) -> str | None:
        """The delay in Google's `RetryInfo`, as protobuf writes a duration: Google sends no `retry-after`."""
        details = self.error.get("details")
        for detail in details if isinstance(details, list) else ():
            if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
                delay = detail.get("retryDelay")
                return delay if isinstance(delay, str) else None
        return None


def error_facts(body: bytes) -> ErrorFacts:
    """Read an error body; what is not JSON becomes the message as it is."""
    try:
        return facts_of(decode_kindly(body.strip()))
    except UNDECODABLE:
        return ErrorFacts(message=body[:WORDS_MAX_BYTES].decode(errors="replace").strip(), is_json=False)


def facts_of(decoded: object) -> ErrorFacts:
    """Read a decoded error, or a decoded object that holds one."""
    found = _first(decoded)
    if not isinstance(found, dict):
        return ErrorFacts(message=_message(found))
    inner = _first(found.get("error") or found.get("errors"))
    if isinstance(inner, dict):
        error, message = {**found, **inner}, _message(inner)
    else:
        error, message = found, _message(inner) or _message(found)
    code = error.get("code")
    if not isinstance(code, str | int) or isinstance(code, bool):
        code = None
    metadata_type = _inside(error, "metadata").get("error_type")  # OpenRouter's canonical word
    types = [name for name in (error.get("type"), error.get("status"), metadata_type) if isinstance(name, str)]
    deeper = (_inside(error, "innererror").get("code"), _inside(error, "details").get("error_code"))
    return ErrorFacts(
        message=message,
        code=code,
        type=types[0] if types else None,
        words=frozenset(plain_word(name) for name in (code, *types, *deeper) if isinstance(name, str)),
        status=_status(error),
        param=_param(error),
        error=error,
    )


def plain_word(name: str) -> str:
    """A code as it is compared: `rate_limit_error`, `RateLimitError` and `rate-limit-error` are one word."""
    return _NOT_ALPHANUMERIC.sub("", name[:128].lower())


_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
_STATUS = re.compile(r"[45][0-9]{2}")
_TEXT_KEYS = ("message", "Message", "detail", "msg", "error")


def _first(found: object) -> object:
    return (found[0] if found else None) if isinstance(found, list) else found


def _inside(error: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = error.get(name)
    return found if isinstance(found, dict) else {}


def _message(found: object) -> str:
    """The words in an error, however deep a framework wrapped them."""
    for _ in range(8):
        if isinstance(found, dict):
            found = next((found[key] for key in _TEXT_KEYS if found.get(key) not in (None, "", True)), "")
        else:
            found = _first(found)
    return whole_text(found) if isinstance(found, str) else ""


def _param(error: Mapping[str, Any]) -> str | None:
    found = error.get("param")
    if isinstance(found, str) and found:
        return whole_text(found)
    place = _first(error.get("detail"))
    loc = place.get("loc") if isinstance(place, dict) else None  # FastAPI's servers: ["body", "messages", 0]
    return (
        ".".join(str(step) for step in loc[:_STEPS_MAX] if isinstance(step, str | int))
        if isinstance(loc, list)
        else None
    )


_STEPS_MAX = 16


def _status(error: Mapping[str, Any]) -> int | None:
    for name in ("code", "status_code", "raw_status_code", "status"):
        found = error.get(name)
        if isinstance(found, str) and _STATUS.fullmatch(found):
            found = int(found)
        if isinstance(found, int) and 400 <= found <= 599:
            return found
    return None
