"""`standby demo`: an answer that arrives although the lead fails and the second is down. No key, no network.

Three providers are played by the simulator on this machine, and the real router asks them. If the answer did not come
whole, or nothing failed, the exit code is 1.
"""

import asyncio
from typing import Annotated

import typer

from .exits import ExitCode, guarded
from .options import AsJson, Debugging


def demo(
    context: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Without the pauses that make it nice to watch.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a stream survive two failing providers. Needs no key and no network: a simulator plays all three."""
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        from .demo_show import Show

        show = Show(fast=fast)
        asyncio.run(show.play(as_json=as_json))
        if not show.proven:
            raise typer.Exit(ExitCode.NOBODY_ANSWERED)
