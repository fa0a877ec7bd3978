"""LiteLLM's Router: a deployment for each URL, each the fallback of the one before, without retries of its own."""

import os
from collections.abc import Sequence
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or its import asks the network for a price list

import litellm

from ..wire import MODEL

MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]


class LiteLLM:
    """Cooldowns are off: a failing first deployment would leave the rotation, and the cost of its failure with it."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        litellm.suppress_debug_info = True
        names = [f"target-{index}" for index in range(len(urls))]
        self._router = litellm.Router(
            model_list=[
                {
                    "model_name": name,
                    "litellm_params": {"model": f"openai/{MODEL}", "api_key": "sk-bench", "api_base": url},
                }
                for name, url in zip(names, urls, strict=True)
            ],
            fallbacks=[{names[0]: names[1:]}] if len(names) > 1 else [],
            num_retries=0,
            disable_cooldowns=True,
        )

    async def call(self) -> int:
        answer: Any = await self._router.acompletion(model="target-0", messages=MESSAGES)
        return len(answer.choices[0].message.content)

    async def stream(self) -> int:
        deltas = 0
        stream: Any = await self._router.acompletion(model="target-0", messages=MESSAGES, stream=True)
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                deltas += 1
        return deltas

    async def hold(self) -> object:
        raise NotImplementedError

    async def aclose(self) -> None:
        """LiteLLM closes its clients when the process ends."""
