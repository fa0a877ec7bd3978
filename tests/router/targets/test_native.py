"""What is said to some targets only: extra fields by dialect and provider, and tools that a provider runs."""

from typing import Any

import pytest
from standby.providers.chat import NativeTool, chat_request
from standby.providers.provider import Unsupported
from standby.router.targets.native import for_target

EXTRA = {"openai": {"store": True, "top_k": 1}, "groq": {"top_k": 2}, "anthropic": {"container": "c"}, "odd": 1}


@pytest.mark.parametrize(
    ("provider", "dialect", "fields"),
    [
        ("openai", "openai", {"odd": 1, "store": True, "top_k": 1}),
        ("groq", "openai", {"odd": 1, "store": True, "top_k": 2}),
        ("anthropic", "anthropic", {"odd": 1, "container": "c"}),
        ("gemini", "gemini", {"odd": 1}),
        ("acme", "acme", {"odd": 1}),
    ],
)
def test_fields_of_a_dialect_travel_to_no_other(provider: str, dialect: str, fields: dict[str, Any]) -> None:
    assert for_target(chat_request("a", extra=EXTRA), provider, dialect).extra == fields


def test_a_dialect_of_a_plug_in_is_a_name_for_its_own_targets() -> None:
    chat = chat_request("a", extra={"acme-wire": {"x": 1}})
    assert for_target(chat, "acme", "acme-wire").extra == {"x": 1}


def test_tools_that_another_provider_runs_cannot_be_asked_for() -> None:
    chat = chat_request("a", tools=[NativeTool("gemini", {"googleSearch": {}})])
    assert for_target(chat, "gemini", "gemini") == chat
    with pytest.raises(Unsupported, match="native tools"):
        for_target(chat, "openai", "openai")
