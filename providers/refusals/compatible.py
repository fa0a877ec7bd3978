"""The presets of OpenAI's protocol, one table each, named as the preset is.

Sources: the vendors' pages of errors, the servers' sources, recordings, and users' reports (WIRE-2026, A1-A27).
Numbers as codes mean something else elsewhere: there they count together with words only.
"""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

CEREBRAS = Refusals(key_refused=(r"wrong api key",))

DEEPSEEK = Refusals(
    flagged=(r"content exists risk",),
    unknown_model=(r"model not exist",),
    not_for_model=(r"response_format.{0,60}unavailable",),
)

FIREWORKS = Refusals(
    unknown_model=(r"model not found, inaccessible",),
    credits_gone=(r"account .{0,60}(?:suspended|over)\b.{0,60}spend",),
    rows=(  # at 412, which is no status of the account's; its code says little alone (pollinations#12136)
        rule(ErrorKind.QUOTA_EXHAUSTED, "PRECONDITION_FAILED", r"account .{0,60}suspended.{0,60}spend", together=True),
    ),
)

GROQ = Refusals(
    too_long=(r"please reduce the length of",),
    not_for_account=(r"organization has been restricted", r"requires terms acceptance"),
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
    unknown_model=(
        r"unable to access (?:non-serverless )?model",
        r"dedicated endpoint .{0,120}not running",
    ),
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

_BALANCE = (
    r"balance|recharge|arrears|余额|欠费|充值|额度|resource package|plan has expired|套餐|usage limit|limit exhausted"
    r"|使用上限"
)
_RISK = r"sensitive|unsafe|敏感|不安全|违规|风险|risk|moderation|filter"

ZAI = Refusals(
    flagged=(
        r"(?<!case[- ])(?:unsafe|sensitive) (?:content|information|material|words?)",
        r"不安全|敏感内容|敏感信息|敏感词|违规内容|违规信息|内容安全",
    ),
    too_long=(
        r"prompt exceeds max(?:imum)? length",
        r"prompt ?超长",
        r"(?:输入|上下文|长度|tokens?).{0,20}(?:超长|超过|超出|超限)",
    ),
    credits_gone=(r"余额不足|额度不足|欠费|账户余额", r"no resource package"),
    unknown_model=(r"模型不存在|模型未找到|模型已下线",),
    rows=(
        rule(ErrorKind.CONTENT_FILTER, "1301", _RISK, together=True),
        rule(ErrorKind.CONTEXT_LENGTH, "1261", r"prompt|length|token|超长|长度", together=True),
        rule(ErrorKind.QUOTA_EXHAUSTED, "1113 1308 1309 1310", _BALANCE, together=True),
        rule(
            ErrorKind.RATE_LIMITED,
            "1302 1303 1304 1305",
            r"rate|concurren|frequen|频率|并发|请求|访问量|too many|limit",
            together=True,
        ),
    ),
    own=(
        rule(ErrorKind.CONTENT_FILTER, "1301"),
        rule(ErrorKind.CONTEXT_LENGTH, "1261"),
        rule(ErrorKind.QUOTA_EXHAUSTED, "1113 1308 1309 1310"),
        rule(ErrorKind.RATE_LIMITED, "1302 1303 1304 1305"),
        rule(ErrorKind.AUTH, "1000 1001 1002 1003 1004"),
        rule(ErrorKind.NOT_FOUND, "1211"),
        rule(ErrorKind.REFUSED_HERE, "1112 1220 1311", needs_operator=True),
    ),
)

MINIMAX = Refusals(
    flagged=(r"\b(?:input|output) new_sensitive", r"new_sensitive"),
    too_long=(r"context window exceeds", r"token limit exceeded"),
    unknown_model=(r"invalid params, unknown model",),
    not_for_account=(r"token plan (?:does )?not support model",),
    rows=(
        rule(ErrorKind.CONTENT_FILTER, "base1026 base1027"),
        rule(ErrorKind.QUOTA_EXHAUSTED, "base1008 base1028 base1030 base2056"),
        rule(ErrorKind.RATE_LIMITED, "base1002 base1039 base1041 base2045"),
        rule(ErrorKind.AUTH, "base1004 base2049"),
        rule(ErrorKind.TIMEOUT, "base1001"),
        rule(ErrorKind.SERVER_ERROR, "base1000 base1013 base1024 base1033"),
    ),
)

MOONSHOT = Refusals(
    rows=(rule(ErrorKind.OVERLOADED, "engine_overloaded_error"),),  # at 429, too
    flagged=(r"considered high[- ]risk",),
    too_long=(r"exceeded model token limit",),
    unknown_model=(r"not found the model",),
    credits_gone=(
        r"suspended.{0,60}(?:billing|balance|recharge)",
        r"exceeded your current token quota",
        r"usage limit for this period",
    ),
)

DASHSCOPE = Refusals(
    flagged=(r"inappropriate content", r"data may contain inappropriate"),
    too_long=(r"range of input length should be", r"input length.{0,60}should be"),
    credits_gone=(
        r"account is in good standing",
        r"free (?:tier|quota|period|allocated quota).{0,60}(?:exhausted|exceeded|ended)",
    ),
)

HUGGINGFACE = Refusals(too_long=(r"must have less than [0-9,]+ tokens",))

GITHUB = Refusals(
    too_long=(
        r"token count of [0-9,]+ exceeds",
        r"max size: [0-9,]+ tokens",
    )
)

DEEPINFRA = Refusals(too_long=(r"(?:input|prompt|sequence|requested input) length.{0,40}exceeds",))

CLOUDFLARE = Refusals(too_long=(r"exceed(?:s|ed)? (?:this|the) model(?:'s)? context window",))

LITELLM = Refusals(
    flagged=(r"contentpolicyviolation",),
    too_long=(r"contextwindowexceeded",),
    credits_gone=(r"budget has been exceeded",),
    unknown_model=(r"invalid model name passed",),
    not_here=(r"no deployments? available .{0,60}(?:support|capabilit)",),
)

PRESETS = (
    CEREBRAS,
    DEEPSEEK,
    FIREWORKS,
    GROQ,
    LLAMACPP,
    LMSTUDIO,
    OPENROUTER,
    PERPLEXITY,
    SGLANG,
    TOGETHER,
    VLLM,
    XAI,
    CLOUDFLARE,
    DASHSCOPE,
    DEEPINFRA,
    GITHUB,
    HUGGINGFACE,
    LITELLM,
    MINIMAX,
    MOONSHOT,
    ZAI,
)
"""The tables of the presets that say something of their own."""
