"""The origin of opaque state: signatures, encrypted items and ids that only the provider which wrote them can read."""

import hashlib
import re
from collections.abc import Callable
from typing import Protocol

import msgspec

from .secret import Secret

_MARK_BYTES = 6
_PERSON = b"standby-origin"


class Origin(msgspec.Struct, frozen=True):
    """The target that a turn came from: its opaque state goes back there, and nowhere else.

    Attributes:
        provider: Its name in the registry, which says the dialect too.
        base_url, model: Of the target; empty: not known, so that any will do.
        credential: The mark of the key that was used, see `credential_mark`: some state is bound to an account. Empty:
            not known, or there was none.
    """

    provider: str
    base_url: str = ""
    model: str = ""
    credential: str = ""

    def is_at(self, here: "Origin", *, bound: bool = False) -> bool:
        """Whether state from this origin is understood at a target.

        Args:
            here: The target.
            bound: The state is encrypted for one account.
        """
        return (
            self.provider == here.provider
            and (not self.base_url or _bare(self.base_url) == _bare(here.base_url))
            and (not self.model or self.model == here.model)
            and not (bound and self.credential and self.credential != here.credential)
        )

    def __repr__(self) -> str:
        return f"Origin({self.provider!r})"


class FromSomewhere(Protocol):
    """A turn that may hold state."""

    @property
    def origin(self) -> Origin | None: ...


def credential_mark(key: Secret | None) -> str:
    """A few letters that tell one key from another, in every process the same, from which no key can be found."""
    if key is None:
        return ""
    return hashlib.blake2b(key.reveal().encode(), digest_size=_MARK_BYTES, person=_PERSON).hexdigest()


_WRAPPED = re.compile(r"standby1:([0-9a-f]{12})([0-9a-f]{12}|-):(.*)", re.DOTALL)
"""Opaque state with the mark of its origin before it: of the target, of the account, and the state itself."""


def wrapped(state: str, origin: Origin) -> str:
    """State with a short mark of its origin, for callers that keep turns as wire JSON; `Returning.state` unwraps it."""
    return f"standby1:{_target_mark(origin)}{origin.credential or '-'}:{state}"


def _bare(base_url: str) -> str:
    """A base URL without the endings that people write or leave out, and that adapters take off."""
    return base_url.rstrip("/").removesuffix("/v1").removesuffix("/openai")


def _target_mark(origin: Origin) -> str:
    said = "\0".join((origin.provider, _bare(origin.base_url), origin.model))
    return hashlib.blake2b(said.encode(), digest_size=_MARK_BYTES, person=_PERSON).hexdigest()


class Returning:
    """Which opaque state goes back with a request: that of its own target, and of no other.

    Attributes:
        left_out: How often some came from elsewhere.

    Args:
        here: Gives the origin that state must have; asked only where there is some.
    """

    __slots__ = ("_found", "_here", "left_out")

    def __init__(self, here: Callable[[], Origin]) -> None:
        self._here, self.left_out = here, 0
        self._found: Origin | None = None

    @property
    def here(self) -> Origin:
        """The origin that state must have."""
        if self._found is None:
            self._found = self._here()
        return self._found

    def owns(self, message: FromSomewhere, *, bound: bool = False) -> bool:
        """Whether a turn came from here. `bound`: its state is encrypted for one account."""
        return message.origin is not None and message.origin.is_at(self.here, bound=bound)

    def state(self, state: str | None, message: FromSomewhere, *, bound: bool = False) -> str | None:
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
        self.left_out += not own
        return state if own else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, for the report."""
        if not self.left_out:
            return ()
        return (f"opaque state of another target was left out, {self.left_out} times: only its own origin reads it",)
