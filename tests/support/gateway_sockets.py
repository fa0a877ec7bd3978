"""A gateway on a socket of loopback, over simulated providers; one can end, and another begin in its place.

A test that asks for the fixture `entrance` has it by another way, too: see `entrances`.
"""

from contextlib import AbstractAsyncContextManager

from standby.config import Config, Serve

from entrances import Entrance, Url, entrance

OPEN = Serve(auth="none")


class Chosen:
    """The way in of the test that runs."""

    entrance: Entrance = "socket"


def gateway(config: Config) -> AbstractAsyncContextManager[Url]:
    """Serve a configuration until the block ends; gives the URL."""
    return entrance(config, Chosen.entrance)
