"""Hedging: when a target stays silent, a second one is asked beside it; the first useful delta wins.

Only a target that is asked and silent is hedged; one that waits for its next try is handed over instead. The losers are
closed at once, and whoever wins, every task is over when the race is.
"""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from ..providers.errors import MissingExtraError, ProviderError
from ..providers.events import ProviderEvent
from ..providers.provider import Unsupported
from .context import CallContext
from .pursuit import LeftAlone, Pursuit
from .selection import UNASKABLE
from .steps import Ask

Failure: TypeAlias = ProviderError | Unsupported | MissingExtraError


class Lost(Exception):
    """Nobody won. Holds why each failed, in the order of their failing."""

    def __init__(self, failures: list[tuple[int, Failure]]) -> None:
        super().__init__()
        self.failures = failures


async def race(
    context: CallContext,
    step: Ask,
    hedge_at_s: float,
    hedge: Callable[[int, float], Ask | None],
    racers: list[Pursuit],
) -> tuple[Pursuit, list[ProviderEvent]]:
    """Ask one target, and from `hedge_at_s` on, if it is still silent, a second one beside it.

    Args:
        hedge: Who may be asked beside the target at this seat, now; None: nobody.
        racers: Everybody who is asked is put here, so that the call can stop the winner too, whenever it is left.

    Returns:
        Who gave the first useful delta, and its events so far.

    Raises:
        Lost: Nobody did.
    """
    loop = context.loop
    lead = Pursuit(context, step.candidate)
    racers.append(lead)
    running = {loop.create_task(lead.first_useful(step)): lead}
    failures: list[tuple[int, Failure]] = []
    waits_for_hedge = True
    try:
        while running:
            timeout_s = max(0.0, hedge_at_s - loop.time()) if waits_for_hedge else None
            done, _ = await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                pursuit = running.pop(task)
                try:
                    return pursuit, task.result()
                except (ProviderError, *UNASKABLE) as error:
                    failures.append((pursuit.place, error))
                except LeftAlone:
                    waits_for_hedge = False  # others were here first: the course sees to it anew
            if waits_for_hedge and (failures or loop.time() >= hedge_at_s):
                waits_for_hedge = False
                if not failures and (second := hedge(lead.place, loop.time())) is not None:
                    if lead.in_back_off:
                        lead.stop()
                    pursuit = Pursuit(context, second.candidate)
                    racers.append(pursuit)
                    running[loop.create_task(pursuit.first_useful(second))] = pursuit
        raise Lost(failures)
    finally:
        for pursuit in running.values():
            pursuit.stop("another target was faster")
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
            for task in running:
                if not task.cancelled():
                    task.exception()  # a failure of the loser is in its report, and nobody else's concern
