"""Find our secrets in an upstream's words, by their value: a key has no shape to find it by.

Providers, and what stands in between, repeat keys in messages, codes, request ids, redirects, and in other encodings.
A part counts too: what begins like a secret, for at least `PART_MIN` characters, is one. Used on failures alone.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from string import ascii_lowercase, ascii_uppercase
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from .errors import looks_like_a_key
from .secret import Secret

PART_MIN = 8
"""A shorter text is no secret: it would be found in every other sentence."""

MASK = "***"

_PLAIN_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "anthropic-beta", "anthropic-version", "connection", "content-length",
        "content-type", "host", "http-referer", "origin", "referer", "user-agent", "x-amz-date", "x-title",
    }
)  # fmt: skip
"""Headers with public values, which messages may show."""
_SCHEMES = frozenset({"basic", "bearer", "aws4-hmac-sha256"})
_BETWEEN = re.compile(r"[\s,;]+")
_SAYS_SECRET = re.compile(r"key|token|secret|passw|auth|sig", re.IGNORECASE)
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class Echoes:
    """Finds some secrets in texts.

    Args:
        secrets: The values. Those that are too short are let be.
    """

    __slots__ = ("_begins", "_forms")

    def __init__(self, secrets: Iterable[str]) -> None:
        long_enough = {secret for secret in secrets if len(secret) >= PART_MIN}
        forms = {_lower(form) for secret in long_enough for form in _forms(secret)}
        self._forms = sorted(form for form in forms if len(form) >= PART_MIN)
        self._begins = sorted({form[:PART_MIN] for form in self._forms})

    def masked(self, text: str) -> str:
        """The text with `***` in place of each secret, of each part of one, and of its usual encodings."""
        low = _lower(text)  # hosts and escapes come back in either case
        for begins in self._begins:
            if begins in low:
                break
        else:
            return text  # as nearly every text, which is not to pay for what follows
        found = sorted(span for form in self._forms for span in _spans(low, form))
        pieces: list[str] = []
        done = 0
        for begin, end in found:
            if begin >= done:
                pieces += (text[done:begin], MASK)
            done = max(done, end)
        return "".join((*pieces, text[done:]))


def sent_secrets(headers: Mapping[str, str], url: str) -> Iterator[str]:
    """The parts of a request's head that only its target may see: values of headers, and of parts of the query."""
    for name, value in headers.items():
        if name.lower() not in _PLAIN_HEADERS:
            scheme, _, rest = value.partition(" ")
            value = rest if scheme.lower() in _SCHEMES else value
            yield value
            for word in _BETWEEN.split(value):
                yield word
                yield word.partition("=")[2]
                yield from _login(word)
    for name, value in parse_qsl(urlsplit(url).query):
        if _SAYS_SECRET.search(name):
            yield value


def configured_secrets(proxy: str | None, *fields: Mapping[str, object]) -> Iterator[str]:
    """The login of a proxy, and among a target's own fields what is a `Secret`, or looks or is named like one."""
    if proxy is not None:
        parts = urlsplit(proxy)
        for part in (parts.username, parts.password):
            if part:
                yield part
                yield unquote(part)
    for mapping in fields:
        for name, value in mapping.items():
            if isinstance(value, Secret):
                yield value.reveal()
            elif isinstance(value, str) and (_SAYS_SECRET.search(name) or looks_like_a_key(value)):
                yield value


def bare_url(url: str) -> str:
    """An address without what may hold a secret: its login, query and fragment."""
    if "@" not in url and "?" not in url and "#" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _lower(text: str) -> str:
    """The same with the letters of ASCII in lower case, and as long as before."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _forms(secret: str) -> Iterator[str]:
    written = json.dumps(secret)[1:-1]
    yield from (secret, quote(secret), quote(secret, safe=""), quote(quote(secret, safe="")), quote_plus(secret))
    yield from (written, written.replace("/", "\\/"))  # the latter is PHP's way
    yield secret.encode("utf-8", "replace").hex()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):  # as it begins within a longer text
            yield encode(b"\0" * offset + secret.encode("utf-8", "replace")).decode()[4 if offset else 0 : -4]


def _spans(low: str, form: str) -> Iterator[tuple[int, int]]:
    begin = low.find(form[:PART_MIN])
    while begin >= 0:
        end = begin + PART_MIN
        while end < len(low) and end - begin < len(form) and low[end] == form[end - begin]:
            end += 1
        yield begin, end
        begin = low.find(form[:PART_MIN], end)


def _login(word: str) -> Iterator[str]:
    """User and password, when a word is such a pair in base64."""
    try:
        user, colon, password = base64.b64decode(word, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return
    if colon:
        yield user
        yield password
