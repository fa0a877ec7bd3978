"""The keys of one target: parks of their own, turns, probes, and keys that change."""

import random

import pytest
from standby.config import Health, Secret
from standby.router.health.credentials import Credential
from standby.router.health.lease import Lease
from standby.router.health.target_health import TargetHealth

from standby import ErrorKind, HealthChanged, ProviderError

POLICY = Health(failures_in_row=3, open_s=5)
REFUSED = ProviderError(ErrorKind.AUTH)


class Watched(TargetHealth):
    def __init__(self, keys: int, *, renewable: bool = False, policy: Health = POLICY) -> None:
        self.told: list[HealthChanged] = []
        credentials = [Credential(place, renewable=renewable) for place in range(keys)]
        super().__init__(policy, random.Random(1), self.told.append, credentials)
        self.known_as("a")

    def used(self, calls: int, now_s: float = 0.0) -> list[str]:
        """Which keys so many sound calls use."""
        names = []
        for _ in range(calls):
            lease = self.admit(now_s)
            names.append(lease.credential.name)
            lease.succeeded(now_s)
        return names

    def refuse(self, name: str, error: ProviderError = REFUSED, now_s: float = 0.0) -> None:
        """The next call that uses this key meets this error."""
        while True:
            lease = self.admit(now_s)
            if lease.credential.name == name:
                lease.failed(error, now_s)
                return
            lease.succeeded(now_s)


def test_keys_are_used_in_turn() -> None:
    assert Watched(3).used(6) == ["key-2", "key-3", "key-1"] * 2


@pytest.mark.parametrize("kind", [ErrorKind.AUTH, ErrorKind.QUOTA_EXHAUSTED, ErrorKind.RATE_LIMITED])
def test_a_refused_key_is_left_alone_and_the_target_goes_on(kind: ErrorKind) -> None:
    health = Watched(3)
    health.refuse("key-2", ProviderError(kind))
    assert health.refusal(0.0) is None
    assert set(health.used(9)) == {"key-1", "key-3"}
    assert (health.state(0.0), health.park) == ("closed", None)


def test_what_is_no_matter_of_keys_parks_the_target() -> None:
    health = Watched(3)
    health.refuse("key-2", ProviderError(ErrorKind.NOT_FOUND))
    refusal = health.refusal(0.0)
    assert refusal is not None
    assert refusal.until_s == POLICY.park_not_found_s


def test_with_all_keys_refused_the_target_waits_for_the_first_to_return() -> None:
    health = Watched(2)
    health.refuse("key-1", ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=30))
    health.refuse("key-2", ProviderError(ErrorKind.QUOTA_EXHAUSTED))
    refusal = health.refusal(1.0)
    assert refusal is not None
    assert (refusal.reason, refusal.until_s) == ("parked", 30)
    probe = health.admit(30.0)
    assert (probe.probe, probe.credential.name) == (True, "key-1")
    assert health.refusal(30.0) is not None
    probe.committed(31.0)
    assert health.refusal(31.0) is None
    assert health.used(2, 31.0) == ["key-1", "key-1"]


def test_a_key_returns_by_one_call_while_others_go_on() -> None:
    health = Watched(2)
    health.refuse("key-1")
    probe = health.admit(60.0)
    assert (probe.credential.name, probe.probe) == ("key-1", False)
    assert set(health.used(4, 60.0)) == {"key-2"}
    assert health.refusal(60.0) is None
    probe.committed(61.0)
    assert set(health.used(4, 61.0)) == {"key-1", "key-2"}


@pytest.mark.parametrize("end", ["abandoned", "failed"])
def test_a_lost_probe_of_a_key_frees_its_place(end: str) -> None:
    health = Watched(2)
    health.refuse("key-1")
    probe = health.admit(60.0)
    if end == "failed":
        probe.failed(ProviderError(ErrorKind.SERVER_ERROR), 60.0)
    else:
        probe.abandoned(60.0)
    assert health.admit(60.0).credential.name == "key-1"


def test_a_key_that_is_refused_again_is_left_alone_for_twice_as_long() -> None:
    health = Watched(2)
    health.refuse("key-1")
    health.admit(60.0).failed(REFUSED, 60.0)
    [(name, park)] = health.parks()
    assert (name, park.until_s, park.times) == ("key-1", 60 + 120, 2)


def test_what_is_told_of_keys() -> None:
    health = Watched(2)
    health.refuse("key-1")
    health.refuse("key-2")
    health.admit(60.0).committed(60.5)
    told = [(change.credential, change.was, change.now, change.reason) for change in health.told]
    assert told == [
        ("key-1", "closed", "parked", "auth"),
        ("key-2", "closed", "parked", "auth"),
        (None, "closed", "parked", "auth"),
        (None, "parked", "half_open", "probe"),
        ("key-1", "parked", "closed", "answered"),
        (None, "half_open", "closed", "answered"),
    ]
    health.restore(61.0)
    assert (health.told[-1].credential, health.told[-1].reason) == ("key-2", "restored")


def test_a_key_is_back_with_an_answer_that_is_too_slow_for_its_target() -> None:
    health = Watched(2, policy=Health(slow_call_s=1.0, window_min_calls=1))
    health.refuse("key-2")
    probe = health.admit(60.0)
    assert probe.credential.name == "key-2"
    probe.slow = True
    probe.committed(62.0)
    assert [(change.credential, change.now, change.reason) for change in health.told[-2:]] == [
        ("key-2", "closed", "answered"), (None, "open", "slow"),
    ]  # fmt: skip


# Another key, at once


@pytest.mark.parametrize(("kind", "reason"), [(ErrorKind.RATE_LIMITED, "answered"), (ErrorKind.AUTH, "renewed")])
def test_a_key_that_is_back_brings_its_target_back_though_a_probe_is_out(kind: ErrorKind, reason: str) -> None:
    """A call that began before the park answers, or the key changes; then the probe's caller leaves."""
    health = Watched(2, renewable=True)
    for credential in health.credentials.all:
        health.resolved(credential, Secret(credential.name), 0.0)
    health.refuse("key-1", ProviderError(kind, retry_after_s=5.0))
    of_key, other_key = sorted((health.admit(1000.0), health.admit(1000.0)), key=lambda lease: lease.credential.name)
    other_key.failed(ProviderError(kind, retry_after_s=5.0), 1000.0)
    probe = health.admit(1000.0)
    assert (probe.probe, health.state(1000.0)) == (True, "half_open")
    if reason == "answered":
        of_key.succeeded(1001.0)
    else:
        health.resolved(of_key.credential, Secret("another"), 1001.0)
    assert [(change.now, change.reason) for change in health.told if change.credential is None][-1] == (
        "closed",
        reason,
    )
    assert health.refusal(1001.0) is None
    told = len(health.told)
    probe.abandoned(1002.0)
    assert (len(health.told), health.state(1002.0), health.probing) == (told, "closed", False)


def other(health: TargetHealth, error: ProviderError) -> bool:
    return health.has_other_credential(error, 0.0)


def test_after_which_errors_another_key_is_tried_at_once() -> None:
    for kind in ErrorKind:
        health = Watched(2)
        health.refuse("key-1", ProviderError(kind))
        of_key = kind in (ErrorKind.AUTH, ErrorKind.QUOTA_EXHAUSTED, ErrorKind.RATE_LIMITED)
        assert other(health, ProviderError(kind)) is of_key, kind
        only = Watched(1)
        only.refuse("key-1", ProviderError(kind))
        assert not other(only, ProviderError(kind)), kind


def test_no_other_key_is_tried_when_none_is_left_or_the_cause_is_ours() -> None:
    health = Watched(2)
    health.refuse("key-1")
    assert not other(health, ProviderError(ErrorKind.AUTH, local=True))
    soon = ProviderError(ErrorKind.AUTH, retry_after_s=0.5)
    only = Watched(1)
    only.refuse("key-1", soon)
    assert not only.has_other_credential(soon, 1.0), "a key whose park is over is no other key"
    health.refuse("key-2")
    assert not other(health, REFUSED)


def test_a_key_that_cannot_be_had_is_replaced() -> None:
    health = Watched(2, renewable=True)
    missing = ProviderError(ErrorKind.AUTH, local=True)
    lease = health.admit(0.0)
    assert health.replace_key(lease, missing, 0.0)
    assert lease.credential.name == "key-1"
    assert not health.replace_key(lease, missing, 0.0)
    lease.abandoned(0.0)
    refusal = health.refusal(1.0)
    assert refusal is not None
    assert refusal.until_s == POLICY.park_auth_s
    only = Watched(1, renewable=True)
    assert not only.replace_key(only.admit(0.0), missing, 0.0)
    assert only.refusal(0.0) is None


# Keys that change (F112)


def resolved(health: Watched, key: str, now_s: float = 0.0) -> Lease:
    """A lease with a key that was read just now."""
    lease = health.admit(now_s)
    health.resolved(lease.credential, Secret(key), now_s)
    lease.edition = lease.credential.edition
    return lease


def test_a_refusal_of_the_old_key_never_disables_the_new_one() -> None:
    health = Watched(1, renewable=True)
    old = [resolved(health, "old") for _ in range(20)]
    new = resolved(health, "new")
    for lease in old:
        lease.failed(REFUSED, 1.0)
    assert health.refusal(1.0) is None
    new.succeeded(2.0)
    assert health.told == []


def test_a_new_key_lifts_the_park_of_the_old_one() -> None:
    health = Watched(1, renewable=True)
    early, late = resolved(health, "old"), resolved(health, "old")
    early.failed(REFUSED, 0.0)
    assert health.refusal(0.0) is not None
    health.resolved(health.credentials.all[0], Secret("new"), 1.0)
    assert health.refusal(1.0) is None
    assert health.told[-1].reason == "renewed"
    late.failed(REFUSED, 2.0)
    assert health.refusal(2.0) is None


def test_a_key_that_is_new_for_every_call_is_parked_all_the_same() -> None:
    health = Watched(1, renewable=True)
    leases = [resolved(health, f"token {number}") for number in range(50)]
    for lease in leases:
        lease.failed(REFUSED, 1.0)
    assert health.refusal(1.0) is not None
    health.resolved(health.credentials.all[0], Secret("one more"), 2.0)
    assert health.refusal(2.0) is not None


def test_answers_between_make_old_refusals_forgotten() -> None:
    health = Watched(1, renewable=True)
    for number in range(10):
        old, new = resolved(health, f"token {number}"), resolved(health, f"token {number + 1}")
        old.failed(REFUSED, 1.0)
        assert health.refusal(1.0) is None
        new.succeeded(1.0)


def test_a_key_that_may_change_is_tried_again_soon_each_time() -> None:
    health = Watched(1, renewable=True)
    now_s = 0.0
    for _ in range(5):
        health.admit(now_s).failed(REFUSED, now_s)
        refusal = health.refusal(now_s)
        assert refusal is not None
        assert refusal.until_s == now_s + POLICY.park_auth_s
        now_s = refusal.until_s


def test_a_limit_belongs_to_the_account_whatever_the_key() -> None:
    health = Watched(1, renewable=True)
    old = resolved(health, "old")
    resolved(health, "new")
    old.failed(ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=9), 1.0)
    refusal = health.refusal(1.0)
    assert refusal is not None
    assert refusal.until_s == 10.0


def test_news_from_before_a_return_are_void() -> None:
    health = Watched(1)
    first, late = health.admit(0.0), health.admit(0.0)
    first.failed(REFUSED, 0.0)
    health.admit(60.0).committed(60.0)
    late.failed(REFUSED, 61.0)
    assert health.refusal(61.0) is None
