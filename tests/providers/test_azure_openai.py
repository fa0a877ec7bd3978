"""Azure OpenAI: the ways in to a deployment."""

import json

import pytest
from standby.providers import registry
from standby.providers.chat import chat_request
from standby.providers.dialects.azure_openai import provider
from standby.providers.errors import ErrorKind
from standby.providers.provider import ResponseHead, Unsupported

from conversation import COUNT, KEY, built, weather

RESOURCE = "https://mine.openai.azure.com"


@pytest.mark.parametrize("base_url", [RESOURCE, f"{RESOURCE}/openai", f"{RESOURCE}/openai/v1"])
def test_without_a_date_the_deployment_is_named_in_the_body(base_url: str) -> None:
    wire = built(provider, weather(), "my-gpt", base_url=base_url)
    assert wire.url == f"{RESOURCE}/openai/v1/chat/completions"
    assert json.loads(wire.body)["model"] == "my-gpt"
    assert wire.headers["api-key"] == KEY
    assert "authorization" not in wire.headers


def test_with_a_date_the_deployment_stands_in_the_path() -> None:
    options = {"api_version": "2024-10-21"}
    wire = built(provider, weather(), "my gpt/4", base_url=RESOURCE, options=options)
    assert wire.url == f"{RESOURCE}/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21"


def test_a_token_of_entra_is_a_bearer_token() -> None:
    wire = built(provider, weather(), base_url=RESOURCE, options={"entra": True})
    assert wire.headers["authorization"] == f"Bearer {KEY}"
    assert "api-key" not in wire.headers


def test_no_prefill() -> None:
    assert provider.capabilities("my-gpt").prefill == "none"
    with pytest.raises(Unsupported, match="prefill"):
        built(provider, COUNT, base_url=RESOURCE)


def test_a_missing_deployment_is_not_found() -> None:
    answer = {
        "error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}
    }
    head = ResponseHead(404, {"content-type": "application/json", "apim-request-id": "a1"})
    error = provider.error_for(head, json.dumps(answer).encode())
    assert (error.kind, error.request_id) == (ErrorKind.NOT_FOUND, "a1")


def test_it_is_in_the_registry_and_must_be_told_where() -> None:
    assert registry.get("azure-openai") is provider
    assert provider.info.base_url is None
    assert built(provider, chat_request("Hi"), base_url=RESOURCE, stream=False).headers["accept"] == "application/json"
