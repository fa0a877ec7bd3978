"""LangChain's chat models, the first with the others as its fallbacks."""

from collections.abc import Sequence
from typing import Any

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from ..wire import MODEL

QUESTION = "Why is the sky blue?"


class LangChain:
    """A ChatOpenAI for each URL, without retries of its own."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        first, *others = [
            ChatOpenAI(model=MODEL, api_key=SecretStr("sk-bench"), base_url=u, max_retries=0) for u in urls
        ]
        self._model: Any = first.with_fallbacks(others) if others else first

    async def call(self) -> int:
        return len((await self._model.ainvoke(QUESTION)).content)

    async def stream(self) -> int:
        deltas = 0
        async for chunk in self._model.astream(QUESTION):
            if chunk.content:
                deltas += 1
        return deltas

    async def hold(self) -> object:
        raise NotImplementedError

    async def aclose(self) -> None:
        """LangChain's clients are closed when they are collected."""
