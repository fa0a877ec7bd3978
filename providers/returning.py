"""Opaque state on its way back: to its origin only, and marked with it for callers that keep turns as wire JSON."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from .messages import Message
from .origin import MARK_BYTES, PERSON, Origin, bare_url
from .parts import Citation, NativePart, Reasoning, ToolCall

PLACEHOLDER = "skip_thought_signature_validator"
"""What Gemini 3 takes in place of the signature of a call that it did not make; documented for just that."""

_WRAPPED = re.compile(r"standby1:([0-9a-f]{12})([0-9a-f]{12}|-):(.*)", re.DOTALL)
"""Opaque state with the mark of its origin before it: of the target, of the account, and the state itself."""


def wrapped(state: str, origin: Origin) -> str:
    """State with a short mark of its origin, for callers that keep turns as wire JSON; `Returning.state` unwraps it."""
    return f"standby1:{_target_mark(origin)}{origin.credential or '-'}:{state}"


def _target_mark(origin: Origin) -> str:
    said = "\0".join((origin.provider, bare_url(origin.base_url), origin.model))
    return hashlib.blake2b(said.encode(), digest_size=MARK_BYTES, person=PERSON).hexdigest()


def call_state(beside: object) -> str | None:
    """The state in what Google's compatible endpoints write beside a call (`extra_content`); None: there is none.

    The Gemini API's is the signature alone. Vertex AI, and whatever stands before it, has names of its own for the same
    (earendil-works/pi#6733: `vertex`): there it is all that was written, as JSON text.
    """
    if not isinstance(beside, Mapping):
        return None
    found = {name: about for name, about in beside.items() if isinstance(about, Mapping) and _signature(about)}
    if not found:
        return None
    if "google" in found:
        return _signature(found["google"])
    return msgspec.json.encode(found).decode()


def beside_call(state: str) -> dict[str, Any]:
    """What is to be written beside a call for this state of it, see `call_state`."""
    if state.startswith("{"):
        try:
            return msgspec.json.decode(state, type=dict[str, Any])
        except msgspec.DecodeError:
            pass
    return {"google": {"thought_signature": state}}


def _signature(about: Mapping[str, Any]) -> str | None:
    found = about.get("thought_signature")
    return found if isinstance(found, str) and found else None


class Returning:
    """Which opaque state goes back with a request: that of its own target, and of no other.

    Args:
        here: Gives the origin that state must have; asked only where there is some.
    """

    __slots__ = ("_found", "_here", "_odd", "_placeholders", "_sent", "_thoughtful")

    def __init__(self, here: Callable[[], Origin]) -> None:
        self._here, self._sent, self._odd, self._placeholders = here, 0, 0, 0
        self._thoughtful: list[Message] = []
        self._found: Origin | None = None

    @property
    def here(self) -> Origin:
        """The origin that state must have."""
        if self._found is None:
            self._found = self._here()
        return self._found

    def owns(self, message: Message, *, bound: bool = False) -> bool:
        """Whether a turn came from here. `bound`: its state is encrypted for one account."""
        return message.origin is not None and message.origin.is_at(self.here, bound=bound)

    def takes_thoughts(self, message: Message, *, of_any: bool = False) -> bool:
        """Whether the readable thinking of a turn goes back: if the turn came from here. What is asked here is sent.

        Args:
            of_any: Also that of a turn whose origin is not known.
        """
        taken = self.owns(message) or (of_any and message.origin is None)
        if taken:
            self._thoughtful.append(message)
        return taken

    def state(self, state: str | None, message: Message, *, bound: bool = False) -> str | None:
        """State of a turn as it goes back; None when there is none, or when it is another target's.

        Args:
            bound: It is encrypted for one account.
        """
        if state is None:
            return None
        if marked := _WRAPPED.fullmatch(state):
            target, account, inner = marked.groups()
            own = target == _target_mark(self.here)
            own = own and not (bound and account != "-" and account != self.here.credential)
            state = inner
        else:
            own = self.owns(message, bound=bound)
        self._sent += own
        return state if own else None

    def placeholder(self) -> str:
        """What stands for the signature of a call that another model made."""
        self._placeholders += 1
        return PLACEHOLDER

    def unreadable(self) -> None:
        """Say of the state that was given last that it is none of this dialect: it does not go back after all."""
        self._odd += 1

    def notes(self, messages: Iterable[Message]) -> tuple[str, ...]:
        """What a request leaves out of the state that its conversation holds, for the report."""
        turns = tuple(messages)
        left_out = sum(_states(message) for message in turns) - self._sent
        notes = []
        if self._placeholders:
            told = "signatures of calls that another model made were replaced by the documented placeholder"
            notes.append(f"{told}, {self._placeholders} times")
        if left_out > 0:
            notes.append(f"opaque state was left out, {left_out} times: it goes back to its origin, in its own dialect")
        if self._odd:
            notes.append(f"opaque state was left out, {self._odd} times: it is not what its dialect writes")
        said = {id(message) for message in self._thoughtful}
        unsaid = sum(_only_thinks_aloud(message) and id(message) not in said for message in turns)
        if unsaid:
            notes.append(f"thinking was left out of {unsaid} turns: it goes back to its origin, in its own dialect")
        return tuple(notes)


def _states(message: Message) -> int:
    """How often a turn holds state."""
    held = 0
    for part in message.content:
        if isinstance(part, Reasoning):
            held += sum(state is not None for state in (part.signature, part.redacted, part.details))
        elif isinstance(part, ToolCall):
            held += part.signature is not None
        elif isinstance(part, NativePart | Citation):
            held += part.details is not None
    return held


def _only_thinks_aloud(message: Message) -> bool:
    """Does a turn hold thinking that is text and nothing else?"""
    return any(part.text and not (part.signature or part.redacted or part.details) for part in message.reasoning)
