"""Going on with a delivered answer that broke off: the next target that can, and its answer, joined to that one."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ...providers.errors import ProviderError
from ...providers.events import ProviderEvent
from ..failover.delivered import Relayed
from ..failover.mid_stream import resumed, seam_for
from ..failover.seam import Diverged, Seam
from ..failover.steps import End, Resume
from ..result.report import Switch
from ..targets.selection import UNASKABLE
from .context import CallContext
from .target_attempts import NotAdmitted, TargetAttempts


class Joined(NamedTuple):
    """An answer that goes on with the delivered one, from its first events on."""

    target_attempts: TargetAttempts
    switch: Switch
    events: list[ProviderEvent]


async def go_on(
    context: CallContext,
    source: int,
    broken: ProviderError,
    relayed: Relayed,
    *,
    asks: Callable[[TargetAttempts], None],
    ended: Callable[[], bool],
) -> Joined | End | None:
    """Go on with an answer that broke off, if there is a way that is correct for what was delivered.

    Args:
        source: Index of the target at which it broke off.
        broken: Why it did.
        asks: Told of each target's attempts before they begin, so that the call can stop them.
        ended: The call has ended meanwhile.

    Returns:
        What goes on with it; or that nothing can; None: the call has ended meanwhile.
    """
    course = context.course
    step = course.broke_off(source, broken, relayed, context.loop.time())
    while isinstance(step, Resume):
        target_attempts = TargetAttempts(context, step.target_index)
        asks(target_attempts)
        try:
            seam, events = await _joined(context, target_attempts, step, relayed)
        except ProviderError as failed:
            failed.__traceback__ = None
            step = course.broke_off(step.target_index, failed, relayed, context.loop.time())
        except (*UNASKABLE, NotAdmitted):
            step = course.go_on(relayed, context.loop.time())
        except Diverged as how:
            target_attempts.stop(detail=str(how))
            step = course.go_on(relayed, context.loop.time())
        else:
            switch = Switch(
                context.route_targets[source].label,
                context.route_targets[step.target_index].label,
                step.policy,
                broken.kind,
                context.since_s(),
                len(relayed.text),
                seam.trimmed,
            )
            return Joined(target_attempts, switch, events)
        if ended():
            return None
    return step


async def _joined(
    context: CallContext, target_attempts: TargetAttempts, step: Resume, relayed: Relayed
) -> tuple[Seam, list[ProviderEvent]]:
    """Ask one target to go on, until its answer is joined to what was delivered.

    Raises:
        Diverged: It does not go on with that.
    """
    policy, route_target = step.policy, context.route_targets[step.target_index]
    shape = partial(resumed, policy=policy, relayed=relayed, instruction=context.route.instruction)
    await target_attempts.wait(step.not_before_s, "hint")
    batch = await target_attempts.once(policy, step.first_by_s, "no", shape=shape)
    if policy == "continue" and not route_target.live.prefill_shown:
        raise Diverged("its answer does not show that it goes on from a prefill")
    seam = seam_for(policy, relayed, context.chat, route_target.capabilities, target_attempts.prefill_cut)
    events = seam.feed(batch)
    while not seam.settled:
        events += seam.feed(await target_attempts.next())
    return seam, events
