"""A circuit breaker: when a target fails, it is left alone for a while, then one call probes whether it is back.

    closed     every call is admitted; n failures in a row, a share of failures in the window, or a share of slow calls
               in it open the breaker
    open       no call is admitted until `until_s`
    half_open  one probe is out; it closes the breaker or opens it again, for twice as long

Failures and slow calls are two rules with a share each, so that either can be read off and explained. A slow call is an
answer: it is no failure, and it ends a row of them. A probe must show that the cause is gone: a slow answer closes a
breaker that failures opened, and opens again one that slowness did.

An opening is in doubt when one request alone has led to it, which failed at other targets as well: it may be that
request's fault. Then the next call with another request is admitted at once, as the probe, once an opening; and the
same request, if it fails as the probe, opens the breaker again for no longer than before.

Pure: no clock of its own, no I/O. Every change of state begins a new epoch, and an outcome that belongs to an older one
is ignored: late news of calls that began before must not move it.
"""

import math
import random
from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from ...config.health import Health

State: TypeAlias = Literal["closed", "open", "half_open"]
Cause: TypeAlias = Literal["failures", "slow"]

_JITTER = 0.1
_KEPT = 1000


class Window(msgspec.Struct, frozen=True):
    """What a breaker has seen within its window.

    Attributes:
        calls: How many calls ended.
        failure_ratio: Their share that failed, by weight.
        slow_ratio: Their share that was slow.
    """

    calls: int
    failure_ratio: float
    slow_ratio: float


class Breaker:
    """The breaker of one target.

    Attributes:
        state: Where it stands.
        epoch: Counts the changes of state.
        until_s: When an open breaker admits its probe.
        cause: What opened it last.
        closed_s: When it was closed last; None: it was never open.
        in_row: The failures since the last answer.
        answers: How many calls were answered.
        answered_s: When the last one was.
        suspect: The fingerprint of the request that alone has opened it, perhaps by its own fault; None: no doubt.
    """

    __slots__ = (
        "_asked_at_once", "_doubled", "_doublings", "_failed", "_outcomes", "_policy", "_proven", "_rng", "_slow",
        "answered_s", "answers", "cause", "closed_s", "epoch", "in_row", "state", "suspect", "until_s",
    )  # fmt: skip

    def __init__(self, policy: Health, rng: random.Random) -> None:
        self._policy, self._rng = policy, rng
        self.state: State = "closed"
        self.epoch = 0
        self.until_s = 0.0
        self.cause: Cause = "failures"
        self.closed_s: float | None = None
        self.in_row = 0
        self.answers = 0
        self.answered_s = -math.inf
        self.suspect: bytes | None = None
        self._asked_at_once = False  # since it opened
        self._doublings = 0
        self._doubled = False  # by the present opening
        self._proven = 0  # probes that succeeded one after another
        self._outcomes: deque[tuple[float, float]] = deque(maxlen=_KEPT)  # (when, weight of the failure; 0: success)
        self._failed = 0.0  # sum of the weights in `_outcomes`
        self._slow: deque[float] = deque(maxlen=_KEPT)  # when the slow ones among `_outcomes` ended

    def follow(self, policy: Health) -> None:
        """Decide by this policy from now on. What was seen stays, and until when an open one is open."""
        self._policy = policy

    def admits(self, now_s: float) -> bool:
        """Would a call be let through now? Once its time is up, an open breaker admits one call, as its probe."""
        return self.state == "closed" or (self.state == "open" and now_s >= self.until_s)

    def admits_at_once(self, fingerprint: Callable[[], bytes]) -> bool:
        """Would a call with this request be let through before `until_s`, since the opening is in doubt?"""
        in_doubt = self.state == "open" and self.suspect is not None and not self._asked_at_once
        return in_doubt and fingerprint() != self.suspect

    def begin_probe(self) -> None:
        """The call that was just admitted to an open breaker is its probe."""
        self._asked_at_once = True
        self._change("half_open")

    def question(self, fingerprint: bytes) -> None:
        """The present opening may be the fault of this request, which alone has led to it."""
        if self.state == "open" and self.suspect is None:
            self.suspect = fingerprint
            if self._doubled:
                self._doublings, self._doubled = self._doublings - 1, False

    def abandon_probe(self, now_s: float) -> None:
        """The probe was cancelled, or could not be sent: that proves nothing, the next call probes."""
        if self.state == "half_open":
            self._change("open")
            self.until_s = now_s

    def close(self, now_s: float) -> None:
        """Forget what has been: the target is back."""
        if self.state != "closed":
            self._change("closed")
            self.closed_s = now_s
        self.suspect = None
        self.answers += 1  # what failed before is in no row with what fails from now on
        self.in_row = self._proven = 0
        self._outcomes.clear()
        self._slow.clear()
        self._failed = 0.0

    def succeeded(self, now_s: float, *, slow: bool = False) -> None:
        """A call of this epoch was answered."""
        self.answers += 1
        self.answered_s = now_s
        if self.state == "half_open":
            if slow and self.cause == "slow":
                self._open(now_s, "slow")
                return
            self._proven += 1
            if self._proven < self._policy.probes_to_close:
                self._change("open")
                self.until_s = now_s  # the next probe may follow at once
                return
            self.close(now_s)
        elif self.state == "open":
            return
        self.in_row = 0
        self._count(now_s, 0.0)
        if slow:
            self._count_slow(now_s)

    def failed(
        self, now_s: float, weight: float = 1.0, *, slow: bool = False, in_row: bool = True, in_doubt: bool = False
    ) -> None:
        """A call of this epoch failed.

        Args:
            weight: How much it counts, above 0 and at most 1.
            in_row: It failed after the last answer.
            in_doubt: It is the probe of an opening in doubt, and the same request.
        """
        if self.state == "half_open":
            self._open(now_s, self.cause, self.suspect if in_doubt else None)
            return
        if self.state == "open":
            return
        self.in_row += in_row
        self._count(now_s, weight)
        policy = self._policy
        in_window = len(self._outcomes)
        if self.in_row >= policy.failures_in_row or (
            in_window >= policy.window_min_calls and self._failed >= policy.failure_ratio * in_window
        ):
            self._open(now_s, "failures")
        elif slow:
            self._count_slow(now_s)

    def take_back(self, at_s: float, weight: float, *, in_row: bool) -> None:
        """A failure of this epoch, that was counted then, is none.

        Args:
            in_row: Nothing was answered since.
        """
        try:
            self._outcomes.remove((at_s, weight))
        except ValueError:
            pass  # it is older than the window
        else:
            self._failed -= weight
        if in_row and self.in_row:
            self.in_row -= 1

    def left_slow(self, now_s: float) -> None:
        """A call of this epoch was given up by its caller, and had been slow until then: neither answer nor failure."""
        if self.state == "half_open":
            if self.cause == "slow":
                self._open(now_s, "slow")
            else:
                self.abandon_probe(now_s)
        elif self.state == "closed":
            self._count(now_s, 0.0)
            self._count_slow(now_s)

    def window(self, now_s: float) -> Window:
        """What the window holds now. For people: calls do not need it."""
        oldest_s = now_s - self._policy.window_s
        weights = [weight for at_s, weight in self._outcomes if at_s >= oldest_s]
        slow = sum(at_s >= oldest_s for at_s in self._slow)
        calls = len(weights)
        return Window(calls, sum(weights) / calls, slow / calls) if calls else Window(0, 0.0, 0.0)

    def _count(self, now_s: float, weight: float) -> None:
        outcomes = self._outcomes
        if len(outcomes) == _KEPT:
            self._failed -= outcomes.popleft()[1]
        outcomes.append((now_s, weight))
        self._failed += weight
        oldest_s = now_s - self._policy.window_s
        while outcomes[0][0] < oldest_s:
            self._failed -= outcomes.popleft()[1]

    def _count_slow(self, now_s: float) -> None:
        """The outcome that was just counted was slow too."""
        slow, outcomes, policy = self._slow, self._outcomes, self._policy
        slow.append(now_s)
        while slow[0] < outcomes[0][0]:
            slow.popleft()
        if len(outcomes) >= policy.window_min_calls and len(slow) >= policy.slow_ratio * len(outcomes):
            self._open(now_s, "slow")

    def _open(self, now_s: float, cause: Cause, suspect: bytes | None = None) -> None:
        policy = self._policy
        self.suspect, self._asked_at_once = suspect, False
        if self.state == "closed" and self.closed_s is not None:
            # What falls over again soon is left alone for longer; each sound window forgets one doubling.
            sound_windows = int((now_s - self.closed_s) / policy.window_s)
            self._doublings = max(0, self._doublings - sound_windows)
        open_s = min(policy.open_max_s, policy.open_s * 2.0**self._doublings)
        self._doubled = suspect is None and open_s < policy.open_max_s
        self._doublings += self._doubled
        self.in_row = self._proven = 0
        self.cause = cause
        self._change("open")
        # Jitter only ever shortens, so that "one attempt per open interval" and "back within one" both hold.
        self.until_s = now_s + open_s * (1 - _JITTER * self._rng.random())

    def _change(self, state: State) -> None:
        self.state = state
        self.epoch += 1
