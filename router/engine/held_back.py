"""The part of an answer that is held back, counted as it grows: each event is looked at once, however much is held."""

from collections.abc import Sequence

from ...config.route import Hold
from ...providers.errors import ProviderError
from ...providers.events import (
    PartAdded,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    is_useful,
)
from ...providers.parts import Attachment
from ..failover.steps import Step
from .context import CallContext
from .fitting import as_wanted
from .target_attempts import NotAdmitted, TargetAttempts

HOLD_MAX_CHARS = 1024 * 1024
"""No more of an answer is held than this, whatever the route says."""


class HeldBack:
    """Events that are not delivered yet.

    Attributes:
        events: All of them, in order.
        deltas: How many of them are useful.
        chars: How long their texts, thoughts and arguments are together.
    """

    __slots__ = ("chars", "deltas", "events")

    def __init__(self) -> None:
        self.events: list[ProviderEvent] = []
        self.deltas = 0
        self.chars = 0

    def add(self, batch: Sequence[ProviderEvent]) -> None:
        """Hold these, too. The batch itself stays as it is."""
        self.events += batch
        for event in batch:
            if isinstance(event, TextDelta | ReasoningDelta | RefusalDelta):
                self.chars += len(event.text)
            elif isinstance(event, ToolCallDelta):
                self.chars += len(event.arguments)
            elif isinstance(event, PartAdded) and isinstance(event.part, Attachment):
                self.chars += len(event.part.url)
            self.deltas += is_useful(event)


async def hold_back(
    context: CallContext, target_attempts: TargetAttempts, first: list[ProviderEvent]
) -> list[ProviderEvent] | Step | None:
    """What is delivered at once: all of a whole answer, of a stream what its route holds; or what is next.

    Args:
        first: The events up to the first useful delta.
    """
    course, hold = context.course, context.route.hold
    try:
        if context.whole or hold is None:
            whole = [*first]  # what was heard stays as it was
            while not target_attempts.finished:
                whole += await target_attempts.next()
            return await as_wanted(context, target_attempts, whole)
        held = HeldBack()
        held.add(first)
        while not target_attempts.finished and (more := await _more(context, target_attempts, hold, held)) is not None:
            held.add(more)
        return await as_wanted(context, target_attempts, held.events) if target_attempts.finished else held.events
    except ProviderError as error:
        error.__traceback__ = None
        return course.attempt_failed(target_attempts.index, error, context.loop.time(), begun=True)
    except NotAdmitted as why:
        return course.not_admitted(target_attempts.index, why.refusal, context.loop.time())


async def _more(
    context: CallContext, target_attempts: TargetAttempts, hold: Hold, held: HeldBack
) -> list[ProviderEvent] | None:
    """What comes next, to be held too; None when what is held is to be delivered."""
    if (hold.deltas is not None and held.deltas >= hold.deltas) or held.chars > HOLD_MAX_CHARS:
        return None
    until_s = context.deadline_s
    if hold.for_s is not None and target_attempts.attempt is not None:
        until_s = min(until_s, context.began_s + (target_attempts.attempt.report.first_delta_s or 0.0) + hold.for_s)
    if context.loop.time() >= until_s:
        return None
    return await target_attempts.next(until_s) or None
