"""Exceptions as they leave us: without our frames, and without those of the libraries below.

A frame holds its locals: prompts, bodies, headers with keys. Trackers of errors send them away by default, of every
exception that an exception is linked to. So each door of the library strips what goes out by it: a function that is
marked as a `door`, or where another layer would cost too much

    except BaseException as error:
        bare(error)
        raise

A plain `raise` adds no frame of its own, so that the traceback ends where the caller has called.
"""

import asyncio
import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, ParamSpec, TypeVar, cast

from .errors import StandbyError

P = ParamSpec("P")
T = TypeVar("T")

PLACES_MAX = 8
"""Maximum places named of a bug's traceback, the last ones."""

_BY_WAY_OF = "raised by way of "
_EXPECTED = (
    StandbyError, asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit, StopAsyncIteration,
    StopIteration,
)  # fmt: skip


def door(function: Callable[P, T]) -> Callable[P, T]:
    """What the function raises, or the coroutine that it makes, leaves it bare."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: P.args, **named: P.kwargs) -> Any:
            try:
                return await function(*args, **named)
            except BaseException as error:
                bare(error)
                raise

        return cast(Callable[P, T], awaited)

    @functools.wraps(function)
    def called(*args: P.args, **named: P.kwargs) -> T:
        try:
            return function(*args, **named)
        except BaseException as error:
            bare(error)
            raise

    return called


def door_of(made: type[T]) -> type[T]:
    """What making such an object raises leaves it bare: what it was given stands in the frame that makes it."""
    made.__init__ = door(made.__init__)  # type: ignore[method-assign]
    return made


def bare(error: BaseException) -> None:
    """Take from an exception, and from all that it is linked to, what belongs to us.

    What its caller was handling in the meantime is the caller's, and stays linked. A bug keeps the places that it went
    through as a note.
    """
    if not isinstance(error, _EXPECTED):
        _note_places(error)
    outer = _frames_above(sys._getframe(1))
    callers: BaseException | None = None
    found: list[BaseException | None] = [error]
    seen: set[int] = set()
    while found:
        each = found.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        trace = each.__traceback__
        if each is not error and trace is not None and trace.tb_frame in outer:
            callers = callers or each
            continue
        found += (each.__cause__, each.__context__, *_held(each))
        each.__traceback__ = each.__cause__ = each.__context__ = None
    error.__context__, error.__suppress_context__ = callers, False


def _held(error: BaseException) -> list[BaseException]:
    """The exceptions that an exception holds: as a group, or by its attributes."""
    of_group = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return [*of_group, *(each for each in vars(error).values() if isinstance(each, BaseException))]


def _frames_above(frame: FrameType) -> set[FrameType]:
    """The frames that wait for this one."""
    above: set[FrameType] = set()
    caller = frame.f_back
    while caller is not None:
        above.add(caller)
        caller = caller.f_back
    return above


def _note_places(bug: BaseException) -> None:
    """Where a bug has come by before its first door, as a note: its frames are about to go."""
    steps = [step for step in traceback.extract_tb(bug.__traceback__) if step.filename != __file__][-PLACES_MAX:]
    if steps and not any(note.startswith(_BY_WAY_OF) for note in getattr(bug, "__notes__", ())):
        bug.add_note(_BY_WAY_OF + ", ".join(f"{step.name} ({step.filename}:{step.lineno})" for step in steps))
