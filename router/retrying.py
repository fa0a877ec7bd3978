"""tenacity around "open until commit" at one target, entered only once there is to be a second try.

The first attempt does not pay for it: it runs bare, and when it has failed and the course wants another, tenacity's
first call raises that failure again, so that the counts and waits of the attempts are right. After each later failure
tenacity asks the course, which answers with a delay or with None.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState

from ..providers.errors import ProviderError

T = TypeVar("T")


async def try_again(
    failed: ProviderError,
    delay_s: float,
    attempt: Callable[[], Awaitable[T]],
    *,
    delay_after: Callable[[ProviderError], float | None],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Go on trying after a first failure.

    Args:
        failed: The failure of the first, bare try.
        delay_s: How long the course wants to wait after it.
        attempt: One more try.
        delay_after: How long to wait after a later failure, in seconds; None: no other try.
        sleep: Waits; injected, so that time can be virtual and a wait can be noted.

    Raises:
        ProviderError: The last failure.
    """
    first: list[ProviderError] = [failed]

    async def once() -> T:
        if first:
            raise first.pop()
        return await attempt()

    def wants_retry(state: RetryCallState) -> bool:
        nonlocal delay_s
        assert state.outcome is not None
        error = state.outcome.exception()
        if error is not None:
            error.__traceback__ = None  # it holds tenacity's frame, which holds the outcome, which holds it
        if error is failed:
            return True  # the course has been asked
        if not isinstance(error, ProviderError):
            return False
        delay = delay_after(error)
        if delay is None:
            return False
        delay_s = delay
        return True

    retrying = AsyncRetrying(retry=wants_retry, wait=lambda _: delay_s, sleep=sleep, reraise=True)
    try:
        return await retrying(once)
    finally:
        retrying.iter_state.reset()  # its actions hold the whole of it, and with it this call
