"""TensorZero's gateway inside the process: written in Rust, so that threads of its own do most of the work."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("RUST_LOG", "off")  # or it prints a line for every target that fails

from tensorzero import AsyncTensorZeroGateway

from ..wire import MODEL

INPUT: Any = {"messages": [{"role": "user", "content": "Why is the sky blue?"}]}


class TensorZero:
    """One model with several providers, asked in turn, without a database."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        os.environ.setdefault("OPENAI_API_KEY", "sk-bench")
        names = [f"target{index}" for index in range(len(urls))]
        lines = ["[gateway]", "observability.enabled = false", "[models.bench]", f"routing = {names!r}"]
        for name, url in zip(names, urls, strict=True):
            lines += [f"[models.bench.providers.{name}]", 'type = "openai"', f'model_name = "{MODEL}"']
            lines += [f'api_base = "{url}/"']
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "tensorzero.toml"
            config.write_text("\n".join(lines))
            made: Any = AsyncTensorZeroGateway.build_embedded(config_file=str(config), async_setup=True)
            self._gateway: Any = await made

    async def call(self) -> int:
        answer = await self._gateway.inference(model_name="bench", input=INPUT)
        return sum(len(part.text) for part in answer.content)

    async def stream(self) -> int:
        deltas = 0
        async for chunk in await self._gateway.inference(model_name="bench", input=INPUT, stream=True):
            if any(part.text for part in chunk.content):
                deltas += 1
        return deltas

    async def hold(self) -> object:
        raise NotImplementedError

    async def aclose(self) -> None:
        await self._gateway.close()
