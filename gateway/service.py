"""The gateway as a function from a request to bytes: what is asked where, and by what protocol it is answered.

Models are asked in OpenAI's and in Anthropic's protocols; which models there are can be listed in both. Everything else
is refused by name. There is no server in it: the shells carry it.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from urllib.parse import unquote

import msgspec

from ..config.addresses import Address
from ..config.client_key import ClientKey
from ..config.errors import ConfigError
from ..config.model import Config
from ..config.serve import Clients, Serve
from ..providers.errors import InvalidRequest
from ..providers.serving import Dialect
from ..providers.wall_clock import WALL_CLOCK, WallClock
from ..router.router import Router
from . import failures, heads, listing, openapi
from .access import Access
from .exchange import UNKNOWN_MODEL, Exchange, Served
from .failures import Told
from .http import Fields, Reply, Request
from .ingress import ANTHROPIC, DIALECTS, OPENAI, count_tokens
from .model_names import askable, meant
from .record import Observe, Record, moment
from .refused import Refused

HEALTH, READY = "/health", "/ready"
_OPEN_TO_ALL = frozenset((HEALTH, READY, openapi.PATH))
MODELS = "/v1/models"
COUNT_TOKENS = "/v1/messages/count_tokens"

_OTHERS = re.compile(
    r"/v1/(audio|assistants|batches|completions|containers|conversations|embeddings|evals|files|fine_tuning|images"
    r"|moderations|organization|realtime|rerank|threads|uploads|vector_stores|videos)(?:/|$)"
)
"""What these APIs have besides, which is no conversation with a model."""

_GET = frozenset(("GET", "HEAD"))
_POST = frozenset(("POST",))


def section_of(config: Config) -> Serve:
    """The gateway's own section, as it stands."""
    return config.serve or Serve()


class Service:
    """The gateway.

    Args:
        router: Entered already.
        address: Where it listens, once that is known.
        serve_of: Reads its own section from a configuration.
        observers: Told of each request once it is over, but for those that ask about the gateway itself.
        refused_reload: Told when the keys of a changed configuration cannot be read: the old ones go on.
        wall: Says what time it is.

    Raises:
        ConfigError: A file of keys cannot be read.
    """

    def __init__(
        self,
        router: Router,
        *,
        address: Address | None = None,
        serve_of: Callable[[Config], Serve] = section_of,
        observers: Iterable[Observe] = (),
        refused_reload: Callable[[str], None] = lambda why: None,
        wall: WallClock = WALL_CLOCK,
    ) -> None:
        config = router.config
        serve = serve_of(config)
        self._serve_of = serve_of
        self.access = Access(serve, address=address, wall=wall)
        self._served = Served(router, self.access, config, serve, wall)
        self._observers, self._refused_reload = list(observers), refused_reload
        self._leaving = False
        self._created_s = int(wall())
        self.in_flight = 0

    @property
    def clients(self) -> Clients:
        """What clients may send, as it was configured at first."""
        return self._served.serve.clients

    async def handle(self, request: Request, reply: Reply) -> None:
        """Answer a request."""
        path = request.path
        if path in _OPEN_TO_ALL:
            await self._tell(path, request, reply)
            return
        served = self._current()
        record = Record(
            time=moment(served.wall()),
            request_id=heads.request_id(request.headers) or f"req_{served.tokens.next()}",
            ingress=DIALECTS[path].name if path in DIALECTS else "-",
        )
        self.in_flight += 1
        try:
            await self._answer(served, request, reply, record)
        finally:
            self.in_flight -= 1
            for observe in self._observers:
                observe(record)

    def observe(self, observe: Observe) -> None:
        """Tell this one, too, of each request that is over from now on."""
        self._observers.append(observe)

    def leaving(self) -> None:
        """No longer be ready: balancers shall send new requests elsewhere. What comes is answered still."""
        self._leaving = True

    async def last_words(self) -> None:
        """End every stream that goes on: each is told in its protocol that the gateway shuts down."""
        self._served.router.close_now()

    async def reload(self) -> None:
        """Read keys in files anew.

        Raises:
            ConfigError: They cannot be read; the old ones go on.
        """
        self.access.follow(self._current().serve)

    async def _answer(self, served: Served, request: Request, reply: Reply, record: Record) -> None:
        path = request.path
        dialect = _dialect_of_errors(request)
        common: Fields = (("x-request-id", record.request_id), *served.access.cors_fields(request))
        if dialect is ANTHROPIC:
            common = (*common, ("request-id", record.request_id))
        if path in DIALECTS and request.method == "POST":
            await Exchange(served, DIALECTS[path], request, reply, record, common).run()
            return
        allowed = _methods(path)
        if allowed is None:
            await _refuse(_not_here(path, record), dialect, common, reply, record)
        elif request.method == "OPTIONS":
            preflight = served.access.preflight(request)
            fields = common if preflight is None else (("x-request-id", record.request_id), *preflight)
            record.status, record.outcome = 204, "finished"
            await reply.whole(204, (("allow", _listed(allowed)), *fields), b"")
        elif request.method not in allowed:
            told = failures.refused(405, f"this path takes {_listed(allowed)}", record.request_id)
            told = told._replace(fields=(("allow", _listed(allowed)),))
            await _refuse(told, dialect, common, reply, record)
        else:
            await self._small(served, request, reply, record, common, dialect)

    async def _small(
        self, served: Served, request: Request, reply: Reply, record: Record, common: Fields, dialect: Dialect
    ) -> None:
        """Answer what asks no model."""
        client = served.access.enter(request)
        if isinstance(client, Refused):
            found: bytes | Told = failures.of_refusal(client, record.request_id)
        else:
            record.key = client.name
            if request.path == COUNT_TOKENS:
                found = await count_tokens(request, record.request_id)
            else:
                found = self._models(served, request, client.key, record)
        if isinstance(found, Told):
            await _refuse(found, dialect, common, reply, record)
            return
        record.status, record.outcome = 200, "finished"
        await reply.whole(200, (*heads.JSON, *common), found)

    def _models(self, served: Served, request: Request, key: ClientKey, record: Record) -> bytes | Told:
        """The models that this key may ask, or one of them."""
        anthropic = "anthropic-version" in request.headers
        if request.path == MODELS:
            names = list(dict.fromkeys(askable(served.config, served.serve, key)))
            try:
                page = listing.page_of(request.query) if anthropic else listing.WHOLE
                return listing.listed(names, self._created_s, anthropic=anthropic, page=page)
            except InvalidRequest as problem:
                return failures.unreadable(problem, record.request_id)
        with suppress(UnicodeDecodeError):
            name = unquote(request.path.removeprefix(MODELS + "/"), errors="strict")
            if meant(name, served.config, served.serve, key) is not None:
                return listing.shown(name, self._created_s, anthropic=anthropic)
        return failures.refused(404, UNKNOWN_MODEL, record.request_id, code="model_not_found", param="model")

    async def _tell(self, path: str, request: Request, reply: Reply) -> None:
        """Say how the gateway is, or what it answers: to everything that asks.

        How it is depends on no provider: one that is down is no reason to take a gateway out.
        """
        if request.method not in _GET:
            await reply.whole(405, (*heads.JSON, ("allow", "GET, HEAD")), b'{"status":"ask by GET"}')
            return
        if path == openapi.PATH:
            keyed = self._current().serve.auth == "keys"
            await reply.whole(200, heads.JSON, openapi.described(keyed=keyed))
            return
        well = path == HEALTH or not self._leaving
        body = msgspec.json.encode({"status": "ok" if well else "draining", "in_flight": self.in_flight})
        await reply.whole(200 if well else 503, (*heads.JSON, ("cache-control", "no-store")), body)

    def _current(self) -> Served:
        """What the configuration says now. One whose keys cannot be read changes nothing."""
        served = self._served
        config = served.router.config
        if config is served.config:
            return served
        serve = self._serve_of(config)
        try:
            self.access.follow(serve)
        except ConfigError as wrong:
            self._refused_reload(str(wrong))
            serve = served.serve
        return self.took(config, serve)

    def took(self, config: Config, serve: Serve | None = None) -> Served:
        """Answer by a configuration from now on, whose keys hold already.

        Args:
            serve: In place of its own section.
        """
        served = self._served
        self._served = Served(served.router, self.access, config, serve or self._serve_of(config), served.wall)
        return self._served


def _methods(path: str) -> frozenset[str] | None:
    """The methods that a path takes; None: there is nothing."""
    if path in DIALECTS or path == COUNT_TOKENS:
        return _POST
    return _GET if path == MODELS or path.startswith(MODELS + "/") else None


def _listed(methods: Iterable[str]) -> str:
    return ", ".join(sorted({*methods, "OPTIONS"}))


def _dialect_of_errors(request: Request) -> Dialect:
    """The protocol in which a request is refused."""
    known = DIALECTS.get(request.path)
    if known is not None:
        return known
    anthropic = request.path == COUNT_TOKENS or "anthropic-version" in request.headers
    return ANTHROPIC if anthropic else OPENAI


def _not_here(path: str, record: Record) -> Told:
    """Why a path leads nowhere."""
    if found := _OTHERS.match(path):
        words = f"{found[1]} is not served: this is a gateway for conversations with models"
    elif path.startswith("/v1/responses/"):
        words = "responses are not stored here, so none can be looked up: send the conversation with each request"
    elif path.startswith("/v1/messages/"):
        words = "this part of the Messages API is not served"
    elif "/v1" + path in {*DIALECTS, MODELS}:
        words = "there is nothing here: end the base URL with /v1"
    elif path.startswith("/v1/v1/"):
        words = "there is nothing here: the base URL ends with /v1 twice"
    else:
        words = f"there is nothing here: models are asked at {', '.join(DIALECTS)}"
    return failures.refused(404, words, record.request_id, code="not_served")


async def _refuse(told: Told, dialect: Dialect, common: Fields, reply: Reply, record: Record) -> None:
    record.status, record.outcome, record.kind = told.failure.status, "refused", told.failure.kind.value
    await reply.whole(told.failure.status, (*heads.JSON, *common, *told.fields), dialect.error(told.failure))
