"""What a target says of its own model reaches the request: it wins over what the provider's data say."""

import json

import msgspec
import pytest
from standby.providers import registry
from standby.providers.capabilities import Capabilities
from standby.providers.chat import chat_request
from standby.providers.provider import Unsupported, capabilities_of

from components import need
from conversation import COUNT, built, endpoint

REGION = {"region": "eu-central-1"}
SPEAKERS = sorted(set(registry.names()) - {"koala"})
"""Koala takes text and gives text, whatever a target may say."""
NEVER_PREFILLED = {"cohere", "koala", "openai-responses"}
"""Their dialects have no words for it."""


@pytest.fixture(autouse=True, scope="module")
def _with_botocore() -> None:
    need("botocore")


def prefilled(name: str, known: Capabilities) -> str:
    """The body that asks a provider to go on with an answer, where a target says this of its model."""
    return built(registry.get(name), COUNT, options=REGION, capabilities=known).body.decode()


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_target_may_say_that_its_model_takes_less(name: str) -> None:
    provider, chat = registry.get(name), chat_request("Hi", stop=["END"])
    known = provider.capabilities("model-1").overridden(Capabilities(max_stop=0))
    with pytest.raises(Unsupported, match="stop"):
        built(provider, chat, options=REGION, capabilities=known)


@pytest.mark.parametrize("name", sorted(set(SPEAKERS) - NEVER_PREFILLED))
def test_a_target_may_say_whether_its_model_goes_on_with_an_answer(name: str) -> None:
    assert "One, two," in prefilled(name, Capabilities(prefill="plain"))
    assert "One, two," in prefilled(name, Capabilities(prefill="echoed"))
    with pytest.raises(Unsupported, match="prefill"):
        prefilled(name, Capabilities(prefill="none"))


@pytest.mark.parametrize("name", sorted(NEVER_PREFILLED))
def test_what_a_dialect_cannot_say_stays_unsaid(name: str) -> None:
    with pytest.raises(Unsupported, match="prefill"):
        prefilled(name, Capabilities(prefill="plain"))


@pytest.mark.parametrize(
    ("name", "field"),
    [("anthropic", "temperature"), ("openai", "temperature"), ("openai-responses", "temperature")],
)
def test_a_target_may_say_whether_its_model_is_sampled(name: str, field: str) -> None:
    provider, chat = registry.get(name), chat_request("Hi", temperature=0.5)
    assert json.loads(built(provider, chat, capabilities=Capabilities(sampling=True)).body)[field] == 0.5
    left = built(provider, chat, capabilities=Capabilities(sampling=False))
    assert field not in json.loads(left.body)
    assert [note.split()[0] for note in left.notes] == [field]


@pytest.mark.parametrize(("name", "model"), [("anthropic", "claude-opus-4-6"), ("gemini", "gemini-2.5-flash")])
def test_a_target_may_say_that_its_model_does_not_think(name: str, model: str) -> None:
    provider, chat = registry.get(name), chat_request("Hi", reasoning_effort="high")
    assert not built(provider, chat, model).notes
    left = built(provider, chat, model, capabilities=Capabilities(reasoning=False))
    assert b"thinking" not in left.body
    assert [note.split()[0] for note in left.notes] == ["reasoning_effort"]


def test_a_target_that_says_nothing_leaves_it_to_the_data() -> None:
    provider = registry.get("anthropic")
    there = endpoint(provider, "claude-haiku-4-5")
    assert capabilities_of(provider, there) == provider.capabilities("claude-haiku-4-5")
    mine = Capabilities(prefill="none")
    assert capabilities_of(provider, msgspec.structs.replace(there, capabilities=mine)) is mine
