"""tenacity around "open until commit" at one target, entered only after a first failure.

The first healthy attempt does not pay for it: it runs bare, and when it has failed, tenacity's first call raises that
failure again, so that the counts and waits of the attempts are right. tenacity asks the course after each failure; the
course answers with a delay or with None.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState

from ..providers.errors import ProviderError

T = TypeVar("T")


async def try_again(
    failed: ProviderError,
    attempt: Callable[[], Awaitable[T]],
    *,
    delay_after: Callable[[ProviderError], float | None],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Go on trying after a first failure.

    Args:
        failed: The failure of the first, bare try.
        attempt: One more try.
        delay_after: How long to wait after a failure, in seconds; None: no other try.
        sleep: Waits; injected, so that time can be virtual and a wait can be noted.

    Raises:
        ProviderError: The last failure.
    """
    first: list[ProviderError] = [failed]
    delay_s = 0.0

    async def once() -> T:
        if first:
            raise first.pop()
        return await attempt()

    def wants_retry(state: RetryCallState) -> bool:
        nonlocal delay_s
        assert state.outcome is not None
        error = state.outcome.exception()
        if not isinstance(error, ProviderError):
            return False
        delay = delay_after(error)
        if delay is None:
            return False
        delay_s = delay
        return True

    retrying = AsyncRetrying(retry=wants_retry, wait=lambda _: delay_s, sleep=sleep, reraise=True)
    return await retrying(once)
