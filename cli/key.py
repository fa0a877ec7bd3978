"""`standby key new`: a key for a client of the gateway, shown once, and the lines that let it in."""

from typing import Annotated

import typer

from ..config.client_key import PREFIX, hashed, moment_s, new_key
from ..config.serve_flaws import KEY_NAME
from .exits import UsageError, guarded
from .options import AsJson, Debugging
from .render import say, show_json

key = typer.Typer(name="key", help="Keys of the gateway's clients.", no_args_is_help=True, add_completion=False)


@key.callback()
def keys() -> None:
    """Keys of the gateway's clients."""


@key.command()
def new(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What logs and counters call it.")] = "app",
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", show_default=False, help="The last day that it holds, in UTC."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for a client, and show it this once, with the lines for the configuration: they hold its digest alone.

    Nothing is written anywhere. A key that is lost is replaced by another one.
    """
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        if not KEY_NAME.fullmatch(name):
            raise UsageError("--name takes letters, digits, dots, dashes and underscores, and at most 64 of them")
        if until is not None:
            try:
                moment_s(until)
            except ValueError as error:
                raise UsageError(f"--until {error}") from None
        made = new_key()
        digest = PREFIX + hashed(made).hex() + (f" until {until}" if until else "")
        if as_json:
            show_json({"name": name, "key": made, "digest": digest})
            return
        print(made, flush=True)
        say("give it to the client: it is not shown again; into the configuration:", style="dim")
        print(f'\nserve:\n  keys:\n    {name}:\n      digests: ["{digest}"]')
