"""How a server ends, in virtual time, with a server of the test's own."""

import asyncio
from collections.abc import Callable

import pytest
from standby.gateway.process.ending import BROKEN_OFF, DONE, LAST_WORDS_S, Drain, Stop, end
from standby.simulator.virtual.loop import perform

STEP_S = 1.0


class Played:
    """A server, its listeners and its service in one, which writes down what is done to it.

    Args:
        answers_s: When each answer is done by itself.
        heeds: Answers end when they are told that the server does.
    """

    def __init__(self, answers_s: list[float], *, heeds: bool = True) -> None:
        self.log: list[tuple[float, str]] = []
        self._answers = {
            number: asyncio.create_task(asyncio.sleep(after_s)) for number, after_s in enumerate(answers_s)
        }
        self._heeds = heeds

    def _write(self, what: str) -> None:
        if (asyncio.get_running_loop().time(), what) not in self.log:
            self.log.append((asyncio.get_running_loop().time(), what))

    @property
    def in_flight(self) -> int:
        return sum(not each.done() for each in self._answers.values())

    def leaving(self) -> None:
        self._write("not ready")

    def leave(self) -> None:
        self._write("connections close behind answers")

    def close(self) -> None:
        if "deaf" not in [what for _, what in self.log]:
            self._write("deaf")

    def close_idle(self) -> None:
        if "idle closed" not in [what for _, what in self.log]:
            self._write("idle closed")

    def abort(self) -> None:
        self._write(f"abort {self.in_flight}")
        for each in self._answers.values():
            each.cancel()

    async def emptied(self) -> None:
        while self.in_flight:
            await asyncio.wait([each for each in self._answers.values() if not each.done()])

    async def last_words(self) -> None:
        self._write("last words")
        if self._heeds:
            for each in self._answers.values():
                each.cancel()
        await asyncio.sleep(3600)


def played(
    answers_s: list[float], *, asks: Callable[[Stop], None] = lambda stop: None, heeds: bool = True
) -> tuple[int, list[tuple[float, str]]]:
    """Let it end at 0 s; the exit code, and what was done when."""

    async def act() -> tuple[int, list[tuple[float, str]]]:
        held, stop = Played(answers_s, heeds=heeds), Stop()
        stop.ask()
        asks(stop)
        return await end(held, held, held, Drain(delay_s=5, wait_s=600), stop), held.log

    return perform(act())


BEGINS = [(0, "not ready"), (0, "connections close behind answers")]


def test_without_answers_it_ends_once_balancers_have_seen_it() -> None:
    assert played([]) == (DONE, [*BEGINS, (5, "deaf"), (5, "idle closed"), (5, "abort 0")])


def test_answers_under_way_come_to_their_end() -> None:
    code, log = played([3, 100.5, 599])
    assert code == DONE
    assert log == [*BEGINS, (5, "deaf"), (5, "idle closed"), (599, "abort 0")]


@pytest.mark.parametrize("heeds", [True, False])
def test_an_answer_that_takes_longer_is_told_and_then_cut_off(heeds: bool) -> None:
    code, log = played([100, 10_000], heeds=heeds)
    assert code == BROKEN_OFF
    ends_s, left = (605, 0) if heeds else (605 + LAST_WORDS_S, 1)
    assert log[2:] == [(5, "deaf"), (5, "idle closed"), (605, "last words"), (ends_s, f"abort {left}")]


@pytest.mark.parametrize("at_s", [0.0, 2.0, 50.0, 606.0])
def test_asked_again_it_ends_at_once(at_s: float) -> None:
    def asks(stop: Stop) -> None:
        asyncio.get_running_loop().call_later(at_s, stop.ask)

    code, log = played([10_000], asks=asks, heeds=False)
    assert code == BROKEN_OFF
    assert log[-1] == (at_s, "abort 1")
    assert (at_s, "deaf") in log or at_s > 5


def test_asked_again_without_an_answer_under_way_nothing_is_broken_off() -> None:
    code, log = played([1], asks=lambda stop: (asyncio.get_running_loop().call_later(2, stop.ask), None)[1])
    assert (code, log[-1]) == (DONE, (2, "abort 0"))
