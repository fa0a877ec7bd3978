"""Options that several commands share, so that their names and help are the same."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

TargetNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--targets", "-t", metavar="TARGETS", help="The targets to ask, best first: koala,openai/gpt-5-mini",
        show_default=False,
    ),
]  # fmt: skip
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="The configuration, in YAML.", show_default=False),
]
EnvFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--env-file", metavar="FILE", exists=True,
        help="A file of variables for ${NAME} and for settings; the environment wins.", show_default=False,
    ),
]  # fmt: skip
RouteName: TypeAlias = Annotated[
    str | None, typer.Option("--route", "-r", metavar="NAME", help="The route to take.", show_default=False)
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]


class Debugging:
    """Whether a bug shows its traceback; set in front of the command, kept on typer's context."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted

    @classmethod
    def of(cls, context: typer.Context) -> bool:
        """Whether `--debug` stood before the command."""
        found = context.find_object(cls)
        return found is not None and found._wanted
