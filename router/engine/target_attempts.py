"""The attempts at one target within a call, the waits between them, and the lease and the report of each.

Whatever way a try ends, its lease is settled and its report complete.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ...providers.chat import ChatRequest
from ...providers.errors import ErrorKind, MissingExtraError, ProviderError
from ...providers.events import Finished, ProviderEvent, any_useful
from ...providers.opaque import Opaque
from ...providers.provider import Endpoint, Unsupported, WireRequest
from ..failover.steps import Ask, Cut, Step, wants_retry
from ..health.lease import Lease
from ..health.refusal import Refusal
from ..limits.admission import Admission
from ..result.reasons import AttemptReason, WaitReason
from ..result.report import AttemptReport, Waited
from ..targets.native import with_headers
from ..targets.selection import UNASKABLE, unaskable
from .attempt import Attempt
from .books import close_failed, close_left, close_unsent
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

Shape: TypeAlias = Callable[[ChatRequest], ChatRequest]
"""Makes a request anew, to go on with an answer."""


class NotAdmitted(Exception):
    """Raised when the target may not be asked any more, since the decision to ask it, or is not to be.

    Attributes:
        refusal: Why it may not; None: the attempts at it were stopped.
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
        index: Of the target, in the call's list.
        attempt: The attempt that is open.
        stopped: It was ended from outside.
        prefill_cut: White space at the end of the delivered text that its adapter could not send.
    """

    context: CallContext
    index: int
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
            following = course.attempt_failed(self.index, failure, now_s)
            if self.context.failed is not None and not wants_retry(following):
                self.context.failed.over(self.context.route_targets[self.index].live.health.doubts)
            return following
        if isinstance(failure, NotAdmitted):
            return course.not_admitted(self.index, failure.refusal, now_s)
        return course.unaskable(self.index, *unaskable(failure), now_s)

    async def _again(self, step: Ask) -> "Found":
        """Try again for as long as the course has another try here."""
        context = self.context
        loop = context.loop
        from .retrying import try_again

        async def again(step: Ask) -> "Found":
            try:
                if self.stopped:
                    raise NotAdmitted
                first_by_s, cut = context.course.first_by(self.index, loop.time())  # the wait may have ended late
                return await self.once(step.why, first_by_s, cut)
            except _NO_ANSWER as failure:
                return self._after(failure)

        async def sleep(step: Ask, delay_s: float) -> None:
            await self.wait(loop.time() + delay_s, step.wait)

        try:
            return await try_again(step, again, clock=loop.time, sleep=sleep)
        except BaseException:
            context.course.left(self.index, loop.time())
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
            waited = Waited(reason, context.route_targets[self.index].label, at_s, context.since_s() - at_s)
            context.report.waits.append(waited)

    async def once(
        self, why: AttemptReason, first_by_s: float, cut: Cut, *, shape: Shape | None = None
    ) -> list[ProviderEvent]:
        """One attempt, up to its first useful delta.

        Args:
            cut: What the deadline leaves of the time that its own clock would give.

        Raises:
            ProviderError: Why it failed.
            Unsupported: The target cannot be asked this at all; nothing was sent.
            NotAdmitted: It may not be asked any more.
        """
        context = self.context
        loop, route_target = context.loop, context.route_targets[self.index]
        live, stream = route_target.live, not context.single
        admission = route_target.admit(
            context.chat, context.report, loop.time(), context.fingerprint, last_resort=why == "last_resort"
        )
        if not isinstance(admission, Admission):
            raise NotAdmitted(admission)
        lease = admission.lease
        try:
            endpoint = live.endpoint(stream=stream, place=lease.credential.place, fit=route_target.fit)
            if endpoint is None:
                endpoint, first_by_s, cut = await self._fetched(lease, first_by_s, cut, shaped=shape is not None)
            if self.stopped:
                raise NotAdmitted
            chat = route_target.with_defaults(context.chat)
            wire = live.wire(chat if shape is None else shape(chat), endpoint)
            if context.headers is not None:
                wire = with_headers(wire, context.headers, live.target.provider, live.dialect)
        except BaseException as error:
            close_unsent(context, self.index, admission, why, error)
            raise
        if self.prefill_cut != wire.prefill_cut:
            self.prefill_cut = wire.prefill_cut
        attempt = self._begun(why, admission, wire, first_by_s, cut)
        try:
            batch = await attempt.open(wire, stream=stream)
            if self.stopped:  # in the very turn in which this came
                raise NotAdmitted
            if attempt.finished:
                self._refuse_empty(why, batch)
        except ProviderError as error:
            await self._failed_to_open(error, first_by_s)
            raise
        except BaseException:
            self.stop()
            raise
        now_s, report = loop.time(), attempt.report
        report.first_delta_s = now_s - context.began_s
        live.latency_of(stream=stream).record(report.first_delta_s - report.began_s, now_s)
        if not live.health.calm:  # a calm target has no probes
            lease.committed(now_s)
        return batch

    async def _fetched(self, lease: Lease, first_by_s: float, cut: Cut, *, shaped: bool) -> tuple[Endpoint, float, Cut]:
        """Address and credentials to ask with, once the key is there; and when the first useful delta must have come.

        Raises:
            NotAdmitted: It was stopped meanwhile.
        """
        context, loop = self.context, self.context.loop
        began_s, route_target = loop.time(), context.route_targets[self.index]
        fetched = route_target.live.fresh_endpoint(lease, first_by_s, stream=not context.single, fit=route_target.fit)
        endpoint = await self._fetching(fetched)
        if endpoint is None:
            raise NotAdmitted
        if shaped:
            return endpoint, first_by_s + loop.time() - began_s, cut
        return endpoint, *context.course.first_by(self.index, loop.time())  # a late key is not the target's fault

    def _begun(
        self, why: AttemptReason, admission: Admission, wire: WireRequest, first_by_s: float, cut: Cut
    ) -> Attempt:
        """The attempt that begins now, entered in the books."""
        context, route_target = self.context, self.context.route_targets[self.index]
        live = route_target.live
        report = AttemptReport(
            live.label, live.target.provider, live.model, why, context.loop.time() - context.began_s, notes=wire.notes
        )
        context.report.attempts.append(report)
        context.course.began(self.index)
        if why != "retry":
            live.retry_budget.credit()
        self.attempt = attempt = Attempt(
            live=live,
            admission=admission,
            report=report,
            loop=context.loop,
            watch=context.shared.watch,
            clocks=route_target.clocks,
            standing_clocks=route_target.standing_clocks,
            call_began_s=context.began_s,
            first_by_s=first_by_s,
            cut=cut,
            end_by_s=context.deadline_s if context.whole else NEVER,
            fair_s=context.course.policy.fair_s,
            url=wire.url,
            headers=wire.headers,
        )
        return attempt

    async def next(self, until_s: float | None = None) -> list[ProviderEvent]:
        """The open attempt's next events; none when `until_s` came first.

        Raises:
            ProviderError: The answer broke off.
            NotAdmitted: They were stopped before.
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
        if attempt is not None:
            close_left(self.context, self.index, attempt, kind, detail)

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
        if attempt is not None:  # else `stop` has closed them
            close_failed(self.context, self.index, attempt, error)

    def _refuse_empty(self, why: AttemptReason, batch: list[ProviderEvent]) -> None:
        if why in _FOR_THE_REST or not self.context.route.ask_another_when_empty or any_useful(batch):
            return
        finish = batch[-1]
        if isinstance(finish, Finished) and finish.reason in _SAYS_NOTHING:
            raise ProviderError(ErrorKind.EMPTY, "the answer ended with nothing in it")
