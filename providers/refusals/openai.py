"""OpenAI (chat and Responses) and Azure OpenAI. Sources: the API reference, the SDK, users' reports (WIRE A1-A3)."""

from .table import Refusals

OPENAI = Refusals(
    no_prefill=(r"ending with a model turn (?:are|is) not supported",),
    flagged=(
        r"content policy violation",
        r"content management policy",  # Azure
        r"responsible ai (?:practices|policy)",
        r"(?:violat\w+|against|breach\w*) (?:of )?(?:our |the |openai's |azure openai's |your )?(?:usage|content"
        r"|safety|acceptable use)"
        r" (?:guidelines|polic\w+|rules)",
        r"(?:input|prompt|request|content|message|output|response|text|conversation|image)s? (?:was|were|has"
        r" been|have been|is|are|got)"
        r" (?:flagged|censored|moderated|filtered)",
        r"flagged (?:as|for|by) (?:\w+ ){0,3}(?:violat\w*|unsafe|harm\w*|inappropriate|moderation|content|safety"
        r"|cybersecurity|biolog\w*"
        r"|risk|filter)",
        r"possible cybersecurity risk",
        r"(?:blocked|rejected|refused|filtered|stopped|triggered|declined|denied)\b.{0,60}\b(?:content filter"
        r"|safety system|safety filter"
        r"|moderation|safety polic|safety reasons|content polic|guardrail)",
        r"content filter\w*.{0,40}(?:triggered|blocked|violat|rejected)",
        r"limited access to this content for safety reasons",
    ),
    too_large_for_rate=(
        r"request (?:is )?too large .{0,200}(?:\bper (?:min|hour|day|second)|\b[tr]p[mdh]\b)",
        r"(?:\bper (?:min|hour|day|sec)\w*|\b[tr]p[mdhs]\b).{0,40}\blimit:? (?P<limit>[0-9][0-9,]*)[,;.]?"
        r" .{0,80}requested:? (?P<asked>[0-9][0-9,]*)",
        r"\brequested (?:tokens:? )?(?P<asked>[0-9][0-9,]*)\b.{0,60}\b(?:limit|maximum|quota)(?: of)?:?"
        r" (?P<limit>[0-9][0-9,]*) .{0,40}(?:\bper (?:min|hour|day|sec)|\b[tr]p[mdhs]\b)",
        r"\b(?:request|prompt|input|message)\b.{0,40}\b(?:larger|bigger|greater|more) than .{0,60}"
        r"(?:\bper (?:min|hour|day|sec)|\b[tr]p[mdhs]\b)",
    ),
    too_long=(
        r"maximum context length",
        r"context length exceeded",
        r"exceed(?:s|ed|ing)? (?:(?:the|this|its|your|our|model's|model|available|maximum|max|configured"
        r"|allowed) )*context (?:window|length|size|limit)",
        r"reduce the (?:length|size) of (?:the |your )?(?:messages|prompt|input|conversation)",
        r"(?:input|prompt|request) tokens? (?:count )?exceeds? the (?:configured |maximum )?(?:token )?limit",
    ),
    too_many_bytes=(
        r"(?:body|payload|file|image|upload|attachment|audio|document|message|request|string|content)s?"
        r" .{0,60}(?:exceed\w*|larger|too large"
        r"|too big|greater|over|longer|limit|maximum).{0,80}\b(?:bytes|[kmg]i?b|[0-9]+ ?[kmg]i?b|megabytes)\b",
        r"string too long\. expected a string with maximum length",
        r"(?:maximum|max) (?:request|body|payload|content|upload|message|file|image) size",
    ),
    state_is_gone=(
        r"\b(?:items?|previous response|response|conversation|container|file|vector store|prompt|image|batch"
        r"|thread) with (?:the )?ids?\b"
        r".{0,120}(?:not found|does not exist|has expired|could not be found)",
        r"items are not persisted",
        r"(?:container|file) (?:is|has) expired",
    ),
    credits_gone=(r"billing hard limit", r"reached your specified (?:api )?usage limits"),
    key_refused=(
        r"incorrect api key",
        r"invalid api[- ]key",
        r"\b(?:account|organization|project|team|workspace|user|credential|key)\b.{0,40} (?:was|is|has been|have"
        r" been|been) (?:suspended|disabled"
        r"|deactivated|terminated|banned|revoked|leaked|flagged)",
        r"invalid (?:authentication|authorization|bearer token|access token|x-api-key)",
    ),
    unknown_model=(
        r"\bmodels?\b.{0,200}(?:does not exist|do not exist|doesn't exist|not found|cannot be found|could not be"
        r" found)",
        r"\bmodels?\b.{0,160}(?:has been|have been|was) (?:decommissioned|deprecated|retired|removed"
        r"|discontinued|shut ?down|sunset)",
        r"\bmodels?\b.{0,160}(?:is|are) (?:now )?(?:decommissioned|deprecated|retired|discontinued|end[- ]of[-"
        r" ]life)",
        r"\bmodels?\b.{0,160}(?:is|are) no longer (?:available|supported|served|offered)",
        r"\bmodels?\b.{0,160}reached (?:its |the )?end[- ]of[- ]life",
        r"\b(?:unknown|invalid|unrecognized|incorrect) model\b",
    ),
    not_for_account=(
        r"\b(?:organization|account|project|team|workspace)\b.{0,40}must be verified",
        r"verif(?:y|ied) (?:your )?organization",
        r"\b(?:organization|account|project|team|workspace)\b.{0,60}\b(?:restricted|not (?:authorized|allowed"
        r"|permitted|enabled|eligible|verified))",
        r"(?:do|does) not have (?:access|permission)|don't have (?:access|permission)|doesn't have (?:access"
        r"|permission)",
        r"not (?:available|offered|enabled|included|supported) (?:on|in|for|to|with|by) your (?:current )?(?:\w+"
        r" )?(?:plan|tier|account|region|country"
        r"|organization|subscription|location|project)",
        r"(?:country|region|territory|location) (?:is )?not supported",
        r"requires? (?:a |an )?(?:paid |active |pro |valid )*(?:subscription|plan|billing)\b",
    ),
    not_for_model=(
        r"\bnot (?:currently |yet )?supported (?:for|with|by|in|on|when|at|using|together|alongside)\b",
        r"\b(?:model|deployment|endpoint|engine|api version)\b.{0,80}(?:does not|doesn't|do not|don't|cannot"
        r"|can't) (?:currently |yet )?(?:support|accept"
        r"|allow|take|handle)",
        r"\b(?:does not|doesn't|do not|don't) support\b.{0,80}\b(?:with|on|for|in) this model",
        r"\b(?:unsupported|unrecognized) (?:value|parameter|param|field|model|operation|content type|feature"
        r"|(?:request )?argument)\b",
        r"only the default .{0,60}(?:is|are) supported",
        r"\bsupports at most\b",
        r"\b(?:cannot|can't|may not|must not|must|only|not)\b.{0,80}\b(?:for|with|by|on|of)"
        r" (?:this|the (?:selected|specified|requested)) model\b",
        r"\b(?:reasoning_?effort|reasoning|effort|thinking|verbosity|temperature|top_?[pk]|\w+_penalty"
        r"|penalt(?:y|ies)|stop|logprobs|logit_bias|seed"
        r"|tools?|tool_choice|tool calls?|tool calling|function(?: tool)?s?|function calls?|function calling"
        r"|response_?format|json_?(?:schema|object)"
        r"|structured outputs?|json mode|images?|vision|audio|files?|system (?:role|messages?|prompts?)"
        r"|developer (?:role|messages?)|streaming|stream"
        r"|parallel tool calls|max_\w*tokens|modalit(?:y|ies)|service_?tier)\b.{0,60}\b(?:is|are) (?:not|n't)"
        r" (?:currently |yet )?(?:supported|available"
        r"|allowed|enabled|permitted|accepted)",
        r"\b(?:not (?:a )?(?:chat|multimodal|vision|reasoning|vlm) model|is not a (?:vlm|multimodal model))",
        r"does not work with the specified model",
    ),
    not_here=(),
    busy=(r"\boverloaded\b", r"at capacity\b"),
)
