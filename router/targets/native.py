"""What a request says to some targets only: fields of one dialect, and tools that one provider runs."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ...providers import registry
from ...providers.messages import ChatRequest
from ...providers.provider import Unsupported


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
