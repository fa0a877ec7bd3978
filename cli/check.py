"""`standby check`: list all problems of configuration files, each with its file, line and column."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from warnings import catch_warnings

import typer

from ..config import Config, ConfigFileError, ConfigProblem, load, serve_problems, warnings
from ..config.advice import quirk_notes
from ..config.origin import ENV_FILE, shown
from .choice import usual_file
from .exits import ExitCode, guarded
from .options import AsJson, Debugging, EnvFile
from .render import console, show_json

if TYPE_CHECKING:
    from .check_live import Probed


def check(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", show_default=False, help="Else: $STANDBY_CONFIG, or ./standby.yaml."),
    ] = None,
    env_file: EnvFile = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask each target for one word, with its key. It may cost a little.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check configuration files: all problems at once, a line each, as file:line:column: setting: what is wrong.

    A warning does not fail the check. What the quirks of a target do is told in words. With --live a target that does
    not answer fails it, with exit code 1.
    """
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        findings = [_Finding(file, env_file or ENV_FILE) for file in files or [usual_file()]]
        if live:
            for finding in findings:
                finding.ask()
        if as_json:
            show_json({"files": [finding.as_dict() for finding in findings]})
        else:
            for finding in findings:
                finding.show()
        if any(finding.problems for finding in findings):
            raise typer.Exit(ExitCode.USAGE)
        if not all(finding.answers for finding in findings):
            raise typer.Exit(ExitCode.NOBODY_ANSWERED)


def _serve_problems(config: Config) -> Iterator[ConfigProblem]:
    """What keeps a file from being served on this machine."""
    yield from serve_problems(config)
    if config.serve is not None:
        from ..gateway.state_place import state_problem  # few files have this section

        if (problem := state_problem(config)) is not None:
            yield problem


class _Finding:
    """The problems and warnings of one file."""

    def __init__(self, file: Path, env_file: str | Path) -> None:
        self.file = file
        self.problems: tuple[ConfigProblem, ...] = ()
        self.warnings: list[ConfigProblem] = []
        self.quirks: list[ConfigProblem] = []
        self.probed: list[Probed] | None = None
        self.summary = ""
        self._config: Config | None = None
        try:
            with catch_warnings(action="ignore"):  # it is among our own, below
                self._config = config = load(file, env_file=env_file)
        except ConfigFileError as error:
            self.problems = error.problems
        else:
            self.problems = tuple(_serve_problems(config))
            self.warnings = warnings(config)
            self.quirks = quirk_notes(config)
            self.summary = f"{_count(len(config.targets), 'target')}, {_count(len(config.routes), 'route')}"

    @property
    def answers(self) -> bool:
        """No target is known not to answer."""
        return all(each.answers for each in self.probed or ())

    def ask(self) -> None:
        """Ask each target, if the file can be used."""
        if self._config is not None and not self.problems:
            from .check_live import probe

            self.probed = probe(self._config)

    def show(self) -> None:
        out, err = console(), console(stderr=True)
        for problem in self.problems:
            out.print(str(problem), soft_wrap=True, style="red")
        for warning in self.warnings:
            err.print(f"warning: {warning}", soft_wrap=True, style="yellow")
        for quirk in self.quirks:
            out.print(str(quirk), soft_wrap=True, style="dim")
        if not self.problems:
            out.print(f"{self.file}: {self.summary}: fine", soft_wrap=True)
        if self.probed is not None:
            from .check_live import show_probed

            show_probed(self.probed)

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "ok": not self.problems,
            "problems": [_as_dict(problem) for problem in self.problems],
            "warnings": [_as_dict(warning) for warning in self.warnings],
            **({"quirks": [_as_dict(quirk) for quirk in self.quirks]} if self.quirks else {}),
            **({} if self.probed is None else {"live": [each._asdict() for each in self.probed]}),
        }


def _as_dict(problem: ConfigProblem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": shown(problem.path),
        "message": problem.message,
        "hint": problem.hint,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
