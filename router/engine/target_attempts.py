"""Asking one target within a call: its tries, the waits between them, and the lease and the report of each.

Whatever way a try ends, its lease is settled and its report complete.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ...providers.chat import ChatRequest
from ...providers.errors import ErrorKind, MissingExtraError, ProviderError
from ...providers.events import Finished, ProviderEvent, any_useful
from ...providers.opaque import Opaque
from ...providers.provider import Unsupported
from ..failover.steps import Ask, Cut, Step, wants_retry
from ..health.refusal import Refusal
from ..limits.admission import Admission
from ..result.reasons import AttemptReason, WaitReason
from ..result.report import AttemptReport, Waited
from ..targets.selection import UNASKABLE, unaskable
from .attempt import Attempt
from .context import CallContext
from .interruptible import Interruptible
from .pause import Pause
from .watchdog import NEVER

if TYPE_CHECKING:
    from .retrying import Found

T = TypeVar("T")

_SAYS_NOTHING = ("stop", "other", None)
"""Finish reasons that explain no empty answer; `length` and `content_filter` are what they say."""
_FOR_THE_REST: tuple[AttemptReason, ...] = ("continue", "ask_to_continue")
"""Only what is left is asked for, and that may be nothing. To replay and to restart, the whole answer is asked for."""


class NotAdmitted(Exception):
    """Raised when the target may not be asked any more, since the decision to ask it, or is not to be.

    Attributes:
        refusal: Why it may not; None: its pursuit was stopped.
    """

    def __init__(self, refusal: Refusal | None = None) -> None:
        super().__init__()
        self.refusal = refusal


Failure: TypeAlias = ProviderError | Unsupported | MissingExtraError | NotAdmitted
_NO_ANSWER = (ProviderError, *UNASKABLE, NotAdmitted)


class TargetAttempts(Opaque):
    """One target's turn in a call.

    Attributes:
        context: Of the call.
        place: The target's route target.
        attempt: The attempt that is open.
        stopped: It was ended from outside.
        prefill_cut: White space at the end of the delivered text that its adapter could not send.
    """

    context: CallContext
    place: int
    attempt: Attempt | None = None
    stopped: bool = False
    prefill_cut: str = ""
    _pause: Pause | None = None  # made for the first back-off
    _fetch: Interruptible | None = None  # of a key, by a function of the user's

    @property
    def finished(self) -> bool:
        """The open attempt's answer is whole."""
        return self.attempt is not None and self.attempt.finished

    @property
    def in_back_off(self) -> bool:
        """Nothing is asked now: it waits for its next try."""
        return self._pause is not None and self._pause.waiting

    async def first_useful(self, step: Ask) -> "Found":
        """Open attempts until one gives a useful delta, or the course has no other try here.

        Returns:
            The events so far; or what is next.
        """
        if step.why == "retry":
            return await self._again(step)  # an answer that had begun here, and broke off
        try:
            return await self.once(step.why, step.first_by_s, step.cut)
        except _NO_ANSWER as failure:
            following = self._after(failure)
        return await self._again(following) if wants_retry(following) else following

    def _after(self, failure: Failure) -> Step | None:
        """The course's answer to an attempt that gave none."""
        failure.__traceback__ = None
        course, now_s = self.context.course, self.context.loop.time()
        if isinstance(failure, ProviderError):
            following = course.attempt_failed(self.place, failure, now_s)
            if self.context.failed is not None and not wants_retry(following):
                self.context.failed.over(self.context.route_targets[self.place].live.health.doubts)
            return following
        if isinstance(failure, NotAdmitted):
            return course.not_admitted(self.place, failure.refusal, now_s)
        return course.unaskable(self.place, *unaskable(failure), now_s)

    async def _again(self, step: Ask) -> "Found":
        """Try again for as long as the course has another try here."""
        context = self.context
        loop = context.loop
        from .retrying import try_again

        async def again(step: Ask) -> "Found":
            try:
                if self.stopped:
                    raise NotAdmitted
                first_by_s, cut = context.course.first_by(self.place, loop.time())  # the wait may have ended late
                return await self.once(step.why, first_by_s, cut)
            except _NO_ANSWER as failure:
                return self._after(failure)

        async def sleep(step: Ask, delay_s: float) -> None:
            await self.wait(loop.time() + delay_s, step.wait)

        try:
            return await try_again(step, again, clock=loop.time, sleep=sleep)
        except BaseException:
            context.course.left(self.place, loop.time())
            raise

    async def wait(self, until_s: float, reason: WaitReason | None) -> None:
        """Ask nothing until then.

        Args:
            until_s: On the loop's clock.
            reason: What is waited for; None: nothing that a report would tell.
        """
        context, loop = self.context, self.context.loop
        if self.stopped or until_s <= loop.time():
            return
        at_s = context.since_s()
        self._pause = pause = self._pause or Pause(loop)
        await pause.until(until_s)
        if reason is not None:
            waited = Waited(reason, context.route_targets[self.place].label, at_s, context.since_s() - at_s)
            context.report.waits.append(waited)

    async def once(
        self,
        why: AttemptReason,
        first_by_s: float,
        cut: Cut,
        *,
        shape: Callable[[ChatRequest], ChatRequest] | None = None,
    ) -> list[ProviderEvent]:
        """One attempt, up to its first useful delta.

        Args:
            cut: What the deadline leaves of the time that its own clock would give.
            shape: Makes the request anew, to go on with an answer.

        Raises:
            ProviderError: Why it failed.
            Unsupported: The target cannot be asked this at all; nothing was sent.
            NotAdmitted: It may not be asked any more.
        """
        context = self.context
        loop, route_target = context.loop, context.route_targets[self.place]
        live = route_target.live
        stream = not context.single
        now_s = loop.time()
        admission = route_target.admit(
            context.chat, context.report, now_s, context.fingerprint, last_resort=why == "last_resort"
        )
        if not isinstance(admission, Admission):
            raise NotAdmitted(admission)
        lease = admission.lease
        try:
            endpoint = live.endpoint(stream=stream, place=lease.credential.place)
            if endpoint is None:
                endpoint = await self._fetching(live.fresh_endpoint(lease, first_by_s, stream=stream))
                if shape is None:  # the target's time begins now: a key that came late is not its fault
                    first_by_s, cut = context.course.first_by(self.place, loop.time())
                else:
                    first_by_s += loop.time() - now_s
            if self.stopped or endpoint is None:
                raise NotAdmitted
            chat = route_target.with_defaults(context.chat)
            wire = live.wire(chat if shape is None else shape(chat), endpoint)
            if shape is not None:
                self.prefill_cut = wire.prefill_cut
        except BaseException as error:
            admission.settle("abandoned", loop.time())
            if isinstance(error, ProviderError):
                self._unsent(why, error)
            raise
        report = AttemptReport(
            live.label, live.target.provider, live.model, why, loop.time() - context.began_s, notes=wire.notes
        )
        context.report.attempts.append(report)
        context.course.began(self.place)
        if why != "retry":
            live.retry_budget.earn()
        self.attempt = attempt = Attempt(
            live,
            admission,
            report,
            loop,
            context.shared.watch,
            route_target.clocks,
            route_target.standing_clocks,
            context.began_s,
            first_by_s,
            cut,
            context.deadline_s if context.whole else NEVER,
            context.course.policy.fair_s,
        )
        try:
            batch = await attempt.open(wire, stream=stream)
            if self.stopped:  # in the very turn in which this came
                raise NotAdmitted
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
        live.latency_of(stream=stream).record(report.first_delta_s - report.began_s, now_s)
        if not live.health.calm:  # a calm target has no probes
            lease.committed(now_s)
        return batch

    async def next(self, until_s: float | None = None) -> list[ProviderEvent]:
        """The open attempt's next events; none when `until_s` came first.

        Raises:
            ProviderError: The answer broke off.
            NotAdmitted: The pursuit was stopped before.
        """
        attempt = self.attempt
        if attempt is None:
            raise NotAdmitted
        try:
            return await attempt.next(until_s)
        except ProviderError as error:
            self.failed(error)
            raise

    def stop(self, kind: ErrorKind = ErrorKind.CANCELLED, *, detail: str | None = None) -> None:
        """End it from outside: the socket is closed, no target is blamed. Idempotent.

        Args:
            kind: How the call ends with it.
            detail: Why nothing of a sound attempt is used; None: the call ends.
        """
        if self.stopped:
            return
        self.stopped = True
        if self._pause is not None:
            self._pause.end()
        if self._fetch is not None:
            self._fetch.interrupt()
        attempt, self.attempt = self.attempt, None
        if attempt is None:
            return
        attempt.abort()
        attempt.settle("abandoned", self.context.loop.time())
        if attempt.report.outcome != "running":
            return
        if detail is None:
            attempt.report.failed(ProviderError(kind), self.context.since_s())
        else:
            now_s = self.context.since_s()
            attempt.report.dropped(detail, now_s)
            if attempt.report.first_delta_s is None:  # at least so long: or percentiles would know only the fast ones
                latency = attempt.live.latency_of(stream=not self.context.single)
                latency.record(now_s - attempt.report.began_s, self.context.loop.time())
        self.context.shared.attempt_ended(self.context.report, attempt.report)

    def _unsent(self, why: AttemptReason, error: ProviderError) -> None:
        """There is no key to be had: nothing was sent, and the report has to say so."""
        context, live = self.context, self.context.route_targets[self.place].live
        live.own(error)
        report = AttemptReport(live.label, live.target.provider, live.model, why, context.since_s())
        report.failed(error, context.since_s())
        context.report.attempts.append(report)
        context.course.began(self.place)
        context.shared.attempt_ended(context.report, report)

    async def _failed_to_open(self, error: ProviderError, by_s: float) -> None:
        attempt = self.attempt
        if error.kind is ErrorKind.AUTH and attempt is not None:
            try:
                await self._fetching(attempt.live.look_for_new_key(attempt.admission.lease, by_s))
            except asyncio.CancelledError:
                self.stop()
                raise
        self.failed(error)

    async def _fetching(self, key: Awaitable[T]) -> T | None:
        """Wait for what a function of the user's gives, or for `stop`: None."""
        self._fetch = fetch = self._fetch or Interruptible()
        return await fetch.result_of(key)

    def failed(self, error: ProviderError) -> None:
        """The open attempt has failed: close its books."""
        attempt, self.attempt = self.attempt, None
        if attempt is None:  # `stop` has closed the books
            return
        attempt.live.own(error, attempt.url, attempt.headers)
        attempt.close()
        attempt.admission.lease.call = self.context.failures
        if error.heeded_s is not None:
            lease = attempt.admission.lease
            lease.patience_s = self.context.route_targets[self.place].retry.patience_s
            lease.hint_waited = self.context.course.standings.of(self.place).hints > 0
        attempt.settle(error, self.context.loop.time())
        attempt.report.failed(error, self.context.since_s())
        self.context.shared.attempt_ended(self.context.report, attempt.report)

    def _is_empty(self, batch: list[ProviderEvent]) -> bool:
        if not self.context.route.ask_another_when_empty or any_useful(batch):
            return False
        finish = batch[-1]
        return isinstance(finish, Finished) and finish.reason in _SAYS_NOTHING
