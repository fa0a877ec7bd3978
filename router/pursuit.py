"""Asking one target within a call: its tries, the waits between them, and the lease and the report of each.

Whatever way a try ends, its lease is settled and its report complete.
"""

import asyncio
from collections.abc import Callable

from ..providers.chat import ChatRequest
from ..providers.errors import ErrorKind, ProviderError
from ..providers.events import Finished, ProviderEvent, any_useful
from .attempt import Attempt
from .context import CallContext
from .limits import Limited
from .opaque import Opaque
from .pause import Pause
from .report import AttemptReport, Waited
from .steps import Ask
from .watch import NEVER

_SAYS_NOTHING = ("stop", "other", None)
"""Finish reasons that explain no empty answer; `length` and `content_filter` are what they say."""
_FOR_THE_REST = ("continue", "ask_to_continue")
"""Only what is left is asked for, and that may be nothing. To replay and to restart, the whole answer is asked for."""


class LeftAlone(Exception):
    """Since the decision to ask it, the target's health has turned, another call is its probe, or the caller left."""


class Full(LeftAlone):
    """It is merely full: the call waits for its turn."""


class Pursuit(Opaque):
    """One target's turn in a call.

    Attributes:
        context: Of the call.
        place: The target's seat.
        attempt: The attempt that is open.
        stopped: It was ended from outside.
    """

    context: CallContext
    place: int
    attempt: Attempt | None = None
    stopped: bool = False
    _pause: Pause | None = None  # made for the first back-off

    @property
    def finished(self) -> bool:
        """The open attempt's answer is whole."""
        return self.attempt is not None and self.attempt.finished

    @property
    def in_back_off(self) -> bool:
        """Nothing is asked now: it waits for its next try."""
        return self._pause is not None and self._pause.waiting

    async def first_useful(self, step: Ask) -> list[ProviderEvent]:
        """Open attempts until one gives a useful delta, or the course has no other try here.

        Raises:
            ProviderError: Why the last try failed.
            Unsupported: The target cannot be asked this at all; nothing was sent.
            LeftAlone: It may not be asked any more.
        """
        try:
            return await self.once(step.why, step.first_by_s, short=step.short)
        except ProviderError as error:
            context, now_s = self.context, self.context.loop.time()
            delay_s = context.course.try_failed(self.place, error, now_s)
            if delay_s is None:
                context.seats[self.place].live.health.gave_up(error, now_s)
                raise
            failed = error.with_traceback(None)
        return await self._again_after(failed, delay_s)

    async def _again_after(self, failed: ProviderError, delay_s: float) -> list[ProviderEvent]:
        """Try again for as long as the course has another try here.

        Args:
            failed: Why the try before has failed.
            delay_s: How long to wait first.
        """
        context, place = self.context, self.place
        course, loop, seat = context.course, context.loop, context.seats[place]
        from .retrying import try_again

        async def again() -> list[ProviderEvent]:
            nonlocal failed
            if self.stopped:
                raise LeftAlone
            first_by_s, short = course.first_by(place, loop.time())
            try:
                return await self.once("retry", first_by_s, short=short)
            except ProviderError as error:
                failed = error
                raise

        async def sleep(delay_s: float) -> None:
            if self.stopped:
                return
            at_s = context.since_s()
            self._pause = pause = self._pause or Pause(loop)
            await pause.until(loop.time() + delay_s)
            reason = "backoff" if failed.retry_after_s is None else "hint"
            context.report.waits.append(Waited(reason, seat.label, at_s, context.since_s() - at_s))

        full = False
        try:
            return await try_again(
                failed,
                delay_s,
                again,
                delay_after=lambda error: course.try_failed(place, error, loop.time()),
                sleep=sleep,
            )
        except Full:
            full = True
            course.deferred(place)
            raise
        except LeftAlone:
            raise failed from None
        finally:
            if self.attempt is None and not full:
                seat.live.health.gave_up(failed, loop.time())

    async def once(
        self,
        why: str,
        first_by_s: float,
        *,
        short: bool,
        shape: Callable[[ChatRequest], ChatRequest] | None = None,
    ) -> list[ProviderEvent]:
        """One attempt, up to its first useful delta.

        Args:
            shape: Makes the request anew, to go on with an answer.

        Raises:
            ProviderError: Why it failed.
            Unsupported: The target cannot be asked this at all; nothing was sent.
            LeftAlone: It may not be asked any more.
        """
        context = self.context
        loop, seat = context.loop, context.seats[self.place]
        live = seat.live
        stream = not context.single
        now_s = loop.time()
        if why != "last_resort" and (refusal := seat.refusal(now_s)) is not None:
            raise Full if isinstance(refusal, Limited) and refusal.queues else LeftAlone
        bill = seat.open_bill(context.chat, context.report, now_s)
        if bill is None and seat.bounded:
            raise LeftAlone  # our own limits hold even as a last resort
        lease = live.health.admit(now_s)
        try:
            place = lease.credential.place
            endpoint = live.endpoint(stream=stream, place=place)
            if endpoint is None:
                endpoint = await live.fresh_endpoint(lease, first_by_s, stream=stream)
            chat = seat.with_defaults(context.chat)
            wire = live.wire(chat if shape is None else shape(chat), endpoint)
            if self.stopped:
                raise LeftAlone
        except BaseException as error:
            lease.abandoned(loop.time())
            if bill is not None:
                bill.void(loop.time())
            if isinstance(error, ProviderError):
                self._unsent(why, error)
            raise
        report = AttemptReport(live.label, live.target.provider, live.model, why, context.since_s(), notes=wire.notes)
        context.report.attempts.append(report)
        context.course.tried(self.place)
        if why != "retry":
            live.retry_budget.earn()
        self.attempt = attempt = Attempt(
            live,
            lease,
            report,
            loop,
            context.shared.watch,
            seat.clocks,
            context.began_s,
            first_by_s,
            short,
            context.deadline_s if context.whole else NEVER,
            bill,
        )
        try:
            batch = await attempt.open(wire, stream=stream)
            if self.stopped:  # in the very turn in which this came
                raise LeftAlone
            if attempt.finished and why not in _FOR_THE_REST and self._is_empty(batch):
                raise ProviderError(ErrorKind.EMPTY, "the answer ended with nothing in it")
        except ProviderError as error:
            await self._failed_to_open(error, first_by_s)
            raise
        except BaseException:
            self.stop()
            raise
        now_s = loop.time()
        report.first_delta_s = now_s - context.began_s
        live.latency.record(report.first_delta_s - report.began_s, now_s)
        if not live.health.calm:  # a calm target has no probes
            lease.committed(now_s)
        return batch

    async def next(self, until_s: float | None = None) -> list[ProviderEvent]:
        """The open attempt's next events; none when `until_s` came first.

        Raises:
            ProviderError: The answer broke off.
            LeftAlone: The pursuit was stopped before.
        """
        attempt = self.attempt
        if attempt is None:
            raise LeftAlone
        try:
            return await attempt.next(until_s)
        except ProviderError as error:
            self.failed(error)
            raise

    def stop(self, detail: str | None = None) -> None:
        """End it from outside: the socket is closed, nobody is blamed. Idempotent.

        Args:
            detail: Why nothing of a sound attempt is used; None: the caller left.
        """
        if self.stopped:
            return
        self.stopped = True
        if self._pause is not None:
            self._pause.end()
        attempt, self.attempt = self.attempt, None
        if attempt is None:
            return
        attempt.abort()
        attempt.lease.abandoned(self.context.loop.time())
        self._charge(attempt, ProviderError(ErrorKind.CANCELLED))
        if attempt.report.outcome != "running":
            return
        if detail is None:
            attempt.report.failed(ProviderError(ErrorKind.CANCELLED), self.context.since_s())
        else:
            now_s = self.context.since_s()
            attempt.report.unused(detail, now_s)
            if attempt.report.first_delta_s is None:  # at least so long: or percentiles would know only the fast ones
                attempt.live.latency.record(now_s - attempt.report.began_s, self.context.loop.time())
        self.context.shared.attempt_ended(self.context.report, attempt.report)

    def _unsent(self, why: str, error: ProviderError) -> None:
        """There is no key to be had: nothing was sent, and the report has to say so."""
        context, live = self.context, self.context.seats[self.place].live
        error.target = live.label
        report = AttemptReport(live.label, live.target.provider, live.model, why, context.since_s())
        report.failed(error, context.since_s())
        context.report.attempts.append(report)
        context.course.tried(self.place)
        context.shared.attempt_ended(context.report, report)

    async def _failed_to_open(self, error: ProviderError, by_s: float) -> None:
        attempt = self.attempt
        if error.kind is ErrorKind.AUTH and attempt is not None:
            try:
                await attempt.live.look_for_new_key(attempt.lease, by_s)
            except asyncio.CancelledError:
                self.stop()
                raise
        self.failed(error)

    def failed(self, error: ProviderError) -> None:
        """The open attempt has failed: close its books."""
        attempt, self.attempt = self.attempt, None
        if attempt is None:  # `stop` has closed the books
            return
        error.target = attempt.report.target
        attempt.close()
        attempt.lease.failed(error, self.context.loop.time())
        self._charge(attempt, error)
        attempt.report.failed(error, self.context.since_s())
        self.context.shared.attempt_ended(self.context.report, attempt.report)

    def _charge(self, attempt: Attempt, error: ProviderError) -> None:
        if attempt.bill is not None:
            now_s = self.context.loop.time()
            attempt.bill.close(attempt.report, attempt.heard, error, now_s, whole=attempt.finished)

    def _is_empty(self, batch: list[ProviderEvent]) -> bool:
        if not self.context.route.ask_another_when_empty or any_useful(batch):
            return False
        finish = batch[-1]
        return isinstance(finish, Finished) and finish.reason in _SAYS_NOTHING
