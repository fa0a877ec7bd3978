"""Faults of a simulated network: at most one for each connection, drawn from one seed.

The names are those of the faults in `network`, with the direction in front where there is one: `up` is what we send,
`down` is what the provider sends.
"""

import random
from collections.abc import Sequence
from typing import Literal

from standby.simulator.virtual.network import ConnectFault, WireFault

from .struck import Strikes

CONNECT_FAULTS: tuple[ConnectFault, ...] = (
    "refuse", "black_hole", "unreachable", "no_descriptors", "dns", "dns_timeout", "tls", "tls_stall", "slow",
)  # fmt: skip
_WHILE_RESOLVING = ("dns", "dns_timeout")
WIRE_FAULTS = (
    "down_rst",
    "down_fin",
    "down_stall",
    "down_late",
    "down_slice",
    "up_rst",
    "up_fin",
    "up_stall",
    "up_slice",
)

REACH_BYTES = 2000
"""Faults strike within the first bytes of a connection: one or two exchanges."""


class SwarmWeather:
    """Each connection gets at most one fault, of the kinds that this run has.

    Args:
        kinds: The faults that may happen, from `CONNECT_FAULTS` and `WIRE_FAULTS`.
        share: Share of the connections with a fault. Fewer fail to connect, since such an attempt meets no other fault;
            name look-ups fail more often, since results are cached and look-ups are rare.
        strikes: Called for every fault that strikes.
    """

    def __init__(self, rng: random.Random, kinds: Sequence[str], share: float, strikes: Strikes) -> None:
        self._rng, self._share, self._strikes = rng, share, strikes
        self._spared: set[str] = set()
        self._lookups = [kind for kind in CONNECT_FAULTS if kind in kinds and kind in _WHILE_RESOLVING]
        self._connects = [kind for kind in CONNECT_FAULTS if kind in kinds and kind not in _WHILE_RESOLVING]
        self._wires = [kind for kind in WIRE_FAULTS if kind in kinds]

    def spare(self, host: str) -> None:
        """From now on the weather is fine there."""
        self._spared.add(host)

    def resolving(self, host: str) -> ConnectFault | None:
        return self._connect_fault(host, self._lookups, 0.7 * self._share)

    def reaching(self, host: str) -> ConnectFault | None:
        return self._connect_fault(host, self._connects, 0.5 * self._share)

    def wires(self, host: str) -> tuple[WireFault | None, WireFault | None]:
        if not self._wires or self._is_fine(host, self._share):
            return None, None
        kind = self._rng.choice(self._wires)
        direction, _, what = kind.partition("_")
        at = self._rng.randrange(1, REACH_BYTES if direction == "down" else 600)
        seconds = self._rng.choice((0.05, 0.5, 3.0))
        size = self._rng.choice((1, 2, 7, 64)) if direction == "down" else 16
        fault = WireFault(what, at, seconds=seconds, size=size)  # type: ignore[arg-type]
        return (fault, None) if direction == "up" else (None, fault)

    def struck(self, direction: Literal["up", "down"], what: str) -> None:
        self._strikes.strike(f"{direction}_{what}")

    def _connect_fault(self, host: str, kinds: Sequence[ConnectFault], share: float) -> ConnectFault | None:
        if not kinds or self._is_fine(host, share):
            return None
        kind = self._rng.choice(kinds)
        self._strikes.strike(kind)
        return kind

    def _is_fine(self, host: str, share: float) -> bool:
        return host in self._spared or self._rng.random() >= share
