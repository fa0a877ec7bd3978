"""Cross-origin requests: what a browser is told, for pages of the listed origins and for no others. Pure.

Nothing here lets a request in: it lets a page read the answer. No cookie is ever used, so none is allowed.
"""

import re
from collections.abc import Collection

from multidict import MultiMapping

from .http import Fields

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_NAMES_MAX = 64
"""Maximum headers that a page may announce; the SDKs send some twenty."""

_AGE_S = 600
_EXPOSED = (
    "x-request-id", "retry-after", "retry-after-ms", "x-should-retry", "x-standby-route", "x-standby-target",
    "x-standby-attempts", "x-standby-overhead-ms", "x-standby-cost-usd", "x-standby-notes", "x-standby-limited-by",
    "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens",
)  # fmt: skip


def fields(headers: MultiMapping[str], origins: Collection[str]) -> Fields:
    """The fields of an answer that let the page read it; none where it may not."""
    sent = headers.getall("origin", [])
    if len(sent) != 1 or not _may(sent[0], origins):
        return (("vary", "origin"),) if origins else ()
    shown = ("access-control-expose-headers", ", ".join(_EXPOSED))
    return ("access-control-allow-origin", sent[0]), ("vary", "origin"), shown


def preflight(headers: MultiMapping[str], origins: Collection[str]) -> Fields | None:
    """The fields of the answer to a browser that asks first (`OPTIONS`); None when it does not, or may not."""
    sent = headers.getall("origin", [])
    if len(sent) != 1 or not _may(sent[0], origins) or "access-control-request-method" not in headers:
        return None
    wanted = [name.strip().lower() for name in headers.get("access-control-request-headers", "").split(",")]
    named = ", ".join(name for name in wanted[:_NAMES_MAX] if _NAME.fullmatch(name) and name != "cookie")
    private = headers.get("access-control-request-private-network") == "true"
    return (
        ("access-control-allow-origin", sent[0]),
        ("access-control-allow-methods", "GET, POST, OPTIONS"),
        *((("access-control-allow-headers", named),) if named else ()),
        *((("access-control-allow-private-network", "true"),) if private else ()),
        ("access-control-max-age", str(_AGE_S)),
        ("vary", "origin, access-control-request-headers"),
    )


def _may(origin: str, origins: Collection[str]) -> bool:
    return origin in origins or ("*" in origins and origin.isascii() and origin.isprintable())
