"""`standby ask`: one question, and the answer as it comes.

Standard output gets the answer alone; standard error gets the target that answered and the attempts that failed.
Ctrl-C cancels the call, which closes the connection to the answering target.
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
    question: Annotated[str, typer.Argument(help="The question; - reads it from standard input.", show_default=False)],
    targets: TargetNames = None,
    config: ConfigFile = None,
    env_file: EnvFile = None,
    route: RouteName = None,
    system: Annotated[str | None, typer.Option(help="A system prompt: what the model should know first.")] = None,
    deadline: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Maximum wait for the first word; with --json, for the whole answer."),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the answer.")] = False,
) -> None:
    """Ask a question. The answer comes word by word, from the first target that can give it.

    The targets: those of --targets; else the route of --config, $STANDBY_CONFIG or ./standby.yaml; else the providers
    with a key in the environment; else the built-in simulator, which says so.
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
            raise UsageError("standard input is not UTF-8 text") from None
    if not given.strip():
        raise UsageError("the question is empty; write it after `ask`, or - to read it from standard input")
    return given
