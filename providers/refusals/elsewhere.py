"""Providers and gateways without a preset, which are asked by a base URL, or stand behind others.

Moonshot, z.ai (Zhipu), MiniMax, DashScope (Qwen), Volcengine, Hugging Face's TGI, GitHub Models and Copilot, DeepInfra,
 Cloudflare, LiteLLM, new-api. Sources: their pages of error codes, and what clients of many providers list.
Numbers as codes mean something else elsewhere: they count together with words only.
"""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

_BALANCE = (
    r"balance|recharge|arrears|余额|欠费|充值|额度|resource package|plan has expired|套餐|usage limit|limit exhausted"
    r"|使用上限"
)
_RISK = r"sensitive|unsafe|敏感|不安全|违规|风险|risk|moderation|filter"

ZAI = Refusals(
    flagged=(
        r"(?:unsafe|sensitive) (?:content|information|material|words?)",
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
        rule(ErrorKind.BAD_REQUEST, "base2013"),
    ),
)

MOONSHOT = Refusals(
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

OTHERS = Refusals(
    flagged=(
        r"\b(?:prohibited|harmful|inappropriate|offensive|illegal|explicit) content\b.{0,40}(?:detected|found"
        r"|not allowed|blocked|rejected|removed)",
        r"sensitive[ _]words?[ _]detected",
        r"(?:failed|did not pass|rejected by|blocked by|flagged by) (?:the |our )?(?:content )?(?:moderation"
        r"|safety|risk)(?: check| control| system| filter| review)?",
    ),
    too_long=(
        r"must have less than [0-9,]+ tokens",  # TGI
        r"token count of [0-9,]+ exceeds",  # Copilot
        r"max size: [0-9,]+ tokens",  # GitHub Models
        r"(?:input|prompt|sequence|requested input) length.{0,40}exceeds",  # DeepInfra
        r"exceed(?:s|ed)? (?:this|the) model(?:'s)? context window",  # Cloudflare
        r"contextwindowexceeded",  # LiteLLM
        r"context[_ ]length[_ ]exceeded",
        r"input tokens? (?:and requested|exceed)",
        r"(?:prompt|input|request|conversation|messages?) (?:is |are |was )?too long\b",
        r"prompt (?:has|contains) [0-9,]+ tokens",
        r"longer than the (?:maximum )?context",
        r"too many input tokens",
    ),
    too_many_bytes=(
        r"(?:request )?entity too large|(?:payload|content|request body|request entity|body) (?:is )?too large",
        r"length limit exceeded",
        r"maximum request body size",
        r"[0-9]+ ?(?:bytes|[kmg]i?b)\b.{0,60}(?:exceed|limit|maximum|allowed|too large)",
        r"exceed\w*.{0,60}[0-9.]+ ?(?:bytes|[kmg]i?b|megabytes)\b",
    ),
    credits_gone=(
        r"insufficient (?:account |user |credit |wallet |token )*(?:balance|credits?|funds|quota)\b",
        r"\b(?:credits?|balance|funds|quota|budget|wallet|allowance)\b.{0,40}\b(?:depleted|exhausted|used up|too"
        r" low|insufficient|not enough|run out"
        r"|ran out|is negative|is zero)",
        r"\b(?:out of|ran out of|no more|depleted your|exhausted your|used up your) (?:\w+ ){0,3}(?:credits?"
        r"|balance|funds|budget)\b",
        r"\bno credits? (?:left|remaining|available)",
        r"\b(?:quota|balance) is not enough",
        r"\b(?:spend(?:ing)?|budget|credit) limit\b.{0,20}\b(?:reached|exceeded|hit)",
        r"(?:reached|exceeded|hit) (?:its|your|the) (?:\w+ ){0,3}(?:spend(?:ing)?|budget|credit|billing)"
        r" (?:limit|cap)",
        r"\b(?:weekly|monthly) (?:usage |request |spend(?:ing)? |inference )?(?:limit|quota)\b.{0,20}(?:reached"
        r"|exceeded)",
        r"\b(?:account|payment|invoice|bill)s?\b.{0,20}\b(?:overdue|past due|unpaid)",
        r"unpaid (?:order|invoice|balance|bill)",
        r"payment (?:method )?(?:is )?required",
        r"budget has been exceeded",  # LiteLLM
    ),
    unknown_model=(r"no (?:available|valid) channels? for model", r"model_not_found"),
    not_here=(r"no deployments? available .{0,60}(?:support|capabilit)",),
    busy=(r"no available (?:accounts|keys|channels?)\b", r"engine is (?:currently )?overloaded"),
)

TABLES = (ZAI, MINIMAX, MOONSHOT, DASHSCOPE, OTHERS)
