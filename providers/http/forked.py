"""Release of the parent's connections in a forked process: at once, and without touching anything else.

A fork copies the descriptors of all sockets, and that of the event loop's own poll, which both processes then share.
Were the copy of a connection closed in the child in the usual way, by a collector or a dropped stream, it would be
taken off the *parent's* poll, and the parent would wait for an answer that has long arrived. And as long as the child
has its copy open, the provider does not learn that the parent has closed the connection, and goes on generating.

So each descriptor is replaced in the child by one of nothing, before any code runs there: it is on no poll, nothing can
be read from it or written to it, and its number is not given away while something still remembers it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet


class HasSockets(Protocol):
    """Something with connections, or with an event loop of its own."""

    def descriptors(self) -> Iterable[int]:
        """Those of its sockets, and of its loop's poll."""
        ...


_KNOWN: WeakSet[HasSockets] = WeakSet()


def let_go_when_forked(owner: HasSockets) -> None:
    """Let go of these connections in every process that is forked from now on, for as long as their owner lives."""
    _KNOWN.add(owner)


def _let_go() -> None:
    inherited = {each for owner in tuple(_KNOWN) for each in owner.descriptors() if each >= 0}
    _KNOWN.clear()
    if not inherited:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    for each in inherited:
        with suppress(OSError):
            os.dup2(nothing, each, inheritable=False)
    os.close(nothing)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
