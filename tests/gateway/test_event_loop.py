"""The loop that the gateway runs: the quick one where it is installed, with a clock that is exact."""

import asyncio
import time

import pytest
from standby.gateway.process import event_loop
from standby.gateway.process.event_loop import new_event_loop


def run(main: object) -> object:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)  # type: ignore[arg-type]


def test_the_clock_goes_on_within_a_turn_of_the_loop() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        began_s, real_s = loop.time(), time.monotonic()
        while time.monotonic() - real_s < 0.002:
            pass  # no turn ends meanwhile
        return loop.time() - began_s, time.monotonic() - real_s

    seen_s, real_s = run(main())  # type: ignore[misc]
    assert 0.002 <= seen_s <= real_s + 0.001


def test_timers_are_kept_by_that_clock() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        seen: list[str] = []
        done = asyncio.Event()
        began_s = loop.time()
        loop.call_at(began_s + 0.03, lambda: (seen.append("late"), done.set()))
        loop.call_later(0.01, seen.append, "soon")
        cancelled = loop.call_at(began_s + 0.02, seen.append, "never")
        cancelled.cancel()
        async with asyncio.timeout_at(began_s + 5):
            await done.wait()
        assert loop.time() - began_s >= 0.028
        return seen

    assert run(main()) == ["soon", "late"]


def test_without_the_extra_it_is_the_standard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_loop, "find_spec", lambda name: None)
    loop = new_event_loop()
    loop.close()
    assert type(loop).__module__.startswith("asyncio.")
