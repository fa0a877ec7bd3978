"""The end of the interpreter, and its copy in a forked process, for loops in threads of their own.

What runs at the exit of the interpreter ends them in order, once all threads of the program that are no daemons are
through. In a forked process their copies are kept: a collector would take them apart.
"""

import atexit
import os
from typing import Protocol
from weakref import WeakSet

ENDING_S = 5.0
"""Maximum wait for a loop to end: closing connections takes a few turns, and observers have at most a second."""


class Ends(Protocol):
    """A loop in a thread of its own."""

    def stop(self) -> None:
        """Ask it to end."""
        ...

    def join(self, wait_s: float = ENDING_S) -> None:
        """Wait until it has ended."""
        ...


def end_with_the_interpreter(thread: Ends) -> None:
    """End this thread when the interpreter ends, if it lives so long."""
    _KNOWN.add(thread)


_KNOWN: WeakSet[Ends] = WeakSet()
_OF_THE_PARENT: list[Ends] = []


def _end_all() -> None:
    ending = tuple(_KNOWN)
    for each in ending:
        each.stop()
    for each in ending:
        each.join()


def _keep() -> None:
    _OF_THE_PARENT.extend(_KNOWN)
    _KNOWN.clear()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep)
