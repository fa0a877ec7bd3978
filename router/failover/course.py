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

from ...config.route import MidStream
from ...providers.errors import ErrorKind, ProviderError, RetryRule
from ...providers.opaque import Opaque
from ..health.refusal import Refusal
from ..health.return_line import Turns
from ..limits.limiter import Limited
from ..result.reasons import AttemptReason, SkipReason
from ..result.report import Skipped
from .delay import AT_ONCE, Delay, own_delay_s, retry_delay
from .delivered import Relayed
from .standings import Standing, Standings
from .steps import MIN_ATTEMPT_S, Ask, Candidate, Cut, End, Policy, Resume, Step, Wait

_MOST_USEFUL = (
    ErrorKind.CONTENT_FILTER,
    ErrorKind.CONTEXT_LENGTH,
    ErrorKind.BAD_REQUEST,
    ErrorKind.RATE_LIMITED,
    ErrorKind.OVERLOADED,
    ErrorKind.QUOTA_EXHAUSTED,
    ErrorKind.AUTH,
    ErrorKind.NOT_FOUND,
    ErrorKind.REFUSED_HERE,
    ErrorKind.SERVER_ERROR,
    ErrorKind.FIRST_TOKEN_TIMEOUT,
    ErrorKind.TIMEOUT,
)
"""When attempts failed for several reasons: what the caller can change comes first, then what time will change."""


_BROKEN_OFF = (ErrorKind.TRUNCATED, ErrorKind.PROTOCOL, ErrorKind.DISCONNECTED)
"""The connection gave way: the same target may well hold the next time. A silent one is not asked twice."""
_OF_THE_FORM = (ErrorKind.PREFILL_UNSUPPORTED, ErrorKind.UNSUPPORTED)
"""The target is well, and only does not take an answer to be gone on with in this form: another may please it."""


_BACK_BY_ITSELF: frozenset[SkipReason] = frozenset(("breaker_open", "probing", "returning"))
"""Why health refuses a target that failed, and that time alone will bring back."""


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
    _resumed: set[tuple[MidStream, int]] = set()  # ways of going on that were tried
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
            return self._ask(0, now_s, "first")
        backs: list[tuple[float, int]] = []
        queues: list[int] = []
        limited: set[int] = set()
        parked_for: set[ErrorKind] = set()
        for index, candidate, refused in standings.walk(now_s):
            refusal = refused
            if refusal is None and self._turns is not None:
                refusal = self._turns.refusal(index, candidate.returning, now_s)
            if refusal is None and self._asked and now_s < (hint_until_s := standings.of(index).not_before_s):
                refusal = Refusal("parked", "it has asked this call to wait", hint_until_s)
            if refusal is None:
                return self._ask(index, now_s, "handover" if self._asked else "first")
            standings.skip(index, refusal.reason, refusal.detail, now_s, refusal.until_s)
            if refusal.reason == "parked" and refusal.kind is not None:
                parked_for.add(refusal.kind)
            if refusal.reason == "isolated":
                continue  # a person wants it so: it is neither waited for nor asked as a last resort
            # A probe that is out, or a place in a queue, comes when it comes: its end wakes the call.
            back_s = latest_s if refusal.until_s is None else refusal.until_s
            if refusal.reason == "returning":
                back_s = min(back_s, latest_s)  # the target is well, and the line may move faster: hope to the end
            if isinstance(refusal, Limited):
                limited.add(index)
                if refusal.queues and back_s <= latest_s:
                    queues.append(index)
                elif refusal.until_s is None:
                    continue  # it is not known when, and there is no room to wait
            backs.append((back_s, index))
        back_s, index = min(backs, default=(latest_s, -1))
        if backs and back_s <= latest_s and (queues or policy.all_open == "wait"):
            if back_s <= now_s:
                return End("deadline", ErrorKind.DEADLINE)  # there is just time for an attempt, and no target to ask
            self._turns = self._turns or Turns()
            if queues:
                return Wait(back_s, queues[0], "queue", tuple(queues))
            return Wait(back_s, index, "hint" if back_s == standings.of(index).not_before_s else "return")
        left_alone = [back for back in backs if back[1] not in limited]
        if left_alone and policy.all_open == "last_resort" and not self._last_resort_used:
            self._last_resort_used = True
            index = min(left_alone)[1]
            return self._ask(index, now_s, "last_resort")
        return self._over(parked_for)

    def hedge(self, index: int, now_s: float) -> Ask | None:
        """This target is silent: ask another beside it, untried, well and able to pay; None: there is none."""
        for other, candidate, refusal in self.standings.walk(now_s, but=index):
            if refusal is None and not self.standings.of(other).asked and candidate.try_pay_hedge(now_s):
                return self._ask(other, now_s, "hedge")
        return None

    def began(self, index: int) -> None:
        """An attempt at this target begins."""
        standing = self.standings.of(index)
        standing.tries += 1
        standing.asked = self._asked = True

    def attempt_failed(self, index: int, error: ProviderError, now_s: float, *, begun: bool = False) -> Step | None:
        """An attempt at this target failed before the commit; None: another one is in flight, and decides.

        Args:
            begun: Its first useful delta had come: another target is asked at once, and the same only if none is left.
        """
        self._note(error)
        self._heed(index, error, now_s)
        standing = self.standings.of(index)
        delay = self._retry_after(index, standing, error, now_s, begun=begun)
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
        self._heed(index, error, now_s)
        if error.kind not in _OF_THE_FORM:
            standing = self.standings.of(index)
            repeatable = disposition.retry != "never" or error.kind in _BROKEN_OFF
            standing.broke, standing.once_more = True, repeatable and not standing.broke
            self._resumed = {(policy, other) for policy, other in self._resumed if other != index}
        self.standings.wake(error.kind, alone=False)
        step = self.go_on(relayed, now_s)
        if not (isinstance(step, Resume) and step.target_index == index):
            self.candidates[index].give_up(error, now_s)
        return step

    def go_on(self, relayed: Relayed, now_s: float) -> Resume | End:
        """How to go on with the delivered answer.

        Policies in the route's order, each only where it is correct for what was delivered. For each come first the
        targets that have not broken off, then those that have, once more, if their own errors permit it; of either,
        those come last that have asked this call to wait a little.
        """
        of = self.standings.of
        admitted = [index for index, _, refusal in self.standings.walk(now_s) if refusal is None]
        admitted.sort(key=lambda index: now_s < of(index).not_before_s)
        indexes = [index for index in admitted if not of(index).broke]
        indexes += [index for index in admitted if of(index).once_more]
        for policy in self._mid_stream(relayed):
            for index in indexes:
                if (policy, index) not in self._resumed and self._can_resume(policy, index):
                    self._resumed.add((policy, index))
                    begins_s = max(now_s, of(index).not_before_s)
                    return Resume(index, policy, begins_s + self.candidates[index].first_delta_s, begins_s)
        return End("interrupted", self._broke_with)

    def _mid_stream(self, relayed: Relayed) -> tuple[MidStream, ...]:
        """The policies that are correct for what was delivered."""
        policy = self.policy
        if relayed.only_reasoning and policy.mid_stream:
            return ("restart",)  # nothing of the answer itself is out: a marked fresh start does no harm
        joinable = relayed.plain and policy.resumable
        correct: dict[MidStream, bool] = {
            "continue": joinable,
            "ask_to_continue": joinable,
            "replay": True,
            "restart": self.restartable,
        }
        return tuple(name for name in policy.mid_stream if correct[name])

    def _can_resume(self, policy: MidStream, index: int) -> bool:
        return policy != "continue" or self.candidates[index].takes_prefill

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
            case "other_dialect":
                if not standings.exclude_dialect(self.candidates[index].dialect, now_s):
                    return End("rejected", error.kind)
            case "yes":
                pass
            case _:
                assert_never(ask_another)
        return None

    def _ask(self, index: int, now_s: float, why: AttemptReason) -> Ask:
        standing = self.standings.of(index)
        standing.dormant = False
        if standing.asked and why == "handover":
            why = "return"
        standing.failure = None
        if standing.deferred:
            standing.deferred = False
        else:
            standing.tries = 0
        self._in_flight += 1
        return Ask(index, why, *self.first_by(index, now_s))

    def _heed(self, index: int, error: ProviderError, now_s: float) -> None:
        """A short hint delays this call, whatever it does meanwhile; unless it can go on with another key."""
        candidate, standing = self.candidates[index], self.standings.of(index)
        delay_s = own_delay_s(error, candidate.retry, standing.hints + 1, self.rng)
        if delay_s is not None and not candidate.has_other_credential(error, now_s):
            standing.hints += 1
            standing.not_before_s = now_s + delay_s

    def _retry_after(
        self, index: int, standing: Standing, error: ProviderError, now_s: float, *, begun: bool
    ) -> Delay | None:
        """How long to wait before this target is tried again, paid for; None: it is not."""
        candidate, latest_s = self.candidates[index], self.policy.deadline_s - MIN_ATTEMPT_S
        if standing.tries >= candidate.retry.attempts:
            return None
        if begun and (standing.tries > 1 or self._another_left(index, error.kind, now_s)):
            return None
        other_key = candidate.has_other_credential(error, now_s)
        delay: Delay | None = AT_ONCE
        if not other_key:
            rule, alone = _retry_rule(self.policy, error), not self._another_left(index, error.kind, now_s)
            if begun and error.kind in _BROKEN_OFF and error.should_retry is None:
                rule = "fresh_connection"
            delay = retry_delay(
                error, rule, candidate.retry, standing.tries, self.rng, hints=standing.hints, alone=alone
            )
            if delay is not None and now_s + delay.for_s < standing.not_before_s:
                delay = Delay(standing.not_before_s - now_s, "hint")  # it was asked within a hint, as the last resort
        if delay is None or now_s + delay.for_s > latest_s:
            return None
        if _hurts(self.policy, error) and candidate.failed_in_row(now_s) > 1:
            return None  # an outage, more likely than not: it gets no more than an attempt a call
        refusal = candidate.refusal(now_s, self.standings.fingerprint)
        if isinstance(refusal, Limited) and refusal.queues:
            if (refusal.until_s or now_s) > latest_s:
                return None
        elif refusal is not None and (refusal.until_s is None or refusal.until_s > now_s + delay.for_s):
            return None  # this very failure has opened its breaker: no use in waiting
        if other_key and error.kind is not ErrorKind.RATE_LIMITED:
            return delay  # a refused key is parked: this multiplies no calls, and needs no budget
        return delay if candidate.try_pay_retry(now_s) else None

    def first_by(self, index: int, now_s: float) -> tuple[float, Cut]:
        """When an attempt that begins then must have given its first useful delta, and what the deadline cuts of it.

        It leaves a reserve of the deadline while another target can still be asked; the last may use all that is left.
        """
        candidate, policy = self.candidates[index], self.policy
        own_s = math.inf if policy.single else candidate.first_delta_s
        left_s = policy.deadline_s - now_s
        if len(self.candidates) == 1 or not self._another_left(index, ErrorKind.FIRST_TOKEN_TIMEOUT, now_s):
            held = candidate.first_delta_held and own_s < left_s
            return (now_s + own_s, "no") if held else (policy.deadline_s, self._cut(left_s, own_s))
        limit_s = left_s - min(policy.reserve_s, left_s / 2)
        return now_s + min(limit_s, own_s), self._cut(limit_s, own_s)

    def _cut(self, limit_s: float, own_s: float) -> Cut:
        if limit_s >= own_s:
            return "no"
        return "fair" if limit_s >= self.policy.fair_s else "short"

    def _another_left(self, index: int, kind: ErrorKind, now_s: float) -> bool:
        """Can another target still be asked before the deadline, once this one has failed with such an error?"""
        if len(self.candidates) == 1:
            return False
        if self.standings.is_ready(0 if index else 1, now_s):
            return True
        for _, _, refusal in self.standings.walk(now_s, but=index, failing_with=kind):
            if refusal is None or (refusal.until_s is not None and refusal.until_s < self.policy.deadline_s):
                return True
            if refusal.until_s is None and isinstance(refusal, Limited) and refusal.queues:
                return True
        return False

    def _note(self, error: ProviderError) -> None:
        if not self.errors or self.errors[-1] is not error:
            self.errors.append(error)

    def _over(self, parked_for: set[ErrorKind]) -> End:
        if not self._asked:
            return End("unavailable", _kind_of(self.skipped, parked_for))
        last = self.errors[-1].kind if self.errors else ErrorKind.UNKNOWN
        return End("exhausted", _most_useful({error.kind for error in self.errors}, last))


def _retry_rule(policy: Policy, error: ProviderError) -> RetryRule:
    """May the same target be asked again, and how? The provider's own word on it comes before the table's."""
    rule = policy.dispositions[error.kind].retry
    if error.should_retry is None or error.local:
        return rule
    if not error.should_retry:
        return "never"
    return rule if rule == "hint" else "backoff"  # a hint says how long, and stays one


def _hurts(policy: Policy, error: ProviderError) -> bool:
    """Is it held against the target's health?"""
    return policy.dispositions[error.kind].health > 0 and not error.local and not error.reused_connection


def _most_useful(kinds: set[ErrorKind], else_: ErrorKind) -> ErrorKind:
    """The one of several kinds that helps the caller most."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return next((kind for kind in _MOST_USEFUL if kind in kinds), else_)


def _kind_of(skipped: Sequence[Skipped], parked_for: set[ErrorKind]) -> ErrorKind:
    """What a call failed with in which no target could be asked.

    Args:
        parked_for: The kinds that targets are parked for now: each is as good as failed with its own.
    """
    reasons = {skip.reason for skip in skipped}
    if reasons - {"misconfigured"} == {"no_key"}:
        return ErrorKind.AUTH
    if "limit" in reasons:
        return ErrorKind.RATE_LIMITED
    if reasons & _BACK_BY_ITSELF:
        parked_for = parked_for | {ErrorKind.OVERLOADED}
    if parked_for:
        return _most_useful(parked_for, ErrorKind.OVERLOADED)
    if "budget" in reasons:
        return ErrorKind.BUDGET
    return ErrorKind.ISOLATED if "isolated" in reasons else ErrorKind.UNSUPPORTED
