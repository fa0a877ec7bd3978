"""May the same target be asked again? The engine's rule is the one truth on it: errors have no word of their own."""

import pytest
from standby.providers.errors import DISPOSITIONS
from standby.router.failover.retry import retry_rule

from standby import ErrorKind, ProviderError


@pytest.mark.parametrize(
    ("kind", "said", "retryable"),
    [
        (ErrorKind.SERVER_ERROR, None, True),
        (ErrorKind.SERVER_ERROR, False, False),
        (ErrorKind.BAD_REQUEST, None, False),
        (ErrorKind.BAD_REQUEST, True, True),
        (ErrorKind.RATE_LIMITED, None, True),
        (ErrorKind.QUOTA_EXHAUSTED, None, False),
    ],
)
def test_the_providers_own_word_overrides_the_table(kind: ErrorKind, said: bool | None, retryable: bool) -> None:
    rule = retry_rule(DISPOSITIONS, ProviderError(kind, should_retry=said))
    assert (rule != "never") is retryable


def test_our_own_failures_take_no_word_of_a_provider() -> None:
    error = ProviderError(ErrorKind.CONNECT, local=True, should_retry=True)
    assert retry_rule(DISPOSITIONS, error) == DISPOSITIONS[ErrorKind.CONNECT].retry


def test_an_error_says_nothing_of_retries_itself() -> None:
    """It knows no route and no state of its target, so that its word would be a second truth beside the rule."""
    assert not hasattr(ProviderError(ErrorKind.SERVER_ERROR), "retryable")
