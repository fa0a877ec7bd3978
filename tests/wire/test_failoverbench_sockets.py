"""The sixteen scenarios of the public failoverbench once more, on real sockets and in a short profile.

Every time of the full profile is divided by ten, in the outage by twenty; what was measured is multiplied back before
it is judged.
"""

from typing import Any

import pytest

from benchsockets import PROMPT, Bench
from failoverbench import SCENARIOS, Run, Scenario
from standby import CallFailed, Router
from standby.testing import Simulator


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)
async def test_a_scenario_on_sockets(scenario: Scenario) -> None:
    async with Simulator() as simulator:
        bench = Bench(scenario, simulator, "refuses" if scenario.key == "S14" else "accepts")
        async with Router(bench.config()) as router:

            async def ask(run: Run, target: str | None) -> None:
                await _ask(router, run, **({} if target is None else {"targets": [target]}))

            run = await bench.play(ask)
    assert scenario.unclean(run) == []
    assert scenario.verdict(run) == "pass"
    assert run.whole or scenario.ideal == "error"
    assert run.prefills_refused == (scenario.key == "S14")


async def _ask(router: Router, run: Run, **options: Any) -> None:
    """One call, as its caller sees it."""
    async with router.stream(PROMPT, **options) as stream:
        try:
            async for piece in stream.text():
                run.text += piece
        except CallFailed as error:
            run.error = error.kind.value
    run.model, run.usage = stream.report.model, stream.report.usage is not None
