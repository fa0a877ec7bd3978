"""The clients measured: each asks the same upstream in its own way, and counts what it got of an answer.

A client is a class in a module of its own, imported only in the process that measures it.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

import msgspec

from ..peers import BEFORE, python_of


class Client(Protocol):
    """One way of asking. Made for a list of base URLs, the best first; used by many tasks at a time."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        """Make what a service would make once. `connections` is how many may be open at a time."""
        ...

    async def call(self) -> int:
        """Ask for one JSON body. The number of characters of the answer."""
        ...

    async def stream(self) -> int:
        """Ask for a stream and read it to its end. The number of deltas that had text."""
        ...

    async def hold(self) -> object:
        """Ask for a stream, read one delta, and leave it open for as long as what is returned lives."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class ClientInfo(msgspec.Struct, frozen=True):
    """What the benchmark knows of a client without importing it.

    Attributes:
        what: In words, for the table.
        where: Module and class.
        needs: What must be installed.
        share: Its part of the operations of a case: a slow client does fewer, and its costs are per operation anyway.
        fails_over: It can be given several URLs.
        holds: It can leave streams open.
        peer: The package with an environment of its own: another project's router, or an earlier release of ours.
        apart: It is measured in that environment or not at all.
    """

    what: str
    where: str
    needs: str
    share: float = 1.0
    fails_over: bool = True
    holds: bool = False
    peer: str = ""
    apart: bool = False

    @property
    def installed(self) -> bool:
        """It can be measured here."""
        return self.python != sys.executable or (not self.apart and find_spec(self.needs) is not None)

    @property
    def python(self) -> str:
        """The interpreter that runs it."""
        return str(python_of(self.peer) or sys.executable) if self.peer else sys.executable

    def make(self) -> Client:
        """The client, imported now."""
        module, _, name = self.where.partition(":")
        made: Client = getattr(import_module(f".{module}", __name__), name)()
        return made


CLIENTS: dict[str, ClientInfo] = {
    "raw": ClientInfo("sockets and msgspec, the floor", "raw:Raw", "msgspec", fails_over=False),
    "loop": ClientInfo("aiohttp and msgspec by hand", "loop:Loop", "aiohttp", holds=True),
    "loop-tuned": ClientInfo("the same, with the cheapest session there is", "loop:TunedLoop", "aiohttp"),
    "loop-at-once": ClientInfo("the loop, sending at once as from Python 3.12 on", "loop:LoopAtOnce", "aiohttp"),
    "standby": ClientInfo("Router: stream() by events, complete()", "router:Routed", "standby", holds=True),
    "standby-text": ClientInfo("Router: stream().text()", "router:RoutedText", "standby"),
    "standby-whole": ClientInfo("Router: complete() over a stream", "router:RoutedWhole", "standby"),
    "standby-log": ClientInfo("Router, with one JSON log line a call", "router:RoutedLogging", "standby"),
    "standby-full": ClientInfo("Router, with everything switched on", "router_full:RoutedInFull", "standby"),
    "standby-before": ClientInfo("Router, of an earlier release", "router:Routed", "standby", peer=BEFORE, apart=True),
    "openai": ClientInfo("the official client", "openai_sdk:OpenAI", "openai", share=0.2, fails_over=False),
    "litellm": ClientInfo("LiteLLM's Router", "litellm_router:LiteLLM", "litellm", share=0.05, peer="litellm"),
    "pydantic-ai": ClientInfo(
        "pydantic-ai's FallbackModel",
        "pydantic_ai_fallback:PydanticAI",
        "pydantic_ai",
        share=0.1,
        peer="pydantic-ai-slim",
    ),
    "langchain": ClientInfo(
        "LangChain's with_fallbacks",
        "langchain_fallbacks:LangChain",
        "langchain_openai",
        share=0.1,
        peer="langchain-openai",
    ),
    "tensorzero": ClientInfo(
        "TensorZero's embedded gateway", "tensorzero_embedded:TensorZero", "tensorzero", share=0.2, peer="tensorzero"
    ),
}
"""All clients, from the barest to the heaviest."""

BASELINE = "loop"
