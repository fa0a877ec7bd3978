"""`standby convert`: the configuration of another gateway as one of ours, with what could not be carried over."""

from pathlib import Path
from typing import Annotated

import typer

from .exits import UsageError, guarded
from .options import Debugging
from .render import say

convert = typer.Typer(
    name="convert",
    help="Turn another gateway's configuration into one of ours.",
    no_args_is_help=True,
    add_completion=False,
)


@convert.callback()
def converters() -> None:
    """Turn another gateway's configuration into one of ours."""


@convert.command()
def litellm(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A config.yaml of LiteLLM's proxy.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", show_default=False, help="Else: standard output.")
    ] = None,
) -> None:
    """Convert a configuration of LiteLLM's proxy: models, fall-backs, retries, cooldowns, keys and budgets.

    Each line that is not carried over is named in a comment, with why. Nothing is asked, and no key is written.
    """
    with guarded(debug=Debugging.of(context)):
        from .convert_write import write
        from .foreign_yaml import read
        from .litellm_file import convert as converted

        found = converted(read(file))
        if not found.targets:
            raise UsageError(f"{file} lists no model that could be asked here: see model_list")
        text = write(found, file.name)
        if output is None:
            print(text, end="", flush=True)
        else:
            try:
                with output.open("x", encoding="utf-8") as opened:
                    opened.write(text)
            except FileExistsError:
                raise UsageError(f"{output} is there already") from None
            except OSError as error:
                raise UsageError(f"{output} cannot be written: {error.strerror}") from None
        left = len(found.left)
        say(f"{left} line{'' if left == 1 else 's'} not carried over: named in the comments at the top", style="dim")
