"""Settings of health: when a target is left alone, and for how long."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .bounds import Bounds
from .field_types import STRICT, Count, Seconds, SecondsOrZero
from .held import check


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """When a target is left alone, and for how long.

    Attributes:
        failures_in_row: So many failures one after another open the breaker: the target is not asked for a while.
        failure_ratio: So does this share of failures within the window.
        slow_ratio: So does this share of slow calls within the window.
        slow_call_s: A call without a useful delta for longer than this is slow. None: none is. There is no number that
            is right for every model and prompt, and a wrong one shuts out a sound target.
        window_s: The window of the ratios: longer than a hiccup, shorter than an outage.
        window_min_calls: Minimum calls within the window for the ratios to count: two of three failing prove little.
        open_s: How long an open breaker waits before its first probe, which is the next real call.
        open_max_s: The open time doubles with every failed probe, and with every fall soon after a return, up to this.
            No hint of a server that failed parks its target for longer.
        probes_to_close: So many probes must succeed one after another.
        park_auth_s: How long a refused key is left alone before one probe tries whether it was repaired.
        park_quota_s: The same for an exhausted quota without a hint.
        park_not_found_s: The same for a model that is not there.
        park_rate_limited_s: The same for a rate limit without a hint, once retries are used up.
        park_growth_max_s: A park without a hint doubles with every probe that meets the same refusal, up to this. A key
            from a file or a callback, which may change at any time, is tried again after `park_auth_s` each time.
        park_max_s: No hint parks a target longer than this; then one probe.
        slow_start_s: After closing, how long until the target takes its full share again: a provider that just came
            back falls over again under full load.
    """

    __pydantic_config__: ClassVar = STRICT

    failures_in_row: Count = 5
    failure_ratio: Annotated[float, Bounds(above=0, at_most=1)] = 0.5
    slow_ratio: Annotated[float, Bounds(above=0, at_most=1)] = 0.5
    slow_call_s: Seconds | None = None
    window_s: Seconds = 30.0
    window_min_calls: Count = 10
    open_s: Seconds = 5.0
    open_max_s: Seconds = 30.0
    probes_to_close: Count = 1
    park_auth_s: Seconds = 60.0
    park_quota_s: Seconds = 600.0
    park_not_found_s: Seconds = 60.0
    park_rate_limited_s: Seconds = 5.0
    park_growth_max_s: Seconds = 900.0
    park_max_s: Seconds = 86_400.0
    slow_start_s: SecondsOrZero = 10.0

    def __post_init__(self) -> None:
        check(self)
