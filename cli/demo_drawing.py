"""A screen that is drawn anew many times a second, for the shows of `standby demo`."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from rich.console import Console, Group
from rich.live import Live

FRAMES_PER_S = 15


@asynccontextmanager
async def drawn(out: Console, screen: Callable[[], Group]) -> AsyncGenerator[None]:
    """Draw a screen until the block is left; the last one stays."""
    with Live(screen(), console=out, auto_refresh=False) as live:

        async def draw() -> None:
            while True:
                await asyncio.sleep(1 / FRAMES_PER_S)
                live.update(screen(), refresh=True)

        drawing = asyncio.get_running_loop().create_task(draw())
        try:
            yield
        finally:
            drawing.cancel()
            await asyncio.wait([drawing])
            live.update(screen(), refresh=True)
