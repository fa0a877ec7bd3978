"""One row of the tables: which errors are of which kind, by their codes, their words and their status.

Words alone make a refusal the request's own at most: its content, its length, what this model or account does not take.
What parks a target, for every caller, needs a code or a type, or a status of that class: words only choose among these.
"""

import re
from collections.abc import Iterable

import msgspec

from ..error_facts import ErrorFacts, plain_word
from ..errors import ErrorKind

PARKING = frozenset({ErrorKind.QUOTA_EXHAUSTED, ErrorKind.AUTH, ErrorKind.NOT_FOUND, ErrorKind.RATE_LIMITED})
"""Kinds that leave a target, or its credential, alone for everyone."""

OF_A_CLASS = frozenset({401, 402, 403, 404, 410, 429, 498})
"""Statuses that speak of the account, the address or the rate by themselves (498: Cohere's invalid token)."""


class Rule(msgspec.Struct, frozen=True):
    """One row: an error with one of these words, or with a message that holds a pattern, is of this kind.

    Attributes:
        words: Codes and types, as `plain_word` writes them.
        patterns: Searched for in the message, ignoring case, once what it quotes is taken out. For a kind that parks
            they count only at a status of that class.
        codes: Searched for in each code and type, as `plain_word` writes them.
        params: The whole of what the error says is wrong with the request (`reasoning.effort`), where it names that.
        statuses: The row holds for these statuses only, None: without one, as in a stream; empty: for all.
        not_statuses: The row does not hold for these.
        needs_operator: What it speaks of, only a person can mend.
        together: Both a word and a pattern are needed, as for a number that means something else elsewhere.
    """

    kind: ErrorKind
    words: frozenset[str] = frozenset()
    patterns: tuple[re.Pattern[str], ...] = ()
    codes: re.Pattern[str] | None = None
    params: re.Pattern[str] | None = None
    statuses: frozenset[int | None] = frozenset()
    not_statuses: frozenset[int | None] = frozenset()
    needs_operator: bool = False
    together: bool = False

    def applies(self, facts: ErrorFacts, said: str, status: int | None) -> bool:
        """Whether this row speaks of an error.

        Args:
            facts: What is known of it.
            said: Its message in lower case, without quotations.
            status: The HTTP status, or one that the error names; None when there is neither.
        """
        if (self.statuses and status not in self.statuses) or status in self.not_statuses:
            return False
        named = not self.words.isdisjoint(facts.words)
        if not named and self.codes is not None:
            named = any(self.codes.search(word) for word in facts.words)
        if not named and self.params is not None and facts.param is not None:
            named = self.params.fullmatch(facts.param) is not None
        if self.together:
            return named and self._says(said)
        if named:
            return True
        return (self.kind not in PARKING or status in OF_A_CLASS) and self._says(said)

    def _says(self, said: str) -> bool:
        for pattern in self.patterns:
            found = pattern.search(said)
            if found is not None and ("asked" not in pattern.groupindex or _more(found["asked"], found["limit"])):
                return True
        return False


def _more(asked: str, limit: str) -> bool:
    """Is more asked for than can ever be had? Digits with commas."""
    return int(asked.replace(",", "")) > int(limit.replace(",", ""))


def rule(
    kind: ErrorKind,
    words: str = "",
    pattern: str | Iterable[str] = (),
    *,
    codes: str = "",
    params: str = "",
    statuses: Iterable[int | None] = (),
    not_statuses: Iterable[int | None] = (),
    needs_operator: bool = False,
    together: bool = False,
) -> Rule:
    """Make a row from what is short to write.

    Args:
        kind: What follows.
        words: Codes and types, separated by spaces.
        pattern: A regular expression for the message, or several; with the groups `asked` and `limit` it holds where
            the first number is the larger one.
        codes: A regular expression for codes and types as `plain_word` writes them.
        params: One for the part of the request that is wrong.
        statuses: As in `Rule`, like the rest.
    """
    patterns = ((pattern,) if pattern else ()) if isinstance(pattern, str) else tuple(pattern)
    return Rule(
        kind,
        frozenset(map(plain_word, words.split())),
        tuple(map(_compiled, patterns)),
        re.compile(codes) if codes else None,
        re.compile(params) if params else None,
        frozenset(statuses),
        frozenset(not_statuses),
        needs_operator,
        together,
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    """The message is in lower case: a pattern that is so too is searched by its literal beginning, far faster."""
    return re.compile(pattern, 0 if pattern == pattern.lower() else re.IGNORECASE)
