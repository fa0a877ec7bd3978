"""The rows that are read wherever an error comes from: the words of all tables, and codes that mean one thing.

They are asked from the most specific to the most general. What came first, and why:
content before everything, since a flagged prompt goes nowhere else; what one request asks for before the rate that it
breaks; words of credit at 402 or 429 before the code of a rate, which many send for both.
"""

from ..errors import ErrorKind
from .anthropic import ANTHROPIC
from .bedrock import BEDROCK
from .cohere import COHERE
from .compatible import PRESETS
from .elsewhere import OTHERS
from .gemini import GEMINI
from .mistral import MISTRAL
from .ollama import OLLAMA
from .openai import OPENAI
from .rule import Rule, rule
from .table import at_a_status, by_words_alone, of_the_request

EVERYWHERE = (OPENAI, ANTHROPIC, BEDROCK, GEMINI, COHERE, MISTRAL, OLLAMA, *PRESETS, OTHERS)
"""All tables."""

_FLAGGED = (
    r"content(?:filter|polic|moderation|blocked|violation|safety|security|risk|existsrisk)|moderation(?:blocked|failed|flagged)"
    r"|responsibleai|(?:cyber|bio|safety|usage)polic|policyviolation|safety(?:check|system|violation|blocked|filter)"
    r"|datainspection|sensitive(?:content|word|data|information)|newsensitive|censor|guardrailintervened"
    r"|prohibitedcontent|inputflagged|^flagged$"
)
_TOO_LONG = (
    r"context(?:length|window|size)(?:limit)?(?:exceed|error)|exceedcontext|contentlengthexceedsthreshold"
    r"|(?:prompt|input)too(?:long|manytokens)|tokenslimitreached|maxprompttokensexceeded"
)
_CREDITS_GONE = (
    r"insufficient(?:quota|balance|credit|fund|account)|creditbalance|(?:credit|balance|fund)s?(?:exhaust|deplet)"
    r"|outofcredit|billing|payment(?:required|failed)|spend(?:ing)?limit|arrear|overdue|^allocationquota|quotaexhausted"
    r"|exceededcurrentquota|accountquota|budgetexceeded|usagelimit(?:reached|exceeded)|nobalance"
)

_NO_PREFILL, _KEY_REFUSED, _CONTENT, _RATE, _NOT_HERE, _LENGTH, _BYTES, _STATE = of_the_request(EVERYWHERE)
_NO_CREDIT, _NO_MODEL, _NOT_FOR_ACCOUNT = at_a_status(EVERYWHERE)
_OPERATOR, _NOT_FOR_MODEL, _BUSY = by_words_alone(EVERYWHERE)

SHARED: tuple[Rule, ...] = (
    *(row for table in EVERYWHERE for row in table.rows),
    _NO_PREFILL,
    rule(ErrorKind.CONTENT_FILTER, "content_filter invalid_prompt", codes=_FLAGGED),
    _KEY_REFUSED,
    _CONTENT,
    _RATE,
    rule(ErrorKind.UNSUPPORTED, pattern=r"request (?:is )?too large", statuses=(429,)),
    _NOT_HERE,
    rule(ErrorKind.CONTEXT_LENGTH, codes=_TOO_LONG, not_statuses=(401, 402, 403, 404, 429)),
    _LENGTH,
    rule(
        ErrorKind.UNSUPPORTED,
        "request_too_large string_above_max_length payload_too_large entity_too_large function_payload_too_large",
        statuses=(400, 413, 422, None),
    ),
    _BYTES,
    rule(ErrorKind.BAD_REQUEST, codes=r"^(?:previous)?(?:item|response|conversation|file|container)notfound"),
    _STATE,
    _NO_CREDIT,
    rule(
        ErrorKind.REFUSED_HERE,
        "model_decommissioned organization_restricted OperationNotSupported model_not_supported model_terms_required",
        statuses=(400, 422, None),
        needs_operator=True,
    ),
    rule(ErrorKind.QUOTA_EXHAUSTED, codes=_CREDITS_GONE),
    rule(
        ErrorKind.AUTH,
        "invalid_api_key api_key_invalid invalid_authentication authentication_error account_deactivated"
        " invalid_authentication_error incorrect_api_key_error api_key_expired wrong_api_key",
        not_statuses=(429, 500, 502, 503),
    ),
    rule(ErrorKind.BLOCKED, "unsupported_country_region_territory"),
    rule(
        ErrorKind.NOT_FOUND,
        "model_not_found DeploymentNotFound not_found_error model_not_available resource_not_found_error unknown_model"
        " model_not_exist invalid_model dedicated_endpoint_not_running",
        not_statuses=(401, 429, 500, 502, 503),
    ),
    _NO_MODEL,
    _NOT_FOR_ACCOUNT,
    rule(
        ErrorKind.OVERLOADED,
        "capacity_exceeded overloaded_error engine_overloaded provider_overloaded model_overloaded server_overloaded",
        not_statuses=(400, 401, 402, 403, 404, 422, 429),
    ),
    rule(ErrorKind.RATE_LIMITED, codes=r"ratelimit|toomanyrequest|throttl"),
    rule(ErrorKind.RATE_LIMITED, pattern=r"rate limit|too many requests", statuses=(403, 429)),
    _OPERATOR,
    rule(
        ErrorKind.REFUSED_HERE,
        "unsupported_value unsupported_parameter tool_use_failed unsupported_model unsupported_content_type",
        not_statuses=(401, 402, 403, 404, 429, 500, 502, 503),
    ),
    _NOT_FOR_MODEL,
    _BUSY,
)
"""Rows that say more than the status does: it is right about them only by chance."""

STATUSES: dict[int, ErrorKind] = {
    400: ErrorKind.BAD_REQUEST,
    401: ErrorKind.AUTH,
    402: ErrorKind.QUOTA_EXHAUSTED,
    403: ErrorKind.AUTH,
    404: ErrorKind.NOT_FOUND,
    407: ErrorKind.CONNECT,  # from a proxy on our side
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.TIMEOUT,
    410: ErrorKind.NOT_FOUND,
    413: ErrorKind.CONTEXT_LENGTH,
    422: ErrorKind.BAD_REQUEST,
    424: ErrorKind.SERVER_ERROR,  # Bedrock's and Groq's "the model behind us failed"
    425: ErrorKind.TIMEOUT,
    429: ErrorKind.RATE_LIMITED,
    451: ErrorKind.BLOCKED,
    498: ErrorKind.TIMEOUT,
    499: ErrorKind.TIMEOUT,
    500: ErrorKind.SERVER_ERROR,
    501: ErrorKind.UNSUPPORTED,  # llama.cpp: not_supported_error
    502: ErrorKind.SERVER_ERROR,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
    524: ErrorKind.TIMEOUT,  # Cloudflare waited for the provider
    529: ErrorKind.OVERLOADED,
}
"""Statuses, and the kinds they mean when no word says more. Others go by their class."""

GENERAL: tuple[Rule, ...] = (
    rule(ErrorKind.RATE_LIMITED, "slow_down resource_exhausted requests tokens"),
    rule(ErrorKind.OVERLOADED, "unavailable unavailable_error service_unavailable service_unavailable_error"),
    rule(ErrorKind.TIMEOUT, "timeout timeout_error request_timeout deadline_exceeded"),
    rule(
        ErrorKind.SERVER_ERROR,
        "server_error internal_server_error internal internal_error api_error provider_unavailable",
        r"internal (?:server )?error",
    ),
    rule(ErrorKind.AUTH, "permission_error permission_denied unauthorized unauthenticated forbidden"),
    rule(
        ErrorKind.BAD_REQUEST,
        "invalid_request_error bad_request_error bad_request invalid_argument unprocessable_entity base2013",
    ),
)
"""Rows for an error without a status. Providers give `invalid_request_error` to a wrong key too: the status knows."""
