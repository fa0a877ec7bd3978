"""The commands, wired up."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from .. import __version__
from .ask import ask
from .chat import chat
from .check import check
from .convert import convert
from .demo import demo
from .drill import drill
from .exits import ExitCode
from .explain import explain
from .init import init
from .key import key
from .options import Debugging
from .providers import providers
from .schema import schema
from .serve import serve

app = typer.Typer(
    name="standby",
    help="A router for chat LLM providers: when your lead provider can't go on, the standby does.",
    epilog="Start with: standby demo",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (ask, chat, demo, init, check, drill, explain, providers, schema, serve):
    app.command()(command)
app.add_typer(convert)
app.add_typer(key)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug.")] = False,
) -> None:
    context.obj = Debugging(wanted=debug)
    if version:
        print(f"standby {__version__}")
        raise typer.Exit(ExitCode.DONE)
    if context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments: Sequence[str] | None) -> int:
    """Run one command; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not where a test or a program has put another in its place
            stream.reconfigure(errors="replace")  # an answer may hold what the terminal's encoding lacks
    try:
        app(args=None if arguments is None else list(arguments), prog_name="standby")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return ExitCode.DONE
