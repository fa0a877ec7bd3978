"""The shell of a call: carries out what the course decides, and hands over what the winner says. It decides nothing.

A failure that is dealt with loses its traceback: the failure is kept, the frames hold the call, and either would hold
the other.

One engine for streams and collected answers. A stream hands over each batch as it comes, and all before its first
useful delta is invisible; a collected answer hands nothing over before its end, so that every failure is one before the
commit.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, NoReturn

from ...providers.bare import bare
from ...providers.errors import ErrorKind, ProviderError
from ...providers.events import Finished, ProviderEvent, Started, TextDelta
from ...providers.opaque import Opaque
from ...providers.origin import Origin
from ..failover.delivered import Relayed
from ..failover.steps import Ask, End, Step, Wait
from ..limits.token_estimate import plain_tokens
from ..result.collecting import since_restart
from ..result.errors import (
    AllTargetsFailed,
    CallFailed,
    NoTargetAvailable,
    RequestRejected,
    RouterClosed,
    StreamBusy,
    StreamInterrupted,
    decisive,
)
from ..result.events import HandedOver, Restarted, StreamEvent
from ..result.report import CallOutcome, Report, Switch
from ..result.transcript import Transcript
from ..targets.limited_target import LimitedRouteTarget
from ..targets.selection import Needs, all_take_any, left_out, speaks_otherwise
from .attempt import Attempt
from .books import close_finished
from .context import CallContext
from .hedging import race
from .held_back import hold_back
from .resume import go_on
from .target_attempts import TargetAttempts
from .waiting import Waiting

_BUSY = "this call is being read already: give each consumer its own"


class Call(Opaque):
    """One request of the caller, from its first attempt to its one terminal: what `Router.begin` gives.

    It is read to its end or cancelled: nothing else closes what is open upstream.

    Attributes:
        report: What happened so far.
        ended: There is nothing more to come.
    """

    _context: CallContext
    report: Report
    ended: bool = False
    _begun: bool = False
    _reading: bool = False
    _current: TargetAttempts | None = None  # the one with the delivered answer, or the one being asked
    _delivered: Transcript | None = None
    _racers: list[TargetAttempts] = []
    _racing: asyncio.Task[object] | None = None
    _waiting: Waiting | None = None  # since it has waited
    _answered: Attempt | None = None  # the one whose answer is whole

    def origin(self) -> Origin | None:
        """The target that has given the answer, once it is whole; None where two targets gave it."""
        switches = self.report.switches
        if self._answered is None or (switches and switches[-1].policy != "restart"):
            return None
        return self.answering()

    def answering(self) -> Origin | None:
        """The target that the newest events come from; None before the first of them, and once the call has failed."""
        attempt = self._answered
        if attempt is None and self._delivered is not None and self._current is not None:
            attempt = self._current.attempt
        return None if attempt is None else attempt.live.origin(attempt.admission.lease)

    @property
    def heard(self) -> list[StreamEvent]:
        """All events that were delivered, since the answer began anew last."""
        return [] if self._delivered is None else since_restart(self._delivered.batches)

    def forbid_restart(self) -> None:
        """The caller reads plain text, and could not be told that what it has is void."""
        self._context.course.restartable = False

    def next(self) -> Coroutine[Any, Any, Sequence[StreamEvent]]:
        """The next events of the answer, at least one; none after the end. The first call sends the request.

        Raises:
            CallFailed: There is no (more of the) answer to be had.
            StreamBusy: Another task is waiting for the next events.
        """
        return self._first() if self._delivered is None else self._more()

    async def _more(self) -> Sequence[StreamEvent]:
        """What follows upon events that were delivered."""
        if self._reading:
            raise StreamBusy(_BUSY)
        self._reading = True
        try:
            target_attempts, delivered = self._current, self._delivered
            if self.ended or target_attempts is None:
                return self._nothing_more()
            attempt = target_attempts.attempt
            assert attempt is not None
            assert delivered is not None
            try:
                batch = await attempt.next()
            except ProviderError as error:
                target_attempts.failed(error)
                return self._nothing_more() if self.ended else await self._resume(target_attempts.index, error)
            if self.ended:  # closed by another task in the very turn in which this came
                return self._nothing_more()
            if delivered is not attempt.heard:
                delivered.add(batch)
            if attempt.finished:
                self._finish(target_attempts, self._context.loop.time())
            return batch
        except BaseException as error:
            if not isinstance(error, CallFailed):
                self.cancel()
            bare(error)
            raise
        finally:
            self._reading = False

    def cancel(self) -> None:
        """The caller leaves: close what is open, release what is held; no target is blamed. Idempotent."""
        self._break_off("cancelled", ErrorKind.CANCELLED)

    def close(self) -> None:
        """The Router closes: as `cancel`, and the next look at the answer raises why. Idempotent."""
        self._break_off("failed", ErrorKind.CLOSED)

    def _break_off(self, outcome: CallOutcome, kind: ErrorKind) -> None:
        if self.ended:
            return
        self.ended = True
        if self._current is not None:
            self._current.stop(kind)
        for racer in self._racers:
            racer.stop(kind)
        if self._racing is not None:
            self._racing.cancel()
        if self._waiting is not None:
            self._waiting.end()
        self._over(outcome, kind, self._context.loop.time())

    def _nothing_more(self) -> Sequence[StreamEvent]:
        """What is given after the end."""
        if self.report.kind is not ErrorKind.CLOSED:
            return []
        if self._delivered is None:
            raise RouterClosed(ErrorKind.CLOSED, self.report) from None
        raise StreamInterrupted(ErrorKind.CLOSED, self.report, Relayed(self._delivered.batches).text) from None

    # Before the commit

    async def _first(self) -> Sequence[StreamEvent]:
        """Go the course until a target gives a useful delta; for a whole answer, until one gives all of it."""
        if self._reading:
            raise StreamBusy(_BUSY)
        self._reading = True
        try:
            context, course = self._context, self._context.course
            if context.shared.closed:
                self.close()
            if self.ended:
                return self._nothing_more()
            self._begun = True
            _leave_out(context)
            context.shared.call_began(self, context.generation, context.brought)
            holds = context.whole or context.route.hold is not None
            step: Step = course.next(context.loop.time())
            while not self.ended:
                if isinstance(step, Ask):
                    found = await self._asked(step)
                    target_attempts = self._current
                    if holds and isinstance(found, list) and target_attempts is not None:
                        attempt = target_attempts.attempt
                        if context.form is not None or attempt is None or not attempt.finished:
                            found = await hold_back(context, target_attempts, found)
                    if isinstance(found, list):
                        if self.ended or target_attempts is None:  # closed in the very turn in which this came
                            break
                        return self._commit(target_attempts, found)
                    step = self._following(found)
                elif isinstance(step, Wait):
                    self._waiting = self._waiting or Waiting(context)
                    await self._waiting.until(step)
                    step = course.next(context.loop.time())
                else:
                    self._fail(step)
            return self._nothing_more()
        except BaseException as error:
            if not isinstance(error, CallFailed):
                self.cancel()
            bare(error)
            raise
        finally:
            self._reading = False

    def _asked(self, step: Ask) -> Awaitable[list[ProviderEvent] | Step | None]:
        """Ask a target, and perhaps another beside it: what it says first, or what is next."""
        context = self._context
        if self._waiting is not None:
            self._waiting.leave_lines(but=step.target_index)
        if context.route.hedge is not None:
            route_target = context.route_targets[step.target_index]
            route_target.credit_hedge()
            hedge_after_s = route_target.hedge_after_s(stream=not context.single)
            if hedge_after_s is not None:
                return self._race(step, context.loop.time() + hedge_after_s)
        self._current = only = TargetAttempts(context, step.target_index)
        return only.first_useful(step)

    def _following(self, step: Step | None) -> Step:
        """What is next, since nothing is to be delivered."""
        self._current = None
        assert step is not None, "nothing else is in flight that could decide"
        if isinstance(step, Wait):  # decided some turns of the loop ago: what was free or full then need not be so now
            return self._context.course.next(self._context.loop.time())
        return step

    async def _race(self, step: Ask, hedge_at_s: float) -> list[ProviderEvent] | Step:
        """Up to the first useful delta of the faster of two."""
        context = self._context
        self._racing = racing = context.loop.create_task(race(context, step, hedge_at_s, self._racers))
        try:
            self._current, found = await racing
        except asyncio.CancelledError:
            broken_off = self.ended
            self.cancel()
            await asyncio.wait([racing])
            task = asyncio.current_task()
            if broken_off and task is not None and not task.cancelling():
                return []  # the stream was closed by another task, this one was not cancelled
            raise
        finally:
            self._racing = None
            self._racers.clear()
        return found

    # After the commit

    def _commit(self, target_attempts: TargetAttempts, batch: Sequence[StreamEvent]) -> Sequence[StreamEvent]:
        """From here on the answer is that of this target."""
        context, attempt = self._context, target_attempts.attempt
        report, now_s = context.report, context.loop.time()
        assert attempt is not None
        report.first_delta_s = now_s - context.began_s
        report.target = attempt.report.target
        report.model = _named(batch, attempt) or attempt.report.model
        self._delivered = attempt.heard  # all that it has said is handed over, and all that it will say
        if attempt.finished:
            self._finish(target_attempts, now_s)
        return batch

    async def _resume(self, source: int, broken: ProviderError) -> Sequence[StreamEvent]:
        """The delivered answer broke off: go on with it, if there is a way that is correct for what was delivered."""
        context = self._context
        broken.__traceback__ = None
        for route_target in context.route_targets:
            if isinstance(route_target, LimitedRouteTarget):
                route_target.urgent = True
        assert self._delivered is not None
        relayed = Relayed(self._delivered.batches)
        found = await go_on(context, source, broken, relayed, asks=self._asks, ended=lambda: self.ended)
        if self.ended or found is None:
            return self._nothing_more()
        if isinstance(found, End):
            self._over("failed", broken.kind, context.loop.time())
            raise StreamInterrupted(broken.kind, self.report, relayed.text, broken) from None
        return self._join(*found)

    def _asks(self, target_attempts: TargetAttempts) -> None:
        self._current = target_attempts

    def _join(
        self, target_attempts: TargetAttempts, switch: Switch, joined: list[ProviderEvent]
    ) -> Sequence[StreamEvent]:
        """Mark the switch and deliver what follows it."""
        self.report.target = switch.target
        self.report.switches.append(switch)
        attempt = target_attempts.attempt
        assert attempt is not None
        self.report.model = _named(joined, attempt) or attempt.report.model
        if switch.policy == "restart":
            return self._hand_over(target_attempts, [Restarted(switch.source, switch.target, switch.why), *joined])
        if joined and type(joined[-1]) is Finished and not attempt.finished:
            attempt.close()  # a stop text lay across the seam: the answer is over, whatever still comes
            attempt.finished = True
        mark = HandedOver(switch.source, switch.target, switch.why, switch.policy, switch.trimmed_chars)
        return self._hand_over(target_attempts, [mark, *(event for event in joined if type(event) is not Started)])

    def _hand_over(self, target_attempts: TargetAttempts, batch: Sequence[StreamEvent]) -> Sequence[StreamEvent]:
        assert self._delivered is not None
        self._delivered.add(batch)
        if target_attempts.finished:
            self._finish(target_attempts, self._context.loop.time())
        return batch

    def _finish(self, target_attempts: TargetAttempts, now_s: float) -> None:
        context, attempt, delivered = self._context, target_attempts.attempt, self._delivered
        assert attempt is not None
        assert delivered is not None
        finish = delivered.batches[-1][-1]
        assert isinstance(finish, Finished)
        self._answered = attempt
        close_finished(context, target_attempts.index, attempt, now_s)
        context.report.completion = "proven" if finish.reason is not None or attempt.framed else "unproven"
        self._over("finished", None, now_s)

    # The end

    def _fail(self, end: End) -> NoReturn:
        self._over("failed", end.kind, self._context.loop.time())
        raise _failure(end, self.report, self._context.course.errors) from None

    def _over(self, outcome: CallOutcome, kind: ErrorKind | None, now_s: float) -> None:
        context, report = self._context, self.report
        self.ended = True
        self._current = None
        if context.failed is not None:
            context.failed.end()
        if self._waiting is not None:
            self._waiting.leave_lines()
        report.outcome, report.ended_s = outcome, now_s - context.began_s
        if kind is not None:
            report.kind = kind
        if self._begun:
            context.shared.call_ended(self, report, context.generation, context.brought)


def _leave_out(context: CallContext) -> None:
    """Exclude the targets that are known to be of no use for this request: they are not asked at all."""
    dialect = context.dialect
    if dialect is None and all_take_any(context.route_targets):
        return
    tokens = plain_tokens(context.chat)
    needs: Needs | None = None
    for index, route_target in enumerate(context.route_targets):
        if dialect is not None and (problem := speaks_otherwise(route_target, dialect)):
            context.course.exclude(index, *problem, context.began_s)
            continue
        if tokens is not None and tokens <= route_target.plain_tokens:
            continue
        needs = needs or Needs.of(context.chat)
        if problem := left_out(route_target, needs):
            context.course.exclude(index, *problem, context.began_s)


def _failure(end: End, report: Report, errors: Sequence[ProviderError]) -> CallFailed:
    """What a call raises that ends without an answer before the commit."""
    if end.kind is ErrorKind.CLOSED:
        return RouterClosed(end.kind, report)
    if end.verdict == "rejected":
        return RequestRejected(end.kind, report, decisive(errors, end.kind))
    if not errors:
        return NoTargetAvailable(end.kind, report)
    return AllTargetsFailed(end.kind, report, [error.with_traceback(None) for error in errors])


def _named(batch: Sequence[StreamEvent], attempt: Attempt) -> str | None:
    """The model that says to answer, if it gives itself a proper name."""
    for event in batch:
        if type(event) is Started:
            return attempt.live.shown(event.model, attempt.url, attempt.headers)
        if type(event) is TextDelta:
            return None  # it says so first, or not at all
    return None
