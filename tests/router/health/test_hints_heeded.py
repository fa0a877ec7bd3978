"""What a provider's delay does to the health of a target: short ones, long ones, and those of other kinds than 429."""

import random

import pytest
from standby.config import Health
from standby.providers import DISPOSITIONS
from standby.router.health.credentials import Credential
from standby.router.health.lease import Lease
from standby.router.health.target_health import TargetHealth

from standby import ErrorKind, HealthChanged, ProviderError

POLICY = Health(failures_in_row=3, open_s=5, open_max_s=40)
PATIENCE_S = 2.5
HEEDED = [kind for kind, row in DISPOSITIONS.items() if row.heeds_hint and not row.parks]
UNHEEDED = [kind for kind, row in DISPOSITIONS.items() if not row.heeds_hint and not row.parks]


class Target(TargetHealth):
    """A target with attempts that know how patient its calls are."""

    def __init__(self, keys: int = 1) -> None:
        self.told: list[HealthChanged] = []
        super().__init__(POLICY, random.Random(1), self.told.append, [Credential(place) for place in range(keys)])
        self.known_as("a")

    def refuse(self, now_s: float, hint_s: float | None, kind: ErrorKind = ErrorKind.RATE_LIMITED) -> Lease:
        """The next call is refused."""
        return self.end(self.admit(now_s), now_s, hint_s, kind)

    def end(
        self,
        lease: Lease,
        now_s: float,
        hint_s: float | None,
        kind: ErrorKind = ErrorKind.RATE_LIMITED,
        *,
        waited: bool = False,
    ) -> Lease:
        """This call is refused."""
        lease.patience_s, lease.hint_waited = PATIENCE_S, waited
        lease.failed(ProviderError(kind, retry_after_s=hint_s), now_s)
        return lease

    def back_s(self, now_s: float) -> float | None:
        """When it may be asked again; None: now."""
        refusal = self.refusal(now_s)
        return None if refusal is None else refusal.until_s


# A short hint


@pytest.mark.parametrize("hint_s", [0.001, 0.05, PATIENCE_S])
def test_one_short_hint_stops_no_other_call(hint_s: float) -> None:
    target = Target()
    target.refuse(1.0, hint_s)
    assert (target.refusal(1.0), target.calm, target.told) == (None, True, [])


def test_a_second_refusal_within_a_hint_parks_exactly_until_its_own() -> None:
    target = Target()
    target.refuse(1.0, 0.05)
    target.refuse(1.04, 0.5)
    assert target.back_s(1.04) == 1.54
    assert [(change.was, change.now, change.reason) for change in target.told] == [("closed", "parked", "rate_limited")]


def test_a_refusal_once_the_hint_is_over_is_again_the_first() -> None:
    target = Target()
    for number in range(100):
        target.refuse(number * 0.25, 0.25)
    assert (target.refusal(25.0), target.told) == (None, [])


def test_a_call_that_is_refused_after_its_wait_parks_exactly_until_the_hint() -> None:
    target = Target()
    target.refuse(0.0, 0.05)
    target.end(target.admit(0.05), 0.05, 0.25, waited=True)
    assert target.back_s(0.05) == 0.3


def test_short_parks_neither_grow_nor_shrink_and_begin_no_line() -> None:
    target = Target()
    target.refuse(0.0, 0.1)
    now_s = 0.0
    for _ in range(20):
        target.refuse(now_s, 0.1)
        assert target.back_s(now_s) == now_s + 0.1
        now_s += 0.1
    late = target.admit(now_s)
    target.end(late, now_s, 1.0)
    target.end(target.admit(now_s), now_s, 0.1)
    assert target.back_s(now_s) == now_s + 1.0, "later news never shorten a park"
    now_s += 1.0
    target.admit(now_s).committed(now_s)
    assert (target.refusal(now_s), target.returning, target.calm) == (None, None, True)
    target.refuse(now_s, 60.0)
    assert target.back_s(now_s) == now_s + 60.0, "short parks are no reason to believe a long hint less"
    target.admit(now_s + 60).committed(now_s + 60)
    assert target.returning is not None, "after a long park calls come back one after another"


def test_a_probe_that_is_refused_with_a_short_hint_parks_again() -> None:
    opened = Target()
    for _ in range(POLICY.failures_in_row):
        opened.refuse(0.0, None, ErrorKind.SERVER_ERROR)
    opened.refuse(5.0, 0.2)
    assert (opened.state(5.0), opened.back_s(5.0)) == ("parked", 5.2)
    opened.admit(5.2).committed(5.2)
    assert opened.returning is not None, "it was an outage all the same"
    parked = Target()
    parked.refuse(0.0, 30.0)
    parked.refuse(30.0, 0.2)
    assert parked.back_s(30.0) == 30.2


@pytest.mark.parametrize("hint_s", [0.0, None])
def test_nothing_to_wait_for_is_no_hint(hint_s: float | None) -> None:
    target = Target()
    error = ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=hint_s)
    for _ in range(9):
        target.refuse(0.0, hint_s)
    assert target.refusal(0.0) is None, "backoff comes first"
    target.gave_up(error, 1.0)
    assert target.back_s(1.0) == 1.0 + POLICY.park_rate_limited_s


def test_an_operator_that_restores_a_target_ends_its_hint_too() -> None:
    target = Target()
    target.refuse(0.0, 2.0)
    target.restore(0.5)
    target.refuse(0.5, 2.0)
    assert target.refusal(0.5) is None


# Several keys


def test_a_key_that_asked_to_wait_is_passed_over_while_another_is_free() -> None:
    target = Target(keys=3)
    asked = target.refuse(0.0, 0.5).credential.name
    assert asked == "key-2"
    error = ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=0.5)
    assert target.has_other_credential(error, 0.0), "the call goes on with another key at once"
    used = []
    for _ in range(6):
        lease = target.admit(0.1)
        used.append(lease.credential.name)
        lease.succeeded(0.1)
    assert used == ["key-3", "key-1"] * 3
    for _ in range(2):
        target.refuse(0.1, 0.5)
    assert not target.has_other_credential(error, 0.1), "each key has asked to wait"
    assert (target.refusal(0.1), target.told) == (None, []), "and none is parked: other calls go on"
    assert {target.admit(0.1).credential.name for _ in range(3)} == {"key-1", "key-2", "key-3"}
    target.admit(0.7).succeeded(0.7)
    assert target.calm


def test_a_second_refusal_parks_the_key_alone() -> None:
    target = Target(keys=2)
    first, second = target.admit(0.0), target.admit(0.0)
    target.end(first, 0.0, 0.5)
    target.end(second, 0.0, 0.5)
    target.refuse(0.1, 0.5)
    assert [(name, park.until_s) for name, park in target.parks()] == [("key-2", 0.6)]
    assert target.refusal(0.1) is None


# Other kinds than a rate limit


@pytest.mark.parametrize("kind", HEEDED)
def test_a_long_hint_parks_in_place_of_the_breakers_count(kind: ErrorKind) -> None:
    target = Target()
    for lease in [target.admit(0.0) for _ in range(9)]:
        target.end(lease, 0.0, 20.0, kind)
    assert (target.back_s(0.0), target.breaker.in_row, target.breaker.state) == (20.0, 0, "closed")
    assert [(change.now, change.reason) for change in target.told] == [("parked", kind.value)]
    target.admit(20.0).committed(20.5)
    assert (target.refusal(20.5), target.calm) == (None, True)
    assert target.returning is not None


@pytest.mark.parametrize("kind", HEEDED)
def test_such_a_park_is_no_longer_than_a_breaker_is_open(kind: ErrorKind) -> None:
    target = Target()
    now_s = 0.0
    for _ in range(3):
        target.refuse(now_s, 3600.0, kind)
        assert target.back_s(now_s) == now_s + POLICY.open_max_s
        now_s += POLICY.open_max_s


@pytest.mark.parametrize("kind", HEEDED)
def test_a_short_hint_of_a_failure_is_counted_as_ever(kind: ErrorKind) -> None:
    target = Target()
    for _ in range(POLICY.failures_in_row):
        assert target.park is None
        target.refuse(0.0, 0.5, kind)
    assert (target.breaker.state, target.park) == ("open", None)


def test_a_probe_that_fails_with_a_long_hint_parks_until_then() -> None:
    target = Target()
    for _ in range(POLICY.failures_in_row):
        target.refuse(0.0, None, ErrorKind.OVERLOADED)
    target.refuse(5.0, 30.0, ErrorKind.OVERLOADED)
    assert (target.state(5.0), target.back_s(5.0), target.probing) == ("parked", 35.0, False)
    target.admit(35.0).committed(35.0)
    assert (target.state(35.0), target.breaker.state) == ("closed", "closed")


@pytest.mark.parametrize("kind", UNHEEDED)
@pytest.mark.parametrize("hint_s", [0.5, 20.0, 1e9])
def test_no_hint_of_another_refusal_parks(kind: ErrorKind, hint_s: float) -> None:
    target = Target()
    target.refuse(0.0, hint_s, kind)
    assert (target.refusal(0.0), target.park) == (None, None)


def test_the_heeded_kinds_are_those_that_speak_of_the_provider() -> None:
    assert set(HEEDED) == {ErrorKind.SERVER_ERROR, ErrorKind.OVERLOADED, ErrorKind.TIMEOUT}
    assert ProviderError(ErrorKind.OVERLOADED, retry_after_s=9, local=True).heeded_s is None
    assert ProviderError(ErrorKind.QUOTA_EXHAUSTED, retry_after_s=9).heeded_s is None
