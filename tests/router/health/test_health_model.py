"""The health of a target in every order of events, at random: what must hold at each step, whatever came before.

At most one probe is out, a lost one frees its place (I23), nothing is kept once all leases are settled (I18), each
target that is left alone may return, reading changes nothing, and the changes reported are one unbroken story.
"""

import random
from collections import Counter
from itertools import pairwise

import pytest
from standby.config import Health, Secret
from standby.providers import DISPOSITIONS
from standby.router.health.credentials import Credential
from standby.router.health.lease import Lease
from standby.router.health.target_health import TargetHealth

from standby import ErrorKind, HealthChanged, ProviderError

STEPS = 10_000
POLICIES = [
    Health(failures_in_row=3, window_min_calls=6, open_s=5, open_max_s=40, park_auth_s=9),
    Health(failures_in_row=2, probes_to_close=2, slow_call_s=1, window_min_calls=4, window_s=10, slow_start_s=0),
]
KINDS = list(ErrorKind)


class Machine:
    """One target, the leases that are out, and what was told."""

    def __init__(self, policy: Health, keys: int, rng: random.Random) -> None:
        self.rng, self.now_s = rng, 0.0
        self.told: list[HealthChanged] = []
        self.out: list[Lease] = []
        self.seen: Counter[str] = Counter()
        credentials = [Credential(place, renewable=place == 1) for place in range(keys)]
        self.health = TargetHealth(policy, rng, self.told.append, credentials)
        self.health.known_as("a")

    def step(self) -> None:
        rng = self.rng
        self.now_s += rng.choice((0.0, 0.0, 0.1, 1.0, 6.0, 70.0))
        act = rng.choices((self.admit, self.settle, self.renew, self.by_hand), (50, 50, 3, 1))[0]
        act()
        self.check()

    def admit(self) -> None:
        health, now_s = self.health, self.now_s
        refusal, state = health.refusal(now_s), health.state(now_s)
        if state == "isolated" or (refusal is not None and self.rng.random() < 0.95):
            return
        alone = health.breaker.state != "closed" or health.park is not None
        probing = health.probing
        lease = health.admit(now_s)
        lease.slow = self.rng.random() < 0.1
        assert lease.probe is (alone and not probing), "a call to a target that is left alone is its only probe"
        assert refusal is not None or not (probing and alone), "no call is let through beside a probe"
        if refusal is None and not alone:
            assert lease.credential.park is None or lease.credential.probe is lease
        self.seen["probe" if lease.probe else "last resort" if refusal else "call"] += 1
        self.out.append(lease)

    def settle(self) -> None:
        if not self.out:
            return
        rng, now_s = self.rng, self.now_s
        lease = self.out.pop(rng.randrange(len(self.out)))
        how = rng.choice(("committed", "succeeded", "failed", "failed", "abandoned"))
        self.seen[f"probe {how}" if lease.probe else how] += 1
        if how == "failed":
            hint_s = rng.choice((None, None, 0.0, 0.1, 3.0, 100.0))
            lease.patience_s, lease.hint_waited = rng.choice((0.0, 2.5)), rng.random() < 0.3
            lease.failed(
                ProviderError(
                    rng.choice(KINDS),
                    retry_after_s=hint_s,
                    local=rng.random() < 0.1,
                    reused_connection=rng.random() < 0.1,
                ),
                now_s,
            )
        elif how == "committed":
            lease.committed(now_s)
            self.out.append(lease)  # the answer goes on
        else:
            getattr(lease, how)(now_s)

    def renew(self) -> None:
        credential = self.rng.choice(self.health.credentials.all)
        if credential.renewable:
            self.health.resolved(credential, Secret(str(self.rng.randrange(5))), self.now_s)

    def by_hand(self) -> None:
        if self.rng.random() < 0.5:
            self.health.isolate(self.now_s, self.rng.choice((None, 20.0)))
        else:
            self.health.restore(self.now_s)

    def look(self) -> tuple[object, ...]:
        health, now_s = self.health, self.now_s
        return (
            health.refusal(now_s), health.state(now_s), health.reason(now_s), health.park, tuple(health.parks()),
            health.probing, health.breaker.epoch, health.breaker.window(now_s), len(self.told),
        )  # fmt: skip

    def check(self) -> None:
        health, now_s = self.health, self.now_s
        assert self.look() == self.look(), "reading changes nothing"
        parked_for = [DISPOSITIONS[park.kind] for _, park in health.parks()]
        assert all(row.parks or row.heeds_hint for row in parked_for), "no refusal of one request parks"
        parkings = (health.parking, *health.credentials.all)
        probes = {id(parking.probe) for parking in parkings if parking.probe is not None}
        out = {id(lease) for lease in self.out}
        assert probes <= out, "what was settled is no probe any more"
        assert not health.probing or id(health._probe) in out
        if health.refusal(now_s) is None:
            assert not health.probing
        if not self.out:
            refusal, later_s = health.refusal(now_s), now_s
            for _ in range(3):  # a park and then a breaker, at most: then a call may ask
                if refusal is None or health.state(later_s) == "isolated":
                    break
                assert refusal.until_s is not None
                later_s = refusal.until_s
                refusal = health.refusal(later_s)
            assert refusal is None or refusal.reason == "isolated"


@pytest.mark.parametrize("keys", [1, 2, 3])
@pytest.mark.parametrize("policy", POLICIES, ids=range(len(POLICIES)))
def test_what_always_holds(policy: Health, keys: int) -> None:
    machine = Machine(policy, keys, random.Random(20_261_122 + keys))
    for _ in range(STEPS):
        machine.step()
        if machine.rng.random() < 0.001:  # all callers leave
            while machine.out:
                machine.out.pop().abandoned(machine.now_s)
            machine.check()
            assert not machine.health.probing
    story = [change for change in machine.told if change.credential is None]
    assert all(was.now == now.was and was.at_s <= now.at_s for was, now in pairwise(story))
    closed = [change for change in story if change.now == "closed" and change.was != "isolated"]
    assert "abandoned" not in {change.reason for change in closed}, "a target is back for a reason"
    for name in {change.credential for change in machine.told} - {None}:
        of_key = [change for change in machine.told if change.credential == name]
        assert all(was.now == now.was for was, now in pairwise(of_key))
    ways = ("probe committed", "probe failed", "probe abandoned", "last resort", "call")
    assert min(machine.seen[way] for way in ways) > 10, machine.seen


CALLER_FAULTS = [
    ErrorKind.BAD_REQUEST, ErrorKind.CONTEXT_LENGTH, ErrorKind.CONTENT_FILTER, ErrorKind.UNSUPPORTED,
    ErrorKind.REFUSED_HERE, ErrorKind.PREFILL_UNSUPPORTED, ErrorKind.CANCELLED, ErrorKind.DEADLINE, ErrorKind.BUDGET,
    ErrorKind.ISOLATED, ErrorKind.CLOSED, ErrorKind.INVALID_ANSWER,
]  # fmt: skip


def test_the_callers_faults_are_those_that_neither_hurt_nor_park() -> None:
    harmless = [kind for kind, row in DISPOSITIONS.items() if not row.health and not row.parks]
    assert sorted(harmless) == sorted(CALLER_FAULTS)


def test_no_fault_of_the_caller_or_of_ours_ever_hurts_a_target() -> None:
    """I24: ten thousand of them, in every mixture, among a few sound answers."""
    rng, told = random.Random(1), []
    health = TargetHealth(Health(failures_in_row=1, window_min_calls=1), rng, told.append)
    health.known_as("a")
    for number in range(10_000):
        lease = health.admit(float(number))
        match rng.randrange(4):
            case 0:
                lease.failed(ProviderError(rng.choice(CALLER_FAULTS), status=400), number + 0.5)
            case 1:
                lease.failed(ProviderError(rng.choice(KINDS), local=True), number + 0.5)
            case 2:
                lease.abandoned(number + 0.5)
            case _:
                lease.succeeded(number + 0.5)
        assert health.refusal(number + 0.5) is None
    assert told == []
    assert health.breaker.window(10_000.0).failure_ratio == 0.0
