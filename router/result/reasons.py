"""All reasons that the router gives: for an attempt, a skipped target, a wait, a change of health.

Closed sets, in this one place. Reports, steps, health and plans use them, and the type checker holds them to it.
"""

from typing import Literal, TypeAlias

from ...config.route import MidStream
from ...providers.errors import ErrorKind

AttemptReason: TypeAlias = Literal["first", "retry", "handover", "return", "hedge", "repair", "last_resort"] | MidStream
"""`first`: of the call. `retry`: the attempt before it at the same target failed. `handover`: another target failed.
`return`: the target was waited for. `hedge`: another target is silent. `repair`: its answer did not fit its
schema. `last_resort`: no target may be asked. Else: the
policy by which a delivered answer is gone on with."""

RefusalReason: TypeAlias = Literal["breaker_open", "probing", "parked", "isolated", "returning", "limit", "budget"]
"""Why a target may not be asked now: its breaker is open, a probe of it is out, it is parked, isolated by hand, just
back and not yet this call's turn, full, or paid for no longer."""

SkipReason: TypeAlias = (
    RefusalReason
    | Literal["out_of_bounds", "misconfigured", "no_key", "unsupported", "missing_extra", "context_window"]
    | Literal["only_on", "deadline"]
)
"""Why a target was passed over: it may not be asked now; or it is outside what the call, its route or the key of a
gateway's client requires or avoids (`out_of_bounds`), lacks what every request needs, a model or an address
(`misconfigured`), has no key, cannot express the request, lacks an installed extra, has too small a context window,
stands by for another kind of error, or its turn would come too late."""

WaitReason: TypeAlias = Literal["backoff", "hint", "return", "queue"]
"""Between two tries at one target; for as long as a short `Retry-After` said; for a target that is left alone; for a
place within a limit or budget."""

ChangeReason: TypeAlias = (
    ErrorKind | Literal["slow", "probe", "abandoned", "answered", "renewed", "isolated", "isolation_over", "restored"]
)
"""What opened or parked a target (an error kind, or `slow`), a probe was sent, it came back without news, or with an
answer; a key has changed; a person isolated the target, for a time that is over, or restored it."""
