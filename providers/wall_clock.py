"""The wall clock, which is handed down from a Router to whatever must know what day it is.

Only the calendar itself needs it: a date in a hint, the day of a budget. All else is measured on the loop's clock.
"""

import time
from collections.abc import Callable
from typing import TypeAlias

WallClock: TypeAlias = Callable[[], float]
"""Gives seconds since 1970, UTC."""

WALL_CLOCK: WallClock = time.time
