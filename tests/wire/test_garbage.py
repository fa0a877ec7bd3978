"""A call that is over is gone: nothing of it waits for the garbage collector, whatever has failed on its way.

An exception holds the frames that it came through, and a frame that holds the exception keeps both, with the prompt and
all that was said, until the collector comes; and it has to come often.
"""

import gc
from typing import Any, Self

import pytest
from standby.config import Health, Retry

from playing import Playing
from standby import CallFailed, Config, ErrorKind, Route, Router, Target
from standby.testing import At, Cut, Failure, Script, Simulator

TEXT = "Good morning to you all."
ROUTES: dict[str, dict[str, Any]] = {
    "once": {"retry": Retry(attempts=1)},
    "again": {"retry": Retry(attempts=2, backoff_s=0.001)},
}
FIRST = {
    "well": TEXT,
    "500": Failure(ErrorKind.SERVER_ERROR),
    "401": Failure(ErrorKind.AUTH),
    "429": Failure(ErrorKind.RATE_LIMITED),
    "400": Failure(ErrorKind.BAD_REQUEST),
    "cut before": Script(TEXT, (Cut(At.delta(0)),)),
    "cut within": Script(TEXT, (Cut(At.delta(2)),)),
}


class Uncollected:
    """What only the collector could free, of all that is made in this block: the types of ours among it."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self._before: list[object] = []

    def __enter__(self) -> Self:
        gc.collect()
        gc.disable()
        self._before = gc.get_objects()  # kept for so long: what an earlier test lets go of now is none of this block's
        return self

    def __exit__(self, *_: object) -> None:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        self.types = [type(each).__qualname__ for each in gc.garbage if type(each).__module__.startswith("standby")]
        self._before.clear()
        gc.garbage.clear()
        gc.enable()


def router(simulator: Simulator, first: str) -> Router:
    """The first target's health is moved by nothing, so that it is asked in each call."""
    never = 1_000_000
    targets = (
        Target("openai", model="m", name="lead", key="k", base_url=first),
        Target("openai", model="m", name="next", key="k", base_url=simulator.base_url("next")),
    )
    return Router(
        Config(
            routes={name: Route(targets, mid_stream=("replay",), **policy) for name, policy in ROUTES.items()},
            health=Health(failures_in_row=never, window_min_calls=never, park_auth_s=0.001, park_rate_limited_s=0.001),
        )
    )


async def ask(opened: Router, route: str, *, stream: bool) -> None:
    try:
        if stream:
            async with opened.stream("Hello?", route=route) as events:
                async for _ in events:
                    pass
        else:
            await opened.complete("Hello?", route=route)
    except CallFailed:
        pass


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("first", [*FIRST, "refused"])
async def test_nothing_waits_for_the_collector(simulator: Playing, first: str, stream: bool, route: str) -> None:
    simulator.play("lead", *[FIRST.get(first, TEXT)] * 20)
    simulator.play("next", *[TEXT] * 20)
    url = simulator.refused_url() if first == "refused" else simulator.base_url("lead")
    async with router(simulator, url) as opened:
        await ask(opened, route, stream=stream)
        with Uncollected() as found:
            for _ in range(3):
                await ask(opened, route, stream=stream)
    assert found.types == []
