"""What holds for the readers of the served dialects, whatever a client sends, and for opaque state that it sends back.

An input of a reader is the body of a request.
"""

import json
import re
from collections.abc import Callable

import msgspec
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message
from standby.providers.origin import Origin
from standby.providers.parts import Reasoning
from standby.providers.provider import Endpoint, Provider, Unsupported
from standby.providers.returning import Returning, wrapped
from standby.providers.secret import Secret
from standby.providers.serving import Asked, Dialect, Refused
from standby.providers.serving.chat import chat
from standby.providers.serving.messages import messages
from standby.providers.serving.responses import responses
from standby.providers.serving.state import object_of, original, sealed, unsealed
from standby.router.targets.native import for_target

SERVED: dict[str, Dialect] = {"chat": chat, "messages": messages, "responses": responses}
SAYING = (
    "openai", "anthropic", "gemini", "openai-responses", "ollama", "cohere", "mistral", "bedrock", "koala",
    "azure-openai", "deepseek", "groq", "openrouter", "perplexity", "xai",
)  # fmt: skip
"""Providers that a read request is said to: each dialect, and the speakers of the chat protocol that differ most."""
MODELS = {
    "openai": "gpt-5.6", "anthropic": "claude-opus-4-6", "gemini": "gemini-3-pro-preview", "openai-responses": "gpt-5",
    "mistral": "mistral-large-latest", "cohere": "command-a-03-2025", "xai": "grok-4", "ollama": "qwen3",
}  # fmt: skip
PATH = re.compile(r"[a-z…][A-Za-z0-9_.\[\]…-]*")
HERE = Origin("anthropic", "https://api.anthropic.com/v1", "claude", "0123456789ab")
ELSEWHERE = Origin("gemini", "https://generativelanguage.googleapis.com", "gemini", "ba9876543210")


def _endpoint(provider: Provider) -> Endpoint:
    base_url = provider.info.base_url or "https://host/v1"
    model = MODELS.get(provider.name, provider.info.default_model or "model-1")
    options = {"region": "eu-west-1"} if provider.name == "bedrock" else {}
    return Endpoint(base_url=base_url, model=model, key=Secret("sk-fuzz"), options=options)


_ENDPOINTS = [(provider, _endpoint(provider)) for provider in map(registry.get, SAYING)]


def serving(name: str) -> Callable[[bytes], None]:
    """The target of one reader."""
    dialect = SERVED[name]

    def read(data: bytes) -> None:
        """A request, or a refusal that says nothing of what was sent; every adapter says it, or says it cannot."""
        problem: Refused | None = None
        try:
            asked = dialect.read(data)
        except Refused as refusal:
            problem = refusal
        if problem is not None:
            told = str(problem)
            assert 0 < len(told) < 1024
            assert "SECRET" not in told, "a refusal shows what was sent"
            assert problem.param is None or PATH.fullmatch(problem.param), f"no path: {problem.param!r}"
            return
        assert isinstance(asked, Asked)
        msgspec.json.encode(asked.echoed)  # raises for a lone surrogate, which may not get past the reader
        assert not any("SECRET" in note for note in (*asked.notes, *asked.carried, *asked.hints))
        for provider, endpoint in _ENDPOINTS:
            _say(asked.chat, provider, endpoint)

    return read


def _say(chat: ChatRequest, provider: Provider, endpoint: Endpoint) -> None:
    """Said as JSON, or refused in the one declared way."""
    try:
        own = for_target(chat, provider.name, provider.info.dialect)
        wire = provider.build_request(own, endpoint)
    except Unsupported:
        return
    json.loads(wire.body)


def opaque_state(data: bytes) -> None:
    """State that a client sends back: a target's own goes back as it was, no other's does, and nothing raises."""
    text = data.decode(errors="replace")
    nowhere = Message("assistant", "Hello")
    for bound in (False, True):
        for here in (HERE, ELSEWHERE):
            given = Returning(lambda here=here: here).state(text, nowhere, bound=bound)
            assert given is None or text.startswith("standby1:"), "state without an origin goes back"
        assert Returning(lambda: HERE).state(wrapped(text, HERE), nowhere, bound=bound) == text
        assert Returning(lambda: HERE).state(wrapped(text, ELSEWHERE), nowhere, bound=bound) is None
    usual = ("signature", "redacted") if len(data) % 2 else ("redacted", "signature")
    for kind in usual:
        assert isinstance(unsealed("Hm.", text, kind), Reasoning)  # type: ignore[arg-type]
    _goes_round(Reasoning("Hm.", text))
    _goes_round(Reasoning("Hm.", text, text, text))
    found = object_of(text)
    assert isinstance(found, dict)
    assert isinstance(original(found), str)


def _goes_round(thought: Reasoning) -> None:
    """Sealed for a client and unsealed again, a block of thinking has the state that it had."""
    back = unsealed(thought.text, sealed(thought, HERE, "signature"), "signature")
    returning, nowhere = Returning(lambda: HERE), Message("assistant", "Hello")
    for name in ("signature", "redacted", "details"):
        assert returning.state(getattr(back, name), nowhere) == getattr(thought, name), f"{name} is another"
