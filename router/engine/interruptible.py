"""A wait that another task may end, without that being taken for a cancellation of the task that waits."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from ...providers.opaque import Opaque

T = TypeVar("T")


class Interruptible(Opaque):
    """One wait at a time, for something that knows no end from outside: a user's own function."""

    _task: "asyncio.Task[object] | None" = None
    _cancelling: int = 0
    _interrupted: bool = False

    async def result_of(self, awaitable: Awaitable[T]) -> T | None:
        """What is awaited gives; None when the wait was interrupted.

        Raises:
            asyncio.CancelledError: The task was cancelled, whether or not the wait was interrupted too.
        """
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        try:
            result = await awaitable
        except asyncio.CancelledError:
            if self._interrupted and task.uncancel() <= self._cancelling:
                return None
            raise
        except BaseException:
            self._took_no_notice(task)
            raise
        finally:
            self._task = None
        self._took_no_notice(task)
        return result

    def interrupt(self) -> None:
        """End the wait, if there is one. Idempotent."""
        if self._task is not None and not self._interrupted:
            self._interrupted = True
            self._task.cancel()

    def _took_no_notice(self, task: "asyncio.Task[object]") -> None:
        """What was awaited caught our cancellation, and ended as it liked: nothing of it may stay with the task."""
        if self._interrupted:
            task.uncancel()
