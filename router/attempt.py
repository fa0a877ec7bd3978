"""One try at one target: opens it, waits for the first useful delta, relays batches of events, and keeps the clocks.

A thin shell around the provider's pure functions and the transport. One timer per attempt, re-armed lazily, watches all
clocks; nothing is scheduled per delta. Time in which nobody reads never counts as a stall (the consumer is slow then,
not the target), nor does time in which the loop itself was late.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ..providers.errors import ErrorKind, ProviderError
from ..providers.events import ProviderEvent, any_useful
from ..providers.provider import Decoder, WireRequest
from ..providers.transport import Exchange
from .bill import Bill
from .clocks import Clocks
from .lease import Lease
from .report import AttemptReport

if TYPE_CHECKING:
    from .live import LiveTarget

P = ParamSpec("P")
T = TypeVar("T")

MAX_ERROR_BODY_BYTES = 64 * 1024
_NEVER = float("inf")
_LATE_S = 0.05


class Attempt:
    """One try at one target.

    Args:
        bill: What is held for it, where limits or prices hold.
        first_by_s: When the first useful delta must have come, on the loop's clock.
        end_by_s: When the whole answer must have come.
        short: Less time than the target's own clock gives: silence is then nobody's fault.

    Attributes:
        finished: The answer is whole; nothing follows the last batch.
    """

    __slots__ = (
        "_aborted", "_call_began_s", "_cancelled", "_cancelling", "_clocks", "_decoder", "_end_by_s", "_exchange",
        "_failure", "_first_by_s", "_limit_error", "_limit_s", "_loop", "_opening", "_short", "_slow_timer",
        "_stall_left_s", "_task", "_timer", "_timer_s", "_total_by_s", "bill", "finished", "framed", "lease", "live",
        "report",
    )  # fmt: skip

    def __init__(
        self,
        live: "LiveTarget",
        lease: Lease,
        report: AttemptReport,
        bill: Bill | None = None,
        *,
        clocks: Clocks,
        first_by_s: float,
        short: bool,
        end_by_s: float | None,
        call_began_s: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.live, self.lease, self.report, self.bill = live, lease, report, bill
        self.finished = False
        self.framed = False
        self._clocks = clocks
        self._first_by_s, self._short = first_by_s, short
        self._call_began_s = call_began_s
        self._loop = loop
        self._exchange: Exchange | None = None
        self._decoder: Decoder | None = None
        self._failure: ProviderError | None = None  # decoded behind events that are delivered first
        self._opening = False
        self._task: asyncio.Task[object] | None = None
        self._cancelled = False  # by us: another cancellation is not ours to take back
        self._cancelling = 0
        self._aborted: ProviderError | None = None
        self._limit_s = _NEVER  # when the clock that runs now runs out; never, while nobody waits
        self._limit_error = ErrorKind.FIRST_TOKEN_TIMEOUT
        self._timer: asyncio.TimerHandle | None = None
        self._slow_timer: asyncio.TimerHandle | None = None
        self._timer_s = _NEVER
        self._stall_left_s = clocks.stall_s
        self._end_by_s = _NEVER if end_by_s is None else end_by_s
        self._total_by_s = min(self._end_by_s, _NEVER if clocks.total_s is None else loop.time() + clocks.total_s)

    async def open(self, wire: WireRequest, *, stream: bool) -> list[ProviderEvent]:
        """Send the request and read up to the first useful delta, or to an end that is one.

        Returns:
            All events so far, the first useful one among the last of them.

        Raises:
            ProviderError: Why this attempt has failed. Nothing of it has reached the caller.
        """
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling, self._opening = task, task.cancelling(), True
        self._watch(min(self._first_by_s, self._total_by_s), ErrorKind.FIRST_TOKEN_TIMEOUT)
        slow_call_s = self.live.health.slow_call_s
        if slow_call_s is not None:
            self._slow_from(self._loop.time() + slow_call_s)
        try:
            exchange = await self.live.transport.open(wire, connect_s=self._clocks.connect_s, expect_stream=stream)
            self._opening = False
            self._exchange = exchange
            if self._aborted is not None:
                raise self._aborted
            head = exchange.head
            self.live.learn(head, self._loop.time())
            self.report.headers_s = self._since_call()
            self.framed = exchange.framed
            provider = self.live.provider
            if not 200 <= head.status < 300:
                body = await exchange.read_all(MAX_ERROR_BODY_BYTES)
                raise exchange.redirected or self._adapted(provider.error_for, head, body)
            self._decoder = self._adapted(provider.decoder, head)
            batch: list[ProviderEvent] = []
            while True:
                events = await self._read()
                batch += events
                if self.finished or any_useful(events):
                    break
            self._limit_s = _NEVER
            return batch
        except asyncio.CancelledError:
            self.close()
            if self._cancelled and self._aborted is not None and task.uncancel() <= self._cancelling:
                raise self._aborted from None
            raise
        except BaseException:
            self.close()
            raise
        finally:
            self._opening = False
            self._task = None
            if self._slow_timer is not None:
                self._slow_timer.cancel()
                self._slow_timer = None

    async def next(self, until_s: float | None = None) -> list[ProviderEvent]:
        """The next events, at least one; the last batch ends with `Finished`.

        Args:
            until_s: Come back without events by then, on the loop's clock.

        Raises:
            ProviderError: The answer broke off.
        """
        limit_s = self._loop.time() + self._stall_left_s
        self._watch(min(limit_s, self._total_by_s), ErrorKind.STALLED)
        try:
            events = await self._some(until_s)
        except BaseException:
            self.close()
            raise
        finally:
            self._limit_s = _NEVER
        if any_useful(events):
            self._stall_left_s = self._clocks.stall_s
        else:  # usage alone is no progress: the clock goes on where it stood
            self._stall_left_s = max(0.0, limit_s - self._loop.time())
        return events

    def abort(self) -> None:
        """End the attempt from outside: whoever waits in it gets `cancelled`, and the socket is closed. Idempotent."""
        self._interrupt(ProviderError(ErrorKind.CANCELLED, "the caller left"))
        self.close()

    def close(self) -> None:
        """Close the socket and stop the clock; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._exchange is not None:
            self._exchange.close()

    def _adapted(self, adapt: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """What the provider's adapter says; it may come from anybody, and a bug in it is a failure of its target."""
        try:
            return adapt(*args, **named)
        except Exception as bug:  # noqa: BLE001
            raise self._bug(bug) from None

    def _bug(self, bug: Exception) -> ProviderError:
        what = f"the adapter {self.report.provider!r} raised {type(bug).__name__}: a bug in it"
        return ProviderError(ErrorKind.PROTOCOL, what)

    # Reading

    async def _some(self, until_s: float | None) -> list[ProviderEvent]:
        while not (events := await self._read(until_s)):
            if until_s is not None and self._loop.time() >= until_s:
                break
        return events

    async def _read(self, until_s: float | None = None) -> list[ProviderEvent]:
        """One read's worth of events; none, when the bytes held none."""
        if self._failure is not None:
            raise self._failure
        exchange, decoder = self._exchange, self._decoder
        assert exchange is not None
        assert decoder is not None
        if decoder.finish is not None:
            return await self._tail(exchange, decoder)
        data = await (exchange.read() if until_s is None else exchange.read_until(until_s))
        if data is None:
            return []
        try:
            events = decoder.feed(data) if data else decoder.end()
        except Exception as bug:  # noqa: BLE001 - the adapter may come from anybody
            raise self._bug(bug) from None
        if decoder.failure is not None:
            return self._fail_after(events, decoder.failure)
        if decoder.finish is not None and (decoder.closed or not data):
            self._finish(events, decoder, exchange)
        return events

    async def _tail(self, exchange: Exchange, decoder: Decoder) -> list[ProviderEvent]:
        """After the end marker: usage, an error or the end may follow. An error wins, silence or a reset does not."""
        events: list[ProviderEvent] = []
        self._watch(self._loop.time() + self._clocks.tail_s, ErrorKind.STALLED)
        while not decoder.closed:
            try:
                data = await exchange.read()
            except ProviderError:
                if self._aborted is not None and self._aborted.kind is ErrorKind.CANCELLED:
                    raise
                break
            events += self._adapted(decoder.feed, data) if data else self._adapted(decoder.end)
            if decoder.failure is not None:
                return self._fail_after(events, decoder.failure)
            if not data:
                break
        self._finish(events, decoder, exchange)
        return events

    def _fail_after(self, events: list[ProviderEvent], failure: ProviderError) -> list[ProviderEvent]:
        """What was decoded before a failure is delivered before it."""
        if not events:
            raise failure
        self._failure = failure
        return events

    def _finish(self, events: list[ProviderEvent], decoder: Decoder, exchange: Exchange) -> None:
        assert decoder.finish is not None
        events.append(decoder.finish)
        self.finished = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        exchange.release()

    # The clocks

    def _since_call(self) -> float:
        return self._loop.time() - self._call_began_s

    def _watch(self, limit_s: float, error: ErrorKind) -> None:
        """Let this clock run. The timer is moved only when it would ring too late; ringing too early, it re-arms."""
        self._limit_s, self._limit_error = limit_s, error
        if limit_s < self._timer_s or self._timer is None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_s = limit_s
            self._timer = self._loop.call_at(limit_s, self._ring)

    def _slow_from(self, at_s: float) -> None:
        self._slow_timer = self._loop.call_at(at_s, self._slow, at_s)

    def _slow(self, rang_for_s: float) -> None:
        now_s = self._loop.time()
        if now_s - rang_for_s > _LATE_S:
            self._slow_from(now_s + _LATE_S)  # the loop was late, not the target: let the bytes come in first
        else:
            self.lease.slow = True

    def _ring(self) -> None:
        rang_for_s, limit_s, now_s = self._timer_s, self._limit_s, self._loop.time()
        late_s = now_s - rang_for_s
        self._timer, self._timer_s = None, _NEVER
        if limit_s == _NEVER:
            return  # nobody waits; the next wait arms it anew
        if late_s > _LATE_S and self._exchange is not None:
            limit_s = max(limit_s, now_s + _LATE_S)  # the loop was late, not the target: let the bytes come in first
        if now_s < limit_s:
            self._limit_s = limit_s
            self._timer_s = limit_s
            self._timer = self._loop.call_at(limit_s, self._ring)
            return
        self._interrupt(self._expiry())

    def _expiry(self) -> ProviderError:
        clocks = self._clocks
        silent = self._limit_error is ErrorKind.FIRST_TOKEN_TIMEOUT and self._limit_s >= self._first_by_s
        if self._limit_s >= self._end_by_s and not silent:
            return ProviderError(ErrorKind.DEADLINE, "the call's deadline came before the end of the answer")
        if self._limit_s >= self._total_by_s and not silent:
            return ProviderError(ErrorKind.STALLED, f"not whole after total_s = {clocks.total_s:g} s")
        if self._limit_error is ErrorKind.STALLED:
            return ProviderError(ErrorKind.STALLED, f"no useful delta for {clocks.stall_s:g} s")
        if self._short:
            detail = "no useful delta in what was left of the deadline"
            return ProviderError(ErrorKind.FIRST_TOKEN_TIMEOUT, detail, local=True)
        return ProviderError(ErrorKind.FIRST_TOKEN_TIMEOUT, "no useful delta within its limit")

    def _interrupt(self, error: ProviderError) -> None:
        if self._aborted is None:
            self._aborted = error
        if self._exchange is not None:
            self._exchange.interrupt(error)
        elif self._opening and self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()
