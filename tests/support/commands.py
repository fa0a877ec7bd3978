"""Commands as the tests run them, and how they end."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from standby.cli.app import app
from typer.testing import CliRunner

Invoke: TypeAlias = Callable[..., Awaitable["Ended"]]


class Ended:
    """How a command ended, and what it printed."""

    def __init__(self, exit_code: int, stdout: str, stderr: str) -> None:
        self.exit_code, self.stdout, self.stderr = exit_code, stdout, stderr

    def __repr__(self) -> str:
        return f"Ended({self.exit_code})\n{self.stdout}\n--\n{self.stderr}"


def run(*arguments: str, given: str | bytes | None = None) -> Ended:
    """Run a command in this process."""
    result = CliRunner().invoke(app, list(arguments), input=given, prog_name="standby")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)
