"""Leases, probes, parks, slow start and isolation of one target; its keys are in `test_credentials.py`."""

import random

import pytest
from standby.config import Health
from standby.providers import DISPOSITIONS
from standby.router.health.target_health import TargetHealth

from standby import ErrorKind, HealthChanged, ProviderError

POLICY = Health(failures_in_row=3, open_s=5)


class Watched(TargetHealth):
    """Keeps the changes that it tells of, each of which would wake a waiting call."""

    def __init__(self, policy: Health = POLICY) -> None:
        self.told: list[HealthChanged] = []
        super().__init__(policy, random.Random(1), self.told.append)
        self.known_as("a")

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        return [(change.was, change.now, change.reason) for change in self.told]


def fail(health: TargetHealth, kind: ErrorKind, now_s: float = 0.0, **facts: object) -> None:
    health.admit(now_s).failed(ProviderError(kind, **facts), now_s)  # type: ignore[arg-type]


def opened() -> Watched:
    health = Watched()
    for _ in range(3):
        fail(health, ErrorKind.SERVER_ERROR)
    return health


def test_reading_takes_nothing() -> None:
    health = opened()
    for _ in range(3):
        refusal = health.refusal(1.0)
        assert refusal is not None
        assert refusal.reason == "breaker_open"
    assert health.refusal(5.0) is None
    assert health.refusal(5.0) is None


def test_one_probe_at_a_time() -> None:
    health = opened()
    health.admit(5.0)
    refusal = health.refusal(5.0)
    assert refusal is not None
    assert (refusal.reason, refusal.until_s) == ("probing", None)


def test_a_probe_reports_at_its_first_useful_delta() -> None:
    health = opened()
    probe = health.admit(5.0)
    probe.committed(5.5)
    assert health.refusal(5.5) is None
    assert health.changes[-1] == ("half_open", "closed", "answered")
    probe.failed(ProviderError(ErrorKind.STALLED), 9.0)
    assert health.breaker.state == "closed"


def test_a_cancelled_probe_frees_its_place_and_never_closes_the_breaker() -> None:
    health = opened()
    health.admit(5.0).abandoned(5.1)
    assert health.breaker.state == "open"
    assert health.refusal(5.1) is None
    assert health.changes[-1] == ("half_open", "open", "abandoned")


def test_a_lease_is_settled_once() -> None:
    health = Watched()
    lease = health.admit(0.0)
    for _ in range(10):
        lease.failed(ProviderError(ErrorKind.SERVER_ERROR), 0.0)
    assert health.refusal(0.0) is None


def test_outcomes_of_an_older_epoch_are_ignored() -> None:
    health = Watched()
    late = [health.admit(0.0) for _ in range(4)]
    for _ in range(3):
        fail(health, ErrorKind.SERVER_ERROR)
    probe = health.admit(5.0)
    late[0].succeeded(5.0)
    late[1].failed(ProviderError(ErrorKind.SERVER_ERROR), 5.0)
    assert health.breaker.state == "half_open"
    probe.committed(5.1)
    late[2].failed(ProviderError(ErrorKind.SERVER_ERROR), 5.2)
    assert health.breaker.state == "closed"


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_each_kind_hurts_as_its_disposition_says(kind: ErrorKind) -> None:
    health = Watched()
    for _ in range(3):
        fail(health, kind)
    disposition = DISPOSITIONS[kind]
    assert (health.breaker.state == "open") is (disposition.health > 0)
    parked_by_a_hint_only = kind is ErrorKind.RATE_LIMITED
    assert (health.park is not None) is (disposition.parks and not parked_by_a_hint_only)


def test_local_causes_and_reused_connections_hurt_no_target() -> None:
    health = Watched()
    for _ in range(9):
        fail(health, ErrorKind.CONNECT, local=True)
        fail(health, ErrorKind.AUTH, local=True)
        fail(health, ErrorKind.DISCONNECTED, reused_connection=True)
    assert health.refusal(0.0) is None


@pytest.mark.parametrize(
    ("hint_s", "park_s"), [(7.0, 7.0), (0.5, 0.5), (1e9, POLICY.park_max_s)], ids=["7 s", "0.5 s", "1e9 s"]
)
def test_a_hint_of_any_size_is_honoured_by_parking(hint_s: float, park_s: float) -> None:
    health = Watched()
    fail(health, ErrorKind.RATE_LIMITED, 10.0, retry_after_s=hint_s)
    assert health.park is not None
    assert health.park.until_s == 10.0 + park_s
    assert health.refusal(10.0 + park_s) is None


def test_a_park_ends_with_one_probe() -> None:
    health = Watched()
    fail(health, ErrorKind.AUTH)
    refusal = health.refusal(0.0)
    assert refusal is not None
    assert refusal.until_s == POLICY.park_auth_s
    probe = health.admit(refusal.until_s)
    assert health.refusal(refusal.until_s) is not None
    probe.failed(ProviderError(ErrorKind.AUTH), refusal.until_s)
    assert health.refusal(refusal.until_s + 1) is not None
    again = health.admit(3 * refusal.until_s)
    again.committed(3 * refusal.until_s)
    assert health.park is None
    assert health.refusal(3 * refusal.until_s) is None


def test_a_park_is_extended_and_never_shortened() -> None:
    health = Watched()
    first, second = health.admit(0.0), health.admit(0.0)
    first.failed(ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=60), 0.0)
    second.failed(ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=1), 0.5)
    assert health.park is not None
    assert health.park.until_s == 60


def test_a_rate_limit_without_a_hint_parks_only_when_its_retries_are_used_up() -> None:
    health = Watched()
    error = ProviderError(ErrorKind.RATE_LIMITED)
    health.admit(0.0).failed(error, 0.0)
    assert health.refusal(0.0) is None
    health.gave_up(error, 1.0)
    refusal = health.refusal(1.0)
    assert refusal is not None
    assert refusal.until_s == 1.0 + POLICY.park_rate_limited_s


def test_a_last_resort_beside_a_probe_leaves_the_probe_its_task() -> None:
    health = opened()
    probe = health.admit(5.0)
    extra = health.admit(5.0)
    extra.failed(ProviderError(ErrorKind.SERVER_ERROR), 5.1)
    extra_too = health.admit(5.1)
    extra_too.succeeded(5.2)
    assert health.breaker.state == "half_open"
    probe.committed(5.3)
    assert health.breaker.state == "closed"


def test_a_changes_story() -> None:
    health = opened()
    health.admit(5.0).failed(ProviderError(ErrorKind.SERVER_ERROR), 5.1)
    second = health.breaker.until_s
    health.admit(second).abandoned(second + 1)
    health.admit(second + 1).committed(second + 2)
    assert health.changes == [
        ("closed", "open", "server_error"),
        ("open", "half_open", "probe"),
        ("half_open", "open", "server_error"),
        ("open", "half_open", "probe"),
        ("half_open", "open", "abandoned"),
        ("open", "half_open", "probe"),
        ("half_open", "closed", "answered"),
    ]
    opening = health.told[0]
    assert (opening.target, opening.at_s, opening.credential) == ("a", 0.0, None)
    assert opening.until_s is not None
    assert 4.5 <= opening.until_s <= 5.0


def test_what_is_told_of_a_park() -> None:
    health = Watched()
    fail(health, ErrorKind.NOT_FOUND)
    health.admit(60.0).committed(60.5)
    assert health.changes == [
        ("closed", "parked", "not_found"),
        ("parked", "half_open", "probe"),
        ("half_open", "closed", "answered"),
    ]
    assert health.told[0].until_s == POLICY.park_not_found_s


def test_each_name_of_a_target_is_told_of() -> None:
    health = Watched()
    for name in ("b", "a"):
        health.known_as(name)
    fail(health, ErrorKind.AUTH)
    assert [change.target for change in health.told] == ["a", "b"]


# Parks that grow


def probe_until_s(health: TargetHealth, error: ProviderError) -> float:
    """Let the next probe meet this error; how long the park is then."""
    now_s = 0.0 if health.park is None else health.park.until_s
    health.admit(now_s).failed(error, now_s)
    assert health.park is not None
    return health.park.until_s - now_s


def test_the_same_refusal_again_doubles_the_park_up_to_its_limit() -> None:
    health = Watched()
    spans = [probe_until_s(health, ProviderError(ErrorKind.AUTH)) for _ in range(6)]
    assert spans == [60, 120, 240, 480, 900, 900]
    assert health.park is not None
    health.admit(1e6).committed(1e6)
    fail(health, ErrorKind.AUTH, 1e6)
    assert health.park is not None
    assert health.park.until_s == 1e6 + 60


def test_another_refusal_begins_anew() -> None:
    health = Watched()
    kinds = (ErrorKind.AUTH, ErrorKind.AUTH, ErrorKind.QUOTA_EXHAUSTED, ErrorKind.AUTH)
    assert [probe_until_s(health, ProviderError(kind)) for kind in kinds] == [60, 120, 600, 60]


def test_calls_in_flight_together_are_one_refusal() -> None:
    health = Watched()
    leases = [health.admit(0.0) for _ in range(10)]
    for lease in leases:
        lease.failed(ProviderError(ErrorKind.AUTH), 1.0)
    assert health.park is not None
    assert (health.park.until_s, health.park.times) == (61, 1)


def test_a_hint_is_believed_once() -> None:
    """A provider that names an instant that is too early for ever is not asked for ever."""
    health = Watched()
    spans = [probe_until_s(health, ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=0.5)) for _ in range(5)]
    assert spans == [0.5, 5, 10, 20, 40]
    health = Watched()
    spans = [probe_until_s(health, ProviderError(ErrorKind.RATE_LIMITED, retry_after_s=30.0)) for _ in range(5)]
    assert spans == [30, 30, 30, 30, 40]


# Slow start


def test_slow_start_rises_from_a_tenth_to_all() -> None:
    health = opened()
    assert (health.ramp.from_s, health.share(1.0)) == (None, 1.0)
    health.admit(5.0).committed(5.0)
    assert health.ramp.from_s is not None
    assert [round(health.share(5.0 + passed_s), 2) for passed_s in (0, 2.5, 5, 7.5, 9.99)] == [0.1, 0.33, 0.55, 0.78, 1]
    assert health.share(15.0) == 1.0
    assert health.ramp.from_s is None


def test_without_a_slow_start_it_is_back_at_once() -> None:
    health = Watched(Health(failures_in_row=1, slow_start_s=0))
    fail(health, ErrorKind.SERVER_ERROR)
    health.admit(5.0).committed(5.0)
    assert (health.ramp.from_s, health.share(5.0)) == (None, 1.0)


def test_a_park_that_ends_needs_no_slow_start() -> None:
    health = Watched()
    fail(health, ErrorKind.AUTH)
    health.admit(60.0).committed(60.0)
    assert health.ramp.from_s is None


# Slow calls


def slow() -> Watched:
    """Opened by slow calls."""
    health = Watched(Health(slow_call_s=1, window_min_calls=2))
    for _ in range(2):
        lease = health.admit(0.0)
        lease.slow = True
        lease.succeeded(2.0)
    return health


def test_slow_calls_open_the_breaker_and_say_so() -> None:
    health = slow()
    assert health.changes == [("closed", "open", "slow")]
    assert health.reason(2.0) == "slow"


def test_a_slow_call_is_slow_however_it_ends() -> None:
    for end in ("succeeded", "abandoned", "failed"):
        health = Watched(Health(slow_call_s=1, window_min_calls=3))
        for _ in range(3):
            lease = health.admit(0.0)
            lease.slow = True
            if end == "failed":
                lease.failed(ProviderError(ErrorKind.FIRST_TOKEN_TIMEOUT), 2.0)
            else:
                getattr(lease, end)(2.0)
        assert health.breaker.state == "open", end


def test_a_call_that_its_caller_left_in_time_is_nothing() -> None:
    health = Watched(Health(slow_call_s=1, window_min_calls=1))
    for _ in range(20):
        health.admit(0.0).abandoned(0.5)
    assert health.breaker.window(0.5).calls == 0
    assert health.changes == []


def test_a_slow_probe_opens_again_what_slowness_opened() -> None:
    health = slow()
    probe = health.admit(10.0)
    probe.slow = True
    probe.committed(12.0)
    assert health.changes[-1] == ("half_open", "open", "slow")
    assert health.refusal(12.0) is not None


# By hand


def test_an_isolated_target_is_not_asked_until_it_is_restored() -> None:
    health = Watched()
    under_way = health.admit(0.0)
    health.isolate(1.0)
    for now_s in (1.0, 1e9):
        refusal = health.refusal(now_s)
        assert refusal is not None
        assert (refusal.reason, refusal.until_s) == ("isolated", None)
    under_way.succeeded(2.0)
    health.restore(3.0)
    assert health.refusal(3.0) is None
    assert health.changes == [("closed", "isolated", "isolated"), ("isolated", "closed", "restored")]


def test_an_isolation_may_end_by_itself() -> None:
    health = Watched()
    health.isolate(0.0, 60.0)
    refusal = health.refusal(59.0)
    assert refusal is not None
    assert refusal.until_s == 60.0
    assert health.refusal(60.0) is None
    assert not health.admit(60.0).probe
    assert health.changes[-1] == ("isolated", "closed", "isolation_over")


def test_to_restore_ends_whatever_it_was_left_alone_for() -> None:
    for begin in (opened, slow, lambda: parked(ErrorKind.NOT_FOUND), lambda: parked(ErrorKind.AUTH)):
        health = begin()
        health.restore(2.5)
        assert health.refusal(2.5) is None
        assert not health.admit(2.5).probe
        assert health.changes[-1][1:] == ("closed", "restored")
    health = opened()
    probe = health.admit(5.0)
    health.restore(6.0)
    probe.failed(ProviderError(ErrorKind.SERVER_ERROR), 7.0)
    assert health.refusal(7.0) is None


def parked(kind: ErrorKind) -> Watched:
    health = Watched()
    fail(health, kind)
    return health
