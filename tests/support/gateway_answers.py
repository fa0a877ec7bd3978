"""What providers of every wire say behind the gateway, and what of it is state that has to come back to them."""

from typing import Any

from standby.providers.events import Usage
from standby.providers.parts import Part, Reasoning, RefusalPart, TextPart, ToolCall

from standby.testing import Answer

PATHS = {"openai": "/v1", "openai-responses": "/v1", "anthropic": "/v1", "mistral": "/v1"}
OPTIONS = {"bedrock": {"region": "eu-central-1"}, "azure-openai": {"api_version": "2024-10-21"}}

LOOK, READ = ToolCall("D681PevKs", "look", '{"a":1}'), ToolCall("D681PevKt", "read", '{"a":22222222}')
ANSWERS: dict[str, Answer] = {
    "text": Answer(parts=(TextPart("Hello, wörld 🌍.\n\n"),)),
    "thinking": Answer(parts=(Reasoning("Two and two."), TextPart("Four."))),
    "parallel calls": Answer(parts=(LOOK, READ)),
    "all of them": Answer(parts=(Reasoning("I plan."), TextPart("I look."), LOOK, READ)),
    "cut by its length": Answer(parts=(TextPart("It is"),), finish="length"),
}
REFUSAL: tuple[Part, ...] = (RefusalPart("No, I will not."),)
PLAIN = frozenset({"koala"})
"""Wires that have words for text alone."""
REFUSING = frozenset({"openai", "azure-openai", "openai-responses"})
"""Wires that have a word for a refusal."""

FULL, CACHED, BARE = Usage(14, 6, 4, 2), Usage(14, 6, 4), Usage(14, 6)
COUNTED: dict[str, Usage | None] = {
    "anthropic": FULL, "azure-openai": FULL, "bedrock": CACHED, "cohere": CACHED, "gemini": FULL, "koala": None,
    "mistral": BARE, "ollama": BARE, "openai": FULL, "openai-responses": FULL,
}  # fmt: skip
"""What each wire has words for, of all that is counted."""


def said(name: str, dialect: str) -> Answer:
    """One of the answers, with the counts that a wire has words for."""
    answer = ANSWERS[name]
    return Answer(parts=answer.parts, finish=answer.finish, usage=COUNTED[dialect] or BARE)


SIGNED: dict[str, Answer] = {
    "anthropic": Answer(
        parts=(
            Reasoning("I plan.", "c3RhdGUx"), TextPart("I look."), ToolCall("c1", "look", '{"a":1}'),
            Reasoning("", redacted="bG9ja2Vk"),
        )
    ),
    "openai-responses": Answer(
        parts=(Reasoning("I plan.", "rs_1", "bG9ja2Vk"), TextPart("I look."), ToolCall("c1", "look", '{"a":1}'))
    ),
    "gemini": Answer(
        parts=(Reasoning("I plan.", "c3RhdGUx"), TextPart("I look."), ToolCall("c1", "look", '{"a":1}', "c3RhdGUy"))
    ),
}  # fmt: skip
STATE = {
    "anthropic": ["c3RhdGUx", "bG9ja2Vk"],
    "openai-responses": ["rs_1", "bG9ja2Vk"],
    "gemini": ["c3RhdGUx", "c3RhdGUy"],
}
"""What a provider wants back as it said it."""


def strings(found: Any) -> list[str]:
    """All texts in a body."""
    if isinstance(found, dict):
        return [text for value in found.values() for text in strings(value)]
    if isinstance(found, list):
        return [text for value in found for text in strings(value)]
    return [found] if isinstance(found, str) else []
