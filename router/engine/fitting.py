"""The whole answer of an attempt becomes the object that was asked for; or it is a failure, with one repair at most.

An answer that does not fit goes to the next target. Where the route says so, the target that gave it is asked once
more before that, and once in a call, with what the validator says of it.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from ...providers.chat import ChatRequest, Message, TextPart
from ...providers.errors import ErrorKind, ProviderError
from ...providers.events import ProviderEvent
from ..failover.steps import MIN_ATTEMPT_S
from ..limits.bill import counted
from ..result.answer_form import Misfit
from ..targets.selection import UNASKABLE
from .context import CallContext
from .target_attempts import NotAdmitted, TargetAttempts

AGAIN = "Your answer does not fit its schema: {words}\nAnswer again: JSON that fits, and nothing else."


async def as_wanted(
    context: CallContext, target_attempts: TargetAttempts, events: list[ProviderEvent]
) -> list[ProviderEvent]:
    """The events of an answer that fits: these, or those of its repair.

    Raises:
        ProviderError: There is none; its attempt is closed.
        NotAdmitted: The attempts at the target were stopped.
    """
    form = context.form
    if form is None:
        return events
    try:
        context.parsed = form.read(events)
    except Misfit as misfit:
        wrong = misfit
    else:
        return events
    error = _refused(context, target_attempts, wrong)
    if not _may_repair(context, target_attempts):
        raise error
    context.course.note(error)
    again = await _repaired(context, target_attempts, wrong, error)
    try:
        context.parsed = form.read(again)
    except Misfit as misfit:
        wrong = misfit
    else:
        return again
    raise _refused(context, target_attempts, wrong)


def _refused(context: CallContext, target_attempts: TargetAttempts, misfit: Misfit) -> ProviderError:
    """The failure of an attempt whose answer does not fit. What it has used is counted: it is billed as any other."""
    error = ProviderError(ErrorKind.INVALID_ANSWER, str(misfit))
    attempt = target_attempts.attempt
    if attempt is not None and attempt.admission.bill is None:
        report = attempt.report
        usage, doubtful = counted(attempt.heard, context.route_targets[target_attempts.index].room(context.chat))
        if usage is not None and not doubtful:
            report.usage, report.cost = usage, usage.cost
            context.report.add(report)
    target_attempts.failed(error)
    return error


def _may_repair(context: CallContext, target_attempts: TargetAttempts) -> bool:
    """May the target be asked once more? It is paid for as a retry is."""
    if not context.route.repair or context.repaired:
        return False
    now_s = context.loop.time()
    if now_s > context.deadline_s - MIN_ATTEMPT_S:
        return False
    context.repaired = context.route_targets[target_attempts.index].try_pay_retry(now_s)
    return context.repaired


async def _repaired(
    context: CallContext, target_attempts: TargetAttempts, misfit: Misfit, error: ProviderError
) -> list[ProviderEvent]:
    first_by_s, cut = context.course.first_by(target_attempts.index, context.loop.time())
    try:
        said: Sequence[ProviderEvent] = await target_attempts.once(
            "repair", first_by_s, cut, shape=lambda chat: corrected(chat, misfit)
        )
        whole = [*said]
        while not target_attempts.finished:
            whole += await target_attempts.next()
    except UNASKABLE:
        raise error from None
    except NotAdmitted:
        if target_attempts.stopped:
            raise
        raise error from None
    return whole


def corrected(chat: ChatRequest, misfit: Misfit) -> ChatRequest:
    """The request with the answer that did not fit, and what the validator says of it."""
    turns = [Message("user", (TextPart(AGAIN.format(words=misfit.words)),))]
    if misfit.text.strip():
        turns.insert(0, Message("assistant", (TextPart(misfit.text),)))
    return replace(chat, messages=(*chat.messages, *turns), prefill=None)
