"""Hedging: when a target stays silent, a second one is asked beside it; the first useful delta wins.

Only a target that is asked and silent is hedged; one that waits for its next try is handed over instead. The loser is
closed at once, and whichever wins, every task is over when the race is.
"""

import asyncio

from ...providers.events import ProviderEvent
from ..failover.steps import Ask, Step
from .context import CallContext
from .target_attempts import TargetAttempts


async def race(
    context: CallContext, step: Ask, hedge_at_s: float, racers: list[TargetAttempts]
) -> tuple[TargetAttempts | None, list[ProviderEvent] | Step]:
    """Ask one target, and from `hedge_at_s` on, if it is still silent, a second one beside it.

    Args:
        racers: The attempts at each target are put here, so that the call can stop the winner too, whenever it is left.

    Returns:
        Which gave the first useful delta, and its events so far; or none, and what is next.
    """
    loop, course = context.loop, context.course
    lead = TargetAttempts(context, step.target_index)
    racers.append(lead)
    running = {loop.create_task(lead.first_useful(step)): lead}
    following: Step | None = None
    waits_for_hedge = True
    try:
        while running:
            timeout_s = max(0.0, hedge_at_s - loop.time()) if waits_for_hedge else None
            done, _ = await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                target_attempts, found = running.pop(task), task.result()
                if isinstance(found, list):
                    course.won()
                    return target_attempts, found
                waits_for_hedge = False
                if found is not None:  # both may end in one turn, and the one that came last has decided
                    following = found
            if waits_for_hedge and loop.time() >= hedge_at_s:
                waits_for_hedge = False
                if (second := course.hedge(lead.index, loop.time())) is not None:
                    if lead.in_back_off:
                        lead.stop()
                    target_attempts = TargetAttempts(context, second.target_index)
                    racers.append(target_attempts)
                    running[loop.create_task(target_attempts.first_useful(second))] = target_attempts
        assert following is not None, "the last one in flight decides"
        return None, following
    finally:
        for target_attempts in running.values():
            target_attempts.stop(detail="another target was faster")
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
            for task in running:
                if not task.cancelled():
                    task.exception()  # a failure of the loser is in its report, and concerns nothing else
