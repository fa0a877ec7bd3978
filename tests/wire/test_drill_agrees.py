"""A drill agrees with what happens on real sockets: the same route, outage and policies, in a hundredth of the time.

The real calls follow each other at equal distances, and the outage begins and ends with a call, not at a time: on a
machine that stands still for a while there are neither fewer nor more of them in it. An open breaker waits for a
hundredth of the whole, so that its last wait, which does depend on the time, moves no more calls than that.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from standby.config import Health, Retry, load
from standby.simulator.drill.drill import drill
from standby.simulator.drill.words import Spell

from standby import CallFailed, Config, ErrorKind, Router
from standby.testing import Answer, Failure, Request, Scenario, Script, Simulator

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "minimal.yaml"
FOR_S, DOWN_S = 300.0, (60.0, 120.0)
FASTER = 100
CALLS = 300
FIRST_DELTA_S = 0.4


def configured(faster: float) -> Config:
    """The example, with the times of its policies divided."""
    config = load(EXAMPLE)
    open_s = FOR_S / 100 / faster
    health = Health(open_s=open_s, open_max_s=open_s, slow_start_s=0, window_s=30 / faster)
    retry = Retry(backoff_s=0.5 / faster, backoff_max_s=8 / faster)
    return replace(config, health=health, retry=retry)


async def on_sockets(config: Config) -> Counter[str]:
    """How many of the calls each target answers on loopback, while the first one is down for its share of them."""
    down = False

    def play(request: Request) -> Script:
        if down and request.provider == "koala":
            return Script(Failure(ErrorKind.SERVER_ERROR, status=503))
        return Script(Answer("Hello."), head_delay_s=FIRST_DELTA_S / FASTER)

    served: Counter[str] = Counter()

    async def call(router: Router) -> None:
        try:
            served[(await router.complete("Hi.")).report.target or ""] += 1
        except CallFailed as failed:
            served[failed.kind.value] += 1

    played = {name: Scenario(play, "koala" if name == "koala" else "openai") for name in config.targets}
    async with Simulator(played) as simulator:
        targets = {name: replace(target, base_url=simulator.base_url(name)) for name, target in config.targets.items()}
        async with Router(replace(config, targets=targets)) as router:
            calls = []
            for number in range(CALLS):
                down = DOWN_S[0] <= number * FOR_S / CALLS < DOWN_S[1]
                calls.append(asyncio.create_task(call(router)))
                await asyncio.sleep(FOR_S / FASTER / CALLS)
            await asyncio.gather(*calls)
    return served


async def test_shares_of_a_drill_are_those_of_real_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "GROQ_API_KEY"):
        monkeypatch.setenv(name, "any text")
    spells = [Spell("koala", "fail", *DOWN_S)]
    drilled = await asyncio.to_thread(drill, configured(1), spells, rate=5, for_s=FOR_S)
    real = await on_sockets(configured(FASTER))

    assert drilled.availability == 1
    assert real.total() == CALLS
    assert real.keys() <= drilled.served.keys(), "a real call failed"
    for target, count in drilled.served.items():
        assert real[target] / CALLS == pytest.approx(count / drilled.calls, rel=0.1), target
    assert 0.15 < drilled.served["openai"] / drilled.calls < 0.3
