"""The retry rule: whether a call asks a failed target again, and after what wait. Pure, but it pays for a retry."""

import random
from collections.abc import Mapping

from ...providers.errors import Disposition, ErrorKind, ProviderError, RetryRule
from ..limits.limiter import Limited
from .delay import AT_ONCE, Delay, retry_delay
from .standings import Standings
from .steps import MIN_ATTEMPT_S, Policy

BROKEN_OFF = (ErrorKind.TRUNCATED, ErrorKind.PROTOCOL, ErrorKind.DISCONNECTED)
"""The connection gave way: the same target may well hold the next time. A silent one is not asked twice."""


def retry_after(
    policy: Policy,
    standings: Standings,
    index: int,
    error: ProviderError,
    now_s: float,
    rng: random.Random,
    *,
    begun: bool,
) -> Delay | None:
    """How long to wait before this target is tried again, paid for; None: it is not.

    Args:
        index: Of the target.
        error: Why its last attempt failed.
        rng: Draws the jitter.
        begun: Its first useful delta had come.
    """
    candidate, standing = standings.candidates[index], standings.of(index)
    latest_s = policy.deadline_s - MIN_ATTEMPT_S
    if standing.tries >= candidate.retry.attempts:
        return None

    def alone() -> bool:
        return not standings.another_left(index, error.kind, now_s, policy.deadline_s)

    if begun and (standing.tries > 1 or not alone()):
        return None
    other_key = candidate.has_other_credential(error, now_s)
    delay: Delay | None = AT_ONCE
    if not other_key:
        rule = retry_rule(policy.dispositions, error)
        if begun and error.kind in BROKEN_OFF and error.should_retry is None:
            rule = "fresh_connection"
        delay = retry_delay(error, rule, candidate.retry, standing.tries, rng, hints=standing.hints, alone=alone())
        if delay is not None and now_s + delay.for_s < standing.not_before_s:
            delay = Delay(standing.not_before_s - now_s, "hint")  # it was asked within a hint, as the last resort
    if delay is None or now_s + delay.for_s > latest_s:
        return None
    if _hurts(policy, error) and candidate.failed_in_row(now_s) > 1:
        return None  # an outage, more likely than not: it gets no more than an attempt a call
    refusal = candidate.refusal(now_s, standings.fingerprint)
    if isinstance(refusal, Limited) and refusal.queues:
        if (refusal.until_s or now_s) > latest_s:
            return None
    elif refusal is not None and (refusal.until_s is None or refusal.until_s > now_s + delay.for_s):
        return None  # this very failure has opened its breaker: no use in waiting
    if other_key and error.kind is not ErrorKind.RATE_LIMITED:
        return delay  # a refused key is parked: this multiplies no calls, and needs no budget
    return delay if candidate.try_pay_retry(now_s) else None


def retry_rule(dispositions: Mapping[ErrorKind, Disposition], error: ProviderError) -> RetryRule:
    """May the same target be asked again, and how? The provider's own word on it comes before the table's."""
    rule = dispositions[error.kind].retry
    if error.should_retry is None or error.local:
        return rule
    if not error.should_retry:
        return "never"
    return rule if rule == "hint" else "backoff"  # a hint says how long, and stays one


def _hurts(policy: Policy, error: ProviderError) -> bool:
    """Is it held against the target's health?"""
    return policy.dispositions[error.kind].health > 0 and not error.local and not error.reused_connection
