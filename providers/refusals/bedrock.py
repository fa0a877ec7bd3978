"""AWS Bedrock's Converse: the class of an exception says most. Sources: botocore's model, recordings, reports."""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

BEDROCK = Refusals(
    flagged=(
        r"blocked by (?:our |the |your )?(?:content filters?|guardrails?|automated safety)",
        r"guardrail (?:has )?(?:intervened|blocked)",
    ),
    too_long=(
        r"input is too long",
        r"input tokens exceeded",
        r"number of (?:input )?tokens exceeds",
        r"too many (?:input )?tokens(?!.{0,80}(?:wait|try again))",
    ),
    unknown_model=(r"model identifier is invalid", r"marked by provider as legacy"),
    not_for_account=(r"on-demand throughput (?:isn't|is not) supported",),
    own=(
        rule(ErrorKind.OVERLOADED, "ModelNotReadyException"),  # comes with 429, but it is the model that is not up yet
        rule(ErrorKind.RATE_LIMITED, "ThrottlingException"),
        rule(ErrorKind.QUOTA_EXHAUSTED, "ServiceQuotaExceededException"),
        rule(
            ErrorKind.AUTH,
            "AccessDeniedException UnrecognizedClientException InvalidSignatureException ExpiredTokenException"
            " IncompleteSignatureException MissingAuthenticationTokenException",
        ),
    ),
)
