"""Requests for the rest of an answer that broke off, and the seams that join it: one for each policy. Pure."""

from msgspec.structs import replace

from ...config.route import MidStream
from ...providers.capabilities import Capabilities
from ...providers.chat import ChatRequest, Message, TextPart
from .delivered import Relayed
from .overlap import Overlap
from .seam import Continuation, Echo, Fresh, Replay, Seam

_CHARS_PER_TOKEN = 4
"""A low estimate for most texts: what is left of `max_tokens` is rather too small than too large."""
_AGAIN_TOKENS = 64
"""What the last words may take that are said again, and left out: they are no part of the answer."""


def resumable(chat: ChatRequest) -> bool:
    """Can plain text be joined to plain text here? Not inside structured output, nor where a tool must be called."""
    return chat.response_format is None and chat.tool_choice in (None, "auto", "none")


def resumed(chat: ChatRequest, policy: MidStream, relayed: Relayed, instruction: str) -> ChatRequest:
    """The request that goes on with what was delivered; `max_tokens` counts both parts."""
    if policy not in ("continue", "ask_to_continue"):
        return chat
    left = None if chat.max_tokens is None else max(1, chat.max_tokens - len(relayed.text) // _CHARS_PER_TOKEN)
    said = (chat.prefill or "") + relayed.text
    if policy == "continue":
        return replace(chat, prefill=said, max_tokens=left)
    asked = (Message("assistant", (TextPart(said),)), Message("user", (TextPart(instruction),)))
    room = None if left is None else left + _AGAIN_TOKENS
    return replace(chat, messages=(*chat.messages, *asked), prefill=None, max_tokens=room)


def seam_for(
    policy: MidStream, relayed: Relayed, chat: ChatRequest, capabilities: Capabilities, prefill_cut: str
) -> Seam:
    """What joins the new attempt's events to the delivered ones.

    Args:
        prefill_cut: White space at the end of the delivered text that the adapter could not send.
    """
    before = chat.prefill or ""
    match policy:
        case "continue":
            if capabilities.prefill == "echoed":
                return Echo(relayed.text, before=before, stops=chat.stop)
            return Continuation(relayed.text, cut=prefill_cut, before=before, stops=chat.stop)
        case "ask_to_continue":
            return Overlap(before + relayed.text, stops=chat.stop)
        case "replay":
            return Replay(relayed)
        case "restart":
            return Fresh()
