"""The public failoverbench on real sockets: its providers at the simulator, in the timings of its profile or shorter.

Where times are divided, what was measured is multiplied back before it is judged.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

from standby.config import Health, Limits, Retry, Serve
from standby.config.route import CONTINUE

from failoverbench import (
    ANSWER,
    CUT_AFTER,
    EVERY_S,
    FALLBACK,
    HINT_S,
    MALFORMED_AT,
    OUTAGE_S,
    PRIMARY,
    SLOW_S,
    STALL_AFTER,
    WORD_S,
    WORDS,
    Run,
    Scenario,
)
from standby import Config, ErrorKind, Route, Target
from standby.testing import Answer, At, Cut, Failure, LeaveOut, Malformed, Request, Script, Simulator, Stall

FASTER, FASTER_OUTAGE = 10, 20
CALLS = 24
"""Of the outage: its last probe may be a second before its end, and the next one follows after `open_max_s`, 30 s."""
PROMPT = "Explain in exactly sixty words what a standby is for."
Step = Script | Answer | Failure

OVERLOADED = Failure(ErrorKind.OVERLOADED)
PREFILL_REFUSED = Failure(
    ErrorKind.BAD_REQUEST, message="This model does not support assistant message prefill.", code="invalid_prefill"
)
SHORT = {"S06": Limits(first_delta_s=0.15), "S07": Limits(first_delta_s=0.15), "S09": Limits(stall_s=0.15)}
"""Clocks are short only where one shall ring: a busy machine may make any target slow."""


def primaries(faster: float) -> dict[str, Sequence[Step]]:
    """What the primary plays in each scenario, its times divided."""
    word_s = WORD_S if faster == 1 else 0.0

    def says(*faults: Cut | Stall | Malformed | LeaveOut, first_s: float = 0.0) -> Script:
        return Script(Answer(WORDS), faults, first_delay_s=first_s, delta_delay_s=word_s)

    well = says()
    return {
        "S01": (Failure(ErrorKind.RATE_LIMITED, retry_after_s=HINT_S / faster), well),
        "S02": (Failure(ErrorKind.RATE_LIMITED),),
        "S03": (Failure(ErrorKind.SERVER_ERROR), well),
        "S04": (OVERLOADED,),
        "S05": (says(Cut(At.head(), rst=True)), well),
        "S06": (says(Stall(At.head())),),
        "S07": (says(first_s=SLOW_S / faster),),
        "S08": (says(Cut(At.delta(CUT_AFTER))),),
        "S09": (says(Stall(At.delta(STALL_AFTER))),),
        "S10": (says(Malformed(At.delta(MALFORMED_AT - 1))),),
        "S11": (says(LeaveOut(("marker",))),),
        "S12": (Failure(ErrorKind.CONTEXT_LENGTH),),
        "S13": (Failure(ErrorKind.CONTENT_FILTER, code="content_policy_violation"),),
        "S14": (says(Cut(At.delta(CUT_AFTER))),),
        "S15": (OVERLOADED, well),
        "S16": (OVERLOADED,),
    }


class Bench:
    """One scenario on the simulator: what was asked when, and what is said.

    Args:
        kind: What the fallback makes of an answer that was begun, see `benchstage.OTHERS`.
        said: Its words.
        faster: What times are divided by; None: as in the suite.
    """

    def __init__(
        self,
        scenario: Scenario,
        simulator: Simulator,
        kind: str = "accepts",
        said: tuple[str, ...] = WORDS,
        faster: float | None = None,
    ) -> None:
        self.faster = faster or (FASTER_OUTAGE if scenario.key == "S15" else FASTER)
        self.run = Run(answers=(ANSWER, "".join(said)))
        self._scenario, self._simulator, self._kind, self._said = scenario, simulator, kind, said
        self._steps = primaries(self.faster)[scenario.key]
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        simulator.play("primary", self._noted("primary", self._primary))
        simulator.play("fallback", self._noted("fallback", self._fallback))

    def now_s(self) -> float:
        """Since the beginning, as it would be in the full profile."""
        return (self._loop.time() - self._began_s) * self.faster

    def config(self, serve: Serve | None = None) -> Config:
        """The system that is played with: every setting as it is by default, but for divided times."""
        faster = self.faster
        takes_none = self._kind in ("rejects", "obliges")
        speaker, knows = ("openai", {}) if takes_none else ("vllm", {"capabilities": {"prefill": "plain"}})
        targets = {
            name: Target(provider, model=model, name=name, key="k", base_url=self._simulator.base_url(name), **more)
            for name, provider, model, more in (
                ("primary", "openai", PRIMARY, {}),
                ("fallback", speaker, FALLBACK, knows),
            )
        }
        routes = {"bench": Route(tuple(targets), deadline_s=30)}
        if faster == 1:
            return Config(targets=targets, routes=routes, serve=serve)
        own = Health()
        return Config(
            targets=targets,
            routes=routes,
            serve=serve,
            limits=SHORT.get(self._scenario.key, Limits()),
            retry=Retry(backoff_s=0.5 / faster, backoff_max_s=8 / faster),
            health=Health(open_s=own.open_s / faster, open_max_s=own.open_max_s / faster, slow_start_s=0.0),
        )

    async def play(self, ask: Callable[[Run, str | None], Awaitable[None]]) -> Run:
        """Play it to its end, and then the call that shows whether the system is alive.

        Args:
            ask: Asks once, of the route or of one target, and writes down what comes.
        """
        run = self.run
        if self._scenario.key == "S15":
            await self._outage(ask)
        else:
            await self._timed(ask, run)
        asked = list(run.asked)
        probe = Run(answers=run.answers)
        await self._timed(ask, probe, "fallback")
        run.alive, run.asked = probe.whole, asked
        return run

    async def _timed(
        self, ask: Callable[[Run, str | None], Awaitable[None]], run: Run, target: str | None = None
    ) -> None:
        began_s = self.now_s()
        await ask(run, target)
        run.whole_s = self.now_s() - began_s

    async def _outage(self, ask: Callable[[Run, str | None], Awaitable[None]]) -> None:
        """A call every few seconds, through an outage and out of it, however long the one before it takes."""
        runs: list[tuple[float, Run]] = []
        async with asyncio.TaskGroup() as calls:
            for number in range(CALLS):
                await asyncio.sleep((number * EVERY_S - self.now_s()) / self.faster)
                runs.append((self.now_s(), one := Run(answers=self.run.answers)))
                calls.create_task(self._timed(ask, one))
        run, last = self.run, runs[-1][1]
        run.text, run.error, run.model, run.whole_s = last.text, last.error, last.model, self.now_s()
        run.during = [one.whole for began_s, one in runs if began_s < OUTAGE_S]
        run.back_s = next((at_s - OUTAGE_S for at_s in run.primary_s if at_s >= OUTAGE_S), None)

    def _noted(self, name: str, play: Callable[[Request], Step]) -> Callable[[Request], Step]:
        def chosen(request: Request) -> Step:
            self.run.asked.append((self.now_s(), name))
            return play(request)

        return chosen

    def _primary(self, request: Request) -> Step:
        if self._scenario.key == "S15":
            return self._steps[self.now_s() >= OUTAGE_S]
        return self._steps[min(request.number, len(self._steps)) - 1]

    def _fallback(self, request: Request) -> Step:
        *_, before, last = [{"content": ""}, *json.loads(request.body)["messages"]]
        if last["role"] == "assistant":
            return self._go_on(last["content"])
        if last["content"] == CONTINUE and self._kind == "obliges":
            return self._go_on(before["content"], again=12)
        return self._says(self._said)

    def _go_on(self, begun: str, again: int = 0) -> Step:
        """Its own words from there on, behind the last ones of what was said."""
        if self._kind not in ("accepts", "obliges"):
            self.run.prefills_refused += 1
            return PREFILL_REFUSED
        spoken = begun.split()
        rest = self._said[len(spoken) :]
        self.run.answers = (*self.run.answers, begun + "".join(rest))
        return self._says((*([" ".join(spoken[-again:])] if again else []), *rest))

    def _says(self, said: tuple[str, ...]) -> Step:
        return Script(Answer(said), delta_delay_s=WORD_S if self.faster == 1 else 0.0)
