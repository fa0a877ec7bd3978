"""A target: a provider, a model, how to reach it, what it may be used for at most, and what it costs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from ..providers.bare import door_of
from ..providers.capabilities import Capabilities, Fit
from ..providers.errors import without_keys
from ..providers.quirks import SETTABLE, Quirks, value_problem
from ..providers.secret import Secret
from ..providers.sequences import ListOf
from .errors import ConfigError
from .field_types import STRICT, AnyFields, Count, Dollars, Parameters, Seconds, SentFields, Tokens
from .fields import FieldsOf, HeaderFields, KeyText, OnlyInCode, ProviderName, Url
from .held import check
from .labels import Labels

KeyCallback: TypeAlias = Callable[[], Awaitable[str | Secret]]
"""Called for every attempt, for tokens that expire; it caches as it likes."""

if TYPE_CHECKING:
    Keys: TypeAlias = ListOf[str | Secret | KeyCallback]
else:
    Keys = tuple[Annotated[str | Secret | KeyCallback, KeyText()], ...]
"""Code may write a list; from a file it is always a tuple."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a target costs, in US dollars per million tokens.

    Attributes:
        input: Of the prompt.
        output: Of the answer, reasoning included.
        cached: Of those of the prompt that the provider had in its cache; None: as `input`.
        cache_write: Of those that it writes to its cache; None: 1.25 times `input`.
        cache_write_1h: Of those that it keeps there for an hour; None: twice `input`.
        input_audio: Of sound in the prompt; None: as `input`.
        input_image: Of pictures in the prompt; None: as `input`.
        output_audio: Of sound in the answer; None: as `output`.
        output_image: Of pictures in the answer; None: as `output`.
        web_search: Of a thousand searches of the web that the provider makes itself; None: as `tool_use`.
        tool_use: Of a thousand uses of other tools that the provider runs itself; None: nothing.
    """

    __pydantic_config__: ClassVar = STRICT

    input: Dollars
    output: Dollars
    cached: Dollars | None = None
    cache_write: Dollars | None = None
    cache_write_1h: Dollars | None = None
    input_audio: Dollars | None = None
    input_image: Dollars | None = None
    output_audio: Dollars | None = None
    output_image: Dollars | None = None
    web_search: Dollars | None = None
    tool_use: Dollars | None = None

    def __post_init__(self) -> None:
        check(self)


@door_of
@dataclass(frozen=True, slots=True)
class Target:
    """One thing that can be asked: a provider, a model, and how to reach it. What is None comes from the defaults.

    Attributes:
        provider: The name of a provider in the registry.
        model: The model; None: the provider's default.
        name: What reports and logs call it; None: `provider/model`.
        key: The key, in a file best as `${NAME}`; in code a text, a `Secret`, or an async function that gives one (for
            tokens that expire). None: the provider's usual environment variable.
        keys: Several keys in place of one, used in turn. One that is refused, out of quota or over its rate limit is
            left alone by itself; the target goes on with the others.
        key_file: A file that holds the key, read anew when it changes.
        base_url: Where to ask; None: `STANDBY_<PROVIDER>_BASE_URL`, else the provider's own.
        headers: More request headers.
        body: More fields of the request's body.
        parameters: Defaults for fields of the request (`temperature`, `max_tokens`, …) that the caller leaves open.
        options: Settings that only this provider knows.
        proxy: `http://…`, `socks5://…` or `socks5h://…` (the latter two need the extra `socks`).
        connector: The caller's own aiohttp connector: used as it is, never closed by us; excludes a SOCKS proxy.
        trust_env: Take proxies from the environment, never credentials from netrc. Off, so that no variable redirects
            keys unnoticed.
        ca_file: A file of certificates to trust instead of the system's.
        client_cert: A file with a client certificate and its key.
        reasoning: The model thinks first: the longer clocks hold. None: as the capability data say.
        capabilities: What its model takes and gives, where that is not what is known: by the names of `Capabilities`.
        quirks: How its server wants a request said, where that is not what is known: by the names of `Quirks`.
        labels: What it is, for `require` and `avoid`: `region: eu`, `zero_retention: true`, anything.
        fit: How a request is made fit for it: moved to the nearest value that is taken, with a note; refused where it
            would have to be moved, so that the next target is asked; or sent as it was written. None: the route's.
        connect_s, first_delta_s, stall_s, total_s: Clocks of this target; None: the route's, else those of `limits`.
        connections_max: The most connections to it at a time.
        concurrency: The most calls in flight at a time. What is more waits in order, within its deadline, or goes to
            another target.
        requests_per_min: The most requests within any minute, in the same way.
        tokens_per_min: The most tokens within any minute, prompts and answers together; estimated before a call, and
            put right after it.
        price: What it costs; None: what the extra `prices` knows of the model.
        budget_day: The most US dollars for it within a day, UTC, retries and hedges included. A call that might cost
            more than is left goes to another target.
        budget_month: The same within a calendar month.
    """

    __pydantic_config__: ClassVar = STRICT

    provider: Annotated[str, ProviderName()]
    _: KW_ONLY
    model: str | None = None
    name: str | None = None
    key: Annotated[str | Secret | KeyCallback | None, KeyText()] = field(default=None, repr=False)
    keys: Keys = field(default=(), repr=False)
    key_file: str | None = None
    base_url: Annotated[str | None, Url("http", "https")] = None
    headers: Annotated[Mapping[str, str], HeaderFields()] = field(default_factory=dict, repr=False)
    body: SentFields = field(default_factory=dict, repr=False)
    parameters: Parameters = field(default_factory=dict, repr=False)
    options: AnyFields = field(default_factory=dict, repr=False)
    proxy: Annotated[str | None, Url("http", "socks5", "socks5h", may_hold_login=True)] = field(
        default=None, repr=False
    )
    connector: Annotated[Any, OnlyInCode()] = field(default=None, repr=False)
    trust_env: bool = False
    ca_file: str | None = None
    client_cert: str | None = None
    reasoning: bool | None = None
    capabilities: Annotated[Mapping[str, Any], FieldsOf(Capabilities)] = field(default_factory=dict)
    quirks: Annotated[Mapping[str, Any], FieldsOf(Quirks, only=SETTABLE, also=value_problem)] = field(
        default_factory=dict
    )
    labels: Labels = field(default_factory=dict)
    fit: Fit | None = None
    connect_s: Seconds | None = None
    first_delta_s: Seconds | None = None
    stall_s: Seconds | None = None
    total_s: Seconds | None = None
    connections_max: Count = 1000
    concurrency: Count | None = None
    requests_per_min: Count | None = None
    tokens_per_min: Tokens | None = None
    price: Price | None = None
    budget_day: Dollars | None = None
    budget_month: Dollars | None = None

    def __post_init__(self) -> None:
        provider, slash, model = self.provider.partition("/")
        if slash and not self.model:
            object.__setattr__(self, "provider", provider)
            object.__setattr__(self, "model", model or None)
        object.__setattr__(self, "key", self._checked_key(self.key))
        object.__setattr__(self, "keys", tuple(self._checked_key(key) for key in self.keys))
        if self.connector is not None and (self.proxy or "").startswith("socks"):
            raise ConfigError(
                f"target {self.label}: a connector of your own and a SOCKS proxy exclude each other, since the proxy"
                " is a connector too; give one of them"
            )
        if (self.key is not None) + (self.keys != ()) + (self.key_file is not None) > 1:
            raise ConfigError(f"target {self.label}: give one of key, keys and key_file")
        for name in ("key_file", "ca_file", "client_cert"):
            if (named := getattr(self, name)) is not None and without_keys(named).startswith("***"):
                raise ConfigError(f"target {self.label}: {name} is the path of a file; this looks like a key itself")
        if len(set(self.keys)) < len(self.keys):
            raise ConfigError(f"target {self.label}: the same key stands twice in keys")
        check(self)

    def _checked_key(self, key: "str | Secret | KeyCallback | None") -> "Secret | KeyCallback | None":
        if not isinstance(key, str):
            return key
        if not key.strip():
            raise ConfigError(f"target {self.label}: the key is empty; leave it out if there is none")
        return Secret(key.strip())

    @property
    def label(self) -> str:
        """What reports and logs call it."""
        return self.name or (f"{self.provider}/{self.model}" if self.model else self.provider)
