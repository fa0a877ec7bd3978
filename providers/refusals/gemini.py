"""Google's Gemini API, on AI Studio and Vertex. Sources: Google's pages of errors, the SDK, recordings (WIRE A18)."""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

GEMINI = Refusals(
    no_prefill=(r"ending with a model turn (?:are|is) not supported",),
    flagged=(
        r"prompt (?:could not be submitted|was blocked|is blocked)",
        r"sensitive words that violate",
        r"blocked (?:due to|because of|by) (?:the )?(?:prohibited|safety|blocklist|spii|recitation)",
    ),
    too_long=(
        r"input token count",
        r"exceeds the maximum (?:allowed )?(?:number|amount) of (?:input )?tokens",
        r"maximum (?:allowed )?number of input tokens",
    ),
    too_many_bytes=(r"payload size exceeds",),
    state_is_gone=(r"cached ?content\b.{0,80}not found",),
    credits_gone=(
        r"prepayment credits? (?:are|is|have been) depleted",
        r"spend(?:ing)? cap\b",
    ),
    key_refused=(r"api key (?:not valid|expired|not found|is disabled|was reported)",),
    unknown_model=(r"models?/.{0,300}not found", r"publisher model .{0,200}not found"),
    not_for_account=(
        r"location is not supported",
        r"(?:enable|activate) billing",
        r"free tier is not available",
        r"no longer available to new users",
    ),
    not_for_model=(
        r"only works in (?:non-)?thinking mode",
        r"function calling with a response mime type",
        r"is not enabled for (?:this |the )?models?\b",
    ),
    own=(rule(ErrorKind.QUOTA_EXHAUSTED, pattern=r"\blimit: 0\b", statuses=(429,)),),  # no quota will ever come back
)
