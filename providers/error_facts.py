"""The facts of an error body, read once from any of its many shapes into one struct.

Seen: `{"error": {"message", "type", "code"}}`, `{"error": "text"}`, `{"code", "error": "text"}`, a flat object, any of
these as the first of a list, `message` and `detail` as text or as a list of objects, `error_type` and `error_message`,
MiniMax's `base_resp`, and pages that are no JSON. What a gateway was told by the provider behind it stands deeper: in
`metadata.raw`, in a choice, or as JSON in the message. The inner words are the provider's own, and are read as well.
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
        message: The provider's words, a gateway's before those of the provider behind it; the beginning of a body that
            is not JSON.
        code: The provider's own code, as sent.
        type: The provider's own type of the error, as sent.
        words: All machine-readable names of the error as `plain_word` writes them: what rules compare with.
        status: An HTTP status that the error itself names.
        param: The part of the request that is wrong, where the error names it.
        is_json: Whether the body was JSON at all.
        error: The error object together with what stands around it, for what only one dialect sends.
        sentences: All that is said, where that is more than `message`: a gateway that has judged its provider's error
            itself (OpenRouter's `error_type`) shows its own words.
    """

    message: str = ""
    code: str | int | None = None
    type: str | None = None
    words: frozenset[str] = frozenset()
    status: int | None = None
    param: str | None = None
    is_json: bool = True
    error: Mapping[str, Any] = msgspec.field(default_factory=dict)
    sentences: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that an error repeats, in lower case: inside a stream there is no other way to send them."""
        nested = self.error.get("headers") or _inside(self.error, "metadata").get("headers")
        return {name.lower(): str(value) for name, value in nested.items()} if isinstance(nested, dict) else {}

    @property
    def retry_delay(self) -> str | None:
        """The delay in Google's `RetryInfo`, as protobuf writes a duration: Google sends no `retry-after`."""
        for detail in _details(self.error):
            if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
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
    return _facts(decoded, _LEVELS_MAX)


def is_error(decoded: Mapping[str, Any]) -> bool:
    """Does an object that is no piece of an answer report a failure, whatever its shape?

    Only what failures alone say counts: an object with a mere `message` or `type` may be a sign of life.
    """
    if any(decoded.get(name) for name in ("error", "errors", "error_message", "error_type", "detail")):
        return True
    if "error" in (decoded.get("object"), decoded.get("type")) or _status(decoded) is not None:
        return True
    if _base_code(decoded) is not None or _own_key(decoded) is not None:
        return True
    code, message = decoded.get("code"), decoded.get("message") or decoded.get("msg")
    failed = decoded.get("success") is False or (
        isinstance(code, str | int) and not isinstance(code, bool) and str(code).lower() not in _WELL
    )
    return failed and isinstance(message, str)


_WELL = frozenset({"", "0", "200", "ok", "success"})
"""Codes of objects in which nothing failed."""
_LEVELS_MAX = 3
"""Maximum errors inside errors that are read: a gateway's, its upstream's, and that one's."""


def _facts(decoded: object, levels: int) -> ErrorFacts:
    found = _first(decoded)
    if not isinstance(found, dict):
        return ErrorFacts(message=_message(found))
    inner = _first(found.get("error") or found.get("errors")) or _of_a_choice(found)
    if isinstance(inner, dict):
        error, message = {**found, **inner}, _message(inner)
    else:
        error, message = found, _message(inner) or _message(found) or _own_key(found) or ""
    facts = _outer(error, message)
    if not levels:
        return facts
    if (held := _held(message)) is not None:
        return _joined(msgspec.structs.replace(facts, message=""), _facts(held, levels - 1))
    if (behind := _behind(error)) is not None:
        return _joined(facts, _facts(behind, levels - 1))
    return facts


def _outer(error: dict[str, Any], message: str) -> ErrorFacts:
    """The facts of one level."""
    code = error.get("code")
    if code is None or code == "":
        code = error.get("error_code") or _inside(error, "details").get("error_code")
    if not isinstance(code, str | int) or isinstance(code, bool):
        code = None
    metadata = _inside(error, "metadata")
    names = (error.get("type"), error.get("error_type"), error.get("status"), metadata.get("error_type"))
    types = [name for name in names if isinstance(name, str) and name != "error"]
    deeper = (_inside(error, "innererror").get("code"), _inside(error, "details").get("error_code"))
    reasons = [detail.get("reason") for detail in _details(error)]  # Google's ErrorInfo
    words = {plain_word(name) for name in (code, *types, *deeper, *reasons) if isinstance(name, str)}
    if isinstance(code, int) and code >= 600:
        words.add(str(code))  # no status: a number of the provider's own
    if metadata.get("reasons"):
        words.add(FLAGGED)  # OpenRouter: what its moderation found
    if (base := _base_code(error)) is not None:
        code = base if code is None else code
        words.add(f"base{base}")
    return ErrorFacts(
        message=message,
        code=code,
        type=types[0] if types else None,
        words=frozenset(words),
        status=_status(error),
        param=_param(error),
        error=error,
    )


FLAGGED = "flagged"
"""A word for an error that lists what a moderation found."""


def _behind(error: Mapping[str, Any]) -> object | None:
    """The error of the provider behind a gateway: as JSON, as JSON text, or as words; None: there is none."""
    raw = _inside(error, "metadata").get("raw")
    if isinstance(raw, str) and raw.strip():
        held = _held(raw)
        return {"error": raw} if held is None else held
    return raw if isinstance(raw, dict) and raw else None


def _held(text: str) -> object | None:
    """The error that a text is, if it is JSON that holds one."""
    text = text.strip()
    if text[:1] not in ("{", "["):
        return None
    try:
        held = decode_kindly(text.encode())
    except (*UNDECODABLE, UnicodeEncodeError):
        return None
    first = _first(held)
    return first if isinstance(first, dict) and (is_error(first) or _message(first)) else None


def _joined(outer: ErrorFacts, inner: ErrorFacts) -> ErrorFacts:
    """Both levels as one error: the inner one's own words, with what the outer one alone knows."""
    code = outer.code if inner.code is None or isinstance(outer.code, str) else inner.code
    sentences = ": ".join(filter(None, (outer.message, inner.sentences or inner.message)))
    judged = "error_type" in _inside(outer.error, "metadata")
    return ErrorFacts(
        message=outer.message if judged and outer.message else sentences,
        code=code,
        type=outer.type or inner.type,
        words=outer.words | inner.words,
        status=inner.status if inner.status is not None and _says_little(outer.status) else outer.status,
        param=outer.param or inner.param,
        error={**inner.error, **outer.error},
        sentences=sentences,
    )


def _says_little(status: int | None) -> bool:
    """Is a gateway's status one that it gives to whatever its upstream said?"""
    return status is None or status == 400 or status >= 500


def plain_word(name: str) -> str:
    """A code as it is compared: `rate_limit_error`, `RateLimitError` and `rate-limit-error` are one word."""
    return _NOT_ALPHANUMERIC.sub("", name[:128].lower())


_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
_STATUS = re.compile(r"[45][0-9]{2}")
_TEXT_KEYS = ("message", "Message", "detail", "msg", "error_message", "status_msg", "error", "base_resp")


def _first(found: object) -> object:
    return (found[0] if found else None) if isinstance(found, list) else found


def _inside(error: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = error.get(name)
    return found if isinstance(found, dict) else {}


def _details(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = error.get("details")
    return [detail for detail in found if isinstance(detail, dict)] if isinstance(found, list) else []


def _of_a_choice(found: Mapping[str, Any]) -> object:
    """What the first choice that failed says: OpenRouter tells its errors there, too."""
    choices = found.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            return _first(choice["error"])
    return None


def _base_code(error: Mapping[str, Any]) -> int | None:
    """The code in MiniMax's `base_resp`, which stands in every answer of it; None: nothing failed."""
    code = _inside(error, "base_resp").get("status_code")
    return code if isinstance(code, int) and not isinstance(code, bool) and code else None


def _own_key(found: Mapping[str, Any]) -> str | None:
    """An error that is the name of a field, as of Ollama: `{"error parsing tool call: …": …}`."""
    return next((name for name in found if isinstance(name, str) and name.startswith("error ")), None)


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
    for name in ("code", "status_code", "raw_status_code", "status", "error_code"):
        found = error.get(name)
        if isinstance(found, str) and _STATUS.fullmatch(found):
            found = int(found)
        if isinstance(found, int) and 400 <= found <= 599:
            return found
    return None
