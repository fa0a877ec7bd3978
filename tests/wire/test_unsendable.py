"""A request that cannot be sent is refused in every dialect and way of asking, and no provider hears of it."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from standby.config import Hedge
from standby.providers import registry
from standby.providers.provider import Endpoint, WireRequest

from canaries import CANARY_PROMPT, assert_no_canary, canaries_in
from playing import Playing
from standby import ChatRequest, Config, ErrorKind, InvalidRequest, Message, Route, Router, Target, TextPart

HALF = f"{CANARY_PROMPT}\ud83d"
FORMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "a text": (HALF, {}),
    "OpenAI's shape": ([{"role": "user", "content": HALF}], {}),
    "our messages": ([Message("user", (TextPart(HALF),))], {}),
    "a request": (ChatRequest(messages=(Message("user", (TextPart(HALF),)),)), {}),
    "a schema": ("Hi", {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": str}}}]}),
    "more fields": ("Hi", {"extra": {"when": object()}}),
    "NaN": ("Hi", {"extra": {"x": float("nan")}}),
    "a conversation's key": ("Hi", {"sticky": HALF}),
}
"""What is asked, and with what."""


@pytest.mark.parametrize("provider", registry.names())
async def test_no_provider_hears_of_it(simulator: Playing, provider: str) -> None:
    simulator.play("one", "Never asked.")
    one = Target(provider, model="m", key="k", base_url=simulator.base_url("one"), options=_options(provider))
    config = Config(routes={"r": Route((one, one), hedge=Hedge(after=0.001)), "plain": Route((one,))})
    async with Router(config) as router:
        for ask, route, form in product(_ways(router), config.routes, FORMS):
            messages, options = FORMS[form]
            with pytest.raises(InvalidRequest) as caught:
                await ask(messages, route=route, **options)
            assert_no_canary(caught.value)
            assert caught.value.__context__ is None
        assert not [health for health in router.health() if health.state != "closed"]
    assert not simulator.exchanges


def _options(provider: str) -> dict[str, Any]:
    return {"region": "nowhere-1"} if provider == "bedrock" else {}


def _ways(router: Router) -> list[Callable[..., Any]]:
    async def stream(messages: Any, **options: Any) -> None:
        async with router.stream(messages, **options) as stream:
            async for _ in stream:
                pass

    async def single(messages: Any, **options: Any) -> None:
        await router.complete(messages, upstream="single", **options)

    async def explain(messages: Any, **options: Any) -> None:
        router.explain(messages, **options)

    return [stream, router.complete, single, explain]


class Careless:
    """An adapter that takes the request apart by itself, and fails with all of it."""

    name = "careless"

    def __init__(self, like: str) -> None:
        self._like = registry.get(like)
        self.info, self.capabilities = self._like.info, self._like.capabilities
        self.decoder, self.error_for = self._like.decoder, self._like.error_for

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        raise ValueError(f"cannot say {chat.messages[0].text} as {endpoint.model}")


async def test_an_adapter_that_raises_is_passed_over_and_shows_nothing(
    simulator: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.play("next", "Well.")
    monkeypatch.setitem(registry._registered, "careless", Careless("openai"))
    lead = Target("careless", model="m", key="k", name="lead", base_url=simulator.base_url("next"))
    other = Target("openai", model="m", key="k", name="next", base_url=simulator.base_url("next"))
    async with Router([lead, other]) as router:
        answer = await router.complete(CANARY_PROMPT)
        assert [health.state for health in router.health()] == ["closed", "closed"]
    assert answer.text == "Well."
    first, second = answer.report.attempts
    assert (first.kind, first.outcome, second.outcome) == (ErrorKind.PROTOCOL, "failed", "finished")
    assert first.detail == "the adapter 'careless' raised ValueError: a bug in it"
    assert not canaries_in(str(answer.report.to_dict()))
