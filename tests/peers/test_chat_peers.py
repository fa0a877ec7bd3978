"""The official SDKs of OpenAI's chat protocol read at the simulator what our providers of that protocol read there."""

from collections.abc import Callable
from typing import Any

import msgspec
import openai
import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.reply import Failure
from standby.simulator.server import Simulator

from components import need
from telling import ANSWERS, KEY, MODEL, QUESTION, Told, failing, ours

need("groq")
import groq  # noqa: E402 - only where it is installed

MESSAGES: Any = [{"role": "user", "content": QUESTION}]


def _groq(base_url: str) -> groq.AsyncGroq:
    return groq.AsyncGroq(api_key=KEY, base_url=base_url, max_retries=0)


def _openai(base_url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=KEY, base_url=f"{base_url}/v1", max_retries=0)


def _azure(base_url: str) -> openai.AsyncAzureOpenAI:
    return openai.AsyncAzureOpenAI(api_key=KEY, azure_endpoint=base_url, api_version="2024-10-21", max_retries=0)


class Peer:
    """An SDK, and the provider of ours that is compared with it."""

    def __init__(
        self, name: str, dialect: str, path: str, client: Callable[[str], Any], error: type[Exception]
    ) -> None:
        self.name, self.dialect, self.path, self.client, self.error = name, dialect, path, client, error

    def __str__(self) -> str:
        return self.name

    async def theirs(self, base_url: str, *, stream: bool) -> Told:
        """What the SDK makes of the answer."""
        told, written = Told(), {}
        usage: dict[str, Any] = {"extra_body": {"stream_options": {"include_usage": True}}} if stream else {}
        async with self.client(base_url) as client:
            answer = await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream, **usage)
            chunks = [chunk async for chunk in answer] if stream else [answer]
        for chunk in chunks:
            for choice in chunk.choices:
                said = getattr(choice, "delta", None) if stream else choice.message
                if said is None:
                    continue  # a chunk of Azure's filters
                told.text += said.content or ""
                told.reasoning += (said.model_extra or {}).get("reasoning_content") or ""
                for place, call in enumerate(said.tool_calls or ()):
                    known = written.setdefault(call.index if stream else place, ["", ""])
                    known[0] += call.function.name or ""
                    known[1] += call.function.arguments or ""
            if chunk.usage:
                told.usage = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        told.calls = [(name, msgspec.json.decode(arguments)) for name, arguments in written.values()]
        return told

    async def ours(self, base_url: str, *, stream: bool) -> Told:
        """What our provider makes of it."""
        options = {"api_version": "2024-10-21"} if self.name == "azure-openai" else {}
        return await ours(self.name, base_url + self.path, stream=stream, **options)


PEERS = (
    Peer("openai", "openai", "/v1", _openai, openai.APIError),
    Peer("groq", "openai", "/openai/v1", _groq, groq.APIError),
    Peer("azure-openai", "azure-openai", "", _azure, openai.APIError),
)


@pytest.mark.parametrize("peer", PEERS, ids=str)
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
async def test_both_read_the_same(simulator: Simulator, peer: Peer, answer: str, stream: bool) -> None:
    simulator.play("p", ANSWERS[answer], dialect=peer.dialect)
    base_url = simulator.base_url("p")
    told = await peer.theirs(base_url, stream=stream)
    assert told == await peer.ours(base_url, stream=stream)
    assert told.text == ANSWERS[answer].text


@pytest.mark.parametrize("peer", PEERS, ids=str)
@pytest.mark.parametrize(
    "kind", [ErrorKind.AUTH, ErrorKind.CONTENT_FILTER, ErrorKind.NOT_FOUND, ErrorKind.RATE_LIMITED]
)
async def test_both_read_a_refusal(simulator: Simulator, peer: Peer, kind: ErrorKind) -> None:
    simulator.play("p", Failure(kind), dialect=peer.dialect)
    base_url = simulator.base_url("p")
    with pytest.raises(peer.error) as caught:
        await peer.theirs(base_url, stream=True)
    error = (await peer.ours(base_url, stream=True)).error
    assert error is not None
    assert error.kind is kind
    assert (caught.value.status_code, _message(caught.value)) == (error.status, error.provider_message)  # type: ignore[attr-defined]


@pytest.mark.parametrize("peer", PEERS, ids=str)
async def test_both_read_an_error_inside_the_stream(simulator: Simulator, peer: Peer) -> None:
    simulator.play("p", failing(2, Failure(ErrorKind.OVERLOADED)), dialect=peer.dialect)
    base_url = simulator.base_url("p")
    told = await peer.ours(base_url, stream=True)
    assert told.text == "One two"
    assert told.error is not None
    assert told.error.kind is ErrorKind.OVERLOADED
    with pytest.raises(peer.error) as caught:
        await peer.theirs(base_url, stream=True)
    assert _message(caught.value) == told.error.provider_message


def _message(error: Any) -> str:
    body = error.body.get("error", error.body)
    return str(body["message"])
