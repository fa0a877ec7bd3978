"""The origin of opaque state: signatures, encrypted items and ids that only the provider which wrote them can read."""

import hashlib

import msgspec

from .secret import Secret

MARK_BYTES = 6
"""Of a mark: enough that no two targets of one caller have the same."""
PERSON = b"standby-origin"
"""Keeps these hashes apart from all others."""


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
            and (not self.base_url or bare_url(self.base_url) == bare_url(here.base_url))
            and (not self.model or self.model == here.model)
            and not (bound and self.credential and self.credential != here.credential)
        )

    def __repr__(self) -> str:
        return f"Origin({self.provider!r})"


def credential_mark(key: Secret | None) -> str:
    """A few letters that tell one key from another, in every process the same, from which no key can be found."""
    if key is None:
        return ""
    return hashlib.blake2b(key.reveal().encode(), digest_size=MARK_BYTES, person=PERSON).hexdigest()


def bare_url(base_url: str) -> str:
    """A base URL without the endings that people write or leave out, and that adapters take off."""
    return base_url.rstrip("/").removesuffix("/v1").removesuffix("/openai")
