"""Addresses as people copy them, and what would be refused or glued together on its way to another provider."""

from typing import Any

import pytest
from standby.providers import registry
from standby.providers.chat import FilePart, Message, TextPart, Tool, ToolCall, chat_request
from standby.providers.provider import Unsupported

from conversation import body, built

ASKED = chat_request("Hi")
VERTEX = {"vertex": {"project": "p-1", "location": "eu"}}


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("https://r.services.ai.azure.com/anthropic", "https://r.services.ai.azure.com/anthropic/v1/messages"),
        ("https://r.services.ai.azure.com/anthropic/v1", "https://r.services.ai.azure.com/anthropic/v1/messages"),
        ("https://api.z.ai/api/anthropic", "https://api.z.ai/api/anthropic/v1/messages"),
        ("https://proxy.test/claude", "https://proxy.test/claude/messages"),
    ],
)
def test_the_version_behind_claude_s_address_may_be_left_out(base_url: str, url: str) -> None:
    assert built(registry.get("anthropic"), ASKED, base_url=base_url).url == url


@pytest.mark.parametrize(
    ("model", "options", "url"),
    [
        ("models/gemini-3-pro", {}, "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro"),
        ("tunedModels/mine", {}, "https://generativelanguage.googleapis.com/v1beta/tunedModels/mine"),
        ("odd/name", {}, "https://generativelanguage.googleapis.com/v1beta/models/odd%2Fname"),
        (
            "projects/p-2/locations/eu/endpoints/12",
            VERTEX,
            "https://aiplatform.eu.rep.googleapis.com/v1beta1/projects/p-2/locations/eu/endpoints/12",
        ),
        (
            "endpoints/12",
            VERTEX,
            "https://aiplatform.eu.rep.googleapis.com/v1beta1/projects/p-1/locations/eu/endpoints/12",
        ),
    ],
)
def test_a_tuned_model_of_google_s_has_a_name_of_its_own(model: str, options: Any, url: str) -> None:
    wire = built(registry.get("gemini"), ASKED, model, options=options)
    assert wire.url == f"{url}:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("provider", ["openai", "azure-openai", "deepseek", "cohere", "ollama", "bedrock"])
def test_a_file_by_its_url_is_refused_where_only_bytes_are_taken(provider: str) -> None:
    asked = chat_request([Message("user", (TextPart("Read."), FilePart("https://a/b.pdf")))])
    with pytest.raises(Unsupported, match="files"):
        built(registry.get(provider), asked, base_url="https://r.test", options={"region": "eu-central-1"})


@pytest.mark.parametrize("provider", ["openai", "mistral", "cohere", "deepseek", "groq", "openrouter"])
def test_a_call_without_arguments_goes_back_as_the_empty_object(provider: str) -> None:
    turns = [Message("user", "Go."), Message("assistant", (ToolCall("abcdefghi", "f", ""),))]
    asked = chat_request([*turns, Message("tool", "done", tool_call_id="abcdefghi")], tools=[Tool("f")])
    (call,) = body(registry.get(provider), asked)["messages"][1]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("provider", "content"),
    [
        ("openai", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        ("azure-openai", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        ("deepseek", "ab"),
    ],
)
def test_two_texts_of_an_answer_stay_two_where_a_turn_can_hold_them(provider: str, content: Any) -> None:
    turns = [Message("user", "Go."), Message("assistant", (TextPart("a"), TextPart(""), TextPart("b")))]
    sent = body(registry.get(provider), chat_request([*turns, Message("user", "On.")]), base_url="https://r.test")
    assert sent["messages"][1] == {"role": "assistant", "content": content}
