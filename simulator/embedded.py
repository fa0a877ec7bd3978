"""Embedded simulated targets, for the demo and for the command line without a configuration.

Three targets, in the order in which they shall be asked: the lead fails before its first word, the second is down,
the standby answers.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from ..providers.errors import ErrorKind
from .scenario.faults import At, ErrorEvent
from .scenario.persona import talk
from .scenario.reply import Answer, Failure
from .scenario.script import Chooser, Scenario, Script, Step
from .server import Simulator

MODEL = "simulated-1"

LEAD = Scenario(
    (
        Script(Failure(ErrorKind.OVERLOADED)),
        Script(Answer("Never heard."), (ErrorEvent(At.delta(0), Failure(ErrorKind.OVERLOADED)),)),
    ),
    then="cycle",
)
"""Overloaded: once with a 503, once with an error event inside a stream that had begun well."""


class StagedTarget(msgspec.Struct, frozen=True):
    """What a caller makes a target of.

    Attributes:
        name: What the target is called.
        provider: The provider of the registry that speaks its wire.
    """

    name: str
    provider: str
    base_url: str
    model: str = MODEL


class Stage(msgspec.Struct, frozen=True):
    """The running simulator and its targets, the first to be asked first."""

    simulator: Simulator
    targets: tuple[StagedTarget, ...]


@asynccontextmanager
async def embedded(
    *, lead: Scenario | Chooser | Step = LEAD, standby: Scenario | Chooser | Step = talk
) -> AsyncGenerator[Stage, None]:
    """A stage that stands until the block is left.

    Args:
        lead: What the first target plays; it must speak `openai`, as must the third.
        standby: What the third target plays.
    """
    async with Simulator({"lead": lead, "standby": standby}) as simulator:
        yield Stage(
            simulator,
            (
                StagedTarget("lead", "openai", simulator.base_url("lead")),
                StagedTarget("second", "koala", simulator.refused_url()),
                StagedTarget("standby", "openai", simulator.base_url("standby")),
            ),
        )
