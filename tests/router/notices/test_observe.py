"""Observers are told everything and can harm nothing."""

import logging
import threading
from collections.abc import Callable

import pytest
from standby.router.notices.observers import QUEUE_MAX, AttemptEnded, CallEnded, Notice, Observers

from stage import Stage, perform, refuses, says, status, texts
from standby import Router

MakeStage = Callable[..., Stage]


def test_every_attempt_and_every_call_is_told(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=says("B"))
    told: list[Notice] = []

    async def play() -> None:
        async with Router(one.targets(), observers=[told.append], transport=one.transport) as router:
            await texts(router.stream("hi"))
            await router.complete("hi")

    perform(play())
    attempts = [(n.attempt.target, n.attempt.outcome) for n in told if isinstance(n, AttemptEnded)]
    assert attempts == [("a", "failed"), ("b", "finished")] * 2
    assert [n.report.outcome for n in told if isinstance(n, CallEnded)] == ["finished"] * 2


def test_one_that_raises_is_logged_once_and_the_others_go_on(
    stage: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    one = stage(a=status(401), b=says("B"))
    told: list[Notice] = []

    def broken(_: Notice) -> None:
        raise ValueError("with the caller's secret")

    async def play() -> None:
        async with Router(one.targets(), observers=[broken, told.append], transport=one.transport) as router:
            for _ in range(3):
                assert await texts(router.stream("hi")) == ["B"]

    with caplog.at_level(logging.WARNING, logger="standby"):
        perform(play())
    assert sum(isinstance(n, CallEnded) for n in told) == 3
    lines = [record.getMessage() for record in caplog.records if "observer_raised" in record.getMessage()]
    assert len(lines) == 1
    assert "ValueError" in lines[0]
    assert "secret" not in lines[0]


def test_one_that_hangs_loses_notices_and_delays_no_call(stage: MakeStage) -> None:
    release = threading.Event()
    observers = Observers([lambda _: release.wait() and None], lambda _: None)
    notice = CallEnded(None)  # type: ignore[arg-type]
    for _ in range(QUEUE_MAX + 50):
        observers.tell(notice)
    assert observers.counts.observers_dropped >= 49
    release.set()
    observers.close(10)
