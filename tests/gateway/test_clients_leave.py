"""A client that leaves, in each phase of its call, over sockets from end to end.

The provider's connection is closed, no target is blamed, nothing more is asked, and what came so far is on the bill.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from standby.config import ClientKey, Config, Price, Retry, Route, Serve
from standby.gateway.record import Record
from standby.gateway.service import Service

from gateway_play import CHAT, MESSAGES, RESPONSES, asking
from gateway_stage import PATIENCE_S, Served, Wire, served, until
from gateway_upstream import HEAD, Asked, Script, Upstream, answers, refuses, upstream
from stage import PING, chunk
from standby import Router

KEY = "sk-standby-" + "t" * 32
DEAR = Price(input=1000, output=1000)
"""US dollars for a million tokens: so much that a few of them show."""


async def no_head(asked: Asked) -> None:
    """Take the request, and say nothing."""


async def no_delta(asked: Asked) -> None:
    await asked.send(HEAD, PING)


async def some_deltas(asked: Asked) -> None:
    await asked.send(HEAD, chunk("Once "), chunk("upon "))


@dataclass
class Phase:
    """When the client leaves.

    Attributes:
        heard: What the client has when it leaves.
        billed: Something had been answered by then.
        asked: How often the provider was asked then; the phase has begun.
    """

    script: Script
    stream: bool = True
    heard: bytes = b""
    billed: bool = False
    asked: int = 1


PHASES = {
    "before the provider's head": Phase(no_head),
    "before the first delta": Phase(no_delta),
    "in mid-stream": Phase(some_deltas, heard=b"upon", billed=True),
    "in a whole call, before the provider's head": Phase(no_head, stream=False),
    "in a whole call": Phase(some_deltas, stream=False, billed=True),
}


@dataclass
class Gateway:
    """It runs.

    Attributes:
        records: What was told of each request that is over.
    """

    stage: Served
    service: Service
    router: Router
    provider: Upstream
    records: list[Record]

    @property
    def spent(self) -> float:
        return self.service.access.usages["app"].ledger.spent_day

    @property
    def failures(self) -> list[int]:
        return [health.failures for health in self.router.health()]

    async def ask(self, wire: Wire, path: str = CHAT, *, stream: bool = True) -> None:
        await wire.send(asking(path, KEY, stream=stream))


@asynccontextmanager
async def gateway(retry: Retry | None = None, **settings: object) -> AsyncIterator[Gateway]:
    serve = Serve(keys={"app": ClientKey(keys=(KEY,), budget_day=100.0)})
    async with upstream() as provider:
        target = provider.target(price=DEAR, **settings)
        config = Config(
            targets={"one": target}, routes={"chat": Route(("one",))}, serve=serve, retry=retry or Retry(attempts=1)
        )
        records: list[Record] = []
        async with Router(config) as router:
            service = Service(router, observers=[records.append])
            async with served(service.handle) as stage:
                yield Gateway(stage, service, router, provider, records)


async def closes(wire: Wire) -> None:
    await wire.leave()


async def closes_its_half(wire: Wire) -> None:
    wire.writer.write_eof()


@pytest.mark.parametrize("leave", [closes, closes_its_half])
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("name", PHASES)
async def test_a_client_that_leaves_takes_its_call_along(
    name: str, path: str, leave: Callable[[Wire], Awaitable[None]]
) -> None:
    phase = PHASES[name]
    async with gateway() as it, it.stage.wire() as wire:
        it.provider.script = phase.script
        await it.ask(wire, path, stream=phase.stream)
        await until(lambda: len(it.provider.asked) == phase.asked)
        while phase.heard not in wire.seen:
            await wire.first_bytes(len(wire.seen) + 1)
        if phase.billed and not phase.stream:
            await asyncio.sleep(0.1)  # the deltas reach the gateway, of which its client sees nothing
        await leave(wire)
        async with asyncio.timeout(PATIENCE_S):
            await it.provider.asked[0].gone.wait()
        await until(lambda: len(it.records) == 1)
        (record,) = it.records
        assert (record.status, record.outcome) == (499, "cancelled")
        assert [attempt.outcome for attempt in record.attempts] == ["cancelled"]
        assert it.failures == [0]
        assert len(it.provider.asked) == 1
        assert it.spent == pytest.approx(record.cost_usd or 0.0)
        if phase.billed:
            assert record.output_tokens
            assert it.spent > 0
        await until(lambda: it.stage.server.connections == 0)
        assert it.stage.faults == []


async def test_a_client_that_leaves_while_its_call_waits_for_a_turn_is_never_asked_for() -> None:
    async with gateway(concurrency=1) as it, it.stage.wire() as first, it.stage.wire() as second:
        it.provider.script = some_deltas
        await it.ask(first)
        await first.first_bytes()
        await it.ask(second)
        await until(lambda: it.service.in_flight == 2)
        await asyncio.sleep(0.05)
        spent = it.spent
        await second.leave()
        await until(lambda: len(it.records) == 1)
        assert (it.records[0].outcome, it.records[0].attempts) == ("cancelled", ())
        assert it.spent == spent
        await it.provider.asked[0].send(chunk(finish="stop"))
        it.provider.asked[0].writer.close()
        assert (await first.answer()).status == 200
        await asyncio.sleep(0.05)
        assert len(it.provider.asked) == 1
        it.provider.script = answers
        async with it.stage.wire() as third:
            await it.ask(third)
            assert (await third.answer()).is_whole, "its place in the queue is free again"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_between_two_tries_ends_them(stream: bool) -> None:
    patient = Retry(attempts=3, backoff_s=30, backoff_max_s=30)
    async with gateway(patient) as it, it.stage.wire() as wire:
        it.provider.script = refuses(503)
        await it.ask(wire, stream=stream)
        await until(lambda: len(it.provider.asked) == 1)
        await it.provider.asked[0].gone.wait()
        await asyncio.sleep(0.05)
        assert it.service.in_flight == 1, "it waits for the next try"
        failures = it.failures
        await wire.leave()
        await until(lambda: len(it.records) == 1 and it.service.in_flight == 0)
        assert (it.records[0].status, it.records[0].outcome) == (499, "cancelled")
        assert it.failures == failures, "the 503 counts, and the leaving does not"
        await asyncio.sleep(0.05)
        assert len(it.provider.asked) == 1
        assert it.spent == 0


async def test_a_provider_is_read_no_faster_than_the_client_takes() -> None:
    """40 MB for a client that stalls: they wait at the provider, and come whole."""
    piece, count = chunk("x" * 60_000), 700
    sent = 0

    async def floods(asked: Asked) -> None:
        nonlocal sent
        await asked.send(HEAD)
        for _ in range(count):
            await asked.send(piece)
            sent += len(piece)
        await asked.send(chunk(finish="stop"), b"data: [DONE]\n\n")
        asked.writer.close()

    async with gateway() as it, it.stage.wire() as wire:
        it.provider.script = floods
        await it.ask(wire)
        await wire.first_bytes()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        seen = -1
        while sent != seen:
            seen = sent
            await asyncio.sleep(0.3)
        assert sent < 24 * 2**20, "what buffers of the system hold, twice, and no more"
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(PATIENCE_S):
            rest = wire.seen + await wire.reader.readuntil(b"\r\n0\r\n\r\n")
        assert rest.count(b"x" * 60_000) == count
        assert b"data: [DONE]" in rest
