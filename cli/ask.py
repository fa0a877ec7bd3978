"""`standby ask`: one question, and the answer as it comes.

The answer alone goes to standard output; who gave it, and what had to be gone through for it, to standard error.
Ctrl-C cancels the call, which closes the connection to whoever is answering.
"""

import asyncio
import sys
from typing import Annotated

import typer

from .choice import choose
from .exits import UsageError, guarded
from .options import AsJson, ConfigFile, Debugging, EnvFile, RouteName, TargetNames
from .render import say

STDIN = "-"
STDIN_BYTES_MAX = 16 * 1024 * 1024


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="What to ask; - reads it from standard input.", show_default=False)],
    targets: TargetNames = None,
    config: ConfigFile = None,
    env_file: EnvFile = None,
    route: RouteName = None,
    system: Annotated[str | None, typer.Option(help="What the model should know before the question.")] = None,
    deadline: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="How long to wait for the first word; with --json, for all."),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell nothing beside the answer.")] = False,
) -> None:
    """Ask a question. The answer comes word by word, from the first target that can give it.

    Whom it asks: --targets; else the route of --config, $STANDBY_CONFIG or ./standby.yaml; else the providers
    whose keys the environment holds; else, saying so, the built-in simulator.
    """
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        text = _question(question)
        choice = choose(targets or (), config, route, env_file=env_file)
        if choice is not None and choice.note and not quiet:
            say(choice.note, style="dim")
        if choice is None and not quiet:
            say("nothing is configured: the built-in simulator answers, and every word of it is canned", style="dim")
        from .ask_view import Asking

        asking = Asking(text, {"system": system, "deadline_s": deadline}, choice, quiet=quiet)
        asyncio.run(asking.whole() if as_json else asking.streamed())


def _question(given: str) -> str:
    if given == STDIN:
        if sys.stdin.isatty():
            say("reading the question from the terminal; Ctrl-D ends it", style="dim")
        data = sys.stdin.buffer.read(STDIN_BYTES_MAX + 1)
        if len(data) > STDIN_BYTES_MAX:
            raise UsageError(f"standard input holds more than {STDIN_BYTES_MAX >> 20} MiB; no model reads that much")
        try:
            given = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise UsageError("standard input is no text in UTF-8") from None
    if not given.strip():
        raise UsageError("the question is empty; write it behind `ask`, or - to read it from standard input")
    return given
