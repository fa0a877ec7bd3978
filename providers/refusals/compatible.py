"""The presets of OpenAI's protocol, one table each, named as the preset is.

Sources: the vendors' pages of errors, the servers' sources, recordings, and users' reports (WIRE-2026, A1-A27).
"""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

CEREBRAS = Refusals(key_refused=(r"wrong api key",))

DEEPSEEK = Refusals(
    flagged=(r"content exists risk",),
    unknown_model=(r"model not exist",),
)

FIREWORKS = Refusals(
    unknown_model=(r"model not found, inaccessible",),
    credits_gone=(r"account .{0,60}(?:suspended|over) .{0,60}spend",),
)

GROQ = Refusals(
    too_long=(r"please reduce the length of",),
    not_for_account=(r"organization has been restricted",),
    not_for_model=(
        r"failed to call a function",
        r"tool call validation failed",
        r"failed to (?:generate|validate) json",
    ),
    own=(rule(ErrorKind.OVERLOADED, "capacity_exceeded", r"capacity", statuses=(498,)),),
)

LLAMACPP = Refusals(
    too_long=(r"context size has been exceeded", r"exceeds? the available context size"),
    busy=(r"loading model",),
    own=(rule(ErrorKind.UNSUPPORTED, pattern=r"^[0-9]+ validation errors?\b", statuses=(500,)),),  # llama-cpp-python
)

LMSTUDIO = Refusals(
    too_long=(
        r"greater than the context length",
        r"keep the first [0-9]+ tokens",
        r"loaded with (?:a )?context length of only",
    ),
)

OPENROUTER = Refusals(
    flagged=(r"requires moderation", r"violation of (?:the )?provider(?:'s)? terms of service"),
    too_large_for_rate=(r"can only afford [1-9]",),
    not_here=(r"no (?:allowed )?(?:endpoints|providers)\b.{0,40}that (?:support|can|accept|allow)",),
    credits_gone=(r"requires more credits", r"key limit exceeded"),
    unknown_model=(r"is not a valid model\b",),
    not_for_account=(
        r"matching your (?:\w+ ){0,3}(?:data policy|guardrail)",
        r"no allowed providers are available",
        r"all providers have been ignored",
    ),
)

PERPLEXITY = Refusals(
    unknown_model=(r"invalid model\b",),
    not_for_model=(r"roles (?:must|should) (?:be )?alternat",),
)

SGLANG = Refusals(
    too_long=(
        r"(?:longer|larger|greater|bigger) than (?:the )?(?:model's |model )?(?:maximum |max )?(?:context"
        r"|model) (?:length|window|size)",
        r"exceeds? (?:the )?maximum allowed (?:input )?length",
    ),
)

TOGETHER = Refusals(
    too_long=(r"input validation error.{0,60}tokens", r"tokens \+ .{0,60}must be <= ?[0-9]"),
    unknown_model=(r"unable to access model",),
    credits_gone=(r"credit limit exceeded",),
)

VLLM = Refusals(
    no_prefill=(
        r"prefill is incompatible with",
        r"2 or more assistant messages at the end",
    ),
    too_long=(
        r"maximum model length",
        r"model's context length is only",
        r"(?:input|prompt|decoder prompt).{0,80}longer than the maximum",
    ),
    not_for_account=(r"requires? --[a-z]",),
    not_for_model=(r"is not a multimodal model", r"at most [0-9]+ (?:image|audio|video)"),
)

XAI = Refusals(
    flagged=(r"violates usage guidelines", r"safety_check_type"),
    too_long=(r"maximum prompt length",),
    credits_gone=(
        r"used all available credits",
        r"(?:monthly|weekly|daily|hard|your|its) spend(?:ing)? limit\b",
        r"doesn't have any credits|does not have any credits",
    ),
    not_for_model=(r"argument not supported", r"does not support parameter"),
    rows=(
        # A wrong key is a 400 here, with the code of any wrong argument: it takes both to be told.
        rule(
            ErrorKind.AUTH,
            "Clientspecifiedaninvalidargument invalid-argument",
            r"^incorrect api key provided",
            statuses=(400,),
            together=True,
        ),
    ),
)

PRESETS = (CEREBRAS, DEEPSEEK, FIREWORKS, GROQ, LLAMACPP, LMSTUDIO, OPENROUTER, PERPLEXITY, SGLANG, TOGETHER, VLLM, XAI)
"""The tables of the presets that say something of their own."""
