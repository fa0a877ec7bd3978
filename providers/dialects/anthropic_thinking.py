"""How Claude is told to think, at Anthropic and wherever else it is served: with a budget, as it sees fit, or not.

Facts: the pages on extended and adaptive thinking. A turn that ended in tool calls must begin with its thoughts where
there is a budget, which another provider's turn cannot.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..capabilities import Capabilities
from ..messages import ChatRequest
from ..origin import Origin
from ..returning import Returning

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 30_000}
_LEAST_BUDGET = 1024


def thinking_field(
    chat: ChatRequest, here: Callable[[], Origin], known: Capabilities, option: object, max_tokens: int
) -> dict[str, Any]:
    """The field `thinking`; empty where no thinking was asked for, or where it would be refused.

    Args:
        here: The target.
        option: The budget that it is configured with, if any; the caller's own wins.
        max_tokens: Of the answer: thinking takes up to three quarters of them.
    """
    effort, asked = chat.reasoning_effort, chat.reasoning_budget_tokens
    budget = asked if asked is not None else option if isinstance(option, int) else None
    if known.thinking == "none" or known.reasoning is False or chat.prefill is not None or forces_a_tool(chat):
        return {}
    if budget is None and (effort is None or known.thinking == "level"):
        return {}
    if (effort == "none" if budget is None else budget == 0) and (known.efforts is None or "none" in known.efforts):
        return {"type": "disabled"}
    if known.thinking in (None, "adaptive") and (budget == 0 or not isinstance(option, int)):
        return {"type": "adaptive", "display": "summarized"}
    if max_tokens <= _LEAST_BUDGET or _goes_on_without_thoughts(chat, here):
        return {}
    wanted = budget if budget is not None else _BUDGETS[effort or "low"]
    return {"type": "enabled", "budget_tokens": max(_LEAST_BUDGET, min(wanted, max_tokens * 3 // 4))}


def thinks(thinking: Mapping[str, Any]) -> bool:
    """Whether the model will think by this field."""
    return thinking.get("type") in ("enabled", "adaptive")


def budget_notes(chat: ChatRequest, thinking: dict[str, Any]) -> dict[str, str]:
    """What became of a caller's budget, by the feature's name; nothing, where it is sent as it was given."""
    budget = chat.reasoning_budget_tokens
    sent = 0 if thinking.get("type") == "disabled" else thinking.get("budget_tokens")
    if budget is None or sent == budget:
        return {}
    if sent is None:
        return {"reasoning_budget_tokens": "left out: this model takes none, or none beside what else is asked"}
    return {"reasoning_budget_tokens": f"said otherwise: {sent} is the nearest that is taken here"}


def forces_a_tool(chat: ChatRequest) -> bool:
    """Whether the model must call a tool."""
    return bool(chat.tools or chat.native_tools) and chat.tool_choice not in (None, "auto", "none")


def _goes_on_without_thoughts(chat: ChatRequest, here: Callable[[], Origin]) -> bool:
    if not chat.messages or chat.messages[-1].role != "tool":
        return False
    caller = next((m for m in reversed(chat.messages) if m.role == "assistant"), None)
    if caller is None:
        return True
    returning = Returning(here)
    states = (state for part in caller.reasoning for state in (part.signature, part.redacted))
    return all(returning.state(state, caller) is None for state in states)
