"""What can be configured, as plain frozen dataclasses: the one place where a setting, its default and its bounds stand.

The engine reads these; `settings.py` lets pydantic validate YAML and environment into the same classes, and makes
the JSON Schema of them. Bounds are checked here too, so that code and YAML are refused alike. Every duration is in
seconds and its name says so.
"""

import difflib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Set
from dataclasses import KW_ONLY, dataclass, field
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
)

from ..providers.bare import door_of
from ..providers.capabilities import Capabilities
from ..providers.chat import ChatRequest, InvalidRequest, chat_request
from ..providers.errors import AskAnother, ErrorKind, RetryRule, without_keys
from ..providers.secret import Secret
from ..providers.sendable import type_name
from .bounds import Bounds
from .errors import ConfigError as ConfigError
from .errors import NoTargets as NoTargets
from .fields import (
    FieldsOf,
    FreeForm,
    HeaderFields,
    KeyText,
    NameOrTarget,
    OnlyInCode,
    ProviderName,
    Url,
)
from .held import check
from .origin import Origin

T = TypeVar("T")

SECONDS = Bounds(above=0, at_most=86_400 * 31)
Seconds: TypeAlias = Annotated[float, SECONDS]
SecondsOrZero: TypeAlias = Annotated[float, Bounds(at_least=0, at_most=86_400)]
Ratio: TypeAlias = Annotated[float, Bounds(at_least=0, at_most=1)]
Count: TypeAlias = Annotated[int, Bounds(at_least=1, at_most=1_000_000)]
Tokens: TypeAlias = Annotated[int, Bounds(at_least=1, at_most=100_000_000)]
Dollars: TypeAlias = Annotated[float, Bounds(at_least=0, at_most=100_000_000)]


def _as_options(parameters: Mapping[str, Any]) -> str | None:
    """What is wrong with these as options of a call; None when nothing is."""
    try:
        chat_request("x", **parameters)
    except InvalidRequest as refused:
        return f"cannot be: {refused}"
    return None


Parameters: TypeAlias = Annotated[
    Mapping[str, Any], FieldsOf(ChatRequest, without=frozenset({"messages"}), also=_as_options)
]
AnyFields: TypeAlias = Annotated[Mapping[str, Any], FreeForm()]
SentFields: TypeAlias = Annotated[Mapping[str, Any], FreeForm(sent=True)]

KeyCallback: TypeAlias = Callable[[], Awaitable[str | Secret]]
"""Called for every attempt, for tokens that expire; it caches as it likes."""

AllOpen: TypeAlias = Literal["wait", "last_resort", "fail"]
MidStream: TypeAlias = Literal["continue", "ask_to_continue", "replay", "restart"]
Upstream: TypeAlias = Literal["stream", "single"]

_STRICT: dict[str, Any] = {"extra": "forbid"}
"""For pydantic, on each class: an unknown name is an error, never ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often one target is asked within one call.

    Attributes:
        attempts: Tries at one target, the first one included.
        backoff_s: The longest wait before the second try; it doubles from try to try. The real wait is drawn between a
            tenth and the whole of this (full jitter), so that calls that failed together do not come back together.
        backoff_max_s: Where the doubling ends: a longer wait would leave no time for another target.
        patience_s: A provider's hint of at most this is waited out by the call that got it, once, and stops no other; a
            longer one parks the target, since another target answers sooner.
        budget_ratio: Retries of a target may be at most this share of its calls, so that an outage is not multiplied.
        budget_floor_per_s: Retries a second that are always allowed, so that a quiet service may retry at all.
    """

    __pydantic_config__: ClassVar = _STRICT

    attempts: Annotated[int, Bounds(at_least=1, at_most=10)] = 3
    backoff_s: Seconds = 0.5
    backoff_max_s: Seconds = 8.0
    patience_s: SecondsOrZero = 2.5
    budget_ratio: Ratio = 0.1
    budget_floor_per_s: Annotated[float, Bounds(at_least=0, at_most=1000)] = 1.0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """When a target is left alone, and for how long.

    Attributes:
        failures_in_row: So many failures one after another open the breaker: the target is not asked for a while.
        failure_ratio: So does this share of failures within the window.
        slow_ratio: So does this share of slow calls within the window.
        slow_call_s: A call without a useful delta for longer than this is slow. None: none is. There is no number that
            is right for every model and prompt, and a wrong one shuts out a sound target.
        window_s: The window of the ratios: longer than a hiccup, shorter than an outage.
        window_min_calls: The ratios count from so many calls within the window: two of three failing prove little.
        open_s: How long an open breaker waits before its first probe, which is the next real call.
        open_max_s: The open time doubles with every failed probe, and with every fall soon after a return, up to this.
            No hint of a server that failed parks its target for longer.
        probes_to_close: So many probes must succeed one after another.
        park_auth_s: How long a refused key is left alone before one probe tries whether it was repaired.
        park_quota_s: The same for an exhausted quota without a hint.
        park_not_found_s: The same for a model that is not there.
        park_rate_limited_s: The same for a rate limit without a hint, once retries are used up.
        park_growth_max_s: A park without a hint doubles with every probe that meets the same refusal, up to this. A key
            from a file or a callback, which may change at any time, is tried again after `park_auth_s` each time.
        park_max_s: No hint parks a target longer than this; then one probe.
        slow_start_s: After closing, how long until the target takes its full share again: a provider that just came
            back falls over again under full load.
    """

    __pydantic_config__: ClassVar = _STRICT

    failures_in_row: Count = 5
    failure_ratio: Annotated[float, Bounds(above=0, at_most=1)] = 0.5
    slow_ratio: Annotated[float, Bounds(above=0, at_most=1)] = 0.5
    slow_call_s: Seconds | None = None
    window_s: Seconds = 30.0
    window_min_calls: Count = 10
    open_s: Seconds = 5.0
    open_max_s: Seconds = 30.0
    probes_to_close: Count = 1
    park_auth_s: Seconds = 60.0
    park_quota_s: Seconds = 600.0
    park_not_found_s: Seconds = 60.0
    park_rate_limited_s: Seconds = 5.0
    park_growth_max_s: Seconds = 900.0
    park_max_s: Seconds = 86_400.0
    slow_start_s: SecondsOrZero = 10.0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The clocks of an attempt and of a call. A target or a route may set any of them anew.

    Attributes:
        connect_s: Until a connection stands: DNS, TCP, TLS and proxy together.
        first_delta_s: Until the first useful delta; pings, comments and role frames do not count, for a provider that
            only pings is not answering.
        stall_s: Between two useful deltas, while somebody waits for the next one.
        reasoning_first_delta_s: In place of `first_delta_s` for models that think first, and are silent meanwhile.
        reasoning_stall_s: In place of `stall_s` for them.
        tail_s: After the end marker, how long to wait for usage before the answer is handed over as finished: the text
            is complete, so nobody should wait long for the bill.
        total_s: A limit on one attempt as a whole. None: nobody ends an answer that flows.
        deadline_s: Of a streamed call, until its first useful delta is delivered.
        complete_deadline_s: Of a collected call, until its end; longer, because the whole answer must fit.
        reserve_s: What an attempt leaves of the deadline so that one more target can be asked.
    """

    __pydantic_config__: ClassVar = _STRICT

    connect_s: Seconds = 5.0
    first_delta_s: Seconds = 10.0
    stall_s: Seconds = 10.0
    reasoning_first_delta_s: Seconds = 60.0
    reasoning_stall_s: Seconds = 60.0
    tail_s: Seconds = 0.25
    total_s: Seconds | None = None
    deadline_s: Seconds = 120.0
    complete_deadline_s: Seconds = 600.0
    reserve_s: Seconds = 3.0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a target costs, in US dollars per million tokens.

    Attributes:
        input: Of the prompt.
        output: Of the answer, reasoning included.
        cached: Of those of the prompt that the provider had in its cache; None: as `input`.
    """

    __pydantic_config__: ClassVar = _STRICT

    input: Dollars
    output: Dollars
    cached: Dollars | None = None

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
        capabilities: Overrides of the capability data, by the names of `Capabilities`.
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

    __pydantic_config__: ClassVar = _STRICT

    provider: Annotated[str, ProviderName()]
    _: KW_ONLY
    model: str | None = None
    name: str | None = None
    key: Annotated[str | Secret | KeyCallback | None, KeyText()] = field(default=None, repr=False)
    keys: tuple[Annotated[str | Secret | KeyCallback, KeyText()], ...] = field(default=(), repr=False)
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


CONTINUE = (
    "Your answer was cut off. First say its last two sentences or lines again, exactly as they stand there, up to the"
    " cut. Then go on from there, without any comment."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How much of an answer is held before its first delta is delivered. Whichever comes first ends it.

    Holding trades the time to the first token for handovers that nobody sees. It never outlasts the deadline, nor a
    mebibyte of text. With neither number given, the whole answer is held.

    Attributes:
        deltas: So many useful deltas.
        for_s: So many seconds after the first useful delta came.
    """

    __pydantic_config__: ClassVar = _STRICT

    deltas: Count | None = None
    for_s: Seconds | None = None

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """When a second target is asked beside one that stays silent. The first useful delta wins, the other is closed.

    Attributes:
        after: Seconds of silence, or a percentile of the target's own recent first deltas (`p95`).
        budget_ratio: Hedges may be at most this share of the route's calls.
    """

    __pydantic_config__: ClassVar = _STRICT

    after: Seconds | Literal["p50", "p75", "p90", "p95", "p99"] = "p95"
    budget_ratio: Ratio = 0.05

    def __post_init__(self) -> None:
        if not isinstance(self.after, str):
            check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What may follow an error of one kind on a route. What is not given stays as the table of kinds has it.

    Attributes:
        retry: May the same target be asked again, and how?
        ask_another: May another target be asked, and which?
    """

    __pydantic_config__: ClassVar = _STRICT

    retry: RetryRule | None = None
    ask_another: AskAnother | None = None


Tier: TypeAlias = tuple[Annotated[str | Target, NameOrTarget()], ...]
Select: TypeAlias = Literal["priority", "weighted", "latency", "cost"]
WEIGHT = Bounds(at_least=0, at_most=1_000_000)
Weight: TypeAlias = Annotated[float, WEIGHT]


@door_of
@dataclass(frozen=True, slots=True)
class Route:
    """An ordered list of targets and the policy of a call.

    Attributes:
        targets: Names of configured targets, `provider/model`, or `Target`s; the best first. A list inside the list is
            a tier; its targets stand side by side, and `select` says who of them is asked first.
        select: Within a tier: as written, drawn by weight, the quicker of two drawn at random, or the one for which
            this request is estimated to cost least. A route without tiers is one tier, except for `priority`.
        weights: For `weighted`: a target's name and its share; 1 unless given, 0 for only as a last choice.
        deadline_s: Of a call on this route; None: the default.
        first_delta_s, stall_s, total_s: Clocks on this route, for targets that have none of their own; None: those of
            `limits`.
        all_open: When every target is being left alone: wait for the first to return within the deadline, ask the
            one that returns first all the same, or fail at once.
        mid_stream: What may follow when an answer breaks off after its first delta, tried in order.
        upstream: Ask providers for a stream, which shows that they are alive, or for one JSON body, which is cheaper.
        parameters: Defaults for fields of the request that neither caller nor target sets.
        retry: How often one target is asked; None: as the section `retry` says, and so is what it leaves open.
        ask_another_when_empty: Whether an answer without anything in it goes to the next target.
        on: By kind of error, which targets are asked next when an attempt fails that way, and for as long as a target
            is left alone or left out for that kind (a park, an open breaker, too small a window). They are asked for
            nothing else.
        errors: By kind of error, what may follow it on this route, where that is not what the table of kinds says.
        hold: Deliver nothing until so much of an answer is there; until then every failure is invisible.
        hedge: Ask a second target beside one that stays silent. It may bill twice.
        instruction: What `ask_to_continue` says to the next target, after the delivered text as an assistant's turn.
        budget_day: The most US dollars for calls on this route within a day, UTC, whoever answers them. What a target
            without a known price costs is not counted.
        budget_month: The same within a calendar month.
    """

    __pydantic_config__: ClassVar = _STRICT

    targets: tuple[Annotated[str | Target | Tier, NameOrTarget()], ...]
    _: KW_ONLY
    select: Select = "priority"
    weights: Mapping[str, Weight] = field(default_factory=dict)
    deadline_s: Seconds | None = None
    first_delta_s: Seconds | None = None
    stall_s: Seconds | None = None
    total_s: Seconds | None = None
    all_open: AllOpen = "wait"
    mid_stream: tuple[MidStream, ...] = ("continue", "replay", "ask_to_continue")
    upstream: Upstream = "stream"
    parameters: Parameters = field(default_factory=dict, repr=False)
    retry: Retry | None = None
    ask_another_when_empty: bool = True
    on: Mapping[ErrorKind, Tier] = field(default_factory=dict)
    errors: Mapping[ErrorKind, Handling] = field(default_factory=dict)
    hold: Hold | None = None
    hedge: Hedge | None = None
    instruction: str = CONTINUE
    budget_day: Dollars | None = None
    budget_month: Dollars | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "on", {kind: listed(tier) for kind, tier in _of_kinds("on", self.on)})
        for kind in set(self.on) & ENDS:
            raise ConfigError(f"Route.on: after {kind.value!r} a call asks no target any more")
        object.__setattr__(self, "errors", dict(_of_kinds("errors", self.errors)))
        check(self)
        listed(self.targets)
        for kind, handling in self.errors.items():
            if not isinstance(handling, Handling):
                raise ConfigError(f"Route.errors: {kind.value!r} takes a Handling, but not {type(handling).__name__}")
        for name, weight in self.weights.items():
            if problem := WEIGHT.problem(weight):
                raise ConfigError(f"Route.weights: {name!r} {problem}")
        if not self.placed():
            raise NoTargets("a route needs at least one target")

    def placed(self) -> list[tuple[tuple[int, ...], str | Target]]:
        """Every target that is referred to, with its place: `(2,)`, or `(2, 0)` for the first of the tier at 2."""
        found: list[tuple[tuple[int, ...], str | Target]] = []
        for number, entry in enumerate(self.targets):
            if isinstance(entry, str | Target):
                found.append(((number,), entry))
            else:
                found += [((number, inside), each) for inside, each in enumerate(entry)]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a Router is made of.

    Attributes:
        targets: Targets by name.
        routes: Routes by name. A route `default` is used when a call names none; so is the only one.
        limits: The clocks.
        retry: How often one target is asked.
        health: When a target is left alone.
        origin: The file that it was read from, for messages that name a place; None when made in code.
    """

    targets: Mapping[str, Target] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=Retry)
    health: Health = field(default_factory=Health)
    origin: Origin | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of_targets(cls, targets: "tuple[str | Target, ...]") -> Self:
        """One default route over these targets, the best first."""
        if not targets:
            raise NoTargets("no targets: give at least one, for example Router(['koala', 'openai/gpt-5-mini'])")
        return cls(routes={"default": Route(targets)})

    def target(self, reference: "str | Target") -> Target:
        """The target that a route or a call means: its own, a configured one by name, or `provider/model`."""
        if isinstance(reference, Target):
            return reference
        return self.targets.get(reference) or Target(reference)

    def all_targets(self) -> Iterator[Target]:
        """Every target that is configured, or that a route refers to; some more than once."""
        yield from self.targets.values()
        for route in self.routes.values():
            yield from (self.target(reference) for _, reference in route.placed())
            yield from (self.target(reference) for tier in route.on.values() for reference in tier)

    def route(self, name: str | None = None) -> Route:
        """The route of a call.

        Raises:
            ConfigError: There is no such route.
            NoTargets: Nothing is configured.
        """
        if not self.routes:
            raise NoTargets("no routes are configured: give targets, or a YAML file with routes")
        if name is None:
            if len(self.routes) == 1:
                return next(iter(self.routes.values()))
            name = "default"
        found = self.routes.get(name)
        if found is None:
            raise ConfigError(f"there is no route {name!r}; configured are {', '.join(sorted(self.routes))}")
        return found


ENDS = frozenset((ErrorKind.DEADLINE, ErrorKind.CANCELLED))
"""Kinds that end a call whatever its route says."""


def _of_kinds(name: str, given: Mapping[Any, T]) -> Iterator[tuple[ErrorKind, T]]:
    """The entries of a mapping from error kinds, whose keys code may also give as texts.

    Raises:
        ConfigError: A key is no error kind.
    """
    for key, value in given.items():
        try:
            yield ErrorKind(key), value
        except ValueError:
            near = difflib.get_close_matches(str(key), list(ErrorKind), n=1)
            meant = f"; did you mean {str(near[0])!r}?" if near else f"; known are {', '.join(ErrorKind)}"
            raise ConfigError(f"Route.{name}: {key!r} is no error kind{meant}") from None


def listed(targets: Any) -> tuple[Any, ...]:
    """Targets as code gives them, the best first, in the shape of `Route.targets`.

    Raises:
        ConfigError: They are no list of targets.
    """
    if isinstance(targets, str | Target):
        shown = repr(targets) if isinstance(targets, str) else "Target(…)"
        raise ConfigError(f"targets are given in a list, the best first: [{shown}]")
    if isinstance(targets, bytes | Mapping | Set) or not isinstance(targets, Iterable):
        raise ConfigError(f"targets must be a list of targets, the best first, but is a {type_name(targets)}")
    entries = tuple(targets)
    for entry in entries:
        for each in entry if isinstance(entry, list | tuple) else (entry,):
            if not isinstance(each, str | Target):
                raise ConfigError(
                    f"a target is a text like 'openai/gpt-5-mini', or a Target, but not {type_name(each)}"
                )
    return entries
