"""The sixteen scenarios of the public failoverbench once more, on real sockets and in a short profile.

Every time of the full profile is divided by ten, in the outage by forty; what was measured is multiplied back before it
is judged.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from standby.config import Health, Limits, Retry

from failoverbench import (
    ANSWER,
    CUT_AFTER,
    EVERY_S,
    FALLBACK,
    HINT_S,
    MALFORMED_AT,
    OUTAGE_S,
    PRIMARY,
    SCENARIOS,
    SLOW_S,
    STALL_AFTER,
    WORDS,
    Run,
    Scenario,
)
from standby import CallFailed, Config, ErrorKind, Route, Router, Target
from standby.testing import Answer, At, Cut, Failure, LeaveOut, Malformed, Request, Script, Simulator, Stall

FASTER, FASTER_OUTAGE = 10, 40
CALLS = 24
"""Of the outage: its last probe may be a second before its end, and the next one follows after `open_max_s`, 30 s."""
PROMPT = "Explain in exactly sixty words what a standby is for."
Step = Script | Answer | Failure

WELL = Answer(WORDS)
OVERLOADED = Failure(ErrorKind.OVERLOADED)
PREFILL_REFUSED = Failure(
    ErrorKind.BAD_REQUEST, message="This model does not support assistant message prefill.", code="invalid_prefill"
)

PRIMARIES: dict[str, Sequence[Step]] = {
    "S01": (Failure(ErrorKind.RATE_LIMITED, retry_after_s=HINT_S / FASTER), WELL),
    "S02": (Failure(ErrorKind.RATE_LIMITED),),
    "S03": (Failure(ErrorKind.SERVER_ERROR), WELL),
    "S04": (OVERLOADED,),
    "S05": (Script(WELL, (Cut(At.head(), rst=True),)), WELL),
    "S06": (Script(WELL, (Stall(At.head()),)),),
    "S07": (Script(WELL, first_delay_s=SLOW_S / FASTER),),
    "S08": (Script(WELL, (Cut(At.delta(CUT_AFTER)),)),),
    "S09": (Script(WELL, (Stall(At.delta(STALL_AFTER)),)),),
    "S10": (Script(WELL, (Malformed(At.delta(MALFORMED_AT - 1)),)),),
    "S11": (Script(WELL, (LeaveOut(("marker",)),)),),
    "S12": (Failure(ErrorKind.CONTEXT_LENGTH),),
    "S13": (Failure(ErrorKind.CONTENT_FILTER, code="content_policy_violation"),),
    "S14": (Script(WELL, (Cut(At.delta(CUT_AFTER)),)),),
    "S15": (OVERLOADED, WELL),
    "S16": (OVERLOADED,),
}
SHORT = {"S06": Limits(first_delta_s=0.15), "S07": Limits(first_delta_s=0.15), "S09": Limits(stall_s=0.15)}
"""Clocks are short only where one shall ring: a busy machine may make any target slow."""


class Bench:
    """One scenario on the simulator: what was asked when, and what is said."""

    def __init__(self, scenario: Scenario, simulator: Simulator) -> None:
        self.faster = FASTER_OUTAGE if scenario.key == "S15" else FASTER
        self.run = Run()
        self._scenario, self._simulator = scenario, simulator
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        simulator.play("primary", self._noted("primary", self._primary))
        simulator.play("fallback", self._noted("fallback", self._fallback))

    def now_s(self) -> float:
        """Since the beginning, as it would be in the full profile."""
        return (self._loop.time() - self._began_s) * self.faster

    def router(self) -> Router:
        key, faster = self._scenario.key, self.faster
        targets = {
            name: Target(provider, model=model, name=name, key="k", base_url=self._simulator.base_url(name), **knows)
            for name, provider, model, knows in (
                ("primary", "openai", PRIMARY, {}),
                ("fallback", "vllm", FALLBACK, {"capabilities": {"prefill": "plain"}}),
            )
        }
        own = Health()
        return Router(
            Config(
                targets=targets,
                routes={"bench": Route(tuple(targets), deadline_s=30)},
                limits=SHORT.get(key, Limits()),
                retry=Retry(backoff_s=0.5 / faster, backoff_max_s=8 / faster),
                health=Health(open_s=own.open_s / faster, open_max_s=own.open_max_s / faster, slow_start_s=0.0),
            )
        )

    def _noted(self, name: str, play: Callable[[Request], Step]) -> Callable[[Request], Step]:
        def chosen(request: Request) -> Step:
            self.run.asked.append((self.now_s(), name))
            return play(request)

        return chosen

    def _primary(self, request: Request) -> Step:
        steps = PRIMARIES[self._scenario.key]
        if self._scenario.key == "S15":
            return steps[self.now_s() >= OUTAGE_S]
        return steps[min(request.number, len(steps)) - 1]

    def _fallback(self, request: Request) -> Step:
        last = json.loads(request.body)["messages"][-1]
        if last["role"] != "assistant":
            return WELL
        if self._scenario.key == "S14":
            self.run.prefills_refused += 1
            return PREFILL_REFUSED
        rest = ANSWER.removeprefix(last["content"])
        return Answer(WORDS[len(WORDS) - len(rest.split()) :])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)
async def test_a_scenario_on_sockets(scenario: Scenario) -> None:
    async with Simulator() as simulator:
        bench = Bench(scenario, simulator)
        run = bench.run
        async with bench.router() as router:
            if scenario.key == "S15":
                await _outage(bench, router)
            else:
                await _ask(bench, router, run)
            asked = list(run.asked)
            probe = Run()
            await _ask(bench, router, probe, targets=["fallback"])
            run.alive, run.asked = probe.whole, asked
    assert scenario.unclean(run) == []
    assert scenario.verdict(run) == "pass"
    assert run.whole or scenario.ideal == "error"
    assert run.prefills_refused == (scenario.key == "S14")


async def _ask(bench: Bench, router: Router, run: Run, **options: Any) -> None:
    """One call, as its caller sees it."""
    began_s = bench.now_s()
    async with router.stream(PROMPT, **options) as stream:
        try:
            async for piece in stream.text():
                run.text += piece
        except CallFailed as error:
            run.error = error.kind.value
    run.whole_s = bench.now_s() - began_s
    run.model, run.usage = stream.report.model, stream.report.usage is not None


async def _outage(bench: Bench, router: Router) -> None:
    """A call every few seconds, through an outage and out of it."""
    runs: list[tuple[float, Run]] = []
    for number in range(CALLS):
        await asyncio.sleep((number * EVERY_S - bench.now_s()) / bench.faster)
        runs.append((bench.now_s(), one := Run()))
        await _ask(bench, router, one)
    run = bench.run
    last = runs[-1][1]
    run.text, run.error, run.model, run.whole_s = last.text, last.error, last.model, bench.now_s()
    run.during = [one.whole for began_s, one in runs if began_s < OUTAGE_S]
    run.back_s = next((at_s - OUTAGE_S for at_s in run.primary_s if at_s >= OUTAGE_S), None)
