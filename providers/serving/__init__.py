"""The serving side of three dialects: read what a client asks, tell it an answer. Pure: no I/O, no clock."""

from .dialect import About, Asked, Dialect, Failure, Source, StreamEncoder, Whole
from .refused import Refused

__all__ = ["About", "Asked", "Dialect", "Failure", "Refused", "Source", "StreamEncoder", "Whole"]
