"""One request that asks a model: from its body to the last byte of its answer.

There is no rule of fail-over here. The Router makes the answer; this reads the request, asks, and writes down in the
client's protocol what comes. A whole answer sends nothing before it is whole. A stream sends its head with its first
batch, or with a sign of life; from there on a failure is told in the stream, whose body then stays unfinished.
"""

import asyncio
from collections.abc import Sequence

from ..config.errors import ConfigError
from ..config.model import Config
from ..config.serve import Serve
from ..providers import registry
from ..providers.errors import InvalidRequest, StandbyError
from ..providers.serving import About, Asked, Dialect, Source
from ..providers.serving.dialect import comment
from ..providers.wall_clock import WallClock
from ..router.engine.call import Call
from ..router.limits.token_estimate import demand
from ..router.result.errors import CallFailed
from ..router.router import Router
from . import failures, heads
from .access import Access, Client
from .asking import UnknownModel, Unserved, Wanted, wanted
from .failures import Told
from .http import ClientGone, Fields, Reply, Request, RequestRefused
from .quota import Grant
from .record import CLIENT_LEFT, Record
from .refused import Refused
from .stream_writer import StreamWriter
from .tokens import Tokens

UNKNOWN_MODEL = "the model that is asked for is not known here, or not to this key: GET /v1/models lists those that are"
EVENT_STREAM: Fields = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
"""What keeps caches and buffering balancers off a stream."""


class Served:
    """What all requests are answered by, until the configuration changes.

    Attributes:
        serve: The gateway's own section.
        tokens: What the ids of requests and answers are made of.
    """

    __slots__ = ("access", "config", "router", "serve", "tokens", "wall")

    def __init__(self, router: Router, access: Access, config: Config, serve: Serve, wall: WallClock) -> None:
        self.router, self.access, self.config, self.serve, self.wall = router, access, config, serve, wall
        self.tokens = Tokens()


class Exchange:
    """The answer to one request in one dialect.

    Args:
        common: Fields of every answer to it.
    """

    __slots__ = (
        "_began_s", "_call", "_call_began_s", "_client", "_common", "_dialect", "_grant", "_loop", "_record", "_reply",
        "_request", "_served", "_source", "_wanted",
    )  # fmt: skip

    def __init__(
        self, served: Served, dialect: Dialect, request: Request, reply: Reply, record: Record, common: Fields
    ) -> None:
        self._served, self._dialect, self._request, self._reply = served, dialect, request, reply
        self._record, self._common = record, common
        self._loop = asyncio.get_running_loop()
        self._began_s = self._call_began_s = self._loop.time()
        self._client: Client | None = None
        self._grant: Grant | None = None
        self._call: Call | None = None
        self._wanted: Wanted | None = None
        self._source: Source | None = None

    async def run(self) -> None:
        """Answer."""
        try:
            asked = await self._read()
            if isinstance(asked, Told):
                await self._refuse(asked)
                return
            call = self._begin(asked)
            if isinstance(call, Told):
                await self._refuse(call)
            elif asked.stream:
                await self._stream(call, asked)
            else:
                await self._whole(call, asked)
        except (asyncio.CancelledError, ClientGone):
            self._record.outcome, self._record.status = "cancelled", CLIENT_LEFT
            raise
        finally:
            self._settle()

    # What is asked

    async def _read(self) -> Asked | Told:
        """Let it in, and read its body."""
        record, request = self._record, self._request
        client = self._served.access.enter(request)
        if isinstance(client, Refused):
            return failures.of_refusal(client, record.request_id)
        self._client, record.key = client, client.name
        try:
            body = await request.read()
        except RequestRefused as refused:
            return failures.of_http(refused, record.request_id)
        self._call_began_s = self._loop.time()
        record.body_s = self._call_began_s - self._began_s
        try:
            asked = self._dialect.read(body)
        except InvalidRequest as problem:
            return failures.unreadable(problem, record.request_id)
        record.stream = asked.stream
        return asked

    def _begin(self, asked: Asked) -> Call | Told:
        """Find out whom it asks, take what it needs of its key's limits, and begin the call."""
        record, served, client = self._record, self._served, self._client
        assert client is not None
        found = wanted(
            asked,
            self._request.headers,
            served.config,
            served.serve,
            client.key,
            self._dialect.name,
            dialect_of,
        )
        if isinstance(found, Refused):
            return failures.of_refusal(found, record.request_id)
        if isinstance(found, UnknownModel):
            return self._unknown_model()
        if isinstance(found, Unserved):
            words = f"{', '.join(found.paths)}: no target that may answer has words for it"
            return failures.refused(400, words, record.request_id, code="unsupported_parameter", param=found.paths[0])
        self._wanted = found
        record.route = found.meant.route or record.route
        tokens = demand(found.chat).tokens if client.counts_tokens else 0
        grant = client.admit(tokens, 0.0, self._loop.time())
        if isinstance(grant, Refused):
            record.limited_by = grant.why
            return failures.of_refusal(grant, record.request_id)
        self._grant = grant
        try:
            call = served.router.begin(found.chat, whole=not asked.stream, **found.options)
        except CallFailed as failed:
            return failures.of_call(failed, self._dialect.name, dialect_of, record.request_id)
        except InvalidRequest as problem:
            return failures.unreadable(problem, record.request_id)
        except (ConfigError, registry.UnknownProvider):
            if found.meant.target or "only" in found.options:
                return self._unknown_model()
            return failures.refused(503, "the route that is asked is not set up", record.request_id)
        call.forbid_restart()
        self._call = call
        return call

    def _unknown_model(self) -> Told:
        return failures.refused(404, UNKNOWN_MODEL, self._record.request_id, code="model_not_found", param="model")

    # The answer

    async def _whole(self, call: Call, asked: Asked) -> None:
        try:
            events = await call.next()
        except CallFailed as failed:
            await self._refuse(failures.of_call(failed, self._dialect.name, dialect_of, self._record.request_id))
            return
        answer = self._dialect.whole(asked, self._about(), self._asking, events)
        report = call.report
        overhead_s = self._overhead_s(report.ended_s)
        fields = (
            *heads.JSON,
            *self._common,
            *self._route(),
            *heads.of_report(report, overhead_s, whole=True),
            *heads.of_notes(self._notes(answer.notes)),
            *self._limits(),
        )
        self._answered(overhead_s)
        await self._reply.whole(200, fields, answer.body)
        self._record.outcome = "finished"

    async def _stream(self, call: Call, asked: Asked) -> None:
        dialect = self._dialect
        encoder = dialect.stream(asked, self._about(), self._asking)
        writer = StreamWriter(self._reply, dialect.ping, self._served.serve.ping_s, self._head)
        try:
            while True:
                batch = await call.next()
                data = encoder.encode(batch)
                if call.ended:
                    await writer.end(data + self._last_words(encoder.notes))
                    self._record.outcome = "finished"
                    return
                await writer.send(data)
        except CallFailed as failed:
            told = failures.of_call(failed, dialect.name, dialect_of, self._record.request_id)
            await writer.quiet()
            if not self._reply.started:
                await self._refuse(told)
                return
            self._failed(told)
            await writer.break_off(self._last_words(encoder.notes) + encoder.failed(told.failure))
        finally:
            await writer.aclose()

    async def _refuse(self, told: Told) -> None:
        """Answer that there is no answer."""
        self._failed(told)
        self._record.status = told.failure.status
        call = self._call
        attempts = () if call is None else heads.of_report(call.report, None, whole=True)
        limits = () if any(name.startswith("x-ratelimit-") for name, _ in told.fields) else self._limits()
        fields = (*heads.JSON, *self._common, *self._route(), *attempts, *told.fields, *limits)
        await self._reply.whole(told.failure.status, fields, self._dialect.error(told.failure))

    def _failed(self, told: Told) -> None:
        record = self._record
        record.outcome = "refused" if told.cause in ("request", "limit") else "failed"
        record.kind = told.failure.kind.value
        if told.cause == "limit" and record.limited_by is None:
            record.limited_by = next((value for name, value in told.fields if name == failures.LIMITED_BY), None)

    # What stands around it

    def _head(self, begun: bool) -> Fields:
        """The fields of a stream's head, when it goes out."""
        call = self._call
        assert call is not None
        overhead_s = self._overhead_s(call.report.first_delta_s) if begun else None
        self._answered(overhead_s)
        told = (
            (*heads.of_report(call.report, overhead_s, whole=False), *heads.of_notes(self._notes(()))) if begun else ()
        )
        stream_type = ("content-type", self._dialect.stream_type)
        return (stream_type, *EVENT_STREAM, *self._common, *self._route(), *told, *self._limits())

    def _answered(self, overhead_s: float | None) -> None:
        """The first byte goes out."""
        record = self._record
        record.status, record.overhead_s = 200, overhead_s
        record.first_s = self._loop.time() - self._began_s

    def _overhead_s(self, answered_s: float | None) -> float | None:
        """The time since the body was there in which no target was asked."""
        call = self._call
        assert call is not None
        attempts = call.report.attempts
        if answered_s is None or not attempts:
            return None
        return self._loop.time() - self._call_began_s - (answered_s - attempts[0].began_s)

    def _route(self) -> Fields:
        name = "" if self._wanted is None else self._wanted.meant.route
        return (("x-standby-route", heads.text(name)),) if name else ()

    def _limits(self) -> Fields:
        return () if self._client is None else self._client.fields(self._loop.time())

    def _notes(self, of_encoder: Sequence[str]) -> tuple[str, ...]:
        """What was fitted, or left out, on the way in and out."""
        call, found = self._call, self._wanted
        assert call is not None
        assert found is not None
        source = self._asking() if found.untold else None
        at = self._dialect.name if source is None else source.dialect
        return heads.notes_of(call.report, found.left_out(at, self._dialect.name), of_encoder)

    def _last_words(self, of_encoder: Sequence[str]) -> bytes:
        assert self._call is not None
        return comment(heads.comment_of(self._call.report, self._notes(of_encoder)))

    def _about(self) -> About:
        return About(self._served.tokens.next(), int(self._served.wall()))

    def _asking(self) -> Source | None:
        """The target that is answering."""
        origin = None if self._call is None else self._call.answering()
        if origin is None:
            return None
        if self._source is None or self._source.origin != origin:
            self._source = Source(origin, dialect_of(origin.provider))
        return self._source

    def _settle(self) -> None:
        """It is over: close what is open upstream, and book what was used."""
        call, grant, record = self._call, self._grant, self._record
        now_s = self._loop.time()
        if call is not None:
            call.cancel()
            report = call.report
            record.called(report)
            if record.kind is None and report.kind is not None:
                record.kind = report.kind.value
        if grant is not None:
            used = None if call is None else call.report
            tokens = 0 if used is None or not used.attempts else None if used.tokens is None else used.tokens.total
            grant.settle(now_s, tokens, (used.cost if used is not None else None) or 0.0)
        record.total_s = now_s - self._began_s


def dialect_of(provider: str) -> str:
    """The dialect that a provider speaks; empty: there is no such provider."""
    try:
        return registry.get(provider).info.dialect
    except StandbyError:
        return ""
