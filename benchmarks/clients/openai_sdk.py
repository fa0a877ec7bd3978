"""The official client of OpenAI, as its documentation shows it."""

from collections.abc import Sequence

import openai

from ..wire import MODEL


class OpenAI:
    """One `AsyncOpenAI` for the life of the process. It asks one provider, and knows no other."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        self._client = openai.AsyncOpenAI(api_key="sk-bench", base_url=urls[0], max_retries=0)

    async def call(self) -> int:
        answer = await self._client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Why is the sky blue?"}]
        )
        return len(answer.choices[0].message.content or "")

    async def stream(self) -> int:
        deltas = 0
        stream = await self._client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Why is the sky blue?"}], stream=True
        )
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                deltas += 1
        return deltas

    async def hold(self) -> object:
        raise NotImplementedError

    async def aclose(self) -> None:
        await self._client.close()
