"""Who may come in: the key of a request, what it allows, and what it has used.

`Access` holds what outlives a reload, the use of each key by its name; all that it decides is in the pure modules
beside it. What it cannot know, such as the tokens of a request, the service tells it.
"""

from collections.abc import Mapping
from typing import get_args

from multidict import MultiMapping

from ..config.addresses import Address
from ..config.client_key import ClientKey, Override
from ..config.errors import ConfigError
from ..config.serve import Serve
from ..providers.wall_clock import WALL_CLOCK, WallClock
from . import cors
from .http import Fields, Request
from .keyring import KeyRing, key_of, read_ring
from .loopback import refusal
from .quota import Grant, KeyUsage, Sized
from .refused import Refused

ANYONE = "-"
"""The name of a client without a key, on loopback."""

DEADLINE_MAX_S = 86_400.0

OPEN = ClientKey(models=("*",), overrides=get_args(Override), deadline_max_s=DEADLINE_MAX_S)
"""What may be asked without a key, on loopback: everything that this machine's own programs could ask as well."""


def for_admin(serve: Serve) -> Serve:
    """What holds for the admin listener, said as of the public one: its own keys, or none on loopback; and no pages."""
    admin = serve.admin
    keys = {"admin": admin.access} if admin.has_keys else {}
    return Serve(listen=admin.listen, auth="keys" if keys else "none", keys=keys)


class Client:
    """A client that was let in, for one request.

    Attributes:
        name: Of its key.
        key: What it allows.
    """

    __slots__ = ("_sized", "_usage", "key", "name")

    def __init__(self, name: str, key: ClientKey, sized: Sized, usage: KeyUsage) -> None:
        self.name, self.key = name, key
        self._sized, self._usage = sized, usage

    def __repr__(self) -> str:
        return f"<Client {self.name}>"

    @property
    def counts_tokens(self) -> bool:
        """Are its tokens limited, so that those of a request have to be estimated?"""
        return self._sized.sizes.tokens_per_min is not None

    def admit(self, tokens: int, cost: float, now_s: float) -> Grant | Refused:
        """Take what one request needs of the key's limits, or say why it is refused. See `KeyUsage.admit`."""
        return self._usage.admit(self._sized, tokens, cost, now_s)

    def fields(self, now_s: float) -> Fields:
        """What is left of the key's limits, for the head of every answer."""
        return self._usage.fields(self._sized, now_s)


class Access:
    """The door of the gateway.

    Args:
        serve: What is configured. Files of keys are read.
        address: Where it listens, for as long as it lives; None: as configured.
        wall: The clock that says when a key is over.

    Raises:
        ConfigError: A file of keys cannot be read, one key has two names, or it listens beyond loopback without keys.
    """

    def __init__(self, serve: Serve, *, address: Address | None = None, wall: WallClock = WALL_CLOCK) -> None:
        self._wall = wall
        self._usages: dict[str, KeyUsage] = {}
        self._open = True
        self._address = address or serve.address
        self.follow(serve)

    def check(self, serve: Serve) -> KeyRing:
        """Find out whether `follow` would go by this configuration; the ring of its keys. Reads files.

        Raises:
            ConfigError: As above, or clients would need a key no more.
        """
        if serve.auth == "none" and not self._address.is_local:  # a reload moves no listener
            raise ConfigError("auth: none is for loopback only, and the gateway listens beyond it")
        if serve.auth == "none" and not self._open:  # half of a file may say so, while the other half is being written
            raise ConfigError("clients would need a key no more: to let them in without, start the gateway anew")
        return read_ring(serve.keys)

    def follow(self, serve: Serve) -> None:
        """Go by this configuration from now on. A key that is not in it any more is refused at once.

        Raises:
            ConfigError: As `check`; nothing has changed then.
        """
        ring = self.check(serve)
        keys: Mapping[str, ClientKey] = serve.keys if serve.auth == "keys" else {ANYONE: OPEN}
        self._ring = ring
        self._keys = {name: (key, Sized.of(key)) for name, key in keys.items()}
        self._usages = {name: usage for name, usage in self._usages.items() if name in keys or usage.ledger.holds()}
        for name in keys:  # before its first request: what was spent before is counted into it
            self.usage(name)
        self._origins = frozenset(serve.origins)
        self._open = serve.auth == "none"

    @property
    def usages(self) -> Mapping[str, KeyUsage]:
        """The use of each key so far, by name; also of keys that are gone, while money of a budget is spent."""
        return self._usages

    @property
    def asks_for_keys(self) -> bool:
        """Does a client need a key?"""
        return not self._open

    def usage(self, name: str) -> KeyUsage:
        """The use of a key."""
        found = self._usages.get(name)
        if found is None:
            found = self._usages[name] = KeyUsage(self._wall)
        return found

    def enter(self, request: Request) -> Client | Refused:
        """Let a request in, or say why not. Its body is not read for it."""
        name = self._name(request.method, request.path, request.query, request.headers)
        if isinstance(name, Refused):
            return name
        key, sized = self._keys[name]
        return Client(name, key, sized, self.usage(name))

    def preflight(self, request: Request) -> Fields | None:
        """The answer to a browser that asks before its page may; None when it is not for a listed origin."""
        return cors.preflight(request.headers, self._origins)

    def cors_fields(self, request: Request) -> Fields:
        """The fields of an answer that let a page of a listed origin read it."""
        return cors.fields(request.headers, self._origins) if self._origins else ()

    def _name(self, method: str, path: str, query: str, headers: MultiMapping[str]) -> str | Refused:
        if self._open:
            refused = refusal(method, path, headers, tcp=not self._address.path, origins=self._origins)
            return ANYONE if refused is None else refused
        key = key_of(headers, query)
        return key if isinstance(key, Refused) else self._ring.find(key, self._wall())
