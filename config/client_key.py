"""A key of a gateway's client: how it is recognised, until when it holds, and what may be asked with it.

A key is kept as the SHA-256 of its text. That is enough for keys that are drawn at random, as `standby key new` draws
them: there is nothing to guess, so nothing has to be slow. A digest in a file is no secret that would need a vault.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple, TypeAlias

from ..providers.files import UnreadableFile, read_bounded
from ..providers.secret import Secret
from ..providers.sequences import ListOf
from .errors import ConfigError
from .field_types import STRICT, Count, Dollars, Seconds, Tokens
from .fields import KeyText, Rule
from .held import as_tuples, check
from .labels import Wanted

Override: TypeAlias = Literal["deadline_s", "targets", "sticky", "mid_stream", "hold", "no_hedge", "upstream"]

KEY_CHARS_MIN = 16
"""Minimum length of a key: of a shorter one the digest could be guessed."""

KEY_CHARS_MAX = 512
"""Maximum length of a key, as a client may send it."""

KEY_FILE_BYTES_MAX = 1024 * 1024
"""Some ten thousand digests."""

PREFIX = "sha256:"

_BEGINS = "sk-standby-"
_KEY_BYTES = 32

_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})(?: until (\S{1,40}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KEY = re.compile(rf"[\x21-\x7e]{{{KEY_CHARS_MIN},{KEY_CHARS_MAX}}}")
_SHAPE = "must be sha256: and 64 hexadecimal digits, as `standby key new` prints them, and may end in ` until DATE`"
_KEY_SHAPE = f"must have {KEY_CHARS_MIN} to {KEY_CHARS_MAX} plain characters, without blanks"


class Digest(NamedTuple):
    """What a key is recognised by.

    Attributes:
        value: The SHA-256 of the key.
        until_s: When it ends to hold, by the wall clock in epoch seconds; None: never.
    """

    value: bytes
    until_s: float | None = None


def moment_s(text: str) -> float:
    """A moment in epoch seconds: a date, which means its end in UTC, or a time with its zone.

    Raises:
        ValueError: It is none; the message is the rest of a sentence.
    """
    try:
        if _DATE.fullmatch(text):
            ends = date.fromisoformat(text) + timedelta(days=1)
            return datetime(ends.year, ends.month, ends.day, tzinfo=UTC).timestamp()
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError("must be a date (2027-01-31) or a time with its zone (2027-01-31T12:00:00Z)") from None
    if moment.tzinfo is None:
        raise ValueError("has no time zone: end it with Z for UTC")
    return moment.timestamp()


def digest_of(text: str) -> Digest:
    """The digest that a line stands for: `sha256:…`, or `sha256:… until 2027-01-31`.

    Raises:
        ValueError: It stands for none; the message is the rest of a sentence.
    """
    match = _DIGEST.fullmatch(text)
    if match is None:
        raise ValueError(_SHAPE)
    return Digest(bytes.fromhex(match[1]), None if match[2] is None else moment_s(match[2]))


def hashed(key: str) -> bytes:
    """The digest of a key's text."""
    return sha256(key.encode()).digest()


def new_key() -> str:
    """A key of 256 bits at random, by its beginning known to what looks for leaked keys."""
    return _BEGINS + secrets.token_urlsafe(_KEY_BYTES)


class Moment(Rule):
    """A date, or a time with its zone."""

    __slots__ = ()

    def problem(self, value: str) -> str | None:
        try:
            moment_s(value)
        except ValueError as error:
            return str(error)
        return None


class DigestText(Rule):
    """The digest of a key, with or without an end."""

    __slots__ = ()

    def problem(self, value: str) -> str | None:
        try:
            digest_of(value)
        except ValueError as error:
            return str(error)
        return None


if TYPE_CHECKING:
    Texts: TypeAlias = ListOf[str]
    ClientKeys: TypeAlias = ListOf[str | Secret]
    Digests: TypeAlias = ListOf[str]
    Overrides: TypeAlias = ListOf[Override]
else:
    Texts = tuple[str, ...]
    ClientKeys = tuple[Annotated[str | Secret, KeyText()], ...]
    Digests = tuple[Annotated[str, DigestText()], ...]
    Overrides = tuple[Override, ...]
"""Code may write lists; from a file they are always tuples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """A client's key, by the name that logs and counters call it: how it is recognised, and what it allows.

    Attributes:
        digests: SHA-256 of the key, as `standby key new` prints it; several while one takes the place of another. Each
            may have an end of its own, as in `sha256:… until 2027-01-31`.
        keys: The key itself, best as `${NAME}`; several likewise.
        key_files: Files of digests or keys, one a line; read when the gateway starts and at each reload.
        expires: When all of them end to hold: a date, up to its end in UTC, or a time with its zone.
        routes: Names of the routes that it may ask; `*` for all.
        models: Names of targets, and `provider/model`, that it may ask besides; `provider/*` for all
            of one, `*` for any.
        require: Labels that a target must have to be asked for it, beside what the route requires.
        avoid: Labels, likewise, that it must not have.
        overrides: What its requests may set by `x-standby-` headers or the field `standby` of the body.
        deadline_max_s: The longest deadline that they may set.
        concurrency: The most requests in flight at a time; what is more is refused, not queued.
        requests_per_min: The most requests within any minute.
        tokens_per_min: The most tokens within any minute, prompts and answers together; estimated before a request, and
            put right after it.
        budget_day: The most US dollars within a day, UTC. What a target without a known price costs is not counted.
        budget_month: The same within a calendar month.
    """

    __pydantic_config__: ClassVar = STRICT

    digests: Digests = field(default=(), repr=False)
    keys: ClientKeys = field(default=(), repr=False)
    key_files: Texts = ()
    expires: Annotated[str | None, Moment()] = None
    routes: Texts = ("*",)
    models: Texts = ()
    require: Wanted = field(default_factory=dict)
    avoid: Wanted = field(default_factory=dict)
    overrides: Overrides = ()
    deadline_max_s: Seconds = 600.0
    concurrency: Count | None = None
    requests_per_min: Count | None = None
    tokens_per_min: Tokens | None = None
    budget_day: Dollars | None = None
    budget_month: Dollars | None = None

    def __post_init__(self) -> None:
        as_tuples(self, "digests", "keys", "key_files", "routes", "models", "overrides")
        keys = tuple(Secret(key.strip()) if isinstance(key, str) else key for key in self.keys)
        object.__setattr__(self, "keys", keys)
        for key in keys:
            if not isinstance(key, Secret):
                raise ConfigError("ClientKey.keys takes texts and Secrets")
            if not _KEY.fullmatch(key.reveal()):
                raise ConfigError(f"a key of a client {_KEY_SHAPE}")
        check(self)

    @property
    def expires_s(self) -> float | None:
        """When it ends to hold, in epoch seconds; None: never."""
        return None if self.expires is None else moment_s(self.expires)

    def written_digests(self) -> Iterator[Digest]:
        """The digests of all that is given without a file."""
        yield from map(digest_of, self.digests)
        for key in self.keys:
            yield Digest(hashed(key.reveal() if isinstance(key, Secret) else key))

    def digests_in_files(self) -> Iterator[Digest]:
        """The digests of all that its files hold.

        Raises:
            ConfigError: A file cannot be read, or holds something else; the message names file and line only.
        """
        for path in self.key_files:
            yield from read_digests(path)


def read_digests(path: str) -> list[Digest]:
    """The digests in a file of digests and keys, one a line. Empty lines, and those that begin with `#`, say nothing.

    Raises:
        ConfigError: It cannot be read, or a line is neither; the message names file and line only.
    """
    try:
        data = read_bounded(path, KEY_FILE_BYTES_MAX)
    except UnreadableFile as error:
        raise ConfigError(f"the file of keys {path} {error}") from None
    found: list[Digest] = []
    for number, line in enumerate(data.decode("utf-8-sig", errors="replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            found.append(_digest_in(text))
        except ValueError as error:
            raise ConfigError(f"the file of keys {path}: line {number} {error}") from None
    if not found:
        raise ConfigError(f"the file of keys {path} holds none")
    return found


def _digest_in(text: str) -> Digest:
    if text.startswith(PREFIX):
        return digest_of(text)
    if not _KEY.fullmatch(text):
        raise ValueError(f"is no digest, and a key {_KEY_SHAPE}")
    return Digest(hashed(text))
