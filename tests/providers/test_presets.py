"""The rows of `compatible`: each with what it does otherwise."""

import json
from typing import Any

import pytest
from standby.providers import registry
from standby.providers.chat import ImagePart, JsonSchema, Message, chat_request
from standby.providers.dialects.compatible import PRESETS
from standby.providers.errors import ErrorKind
from standby.providers.provider import Provider, ResponseHead, Unsupported

from conversation import COUNT, IMAGE, KEY, body, built, weather

PLACELESS = ("cloudflare",)
"""A target must say where: the account is part of the address."""
LOCAL = ("litellm", "llamacpp", "lmstudio", "ollama-v1", "sglang", "vllm")


@pytest.mark.parametrize("name", PRESETS)
def test_every_row_is_a_provider_of_the_registry(name: str) -> None:
    provider = registry.get(name)
    assert provider is PRESETS[name]
    assert isinstance(provider, Provider)
    assert name in registry.names()
    info = provider.info
    assert info.dialect == "openai"
    assert info.title
    assert info.site_url.startswith("https://")
    assert info.key_required is (name not in LOCAL)
    assert info.key_env is not None or not info.key_required
    assert (info.base_url is None) is (name in PLACELESS)
    base_url = info.base_url or "https://host/v1"
    assert base_url.startswith("http://localhost:" if name in LOCAL else "https://")
    wire = built(provider, chat_request("Hi"), base_url=base_url)
    assert wire.url == f"{base_url}/chat/completions"
    assert wire.headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in built(provider, chat_request("Hi"), key=None, base_url=base_url).headers


def test_a_row_cannot_be_replaced_or_taken_out() -> None:
    with pytest.raises(ValueError, match="already registered"):
        registry.register(PRESETS["groq"].__class__("groq", PRESETS["groq"].info))
    with pytest.raises(registry.UnknownProvider):
        registry.unregister("groq")


def test_deepseek_goes_on_at_its_beta_address_only() -> None:
    assert built(PRESETS["deepseek"], COUNT).url == "https://api.deepseek.com/beta/chat/completions"
    assert built(PRESETS["deepseek"], chat_request("Hi")).url == "https://api.deepseek.com/chat/completions"


@pytest.mark.parametrize("name", ["cerebras", "fireworks", "lmstudio", "perplexity", "sglang", "together", "xai"])
def test_a_prefill_is_refused_where_it_is_not_known_to_work(name: str) -> None:
    with pytest.raises(Unsupported, match="prefill"):
        built(PRESETS[name], COUNT)
    assert PRESETS[name].capabilities("any").prefill in (None, "none")


def test_a_prefill_through_openrouter_is_the_upstream_models_matter() -> None:
    openrouter = PRESETS["openrouter"]
    assert body(openrouter, COUNT, "anthropic/claude-haiku-4.5")["messages"][-1]["content"] == "One, two,"
    assert openrouter.capabilities("anthropic/claude-haiku-4.5").prefill == "plain"
    assert openrouter.capabilities("meta/llama:free").prefill is None
    with pytest.raises(Unsupported, match="prefill"):
        built(openrouter, COUNT, "anthropic/claude-opus-4.7")


@pytest.mark.parametrize("name", PRESETS)
def test_the_limit_of_the_answer_stands_in_the_one_field_that_is_known(name: str) -> None:
    said = body(PRESETS[name], chat_request("Hi", max_tokens=9))
    newer = name in ("cerebras", "groq", "xai")
    assert {field for field in said if "max" in field} == {"max_completion_tokens" if newer else "max_tokens"}


@pytest.mark.parametrize("name", PRESETS)
def test_token_counts_are_asked_for_unless_they_come_anyway(name: str) -> None:
    said = body(PRESETS[name], chat_request("Hi"))
    assert said.get("stream_options") == (
        None if name in ("openrouter", "perplexity", "together") else {"include_usage": True}
    )


@pytest.mark.parametrize(
    ("name", "effort", "said"),
    [
        ("vllm", "max", {"reasoning_effort": "high"}),
        ("groq", "none", {"reasoning_effort": "none"}),  # a model that is not known
        ("ollama-v1", "max", {"reasoning_effort": "max"}),
        ("ollama-v1", "minimal", {"reasoning_effort": "low"}),
        ("openrouter", "high", {"reasoning": {"effort": "high"}}),
        ("together", "low", {"reasoning": {"enabled": True}}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
        ("llamacpp", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
    ],
)
def test_reasoning_effort(name: str, effort: str, said: dict[str, Any]) -> None:
    asked = body(PRESETS[name], chat_request("Hi", reasoning_effort=effort))
    assert {field: asked.get(field) for field in said} == said


def test_an_effort_in_other_words_is_noted() -> None:
    wire = built(PRESETS["groq"], chat_request("Hi", reasoning_effort="xhigh"), "openai/gpt-oss-120b")
    takes = "openai/gpt-oss-120b takes low, medium, high"
    assert wire.notes == (f"reasoning_effort xhigh was said as high: {takes}",)


@pytest.mark.parametrize(
    ("name", "model", "chat", "what"),
    [
        ("llamacpp", "m", weather(tool_choice="get_weather"), "tool_choice of one tool"),
        ("ollama-v1", "m", weather(tool_choice="required"), "tool_choice"),
        (
            "ollama-v1",
            "m",
            weather(messages=(Message("user", (ImagePart("https://example.test/a.png"),)),)),
            "images by URL",
        ),
        ("perplexity", "sonar", weather(messages=(Message("user", (IMAGE,)),)), "tools"),
        ("xai", "grok-4-fast", chat_request("Hi", stop=["END"]), "stop"),
        ("groq", "m", chat_request("Hi", stop=list("abcde")), "more than 4 stop texts"),
    ],
)
def test_what_a_speaker_cannot_say_is_refused(name: str, model: str, chat: Any, what: str) -> None:
    with pytest.raises(Unsupported, match=f"^{what}$"):
        built(PRESETS[name], chat, model)


def test_what_is_lacking_only_in_part_is_said_for_the_rest() -> None:
    assert body(PRESETS["llamacpp"], weather(tool_choice="required"))["tool_choice"] == "required"
    assert body(PRESETS["ollama-v1"], weather())["messages"][1]["content"][1]["image_url"]["url"] == IMAGE.url
    assert body(PRESETS["xai"], chat_request("Hi", stop=["END"]), "grok-4-fast-non-reasoning")["stop"] == ["END"]


def test_openrouter_is_told_the_name_of_the_application() -> None:
    options = {"referer": "https://example.test", "title": "Mine"}
    headers = built(PRESETS["openrouter"], chat_request("Hi"), options=options).headers
    assert (headers["http-referer"], headers["x-title"]) == ("https://example.test", "Mine")


def test_groqs_full_flex_tier_is_overloaded() -> None:
    answer = json.dumps({"error": {"message": "flex tier capacity exceeded"}}).encode()
    head = ResponseHead(498, {"content-type": "application/json"})
    assert PRESETS["groq"].error_for(head, answer).kind is ErrorKind.OVERLOADED


def test_a_schema_is_asked_of_both_servers_of_llama_cpp_in_the_form_that_both_know() -> None:
    schema = {"type": "object", "properties": {}}
    asked = body(PRESETS["llamacpp"], weather(response_format=JsonSchema(schema)))["response_format"]
    assert asked == {"type": "json_object", "schema": schema}
    assert body(PRESETS["llamacpp"], weather(response_format=JsonSchema({})))["response_format"] == {
        "type": "json_object"
    }
