"""Open the router of a command: over the targets chosen, else over the built-in simulator, which needs no network."""

from contextlib import AsyncExitStack

from ..config import Config
from ..router import Router
from ..simulator.embedded import embedded
from ..simulator.scenario.persona import talk
from .choice import Choice, simulated


async def opened(choice: Choice | None, stack: AsyncExitStack) -> Router:
    """Open a router; the stack closes it, and the simulator under it if there is one.

    Args:
        choice: The targets to ask; None: the simulator.
    """
    if choice is not None:
        config = choice.config
    else:
        stage = await stack.enter_async_context(embedded(lead=talk))
        config = Config.of_targets((simulated(stage.targets[0], "simulator"),))
    return await stack.enter_async_context(Router(config))
