"""What a request may ask beyond text, images and functions; and what becomes of it where a dialect has no words for it.

A dialect names what it can say. Everything else that is asked is left out with a note, where it only shapes the answer
or helps the provider; or the request is refused before anything is sent, so that another target can be asked.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from .capabilities import Fit
from .messages import (
    AllowedTools,
    AudioPart,
    ChatRequest,
    Citation,
    FilePart,
    ImagePart,
    NativePart,
    Part,
    RefusalPart,
    TextPart,
)
from .provider import Unsupported

P = TypeVar("P")


class Feature(msgspec.Struct, frozen=True):
    """Something that a request may ask.

    Attributes:
        asked: Whether a request asks it.
        harmless: It can be left out: the answer is another, but none that was not asked for.
    """

    asked: Callable[[ChatRequest], bool]
    harmless: bool


def _given(name: str, *, harmless: bool) -> Feature:
    return Feature(lambda chat: getattr(chat, name) is not None, harmless)


def _parts(chat: ChatRequest) -> Iterable[Part]:
    return (part for message in chat.messages for part in message.content)


def _holds(kind: type[P], *, harmless: bool, where: Callable[[P], bool] = lambda part: True) -> Feature:
    def asked(chat: ChatRequest) -> bool:
        return any(isinstance(part, kind) and where(part) for part in _parts(chat))

    return Feature(asked, harmless)


FEATURES: dict[str, Feature] = {
    "files": _holds(FilePart, harmless=False, where=lambda part: part.id is None),
    "files by URL": _holds(FilePart, harmless=False, where=lambda part: part.id is None and part.data is None),
    "files by id": _holds(FilePart, harmless=False, where=lambda part: part.id is not None),
    "audio": _holds(AudioPart, harmless=False),
    "refusals": _holds(RefusalPart, harmless=True),
    "citations": _holds(Citation, harmless=True),
    "native parts": _holds(NativePart, harmless=True),
    "phases": _holds(TextPart, harmless=True, where=lambda part: part.phase is not None),
    "cache marks": Feature(
        lambda chat: (
            any(getattr(part, "cache", None) is not None for part in _parts(chat))
            or any(tool.cache is not None for tool in chat.tools)
        ),
        harmless=True,
    ),
    "names": Feature(lambda chat: any(message.name is not None for message in chat.messages), harmless=True),
    "image detail original": _holds(ImagePart, harmless=True, where=lambda part: part.detail == "original"),
    "custom tools": Feature(lambda chat: any(tool.custom for tool in chat.tools), harmless=False),
    "custom calls": Feature(
        lambda chat: any(call.custom for message in chat.messages for call in message.tool_calls), harmless=False
    ),
    "allowed tools": Feature(lambda chat: isinstance(chat.tool_choice, AllowedTools), harmless=False),
    "native tools": Feature(lambda chat: bool(chat.native_tools), harmless=False),
    "reasoning_budget_tokens": _given("reasoning_budget_tokens", harmless=True),
    "verbosity": _given("verbosity", harmless=True),
    "top_k": _given("top_k", harmless=True),
    "min_p": _given("min_p", harmless=True),
    "logprobs": Feature(lambda chat: bool(chat.logprobs) or bool(chat.top_logprobs), harmless=False),
    "logit_bias": Feature(lambda chat: bool(chat.logit_bias), harmless=False),
    "user": _given("user", harmless=True),
    "safety_identifier": _given("safety_identifier", harmless=True),
    "metadata": _given("metadata", harmless=True),
    "service_tier": _given("service_tier", harmless=True),
}
"""By name, as reports show them."""

_FIRST = ChatRequest.__struct_fields__.index("native_tools")
_NOTHING = msgspec.structs.astuple(ChatRequest(messages=()))[_FIRST:-1]


def asks_more(chat: ChatRequest) -> bool:
    """Whether a request asks anything of `FEATURES`; says yes rather too often than too seldom."""
    if chat.tools or isinstance(chat.tool_choice, AllowedTools):
        return True
    if msgspec.structs.astuple(chat)[_FIRST:-1] != _NOTHING:
        return True
    return any(message.plain_text is None for message in chat.messages)


def unsaid(chat: ChatRequest, says: frozenset[str], mode: Fit = "nearest") -> tuple[str, ...]:
    """The notes on what a dialect leaves out of a request.

    Args:
        says: The features that it has words for.
        mode: With `strict`, nothing may be left out.

    Raises:
        Unsupported: The request asks what cannot be left out; names it.
    """
    if not asks_more(chat):
        return ()
    asked = [name for name, feature in FEATURES.items() if name not in says and feature.asked(chat)]
    for name in asked:
        if not FEATURES[name].harmless or mode == "strict":
            raise Unsupported(name)
    return tuple(f"{name}: left out, for this API or model has no words for it" for name in asked)
