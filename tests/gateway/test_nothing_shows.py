"""After a run through everything, no key, no prompt and no answer is in the log, counters, errors or the state file.

What the gateway's own logger and standard error hold is searched by the fixtures of every test.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from standby.config import load
from standby.gateway import serve as serving
from standby.gateway.process.ending import Stop
from standby.gateway.process.listening import Listening, bind
from standby.gateway.running import Plan, run

from canaries import CANARY_COMPLETION, CANARY_KEY, CANARY_PROMPT, canaries_in
from gateway_play import CHAT, MESSAGES, RESPONSES, asking
from gateway_stage import PATIENCE_S, Answer, Wire, until
from gateway_upstream import HEAD, Asked, Script, Upstream, upstream
from stage import DONE

PRICE = "{input: 1, output: 1}"
OPERATOR = "sk-standby-operator-" + "o" * 20
ANSWER = json.dumps(CANARY_COMPLETION)[1:-1].encode()


def delta(finish: str = "null") -> bytes:
    return b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":%b}]}\n\n' % (
        ANSWER if finish == "null" else b"",
        finish.encode(),
    )


async def answers(asked: Asked) -> None:
    await asked.send(HEAD, delta(), delta('"stop"'), DONE)
    asked.writer.close()


async def breaks_off(asked: Asked) -> None:
    await asked.send(HEAD, delta())
    asked.writer.transport.abort()


async def talks_on(asked: Asked) -> None:
    await asked.send(HEAD, delta())


async def garbage(asked: Asked) -> None:
    await asked.send(HEAD, b"data: {" + ANSWER + b"\n\n", b"\xff\xfe")
    asked.writer.close()


def refuses(status: int) -> Script:
    """A provider that repeats what it was sent."""

    async def script(asked: Asked) -> None:
        said = json.dumps(f"{CANARY_KEY} may not ask {CANARY_PROMPT}")
        body = f'{{"error":{{"message":{said},"type":"t","code":"c"}}}}'.encode()
        head = f"HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        await asked.send(head.encode() + body)
        asked.writer.close()

    return script


SCRIPTS: dict[str, Script] = {
    "answers": answers, "breaks off": breaks_off, "garbage": garbage, "401": refuses(401), "403": refuses(403),
    "404": refuses(404), "429": refuses(429), "500": refuses(500), "503": refuses(503),
}  # fmt: skip


@dataclass
class Run:
    """The whole gateway, and all that it lets be seen.

    Attributes:
        shown: Of each thing that people or collectors see, its name and text.
    """

    clients: int
    operators: int
    provider: Upstream
    file: Path
    told: list[str]
    lines: list[bytes]
    shown: list[tuple[str, str]] = field(default_factory=list)

    async def client(self, data: bytes) -> Answer:
        async with Wire("127.0.0.1", self.clients) as wire:
            return await wire.ask(data)

    async def operator(self, method: str, path: str, key: str = OPERATOR, body: bytes = b"") -> None:
        lines = f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {key}"
        head = "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode()
        async with Wire("127.0.0.1", self.operators) as wire:
            answer = await wire.ask(head + body)
        self.shown.append((f"{method} {path.partition('?')[0]}", f"{answer.fields} {answer.body.decode()}"))


def configuration(url: str, key: str = CANARY_KEY) -> str:
    return f"""
targets:
  one: {{provider: openai, model: m, base_url: {url}, key: "{CANARY_KEY}", price: {PRICE}, budget_day: 9}}
routes:
  chat: {{targets: [one], mid_stream: []}}
retry: {{attempts: 1}}
limits: {{deadline_s: 0.5, complete_deadline_s: 0.5, reserve_s: 0.1, first_delta_s: 0.3, connect_s: 0.3}}
health: {{failures_in_row: 1000, failure_ratio: 1.0, window_min_calls: 1000}}
serve:
  listen: 127.0.0.1:0
  admin: {{listen: "127.0.0.1:0", keys: ["{OPERATOR}"]}}
  drain_delay_s: 0
  keys:
    app: {{keys: ["{key}"], models: ["*"], budget_day: 9, overrides: [sticky, targets]}}
"""


@asynccontextmanager
async def running(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Run]:
    monkeypatch.setattr(serving, "WATCH_S", 0.02)
    file, stop = folder / "standby.yaml", Stop()
    told: list[str] = []
    lines: list[bytes] = []
    async with upstream() as provider:
        file.write_text(configuration(provider.url), encoding="utf-8")
        both: asyncio.Future[tuple[Listening, Listening | None]] = asyncio.get_running_loop().create_future()
        plan = Plan(
            config=load(file), load=lambda: load(file), files=(file,), state=folder / "state.db",
            write=lines.append, tell=told.append,
        )  # fmt: skip
        assert plan.config.serve is not None
        where = bind(plan.config.serve.address)
        ending = asyncio.create_task(run(plan, where, lambda *listening: both.set_result(listening), stop))
        try:
            clients, operators = await asyncio.wait_for(both, PATIENCE_S)
            assert operators is not None
            yield Run(clients.address.port, operators.address.port, provider, file, told, lines)
        finally:
            stop.ask()
            stop.ask()
            await ending


def requests() -> Iterator[bytes]:
    """What clients send that is wrong, with keys and prompts in every place."""
    good = asking(CHAT, CANARY_KEY, text=CANARY_PROMPT)
    yield good.replace(b"Authorization:", b"Authorization :")
    yield good.replace(b"Bearer ", b"Basic ")
    yield good.replace(CHAT.encode(), CHAT.encode() + b"?api_key=" + CANARY_KEY.replace("+", "%2B").encode())
    yield asking(CHAT, CANARY_KEY + "x", text=CANARY_PROMPT)
    yield asking(CHAT, CANARY_KEY, model=CANARY_PROMPT)
    yield asking(CHAT, CANARY_KEY, model=f"nobody/{CANARY_KEY}")
    yield asking(CHAT, CANARY_KEY, text=CANARY_PROMPT, **{CANARY_PROMPT: 1})
    yield asking(CHAT, CANARY_KEY, text=CANARY_PROMPT, n=2)
    yield asking(CHAT, CANARY_KEY, text=CANARY_PROMPT, standby={CANARY_KEY: CANARY_PROMPT})
    yield asking(CHAT, CANARY_KEY, text=CANARY_PROMPT, standby={"sticky": CANARY_PROMPT})
    yield asking(CHAT, CANARY_KEY, text=CANARY_PROMPT, standby={"targets": [CANARY_KEY]})
    yield asking(CHAT, CANARY_KEY, text=CANARY_PROMPT, temperature=CANARY_PROMPT)
    yield asking(MESSAGES, CANARY_KEY, messages=[{"role": CANARY_PROMPT, "content": "x"}])
    yield asking(RESPONSES, CANARY_KEY, previous_response_id=CANARY_PROMPT)
    yield good[:-2] + b"!!"
    yield good.replace(b"\r\n\r\n", b"\r\nX-Request-Id: " + CANARY_KEY.encode()[:8] + b" \x01\r\n\r\n")
    yield asking("/v1/" + CANARY_KEY, CANARY_KEY)
    yield b"GET /v1/models/" + CANARY_KEY.replace("/", "%2F").encode() + good[good.index(b" HTTP") : -0 or None]


async def run_through(it: Run) -> None:
    for script in SCRIPTS.values():
        it.provider.script = script
        for path in (CHAT, MESSAGES, RESPONSES):
            for stream in (True, False):
                await it.operator("POST", "/admin/targets/one/restore")
                answer = await it.client(asking(path, CANARY_KEY, text=CANARY_PROMPT, stream=stream))
                if answer.status >= 400:
                    it.shown.append((f"an error of {path}", answer.body.decode()))
    await it.operator("POST", "/admin/targets/one/restore")
    it.provider.script = answers
    for data in requests():
        answer = await it.client(data)
        if answer.status >= 400:
            it.shown.append(("a refusal", f"{answer.fields} {answer.body.decode()}"))
    await it.client(
        asking("/v1/messages/count_tokens", CANARY_KEY, messages=[{"role": "user", "content": CANARY_PROMPT}])
    )
    it.provider.script = talks_on
    async with Wire("127.0.0.1", it.clients) as wire:
        await wire.send(asking(CHAT, CANARY_KEY, text=CANARY_PROMPT, stream=True))
        await wire.first_bytes()
    it.provider.script = answers


def kept_in(folder: Path) -> list[tuple[str, str]]:
    """The state file, and what SQLite keeps beside it, byte for byte."""
    return [(file.name, file.read_bytes().decode("latin-1")) for file in folder.glob("state.db*")]


async def test_no_key_no_prompt_and_no_answer_shows_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path, monkeypatch) as it:
        await run_through(it)
        for content in (configuration(it.provider.url, "short"), f"targets: {CANARY_KEY}", f"{CANARY_KEY}: 1"):
            before = len(it.told)
            it.file.write_text(content, encoding="utf-8")
            await until(lambda known=before: len(it.told) > known)  # type: ignore[misc]
        os.kill(os.getpid(), signal.SIGHUP)
        await it.operator("GET", "/metrics")
        await it.operator("GET", "/openapi.json")
        await it.operator("GET", "/admin/targets")
        await it.operator("GET", "/admin/explain?route=chat")
        await it.operator("GET", f"/admin/explain?route={CANARY_KEY.replace('+', '%2B')}")
        await it.operator("GET", "/admin/targets", key=CANARY_KEY)
        await it.operator("POST", "/admin/targets/one/isolate", body=json.dumps({CANARY_KEY: 1}).encode())
        await it.operator("POST", "/admin/targets/one/isolate")
    shown = [*it.shown, ("what operators are told", "\n".join(it.told)), ("the log", b"".join(it.lines).decode())]
    shown += kept_in(tmp_path)
    names = [name for name, _ in shown]
    assert {"state.db", "the log", "GET /metrics", "a refusal", f"an error of {CHAT}"} <= set(names)
    assert names.count("a refusal") >= 16, "of all but two, which are carried on or passed over"
    lines = [json.loads(line) for line in b"".join(it.lines).splitlines()]
    assert {"finished", "refused", "failed", "cancelled"} == {line["outcome"] for line in lines}
    assert any("finished" in text for name, text in kept_in(tmp_path)), "the history is in the file"
    (counters,) = [text for name, text in shown if name == "GET /metrics"]
    assert 'standby_requests_total{ingress="openai",outcome="finished",route="chat",status="200"}' in counters
    for name, text in shown:
        assert canaries_in(text) == [], name
        assert OPERATOR not in text, name
