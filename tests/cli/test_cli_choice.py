"""The targets of a command when none is named: those with a key in the environment, in a sensible order."""

from pathlib import Path

import pytest
from standby.cli.choice import PREFERRED, USUAL_MODELS, choose
from standby.providers import registry


def chosen(**environment: str) -> list[str]:
    choice = choose((), None, None, environment)
    return [] if choice is None else [getattr(each, "label", "") for each in choice.as_route.targets]


def test_keys_are_asked_in_the_order_of_preference() -> None:
    assert chosen(XAI_API_KEY="k", OPENAI_API_KEY="k") == ["openai/gpt-5-mini", f"xai/{USUAL_MODELS['xai']}"]


def test_one_key_makes_one_target() -> None:
    assert chosen(OPENAI_API_KEY="k") == ["openai/gpt-5-mini"]  # though two dialects of it read the same variable


def test_an_empty_key_is_none() -> None:
    assert chosen(OPENAI_API_KEY=" ") == []


def test_who_has_no_address_or_no_model_is_not_guessed() -> None:
    assert chosen(AZURE_OPENAI_API_KEY="k", OLLAMA_API_KEY="k") == []


def test_the_note_names_the_variable_and_never_its_value() -> None:
    choice = choose((), None, None, {"OPENAI_API_KEY": "sk-secret"})
    assert choice is not None
    assert choice.note.endswith("openai/gpt-5-mini (OPENAI_API_KEY)")
    assert "sk-secret" not in repr(choice)


def test_a_configuration_goes_before_keys(nobody_is_configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nobody_is_configured / "standby.yaml").write_text("targets: {mine: {provider: koala}}\n")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    choice = choose((), None, None)
    assert choice is not None
    assert (choice.as_route.targets, choice.note) == (("mine",), "")


@pytest.mark.parametrize("name", [*PREFERRED, *USUAL_MODELS])
def test_who_is_preferred_is_there(name: str) -> None:
    assert name in registry.names()


@pytest.mark.parametrize("name", USUAL_MODELS)
def test_a_model_is_guessed_only_where_the_provider_has_none(name: str) -> None:
    assert registry.get(name).info.default_model is None
