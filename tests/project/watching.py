"""The machines of the engine, watched while they run: which state follows which, on what.

Nothing here knows a rule. The course is played by the random calls of its own model test, the breaker by random walks
through its methods, an attempt by targets that hang in each of its phases.
"""

import asyncio
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partialmethod
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.append(str(Path(__file__).parents[1] / "support"))  # run by itself, it finds what pytest would
sys.path.append(str(Path(__file__).parents[1] / "router" / "failover"))  # the model of the course

import test_course_model
from standby.config import Health, Limits, Retry
from standby.router.failover.course import Course
from standby.router.failover.steps import Ask, End, Resume
from standby.router.health.breaker import Breaker

from stage import DONE, PING, Play, Stage, chunk, perform, says
from standby import CallFailed, Config, Report, Router, Target
from standby.testing import Simulator

SEED = 7
CALLS, WALKS, STEPS = 3000, 400, 40
BEGIN = "[*]"
EVENTS = ("next", "hedge", "attempt_failed", "not_admitted", "unaskable", "broke_off", "go_on")
"""Of a course: what is answered with a step."""

Followed = dict[tuple[str, str], dict[str, set[str]]]
"""What stood, and what was told -> what follows, each with its details: a reason, a policy, a verdict."""


@cache
def course() -> Followed:
    """What each step of a call leads to."""
    followed: Followed = defaultdict(lambda: defaultdict(set))

    class Watched(Course, eq=False, dict=True):
        at, inside = BEGIN, 0

        def _watch(self, event: str, *told: Any, **how: Any) -> Any:
            """Tell it of an event. What leads to no step, or happens within another event, is no arrow."""
            self.inside += 1
            step = getattr(Course, event)(self, *told, **how)
            self.inside -= 1
            if step is None or self.inside:
                return step
            details = {Ask: "why", Resume: "policy", End: "verdict"}
            detail = getattr(step, details[type(step)]) if type(step) in details else ""
            followed[self.at, event][type(step).__name__].add(detail)
            self.at = type(step).__name__
            return step

    for event in EVENTS:
        setattr(Watched, event, partialmethod(Watched._watch, event))
    rng = random.Random(SEED)
    with patch.object(test_course_model, "Course", Watched):
        for _ in range(CALLS):
            with suppress(test_course_model.Differ):  # whether the rules are right is that test's matter
                test_course_model.Game(rng, Counter()).play()
    return followed


@cache
def breaker() -> Followed:
    """What changes the state of a breaker."""
    followed: Followed = defaultdict(lambda: defaultdict(set))
    rng = random.Random(SEED)
    acts: dict[str, Callable[[Breaker, float], None]] = {
        "begin_probe": lambda one, _: one.begin_probe(),
        "abandon_probe": lambda one, at_s: one.abandon_probe(at_s),
        "close": lambda one, at_s: one.close(at_s),
        "succeeded": lambda one, at_s: one.succeeded(at_s),
        "succeeded, slow": lambda one, at_s: one.succeeded(at_s, slow=True),
        "failed": lambda one, at_s: one.failed(at_s),
        "left_slow": lambda one, at_s: one.left_slow(at_s),
    }
    for _ in range(WALKS):
        policy = Health(failures_in_row=rng.randint(1, 3), window_min_calls=2, probes_to_close=rng.randint(1, 2))
        one, at_s = Breaker(policy, rng), 0.0
        for _ in range(STEPS):
            at_s += rng.choice((0.0, 1.0, policy.open_max_s))
            was, name = one.state, rng.choice(list(acts))
            if name == "begin_probe" and not (was == "open" and one.admits(at_s)):
                continue  # only a call that an open breaker admits is its probe
            acts[name](one, at_s)
            if one.state != was:
                followed[was, name][one.state].add("")
    return followed


RINGS_S = 7.0
PLAYS: dict[str, tuple[str, Play]] = {
    "first_delta_s": ("waiting", Play([(0.5, PING)] * 100)),
    "stall_s": ("relaying", Play([(0.0, chunk("1"))], then="stall")),
    "tail_s": ("tail", Play([(0.0, chunk("1")), (0.0, chunk(finish="stop"))], then="stall")),
    "total_s": ("any of them", Play([(1.0, chunk("1"))] * 100 + [(1.0, chunk(finish="stop") + DONE)])),
}
"""Each clock of an attempt, the phase that it rings in, and a target that lets no other one ring there."""


def rings() -> dict[str, tuple[str, str]]:
    """Each clock of an attempt: the phase in which it rings, and what becomes of the attempt then."""
    found = {"connect_s": ("connecting", asyncio.run(_connecting()))}
    for clock, (phase, play) in PLAYS.items():
        found[clock] = (phase, _ringing(clock, play))
    return found


async def _connecting() -> str:
    async with Simulator() as simulator:
        nowhere = Target("openai", model="m", key="k", base_url=simulator.black_hole_url(), connect_s=0.05)
        async with Router(replace(Config.of_targets((nowhere,)), retry=Retry(attempts=1))) as router:
            try:
                await router.complete("hi")
            except CallFailed as failed:
                return _fate(failed.report)
    raise AssertionError("connecting to nowhere has succeeded")


def _ringing(clock: str, play: Play) -> str:
    one = Stage(a=play, b=says("Somebody else."))  # the last target of a call may use all of its deadline
    limits = {"first_delta_s": 60.0, "stall_s": 60.0, "tail_s": 60.0, clock: RINGS_S}

    async def asked() -> str:
        config = replace(Config.of_targets(tuple(one.targets())), limits=Limits(**limits), retry=Retry(attempts=1))
        async with Router(config, transport=one.transport) as router, router.stream("hi", mid_stream=()) as stream:
            with suppress(CallFailed):
                async for _ in stream:
                    pass
            return _fate(stream.report, RINGS_S)

    return perform(asked())


def _fate(report: Report, rings_s: float | None = None) -> str:
    """What became of the first attempt."""
    attempt = report.attempts[0]
    assert rings_s is None or attempt.ended_s == rings_s, f"no clock rang at {rings_s} s"
    return attempt.outcome if attempt.kind is None else attempt.kind.value
