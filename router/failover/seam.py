"""Joining a new attempt to what was delivered: pure filters of events, one for each way of going on.

    Fresh         all of it is new
    Replay        the whole answer is asked for again: what is identical is left out, the first difference ends it
    Continuation  a model goes on from a prefill: nothing is left out but white space that its prefill did not have
    Echo          a model is known to say its prefill again first: exactly that is left out
    Overlap       a model is asked to go on (in `overlap`): joined only where it says the last words again

A seam takes the new attempt's events and gives those that may be delivered. Until it is settled it gives nothing, so
that a failure before then loses nothing. What it leaves out is counted in `trimmed`. A seam that is not sure raises
`Diverged`: the next policy is better than a text that lacks a line, or has one twice.
"""

from typing import Protocol

from ...providers.events import (
    Finished,
    PartAdded,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ...providers.parts import Attachment
from .delivered import Relayed

RESTART_MIN_WEIGHT = 8
"""A head that says the answer's beginning again, and as much of it as this weighs, is no chance ("The ", "- ")."""
WEIGHED_MAX_CHARS = 1000
"""A longer text is no chance, whatever it is made of; and it is not looked through."""


class Diverged(Exception):
    """The attempt cannot be joined for certain. Nothing of it may be used."""


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


class TextSeam:
    """What all seams of plain text to plain text have in common. The head is held until it shows how it joins.

    A subclass decides: `_decide` is asked with each batch of text whether the head is known well enough, and gives
    the number of its characters that are left out.

    Args:
        delivered: The text so far; not empty.
        stops: Texts at which the answer ends, also where one lies across the seam.
    """

    def __init__(self, delivered: str, stops: tuple[str, ...] = ()) -> None:
        self.settled = False
        self.trimmed = 0
        self._delivered = delivered
        self._stops = stops
        self._stop_max = max(map(len, stops), default=0)
        self._pieces: list[str] = []
        self._chars = 0  # in the pieces
        self._left_out: int | None = None  # of the head; None: not known yet
        self._usage: list[ProviderEvent] = []
        self._held: list[tuple[int, ProviderEvent]] = []  # other parts of the answer, and behind how much of the head

    def feed(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        if self.settled:
            return events
        texts: list[str] = []
        for index, event in enumerate(events):
            match event:
                case TextDelta():
                    texts.append(event.text)
                case ToolCallDelta() | RefusalDelta() | PartAdded() | Finished():
                    self._take("".join(texts))
                    texts.clear()
                    if self._left_out is not None:
                        return self._settle(self._left_out, events[index:])
                    if isinstance(event, Finished):
                        return self._settle(self._decide_at_end(), events[index:])
                    self._hold(event)
                case Usage():
                    self._usage.append(event)
                case ReasoningDelta():
                    pass  # how the new model came to go on is no part of the answer
                case _:
                    pass
        self._take("".join(texts))
        if self._left_out is None or self._chars - self._left_out < self._stop_max - 1:
            return []
        return self._settle(self._left_out, [])

    def _take(self, piece: str) -> None:
        """The head grows by the text of one batch."""
        if piece:
            self._pieces.append(piece)
            self._chars += len(piece)
            if self._left_out is None:
                self._left_out = self._decide(piece)

    def _decide(self, piece: str) -> int | None:
        """How much of the head is left out; None: more of it must be seen. `piece` is its newest part."""
        raise NotImplementedError

    def _decide_at_end(self) -> int:
        """The same, when no more text comes."""
        raise NotImplementedError

    def _hold(self, event: ToolCallDelta | RefusalDelta | PartAdded) -> None:
        """Keep what is no text until the head is decided: text may follow that shows how it joins."""
        self._held.append((self._chars, event))

    def _settle(self, left_out: int, following: list[ProviderEvent]) -> list[ProviderEvent]:
        self.settled = True
        self.trimmed = left_out
        head = "".join(self._pieces)
        if self._stopped_across(head[left_out:]):
            counted = [event for event in following if isinstance(event, Usage)]
            return [*self._usage, *counted, Finished("stop", "stop")]
        joined: list[ProviderEvent] = []
        at = left_out
        for end, event in [*self._held, (len(head), None)]:
            if end > at:
                joined.append(TextDelta(head[at:end]))
                at = end
            if event is not None:
                joined.append(event)
        return [*joined, *self._usage, *following]

    def _stopped_across(self, rest: str) -> bool:
        """Does a stop text begin in the delivered part and end in the new one?"""
        if self._stop_max < 2:
            return False
        tail = self._delivered[-(self._stop_max - 1) :]
        return any(
            (found := (tail + rest[: len(stop)]).find(stop)) >= 0 and found < len(tail) < found + len(stop)
            for stop in self._stops
        )


class Continuation(TextSeam):
    """Text of a model that goes on from a prefill. What it says is new, and passes untouched.

    Left out is only white space that the adapter had to cut off the prefill, and that the model therefore writes again:
    all of it, or none. A model that writes a part of it, or begins the answer anew (`_Again`), is not sure to go
    on; nor is one that got nothing but white space, and begins with some, or says nothing.

    Args:
        delivered: The text so far; not empty.
        cut: White space at its end that was not sent.
        before: What the caller's own prefill was: an answer that begins anew may begin there, too.
        stops: Texts at which the answer ends.
    """

    def __init__(self, delivered: str, *, cut: str = "", before: str = "", stops: tuple[str, ...] = ()) -> None:
        super().__init__(delivered, stops)
        self._cut = cut
        begun = dict.fromkeys((delivered, before + delivered) if before else (delivered,))
        self._again = [_Again(text) for text in begun if not text.isspace()]  # those that are possible
        self._shown_nothing = delivered.isspace() and not before
        self._blank = self._shown_nothing and not cut

    def _decide(self, piece: str) -> int | None:
        if self._blank:
            if piece[:1].isspace():
                raise Diverged("only white space was delivered, and it begins with some")
            if not piece:
                return None
        self._again = [again for again in self._again if again.possible(piece)]
        return None if self._again or self._chars < len(self._cut) else self._white_space()

    def _decide_at_end(self) -> int:
        if self._shown_nothing and not self._chars:
            raise Diverged("only white space was delivered, and nothing follows it")
        for again in self._again:
            again.over()
        return self._white_space()

    def _white_space(self) -> int:
        """How much of the white space that was not sent the head says again."""
        head, cut = "".join(self._pieces)[: len(self._cut)], self._cut
        if head == cut:
            return len(cut)
        again = common(head, cut)
        if 0 < again < len(head):
            raise Diverged("it writes another white space than was delivered")
        return again


class _Again:
    """Whether a head says the answer's beginning again, as a server does that ignores a prefill. White space at the
    front of both is passed over.

    A few words are chance. More of it is going on where the delivered text has gone back to that beginning before: a
    row of a table, a refrain. All of it is going on only where one passage is said over and over, and nothing else.
    """

    def __init__(self, delivered: str) -> None:
        self._delivered = delivered
        self._text = delivered.lstrip()
        self._twice = self._text + delivered
        self._said = 0  # so much of that was said
        self._rounds: bool | None = None  # whether the delivered text is; None: not asked yet

    def possible(self, piece: str) -> bool:
        """May it still be a new beginning? `piece` is the head's newest part.

        Raises:
            Diverged: It is one, or may well be.
        """
        if not self._said:
            piece = piece.lstrip()
        same = common(piece, self._twice, self._said)
        self._said += same
        if same == len(piece) and not self._over_again():
            return True
        self.over()
        return False

    def over(self) -> None:
        """The head is known well enough, or does not go on.

        Raises:
            Diverged: It is a new beginning, or may well be.
        """
        begun, text = self._text[: self._said], self._text
        if self._said >= len(text):
            goes_on = weight(text) >= RESTART_MIN_WEIGHT and self._over_again()
        else:
            goes_on = weight(begun) < RESTART_MIN_WEIGHT or text.find(begun, 1) >= 0
        if not goes_on:
            raise Diverged("it begins the answer anew")

    def _over_again(self) -> bool:
        """Was all of it said again, and is it a text that is said over and over?"""
        if self._said < len(self._text):
            return False
        if self._rounds is None:
            self._rounds = _is_rounds(self._delivered)
        return self._rounds or self._said == len(self._twice)


class Echo(TextSeam):
    """Text of a model that is known to say its prefill again before it goes on. One that does not is not believed.

    Args:
        delivered: The text so far; not empty.
        before: What the caller's own prefill was.
        stops: Texts at which the answer ends.
    """

    def __init__(self, delivered: str, *, before: str = "", stops: tuple[str, ...] = ()) -> None:
        super().__init__(delivered, stops)
        self._prefill = before + delivered
        self._said = 0  # so much of it was said again

    def _decide(self, piece: str) -> int | None:
        same = common(piece, self._prefill, self._said)
        self._said += same
        if self._said == len(self._prefill):
            return self._said
        if same < len(piece):
            raise Diverged("it does not say its prefill again")
        return None

    def _decide_at_end(self) -> int:
        raise Diverged("it ended before it had said its prefill again")


class Replay:
    """The same answer once more: what is identical to the delivered part is left out, then it goes on.

    Compares concatenated texts, not deltas, for text, refusal and each tool call apart. A difference, or an end before
    all was said again, is a divergence. Each delta is looked at once, whatever was delivered.
    """

    def __init__(self, relayed: Relayed) -> None:
        self.settled = False
        self.trimmed = 0
        self._text, self._refusal = _Expected(relayed.text), _Expected(relayed.refusal)
        self._calls = {index: (name, _Expected(arguments)) for index, (name, arguments) in relayed.calls.items()}
        self._shown = list(relayed.shown)

    def feed(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        if self.settled:
            return events
        passed: list[ProviderEvent] = []
        for index, event in enumerate(events):
            beyond: ProviderEvent | None = None
            match event:
                case TextDelta():
                    if rest := self._match(self._text, event.text):
                        beyond = TextDelta(rest)
                case RefusalDelta():
                    if rest := self._match(self._refusal, event.text):
                        beyond = RefusalDelta(rest)
                case ToolCallDelta():
                    if rest := self._match_call(event):
                        beyond = ToolCallDelta(event.index, arguments=rest)
                case PartAdded(part) if isinstance(part, Attachment):
                    if part not in self._shown[:1]:
                        raise Diverged("it shows something else")
                    del self._shown[0]
                case Finished():
                    if self._left():
                        raise Diverged("it ended before it had said all of it again")
                    self.settled = True
                    return passed + events[index:]
                case Usage():
                    passed.append(event)
                case _:
                    pass
            if beyond is not None:
                passed.append(beyond)
            if not self._left():
                self.settled = True
                return passed + events[index + 1 :]
            if beyond is not None:
                raise Diverged("it went on in one part before it had said all of another again")
        return passed

    def _left(self) -> bool:
        return bool(self._text.left or self._refusal.left or self._calls or self._shown)

    def _match(self, expected: "_Expected", said: str) -> str:
        """What goes beyond what is still expected."""
        same = common(said, expected.text, expected.said)
        expected.said += same
        self.trimmed += same
        if same < len(said) and expected.left:
            raise Diverged("it says something else")
        return said[same:]

    def _match_call(self, event: ToolCallDelta) -> str:
        if event.index not in self._calls:
            raise Diverged("it calls another tool")
        name, arguments = self._calls[event.index]
        if event.name is not None and event.name != name:
            raise Diverged("it calls another tool")
        rest = self._match(arguments, event.arguments)
        if not arguments.left:
            del self._calls[event.index]
        return rest


class _Expected:
    """A text that is to be said again, and how much of it was."""

    __slots__ = ("said", "text")

    def __init__(self, text: str) -> None:
        self.text, self.said = text, 0

    @property
    def left(self) -> int:
        return len(self.text) - self.said


def common(piece: str, text: str, at: int = 0) -> int:
    """How many characters of `piece` stand in `text` from `at` on."""
    if text.startswith(piece, at):
        return len(piece)
    low, high = 0, min(len(piece), len(text) - at)
    while low < high:
        middle = (low + high + 1) // 2
        if text.startswith(piece[:middle], at):
            low = middle
        else:
            high = middle - 1
    return low


def weight(text: str) -> int:
    """How much a text says, in letters: one of a script beyond ASCII counts twice, a mark or a blank for nothing."""
    if len(text) > WEIGHED_MAX_CHARS:
        return len(text)
    return sum(1 if char.isascii() else 2 for char in text if char.isalnum())


def _is_rounds(text: str) -> bool:
    """Is it one passage, said twice or more, and nothing else?"""
    return (text + text).find(text, 1) < len(text)
