"""Words that many servers and gateways say, and those of providers that have no preset: new-api, Volcengine, Copilot.

Sources: their pages of error codes, and what open clients of many providers list.
"""

from .table import Refusals

OTHERS = Refusals(
    flagged=(
        r"\b(?:prohibited|harmful|inappropriate|offensive|illegal|explicit) content\b.{0,40}(?:detected|found"
        r"|not allowed|blocked|rejected|removed)",
        r"sensitive[ _]words?[ _]detected",
        r"(?:failed|did not pass|rejected by|blocked by|flagged by) (?:the |our )?(?:content )?(?:moderation"
        r"|safety|risk)(?: check| control| system| filter| review)?",
    ),
    too_long=(
        r"context[_ ]length[_ ]exceeded",
        r"input tokens? (?:and requested|exceed)",
        r"(?:prompt|input|request|conversation|messages?) (?:is |are |was )?too long\b",
        r"prompt (?:has|contains) [0-9,]+ tokens",
        r"longer than the (?:maximum )?context",
        r"too many input tokens",
        # Tokens of what is read, and that they are too many, in any words; not those of the answer, nor of a rate.
        r"^(?!.*(?:\bmax_?\w*tokens|\boutput\b|\bcompletion|\banswer|\bthinking|\bbudget"
        r"|\bat least\b|\bminimum\b|\bshould be\b|\bper (?:min|hour|day|sec)|\b[tr]pm\b))"
        r"(?=.*\b(?:prompt|input|context|messages?|conversation|sequence)\b)(?=.*(?:\btokens?\b|\bcontext\b))"
        r".*(?:\bexceed|\boverflow|\btoo (?:long|large|big|many)\b|\b(?:longer|larger|greater|bigger|more) than\b"
        r"|\b(?:above|over|beyond) (?:the |its |this |a )?(?:\S+ )?(?:limit|maximum|window|size|length)\b"
        r"|\b(?:the )?(?:maximum|limit) (?:is|of) [0-9])",
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
    ),
    unknown_model=(r"no (?:available|valid) channels? for model", r"model_not_found"),
    busy=(r"no available (?:accounts|keys|channels?)\b", r"engine is (?:currently )?overloaded"),
)
