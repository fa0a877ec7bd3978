"""Knowledge of models: every fact has a source and a date; without facts nothing is refused, and nothing is moved."""

import runpy
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standby.providers import knowledge, registry
from standby.providers.capabilities import Capabilities
from standby.providers.chat import ChatRequest, chat_request
from standby.providers.knowledge import OLD_AFTER, Fact, Known, UnsourcedFact, facts_of, known, older_than, providers
from standby.providers.provider import Endpoint, Unsupported
from standby.providers.quirks import SETTABLE, Quirks, explained, value_problem

from components import need
from conversation import IMAGE, TOOL, endpoint

ROOT = Path(__file__).parents[2]
REGION = {"region": "eu-central-1"}
BUILT_IN = sorted({*registry._BUILT_IN, *registry._presets()})
SPEAKERS = sorted(set(BUILT_IN) - {"koala"})
MODELS = ("gpt-5.6-luna", "gpt-5-mini", "o4-mini", "claude-fable-5", "gemini-2.5-pro", "grok-4", "mistral-large-latest")


def all_facts() -> Iterator[tuple[str, Fact]]:
    return ((name, fact) for name in providers() for fact in facts_of(name))


def test_every_provider_of_ours_has_a_file_and_every_file_a_provider() -> None:
    assert list(providers()) == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_fact_says_where_it_is_from_and_when_that_was_seen(name: str) -> None:
    assert facts_of(name)
    for fact in facts_of(name):
        assert len(fact.source) > 10, fact
        assert date(2025, 1, 1) < fact.seen <= date(2026, 12, 31), fact


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_an_adapter_knows_of_a_model_are_facts_and_nothing_else(name: str) -> None:
    provider = registry.get(name)
    for model in (provider.info.default_model or "model-1", *MODELS):
        assert provider.capabilities(model) == known(name, model).capabilities


@pytest.mark.parametrize(
    "row",
    [
        {"tools": True},
        {"tools": True, "source": "a page"},
        {"tools": True, "seen": date(2026, 11, 30)},
        {"tools": True, "source": "  ", "seen": date(2026, 11, 30)},
        {"tools": True, "source": "a page", "seen": "2026-11-30"},
        {"source": "a page", "seen": date(2026, 11, 30)},
        {"telepathy": True, "source": "a page", "seen": date(2026, 11, 30)},
    ],
)
def test_a_fact_without_a_source_and_a_date_is_no_fact(row: dict[str, Any]) -> None:
    with pytest.raises(UnsourcedFact):
        list(knowledge._facts(row))


def test_a_value_of_another_type_is_a_mistake() -> None:
    for name, value in (("efforts", ["lots"]), ("context_window", "big"), ("json", "xml")):
        with pytest.raises(msgspec.ValidationError):
            list(knowledge._facts({name: value, "source": "a page", "seen": date(2026, 11, 30)}))


ASKS: dict[str, ChatRequest] = {
    "effort": chat_request("Hi", reasoning_effort="xhigh"),
    "no effort": chat_request("Hi", reasoning_effort="none"),
    "sampling": chat_request("Hi", temperature=1.9, top_p=0.9, seed=1),
    "penalties": chat_request("Hi", frequency_penalty=0.5, presence_penalty=0.5),
    "stop": chat_request("Hi", stop=["a"] * 20),
    "max_tokens": chat_request("Hi", max_tokens=50_000_000),
    "schema": chat_request(
        "Hi", response_format={"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    ),
    "tools and JSON": chat_request("Hi", tools=[TOOL], response_format={"type": "json_object"}),
    "image": chat_request([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": IMAGE.url}}]}]),
    "two turns": chat_request([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]),
}


@pytest.fixture
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no file held a fact, but for the form in which things are said."""
    form = {"max_tokens_field", "effort", "json", "system_role"}

    def bare(provider: str, model: str) -> Known:
        facts = [fact for fact in facts_of(provider) if not fact.models and fact.name in form - {"json"}]
        return Known((), Capabilities(), {fact.name: fact.value for fact in facts})  # type: ignore[arg-type]

    need("botocore")
    for module in ("fitting.facts", "dialects.openai"):
        monkeypatch.setattr(f"standby.providers.{module}.known", bare)


@pytest.mark.parametrize("asks", ASKS)
@pytest.mark.parametrize("name", SPEAKERS)
@pytest.mark.usefixtures("nothing_known")
def test_without_facts_only_what_the_dialect_has_no_words_for_is_refused_or_noted(name: str, asks: str) -> None:
    """So that only a fact, which has a source, can refuse a request or change it."""
    provider, chat = registry.get(name), ASKS[asks]
    rows = {row.feature for row in getattr(__import__(type(provider).__module__, fromlist=["FIT"]), "FIT", ())}
    to = endpoint(provider, options=REGION, capabilities=Capabilities())
    told: tuple[str, ...]
    try:
        told = provider.build_request(chat, to).notes
    except Unsupported as refused:
        told = (str(refused),)
    assert all(each.partition(" was ")[0] in rows or "thinking is on or off" in each for each in told)


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_model_of_tomorrow_is_sent_what_was_written_where_only_models_are_known(name: str) -> None:
    """A fact about one model says nothing of another, however alike their names."""
    need("botocore")
    for fact in facts_of(name):
        if fact.models and fact.name in ("efforts", "sampling", "max_stop", "penalties", "output_max"):
            assert known(name, "of-tomorrow-9").facts == known(name, "").facts, fact
            break


def test_rows_further_down_win_and_shared_rows_stand_first() -> None:
    assert known("openai", "gpt-5-chat-latest").capabilities.efforts == ()
    assert known("openai", "gpt-5").capabilities.efforts == ("minimal", "low", "medium", "high")
    assert known("openai", "gpt-5").capabilities == known("openai", "gpt-5-mini").capabilities
    assert known("openai-responses", "gpt-5.6-sol").capabilities.efforts_with_tools is None
    assert known("openai", "gpt-5.6-sol").capabilities.efforts_with_tools == ("none",)
    assert known("openai", "gpt-5.60").capabilities.efforts is None  # no version that is known


def test_a_name_that_is_no_file_is_nothing_known() -> None:
    for name in ("../openai", "_gpt", "acme", ""):
        assert known(name, "gpt-5").facts == ()


def test_the_same_is_kept_once_for_all_models_of_which_it_is_known() -> None:
    assert known("openai", "of-tomorrow-1") is known("openai", "of-tomorrow-2")


def test_old_knowledge_is_told_and_new_is_not() -> None:
    newest, oldest = max(fact.seen for _, fact in all_facts()), min(fact.seen for _, fact in all_facts())
    assert list(older_than(oldest)) == []
    assert len(list(older_than(newest + OLD_AFTER))) == len(list(all_facts()))
    told = runpy.run_path(str(ROOT / ".ci" / "knowledge.py"))["told"]
    assert told(oldest + OLD_AFTER) == []
    lines = told(newest + 2 * OLD_AFTER)
    assert len(lines) == len(providers())
    assert all("more than 180 days ago" in line for line in lines)


def test_a_quirk_is_explained_in_words() -> None:
    values: dict[str, Any] = {
        "max_tokens_field": "max_tokens", "system_role": "developer", "effort": "thinking", "json": "json_object",
        "reasoning_field": "reasoning", "reasoning_with_calls": True, "lacks": frozenset({"seed"}),
        "renames": {"seed": "random_seed"}, "says": frozenset({"files"}), "cache_marks": True, "stream_options": {},
        "prefill": {"turn": {"prefix": True}}, "path": "/chat", "alternate": True, "user_after_tool": False,
        "call_id": "[a-z]{9}", "think_tags": True,
    }  # fmt: skip
    assert set(values) == set(SETTABLE)
    assert value_problem(values) is None
    told = {name: explained(name, value) for name, value in values.items()}
    assert len(set(told.values())) == len(told)
    assert all(value and not value.endswith(".") for value in told.values())


@pytest.mark.parametrize(
    "given",
    [
        {"effort": "loud"}, {"json": "yaml"}, {"alternate": "perhaps"}, {"call_id": "[a-z]"}, {"call_id": "x{3}"},
        {"lacks": ["telepathy"]}, {"max_tokens_field": 5}, {"prefill": "yes"},
    ],
)  # fmt: skip
def test_a_quirk_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    assert (value_problem(given) or "").startswith("make no sense")


def test_quirks_of_a_target_win_over_what_is_known() -> None:
    provider = registry.get("llamacpp")
    to = Endpoint(
        base_url="https://h", model="m", quirks={"max_tokens_field": "n_predict", "effort": "reasoning_effort"}
    )
    body = msgspec.json.decode(
        provider.build_request(chat_request("Hi", max_tokens=5, reasoning_effort="low"), to).body
    )
    assert (body["n_predict"], body["reasoning_effort"]) == (5, "low")
    assert Quirks().max_tokens_field == "max_completion_tokens"
