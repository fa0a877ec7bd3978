"""A target in use: its provider, its health, its transport, its address and its credentials.

What is remembered of it belongs to what it *is* (endpoint, model, credential) and outlives a reload; its transport
belongs to the generation that opened it. Nothing here decides anything.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from ...config.flaws import base_url_variable, missing_extras, options_problem
from ...config.target import Target
from ...providers import registry
from ...providers.capabilities import Capabilities, Fit
from ...providers.chat import ChatRequest
from ...providers.echoes import Echoes, bare_url, configured_secrets, sent_secrets
from ...providers.errors import ErrorKind, MissingExtraError, ProviderError, safe_code
from ...providers.hints import remaining
from ...providers.http.idle import Idle, Ways
from ...providers.http.transport import HttpTransport
from ...providers.origin import Origin, credential_mark
from ...providers.prices import Rates, rates_of
from ...providers.provider import Decoder, Endpoint, Provider, ProviderInfo, ResponseHead, Unsupported, WireRequest
from ...providers.secret import Secret
from ...providers.transport import Transport, TransportFactory, TransportOptions
from ..health.latency import Latency
from ..health.lease import Lease
from ..health.snapshot import HealthSnapshot
from ..limits.limiter import Sizes
from ..result.reasons import SkipReason
from .foreign_transport import ForeignTransport
from .keys import KeyReader, key_sources
from .native import for_target
from .record import Identity, TargetRecord
from .target_transport import TargetTransport

NAMES_MAX = 64
"""A target's model has a few names for itself: with a date, or with the machine's."""

Flaw: TypeAlias = tuple[SkipReason, str]
"""Why a target cannot be asked anything, and what to do about it."""


class LiveTarget:
    """One target in use.

    Args:
        record_of: What is remembered of a target, by what it is.
        ways: The idle connections of all targets; None: its own stay with it.
        transport: Makes its transport; None: it has the standard one.

    Attributes:
        identity: What it is kept under, where a call has brought it along.
        calls, used_s: How many open calls have brought it along, and when the last one did.
        forgotten: It was given up since: its record is claimed by nothing here.
        remembered_as: What its record is known by.
        label: What reports and logs call it.
        model: The model that is asked for.
        decoder: Makes the decoder of an answer of it.
        dialect: The wire it speaks.
        flaw: What keeps it from being asked anything: reason, and what to do about it; None when nothing does.
        limits: Its present use.
        sizes: Its maximum use.
        rates: Its price; None: not known.
        tells_cost: Its provider has said what an answer costs.
        ledger: The money spent on it.
    """

    def __init__(
        self,
        target: Target,
        record_of: Callable[[Identity], TargetRecord],
        environment: Mapping[str, str] = os.environ,
        ways: Ways | None = None,
        transport: TransportFactory | None = None,
    ) -> None:
        self.target, self._ways, self._new_transport = target, ways, transport
        self.provider = registry.get(target.provider)
        info = self.provider.info
        self.decoder = _decoder_of(self.provider, target)
        self.label = target.label
        self.dialect = info.dialect
        self.model = model = target.model or info.default_model or ""
        variable = base_url_variable(target.provider)
        self.base_url = (target.base_url or environment.get(variable) or info.base_url or "").rstrip("/")
        self.capabilities, wrong = _capabilities(self.provider, target, model)
        self._sources = key_sources(target, info.key_env, environment, self.provider)
        self._keys = KeyReader(self._sources)
        self.flaw = self._flaw(info, variable, environment) or wrong
        self.identity: object = None
        self.calls, self.used_s, self.forgotten = 0, 0.0, False
        self.remembered_as = Identity(target.provider, self.base_url, model, self._sources)
        record = record_of(self.remembered_as)
        record.health.known_as(self.label)
        self.health, self.retry_budget, self.latency = record.health, record.retry_budget, record.latency
        self.limits, self.ledger = record.limits, record.ledger
        self._record = record
        self._prefill_shown_by = None if "prefill" in target.capabilities else info.prefill_shown_by
        self.sizes = Sizes(target.concurrency, target.requests_per_min, target.tokens_per_min)
        self.rates = _rates(target, model, record.ledger.wall())
        self.tells_cost = False
        self._endpoints: list[dict[tuple[bool, Fit], Endpoint]] = [{} for _ in self._sources or (None,)]
        self._transport = TargetTransport()
        self._names: dict[str, str | None] = {}  # that models gave themselves, as they may be shown
        self._echoes: tuple[str, dict[str, str], Echoes] | None = None  # of the last request that failed

    def _flaw(self, info: ProviderInfo, variable: str, environment: Mapping[str, str]) -> Flaw | None:
        target = self.target
        if problem := info.option_problem(target.options) or info.quirk_problem(target.quirks):
            return "misconfigured", problem
        if problem := options_problem(target):
            return "misconfigured", problem
        if not self.model:
            return "misconfigured", f"{target.provider} has no default model; write {target.provider}/MODEL"
        if not self.base_url:
            return "misconfigured", f"{target.provider} needs a base_url (or {variable})"
        if not self.base_url.startswith(("https://", "http://")):
            return "misconfigured", "its base_url must begin with https:// or http://"
        if missing := next(missing_extras(target, environment), None):
            return "missing_extra", str(missing[1])
        if info.key_required and not self._sources:
            return "no_key", f"no key: set {info.key_env}" if info.key_env else "no key"
        return None

    def latency_of(self, *, stream: bool) -> Latency:
        """How quick it was: to the first useful delta of a stream, or to an answer in one JSON body."""
        return self.latency if stream else self._record.single_latency

    def endpoint(self, *, stream: bool, place: int = 0, fit: Fit = "nearest") -> Endpoint | None:
        """Address and credentials to ask with; None when the key must be fetched first, see `fresh_endpoint`.

        Args:
            place: Of the key among the target's keys.
            fit: How a request is made fit, as the route has it.
        """
        cached = self._endpoints[place].get((stream, fit))
        if cached is None:
            key = self._keys.at_once(place) if self._sources else None
            if key is None and self._sources:
                return None
            cached = self._endpoints[place][stream, fit] = self._endpoint(key, stream, fit)
        return cached

    def origin(self, lease: Lease) -> Origin:
        """The origin of what was answered under a lease. A key that changes by itself says nothing of the account."""
        key = None if lease.credential.renewable or not self._sources else self._keys.at_once(lease.credential.place)
        return Origin(self.target.provider, self.base_url, self.model, credential_mark(key))

    async def fresh_endpoint(self, lease: Lease, by_s: float, *, stream: bool, fit: Fit = "nearest") -> Endpoint:
        """Address and credentials to ask with; the lease's key as its file or callback gives it now.

        Of several keys, one that cannot be had is replaced by the next, in the lease too.

        Args:
            by_s: When the key must be there, on the loop's clock.
            fit: As for `endpoint`.

        Raises:
            ProviderError: There is no key to be had.
        """
        now_s = asyncio.get_running_loop().time
        while True:
            credential = lease.credential
            try:
                key = await self._keys.read(credential.place, by_s)
            except ProviderError as error:
                if not self.health.replace_key(lease, error, now_s()):
                    raise
            else:
                self.health.resolved(credential, key, now_s())
                lease.edition = credential.edition
                return self._endpoint(key, stream, fit)

    async def look_for_new_key(self, lease: Lease, by_s: float) -> None:
        """The lease's key was refused. If its file or callback has another one by now, that is not to suffer."""
        credential = lease.credential
        if not credential.renewable:
            return
        try:
            key = await self._keys.read(credential.place, by_s)
        except ProviderError:
            return  # the next attempt will meet the same, and tell it
        self.health.resolved(credential, key, asyncio.get_running_loop().time())

    def _endpoint(self, key: Secret | None, stream: bool, fit: Fit) -> Endpoint:
        target = self.target
        return Endpoint(
            base_url=self.base_url,
            model=self.model,
            key=key,
            stream=stream,
            headers=target.headers,
            body=target.body,
            options=target.options,
            capabilities=self.capabilities,
            quirks=target.quirks,
            fit=fit,
        )

    def wire(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """The request in the provider's dialect.

        Raises:
            Unsupported, MissingExtraError: The target cannot be asked this at all.
            ProviderError: It is not configured for it; or its adapter has a bug, and what that raises may hold a text.
        """
        if chat.extra or chat.native_tools:
            chat = for_target(chat, self.target.provider, self.dialect)
        try:
            return self.provider.build_request(chat, endpoint)
        except (ProviderError, Unsupported, MissingExtraError):
            raise
        except Exception as bug:  # noqa: BLE001 - the adapter may be third-party code
            what = f"the adapter {self.target.provider!r} raised {type(bug).__name__}: a bug in it"
        raise ProviderError(ErrorKind.PROTOCOL, what, local=True)

    def own(self, error: ProviderError, url: str = "", headers: Mapping[str, str] = MappingProxyType({})) -> None:
        """Name the target and the address that an error is of, and mask what it repeats of our secrets.

        Args:
            url, headers: Of the attempt's request.
        """
        error.target = self.label
        error.url = bare_url(url) or None
        error.mask(self._echoes_of(url, headers).masked)

    def shown(self, model: object, url: str, headers: Mapping[str, str]) -> str | None:
        """The name that a model gives itself, as reports may have it; None: it is no name, or repeats a secret of ours.

        Args:
            url, headers: Of the request that it answers.
        """
        if type(model) is str and model in self._names:
            return self._names[model]
        name = safe_code(model)
        if name is None:
            return None
        if len(self._names) >= NAMES_MAX:
            self._names.clear()
        shown = self._names[name] = name if self._echoes_of(url, headers).masked(name) == name else None
        return shown

    def _echoes_of(self, url: str, headers: Mapping[str, str]) -> Echoes:
        found = self._echoes
        if found is None or found[0] != url or found[1] != headers:
            target = self.target
            static = (source.reveal() for source in self._sources if isinstance(source, Secret))
            configured = configured_secrets(target.proxy, target.options, target.body)
            echoes = Echoes((*static, *configured, *sent_secrets({**target.headers, **headers}, url)))
            found = self._echoes = url, dict(headers), echoes  # a copy: an adapter may change its own
        return found[2]

    @property
    def transport(self) -> Transport:
        """The transport, made on first use, and anew by a call that begins after it was closed."""
        present = self._transport.present
        return self._transport.use(self._new()) if present is None else present

    @property
    def closes_later(self) -> bool:
        """Was it closed, and does a transport of it wait for `aclose`?"""
        return self._transport.waits

    def _new(self) -> Transport:
        target = self.target
        options = TransportOptions(
            proxy=target.proxy,
            connector=target.connector,
            trust_env=target.trust_env,
            ca_file=target.ca_file,
            client_cert=target.client_cert,
            connections_max=target.connections_max,
            wall=self.ledger.wall,
            idle=self._idle(),
        )
        new = self._new_transport
        return HttpTransport(options) if new is None else ForeignTransport(new(options))

    def _idle(self) -> Idle | None:
        """What lies idle of the way that it is reached; None: it has a way of its own."""
        target = self.target
        if self._ways is None or target.connector is not None or target.ca_file or target.client_cert:
            return None
        return self._ways.idle((self.base_url, target.proxy, target.trust_env))

    @property
    def prefill_shown(self) -> bool | None:
        """Does what is known of `prefill` hold? Of a server that users run, its last answer shows it; None: unknown."""
        shown_by = self._prefill_shown_by
        return True if shown_by is None else bool(shown_by) and self._record.prefill_shown

    def snapshot(self, now_s: float) -> HealthSnapshot:
        """How it stands at this instant."""
        return self._record.snapshot(self.target, now_s)

    def learn(self, head: ResponseHead, now_s: float) -> None:
        """What a response says of the server, and of what is left of its limits: of one key's, not of several."""
        if self._prefill_shown_by and 200 <= head.status < 300:
            named = head.headers.get("server", "").lower()
            self._record.prefill_shown = named.startswith(self._prefill_shown_by)
        if len(self._endpoints) == 1:
            for told in remaining(head.headers, head.now_s):
                self.limits.learn(told, now_s)

    def close(self) -> None:
        """Close every connection. Idempotent."""
        self._transport.close()

    async def aclose(self) -> None:
        """Close, and wait until the sockets are gone. Idempotent, also after a cancellation."""
        await self._transport.aclose()


def _decoder_of(provider: Provider, target: Target) -> Callable[[ResponseHead], Decoder]:
    """What makes the decoders of its answers: the provider, or what that has for the target's own quirks."""
    by_quirks = getattr(provider, "decoder_by", None) if target.quirks else None
    if by_quirks is None:
        return provider.decoder
    made: Callable[[ResponseHead], Decoder] = by_quirks(target.quirks)
    return made


def _capabilities(provider: Provider, target: Target, model: str) -> tuple[Capabilities, Flaw | None]:
    """What is known of the model, the target's own word included."""
    try:
        own = msgspec.convert(dict(target.capabilities), Capabilities)
    except msgspec.ValidationError as error:
        return Capabilities(), ("misconfigured", f"its capabilities make no sense: {error}")
    try:
        return provider.capabilities(model).overridden(own), None
    except Exception as bug:  # noqa: BLE001 - the adapter may be third-party code
        what = f"the adapter {target.provider!r} raised {type(bug).__name__} for its model: a bug in it"
        return Capabilities(), ("misconfigured", what)


def _rates(target: Target, model: str, at_s: float) -> Rates | None:
    """What a target costs: as it says itself, else as genai-prices knows."""
    price = target.price
    if price is None:
        return rates_of(target.provider, model, at_s)
    return Rates(
        price.input,
        price.output,
        price.input if price.cached is None else price.cached,
        cache_write=price.cache_write,
        cache_write_1h=price.cache_write_1h,
        input_audio=price.input_audio,
        input_image=price.input_image,
        output_audio=price.output_audio,
        output_image=price.output_image,
        web_search=price.web_search,
        tool_use=price.tool_use,
        own=True,
    )
