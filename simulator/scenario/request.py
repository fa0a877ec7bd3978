"""A request to a simulated provider. Plain data, and its `repr` gives nothing away."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Reading(msgspec.Struct, frozen=True):
    """A request's body, read by its dialect: what a callable script may want to know.

    Attributes:
        model: The model that is asked; empty when none is named.
        stream: Whether a stream is asked.
        wants_usage: Whether a stream shall end with token counts.
        messages: `(role, text)` in order; images and calls are left out.
        tools: The names of the offered tools.
        prefilled: Whether the last message is the assistant's: an answer to be continued.
    """

    model: str = ""
    stream: bool = False
    wants_usage: bool = False
    messages: tuple[tuple[str, str], ...] = ()
    tools: tuple[str, ...] = ()

    @property
    def prefilled(self) -> bool:
        return bool(self.messages) and self.messages[-1][0] == "assistant"

    @property
    def words(self) -> int:
        """How many words were sent: our idea of input tokens."""
        return sum(len(text.split()) for _, text in self.messages)

    def __repr__(self) -> str:
        return f"Reading(model={self.model!r}, stream={self.stream}, messages=<{len(self.messages)}>)"


_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "visitor-id"}
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came. Its `repr` shows neither keys nor what was asked.

    Attributes:
        provider: The simulated provider; empty when no prefix matched.
        number: Counts that provider's requests, from 1.
        path: Below the provider's prefix, without the query.
        query: Behind the `?`; may hold a key.
        headers: Names in lower case.
    """

    provider: str
    number: int
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    reading: Reading = Reading()

    @property
    def json(self) -> Any:
        """The body, decoded.

        Raises:
            msgspec.DecodeError: It is not JSON.
        """
        return msgspec.json.decode(self.body)

    def __repr__(self) -> str:
        shown = {name: "***" if name in _SECRET_HEADERS else value for name, value in self.headers.items()}
        where = f"{self.provider}#{self.number} {self.method} {self.path}"
        return f"Request({where}, headers={shown!r}, body=<{len(self.body)} bytes>)"
