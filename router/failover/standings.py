"""State of each target within one call: tried, used up, standing by, or skipped with the reason. Pure."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from ...providers.errors import ErrorKind, ProviderError
from ...providers.opaque import Opaque
from ..health.refusal import Refusal
from ..limits.limiter import Limited
from ..result.reasons import SkipReason
from ..result.report import Skipped
from .delay import own_delay_s
from .steps import Candidate

LEFT_OUT_FOR: Mapping[SkipReason, ErrorKind] = {
    "context_window": ErrorKind.CONTEXT_LENGTH,
    "misconfigured": ErrorKind.UNSUPPORTED,
    "missing_extra": ErrorKind.UNSUPPORTED,
    "no_key": ErrorKind.AUTH,
    "unsupported": ErrorKind.UNSUPPORTED,
}
"""What a target would have failed with that is left out before it is asked: it is as good as failed with it."""


class Standing(msgspec.Struct, gc=False):
    """How one target stands within this call.

    Attributes:
        dormant: It stands by for a kind of error that has not come up.
        tries: Attempts since the call last went to it.
        asked: It was asked in this call.
        done: It is not asked again in this call.
        left_out_for: What it would have failed with, had it been asked.
        hints: Short hints that it gave this call, and that no other key helped against.
        not_before_s: Until then the last of them holds.
        deferred: A retry is due, and waits for a place.
        failure: Why its last attempt failed, while a retry is due.
        broke: The delivered answer broke off here, or a way of going on with it.
        once_more: It may go on with the answer once more all the same.
    """

    dormant: bool
    tries: int = 0
    asked: bool = False
    done: bool = False
    left_out_for: ErrorKind | None = None
    hints: int = 0
    not_before_s: float = 0.0
    deferred: bool = False
    failure: ProviderError | None = None
    broke: bool = False
    once_more: bool = False


class Standings(Opaque):
    """The standing of every target of one call.

    Attributes:
        candidates: The targets in the order in which they are to be asked.
        began_s: When the call began.
        fingerprint: Of its request; None: that is not known.
        skipped: Which targets were passed over, and why, so far.
    """

    candidates: Sequence[Candidate]
    began_s: float
    fingerprint: Callable[[], bytes] | None = None
    skipped: list[Skipped] = []
    _by_index: dict[int, Standing] = {}  # of those that were looked at
    _woken: tuple[int, ...] = ()
    _refused: bool = False  # the request, by one target

    def of(self, index: int) -> Standing:
        """The standing of one target."""
        standing = self._by_index.get(index)
        if standing is None:
            standing = self._by_index[index] = Standing(self.candidates[index].only_on is not None)
        return standing

    def began(self, index: int) -> None:
        """An attempt at this target begins."""
        standing = self._by_index.get(index)
        if standing is None:  # made as it is now, since each change by itself costs as much
            self._by_index[index] = Standing(self.candidates[index].only_on is not None, tries=1, asked=True)
        else:
            standing.tries += 1
            standing.asked = True

    def in_turn(self) -> Iterable[tuple[int, Candidate]]:
        """All targets by index; those whose kind of error has come up before all others."""
        if not self._woken:
            return enumerate(self.candidates)
        indexes = [*self._woken, *(index for index in range(len(self.candidates)) if index not in self._woken)]
        return [(index, self.candidates[index]) for index in indexes]

    def is_ready(self, index: int, now_s: float) -> bool:
        """May this target be asked now, while nothing is known of it in this call? Nearly always: no walk is needed."""
        if index in self._by_index or index >= len(self.candidates):
            return False
        candidate = self.candidates[index]
        return candidate.only_on is None and candidate.refusal(now_s, self.fingerprint) is None

    def walk(
        self, now_s: float, but: int = -1, failing_with: ErrorKind | None = None
    ) -> Iterator[tuple[int, Candidate, Refusal | None]]:
        """The targets that this call may ask, in their order, each with what keeps it from being asked now.

        A target that stands by for a kind comes behind the first that is left alone, or was left out, for that kind.
        Nothing is woken by looking: what is left alone may be back at the next look.

        Args:
            but: Leave this one out.
            failing_with: Go on as if that one had failed with this kind.
        """
        seen = {but}
        if failing_with is not None:
            yield from self._standing_by(failing_with, now_s, seen)
        for index, _ in self.in_turn():
            if index not in seen and not self.of(index).dormant:
                yield from self._with_stand_ins(index, now_s, seen)

    def _with_stand_ins(
        self, index: int, now_s: float, seen: set[int]
    ) -> Iterator[tuple[int, Candidate, Refusal | None]]:
        seen.add(index)
        standing, kind = self.of(index), None
        if standing.done:
            kind = standing.left_out_for
        else:
            candidate = self.candidates[index]
            refusal = candidate.refusal(now_s, self.fingerprint)
            yield index, candidate, refusal
            kind = None if refusal is None else refusal.kind
        if kind is not None:
            yield from self._standing_by(kind, now_s, seen)

    def _standing_by(
        self, kind: ErrorKind, now_s: float, seen: set[int]
    ) -> Iterator[tuple[int, Candidate, Refusal | None]]:
        for other, candidate in enumerate(self.candidates):
            if candidate.only_on is kind and other not in seen and self.of(other).dormant:
                yield from self._with_stand_ins(other, now_s, seen)

    def another_left(self, index: int, kind: ErrorKind, now_s: float, by_s: float) -> bool:
        """Can another target still be asked by then, once this one has failed with such an error?"""
        if len(self.candidates) == 1:
            return False
        if self.is_ready(0 if index else 1, now_s):
            return True
        for _, _, refusal in self.walk(now_s, but=index, failing_with=kind):
            if refusal is None or (refusal.until_s is not None and refusal.until_s < by_s):
                return True
            if refusal.until_s is None and isinstance(refusal, Limited) and refusal.queues:
                return True
        return False

    def any_left(self) -> bool:
        """May any target still be asked in this call, whatever its health?"""
        standings = map(self.of, range(len(self.candidates)))
        return any(not (standing.done or standing.dormant) for standing in standings)

    def heed(self, index: int, error: ProviderError, now_s: float, rng: random.Random) -> None:
        """A short hint delays this call, whatever it does meanwhile; unless it can go on with another key.

        Args:
            rng: Draws the jitter of a wait that is longer than the hint.
        """
        candidate, standing = self.candidates[index], self.of(index)
        delay_s = own_delay_s(error, candidate.retry, standing.hints + 1, rng)
        if delay_s is not None and not candidate.has_other_credential(error, now_s):
            standing.hints += 1
            standing.not_before_s = now_s + delay_s

    def skip(self, index: int, reason: SkipReason, detail: str, now_s: float, until_s: float | None = None) -> None:
        """Note down once why a target is passed over."""
        label = self.candidates[index].label
        if not any(skip.target == label and skip.reason == reason for skip in self.skipped):
            at_s = now_s - self.began_s
            back_s = None if until_s is None else until_s - self.began_s
            self.skipped.append(Skipped(label, reason, detail, at_s, back_s))

    def exclude(self, index: int, reason: SkipReason, detail: str, now_s: float) -> None:
        """This target cannot be asked in this call."""
        standing = self.of(index)
        standing.done, standing.left_out_for = True, LEFT_OUT_FOR.get(reason)
        self.skip(index, reason, detail, now_s)

    def wake(self, kind: ErrorKind, *, alone: bool) -> bool:
        """Wake the targets that stand by for this kind of error. Are there any?

        Args:
            alone: No other target may be asked after such an error.
        """
        woken = [
            index
            for index, candidate in enumerate(self.candidates)
            if candidate.only_on is kind and self.of(index).dormant and not self.of(index).done
        ]
        for index in woken:
            self.of(index).dormant = False
        if woken and alone:
            for index in range(len(self.candidates)):
                standing = self.of(index)
                standing.done = standing.done or index not in woken
        self._woken = (*woken, *self._woken)
        return bool(woken)

    def exclude_windows(self, refused_by: int | None, now_s: float) -> None:
        """Too long for one window: too long for every window that is known to be no larger."""
        if refused_by is None:
            return
        for index, candidate in enumerate(self.candidates):
            window = candidate.capabilities.context_window
            if candidate.only_on is None and not self.of(index).done and window and window <= refused_by:
                self.exclude(index, "context_window", f"its context window of {window} tokens is no larger", now_s)

    def may_ask_one_other(self) -> bool:
        """What one target refuses may please another. Is any left to ask? A second one that refuses it ends the call.

        A target that fails in any other way has not judged the request, and is not that second one.
        """
        second, self._refused = self._refused, True
        return self.any_left() and not second
