"""The breaker: a table of its edges. `test_breaker_model.py` has it beside a reference."""

import random

from standby.config import Health
from standby.router.health.breaker import Breaker, Window

POLICY = Health(failures_in_row=3, failure_ratio=0.5, window_s=30, window_min_calls=10, open_s=5, open_max_s=20)


def breaker(policy: Health = POLICY) -> Breaker:
    return Breaker(policy, random.Random(1))


def fail(one: Breaker, times: int, now_s: float = 0.0) -> None:
    for _ in range(times):
        one.failed(now_s)


def test_failures_in_a_row_open_it() -> None:
    one = breaker()
    fail(one, 2)
    assert one.state == "closed"
    one.failed(0.0)
    assert one.state == "open"
    assert not one.admits(0.0)


def test_a_success_ends_the_row() -> None:
    one = breaker()
    for _ in range(3):
        fail(one, 2)
        one.succeeded(0.0)
    assert one.state == "closed"


def test_the_ratio_opens_it_from_so_many_calls_within_the_window() -> None:
    one = breaker()
    for _ in range(4):
        one.succeeded(0.0)
        one.failed(0.0)
    one.succeeded(0.0)
    assert one.state == "closed"  # 4 of 9
    one.failed(0.0)
    assert one.state == "open"  # 5 of 10


def test_outcomes_older_than_the_window_no_longer_count() -> None:
    one = breaker()
    for second in range(8):
        one.failed(float(second)) if second % 2 else one.succeeded(float(second))
    one.succeeded(60.0)
    one.failed(60.0)
    assert one.state == "closed"


def test_half_a_failure_counts_half_in_the_ratio() -> None:
    one = breaker(Health(failures_in_row=100, failure_ratio=0.5, window_min_calls=10))
    for _ in range(12):
        one.failed(0.0, 0.4)
    assert one.state == "closed"
    one.failed(0.0, 1.0)
    one.failed(0.0, 1.0)
    one.failed(0.0, 1.0)
    assert one.state == "open"


def test_it_admits_a_probe_once_its_time_is_up_and_closes_when_that_succeeds() -> None:
    one = breaker()
    fail(one, 3)
    assert 4.5 <= one.until_s <= 5.0
    assert not one.admits(4.49)
    assert one.admits(5.0)
    one.begin_probe()
    assert not one.admits(5.0)
    one.succeeded(5.1)
    assert one.state == "closed"


def test_every_failed_probe_doubles_the_open_time_up_to_its_limit() -> None:
    one = breaker()
    fail(one, 3)
    spans = []
    for _ in range(4):
        now_s = one.until_s
        one.begin_probe()
        one.failed(now_s)
        spans.append(one.until_s - now_s)
    for span, longest in zip(spans, (10, 20, 20, 20), strict=True):
        assert 0.9 * longest <= span <= longest


def test_each_sound_window_forgets_one_doubling() -> None:
    for sound_s, longest in ((1, 20), (29, 20), (30, 10), (59, 10), (60, 5), (1e6, 5)):
        one = breaker()
        fail(one, 3)
        one.begin_probe()
        one.failed(5.0)
        one.begin_probe()
        one.succeeded(20.0)
        fail(one, 3, 20.0 + sound_s)
        assert 0.9 * longest <= one.until_s - 20.0 - sound_s <= longest, sound_s


def test_a_target_that_flaps_is_left_alone_for_longer_and_longer() -> None:
    """Five seconds well, five seconds down, over and over (F73)."""
    one, now_s, opened = breaker(), 0.0, []
    while now_s < 600:
        if one.state == "closed" or one.admits(now_s):
            if one.state == "open":
                one.begin_probe()
            epoch = one.epoch
            one.succeeded(now_s) if now_s % 10 < 5 else one.failed(now_s)
            if one.state == "open" and one.epoch != epoch:
                opened.append(one.until_s - now_s)
        now_s += 0.5
    assert opened[0] <= 5
    assert max(opened) <= POLICY.open_max_s
    assert [span for span in opened[2:] if span < 0.9 * POLICY.open_max_s] == []
    assert len(opened) <= 600 / POLICY.open_max_s * 1.1 + 3


def test_well_for_exactly_one_call_it_is_open_again_at_once() -> None:
    """F75, with a policy that wants to see more than one success."""
    one = breaker(Health(failures_in_row=3, probes_to_close=3, open_s=5))
    fail(one, 3)
    one.begin_probe()
    one.succeeded(5.0)
    assert (one.state, one.admits(5.0)) == ("open", True)
    one.begin_probe()
    one.failed(5.1)
    assert not one.admits(9.0)
    now_s = one.until_s
    for _ in range(3):
        assert one.state == "open"
        one.begin_probe()
        one.succeeded(now_s)
    assert one.state == "closed"


def slow_policy(**settings: object) -> Health:
    return Health(slow_call_s=1, slow_ratio=0.5, window_min_calls=4, **settings)  # type: ignore[arg-type]


def test_a_share_of_slow_calls_opens_it() -> None:
    one = breaker(slow_policy())
    for slow in (True, False, False):
        one.succeeded(0.0, slow=slow)
    assert one.state == "closed"
    one.succeeded(0.0, slow=True)
    assert (one.state, one.cause) == ("open", "slow")


def test_slow_answers_are_answers_they_end_a_row_and_are_no_failures() -> None:
    one = breaker(slow_policy(failures_in_row=3, failure_ratio=0.9))
    for _ in range(2):
        fail(one, 2)
        one.succeeded(0.0, slow=True)
        one.succeeded(0.0)
    assert one.state == "closed"
    assert one.window(0.0) == Window(8, 0.5, 0.25)


def test_only_slow_calls_within_the_window_count() -> None:
    one = breaker(slow_policy())
    for _ in range(3):
        one.succeeded(0.0, slow=True)
    for second in (31.0, 32.0, 33.0):
        one.succeeded(second)
    one.succeeded(34.0, slow=True)
    assert one.state == "closed"
    assert one.window(34.0).slow_ratio == 0.25


def test_a_call_that_was_left_for_being_slow_is_slow_and_ends_no_row() -> None:
    one = breaker(slow_policy(failures_in_row=3))
    fail(one, 2)
    one.left_slow(0.0)
    assert one.in_row == 2
    one.left_slow(0.0)
    assert (one.state, one.cause) == ("open", "slow")


def test_a_probe_must_show_that_the_cause_is_gone() -> None:
    failing = breaker(slow_policy(failures_in_row=3))
    fail(failing, 3)
    failing.begin_probe()
    failing.succeeded(5.0, slow=True)
    assert failing.state == "closed"
    for settle in (lambda one: one.succeeded(5.0, slow=True), lambda one: one.left_slow(5.0)):
        slow = breaker(slow_policy(failures_in_row=100))
        for _ in range(4):
            slow.succeeded(0.0, slow=True)
        slow.begin_probe()
        settle(slow)
        assert slow.state == "open"
        assert slow.until_s > 5.0
        slow.begin_probe()
        slow.succeeded(20.0)
        assert slow.state == "closed"


def test_an_abandoned_probe_proves_nothing_and_the_next_call_probes() -> None:
    one = breaker()
    fail(one, 3)
    one.begin_probe()
    one.abandon_probe(6.0)
    assert one.state == "open"
    assert one.admits(6.0)


def test_every_change_of_state_begins_an_epoch() -> None:
    one = breaker()
    epochs = [one.epoch]
    fail(one, 3)
    epochs.append(one.epoch)
    one.begin_probe()
    epochs.append(one.epoch)
    one.succeeded(5.0)
    epochs.append(one.epoch)
    assert epochs == [0, 1, 2, 3]
