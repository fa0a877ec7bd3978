"""Count the streams of a simulated world that each fault has really struck, and not those it was only planned for.

A fault of the network counts when it happens, for the call that it happens to. A fault of a provider's script counts
when the exchange was played to its end, or when the client ended it because of what it saw there.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextvars import ContextVar

import msgspec
from standby.providers.errors import ErrorKind
from standby.router.result.report import Report
from standby.simulator.serving.exchange import Exchange

from .records import Heard, Told

CALL: ContextVar[int | None] = ContextVar("CALL", default=None)
"""The call that runs: set by a caller in its own task, and by a provider as soon as it knows the call it answers."""

ON_IDLE = ("late_answer", "late_garbage", "idle_close")
"""These happen on the idle connection, once the answer is over."""

_BREAKS = ("down_rst", "down_fin", "down_stall", "up_rst", "up_fin", "up_stall")


class _Attempt(msgspec.Struct):
    """One attempt of a call, on the loop's clock."""

    call: int
    target: str
    began_s: float
    ended_s: float
    kind: ErrorKind | None


class Strikes:
    """The strikes of each fault.

    Attributes:
        streams: The calls that each fault has struck.
        running: The calls that are under way.
    """

    def __init__(self) -> None:
        self.streams: defaultdict[str, set[int]] = defaultdict(set)
        self.running: set[int] = set()
        self._attempts: list[_Attempt] = []

    def strike(self, fault: str) -> None:
        """Count a fault for the call that runs now."""
        call = CALL.get()
        if call is not None:
            self.streams[fault].add(call)

    def strike_all(self, fault: str) -> None:
        """Count a fault for every running call."""
        self.streams[fault] |= self.running

    def over(self, heard: Heard, report: Report) -> None:
        """Keep the attempts of a call that is over: target, times and failure."""
        self._attempts += [
            _Attempt(
                heard.call,
                attempt.target,
                heard.began_s + attempt.began_s,
                heard.began_s + (attempt.ended_s or 0.0),
                attempt.kind,
            )
            for attempt in report.attempts
        ]

    def settle(self, told: "Iterable[Told]", exchanges: Iterable[Exchange]) -> None:
        """The world is over: see which of the spoilt scripts came to pass."""
        log = {(exchange.provider, exchange.request.number): exchange for exchange in exchanges}
        broken = set().union(*(self.streams[name] for name in _BREAKS))
        for each in told:
            exchange = log.get((each.provider, each.number))
            if each.fault is None or exchange is None:
                continue
            if each.fault in ON_IDLE:
                came = exchange.afterwards
            elif exchange.ended == "left":
                came = each.call not in broken and (each.fault == "kept_open" or self._failed(each, exchange))
            else:
                came = exchange.ended in ("completed", "cut")
            if came:
                self.streams[each.fault].add(each.call)

    def counted(self) -> Counter[str]:
        """How many streams each fault has struck."""
        return Counter({name: len(calls) for name, calls in self.streams.items() if calls})

    def faulty(self) -> int:
        """How many streams were struck by any."""
        return len(set().union(*self.streams.values()))

    def _failed(self, told: Told, exchange: Exchange) -> bool:
        """Did the client end this exchange because the answer was no good, and not because its caller had left?"""
        return any(
            attempt.began_s <= exchange.arrived_s <= attempt.ended_s
            for attempt in self._attempts
            if attempt.call == told.call and attempt.target == told.provider
            if attempt.kind not in (None, ErrorKind.CANCELLED)
        )
