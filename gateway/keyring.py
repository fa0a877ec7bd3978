"""The keys of clients: where a request carries one, and whose it is. Pure, but for the files of keys.

A ring holds digests and no key. Known or not, over or not, a key takes the same work: one hash, one look-up, one
comparison of times. What a client could measure tells it nothing, since the look-up is of the hash.
"""

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote_plus

from multidict import MultiMapping

from ..config.client_key import KEY_CHARS_MAX, ClientKey, Digest, hashed
from ..config.errors import ConfigError
from .refused import Refused

_IN_URLS = frozenset(
    ("key", "apikey", "xapikey", "token", "accesstoken", "authorization", "auth", "bearer", "xgoogapikey")
)
_SCHEME = "bearer"
_CHALLENGE = (("www-authenticate", "Bearer"),)

_FOREVER_S = float("inf")
_NEVER = ("", float("-inf"))
"""What is found of a key that is not known: the name of none, over since ever."""

UNKNOWN = "the key is not known, or does not hold any more"


class KeyRing:
    """Whose a key is, by its digest.

    Args:
        digests: The digests of each name, with the end of the name's keys.
        digest_of: Hashes a key.
    """

    __slots__ = ("_digest_of", "_names")

    def __init__(
        self,
        digests: Mapping[str, tuple[Iterable[Digest], float | None]],
        digest_of: Callable[[str], bytes] = hashed,
    ) -> None:
        self._digest_of = digest_of
        self._names: dict[bytes, tuple[str, float]] = {}
        for name, (found, expires_s) in digests.items():
            for digest in found:
                ends_s = min(_FOREVER_S if end is None else end for end in (digest.until_s, expires_s))
                if (other := self._names.get(digest.value, (name,))[0]) != name:
                    raise ConfigError(f"the keys {other!r} and {name!r} of clients are the same one")
                self._names[digest.value] = name, ends_s

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self)}>"

    def find(self, key: str, wall_s: float) -> str | Refused:
        """The name of a key."""
        name, ends_s = self._names.get(self._digest_of(key), _NEVER)
        if wall_s < ends_s:
            return name
        return Refused(401, "key_expired" if name else "key_unknown", UNKNOWN, _CHALLENGE)


def read_ring(keys: Mapping[str, ClientKey]) -> KeyRing:
    """The ring of configured keys, those in files included.

    Raises:
        ConfigError: A file cannot be read, or two names have the same key.
    """
    return KeyRing(
        {name: ((*key.written_digests(), *key.digests_in_files()), key.expires_s) for name, key in keys.items()}
    )


def key_of(headers: MultiMapping[str], query: str) -> str | Refused:
    """The key that a request carries: in `Authorization: Bearer`, `x-api-key` or `api-key`, and never in its address.

    Args:
        query: Of the address, percent-encoded.
    """
    if _has_key(query):
        words = "a key belongs into the header Authorization or x-api-key: addresses end in logs, so this one is burnt"
        return Refused(400, "key_in_url", words)
    found: set[str] = set()
    for value in headers.getall("authorization", []):
        scheme, _, key = value.strip(" \t").partition(" ")
        if scheme.lower() != _SCHEME:
            return Refused(401, "key_unknown", "Authorization must be of the form: Bearer KEY", _CHALLENGE)
        found.add(key.strip(" \t"))
    for name in ("x-api-key", "api-key"):
        found.update(value.strip(" \t") for value in headers.getall(name, []))
    found.discard("")
    if len(found) > 1:
        words = "two different keys in one request: send one, in Authorization, x-api-key or api-key"
        return Refused(400, "keys_differ", words)
    key = found.pop() if found else ""
    if not key:
        words = "no key: send one as Authorization: Bearer KEY, or as x-api-key"
        return Refused(401, "key_missing", words, _CHALLENGE)
    if len(key) > KEY_CHARS_MAX or not key.isascii():
        return Refused(401, "key_unknown", UNKNOWN, _CHALLENGE)
    return key


def _has_key(query: str) -> bool:
    """Is there a key among the parameters of an address, by the names that keys have?"""
    for part in query.replace(";", "&").split("&") if query else ():
        name = unquote_plus(part.partition("=")[0]).lower()
        if name.replace("-", "").replace("_", "").strip() in _IN_URLS:
            return True
    return False
