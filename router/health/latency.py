"""Latency of a target: the time to its first useful delta, as a moving average that reacts to peaks at once and as
percentiles, and the speed of its output."""

import math

_KEPT = 256
_FEW = 20
_STALE_AFTER = 16
_DECAY_S = 10.0
_SPEED_WEIGHT = 0.2
_SPEED_FROM_S = 0.05
"""What comes within less came at once, and tells no speed."""


class Latency:
    """The recent first useful deltas of one target, in seconds. Pure: the clock is handed in."""

    __slots__ = ("_at_s", "_ewma_s", "_new", "_place", "_samples", "_sorted", "_tokens_per_s")

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._place = 0
        self._sorted: list[float] = []
        self._new = 0
        self._ewma_s: float | None = None
        self._at_s = 0.0
        self._tokens_per_s: float | None = None

    def record(self, took_s: float, now_s: float) -> None:
        """A first useful delta came after so long."""
        samples, known_s = self._samples, self._ewma_s
        if len(samples) < _KEPT:
            samples.append(took_s)
        else:
            samples[self._place] = took_s
            self._place = (self._place + 1) % _KEPT
        self._new += 1
        if known_s is None or took_s > known_s:
            self._ewma_s = took_s  # a peak counts at once, and is forgotten slowly
        else:
            weight = math.exp((self._at_s - now_s) / _DECAY_S)
            self._ewma_s = known_s * weight + took_s * (1.0 - weight)
        self._at_s = now_s

    def record_output(self, tokens: int | None, took_s: float) -> None:
        """So many tokens came within so long after the first useful delta."""
        if not tokens or took_s < _SPEED_FROM_S:
            return
        speed, known = tokens / took_s, self._tokens_per_s
        self._tokens_per_s = speed if known is None else known + _SPEED_WEIGHT * (speed - known)

    @property
    def tokens_per_s(self) -> float | None:
        """A moving average of the output tokens a second; None before the first.

        An answer comes no faster than it is read: behind a slow reader a target looks slow.
        """
        return self._tokens_per_s

    @property
    def ewma_s(self) -> float | None:
        """The peak-sensitive moving average; None before the first."""
        return self._ewma_s

    def percentile_s(self, percent: float) -> float | None:
        """So many percent of the recent ones took at most this long; None while there are too few to say."""
        if len(self._samples) < _FEW:
            return None
        if not self._sorted or self._new >= _STALE_AFTER:
            self._sorted, self._new = sorted(self._samples), 0
        index = math.ceil(percent / 100 * len(self._sorted)) - 1
        return self._sorted[max(0, index)]
