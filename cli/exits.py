"""Exit codes, and the one place that turns an error into a message and a code.

An expected error prints plain words on standard error: what happened, where, what to do. With `--json` it is an object
on standard output as well. Only a bug, run with `--debug`, shows a traceback.
"""

import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

import typer

from ..config import ConfigFileError
from ..providers.errors import ErrorKind, StandbyError
from .render import console, say, show_json

if TYPE_CHECKING:
    from ..router import CallFailed


class ExitCode(IntEnum):
    """The exit codes of a command."""

    DONE = 0
    NOBODY_ANSWERED = 1
    USAGE = 2
    BROKE_OFF = 3
    BUG = 70
    """As `sysexits.h` has it."""
    INTERRUPTED = 130
    READER_LEFT = 141
    """As a shell reports a program that SIGPIPE ended."""


class UsageError(StandbyError):
    """Raised when the command line makes no sense; the message says what to write instead."""


_ADVICE: dict[ErrorKind, str] = {
    ErrorKind.AUTH: "check the key: `standby providers` names the variable that each provider reads",
    ErrorKind.BAD_REQUEST: "the provider did not understand the request; another model may",
    ErrorKind.BLOCKED: "a bot wall protects the provider; another network may get through, or none",
    ErrorKind.BUDGET: "the configured budget is spent: see budget_day and budget_month",
    ErrorKind.CONNECT: "check the network, the proxy and the base URL",
    ErrorKind.CONTENT_FILTER: "a target declined the content, so no other target was asked",
    ErrorKind.CONTEXT_LENGTH: "shorten the question, or name a target with a larger window",
    ErrorKind.DEADLINE: "give it more time with --deadline",
    ErrorKind.DNS: "check the network and the host in the base URL",
    ErrorKind.INVALID_ANSWER: "no target gave an answer of the form that was asked for; another model may",
    ErrorKind.ISOLATED: "an operator has isolated every target that is left",
    ErrorKind.NOT_FOUND: "check the model's name and the base URL",
    ErrorKind.OVERLOADED: "try again later, or name one more target",
    ErrorKind.QUOTA_EXHAUSTED: "the account behind the key is used up: see its provider's console",
    ErrorKind.RATE_LIMITED: "try again later, or name one more target",
    ErrorKind.REFUSED_HERE: "the model or account does not take it: see its provider's console, or name another target",
    ErrorKind.TLS: "check the certificates: a proxy in between may need ca_file",
}


@contextmanager
def guarded(*, as_json: bool = False, debug: bool = False) -> Generator[None, None, None]:
    """Run a command: whatever it raises ends in a message and `typer.Exit` with its code.

    Args:
        as_json: Tell expected errors as a JSON object on standard output, too.
        debug: Show the traceback of a bug.
    """
    try:
        yield
        sys.stdout.flush()
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        say("interrupted", style="dim")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        _let_go_of_stdout()
        raise typer.Exit(ExitCode.READER_LEFT) from None
    except StandbyError as error:
        raise typer.Exit(tell(error, as_json=as_json)) from None
    except Exception as bug:  # noqa: BLE001 - the last stop: its text may hold anything, so only its type is told
        if debug:
            traceback.print_exc()
        say(f"standby: unexpected {type(bug).__name__}: a bug in standby or in a plug-in of it", style="red")
        if not debug:
            say("for the traceback, put --debug before the command: standby --debug …", style="dim")
        raise typer.Exit(ExitCode.BUG) from None


def tell(error: StandbyError, *, as_json: bool = False) -> ExitCode:
    """Tell an expected error; the exit code of a command that it ends."""
    from ..router import CallFailed, StreamInterrupted  # with it comes all that a call needs: only once one has failed

    if isinstance(error, CallFailed):
        if as_json:
            told = {"kind": error.kind.value, "message": _headline(error)}
            show_json({"error": told, "report": error.report.to_dict()})
        _tell_failure(error)
        return ExitCode.BROKE_OFF if isinstance(error, StreamInterrupted) else ExitCode.NOBODY_ANSWERED
    text = str(error) or type(error).__name__
    if as_json:
        show_json({"error": {"kind": "usage", "message": text}})
    if isinstance(error, ConfigFileError):
        say(f"standby: {error.what} cannot be used; {len(error.problems)} to mend:", style="red")
        console(stderr=True).print(text, soft_wrap=True)  # places in files are to be clicked on
    else:
        say(f"standby: {text}", style="red")
    return ExitCode.USAGE


def _tell_failure(failure: "CallFailed") -> None:
    from .told import all_lines

    err = console(stderr=True)
    err.print(f"standby: {_headline(failure)}", style="red")
    for line in all_lines(failure.report):
        err.print(f"  {line}", style="dim")
    if advice := _ADVICE.get(failure.kind):
        err.print(f"  {advice}")


def _headline(failure: "CallFailed") -> str:
    from ..router import NoTargetAvailable, StreamInterrupted

    kind = failure.kind.value.replace("_", " ")
    if isinstance(failure, StreamInterrupted):
        return f"the answer broke off ({kind}); the text above is a part of it"
    if isinstance(failure, NoTargetAvailable):
        return f"no target could be asked ({kind})"
    if failure.kind is ErrorKind.DEADLINE:
        return "the deadline came before an answer"
    return f"no target gave an answer ({kind})"


def _let_go_of_stdout() -> None:
    """The reader of the pipe has left: let the interpreter flush into nothing when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
