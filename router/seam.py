"""Joining a new attempt to what was delivered: pure filters of events, one for each way of going on.

A seam takes the new attempt's events and gives those that may be delivered. Until it is settled it gives nothing, so
that a failure before then loses nothing. What it leaves out is counted in `trimmed`.
"""

from typing import Protocol

from ..providers.events import Finished, ProviderEvent, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from .relayed import Relayed

ECHO_MAX_CHARS = 400
"""An overlap between the delivered tail and a new head is looked for up to this length."""
ECHO_MIN_CHARS = 8
"""A shorter overlap may be chance ("the ", a line end), and is text."""


class Diverged(Exception):
    """A replay did not say again what was delivered. Nothing of it may be used."""


class Seam(Protocol):
    """A filter between a new attempt and the caller.

    Attributes:
        settled: It is known how the new events join; from now on they pass.
        trimmed: Characters that were left out.
    """

    settled: bool
    trimmed: int

    def feed(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        """The events that may be delivered now.

        Raises:
            Diverged: The attempt cannot be joined.
        """
        ...


class Fresh:
    """A new beginning: nothing is left out."""

    def __init__(self) -> None:
        self.settled = True
        self.trimmed = 0

    def feed(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        return events


class Continuation:
    """Text that goes on after the delivered text. An echo of it at the head is left out.

    The head is held while it may still turn out to be an echo: of the whole delivered text (some models repeat a
    prefill), or of its end (models that are asked to go on often start with the last words again).

    Args:
        delivered: The text so far; not empty.
        stops: Texts at which the answer ends, also where one lies across the seam.
        whole_only: Leave out only an echo of all of it: for a model that truly goes on, a short repetition is text.
        echoes: The model is known to say all of it again, however short it is.
    """

    def __init__(self, delivered: str, *, stops: tuple[str, ...] = (), whole_only: bool, echoes: bool = False) -> None:
        self.settled = False
        self.trimmed = 0
        self._delivered = delivered
        self._stops = stops
        self._stop_max = max(map(len, stops), default=0)
        self._whole_only = whole_only
        self._echo_min = 1 if echoes else ECHO_MIN_CHARS
        self._head = ""
        self._held: list[ProviderEvent] = []

    def feed(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        if self.settled:
            return events
        passed: list[ProviderEvent] = []
        for place, event in enumerate(events):
            match event:
                case TextDelta():
                    self._head += event.text
                    if not self._undecided():
                        return passed + self._settle() + events[place + 1 :]
                case ReasoningDelta():
                    pass  # how the new model came to go on is no part of the answer
                case ToolCallDelta() | RefusalDelta():
                    return passed + self._settle() + events[place:]
                case Finished():
                    return passed + self._settle() + events[place:]
                case Usage():
                    self._held.append(event)
                case _:
                    pass
        return passed

    def _undecided(self) -> bool:
        """Could more text still make an echo of the head?"""
        head, delivered = self._head, self._delivered
        if len(head) < len(delivered) and delivered.startswith(head):
            return True
        if len(head) < self._stop_max - 1:
            return True
        if self._whole_only:
            return not head.strip()
        longest = min(len(delivered), ECHO_MAX_CHARS)
        return any(delivered[-size:].startswith(head) for size in range(longest, len(head), -1))

    def _settle(self) -> list[ProviderEvent]:
        self.settled = True
        head, delivered = self._head, self._delivered
        echo = self._echo(head, delivered)
        rest = head[echo:]
        if delivered[-1:].isspace():  # the seam's white space is out already
            rest = rest.lstrip()
        self.trimmed = len(head) - len(rest)
        if self._stopped_across(delivered, rest):
            return [*self._held, Finished("stop", "stop")]
        return ([TextDelta(rest)] if rest else []) + self._held

    def _stopped_across(self, delivered: str, rest: str) -> bool:
        """Does a stop text begin in the delivered part and end in the new one?"""
        tail = delivered[len(delivered) - min(self._stop_max - 1, len(delivered)) :] if self._stop_max > 1 else ""
        return any(
            (found := (tail + rest[: len(stop)]).find(stop)) >= 0 and found < len(tail) < found + len(stop)
            for stop in self._stops
        )

    def _echo(self, head: str, delivered: str) -> int:
        for whole in (delivered, delivered.rstrip()):
            if len(whole) >= self._echo_min and head.startswith(whole):
                return len(whole)
        if self._whole_only:
            return 0
        for size in range(min(len(head), len(delivered), ECHO_MAX_CHARS), ECHO_MIN_CHARS - 1, -1):
            if delivered.endswith(head[:size]):
                return size
        return 0


class Replay:
    """The same answer once more: what is identical to the delivered part is left out, then it goes on.

    Compares concatenated texts, not deltas, for text, refusal and each tool call apart. A difference, or an end before
    all was said again, is a divergence.
    """

    def __init__(self, relayed: Relayed) -> None:
        self.settled = False
        self.trimmed = 0
        self._text, self._refusal = relayed.text, relayed.refusal
        self._calls = dict(relayed.calls)

    def feed(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        if self.settled:
            return events
        passed: list[ProviderEvent] = []
        for place, event in enumerate(events):
            match event:
                case TextDelta():
                    self._text, rest = self._match(self._text, event.text)
                    if rest:
                        passed.append(TextDelta(rest))
                case RefusalDelta():
                    self._refusal, rest = self._match(self._refusal, event.text)
                    if rest:
                        passed.append(RefusalDelta(rest))
                case ToolCallDelta():
                    rest = self._match_call(event)
                    if rest:
                        passed.append(ToolCallDelta(event.index, arguments=rest))
                case Finished():
                    if self._left():
                        raise Diverged("it ended before it had said all of it again")
                    self.settled = True
                    return passed + events[place:]
                case Usage():
                    passed.append(event)
                case _:
                    pass
            if not self._left():
                self.settled = True
                return passed + events[place + 1 :]
            if any(not isinstance(done, Usage) for done in passed):
                raise Diverged("it went on in one part before it had said all of another again")
        return passed

    def _left(self) -> bool:
        return bool(self._text or self._refusal or self._calls)

    def _match(self, expected: str, said: str) -> tuple[str, str]:
        """What is still expected, and what goes beyond it."""
        if expected.startswith(said):
            self.trimmed += len(said)
            return expected[len(said) :], ""
        if said.startswith(expected):
            self.trimmed += len(expected)
            return "", said[len(expected) :]
        raise Diverged("it says something else")

    def _match_call(self, event: ToolCallDelta) -> str:
        if event.index not in self._calls:
            raise Diverged("it calls another tool")
        name, arguments = self._calls[event.index]
        if event.name is not None and event.name != name:
            raise Diverged("it calls another tool")
        arguments, rest = self._match(arguments, event.arguments)
        if arguments:
            self._calls[event.index] = (name, arguments)
        else:
            del self._calls[event.index]
        return rest
