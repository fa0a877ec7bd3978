"""The decision core of a call: told what happened, it says what to do next. Pure: no I/O, the clock is handed in.

    Ask(target_index, …)     open an attempt at this target, within these clocks, not before this instant
    Wait(until_s)            no target may be asked now; ask again then, or when the health of one changes
    Resume(target_index, …)  the delivered answer broke off: go on with it there, in this way
    End(verdict)             the call is over

Each event is told once, by its own method, and the next step is what the method returns; a retry is an `Ask` like all
others. While two attempts are in flight, the end of one returns no step: the other decides. Selection and health are
read when a target is needed, not before, so that a call sees the newest state.
"""

import math
import random
from collections.abc import Sequence
from typing import assert_never

from ...providers.errors import ErrorKind, ProviderError
from ...providers.opaque import Opaque
from ..health.refusal import Refusal
from ..health.return_line import Turns
from ..limits.limiter import Limited
from ..result.reasons import AttemptReason, SkipReason
from ..result.report import Skipped
from .delivered import Relayed
from .outlook import Outlook
from .resumption import Resumption
from .retry import BROKEN_OFF, retry_after
from .standings import Standings
from .steps import MIN_ATTEMPT_S, Ask, Candidate, Cut, End, Policy, Resume, Step, Wait
from .verdict import most_useful, unavailable_kind

_OF_THE_FORM = (ErrorKind.PREFILL_UNSUPPORTED, ErrorKind.UNSUPPORTED)
"""The target is well, and only does not take an answer to be gone on with in this form: another may please it."""


class Course(Opaque):
    """The course of one call.

    Attributes:
        candidates: The targets in the order in which they are to be asked.
        standings: How each target stands within this call.
        rng: Draws the jitter.
        restartable: The caller can be told that what it has is void.
        errors: The errors of all attempts, in order.
    """

    candidates: Sequence[Candidate]
    policy: Policy
    standings: Standings
    rng: random.Random
    restartable: bool = True
    errors: list[ProviderError] = []
    _asked: bool = False  # any target
    _in_flight: int = 0  # targets that are being asked, waits between their tries included
    _lost: list[tuple[int, ProviderError]] = []  # those that failed while another was in flight
    _last_resort_used: bool = False
    _turns: Turns | None = None  # since it has waited
    _resumption: Resumption | None = None  # made when an answer breaks off
    _broke_with: ErrorKind = ErrorKind.UNKNOWN

    @property
    def skipped(self) -> list[Skipped]:
        """Which targets were passed over, and why, so far."""
        return self.standings.skipped

    # Before the commit

    def next(self, now_s: float) -> Step:
        """The call begins, or has waited: which target is to be asked now?"""
        policy, standings = self.policy, self.standings
        latest_s = policy.deadline_s - MIN_ATTEMPT_S
        if now_s >= latest_s:  # the same sum as below: a wait until now would never end
            return End("deadline", ErrorKind.DEADLINE)
        if not self._asked and self._turns is None and standings.is_ready(0, now_s):
            self._in_flight += 1
            return Ask(0, "first", *self.first_by(0, now_s))  # as `_ask`, of what nothing has happened at
        outlook = Outlook(latest_s)
        for index, candidate, refused in standings.walk(now_s):
            refusal = refused
            if refused is None or (isinstance(refused, Limited) and refused.queues):
                # Before a place in line: two targets that hold calls back would send them from line to line for ever.
                refusal = self._held_back(index, candidate, now_s) or refused
            if refusal is None:
                return self._ask(index, now_s, "handover" if self._asked else "first")
            standings.skip(index, refusal.reason, refusal.detail, now_s, refusal.until_s)
            outlook.note(index, refusal)
        return self._none_may_be_asked(outlook, now_s)

    def _held_back(self, index: int, candidate: Candidate, now_s: float) -> Refusal | None:
        """Why this call does not ask a target now that may be asked; None: it does."""
        if self._turns is not None:
            line = candidate.returning
            self._turns.join(index, line)
            if (turn := self._turns.refusal(index, line, now_s)) is not None:
                return turn
        if self._asked and now_s < (hint_until_s := self.standings.of(index).not_before_s):
            return Refusal("parked", "it has asked this call to wait", hint_until_s)
        return None

    def _none_may_be_asked(self, outlook: Outlook, now_s: float) -> Step:
        policy, back = self.policy, outlook.back()
        if back is not None and (outlook.queues or policy.all_open == "wait"):
            back_s, index = back
            if back_s <= now_s:
                return End("deadline", ErrorKind.DEADLINE)  # there is just time for an attempt, and no target to ask
            self._turns = self._turns or Turns()
            if outlook.queues:
                return Wait(back_s, next(iter(outlook.queues)), "queue", outlook.queues)
            return Wait(back_s, index, "hint" if back_s == self.standings.of(index).not_before_s else "return")
        if policy.all_open == "last_resort" and not self._last_resort_used:
            alone = outlook.left_alone()
            if alone is not None:
                self._last_resort_used = True
                return self._ask(alone, now_s, "last_resort")
        return self._over(outlook.parked_for)

    def hedge(self, index: int, now_s: float) -> Ask | None:
        """This target is silent: ask another beside it, untried, well and able to pay; None: there is none."""
        for other, candidate, refusal in self.standings.walk(now_s, but=index):
            if refusal is None and not self.standings.of(other).asked and candidate.try_pay_hedge(now_s):
                return self._ask(other, now_s, "hedge")
        return None

    def began(self, index: int) -> None:
        """An attempt at this target begins."""
        self._asked = True
        self.standings.began(index)

    def attempt_failed(self, index: int, error: ProviderError, now_s: float, *, begun: bool = False) -> Step | None:
        """An attempt at this target failed before the commit; None: another one is in flight, and decides.

        Args:
            begun: Its first useful delta had come: another target is asked at once, and the same only if none is left.
        """
        self.note(error)
        self.standings.heed(index, error, now_s, self.rng)
        standing = self.standings.of(index)
        delay = retry_after(self.policy, self.standings, index, error, now_s, self.rng, begun=begun)
        if delay is not None:
            standing.failure = error
            begins_s = now_s + delay.for_s
            return Ask(index, "retry", *self.first_by(index, begins_s), begins_s, delay.wait)
        self.candidates[index].give_up(error, now_s)
        self._lost.append((index, error))
        return self._ended(now_s)

    def not_admitted(self, index: int, refusal: Refusal | None, now_s: float) -> Step | None:
        """This target may not be asked any more, since the decision to ask it; None: another attempt is in flight.

        Args:
            refusal: Why; None: it is not wanted any more.
        """
        standing = self.standings.of(index)
        failure, standing.failure = standing.failure, None
        if failure is None:
            pass
        elif isinstance(refusal, Limited) and refusal.queues:
            standing.deferred = True  # the call waits for its turn, and the tries go on counting
        else:
            self.candidates[index].give_up(failure, now_s)
            self._lost.append((index, failure))
        return self._ended(now_s)

    def unaskable(self, index: int, reason: SkipReason, detail: str, now_s: float) -> Step | None:
        """This target cannot be asked this, nothing was sent; None: another attempt is in flight, and decides."""
        self.left(index, now_s)
        self.standings.exclude(index, reason, detail, now_s)
        return self._ended(now_s)

    def exclude(self, index: int, reason: SkipReason, detail: str, now_s: float) -> None:
        """This target is known to be of no use in this call, before any is asked."""
        self.standings.exclude(index, reason, detail, now_s)

    def won(self) -> None:
        """One of two attempts gave its first useful delta: whatever else is in flight is dropped."""
        self._in_flight = 1

    def left(self, index: int, now_s: float) -> None:
        """The call is left while a retry is due at this target."""
        standing = self.standings.of(index)
        failure, standing.failure = standing.failure, None
        if failure is not None:
            self.candidates[index].give_up(failure, now_s)

    # After the commit

    def broke_off(self, index: int, error: ProviderError, relayed: Relayed, now_s: float) -> Resume | End:
        """The delivered answer broke off at this target, or a way of going on with it failed there."""
        disposition = self.policy.dispositions[error.kind]
        self._broke_with = error.kind
        if disposition.ask_another == "no":
            return End("interrupted", error.kind)
        self.standings.heed(index, error, now_s, self.rng)
        if error.kind not in _OF_THE_FORM:
            self._going_on().broke_off(index, again=disposition.retry != "never" or error.kind in BROKEN_OFF)
        self.standings.wake(error.kind, alone=False)
        step = self.go_on(relayed, now_s)
        if not (isinstance(step, Resume) and step.target_index == index):
            self.candidates[index].give_up(error, now_s)
        return step

    def go_on(self, relayed: Relayed, now_s: float) -> Resume | End:
        """How to go on with the delivered answer."""
        step = self._going_on().next(relayed, now_s, restartable=self.restartable)
        return step or End("interrupted", self._broke_with)

    def _going_on(self) -> Resumption:
        if self._resumption is None:
            self._resumption = Resumption(self.candidates, self.policy, self.standings)
        return self._resumption

    # The rest

    def _ended(self, now_s: float) -> Step | None:
        """One target's turn has ended without an answer. What is next, if it was the last in flight?"""
        self._in_flight -= 1
        if self._in_flight > 0:
            return None
        lost, self._lost = self._lost, []
        ends = [end for index, error in lost if (end := self._turn_lost(index, error, now_s)) is not None]
        return ends[0] if ends else self.next(now_s)

    def _turn_lost(self, index: int, error: ProviderError, now_s: float) -> End | None:
        """This target's turn ended before the commit, with no retry left. Is the call over for it?"""
        standing, standings = self.standings.of(index), self.standings
        # A target that says when it is to be asked again is left alone until then, and asked again if that is in time.
        hint_s, retry = error.heeded_s, self.candidates[index].retry
        says_when = error.kind is ErrorKind.RATE_LIMITED or (hint_s is not None and hint_s > retry.patience_s)
        standing.done = standing.done or not says_when
        standing.tries = 0
        ask_another = self.policy.dispositions[error.kind].ask_another
        if standings.wake(error.kind, alone=ask_another == "no"):
            return None
        match ask_another:
            case "no" if error.kind is ErrorKind.DEADLINE:
                return End("deadline", ErrorKind.DEADLINE)
            case "no":
                return End("rejected", error.kind)
            case "larger_window":
                standings.exclude_windows(self.candidates[index].capabilities.context_window, now_s)
            case "one_other":
                if not standings.may_ask_one_other():
                    return End("rejected", error.kind)
            case "yes":
                pass
            case _:
                assert_never(ask_another)
        return None

    def _ask(self, index: int, now_s: float, why: AttemptReason) -> Ask:
        standing = self.standings.of(index)
        if standing.dormant:
            standing.dormant = False
        if standing.asked:
            why = "return" if why == "handover" else why
            standing.failure = None
            if standing.deferred:
                standing.deferred = False
            else:
                standing.tries = 0
        self._in_flight += 1
        return Ask(index, why, *self.first_by(index, now_s))

    def first_by(self, index: int, now_s: float) -> tuple[float, Cut]:
        """When an attempt that begins then must have given its first useful delta, and what the deadline cuts of it.

        It leaves a reserve of the deadline while another target can still be asked; the last may use all that is left.
        """
        candidate, policy = self.candidates[index], self.policy
        own_s = math.inf if policy.single else candidate.first_delta_s
        left_s = policy.deadline_s - now_s
        if len(self.candidates) == 1 or not self.standings.another_left(
            index, ErrorKind.FIRST_TOKEN_TIMEOUT, now_s, policy.deadline_s
        ):
            if candidate.first_delta_held and own_s < left_s:
                return now_s + own_s, "no"
            limit_s, by_s = left_s, policy.deadline_s
        else:
            limit_s = left_s - min(policy.reserve_s, left_s / 2)
            by_s = now_s + min(limit_s, own_s)
        return by_s, "no" if limit_s >= own_s else "fair" if limit_s >= policy.fair_s else "short"

    def note(self, error: ProviderError) -> None:
        """An attempt failed with this error. Telling it again does nothing."""
        if not self.errors or self.errors[-1] is not error:
            self.errors.append(error)

    def _over(self, parked_for: set[ErrorKind]) -> End:
        if not self._asked:
            return End("unavailable", unavailable_kind(self.skipped, parked_for))
        last = self.errors[-1].kind if self.errors else ErrorKind.UNKNOWN
        return End("exhausted", most_useful({error.kind for error in self.errors}, last))
