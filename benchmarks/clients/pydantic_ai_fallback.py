"""pydantic-ai's FallbackModel, asked directly, without an agent around it."""

from collections.abc import Sequence

import openai
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.messages import ModelRequest, ModelResponse, PartDeltaEvent, PartStartEvent, TextPart
from pydantic_ai.models import Model
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from ..wire import MODEL

MESSAGES = [ModelRequest.user_text_prompt("Why is the sky blue?")]


class PydanticAI:
    """A model for each URL, with a client that does not retry; several stand behind one FallbackModel."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        self._clients = [openai.AsyncOpenAI(api_key="sk-bench", base_url=url, max_retries=0) for url in urls]
        models = [OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)) for client in self._clients]
        self._model: Model = FallbackModel(*models, fallback_on=(ModelAPIError,))

    async def call(self) -> int:
        answer: ModelResponse = await model_request(self._model, MESSAGES)
        return sum(len(part.content) for part in answer.parts if isinstance(part, TextPart))

    async def stream(self) -> int:
        deltas = 0
        async with model_request_stream(self._model, MESSAGES) as stream:
            async for event in stream:
                if isinstance(event, PartDeltaEvent) or (isinstance(event, PartStartEvent) and event.part.content):
                    deltas += 1
        return deltas

    async def hold(self) -> object:
        raise NotImplementedError

    async def aclose(self) -> None:
        for client in self._clients:
            await client.close()
