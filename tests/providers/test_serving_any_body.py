"""Whatever a client sends is read or refused by name: no other exception, whatever stands where."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standby.providers.serving import Asked, Dialect, Refused
from standby.providers.serving.chat import chat
from standby.providers.serving.messages import messages
from standby.providers.serving.responses import responses

from served import READY

WORDS = (
    "model", "messages", "input", "role", "user", "assistant", "system", "developer", "tool", "content", "type",
    "text", "image_url", "url", "detail", "input_audio", "data", "format", "file", "file_id", "file_data",
    "filename", "refusal", "thinking", "signature", "tool_use_id", "is_error", "name", "tool_calls", "id",
    "function", "arguments", "custom", "tool_call_id", "reasoning_content", "reasoning_details",
    "standby_after", "standby", "annotations", "url_citation", "cache_control", "ephemeral", "ttl", "tools",
    "tool_choice", "parameters", "strict", "allowed_tools", "mode", "response_format", "json_schema", "schema",
    "stop", "temperature", "max_tokens", "stream", "stream_options", "include_usage", "n", "metadata",
    "user_id", "reasoning", "effort", "summary", "low", "auto", "enabled", "adaptive", "disabled",
    "budget_tokens", "output_config", "output_format", "source", "base64", "media_type", "document", "image",
    "title", "tool_use", "tool_result", "redacted_thinking", "input_schema", "any", "none", "caller",
    "server_tool_use", "citations", "function_call", "function_call_output", "call_id", "output",
    "custom_tool_call", "encrypted_content", "summary_text", "input_text", "input_image", "input_file",
    "output_text", "message", "item_reference", "computer_call", "computer_call_output", "phase",
    "instructions", "verbosity", "include", "truncation", "grammar", "logit_bias", "store", "extra_content",
    "google", "thought_signature",
)  # fmt: skip
"""Names of fields, and what may stand in them."""
LEAVES = (
    st.none() | st.booleans() | st.integers(-3, 2**65) | st.floats(allow_nan=False) | st.sampled_from(WORDS)
    | st.sampled_from(["", "SECRET", "standby1:0123456789ab-:", '{"standby":{"signature":"x"}}', '{"standby":{'])
)  # fmt: skip
ANYTHING: Any = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
BODIES: dict[str, tuple[Dialect, dict[str, Any]]] = {
    "chat": (chat, {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}),
    "messages": (messages, {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}),
    "responses": (responses, {"model": "m", "input": "Hello"}),
}


def read(dialect: Dialect, body: dict[str, Any]) -> None:
    """Read a body, which may be refused."""
    problem = None
    try:
        assert isinstance(dialect.read(json.dumps(body).encode()), Asked)
    except Refused as refused:
        problem = refused
    if problem is not None:
        assert "SECRET" not in str(problem)
        assert problem.param is None or re.fullmatch(r"[a-z…][A-Za-z0-9_.\[\]…-]*", problem.param)


@pytest.mark.parametrize("name", BODIES)
@settings(READY, max_examples=60)
@given(st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=4))
def test_any_field_may_hold_anything(name: str, fields: dict[str, Any]) -> None:
    dialect, plain = BODIES[name]
    read(dialect, plain | fields)


@pytest.mark.parametrize("name", BODIES)
@settings(READY, max_examples=60)
@given(st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=5), st.sampled_from(WORDS), st.booleans())
def test_any_turn_may_hold_anything(name: str, turn: dict[str, Any], kind: str, within: bool) -> None:
    dialect, plain = BODIES[name]
    field = "input" if name == "responses" else "messages"
    said: dict[str, Any] = turn if name == "chat" and not within else {**turn, "type": kind}
    if within:
        said = {"role": "assistant" if len(turn) % 2 else "user", "content": [said]}
    read(dialect, plain | {field: [{"role": "user", "content": "Hello"}, said, {"role": "user", "content": "Go on"}]})
