"""The change of a cost over a range: a line through the samples, and how sure its slope is.

The estimator of Theil and Sen and its interval (Sen 1968): the median of the slopes between any two points. It does not
ask how errors are distributed, and bears that a fourth of the points were measured while the machine was busy.
"""

import math
import statistics
from collections import Counter
from collections.abc import Sequence

from .figures import Spread

CONFIDENCE = 0.95


def drift(at: Sequence[float], cost: Sequence[float]) -> Spread:
    """The rise of the line from the first place to the last, in percent of the median cost, with its interval.

    Several points may stand at one place; there are at least two places.
    """
    points = list(zip(at, cost, strict=True))
    slopes = sorted(
        (other - one) / (there - here)
        for number, (here, one) in enumerate(points)
        for there, other in points[number + 1 :]
        if there != here
    )
    reach = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(_variance(at))
    low = max(0, math.floor((len(slopes) - reach) / 2))
    high = len(slopes) - 1 - low
    scale = 100 * (max(at) - min(at)) / statistics.median(cost)
    return Spread(statistics.median(slopes) * scale, slopes[low] * scale, slopes[high] * scale)


def _variance(at: Sequence[float]) -> float:
    """Of Kendall's S when there is no slope; points at one place are ties."""

    def term(n: int) -> int:
        return n * (n - 1) * (2 * n + 5)

    return (term(len(at)) - sum(map(term, Counter(at).values()))) / 18
