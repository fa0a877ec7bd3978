"""What a request says to some targets only: fields and headers of one dialect, and tools that one provider runs."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ...providers import registry
from ...providers.messages import ChatRequest
from ...providers.provider import Unsupported, WireRequest
from ...providers.sendable import type_name

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")

_LISTS = frozenset({"anthropic-beta", "openai-beta"})
"""Headers that name features: what a call says is added to what the target says."""


def for_target(chat: ChatRequest, provider: str, dialect: str) -> ChatRequest:
    """A request as one target gets it: with its own extra fields and native tools, and no other target's.

    Raises:
        Unsupported: It asks for a tool that another provider runs.
    """
    for tool in chat.native_tools:
        if tool.provider not in (provider, dialect):
            raise Unsupported("native tools of another provider")
    return replace(chat, extra=_own_extra(chat.extra, provider, dialect)) if chat.extra else chat


def _own_extra(extra: Mapping[str, Any], provider: str, dialect: str) -> dict[str, Any]:
    """Fields by the dialect's name, then by the provider's, over those for every target."""
    known = {dialect, *registry.names()}
    named = {name for name, fields in extra.items() if isinstance(fields, Mapping) and name in known}
    own = {name: value for name, value in extra.items() if name not in named}
    for name in (dialect, provider):
        if name in named:
            own |= extra[name]
    return own


def headers_problem(headers: object) -> str | None:
    """What is wrong with the headers of a call, as the rest of a sentence; None: nothing. It says no value."""
    if not isinstance(headers, Mapping):
        return f"must be a mapping of names to texts, but is a {type_name(headers)}"
    for name, value in headers.items():
        for inner, text in value.items() if isinstance(value, Mapping) else ((name, value),):
            if not isinstance(inner, str) or not _NAME.fullmatch(inner):
                return "holds a name that no header can have"
            if not isinstance(text, str):
                return f"holds a {type_name(text)}, which is no text"
            if not _VALUE.fullmatch(text):
                return "holds a text that no header can have"
    return None


def with_headers(wire: WireRequest, headers: Mapping[str, object], provider: str, dialect: str) -> WireRequest:
    """A request with the headers that a call adds for its target."""
    own = {name.lower(): str(value) for name, value in _own_extra(headers, provider, dialect).items()}
    if not own:
        return wire
    for name in _LISTS & own.keys() & wire.headers.keys():
        own[name] = ",".join(dict.fromkeys(part.strip() for part in f"{wire.headers[name]},{own[name]}".split(",")))
    return replace(wire, headers={**wire.headers, **own}, lasting=False)
