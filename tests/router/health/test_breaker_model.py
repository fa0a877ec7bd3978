"""The breaker beside a reference that keeps the whole history and says the rules as plainly as they can be said (I22).

Both are told the same, in every order that calls can bring about: calls of this epoch and late ones of older epochs,
probes that succeed, fail, are slow, or are given up, and time that passes.
"""

import random
from collections import Counter

import pytest
from standby.config import Health
from standby.router.health.breaker import Breaker

STEPS = 120_000
POLICIES = [
    Health(failures_in_row=3, window_s=30, window_min_calls=6, open_s=5, open_max_s=40),
    Health(failures_in_row=1, probes_to_close=3, open_s=2, open_max_s=4, window_s=5, window_min_calls=3),
    Health(failures_in_row=50, failure_ratio=0.25, slow_ratio=0.4, slow_call_s=1, window_min_calls=4, window_s=12),
    Health(failures_in_row=4, failure_ratio=1.0, slow_ratio=1.0, slow_call_s=1, window_min_calls=2, probes_to_close=2),
]


class Halfway(random.Random):
    """Draws the middle of every range, so that jitter can be foretold."""

    def random(self) -> float:
        return 0.5


class Reference:
    """The rules over the whole history: `(when, weight of the failure, slow)` of each call since the last closing."""

    def __init__(self, policy: Health) -> None:
        self.policy = policy
        self.state = "closed"
        self.until_s = 0.0
        self.history: list[tuple[float, float, bool]] = []
        self.row = 0
        self.doublings = 0
        self.cause = "failures"
        self.closed_s: float | None = None
        self.proven = 0

    def admits(self, now_s: float) -> bool:
        return self.state == "closed" or (self.state == "open" and now_s >= self.until_s)

    def outcome(self, what: str, now_s: float, weight: float, slow: bool) -> None:
        """`what`: `answer`, `failure`, or `left` by its caller."""
        if self.state == "half_open":
            self.probed(what, now_s, slow)
        elif self.state == "closed" and (what != "left" or slow):
            self.called(what, now_s, weight, slow)

    def probed(self, what: str, now_s: float, slow: bool) -> None:
        if what == "failure":
            self.open(now_s, self.cause)
        elif slow and self.cause == "slow":
            self.open(now_s, "slow")
        elif what == "left":
            self.state, self.until_s = "open", now_s
        elif self.proven + 1 < self.policy.probes_to_close:
            self.proven += 1
            self.state, self.until_s = "open", now_s
        else:
            self.state, self.closed_s = "closed", now_s
            self.proven = self.row = 0
            self.history = []
            self.called("answer", now_s, 0.0, slow)

    def called(self, what: str, now_s: float, weight: float, slow: bool) -> None:
        self.history.append((now_s, weight if what == "failure" else 0.0, slow))
        self.row = {"answer": 0, "failure": self.row + 1, "left": self.row}[what]
        recent = [call for call in self.history if call[0] >= now_s - self.policy.window_s]
        enough = len(recent) >= self.policy.window_min_calls
        failed, crawled = sum(call[1] for call in recent), sum(call[2] for call in recent)
        if what == "failure" and (
            self.row >= self.policy.failures_in_row or (enough and failed >= self.policy.failure_ratio * len(recent))
        ):
            self.open(now_s, "failures")
        elif slow and enough and crawled >= self.policy.slow_ratio * len(recent):
            self.open(now_s, "slow")

    def open(self, now_s: float, cause: str) -> None:
        if self.state == "closed" and self.closed_s is not None:
            self.doublings = max(0, self.doublings - int((now_s - self.closed_s) / self.policy.window_s))
        open_s = self.policy.open_s * 2**self.doublings
        if open_s >= self.policy.open_max_s:
            open_s = self.policy.open_max_s
        else:
            self.doublings += 1
        self.row = self.proven = 0
        self.state, self.cause, self.until_s = "open", cause, now_s + open_s * 0.95


@pytest.mark.parametrize("policy", POLICIES, ids=range(len(POLICIES)))
def test_breaker_and_reference_never_differ(policy: Health) -> None:
    rng = random.Random(20_261_122)
    one, reference = Breaker(policy, Halfway()), Reference(policy)
    seen: Counter[str] = Counter()
    now_s, out = 0.0, []
    for step in range(STEPS // len(POLICIES)):
        now_s += rng.choice((0.0, 0.1, 1.0, 7.0)) if step % 500 else 100.0
        assert one.admits(now_s) is reference.admits(now_s)
        if rng.random() < 0.5 and one.admits(now_s):
            if one.state == "open":
                one.begin_probe()
                reference.state = "half_open"
            out.append(one.epoch)
        elif out:
            epoch = out.pop(rng.randrange(len(out)))
            what, slow = rng.choice(("answer", "answer", "failure", "left")), rng.random() < 0.4
            slow = slow and policy.slow_call_s is not None
            weight = rng.choice((0.5, 1.0))
            seen["late" if epoch != one.epoch else f"{one.state} {what}{' slow' * slow}"] += 1
            if epoch == one.epoch:  # as a lease does: what belongs to an older epoch is not told
                tell(one, what, now_s, weight, slow)
                reference.outcome(what, now_s, weight, slow)
        assert (one.state, one.in_row) == (reference.state, reference.row)
        if one.state == "open":
            assert one.until_s == pytest.approx(reference.until_s)
            assert one.cause == reference.cause
    kinds = {f"{state} {what}" for state in ("closed", "half_open") for what in ("answer", "failure", "left")}
    assert min(seen[kind] for kind in {*kinds, "late"}) >= 20, seen


def tell(one: Breaker, what: str, now_s: float, weight: float, slow: bool) -> None:
    if what == "answer":
        one.succeeded(now_s, slow=slow)
    elif what == "failure":
        one.failed(now_s, weight, slow=slow)
    elif slow:
        one.left_slow(now_s)
    else:
        one.abandon_probe(now_s)
