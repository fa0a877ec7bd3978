"""The router of a command: over whom the user chose; else over the built-in simulator, which needs nobody."""

from contextlib import AsyncExitStack

from ..config import Config
from ..router import Router
from ..simulator.embedded import embedded
from ..simulator.scenario.persona import talk
from .choice import Choice, simulated


async def opened(choice: Choice | None, stack: AsyncExitStack) -> Router:
    """An entered router; the stack closes it, and the simulator that it may stand on.

    Args:
        choice: Whom to ask; None: the simulator.
    """
    if choice is not None:
        config = choice.config
    else:
        stage = await stack.enter_async_context(embedded(lead=talk))
        config = Config.of_targets((simulated(stage.targets[0], "simulator"),))
    return await stack.enter_async_context(Router(config))
