"""One try at one target: opens it, waits for the first useful delta, relays batches of events, and keeps the clocks.

A thin shell around the provider's pure functions and the transport. One watch over all attempts looks after their
clocks; nothing is scheduled per attempt or delta. Time in which the caller does not read never counts as a stall (the
caller is slow then, not the target), nor does time in which the loop itself was late.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import msgspec

from ...providers.errors import ErrorKind, ProviderError
from ...providers.events import ProviderEvent, Texts, any_useful
from ...providers.opaque import Opaque
from ...providers.provider import Decoder, WireRequest
from ...providers.transport import Exchange, redirection, refusal_body
from ..failover.steps import Cut
from ..limits.admission import Admission, Outcome
from ..result.report import AttemptReport
from ..result.transcript import PARTS_MAX, Transcript, excess
from ..targets.clocks import Clocks
from .expiry import Expiry, set_by_the_call
from .slow_call import SlowCall
from .watchdog import NEVER, Watchdog

if TYPE_CHECKING:
    from ..targets.live_target import LiveTarget

P = ParamSpec("P")
T = TypeVar("T")

MAX_ERROR_BODY_BYTES = 64 * 1024
_ROUNDING_S = 0.001
"""A timer may ring so early, as some loops round."""


NOTES_MAX = 16
"""Maximum notes of a decoder that go into the report."""


class Attempt(Opaque, kw_only=True):
    """One try at one target.

    Attributes:
        admission: What is held for it.
        watch: What looks after its clocks.
        standing_clocks: Those that would hold if the call had set none. A clock that the call alone has made shorter
            says nothing of the target, when it rings.
        call_began_s, first_by_s, end_by_s: When the call began, when the first useful delta and when the whole answer
            must have come, on the loop's clock.
        cut: What the deadline leaves of the time that the target's own clock gives.
        fair_s: A fair part of the deadline: silence of this length up to it is the target's failure.
        limit_s: When the running clock runs out; never, while no task waits.
        url, headers: Address and credentials of the request.
        finished: The answer is whole; nothing follows the last batch.
        heard: What it has said.
    """

    live: "LiveTarget"
    admission: Admission
    report: AttemptReport
    loop: asyncio.AbstractEventLoop
    watch: Watchdog
    clocks: Clocks
    standing_clocks: Clocks
    call_began_s: float
    first_by_s: float
    cut: Cut = "no"
    end_by_s: float = NEVER
    fair_s: float = NEVER
    limit_s: float = NEVER
    url: str = ""
    headers: Mapping[str, str] = {}
    finished: bool = False
    heard: Transcript = msgspec.field(default_factory=Transcript)
    _exchange: Exchange | None = None
    _decoder: Decoder | None = None
    _failure: ProviderError | None = None  # decoded behind events that are delivered first
    _task: asyncio.Task[object] | None = None  # which opens it
    _cancelled: bool = False  # by us: another cancellation is not ours to take back
    _aborted: ProviderError | None = None
    _begun: bool = False  # the clock that runs is not the one for the first useful delta any more
    _slow_call: SlowCall | None = None
    _stall_left_s: float | None = None  # None: all of it
    _stalled_by_s: float = NEVER  # when the clock between deltas would have rung, had the deadline not come before
    _total_by_s: float = NEVER
    _tail_by_s: float = NEVER  # since the end marker

    @property
    def framed(self) -> bool:
        """The wire itself says where its body ends."""
        return self._exchange is not None and self._exchange.framed

    async def open(self, wire: WireRequest, *, stream: bool) -> list[ProviderEvent]:
        """Send the request and read up to the first useful delta, or to an end that is one.

        Returns:
            All events so far, the first useful one among the last of them.

        Raises:
            ProviderError: Why this attempt has failed. Nothing of it has reached the caller.
        """
        loop, clocks = self.loop, self.clocks
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, cancelling = task, task.cancelling()
        total_s, total_by_s, first_by_s = clocks.total_s, self.end_by_s, self.first_by_s
        if total_s is not None:
            total_by_s = min(total_by_s, loop.time() + total_s)
        self._total_by_s = total_by_s
        self.limit_s = first_by_s if first_by_s < total_by_s else total_by_s  # `min` is a call
        self.watch.over(self)
        slow_call_s = self.live.health.slow_call_s if stream else None  # one body gives nothing before its end
        if slow_call_s is not None:
            self._slow_call = SlowCall(loop, loop.time() + slow_call_s, self.admission.lease)
        try:
            exchange = await self.live.transport.open(wire, connect_s=clocks.connect_s, expect_stream=stream)
            self._exchange = exchange
            if self._aborted is not None:
                raise self._aborted
            head, now_s = exchange.head, loop.time()
            self.live.learn(head, now_s)
            self.report.headers_s = now_s - self.call_began_s
            if not 200 <= head.status < 300:
                raise await self._refused(exchange)
            self._decoder = decoder = self._adapted(self.live.decoder, head)
            batch = events = self._decoded(await exchange.read(), exchange, decoder)
            while not (self.finished or any_useful(events)):
                events = await self._read()
                batch += events
                if (too_much := excess(len(batch), (), set())) is not None:
                    raise ProviderError(ErrorKind.PROTOCOL, too_much)
            if not self.finished:
                self.limit_s, self._begun = NEVER, True
            self.heard.add(batch)
            return batch
        except asyncio.CancelledError:
            self.close()
            if self._cancelled and self._aborted is not None and task.uncancel() <= cancelling:
                raise self._aborted from None
            raise
        except BaseException as error:
            self.close()
            if isinstance(error, ProviderError) and error.kind is ErrorKind.CONNECT:
                error.local |= self._hurried_connect()
            raise
        finally:
            self._task = None
            if self._slow_call is not None:
                self._slow_call.stop()

    async def next(self, until_s: float | None = None) -> list[ProviderEvent]:
        """The next events, at least one; the last batch ends with `Finished`.

        Args:
            until_s: Come back without events by then, on the loop's clock.

        Raises:
            ProviderError: The answer broke off.
        """
        stall_s = self._stall_left_s
        limit_s = self.loop.time() + (self.clocks.stall_s if stall_s is None else stall_s)
        total_by_s = self._total_by_s
        if limit_s < total_by_s:  # `min` is a call
            self.limit_s = ends_s = limit_s
        else:
            self.limit_s = ends_s = total_by_s
            self._stalled_by_s = limit_s
        if ends_s < self.watch.rings_s:
            self.watch.until(ends_s)
        exchange, decoder = self._exchange, self._decoder
        assert exchange is not None
        assert decoder is not None
        events: list[ProviderEvent] = []
        try:
            if until_s is None and decoder.finish is None and self._failure is None:  # nearly always: one layer less
                events = self._decoded(await exchange.read(), exchange, decoder)
            while not events:
                events = await self._read(until_s)
                if until_s is not None and self.loop.time() >= until_s:
                    break
        except BaseException:
            self.close()
            raise
        finally:
            self.limit_s = NEVER
        if type(events) is Texts or any_useful(events):
            if stall_s is not None:
                self._stall_left_s = None
        else:  # usage alone is no progress: the clock goes on where it stood
            self._stall_left_s = max(0.0, limit_s - self.loop.time())
        if (too_much := self.heard.add(events)) is not None and not self.finished:
            self._failure = ProviderError(ErrorKind.PROTOCOL, too_much)  # what has come is delivered first
        return events

    def abort(self) -> None:
        """End the attempt from outside: a task that waits in it gets `cancelled`, the socket is closed. Idempotent."""
        self._interrupt(ProviderError(ErrorKind.CANCELLED, "the caller left"))
        self.close()

    def close(self) -> None:
        """Close the socket and stop the clock; idempotent."""
        self.watch.no_more(self)
        if self._exchange is not None:
            self._exchange.close()

    def settle(self, outcome: Outcome, now_s: float) -> None:
        """It is over: give back what was held for it. Idempotent."""
        if noted := getattr(self._decoder, "notes", ()):  # a plug-in's decoder need not know of it
            self.report.notes += tuple([note for note in noted[:NOTES_MAX] if note not in self.report.notes])
        self.admission.settle(outcome, now_s, self.report, self.heard, whole=self.finished)

    async def _refused(self, exchange: Exchange) -> ProviderError:
        """What the response says, whose status is that of no answer."""
        body = await refusal_body(exchange, MAX_ERROR_BODY_BYTES)
        return redirection(exchange.head) or self._adapted(self.live.provider.error_for, exchange.head, body)

    def _hurried_connect(self) -> bool:
        """Has a limit for connecting run out that the call alone has set?"""
        waited_s = self.loop.time() - self.call_began_s - self.report.began_s
        in_vain = waited_s >= self.clocks.connect_s - _ROUNDING_S
        return in_vain and set_by_the_call("connect_s", self.clocks, self.standing_clocks)

    def _adapted(self, adapt: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Run the provider's adapter; it may be third-party code, and a bug in it is a failure of its target."""
        try:
            return adapt(*args, **named)
        except Exception as bug:  # noqa: BLE001
            raise self._bug(bug) from None

    def _bug(self, bug: Exception) -> ProviderError:
        what = f"the adapter {self.report.provider!r} raised {type(bug).__name__}: a bug in it"
        return ProviderError(ErrorKind.PROTOCOL, what)

    # Reading

    async def _read(self, until_s: float | None = None) -> list[ProviderEvent]:
        """One read's worth of events; none, when the bytes held none."""
        if self._failure is not None:
            raise self._failure
        exchange, decoder = self._exchange, self._decoder
        assert exchange is not None
        assert decoder is not None
        if decoder.finish is not None:
            return await self._tail(exchange, decoder, until_s)
        data = await (exchange.read() if until_s is None else exchange.read_until(until_s))
        return [] if data is None else self._decoded(data, exchange, decoder)

    def _decoded(self, data: bytes, exchange: Exchange, decoder: Decoder) -> list[ProviderEvent]:
        """The events in these bytes; in `b""`, those at the end of the body."""
        try:
            events = decoder.feed(data) if data else decoder.end()
            if not events and data and decoder.failure is None and exchange.ended:
                events, data = decoder.end(), b""  # as the next read would: a whole body came in one
        except Exception as bug:  # noqa: BLE001 - the adapter may be third-party code
            raise self._bug(bug) from None
        if len(events) > PARTS_MAX and (too_much := excess(len(events), events, set())) is not None:
            raise ProviderError(ErrorKind.PROTOCOL, too_much)
        if decoder.failure is not None:
            return self._fail_after(events, decoder.failure)
        if decoder.finish is not None and (decoder.closed or not data):
            self._finish(events, decoder, exchange)
        return events

    async def _tail(self, exchange: Exchange, decoder: Decoder, until_s: float | None) -> list[ProviderEvent]:
        """After the end marker: usage, an error or the end may follow. An error wins, silence or a reset does not.

        The answer is whole: it waits for them no longer than the clocks that it has kept until now.
        """
        events: list[ProviderEvent] = []
        by_s = self._total_by_s if self._begun else min(self.first_by_s, self._total_by_s)
        now_s = self.loop.time()
        self._tail_by_s = min(self._tail_by_s, by_s, now_s + self.clocks.tail_s)
        self.limit_s, self._begun = max(self._tail_by_s, now_s), True
        self.watch.until(self.limit_s)
        while not decoder.closed:
            try:
                data = await (exchange.read() if until_s is None else exchange.read_until(until_s))
            except ProviderError:
                if self._aborted is not None and self._aborted.kind is ErrorKind.CANCELLED:
                    raise
                break
            if data is None:
                return events
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
        if getattr(decoder, "miscounted", False):  # a plug-in's decoder need not know of it
            self.heard.miscounted = True
        self.watch.no_more(self)
        exchange.release()

    # The clocks

    def lenient(self, until_s: float) -> None:
        """The loop was late, not the target: let the bytes come in first. There are none before a response."""
        if self._exchange is not None:
            self.limit_s = max(self.limit_s, until_s)

    def expire(self) -> None:
        """The clock that runs has run out."""
        expiry = Expiry(
            limit_s=self.limit_s,
            begun=self._begun,
            cut=self.cut,
            first_by_s=self.first_by_s,
            end_by_s=self.end_by_s,
            total_by_s=self._total_by_s,
            stalled_by_s=self._stalled_by_s,
            fair_s=self.fair_s,
            clocks=self.clocks,
            standing_clocks=self.standing_clocks,
        )
        self.limit_s = NEVER
        self._interrupt(expiry.failure())

    def _interrupt(self, error: ProviderError) -> None:
        if self._aborted is None:
            self._aborted = error
        if self._exchange is not None:
            self._exchange.interrupt(error)
        elif self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()
