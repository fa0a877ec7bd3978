"""Total silence ends at the deadline, on real sockets: whichever target is silent, in any way, and however asked."""

import asyncio
from collections.abc import Callable

import pytest

from playing import Playing
from standby import CallFailed, ErrorKind, Router, Target
from standby.testing import At, Pings, Script, Stall

DEADLINE_S = 0.5
TOLERANCE_S = 0.05

Silence = Callable[[Playing, str], str]


def _played(*faults: Stall | Pings) -> Silence:
    def where(simulator: Playing, name: str) -> str:
        simulator.play(name, Script("Never heard.", faults))
        return simulator.base_url(name)

    return where


SILENCES: dict[str, Silence] = {
    "the connection is never taken": lambda simulator, _: simulator.black_hole_url(),
    "no head": _played(Stall(At.head())),
    "no body": _played(Stall(At.body(0))),
    "no delta": _played(Stall(At.delta(0))),
    "only pings": _played(Pings(At.delta(0), every_s=0.02)),
}


async def _lag(began_s: float) -> float:
    """Until cancelled: by how much this machine let the loop oversleep at most, beyond what any machine does."""
    loop, most_s = asyncio.get_running_loop(), 0.0
    try:
        while True:
            await asyncio.sleep(0.005)
            ended_s = loop.time()
            began_s, most_s = ended_s, max(most_s, ended_s - began_s - 0.005)
    except asyncio.CancelledError:
        return max(0.0, max(most_s, loop.time() - began_s - 0.005) - 0.01)


@pytest.mark.parametrize("whole", [False, True], ids=["stream", "complete"])
@pytest.mark.parametrize("targets", [1, 2, 3])
@pytest.mark.parametrize("silence", SILENCES)
async def test_total_silence_ends_at_the_deadline(simulator: Playing, silence: str, targets: int, whole: bool) -> None:
    where = SILENCES[silence]
    names = [f"silent-{number}" for number in range(targets)]
    route = [Target("openai", model="m", name=name, key="k", base_url=where(simulator, name)) for name in names]
    async with Router(route) as router:
        router.explain()  # loads the provider, so that the clock sees the call alone
        began_s = asyncio.get_running_loop().time()
        lag = asyncio.create_task(_lag(began_s))
        with pytest.raises(CallFailed) as caught:
            if whole:
                await router.complete("Hello?", deadline_s=DEADLINE_S)
            else:
                async with router.stream("Hello?", deadline_s=DEADLINE_S) as stream:
                    async for _ in stream:
                        pass
        took_s = asyncio.get_running_loop().time() - began_s
        lag.cancel()
    lag_s = await lag
    assert took_s == pytest.approx(DEADLINE_S, abs=TOLERANCE_S + 2 * lag_s)
    assert caught.value.kind is ErrorKind.DEADLINE
    asked = [attempt.target for attempt in caught.value.report.attempts]
    assert asked == names[: len(asked)]
    assert len(asked) == targets or lag_s > TOLERANCE_S, "every target has had a turn"
