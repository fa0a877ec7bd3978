"""The gateway's service as a function, in virtual time: a request in, and what a client would see, piece by piece."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from multidict import CIMultiDict
from standby.config import ClientKey, Config, Route, Serve, Target
from standby.gateway.http import ClientGone, Fields, Request
from standby.gateway.record import Record
from standby.gateway.service import Service

from gateway_described import hold
from stage import Stage, now_s
from standby import Router

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
JSON_TYPE = {"content-type": "application/json", "host": "localhost"}
OPEN = Serve(auth="none")
KEYED = Serve(
    keys={"app": ClientKey(keys=("k-" + "a" * 30,), models=("b",)), "all": ClientKey(keys=("k-" + "b" * 30,))}
)


@dataclass
class Seen:
    """A reply, as its client sees it.

    Attributes:
        pieces: `(when, bytes)` of the body.
        ended: `whole`, `end` or `abort`; empty: it is still open.
        gone_after: The client leaves after so many pieces.
    """

    status: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    ended: str = ""
    head_at_s: float | None = None
    gone_after: int | None = None
    slow_s: float = 0.0

    @property
    def started(self) -> bool:
        return self.head_at_s is not None

    @property
    def body(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        values = [value for known, value in self.fields if known == name]
        assert len(values) < 2, f"{name} is told {len(values)} times"
        return values[0] if values else None

    async def whole(self, status: int, fields: Fields, body: bytes) -> None:
        self._begin(status, fields)
        self.pieces.append((now_s(), body))
        self._end("whole")

    async def start(self, status: int, fields: Fields, data: bytes = b"") -> None:
        self._begin(status, fields)
        if data:
            await self.chunk(data)

    async def chunk(self, data: bytes) -> None:
        assert not self.ended
        assert self.started
        assert data, "an empty chunk would end the body"
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        if self.gone_after is not None and len(self.pieces) >= self.gone_after:
            raise ClientGone
        self.pieces.append((now_s(), data))

    async def end(self, data: bytes = b"") -> None:
        if data:
            await self.chunk(data)
        self._end("end")

    def abort(self) -> None:
        self._end("abort")

    def _begin(self, status: int, fields: Fields) -> None:
        assert not self.started, "a second head"
        self.status, self.fields, self.head_at_s = status, list(fields), now_s()
        for name, value in fields:
            assert name == name.lower()
            assert value.isascii(), (name, value)
            assert value.isprintable(), (name, value)

    def _end(self, how: str) -> None:
        assert not self.ended, f"{how} after {self.ended}"
        self.ended = how

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a stream that are JSON."""
        found = []
        for frame in self.body.decode().split("\n\n"):
            for line in frame.split("\n"):
                if line.startswith("data: {"):
                    found.append(json.loads(line[6:]))
        return found

    @property
    def comment(self) -> dict[str, Any]:
        """What the last comment tells."""
        (line,) = [line for line in self.body.decode().split("\n") if line.startswith(": standby ")]
        told: dict[str, Any] = json.loads(line.removeprefix(": standby "))
        return told


def post(path: str, body: Mapping[str, Any] | bytes, **headers: str) -> Request:
    """A request as a client sends it."""
    given = JSON_TYPE | {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", path, headers=CIMultiDict(given), body=data)


def get(path: str, method: str = "GET", **headers: str) -> Request:
    given = {"host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, path, headers=CIMultiDict(given))


def asks(path: str, model: str = "chat", text: str = "hi", **fields: Any) -> dict[str, Any]:
    """The body of a question, in the protocol of a path."""
    if path == RESPONSES:
        return {"model": model, "input": text} | fields
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}]}
    return body | ({"max_tokens": 100} if path == MESSAGES else {}) | fields


def asking(path: str, key: str, **fields: Any) -> bytes:
    """The same as bytes on a connection."""
    body = json.dumps(asks(path, **fields)).encode()
    lines = "Host: localhost", f"Authorization: Bearer {key}", "Content-Type: application/json"
    head = "\r\n".join((f"POST {path} HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""))
    return head.encode() + body


@dataclass
class Playing:
    """The service over a stage.

    Attributes:
        records: What was told of each request.
    """

    service: Service
    router: Router
    stage: Stage
    records: list[Record]

    async def ask(self, path: str, model: str = "chat", *, seen: Seen | None = None, **fields: Any) -> Seen:
        """Ask a model, and wait for the end."""
        return await self.send(post(path, asks(path, model, **fields)), seen)

    async def send(self, request: Request, seen: Seen | None = None) -> Seen:
        seen = seen or Seen()
        await self.service.handle(request, seen)
        hold(request.method, request.path, seen.status, dict(seen.fields), seen.body)
        return seen


@asynccontextmanager
async def playing(
    stage: Stage,
    serve: Serve = OPEN,
    settings: Mapping[str, Any] = MappingProxyType({}),
    providers: Mapping[str, str] = MappingProxyType({}),
    labels: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    **route: Any,
) -> AsyncIterator[Playing]:
    """The service over a route `chat` of all targets of a stage, which speak OpenAI's chat but for `providers`."""
    targets = {target.name or "": target for target in stage.targets(**settings)}
    targets |= {name: target_of(provider, name, **settings) for name, provider in providers.items()}
    targets |= {name: replace(targets[name], labels=of) for name, of in labels.items()}
    config = Config(targets=targets, routes={"chat": Route(tuple(targets), **route)}, serve=serve)
    records: list[Record] = []
    async with Router(config, transport=stage.transport) as router:
        yield Playing(
            Service(router, observers=[records.append], wall=lambda: 1_795_000_000.0),
            router,
            stage,
            records,
        )


def target_of(provider: str, name: str, **settings: Any) -> Target:
    return Target(provider, model="m", name=name, key="k", base_url=f"https://{name}.test", **settings)
