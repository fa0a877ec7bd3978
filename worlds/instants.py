"""What the instants of a report must not say: that a call slept, or held an answer back, for too long. Pure."""

from collections.abc import Iterator

from standby.config.limits import Retry
from standby.config.route import Hold
from standby.router.result.report import Report


def overslept(report: Report, deadline_s: float, retry: Retry, slack_s: float, *, whole: bool) -> Iterator[str]:
    """Name the waits that are too long.

    The deadline of a stream is that of its commit, so that a wait behind it may end later. There is one reason for such
    a wait: the target that goes on with the answer has given this call a short hint.

    Args:
        whole: The call is not over before its answer is: the deadline is that of the end.
    """
    hint_max_s = max(retry.patience_s, retry.backoff_max_s)
    committed_s = None if whole else report.first_delta_s
    for wait in report.waits:
        ended_s = wait.at_s + wait.for_s
        if committed_s is None or ended_s <= committed_s:
            if ended_s > deadline_s + slack_s:
                yield f"it slept past its deadline: {wait}"
        elif wait.reason != "hint" or wait.for_s > hint_max_s + slack_s:
            yield f"it slept for more than a short hint before it went on with an answer: {wait}"


def held_too_long(report: Report, hold: Hold | None, slack_s: float) -> Iterator[str]:
    """Name the commit, where it came later than a stream's route lets an answer be held back."""
    committed_s = report.first_delta_s
    if hold is None or hold.for_s is None or committed_s is None:
        return
    heard_s = [each.first_delta_s for each in report.attempts if each.first_delta_s is not None]
    held_s = committed_s - max((at_s for at_s in heard_s if at_s <= committed_s), default=committed_s)
    if held_s > hold.for_s + slack_s:
        yield f"its answer was held back for {held_s:.4f} s in place of {hold.for_s:g} s"
