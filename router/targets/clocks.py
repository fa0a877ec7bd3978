"""The clocks of one attempt."""

import msgspec


class Clocks(msgspec.Struct, frozen=True):
    """The clocks of one attempt at one target, in seconds; see `Limits` for what each means."""

    connect_s: float
    first_delta_s: float
    stall_s: float
    tail_s: float
    total_s: float | None
