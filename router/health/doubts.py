"""Whose fault a failure is, the target's or the request's: when the failures of calls count against targets. Pure.

A target's failure counts once per call, however often it is tried. That it cannot be reached always counts. Any other
failure counts at once where the call failed first, since most calls fail because a target does. When a second target
then fails alike, the request may be to blame: one poisoned request must not shut every target. So both are in doubt.

    counted     the breaker knows it
    undecided   it repeats an earlier target's failure in the same call, and its tries are not used up
    doubted     two targets failed alike: the request's fault, or an outage of both?
    void        a retry was answered, or the doubt was refuted
    unheeded    it says nothing about its own target: its connection was an old one, or its attempt began too early

A failure that took long is followed by few others: a doubt lasts for the window, or for as long as so many such calls
in a row would take as open a breaker.

A doubt is refuted when another target that failed alike answers a later request: then that one is no outage, and the
request was to blame. So is one that has counted meanwhile. A doubt counts when another request fails at its target
within the window; or when none of the targets that failed alike has answered anything within the window, and as many
calls have failed as could open the breaker: that is an outage under a service with one fixed prompt.

An opening that one request alone has led to, which failed at other targets as well, alike or not, is in doubt, too: see
`Breaker.suspect`.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from ...config.health import Health
from ...providers.errors import ErrorKind
from .breaker import Breaker

HELD_MAX = 256
"""Maximum failures that are remembered of a target, the oldest are forgotten: about 50 KB."""

ALWAYS = frozenset((ErrorKind.CONNECT, ErrorKind.DNS, ErrorKind.TLS))
"""The request was never seen, so that it cannot be to blame."""

SILENT = frozenset((ErrorKind.FIRST_TOKEN_TIMEOUT, ErrorKind.STALLED, ErrorKind.TIMEOUT))
_REFUSED = frozenset((ErrorKind.SERVER_ERROR, ErrorKind.OVERLOADED, ErrorKind.UNKNOWN, ErrorKind.TIMEOUT))
_ENDED = frozenset((ErrorKind.DISCONNECTED, ErrorKind.TRUNCATED, ErrorKind.PROTOCOL, ErrorKind.EMPTY))
_FAMILIES = (SILENT, _REFUSED, _ENDED)
"""One cause shows in several kinds: what one server answers with 500, another calls 503; one says 504, one nothing; an
answer that ends before it began is empty where the dialect has an end marker, and truncated where it has none."""

Standing: TypeAlias = Literal["counted", "undecided", "doubted", "void", "unheeded"]


def alike(one: ErrorKind, other: ErrorKind) -> bool:
    """May one request have led to both?"""
    if one in ALWAYS or other in ALWAYS:
        return False
    return one is other or any(one in family and other in family for family in _FAMILIES)


_IDLE: tuple[Standing, ...] = ("void", "unheeded")


class Failure(msgspec.Struct, eq=False):
    """The failure of one call at one target.

    Attributes:
        fingerprint: Of the request; empty when that does not matter.
        weight: How much it counts, above 0 and at most 1.
        epoch, answers: Of the target's breaker when it failed.
        counted_s: When the breaker was told of it.
        alike: The targets that failed alike in this call, its own included.
        took_s: From the beginning of its call until it failed, or until the last one that failed alike did.
    """

    kind: ErrorKind
    fingerprint: bytes
    at_s: float
    weight: float
    epoch: int
    answers: int
    alike: "list[Doubts]"
    took_s: float = 0.0
    standing: Standing = "counted"
    counted_s: float = 0.0


class Doubts:
    """What calls hold against one target, beside its breaker, which knows only what counts."""

    __slots__ = ("_counted", "_held", "_policy", "_refutable", "breaker")

    def __init__(self, breaker: Breaker, policy: Health) -> None:
        self.breaker, self._policy = breaker, policy
        self._held: deque[Failure] = deque(maxlen=HELD_MAX)  # undecided and doubted
        self._counted: deque[Failure] = deque(maxlen=HELD_MAX)
        self._refutable: deque[Failure] = deque(maxlen=HELD_MAX)  # of the counted, those that another target repeats

    def follow(self, policy: Health) -> None:
        """Decide by this policy from now on, the breaker too."""
        self._policy = policy
        self.breaker.follow(policy)

    def failed_in_row(self, now_s: float) -> int:
        """How many calls have failed here since the last answer, doubts included."""
        self._forget(now_s)
        return self.breaker.in_row + sum(map(self._is_in_row, self._held))

    def failed(self, failure: Failure, now_s: float, *, slow: bool) -> None:
        """A call has failed here, for the first time: count it, unless it is undecided."""
        breaker = self.breaker
        self._forget(now_s)
        for doubt in [held for held in self._held if held.standing == "doubted"]:
            if doubt.fingerprint != failure.fingerprint and breaker.state == "closed":
                self._count(doubt, now_s)
        if breaker.epoch == failure.epoch:
            if failure.standing == "undecided":
                self._held.append(failure)
            else:
                self._count(failure, now_s, slow=slow)
        if breaker.epoch == failure.epoch and self._is_outage(failure, now_s):
            for held in tuple(self._held):
                if breaker.epoch == failure.epoch:
                    self._count(held, now_s)
            if breaker.epoch != failure.epoch and self._alone_led_to(failure):
                breaker.question(failure.fingerprint)
        if breaker.epoch != failure.epoch:
            self._held.clear()

    def failed_again(self, failure: Failure, now_s: float) -> None:
        """The same call has failed here once more: that counts no second time, and stands behind later answers."""
        breaker = self.breaker
        if self._is_in_row(failure):
            return
        failure.answers = breaker.answers
        if failure.standing == "counted" and breaker.state == "closed":
            breaker.failed(now_s, 0.0)
            breaker.take_back(now_s, 0.0, in_row=False)

    def repeated(self, failure: Failure, by: "Doubts") -> None:
        """Another target fails alike in the same call: an answer of that one would refute this failure."""
        if len(failure.alike) == 1 and failure in self._counted:
            self._refutable.append(failure)
        failure.alike.append(by)

    def doubt(self, failure: Failure) -> None:
        """Its call's failures elsewhere say that the request may be to blame."""
        breaker = self.breaker
        if breaker.state == "closed" and breaker.epoch == failure.epoch:
            if failure.standing == "counted":
                self._take_back(failure)
                self._held.append(failure)
            if failure.standing not in _IDLE:
                failure.standing = "doubted"
        else:
            self.question(failure)

    def question(self, failure: Failure) -> None:
        """Its call failed elsewhere, too: an opening that this request alone has led to may be its fault."""
        breaker = self.breaker
        if breaker.state == "open" and breaker.epoch == failure.epoch + 1 and self._alone_led_to(failure):
            breaker.question(failure.fingerprint)

    def void(self, failure: Failure) -> None:
        """A retry here was answered: the call has not failed here."""
        if failure.standing == "counted":
            self._take_back(failure)
        elif failure in self._held:
            self._held.remove(failure)
        failure.standing = "void"

    def is_open_to_doubt(self, failure: Failure) -> bool:
        """May this failure here still be the request's fault, and not an outage?"""
        breaker = self.breaker
        if breaker.state == "closed":
            return breaker.epoch == failure.epoch
        if breaker.suspect == failure.fingerprint:
            return True
        return breaker.epoch == failure.epoch + 1 and self._alone_led_to(failure)

    def _is_in_row(self, failure: Failure) -> bool:
        return failure.answers == self.breaker.answers

    def _alone_led_to(self, failure: Failure) -> bool:
        """Were all failures in the row that ended its epoch of this one request?"""
        row = {each.fingerprint for each in self._counted if each.epoch == failure.epoch and self._is_in_row(each)}
        return row == {failure.fingerprint} != {b""}

    def _count(self, failure: Failure, now_s: float, *, slow: bool = False) -> None:
        if failure in self._held:
            self._held.remove(failure)
        failure.standing, failure.counted_s = "counted", now_s
        self._counted.append(failure)
        if len(failure.alike) > 1:
            self._refutable.append(failure)
        self.breaker.failed(now_s, failure.weight, slow=slow, in_row=self._is_in_row(failure))

    def _take_back(self, failure: Failure) -> None:
        breaker = self.breaker
        for held in (self._counted, self._refutable):
            if failure in held:
                held.remove(failure)
        if breaker.state == "closed" and breaker.epoch == failure.epoch:
            breaker.take_back(failure.counted_s, failure.weight, in_row=self._is_in_row(failure))

    @property
    def _calls(self) -> int:
        """So many calls that fail can open the breaker."""
        return min(self._policy.failures_in_row, self._policy.window_min_calls)

    def _is_outage(self, failure: Failure, now_s: float) -> bool:
        """Has nothing been answered for so long, by any target that failed alike, that doubts are idle?"""
        if not self._held:
            return False
        policy = self._policy
        if any(now_s - target.breaker.answered_s <= policy.window_s for target in failure.alike):
            return False
        return self.breaker.in_row + sum(map(self._is_in_row, self._held)) >= self._calls

    def _forget(self, now_s: float) -> None:
        """Drop the doubts that are refuted, or older than the window."""
        held = self._held
        for failure in [counted for counted in self._refutable if self._is_refuted(counted)]:
            self._take_back(failure)
            failure.standing = "void"
        for doubt in tuple(held):
            refuted = doubt.standing == "doubted" and self._is_refuted(doubt)
            over = now_s - doubt.at_s > max(self._policy.window_s, self._calls * doubt.took_s)
            if doubt.epoch != self.breaker.epoch or over or refuted:
                held.remove(doubt)
                doubt.standing = "void"

    def _is_refuted(self, doubt: Failure) -> bool:
        """Has another target that failed alike answered since?"""
        return any(target is not self and target.breaker.answered_s > doubt.at_s for target in doubt.alike)


class CallFailures:
    """The failures of one call: each target's once, and which of them are alike.

    Args:
        fingerprint: Of its request.
        began_s: When it began.
    """

    __slots__ = ("_began_s", "_failures", "_fingerprint")

    def __init__(self, fingerprint: Callable[[], bytes], began_s: float) -> None:
        self._fingerprint, self._began_s = fingerprint, began_s
        self._failures: list[tuple[Doubts, Failure]] = []

    def failed(self, target: Doubts, kind: ErrorKind, weight: float, now_s: float, *, slow: bool) -> None:
        """An attempt at this target has failed."""
        breaker = target.breaker
        mine = self._at(target)
        if mine is not None and mine.epoch == breaker.epoch and mine.standing != "unheeded":
            mine.kind = kind
            target.failed_again(mine, now_s)
            return
        fingerprint = b"" if kind in ALWAYS else self._fingerprint()
        took_s = now_s - self._began_s
        failure = Failure(kind, fingerprint, now_s, weight, breaker.epoch, breaker.answers, [target], took_s)
        repeats: tuple[Doubts, Failure] | None = None
        for other, theirs in self._failures:
            if other is not target and alike(theirs.kind, kind) and other.is_open_to_doubt(theirs):
                repeats = other, theirs
                theirs.took_s = took_s
        if repeats is not None:
            other, theirs = repeats
            failure.standing, failure.alike = "undecided", theirs.alike
            other.repeated(theirs, target)
        self._failures.append((target, failure))
        target.failed(failure, now_s, slow=slow)

    def failed_unheeded(self, target: Doubts, kind: ErrorKind, epoch: int, now_s: float) -> None:
        """An attempt has failed that began before this target's breaker last changed, or on a connection used before.

        It counts for nothing there. Of other targets that fail alike it says as much as any: a storm of one request
        must not shut them in turn.
        """
        fingerprint = b"" if kind in ALWAYS else self._fingerprint()
        failure = Failure(kind, fingerprint, now_s, 0.0, epoch, target.breaker.answers, [target], standing="unheeded")
        self._failures.append((target, failure))

    def unanswered(self, target: Doubts, kind: ErrorKind, now_s: float) -> None:
        """An attempt at this target was cut short by a clock that says nothing about it: it has not failed.

        That nothing has answered this request still says of the targets that failed alike that it may be to blame.
        """
        for other, theirs in self._failures:
            if other is not target and alike(theirs.kind, kind):
                theirs.took_s = now_s - self._began_s
                other.doubt(theirs)

    def probe_failed(self, target: Doubts, kind: ErrorKind, now_s: float) -> None:
        """An attempt that probed this target has failed: its breaker opens again, in doubt if it was, and is."""
        breaker = target.breaker
        same = kind not in ALWAYS and breaker.suspect is not None and breaker.suspect == self._fingerprint()
        epoch, suspect = breaker.epoch, breaker.suspect
        failure = Failure(kind, suspect or b"", now_s, 0.0, epoch, breaker.answers, [target])
        self._failures.append((target, failure))
        breaker.failed(now_s, in_doubt=same)

    def over(self, target: Doubts) -> None:
        """The tries at this target are used up: what is undecided there is in doubt, and so is what it repeats.

        Failures that are not alike count. Yet an opening to which they led is in doubt if this request alone did.
        """
        mine = self._at(target)
        if mine is None or mine.standing in _IDLE:
            return
        if mine.standing == "undecided":
            target.doubt(mine)
            for other, theirs in self._failures:
                if other is not target and alike(theirs.kind, mine.kind):
                    other.doubt(theirs)
        seen = [each for each in self._failures if each[1].kind not in ALWAYS]
        if mine.kind not in ALWAYS and any(other is not target for other, _ in seen):
            for other, theirs in seen:
                other.question(theirs)

    def answered(self, target: Doubts) -> None:
        """This target has answered the call: it has not failed in it."""
        mine = self._at(target)
        if mine is not None:
            target.void(mine)

    def end(self) -> None:
        """The call is over."""
        for target, _ in self._failures:
            self.over(target)

    def _at(self, target: Doubts) -> Failure | None:
        for other, failure in reversed(self._failures):
            if other is target:
                return failure
        return None
