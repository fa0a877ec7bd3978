"""The decision core of a call: told what happened, it says what to do next. Pure: no I/O, the clock is handed in.

    Ask(target, …)     open an attempt at this target, within these clocks
    Wait(until)        nobody may be asked now; ask again then, or when somebody's health changes
    Resume(target, …)  the delivered answer broke off: go on with it there, in this way
    End(verdict)       the call is over

Between the steps stand the retries at one target: tenacity drives them, and asks `try_failed` whether there is another.
Selection and health are read when a target is needed, not before, so that a call sees the newest state.
"""

import random
from collections.abc import Iterable, Sequence

import msgspec

from ..config.model import MidStream, Retry
from ..providers.errors import ErrorKind, ProviderError
from .limits import Limited
from .opaque import Opaque
from .relayed import Relayed
from .report import Skipped
from .returning import Turns
from .steps import MIN_ATTEMPT_S, Ask, Candidate, End, Policy, Resume, Step, Wait

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


_LEFT_ALONE = frozenset(("breaker_open", "probing", "parked", "isolated", "returning"))
"""Why health refuses a target."""


class _Standing(msgspec.Struct, gc=False):
    """How one candidate stands within this call."""

    dormant: bool  # its kind of error has not come up
    tries: int = 0  # since it was last handed the call
    asked: bool = False
    done: bool = False  # it is not asked again in this call
    hint_waited: bool = False
    deferred: bool = False  # a try is due, and waits for a place
    broke: bool = False  # the delivered answer, or a way of going on with it
    once_more: bool = False  # it may be asked again all the same


class Course(Opaque):
    """The course of one call.

    Attributes:
        candidates: The targets in the order in which they are to be asked.
        began_s: When the call began.
        rng: Draws the jitter.
        skipped: Who was passed over, and why, so far.
        errors: The errors of all attempts, in order.
        restartable: The caller can be told that what it has is void.
    """

    candidates: Sequence[Candidate]
    policy: Policy
    began_s: float
    rng: random.Random
    restartable: bool = True
    skipped: list[Skipped] = []
    errors: list[ProviderError] = []
    _standings: dict[int, _Standing] = {}  # of those who were looked at
    _refused_dialects: set[str] = set()
    _asked: bool = False  # anybody
    _last_resort_used: bool = False
    _woken: list[int] = []
    _turns: Turns | None = None  # since it has waited
    _resumed: set[tuple[MidStream, int]] = set()  # ways of going on that were tried
    _broke_with: ErrorKind = ErrorKind.UNKNOWN

    # What to do next

    def next(self, now_s: float) -> Step:
        """Who is to be asked now."""
        policy = self.policy
        latest_s = policy.deadline_s - MIN_ATTEMPT_S
        if now_s >= latest_s:  # the same sum as below: a wait until now would never end
            return End("deadline", ErrorKind.DEADLINE)
        backs: list[tuple[float, int]] = []
        queues: list[int] = []
        limited: set[int] = set()
        for place, candidate in self._in_turn() if self._woken else enumerate(self.candidates):
            standing = self._standing(place)
            if standing.done or standing.dormant:
                continue
            refusal = candidate.refusal(now_s)
            if refusal is None and self._turns is not None:
                refusal = self._turns.refusal(place, candidate.returning, now_s)
            if refusal is None:
                return self._ask(place, standing, now_s, "handover" if self._asked else "first")
            self._skip(place, refusal.reason, refusal.detail, now_s, refusal.until_s)
            if refusal.reason == "isolated":
                continue  # a person wants it so: it is neither waited for nor asked as a last resort
            # A probe that is out, or a place in a queue, comes when it comes: whoever frees it ends the wait.
            back_s = latest_s if refusal.until_s is None else refusal.until_s
            if refusal.reason == "returning":
                back_s = min(back_s, latest_s)  # the target is well, and the line may move faster: hope to the end
            if isinstance(refusal, Limited):
                limited.add(place)
                if refusal.queues and back_s <= latest_s:
                    queues.append(place)
                elif refusal.until_s is None:
                    continue  # nobody knows when, and there is no room to wait
            backs.append((back_s, place))
        back_s, place = min(backs, default=(latest_s, -1))
        if backs and back_s <= latest_s and (queues or policy.all_open == "wait"):
            if back_s <= now_s:
                return End("deadline", ErrorKind.DEADLINE)  # there is just time for an attempt, and nobody to ask
            self._turns = self._turns or Turns()
            return Wait(back_s, queues[0] if queues else place, tuple(queues))
        left_alone = [back for back in backs if back[1] not in limited]
        if left_alone and policy.all_open == "last_resort" and not self._last_resort_used:
            self._last_resort_used = True
            place = min(left_alone)[1]
            return self._ask(place, self._standing(place), now_s, "last_resort")
        return self._over()

    def deferred(self, place: int) -> None:
        """A try at this target was due, and found it full: the call waits its turn, and the tries go on counting."""
        self._standing(place).deferred = True

    def failed(self, place: int, error: ProviderError, now_s: float) -> End | None:
        """This target's turn ended before the commit, with no retry left. Is the call over for it?"""
        self._note(error)
        standing = self._standing(place)
        candidate = self.candidates[place]
        disposition = self.policy.dispositions[error.kind]
        if error.kind is not ErrorKind.RATE_LIMITED:  # that one is parked, and asked again if that ends in time
            standing.done = True
        standing.tries = 0
        if self._wake(error.kind):
            return None
        match disposition.ask_another:
            case "no" if error.kind is ErrorKind.DEADLINE:
                return End("deadline", ErrorKind.DEADLINE)
            case "no":
                return End("rejected", error.kind)
            case "larger_window":
                self._exclude_windows(candidate.capabilities.context_window, now_s)
            case "other_dialect":
                asked_another = bool(self._refused_dialects)
                self._refused_dialects.add(candidate.dialect)
                self._exclude_dialect(candidate.dialect, now_s)
                if asked_another or not self._anybody_left():
                    return End("rejected", error.kind)
            case "yes":
                pass
        return None

    def hedge(self, place: int, now_s: float) -> Ask | None:
        """Whom to ask beside this silent target: somebody untried whose breaker is closed, and who can pay."""
        for other, candidate in enumerate(self.candidates):
            standing = self._standing(other)
            if other == place or standing.done or standing.dormant or standing.asked or not candidate.may_hedge(now_s):
                continue
            return self._ask(other, standing, now_s, "hedge")
        return None

    def exclude(self, place: int, reason: str, detail: str, now_s: float) -> None:
        """This target cannot be asked at all in this call; nothing was sent."""
        self._standing(place).done = True
        self._skip(place, reason, detail, now_s)

    # What the retries ask

    def tried(self, place: int) -> None:
        """A try at this target begins."""
        standing = self._standing(place)
        standing.tries += 1
        standing.asked = self._asked = True

    def try_failed(self, place: int, error: ProviderError, now_s: float) -> float | None:
        """A try failed before its commit. How long to wait before the same target is tried again; None: it is not."""
        self._note(error)
        standing, candidate = self._standing(place), self.candidates[place]
        retry = candidate.retry
        if standing.tries >= retry.attempts:
            return None
        rule = self.policy.dispositions[error.kind].retry
        if error.should_retry is not None and not error.local:
            if not error.should_retry:
                rule = "never"
            elif rule != "hint":  # a hint says how long, and stays one
                rule = "backoff"
        delay_s: float | None = None
        other_key = candidate.has_other_credential(error, now_s)
        match rule:
            case _ if other_key:
                delay_s = 0.0
            case "once" if standing.tries == 1:
                delay_s = self._backoff_s(retry, standing.tries)
            case "backoff":
                delay_s = self._backoff_s(retry, standing.tries)
            case "hint" if error.retry_after_s is None:
                delay_s = self._backoff_s(retry, standing.tries)
            case "hint" if error.retry_after_s is not None and not standing.hint_waited:
                if error.retry_after_s <= retry.patience_s:
                    standing.hint_waited = True
                    delay_s = error.retry_after_s
            case "fresh_connection" if standing.tries == 1:
                if error.reused_connection or not self._somebody_else(place, now_s):
                    delay_s = 0.0
        if delay_s is None or now_s + delay_s > self.policy.deadline_s - MIN_ATTEMPT_S:
            return None
        refusal = candidate.refusal(now_s)
        if isinstance(refusal, Limited) and refusal.queues:
            back_s = refusal.until_s or now_s
            if back_s > self.policy.deadline_s - MIN_ATTEMPT_S:
                return None
        elif refusal is not None and (refusal.until_s is None or refusal.until_s > now_s + delay_s):
            return None  # this very failure has opened its breaker: no use in waiting
        if other_key and error.kind is not ErrorKind.RATE_LIMITED:
            return delay_s  # a refused key is parked: this multiplies no calls, and needs no budget
        return delay_s if candidate.may_retry(now_s) else None

    def first_by(self, place: int, now_s: float) -> tuple[float, bool]:
        """When an attempt that begins now must have given its first useful delta, and whether that is cut short.

        It leaves a reserve of the deadline while somebody else can still be asked; the last may use all that is left.
        """
        own_s, policy = self.candidates[place].first_delta_s, self.policy
        left_s = policy.deadline_s - now_s
        if not self._somebody_else(place, now_s):
            return policy.deadline_s, left_s < own_s
        limit_s = left_s - min(policy.reserve_s, left_s / 2)
        return (now_s + limit_s, True) if limit_s < own_s else (now_s + own_s, False)

    # After the commit

    def broke_off(self, place: int, error: ProviderError, relayed: Relayed, now_s: float) -> Resume | End:
        """The delivered answer broke off at this target, or a way of going on with it failed there."""
        disposition = self.policy.dispositions[error.kind]
        self._broke_with = error.kind
        if disposition.ask_another == "no":
            return End("interrupted", error.kind)
        if error.kind not in _OF_THE_FORM:
            standing = self._standing(place)
            repeatable = disposition.retry != "never" or error.kind in _BROKEN_OFF
            standing.broke, standing.once_more = True, repeatable and not standing.broke
            self._resumed = {(policy, other) for policy, other in self._resumed if other != place}
        return self.go_on(relayed, now_s)

    def go_on(self, relayed: Relayed, now_s: float) -> Resume | End:
        """How to go on with the delivered answer.

        Policies in the route's order, each only where it is correct for what was delivered; for each those first who
        have not broken off, then those who have, once more, if their own errors permit it.
        """
        everybody = range(len(self.candidates))
        places = [place for place in everybody if not self._standing(place).broke]
        places += [place for place in everybody if self._standing(place).once_more]
        for policy in self._mid_stream(relayed):
            for place in places:
                if (policy, place) not in self._resumed and self._can_resume(policy, place, now_s):
                    self._resumed.add((policy, place))
                    return Resume(place, policy, now_s + self.candidates[place].first_delta_s)
        return End("interrupted", self._broke_with)

    def _mid_stream(self, relayed: Relayed) -> tuple[MidStream, ...]:
        """The policies that are correct for what was delivered."""
        policy = self.policy
        if relayed.only_reasoning and policy.mid_stream:
            return ("restart",)  # nothing of the answer itself is out: a marked fresh start harms nobody
        joinable = relayed.plain and policy.resumable
        correct: dict[MidStream, bool] = {
            "continue": joinable,
            "ask_to_continue": joinable,
            "replay": True,
            "restart": self.restartable,
        }
        return tuple(name for name in policy.mid_stream if correct[name])

    def _can_resume(self, policy: MidStream, place: int, now_s: float) -> bool:
        candidate = self.candidates[place]
        standing = self._standing(place)
        if standing.done or standing.dormant or candidate.refusal(now_s) is not None:
            return False
        return policy != "continue" or candidate.capabilities.prefill in ("plain", "echoed")

    # The rest

    def _standing(self, place: int) -> _Standing:
        standing = self._standings.get(place)
        if standing is None:
            standing = self._standings[place] = _Standing(self.candidates[place].only_on is not None)
        return standing

    def _anybody_left(self) -> bool:
        standings = map(self._standing, range(len(self.candidates)))
        return any(not (standing.done or standing.dormant) for standing in standings)

    def _in_turn(self) -> Iterable[tuple[int, Candidate]]:
        """Everybody by place; those whose kind of error has come up before all others."""
        places = [*self._woken, *(p for p in range(len(self.candidates)) if p not in self._woken)]
        return [(place, self.candidates[place]) for place in places]

    def _wake(self, kind: ErrorKind) -> bool:
        """Wake those who stand by for this kind of error. Is there anybody?"""
        woken = [
            place
            for place, candidate in enumerate(self.candidates)
            if candidate.only_on is kind and self._standing(place).dormant and not self._standing(place).done
        ]
        for place in woken:
            self._standing(place).dormant = False
        if woken and self.policy.dispositions[kind].ask_another == "no":
            for place in range(len(self.candidates)):  # nobody else may be asked after such an error
                standing = self._standing(place)
                standing.done = standing.done or place not in woken
        self._woken = [*woken, *self._woken]
        return bool(woken)

    def _ask(self, place: int, standing: _Standing, now_s: float, why: str) -> Ask:
        if standing.asked and why == "handover":
            why = "return"
        if standing.deferred:
            standing.deferred = False
        else:
            standing.tries = 0
        first_by_s, short = self.first_by(place, now_s)
        return Ask(place, why, first_by_s, short)

    def _over(self) -> End:
        if not self._asked:
            return End("unavailable", self._kind_of_skips())
        kinds = {error.kind for error in self.errors}
        if len(kinds) == 1:
            return End("exhausted", kinds.pop())
        for kind in _MOST_USEFUL:
            if kind in kinds:
                return End("exhausted", kind)
        return End("exhausted", self.errors[-1].kind if self.errors else ErrorKind.UNKNOWN)

    def _kind_of_skips(self) -> ErrorKind:
        reasons = {skip.reason for skip in self.skipped}
        if reasons == {"no_key"}:
            return ErrorKind.AUTH
        if "limit" in reasons:
            return ErrorKind.RATE_LIMITED
        if reasons & _LEFT_ALONE:
            return ErrorKind.OVERLOADED
        return ErrorKind.QUOTA_EXHAUSTED if "budget" in reasons else ErrorKind.UNSUPPORTED

    def _somebody_else(self, place: int, now_s: float) -> bool:
        """Can anybody else still be asked before the deadline?"""
        for other, candidate in enumerate(self.candidates):
            if other == place:
                continue
            standing = self._standing(other)
            if standing.done or standing.dormant:
                continue
            refusal = candidate.refusal(now_s)
            if refusal is None or (refusal.until_s is not None and refusal.until_s < self.policy.deadline_s):
                return True
            if refusal.until_s is None and isinstance(refusal, Limited) and refusal.queues:
                return True
        return False

    def _exclude_windows(self, refused_by: int | None, now_s: float) -> None:
        """Too long for one window: too long for every window that is known to be no larger."""
        if refused_by is None:
            return
        for place, candidate in enumerate(self.candidates):
            window = candidate.capabilities.context_window
            if candidate.only_on is None and not self._standing(place).done and window and window <= refused_by:
                self._standing(place).done = True
                self._skip(place, "context_window", f"its context window of {window} tokens is no larger", now_s)

    def _exclude_dialect(self, dialect: str, now_s: float) -> None:
        """What one dialect refuses may please another; the same dialect is not asked twice."""
        for place, candidate in enumerate(self.candidates):
            if candidate.only_on is None and not self._standing(place).done and candidate.dialect == dialect:
                self._standing(place).done = True
                self._skip(place, "dialect", f"it speaks {dialect} too, which has refused this request", now_s)

    def _note(self, error: ProviderError) -> None:
        if not self.errors or self.errors[-1] is not error:
            self.errors.append(error)

    def _backoff_s(self, retry: Retry, tries: int) -> float:
        """Full jitter, so that callers who failed together do not come back together."""
        return self.rng.uniform(0.0, min(retry.backoff_max_s, retry.backoff_s * 2.0 ** (tries - 1)))

    def _skip(self, place: int, reason: str, detail: str, now_s: float, until_s: float | None = None) -> None:
        label = self.candidates[place].label
        if not any(skip.target == label and skip.reason == reason for skip in self.skipped):
            at_s = now_s - self.began_s
            back_s = None if until_s is None else until_s - self.began_s
            self.skipped.append(Skipped(label, reason, detail, at_s, back_s))
