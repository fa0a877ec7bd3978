"""The gateway: where it listens, whom it lets in, what it takes of clients, and how it ends.

What only fits together with the rest of a configuration is told by `serve_flaws`, for files and code alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias
from urllib.parse import urlsplit

from ..providers.secret import Secret
from .addresses import Address, ListenAddress, address_of
from .bounds import Bounds
from .client_key import ClientKey, ClientKeys, Digests, Texts
from .errors import ConfigError
from .field_types import STRICT, Seconds, SecondsOrZero
from .fields import Rule, Section
from .held import as_tuples, check

Auth: TypeAlias = Literal["keys", "none"]

OnUnsupported: TypeAlias = Literal["refuse", "drop"]

NO_STATE = "none"
"""In place of the path of a state file: there is none."""

WORKERS_MAX = 64

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")

OURS = "x-standby-"
"""How the names of our own headers begin."""

_NEVER_FORWARDED = frozenset(
    (
        "accept", "accept-encoding", "api-key", "authorization", "connection", "content-encoding", "content-length",
        "content-type", "cookie", "expect", "forwarded", "host", "keep-alive", "origin", "proxy-authorization",
        "proxy-connection", "referer", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-api-key",
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-goog-api-key", "x-real-ip",
    )
)  # fmt: skip
"""Headers that belong to one connection, that say what a body is, or that hold a client's key or name."""


class ForwardedName(Rule):
    """A header of clients that may go on to providers."""

    __slots__ = ()

    def problem(self, value: str) -> str | None:
        if not _NAME.fullmatch(value):
            return "cannot be the name of a header"
        name = value.lower()
        if name in _NEVER_FORWARDED or name.startswith((OURS, "proxy-", "sec-")):
            return "never goes on to a provider: it belongs to the connection, or says who the client is"
        return None


class OriginText(Rule):
    """An origin as browsers send it, or `*`."""

    __slots__ = ()

    def problem(self, value: str) -> str | None:
        if value == "*":
            return None
        try:
            url = urlsplit(value)
            sent = f"{url.scheme}://{url.netloc}"
            fine = url.scheme in ("http", "https") and url.hostname and not url.username and url.port != 0
        except ValueError:
            fine, sent = False, ""
        if fine and value == sent and value == value.lower() and value.isascii():
            return None
        return "must be an origin in small letters, https://host or https://host:port, or *"


if TYPE_CHECKING:
    ForwardedNames: TypeAlias = Texts
    Origins: TypeAlias = Texts
else:
    ForwardedNames = tuple[Annotated[str, ForwardedName()], ...]
    Origins = tuple[Annotated[str, OriginText()], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What the listener shows of itself, and what it wants to see of clients. Read again at each reload.

    Attributes:
        cert: A file with the certificate and those between it and the root.
        key: A file with its key; not set: it stands in the same file.
        client_ca: A file of certificates; clients must then show one that these have signed.
    """

    __pydantic_config__: ClassVar = STRICT

    cert: str
    key: str | None = None
    client_ca: str | None = None

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The second listener: metrics, the state of targets, isolate and restore.

    Attributes:
        enabled: Is there one?
        listen: Where; beyond loopback it needs a key of its own.
        digests: Of its keys, as those of a client.
        keys: Its keys, best as `${NAME}`.
        key_files: Files of digests or keys.
    """

    __pydantic_config__: ClassVar = STRICT

    enabled: bool = True
    listen: Annotated[str, ListenAddress()] = "127.0.0.1:8081"
    digests: Digests = field(default=(), repr=False)
    keys: ClientKeys = field(default=(), repr=False)
    key_files: Texts = ()

    def __post_init__(self) -> None:
        as_tuples(self, "digests", "keys", "key_files")
        held = ClientKey(digests=self.digests, keys=self.keys, key_files=self.key_files)  # by the same rules
        object.__setattr__(self, "keys", held.keys)
        check(self)

    @property
    def address(self) -> Address:
        """Where it listens."""
        return address_of(self.listen)

    @property
    def has_keys(self) -> bool:
        """Is any key given?"""
        return bool(self.digests or self.keys or self.key_files)

    @property
    def access(self) -> ClientKey:
        """Its keys, as those of a client."""
        keys: tuple[str | Secret, ...] = tuple(self.keys)
        return ClientKey(digests=self.digests, keys=keys, key_files=self.key_files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """What clients may send, how long they may take for it, and how many there may be.

    Attributes:
        head_s: Maximum time until the head of a request is there.
        body_s: A body may take this long, or longer while it comes at `body_min_bytes_per_s`.
        body_min_bytes_per_s: The pace that keeps a long body from being cut off.
        stalled_s: A client that takes nothing of its answer for so long is dropped.
        keep_alive_s: How long an idle connection is kept: longer than any balancer in front keeps it.
        headers_max: Maximum headers of a request.
        headers_bytes_max: Maximum size of them together.
        url_bytes_max: Maximum length of the address that is asked for.
        body_bytes_max: Maximum size of a body.
        connections_max: Maximum connections at a time.
        in_flight_max: Maximum requests in flight at a time; what is more is refused with 503 and a hint.
    """

    __pydantic_config__: ClassVar = STRICT

    head_s: Seconds = 10.0
    body_s: Seconds = 60.0
    body_min_bytes_per_s: Annotated[int, Bounds(at_least=1, at_most=1_000_000)] = 1024
    stalled_s: Seconds = 60.0
    keep_alive_s: Seconds = 620.0
    headers_max: Annotated[int, Bounds(at_least=10, at_most=1000)] = 100
    headers_bytes_max: Annotated[int, Bounds(at_least=1024, at_most=1_048_576)] = 32_768
    url_bytes_max: Annotated[int, Bounds(at_least=256, at_most=65_536)] = 8192
    body_bytes_max: Annotated[int, Bounds(at_least=1024, at_most=536_870_912)] = 33_554_432
    connections_max: Annotated[int, Bounds(at_least=1, at_most=1_000_000)] = 10_000
    in_flight_max: Annotated[int, Bounds(at_least=1, at_most=1_000_000)] = 5000

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRoute:
    """What holds for requests that come in by the gateway, of one route.

    Attributes:
        unsupported: What becomes of a field that only the client's own protocol has: targets that speak another one
            are not asked, and where no other is left the request is refused by the field's name; or they are asked
            without it, and `x-standby-notes` names it.
    """

    __pydantic_config__: ClassVar = STRICT

    unsupported: OnUnsupported = "refuse"

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """The gateway that `standby serve` starts.

    Attributes:
        listen: Where: `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`; port 0 takes any that is free.
        admin: The second listener.
        tls: Certificates; not set: plain HTTP, as behind a balancer.
        workers: Processes that serve, on Linux. Each takes an equal share of every limit and budget.
        auth: Clients need one of `keys`; or `none`: everything on this machine may ask, and nothing else can.
        keys: Keys of clients, by name.
        aliases: Other names for what a request may call its model, and what each means: a route, a target, or
            `provider/model`. `*` stands for every name that is not known.
        routes: By name of a route, what holds for requests by the gateway.
        origins: Pages of these origins may ask from a browser (CORS); `*` for all, which needs keys.
        forward_headers: Headers of clients that go on to providers, in addition to what the protocol needs.
        clients: What clients may send.
        ping_s: A stream that has been silent for so long gets a comment, so that nothing in between cuts it.
        state: A file for what outlives the process: money spent, and what has happened. Not set: in the folder of the
            user's state, but none in a container. `none`: none.
        drain_delay_s: At the end, how long new requests are still taken, until balancers have seen that it ends.
        drain_s: Then, how long open streams may go on before they are told that it shuts down.
    """

    __pydantic_config__: ClassVar = STRICT

    listen: Annotated[str, ListenAddress()] = "127.0.0.1:8080"
    admin: Annotated[Admin, Section()] = field(default_factory=Admin)
    tls: Tls | None = None
    workers: Annotated[int, Bounds(at_least=1, at_most=WORKERS_MAX)] = 1
    auth: Auth = "keys"
    keys: Annotated[Mapping[str, ClientKey], Section()] = field(default_factory=dict)
    aliases: Annotated[Mapping[str, str], Section()] = field(default_factory=dict)
    routes: Annotated[Mapping[str, ServedRoute], Section()] = field(default_factory=dict)
    origins: Origins = ()
    forward_headers: ForwardedNames = ("anthropic-beta", "anthropic-version", "openai-beta")
    clients: Annotated[Clients, Section()] = field(default_factory=Clients)
    ping_s: Seconds = 15.0
    state: str | None = None
    drain_delay_s: SecondsOrZero = 5.0
    drain_s: SecondsOrZero = 600.0

    def __post_init__(self) -> None:
        as_tuples(self, "origins", "forward_headers")
        check(self)
        for name, of in (("admin", Admin), ("clients", Clients)):
            if not isinstance(getattr(self, name), of):
                raise ConfigError(f"Serve.{name} takes a {of.__name__}")
        kinds: tuple[tuple[str, type], ...] = (("keys", ClientKey), ("aliases", str), ("routes", ServedRoute))
        for name, kind in kinds:
            if any(not isinstance(value, kind) for value in getattr(self, name).values()):
                raise ConfigError(f"Serve.{name} takes a mapping of names to {kind.__name__}")
        object.__setattr__(self, "forward_headers", tuple(name.lower() for name in self.forward_headers))

    @property
    def address(self) -> Address:
        """Where it listens."""
        return address_of(self.listen)
