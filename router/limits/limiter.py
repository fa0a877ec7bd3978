"""Limits on the use of a target: calls in flight, requests and tokens a minute, and what its provider
reports as left.

A limit is a queue, never a refusal for good: what is full says so, and until when if that is known; the call asks
another target or waits in order, within its deadline. A window is a true minute: at most so many within any 60 seconds,
wherever the provider's own minute begins. Pure: the clock is handed in, waking is the queue's.
"""

from collections import deque
from math import ceil
from typing import NamedTuple

from ...providers.errors import ErrorKind
from ...providers.hints import Remaining
from ..health.latency import Latency
from ..health.refusal import Refusal
from .queue import QUEUE_MAX, Queue, Ticket

WINDOW_S = 60
_SLOT_S = 1
"""Use is counted by the second: a window holds no more than 61 numbers, and gives back at most a second late."""

LEARNT_MAX_S = 60.0
"""A provider's word on what is left holds at most so long: a courtesy. Then one asks; a refusal has a hint."""
_LOW = 0.25
"""Above this share of its limit, what is left is no concern."""

_HOLD_WEIGHT = 0.2


class Sizes(NamedTuple):
    """The limits of one target; None: not limited."""

    concurrency: int | None = None
    requests_per_min: int | None = None
    tokens_per_min: int | None = None


class Left(NamedTuple):
    """What is left of one limit.

    Attributes:
        limit: Of how much.
        reset_s: Seconds until all of it is left, if nothing more is used.
    """

    limit: int
    left: int
    reset_s: float


class Limited(Refusal, frozen=True):
    """Our own limit or budget keeps a target from being asked. It holds even as a last resort.

    Attributes:
        queue: It is merely full: a call waits its turn in this queue, whatever its route says of outages.
    """

    queue: Queue | None = None

    @property
    def queues(self) -> bool:
        """Can a call wait its turn?"""
        return self.queue is not None


class Slot:
    """What was used within one second."""

    __slots__ = ("amount", "ends_s")

    def __init__(self, ends_s: float) -> None:
        self.ends_s = ends_s
        self.amount = 0


class Window:
    """The use of the last minute."""

    __slots__ = ("_slots", "used")

    def __init__(self) -> None:
        self._slots: deque[Slot] = deque()
        self.used = 0

    def add(self, amount: int, now_s: float) -> Slot:
        """So much is used now."""
        self._forget(now_s)
        ends_s = (now_s // _SLOT_S + 1) * _SLOT_S + WINDOW_S
        if not self._slots or self._slots[-1].ends_s < ends_s:
            self._slots.append(Slot(ends_s))
        slot = self._slots[-1]
        slot.amount += amount
        self.used += amount
        return slot

    def holds(self, now_s: float) -> bool:
        """Is anything in it?"""
        self._forget(now_s)
        return bool(self._slots)

    def correct(self, slot: Slot, by: int, now_s: float) -> None:
        """What was used then was more, or less."""
        self._forget(now_s)
        if now_s < slot.ends_s:
            slot.amount += by
            self.used += by

    def fits_s(self, amount: int, limit: int, now_s: float) -> float:
        """When this amount more fits; now, if it does already. More than the limit counts as several turns.

        Reading changes nothing: a plan reads ahead of time.
        """
        turns = max(0, ceil(amount / limit) - 1)
        left = self.used + amount - turns * limit - limit
        at_s = now_s
        for slot in self._slots:
            if slot.ends_s > now_s:
                if left <= 0:
                    break
                at_s = slot.ends_s
            left -= slot.amount
        return at_s + turns * (WINDOW_S + _SLOT_S)

    def left(self, limit: int, now_s: float) -> Left:
        """What is left of a limit. Reading changes nothing."""
        used, reset_s = self.used, 0.0
        for slot in self._slots:
            if slot.ends_s > now_s:
                break
            used -= slot.amount
        for slot in reversed(self._slots):
            if slot.ends_s <= now_s:
                break
            if slot.amount:
                reset_s = slot.ends_s - now_s
                break
        return Left(limit, max(0, limit - used), reset_s)

    def _forget(self, now_s: float) -> None:
        slots = self._slots
        while slots and slots[0].ends_s <= now_s:
            self.used -= slots.popleft().amount


class _Told:
    """What a provider says is left of one of its limits. It refills evenly, where the size of the limit is known."""

    __slots__ = ("_at_s", "_left", "_limit", "_per_s", "until_s")

    def __init__(self, told: Remaining, now_s: float) -> None:
        self._at_s, self._left = now_s, float(told.left)
        self._limit = float("inf") if told.limit is None else float(told.limit)
        reset_s = max(told.reset_s, 1e-3)
        self._per_s = (told.limit - told.left) / reset_s if told.limit is not None and told.refills else 0.0
        self.until_s = now_s + min(reset_s, LEARNT_MAX_S)

    def fits_s(self, amount: float, now_s: float) -> float:
        """When this amount more is left; now, if it is already."""
        lacking = min(amount, self._limit) - self._available(now_s)
        if lacking <= 0.0 or now_s >= self.until_s:
            return now_s
        return min(self.until_s, now_s + lacking / self._per_s) if self._per_s else self.until_s

    def take(self, amount: float, now_s: float) -> None:
        """So much is used now."""
        self._left, self._at_s = self._available(now_s) - amount, now_s

    def _available(self, now_s: float) -> float:
        return min(self._limit, self._left + self._per_s * (now_s - self._at_s))


class Permit:
    """The right to one attempt. Given back exactly once; doing it again does nothing."""

    __slots__ = ("_held", "_limits", "_slot", "_taken_s", "_tokens")

    def __init__(self, limits: "TargetLimits", tokens: int, slot: Slot | None, now_s: float) -> None:
        self._limits, self._tokens, self._slot, self._taken_s = limits, tokens, slot, now_s
        self._held = True

    def release(self, now_s: float, tokens: int | None = None, *, whole: bool = False) -> None:
        """The attempt is over.

        Args:
            tokens: How many it has really used; None: about as many as were thought.
            whole: It has given a whole answer.
        """
        if self._held:
            self._held = False
            if whole:
                self._limits.answers.record(now_s - self._taken_s, now_s)
            more = 0 if tokens is None else tokens - self._tokens
            self._limits._released(self._slot, more, self._taken_s, now_s)


class TargetLimits:
    """The use of one target, and the calls that wait for it.

    Attributes:
        answers: How long whole answers take.
        in_flight: Permits that are out.
        told: What its provider has said is left, while that is little, by what it is of.
    """

    __slots__ = ("_hold_s", "_requests", "_tokens", "answers", "in_flight", "queue", "told")

    def __init__(self) -> None:
        self.answers = Latency()
        self.in_flight = 0
        self.queue = Queue()
        self.told: dict[str, _Told] = {}
        self._requests, self._tokens = Window(), Window()
        self._hold_s: float | None = None  # how long a permit is held, on average

    def refusal(self, sizes: Sizes, tokens: int, now_s: float, ticket: Ticket | None = None) -> Limited | None:
        """Why a call may not go now; None when it may.

        Args:
            tokens: What it will probably use.
            ticket: Its place in the queue, if it waits already.
        """
        queue = self.queue
        if queue and queue.first is not ticket:
            if ticket is not None and ticket.queue is queue:
                return Limited("limit", "others wait for longer", None, queue=self.queue)
            waiting = len(queue)
            if queue.full:
                return Limited("limit", f"{QUEUE_MAX} wait for it already", None, ErrorKind.RATE_LIMITED)
            return Limited(
                "limit", f"{waiting} wait for it already", self._turn_s(sizes, tokens, now_s), queue=self.queue
            )
        if sizes.concurrency is not None and self.in_flight >= sizes.concurrency:
            return Limited(
                "limit", f"{self.in_flight} of {sizes.concurrency} calls are in flight", None, queue=self.queue
            )
        if sizes.tokens_per_min is not None:
            tokens = min(tokens, sizes.tokens_per_min)  # more than a whole minute's: it goes alone
        detail, fits_s = self._fits_s(sizes, 1, tokens, now_s)
        return None if fits_s <= now_s else Limited("limit", detail, fits_s, queue=self.queue)

    def holds(self, now_s: float) -> bool:
        """Was anything used within the last minute, is in use, or has its provider said that little is left?"""
        told = any(now_s < told.until_s for told in self.told.values())
        return bool(self.in_flight or self._requests.holds(now_s) or self._tokens.holds(now_s) or told)

    def left(self, sizes: Sizes, now_s: float) -> tuple[Left | None, Left | None]:
        """What is left of the requests and of the tokens a minute; None: they are not limited."""
        requests, tokens = sizes.requests_per_min, sizes.tokens_per_min
        return (
            None if requests is None else self._requests.left(requests, now_s),
            None if tokens is None else self._tokens.left(tokens, now_s),
        )

    def take(self, sizes: Sizes, tokens: int, now_s: float) -> Permit:
        """Go."""
        self.in_flight += 1
        if sizes.requests_per_min is not None:
            self._requests.add(1, now_s)
        if self.told:
            self.told = {unit: told for unit, told in self.told.items() if now_s < told.until_s}
        for unit, told in self.told.items():
            told.take(1 if unit == "requests" else tokens, now_s)
        slot = None if sizes.tokens_per_min is None else self._tokens.add(tokens, now_s)
        return Permit(self, tokens, slot, now_s)

    def learn(self, told: Remaining, now_s: float) -> None:
        """Its provider says what is left."""
        before = self.told.pop(told.unit, None)
        if told.left <= (0.0 if told.limit is None else _LOW * told.limit):
            self.told[told.unit] = _Told(told, now_s)
        if before is not None:
            self.queue.wake_first()

    def _fits_s(self, sizes: Sizes, requests: int, tokens: int, now_s: float) -> tuple[str, float]:
        """Which limit is in the way for longest, and until when."""
        detail, last_s = "", now_s
        if sizes.requests_per_min is not None:
            last_s = self._requests.fits_s(requests, sizes.requests_per_min, now_s)
            detail = f"{sizes.requests_per_min} requests within a minute"
        if sizes.tokens_per_min is not None:
            fits_s = self._tokens.fits_s(tokens, sizes.tokens_per_min, now_s)
            if fits_s > last_s:
                detail, last_s = f"{sizes.tokens_per_min} tokens within a minute", fits_s
        if self.told:
            for unit, told in self.told.items():
                fits_s = told.fits_s(requests if unit == "requests" else tokens, now_s)
                if fits_s > last_s:
                    detail, last_s = f"its provider says that no {unit} are left", fits_s
        return detail, last_s

    def _turn_s(self, sizes: Sizes, tokens: int, now_s: float) -> float | None:
        """About when it would be the turn of a call that joins the queue now; None: not known."""
        waiting = len(self.queue)
        _, last_s = self._fits_s(sizes, waiting + 1, self.queue.tokens + tokens, now_s)
        if sizes.concurrency is not None and self._hold_s is not None:
            last_s = max(last_s, now_s + waiting * self._hold_s / sizes.concurrency)
        return last_s if last_s > now_s else None

    def _released(self, slot: Slot | None, more: int, taken_s: float, now_s: float) -> None:
        self.in_flight -= 1
        held_s = now_s - taken_s
        self._hold_s = held_s if self._hold_s is None else self._hold_s + _HOLD_WEIGHT * (held_s - self._hold_s)
        if slot is not None and more:
            self._tokens.correct(slot, more, now_s)
        self.queue.wake_first()
