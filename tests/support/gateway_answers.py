"""What providers of every wire say behind the gateway, and what of it is state that has to come back to them."""

from typing import Any

from standby.providers.events import Usage
from standby.providers.parts import (
    Citation,
    ImagePart,
    Logprobs,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
)

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


SEARCH = '{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"salt"}}'
RESULT = (
    '{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result",'
    '"url":"https://x/y","title":"Y","encrypted_content":"Eo0=","page_age":null}]}'
)
PLACE = (
    '{"type":"web_search_result_location","url":"https://x/y","title":"Y","cited_text":"White.","encrypted_index":"E1"}'
)
NOTE = '{"type":"url_citation","url":"https://x/y","title":"Y","start_index":0,"end_index":1}'
ANNOTATION = '{"type":"url_citation","url_citation":{"url":"https://x/y","title":"Y","start_index":0,"end_index":1}}'
WEB = '{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"salt"}}'
DRAWN = '{"id":"ig_1","type":"image_generation_call","status":"completed"}'
LIKELY = '[{"token":"Hi","logprob":-0.1,"bytes":[72,105],"top_logprobs":[]}]'
PNG = ImagePart("data:image/png;base64,iVBORw0KGgo=")

OWN: dict[str, dict[str, tuple[Part | Logprobs, ...]]] = {
    "chat": {
        "annotations, images, a refusal": (
            Reasoning("Hm."), TextPart("It is white."), Citation("https://x/y", "Y", "", 0, 1, ANNOTATION), PNG, LOOK,
            RefusalPart("No."),
        ),
        "logprobs": (Logprobs(LIKELY), TextPart("Hi")),
    },
    "messages": {
        "interleaved thinking": (
            Reasoning("I plan.", "c3RhdGUx"), TextPart("I look."), LOOK, Reasoning("Again.", "c3RhdGUy"), READ,
            Reasoning("", redacted="bG9ja2Vk"),
        ),
        "the provider's own tools and citations": (
            NativePart("server_tool_use", SEARCH), NativePart("web_search_tool_result", RESULT), TextPart("White."),
            Citation("https://x/y", "Y", "White.", details=PLACE), TextPart("Bye."),
        ),
    },
    "responses": {
        "interleaved thinking": (
            Reasoning("I plan.", "rs_a", "bG9ja2Vk"), TextPart("I look."), LOOK,
            Reasoning("Again.", "rs_b", "bG9ja2VkMg"), READ,
        ),
        "the provider's own tools, custom ones, images, citations": (
            NativePart("web_search_call", WEB), ToolCall("c3", "grep", "a.*b", custom=True), TextPart("It is white."),
            Citation("https://x/y", "Y", "", 0, 1, NOTE), PNG, NativePart("image_generation_call", DRAWN),
        ),
        "logprobs": (TextPart("Hi"), Logprobs(LIKELY)),
    },
}  # fmt: skip
"""What one protocol alone has words for."""

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
