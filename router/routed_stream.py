"""The stream that a caller holds: an async iterator of events with a promise about leaving it.

Leaving the `async with`, by its end, a `break`, an error or a cancelled task, closes the upstream socket, stops the
clocks, gives back what was held, and blames no target. It is a class and not a generator, because only a class can
close itself while a task waits in it.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from ..providers.bare import bare
from ..providers.errors import ErrorKind, ProviderError
from ..providers.events import TextDelta
from .engine.call import Call
from .result.answer import Answer, collect
from .result.answer_form import Misfit
from .result.errors import CallFailed, StreamInterrupted
from .result.events import StreamEvent
from .result.partial import Partial
from .result.report import Report


class RoutedStream:
    """One call's answer, as it comes.

    Use it as `async with router.stream(…) as stream: async for event in stream: …`, or `stream.text()` for the text
    alone. Nothing is sent before the first event is asked for.

    Args:
        begin: Makes the call, once the first event is asked for or the stream is entered.
        on_close: Awaited once when the stream is closed.
        on_drop: Called, in the stream's loop, when it was dropped without being closed.
    """

    def __init__(
        self,
        begin: Callable[[], Call],
        on_close: Callable[[], Awaitable[None]] | None = None,
        on_drop: Callable[[], None] | None = None,
    ) -> None:
        self._begin = begin
        self._on_close, self._on_drop = on_close, on_drop
        self._call: Call | None = None
        self._rest: Iterator[StreamEvent] = iter(())  # of the last batch
        self._closed = False

    @property
    def report(self) -> Report:
        """What happened so far; final after the last event."""
        return self._started().report

    async def __aenter__(self) -> Self:
        self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._closed:
            await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        """The next event.

        Raises:
            CallFailed: There is no (more of the) answer to be had.
            StreamBusy: Another consumer is waiting for the next event.
        """
        for event in self._rest:  # an iterator that goes on costs less than a list and a place in it
            return event
        if self._closed:
            raise StopAsyncIteration
        try:
            batch = await (self._call or self._started()).next()
        except BaseException as error:
            bare(error)
            if isinstance(error, CallFailed):
                await self.aclose()
            raise
        if not batch or self._closed:
            await self.aclose()
            raise StopAsyncIteration
        self._rest = rest = iter(batch)
        return next(rest)

    async def text(self) -> AsyncIterator[str]:
        """The text of the answer alone, piece by piece. Refuses the policy `restart`: it would void what is out."""
        self._started().forbid_restart()
        try:
            async for first in self:
                for event in (first, *self._rest):  # with all that came with it
                    if type(event) is TextDelta:
                        yield event.text
        finally:
            first = event = None  # type: ignore[assignment]  # what raises here takes this frame along

    async def partial(self) -> AsyncIterator[dict[str, Any]]:
        """The object that the answer is (`response_format`), as far as it is written, whenever there is more of it.

        What is shown once keeps its type: texts, lists and mappings grow, and a number comes once it is whole. It is
        not held to its class before its end: `answer()` gives the object. Refuses the policy `restart`, as `text()`.
        """
        self._started().forbid_restart()
        written = Partial()
        try:
            async for first in self:
                for event in (first, *self._rest):  # with all that came with it
                    if type(event) is TextDelta:
                        written.add(event.text)
                if (found := written.grown()) is not None:
                    yield found
        finally:
            first = event = None  # type: ignore[assignment]  # as above

    async def answer(self) -> Answer:
        """Read the rest of the stream, and give all of the answer, as `Router.complete` does: what was read, too.

        Raises:
            CallFailed: There is no whole answer to be had, or it is not of the class that was asked for.
            StreamBusy: Another consumer is waiting for the next event.
            RuntimeError: The stream was left before its end.
        """
        async for _ in self:
            pass
        call = self._started()
        if self.report.outcome != "finished":
            raise RuntimeError("the stream was left before its end: there is no whole answer")
        return answered(call, call.heard)

    def cancel(self) -> None:
        """End the call: a reader comes to the end of the stream. In the stream's loop; `aclose` still has to follow."""
        if self._call is not None:
            self._call.cancel()

    async def aclose(self) -> None:
        """Leave the stream: close what is open upstream. Safe at any time, also while it is read, and idempotent."""
        if self._closed:
            return
        self._closed = True
        self._rest = iter(())
        try:
            if self._call is not None and not self._call.ended:
                self._call.cancel()
            if self._on_close is not None:
                await self._on_close()
        except BaseException as error:
            bare(error)
            raise

    def _started(self) -> Call:
        if self._call is None:
            try:
                self._call = self._begin()
            except BaseException as error:
                bare(error)
                raise
        return self._call

    def __del__(self) -> None:
        call = self._call
        if call is not None and not self._closed and not call.ended and _drop(call, self._on_drop):
            warnings.warn(
                "a stream was dropped without being closed: use 'async with router.stream(…) as stream'",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )


def answered(call: Call, events: Sequence[StreamEvent]) -> Answer:
    """The answer that these events are, with the object that it stands for.

    Raises:
        StreamInterrupted: It was delivered as it came, and is not of the class that was asked for.
    """
    context = call._context
    answer = collect(events, call.report, call.origin)
    if context.form is None:
        return answer
    if context.whole:
        return replace(answer, parsed=context.parsed)
    try:
        return replace(answer, parsed=context.form.read(events))
    except Misfit as misfit:
        error = ProviderError(ErrorKind.INVALID_ANSWER, str(misfit))
        error.target = answer.target
    raise StreamInterrupted(error.kind, call.report, answer.text, error)


def _drop(call: Call, then: Callable[[], None] | None) -> bool:
    """Cancel a call that its caller has dropped, from whatever thread the collector runs in. False: it is not ours.

    Args:
        then: What is to be called behind it.
    """
    context = call._context
    loop = context.loop
    if context.shared.forked or loop.is_closed():
        return False

    def leave() -> None:
        call.cancel()
        if then is not None:
            then()

    if loop.is_running() and not _runs_here(loop):
        loop.call_soon_threadsafe(leave)
    else:
        leave()
    return True


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
