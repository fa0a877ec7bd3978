"""Anthropic's Messages API. Sources: its page of errors, the SDK, recordings; its subscriptions' words (WIRE A23)."""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

ANTHROPIC = Refusals(
    no_prefill=(r"does not support assistant message prefill",),
    flagged=(
        r"blocked by (?:our |the |your )?(?:content|safety|moderation)",
        r"contains? (?:prohibited|harmful|unsafe|illegal) content",
    ),
    too_long=(
        r"prompt is too long",
        r"conversation is too long",
        r"exceeds? (?:the )?context limit",
    ),
    too_many_bytes=(r"request exceeds the maximum (?:allowed )?size", r"image exceeds .{0,40}maximum"),
    state_is_gone=(r"file not found: ?file_",),
    credits_gone=(r"credit balance (?:is )?too low", r"out of extra usage"),
    own=(rule(ErrorKind.CONTENT_FILTER, pattern=r"content filtering", statuses=(400, 500, None)),),
)
