"""`standby demo`: an answer that arrives although the lead fails and the second is down. No key, no network.

The simulator plays three providers on this machine, and the real router asks them. Then an OpenAI client asks the real
gateway, and a provider dies in mid-sentence. The exit code is 1 if an answer is not whole, or if nothing failed.
"""

import asyncio
from typing import Annotated

import typer

from .exits import ExitCode, guarded
from .options import AsJson, Debugging


def demo(
    context: typer.Context,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out the pauses that make it nice to watch.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a stream survive two failing providers. Needs no key and no network: a simulator plays all three."""
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        from .demo_show import Show

        show = Show(fast=fast)
        asyncio.run(show.play(as_json=as_json))
        if not show.proven:
            raise typer.Exit(ExitCode.NOBODY_ANSWERED)
