"""The books of an attempt are closed once, whatever its end: what was held is given back, its report is completed, and
what is remembered of its target learns of it.
"""

from ...providers.errors import ErrorKind, ProviderError
from ..limits.admission import Admission
from ..limits.bill import counted
from ..result.reasons import AttemptReason
from ..result.report import AttemptReport
from .attempt import Attempt
from .context import CallContext


def close_finished(context: CallContext, index: int, attempt: Attempt, now_s: float) -> None:
    """This attempt has given the whole answer of the call.

    Args:
        index: Of its target.
    """
    report, total, bill = attempt.report, context.report, attempt.admission.bill
    report.outcome, report.ended_s = "finished", now_s - context.began_s
    attempt.settle("succeeded", now_s)
    if context.failed is not None:
        context.failed.answered(attempt.live.health.doubts)
    if bill is not None:
        usage, doubtful = bill.counted
    else:
        route_target, rates = context.route_targets[index], attempt.live.rates
        usage, doubtful = counted(attempt.heard, route_target.room(context.chat))
        if usage is not None and not doubtful:  # as nearly always: nothing was held for it, nothing is estimated
            report.usage, report.cost = usage, usage.cost if rates is None else rates.price_of(usage)
            total.add(report)
        elif doubtful or rates is not None:
            route_target.bill(context.chat, total).close(report, attempt.heard, None, now_s, whole=True)
    if usage is not None and usage.cost is not None:
        attempt.live.tells_cost = True
    if usage is not None or doubtful:
        total.usage = report.usage
    if usage is not None and not doubtful and report.first_delta_s is not None:
        attempt.live.latency.record_output(usage.output_tokens, report.ended_s - report.first_delta_s)
    context.shared.attempt_ended(total, report)


def close_failed(context: CallContext, index: int, attempt: Attempt, error: ProviderError) -> None:
    """This attempt has failed.

    Args:
        index: Of its target.
    """
    attempt.live.own(error, attempt.url, attempt.headers)
    attempt.close()
    lease = attempt.admission.lease
    lease.call = context.failures
    if error.heeded_s is not None:
        lease.patience_s = context.route_targets[index].retry.patience_s
        lease.hint_waited = context.course.standings.of(index).hints > 0
    _bill_unheld(context, index, attempt)
    attempt.settle(error, context.loop.time())
    attempt.report.failed(error, context.since_s())
    context.shared.attempt_ended(context.report, attempt.report)


def close_left(context: CallContext, index: int, attempt: Attempt, kind: ErrorKind, detail: str | None) -> None:
    """This attempt was ended from outside; no target is blamed.

    Args:
        index: Of its target.
        kind: How the call ends with it.
        detail: Why nothing of a sound attempt is used; None: the call ends.
    """
    attempt.abort()
    _bill_unheld(context, index, attempt)
    attempt.settle("abandoned", context.loop.time())
    report, now_s = attempt.report, context.since_s()
    if report.outcome != "running":
        return
    if detail is None:
        report.failed(ProviderError(kind), now_s)
    else:
        report.dropped(detail, now_s)
        if report.first_delta_s is None:  # at least so long: or percentiles would know only the fast ones
            latency = attempt.live.latency_of(stream=not context.single)
            latency.record(now_s - report.began_s, context.loop.time())
    context.shared.attempt_ended(context.report, report)


def _bill_unheld(context: CallContext, index: int, attempt: Attempt) -> None:
    """Make the bill of an attempt that has no whole answer, and that nothing was held for: what it used is estimated.

    Without a price and without a limit there is none.
    """
    if attempt.admission.bill is None and attempt.live.rates is not None:
        attempt.admission.bill = context.route_targets[index].bill(context.chat, context.report)


def close_unsent(
    context: CallContext, index: int, admission: Admission, why: AttemptReason, error: BaseException
) -> None:
    """Nothing was sent. A key that is not to be had is the failure of its target, and the report says so.

    Args:
        index: Of the target.
        why: It was to be asked.
        error: What prevented it.
    """
    admission.settle("abandoned", context.loop.time())
    if not isinstance(error, ProviderError):
        return
    live = context.route_targets[index].live
    live.own(error)
    report = AttemptReport(live.label, live.target.provider, live.model, why, context.since_s())
    report.failed(error, context.since_s())
    context.report.attempts.append(report)
    context.course.began(index)
    context.shared.attempt_ended(context.report, report)
