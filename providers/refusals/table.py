"""The shape of a provider's table: its words by what they mean, and the rows that follow from each meaning.

The meanings are few, and what each may cause is decided here, once, for all providers.
"""

from collections.abc import Iterable

import msgspec

from ..errors import ErrorKind
from .rule import Rule, rule

Words = tuple[str, ...]
"""Regular expressions in lower case, for a message without what it quotes."""

_OF_THE_REQUEST = (400, 412, 422, 500, None)
"""Where words alone tell what is wrong with a request, or with the account it was sent for (412: Fireworks)."""


OPTION = (
    r"reasoning_?effort|effort|thinking(?:_?(?:level|budget|config))?|budget_tokens|verbosity|temperature|top_?[pk]|min_p"
    r"|(?:frequency|presence|repetition)_?penalty|seed|logit_bias|(?:top_)?logprobs|n"
    r"|max_?(?:completion_?|output_?|new_?)?tokens|stop(?:_?sequences)?|service_?tier|parallel_tool_calls"
)
"""Fields that shape an answer, and that models differ in: one that is refused here may be taken elsewhere."""


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider says when it refuses.

    Attributes:
        no_prefill: The trailing assistant turn is not gone on with.
        flagged: The content was judged.
        too_large_for_rate: One request asks for more than the rate, or the credit, ever allows: others fit.
        too_long: More tokens than the model reads.
        too_many_bytes: A body or a file is too large, whatever its tokens.
        state_is_gone: An item, file or response that the request names is not kept there.
        credits_gone: Nothing is left on the account, or its limit of spending is reached.
        key_refused: The key is wrong, or its account was shut.
        unknown_model: The provider has no such model, or has retired it.
        not_for_account: This account, plan, region or server does not get what was asked.
        not_for_model: This model does not take a parameter, a value, a tool, an image.
        not_here: As `not_for_model`, where a 404 says so: nothing at this address has it.
        busy: The provider is overloaded.
        rows: More rows, asked before those of the words.
        own: As `rows`, but for this provider alone.
    """

    no_prefill: Words = ()
    flagged: Words = ()
    too_large_for_rate: Words = ()
    too_long: Words = ()
    too_many_bytes: Words = ()
    state_is_gone: Words = ()
    credits_gone: Words = ()
    key_refused: Words = ()
    unknown_model: Words = ()
    not_for_account: Words = ()
    not_for_model: Words = ()
    not_here: Words = ()
    busy: Words = ()
    rows: tuple[Rule, ...] = ()
    own: tuple[Rule, ...] = ()


def joined(tables: Iterable[Refusals], name: str) -> Words:
    """The words of one meaning, of all tables."""
    return tuple(dict.fromkeys(words for table in tables for words in getattr(table, name)))


def of_the_request(tables: tuple[Refusals, ...]) -> tuple[Rule, ...]:
    """The rows of what one request asks: its content, its size, what it needs. No status has told these apart."""
    return (
        rule(ErrorKind.PREFILL_UNSUPPORTED, pattern=joined(tables, "no_prefill")),
        rule(ErrorKind.AUTH, pattern=joined(tables, "key_refused"), statuses=(401, 403)),
        rule(
            ErrorKind.CONTENT_FILTER,
            pattern=joined(tables, "flagged"),
            not_statuses=(401, 402, 404, 408, 429, 502, 503, 504, 529),
        ),
        rule(
            ErrorKind.UNSUPPORTED,
            pattern=joined(tables, "too_large_for_rate"),
            statuses=(400, 402, 403, 413, 429, None),
        ),
        rule(ErrorKind.UNSUPPORTED, pattern=joined(tables, "not_here"), statuses=(400, 404, None)),
        rule(
            ErrorKind.CONTEXT_LENGTH,
            pattern=joined(tables, "too_long"),
            not_statuses=(401, 402, 403, 404, 408, 429, 502, 503, 504, 529),
        ),
        rule(ErrorKind.UNSUPPORTED, pattern=joined(tables, "too_many_bytes"), statuses=(400, 413, 422, None)),
        rule(ErrorKind.BAD_REQUEST, pattern=joined(tables, "state_is_gone"), statuses=(400, 403, 404, None)),
    )


def at_a_status(tables: tuple[Refusals, ...]) -> tuple[Rule, ...]:
    """The rows of words that choose among the statuses which speak of the account, the address or the rate."""
    return (
        rule(ErrorKind.QUOTA_EXHAUSTED, pattern=joined(tables, "credits_gone"), statuses=(401, 402, 403, 429)),
        rule(ErrorKind.NOT_FOUND, pattern=joined(tables, "unknown_model"), statuses=(403, 404, 410)),
        rule(ErrorKind.REFUSED_HERE, pattern=joined(tables, "not_for_account"), statuses=(404,), needs_operator=True),
    )


def by_words_alone(tables: tuple[Refusals, ...]) -> tuple[Rule, ...]:
    """The rows of words that have no status to stand on: the request is refused here, and may please another."""
    of_the_target = ("credits_gone", "key_refused", "unknown_model", "not_for_account")
    words = tuple(pattern for name in of_the_target for pattern in joined(tables, name))
    said_of_an_option = (
        rf"^(?:[a-z_]+\.)*(?:{OPTION})(?::| (?:must|should|can|may|is|are|exceeds|does|has)\b)",
        rf"\b(?:unsupported|unrecognized|invalid|unknown) (?:{OPTION})\b",
        rf"\b(?:{OPTION}|thinking budget)\b.{{0,20}} (?:is|are) (?:out of range|invalid|too (?:large|high|low|small))",
    )
    return (
        rule(ErrorKind.REFUSED_HERE, pattern=words, statuses=_OF_THE_REQUEST, needs_operator=True),
        rule(
            ErrorKind.REFUSED_HERE,
            pattern=(*joined(tables, "not_for_model"), *said_of_an_option),
            params=rf"(?:\w+\.)*(?:{OPTION})",
            not_statuses=(401, 402, 403, 404, 429, 500, 502, 503),
        ),
        rule(
            ErrorKind.OVERLOADED,
            pattern=joined(tables, "busy"),
            not_statuses=(400, 401, 402, 403, 404, 422, 429),
        ),
    )
