"""How long a retry waits, as a table: by the rule, the hint, and how often both came up before."""

import random

import pytest
from standby.config import Retry
from standby.providers.errors import RetryRule
from standby.router.failover.delay import AT_ONCE, Delay, backoff_s, own_delay_s, retry_delay

from standby import ErrorKind, ProviderError

RETRY = Retry(backoff_s=1.0, backoff_max_s=4.0, patience_s=2.5)


class Whole(random.Random):
    """Draws the upper end of every range."""

    def random(self) -> float:
        return 1.0


def delay(
    rule: RetryRule, hint_s: float | None, *, tries: int = 1, hints: int = 1, kind: ErrorKind = ErrorKind.OVERLOADED
) -> Delay | None:
    error = ProviderError(kind, retry_after_s=hint_s)
    return retry_delay(error, rule, RETRY, tries, Whole(), hints=hints, alone=False)


@pytest.mark.parametrize(
    ("rule", "hint_s", "tries", "hints", "wanted"),
    [
        ("never", None, 1, 0, None),
        ("never", 1.0, 1, 1, None),
        ("once", None, 1, 0, Delay(1.0, "backoff")),
        ("once", None, 2, 0, None),
        ("once", 0.5, 1, 1, Delay(0.5, "hint")),
        ("once", 0.5, 2, 2, None),
        ("once", 2.6, 1, 0, None),
        ("backoff", None, 3, 0, Delay(4.0, "backoff")),
        ("backoff", 0.0, 1, 0, Delay(1.0, "backoff")),
        ("backoff", 0.5, 1, 1, Delay(0.5, "hint")),
        ("backoff", 2.5, 1, 1, Delay(2.5, "hint")),
        ("backoff", 2.6, 1, 0, None),
        ("backoff", 0.5, 2, 2, Delay(2.0, "backoff")),
        ("backoff", 2.5, 2, 2, Delay(2.5, "hint")),
        ("hint", None, 2, 0, Delay(2.0, "backoff")),
        ("hint", 0.5, 1, 1, Delay(0.5, "hint")),
        ("hint", 0.5, 2, 2, None),
        ("hint", 2.6, 1, 0, None),
    ],
)
def test_how_long_a_retry_waits(
    rule: RetryRule, hint_s: float | None, tries: int, hints: int, wanted: Delay | None
) -> None:
    assert delay(rule, hint_s, tries=tries, hints=hints) == wanted


def test_a_route_may_heed_the_hints_of_any_kind() -> None:
    assert delay("hint", 0.5, hints=0, kind=ErrorKind.EMPTY) == Delay(0.5, "hint")
    assert delay("hint", 9.0, hints=0, kind=ErrorKind.EMPTY) is None
    assert delay("backoff", 0.5, hints=0, kind=ErrorKind.EMPTY) == Delay(1.0, "backoff")


def test_a_fresh_connection_is_tried_at_once() -> None:
    rng = random.Random(1)
    for reused, alone, tries, wanted in (
        (True, False, 1, AT_ONCE), (False, True, 1, AT_ONCE), (False, False, 1, None), (True, True, 2, None),
    ):  # fmt: skip
        error = ProviderError(ErrorKind.DISCONNECTED, reused_connection=reused)
        assert retry_delay(error, "fresh_connection", RETRY, tries, rng, hints=0, alone=alone) == wanted


def test_backoff_is_drawn_between_a_tenth_and_the_whole() -> None:
    rng = random.Random(1)
    for tries, whole_s in ((1, 1.0), (2, 2.0), (3, 4.0), (9, 4.0)):
        drawn = [backoff_s(RETRY, tries, rng) for _ in range(2000)]
        assert 0.1 * whole_s <= min(drawn) < 0.12 * whole_s
        assert 0.98 * whole_s < max(drawn) <= whole_s


def test_how_long_a_call_itself_stays_away() -> None:
    limited = ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=0.5)
    assert [own_delay_s(limited, RETRY, hints, Whole()) for hints in (1, 2, 3, 4, 5)] == [0.5, 0.5, 1.0, 2.0, 4.0]
    for error in (
        ProviderError(ErrorKind.RATE_LIMITED),
        ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=0.0),
        ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=2.6),
        ProviderError(ErrorKind.BAD_REQUEST, retry_after_s=0.5),
        ProviderError(ErrorKind.OVERLOADED, retry_after_s=0.5, local=True),
    ):
        assert own_delay_s(error, RETRY, 1, Whole()) is None
