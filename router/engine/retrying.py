"""tenacity around the tries at one target, entered once the first has failed and the course wants another.

The first, healthy attempt does not pay for it. tenacity drives all others: each gives events, or the step that the
course answers its failure with. So nothing is raised, and the course is asked once for each failure.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from tenacity import AsyncRetrying, RetryCallState

from ...providers.events import ProviderEvent
from ..failover.steps import Ask, Step, wants_retry

Found: TypeAlias = list[ProviderEvent] | Step | None
"""What comes of an attempt: its events up to the first useful delta, or what is next; None: another one decides."""


async def try_again(
    step: Ask,
    attempt: Callable[[Ask], Awaitable[Found]],
    *,
    clock: Callable[[], float],
    sleep: Callable[[Ask, float], Awaitable[None]],
) -> Found:
    """Carry out the retries at one target.

    Args:
        step: The first of them.
        attempt: Makes one attempt.
        clock: What the steps' instants are on.
        sleep: Waits the given seconds for a step; injected, so that time can be virtual and a wait can be noted.

    Returns:
        What came of the last one.
    """
    due = step

    async def once() -> Found:
        return await attempt(due)

    def gave_no_answer(state: RetryCallState) -> bool:
        nonlocal due
        found = _found(state)
        if wants_retry(found):
            due = found
        return not isinstance(found, list)

    def delay_s(_state: RetryCallState) -> float:
        return max(0.0, due.not_before_s - clock())

    async def until_due(seconds: float) -> None:
        await sleep(due, seconds)

    await sleep(step, max(0.0, step.not_before_s - clock()))
    retrying = AsyncRetrying(
        retry=gave_no_answer,
        wait=delay_s,
        stop=lambda state: not wants_retry(_found(state)),
        sleep=until_due,
        retry_error_callback=_found,
    )
    try:
        found: Found = await retrying(once)
        return found
    finally:
        retrying.iter_state.reset()  # its actions hold the whole of it, and with it this call


def _found(state: RetryCallState) -> Found:
    assert state.outcome is not None
    found: Found = state.outcome.result()
    return found
