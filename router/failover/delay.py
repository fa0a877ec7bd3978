"""The delay before a call asks the same target again after a failure there. Pure.

A short hint of the provider's is waited out, and a longer one is none of the call's business: health leaves the target
alone until then. Without a hint there is backoff with jitter, so that calls that failed together do not come back
together; it has a floor, since a retry that follows at once meets what the first attempt met.
"""

import random
from typing import NamedTuple, assert_never

from ...config.limits import Retry
from ...providers.errors import ProviderError, RetryRule
from ..result.reasons import WaitReason

_FLOOR = 0.1
"""Minimum share of a backoff that is waited."""
_HINTS_BELIEVED = 2
"""Maximum short hints of one target that a call waits for as they are. After them it also backs off: a false hint of a
millisecond would else be followed a thousand times a second until the deadline."""


class Delay(NamedTuple):
    """How long a retry waits, and what it is waiting for."""

    for_s: float
    wait: WaitReason | None


AT_ONCE = Delay(0.0, None)


def retry_delay(
    error: ProviderError, rule: RetryRule, retry: Retry, tries: int, rng: random.Random, *, hints: int, alone: bool
) -> Delay | None:
    """How long its kind of error, and its provider's word, let a retry wait; None: they permit none.

    Args:
        rule: What the table and the provider say of retries.
        tries: Attempts so far, the failed one included.
        hints: Short hints that the target gave this call, the one of this error included.
        alone: No other target can be asked.
    """
    match rule:
        case "never":
            return None
        case "fresh_connection":
            return AT_ONCE if tries == 1 and (error.reused_connection or alone) else None
        case "once" if tries > 1:
            return None
        case "once" | "backoff" | "hint":
            hint_s = error.heeded_s
            if rule == "hint" and hint_s is None and not error.local:
                hint_s = error.retry_after_s or None  # a route may say so of any kind
        case _:
            assert_never(rule)
    if hint_s is None:
        return Delay(backoff_s(retry, tries, rng), "backoff")
    if hint_s > retry.patience_s or (rule == "hint" and hints > 1):
        return None  # its target is left alone; or the limit has outlasted a hint, and other targets come first
    if hints <= 1:
        return Delay(hint_s, "hint")
    longer_s = backoff_s(retry, tries, rng)
    return Delay(longer_s, "backoff") if longer_s > hint_s else Delay(hint_s, "hint")


def own_delay_s(error: ProviderError, retry: Retry, hints: int, rng: random.Random) -> float | None:
    """How long the call itself does not come back to a target because of a short hint; None: it gave none.

    Args:
        hints: Short hints that the target gave this call, the one of this error included.
    """
    hint_s = error.heeded_s
    if hint_s is None or hint_s > retry.patience_s:
        return None
    return hint_s if hints <= _HINTS_BELIEVED else max(hint_s, backoff_s(retry, hints - _HINTS_BELIEVED, rng))


def backoff_s(retry: Retry, tries: int, rng: random.Random) -> float:
    """A wait between a tenth and the whole of what has doubled with every try."""
    longest_s = min(retry.backoff_max_s, retry.backoff_s * 2.0 ** (tries - 1))
    return rng.uniform(_FLOOR * longest_s, longest_s)
