"""Bad weather on a simulated network: what goes wrong with each connection, drawn from one seed.

The names are those of the faults in `network`, with the direction in front where there is one: `up` is what we send,
`down` is what the provider sends.
"""

import random
from collections import Counter
from collections.abc import Sequence

from .network import ConnectFault, WireFault

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

REACH_BYTES = 2500
"""Faults strike within the first bytes of a connection: one or two exchanges."""


class SwarmWeather:
    """Each connection gets at most one fault, of the kinds that this run has.

    Args:
        kinds: The faults that may happen, from `CONNECT_FAULTS` and `WIRE_FAULTS`.
        share: How many connections get one.

    Attributes:
        struck: How often each happened, or lay in wait.
    """

    def __init__(self, rng: random.Random, kinds: Sequence[str], share: float) -> None:
        self._rng, self._share = rng, share
        self._spared: set[str] = set()
        self._connects = [kind for kind in CONNECT_FAULTS if kind in kinds]
        self._wires = [kind for kind in WIRE_FAULTS if kind in kinds]
        self.struck: Counter[str] = Counter()

    def spare(self, host: str) -> None:
        """From now on the weather is fine there."""
        self._spared.add(host)

    def resolving(self, host: str) -> ConnectFault | None:
        return self._connect_fault(host, [kind for kind in self._connects if kind in _WHILE_RESOLVING])

    def reaching(self, host: str) -> ConnectFault | None:
        return self._connect_fault(host, [kind for kind in self._connects if kind not in _WHILE_RESOLVING])

    def wires(self, host: str) -> tuple[WireFault | None, WireFault | None]:
        if not self._wires or self._is_fine(host):
            return None, None
        kind = self._rng.choice(self._wires)
        self.struck[kind] += 1
        direction, _, what = kind.partition("_")
        at = self._rng.randrange(1, REACH_BYTES if direction == "down" else 600)
        seconds = self._rng.choice((0.05, 0.5, 3.0))
        size = self._rng.choice((1, 2, 7, 64)) if direction == "down" else 16
        fault = WireFault(what, at, seconds=seconds, size=size)  # type: ignore[arg-type]
        return (fault, None) if direction == "up" else (None, fault)

    def _connect_fault(self, host: str, kinds: Sequence[ConnectFault]) -> ConnectFault | None:
        if not kinds or self._is_fine(host):
            return None
        kind = self._rng.choice(kinds)
        self.struck[kind] += 1
        return kind

    def _is_fine(self, host: str) -> bool:
        return host in self._spared or self._rng.random() >= self._share
