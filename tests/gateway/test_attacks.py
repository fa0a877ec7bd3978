"""Attacks on a gateway, from the bytes on its socket on: each is refused, asks nothing, and leaves nothing in the log.

What is decided where is tested beside it: keys in `test_keyring`, names of hosts in `test_loopback`, overrides in
`test_overrides`, framing in `test_smuggling`. Here everything stands together as it is served.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from standby.config import Admin as AdminSettings
from standby.config import ClientKey, Config, ConfigError, Route, Serve
from standby.config.serve_flaws import serve_problems
from standby.gateway.admin import Admin
from standby.gateway.operated import OneProcess
from standby.gateway.record import Record, line_of
from standby.gateway.running import admin_access
from standby.gateway.service import Service

from canaries import CANARY_KEY, canaries_in
from gateway_play import CHAT, MESSAGES, asks
from gateway_stage import Answer, Served, served
from gateway_upstream import Upstream, upstream
from standby import Router

KEY, FREE, OPERATOR = "sk-standby-" + "k" * 32, "sk-standby-" + "f" * 32, "sk-standby-" + "o" * 32
"""Of a client that may ask one route and set nothing; of one that may do everything; of an operator."""

KEYED = Serve(
    keys={
        "app": ClientKey(keys=(KEY,)),
        "free": ClientKey(
            keys=(FREE,), models=("*",), overrides=("deadline_s", "targets", "sticky", "mid_stream", "hold", "no_hedge")
        ),
    },
    admin=AdminSettings(keys=(OPERATOR,)),
)
OPEN = Serve(auth="none")

Headers = Sequence[tuple[str, str | bytes]]


@dataclass
class Gateway:
    """Both listeners.

    Attributes:
        records: What was told of each request that is over.
    """

    clients: Served
    operators: Served
    provider: Upstream
    records: list[Record]

    async def send(
        self, headers: Headers, *, method: str = "POST", path: str = CHAT, body: Any = None, admin: bool = False
    ) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(asks(CHAT) if body is None else body).encode()
        given = list(headers)
        for name, usual in (("Host", "localhost"), ("Content-Type", "application/json")):
            if all(each.lower() != name.lower() for each, _ in given):
                given.append((name, usual))
        lines = [
            name.encode() + b": " + (value if isinstance(value, bytes) else value.encode("latin-1"))
            for name, value in (*given, ("Content-Length", str(len(data))))
        ]
        async with (self.operators if admin else self.clients).wire() as wire:
            return await wire.ask(b"\r\n".join((f"{method} {path} HTTP/1.1".encode(), *lines, b"", b"")) + data)


@asynccontextmanager
async def gateway(serve: Serve) -> AsyncIterator[Gateway]:
    records: list[Record] = []
    async with upstream() as provider:
        targets = {"one": provider.target("one"), "two": provider.target("two")}
        config = Config(targets=targets, routes={"chat": Route(("one",))}, serve=serve)
        async with Router(config) as router:
            service = Service(router, observers=[records.append])
            admin = Admin(OneProcess(router), admin_access(serve), drain=lambda: None)
            async with served(service.handle) as clients, served(admin.handle) as operators:
                yield Gateway(clients, operators, provider, records)


def bearer(key: str | bytes) -> tuple[str, bytes]:
    return "Authorization", b"Bearer " + (key if isinstance(key, bytes) else key.encode())


# Keys that look like one

LOOK_ALIKES: dict[str, bytes] = {
    "one character less": KEY[:-1].encode(),
    "one character more": KEY.encode() + b"k",
    "capitals": KEY.upper().encode(),
    "a letter of another alphabet": KEY.replace("s", "ѕ", 1).encode(),
    "wide letters": "ｓｋ".encode() + KEY[2:].encode(),
    "a blank of no width": KEY.encode() + "\u200b".encode(),
    "a blank that does not break": KEY.encode() + "\u00a0".encode(),
    "a blank that does not break, in Latin-1": KEY.encode() + b"\xa0",
    "an accent behind": KEY.encode() + "\u0301".encode(),
    "quotes around": b'"' + KEY.encode() + b'"',
    "a comma and another": KEY.encode() + b", " + FREE.encode(),
    "a blank and another": KEY.encode() + b" " + FREE.encode(),
    "a wildcard": b"*",
    "a pattern": b"sk-standby-.*",
    "its digest": b"sha256:" + b"0" * 64,
    "SQL": b"' OR '1'='1' -- ",
    "percent-encoded": KEY.replace("k", "%6b").encode(),
    "as long as a head may be": b"k" * 8000,
    "nothing": b"",
    "the operator's": OPERATOR.encode(),
}


@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "api-key"])
@pytest.mark.parametrize("name", LOOK_ALIKES)
async def test_a_key_that_only_looks_like_one_is_unknown(name: str, header: str) -> None:
    value = b"Bearer " + LOOK_ALIKES[name] if header == "Authorization" else LOOK_ALIKES[name]
    async with gateway(KEYED) as it:
        answer = await it.send([(header, value)])
        assert answer.status == 401
        assert it.provider.asked == []
        assert it.records[0].key == "-"
        assert LOOK_ALIKES[name].strip() not in line_of(it.records[0]) or name == "nothing" or name == "a wildcard"


SCHEMES = ["Basic", "Ｂearer", "Bеarer", "Bearer\t", "Token", "", "Bearer Bearer"]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_key_of_another_scheme_is_none(scheme: str) -> None:
    async with gateway(KEYED) as it:
        answer = await it.send([("Authorization", f"{scheme} {KEY}".encode())])
        assert (answer.status, it.provider.asked) == (401, [])


async def test_unknown_expired_and_missing_keys_are_told_alike_but_for_the_missing_one() -> None:
    over = Serve(keys={"app": ClientKey(keys=(KEY,)), "old": ClientKey(keys=(FREE,), expires="2001-01-01")})
    async with gateway(over) as it:
        unknown, expired = [(await it.send([bearer(key)])) for key in (OPERATOR, FREE)]
        assert (unknown.status, expired.status) == (401, 401)
        assert unknown.body == expired.body
        assert unknown.fields.keys() == expired.fields.keys()


IN_ADDRESSES = [
    f"?key={CANARY_KEY}", f"?api_key={CANARY_KEY}", f"?API%2DKEY={CANARY_KEY}", f"?a=1;x-api-key={CANARY_KEY}",
    f"?access_token={CANARY_KEY}", f"?Authorization=Bearer%20{CANARY_KEY}", f"?%61pi_key={CANARY_KEY}",
]  # fmt: skip


@pytest.mark.parametrize("query", IN_ADDRESSES)
async def test_a_key_in_an_address_is_refused_even_beside_a_good_one_and_is_in_no_log(query: str) -> None:
    async with gateway(KEYED) as it:
        answer = await it.send([bearer(KEY)], path=CHAT + query)
        assert (answer.status, it.provider.asked) == (400, [])
        assert not canaries_in(answer.body.decode())
        assert not canaries_in(line_of(it.records[0]).decode())


# What a client says, and an answer or a log might repeat

EVIL = "x\r\nx-evil: 1\r\n\r\n<script>"
ECHOES: dict[str, tuple[Headers, dict[str, Any]]] = {
    "an id with what a log would break at": ([("x-request-id", b'a" , "admin": true')], {}),
    "an id in another alphabet": ([("x-request-id", "é\u2028".encode())], {}),
    "an id of 4,000 characters": ([("x-request-id", b"a" * 4000)], {}),
    "a model with line breaks": ([], {"model": f"openai/{EVIL}"}),
    "a model with line breaks and no provider": ([], {"model": EVIL}),
    "a model that climbs": ([], {"model": "gemini/../../secrets?x=1#y"}),
    "a model of a whole address": ([], {"model": "openai/http://169.254.169.254/latest"}),
    "a field with line breaks": ([], {EVIL: 1}),
    "a field in another alphabet": ([], {"ünknown\u2028": 1}),
    "an id of its conversation": ([], {"user": EVIL}),
    "an origin with a script": ([("Origin", b"https://evil.example<script>")], {}),
    "a version with a tab": ([("anthropic-version", b"2023\t06"), ("anthropic-beta", b"a\xe9b")], {}),
    "names of hosts in front": ([("X-Forwarded-Host", b"evil.example"), ("Forwarded", b"host=evil.example")], {}),
}


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("name", ECHOES)
async def test_what_a_client_says_adds_no_header_and_no_line(name: str, path: str) -> None:
    headers, fields = ECHOES[name]
    async with gateway(KEYED) as it:
        answer = await it.send([bearer(FREE), *headers], path=path, body=asks(path) | fields)
        assert answer.is_whole
        assert answer.status in (200, 400, 404, 502)
        assert "x-evil" not in answer.fields
        told = " ".join(answer.fields.values())
        assert told.isascii()
        assert told.isprintable()
        assert "evil" not in told
        assert "<script" not in told
        assert len(answer.fields["x-request-id"]) <= 128
        line = line_of(it.records[0])
        assert line.count(b"\n") == 1
        assert b"evil" not in line.replace(b"openai/", b"") or "openai/" in str(fields.get("model"))
        for asked in it.provider.asked:
            assert b"x-evil" not in asked.body.partition(b"{")[0]


# Too much

NESTED = b'{"model":"chat","messages":[{"role":"user","content":"x"}],"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
PLAIN = b'{"model":"chat","messages":[{"role":"user","content":"x"}]}'
OVERSIZED: dict[str, tuple[Headers, Any, tuple[int, ...]]] = {
    "a name of a megabyte": ([], asks(CHAT, "m" * 2**20), (404,)),
    "a body that nests": ([], NESTED, (400,)),
    "a number of a megabyte": ([], b'{"model":"chat","max_tokens":' + b"9" * 2**20 + b"}", (400,)),
    "a number beyond all": ([], PLAIN[:-1] + b',"temperature":1e999}', (400,)),
    "a name twice": ([], PLAIN[:-1] + b',"model":"chat"}', (200, 400)),
    "a text that is no UTF-8": ([], b'{"model":"chat","messages":[{"role":"user","content":"\xff\xfe"}]}', (400,)),
    "half of a pair": ([], b'{"model":"\\ud800","messages":[{"role":"user","content":"x"}]}', (400, 404)),
    "ten thousand targets": ([], asks(CHAT) | {"standby": {"targets": ["one"] * 10_000}}, (400,)),
    "a header of ten thousand targets": ([("x-standby-targets", ",".join(["one"] * 2000))], None, (400, 431)),
    "a sticky text of 7,000": ([("x-standby-sticky", "s" * 7000)], None, (400,)),
    "a deadline of many digits": ([("x-standby-deadline-s", "9" * 5000)], None, (400,)),
    "ninety keys": ([("x-api-key", f"k{number}" * 20) for number in range(90)], None, (400,)),
    "a body of 33 MiB": ([], b" " * (33 * 2**20), (413,)),
}


@pytest.mark.parametrize("name", OVERSIZED)
async def test_too_much_is_refused_before_anything_is_asked(name: str) -> None:
    headers, body, statuses = OVERSIZED[name]
    async with gateway(KEYED) as it:
        answer = await it.send([bearer(FREE), *headers], body=body)
        assert answer.status in statuses
        assert len(answer.body) < 2000
        assert it.clients.faults == []
        assert len(it.provider.asked) == (answer.status == 200)


# Names that look like another

NAMES = [
    "сhat", "ｃｈａｔ", "chat\u200b", "chat ", " chat", "Chat", "CHAT", "chat\x00", "chat/", "/chat", "./chat",
    "c%68at", "cha\u0074\u0301", "one", "two", "openai/gpt-5", "OPENAI/gpt-5", "openai/", "/gpt-5", "*", "default", "-",
    "__proto__",
]  # fmt: skip


@pytest.mark.parametrize("model", NAMES)
async def test_a_model_that_only_looks_like_one_or_is_not_allowed_is_unknown(model: str) -> None:
    async with gateway(KEYED) as it:
        answer = await it.send([bearer(KEY)], body=asks(CHAT, model))
        unknown = await it.send([bearer(KEY)], body=asks(CHAT, "no-such-model"))
        assert (answer.status, unknown.status, it.provider.asked) == (404, 404, [])
        assert answer.body == unknown.body, "what is not allowed is told as what is not there"


@pytest.mark.parametrize("name", ["nobody/gpt-5", "http://169.254.169.254/latest", "../one", "file:///etc/passwd"])
async def test_a_provider_that_is_none_is_an_unknown_model_for_a_key_that_may_ask_all(name: str) -> None:
    async with gateway(KEYED) as it:
        answer = await it.send([bearer(FREE)], body=asks(CHAT, name))
        assert (answer.status, it.clients.faults, it.provider.asked) == (404, [], [])
        wide = await it.send([bearer(FREE), ("x-standby-targets", f"one,{name}")])
        assert (wide.status, it.clients.faults, it.provider.asked) == (404, [], [])


# Operators' paths

PLACES = [
    "/admin/targets", "/metrics", "/admin/drain", "/admin/targets/one/isolate", "/%61dmin/targets", "//admin/targets",
    "/v1/../admin/targets", "/v1/%2e%2e/admin/targets", "/admin;x/targets", "/ADMIN/targets", "/admin/targets/",
    "/health/../metrics", "/v1/models/../../metrics", "/metrics%00", "/.env", "/standby.yaml",
]  # fmt: skip


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_operators_are_not_served_where_clients_are(path: str, method: str) -> None:
    async with gateway(KEYED) as it:
        for key in (KEY, OPERATOR):
            answer = await it.send([bearer(key)], method=method, path=path, body=b"")
            assert answer.status in (401, 404, 405)
            assert b"standby_" not in answer.body
            assert b'"state"' not in answer.body


@pytest.mark.parametrize("headers", [[], [bearer(KEY)], [bearer(FREE)], [bearer(OPERATOR[:-1])]])
@pytest.mark.parametrize("path", ["/admin/targets", "/metrics", "/openapi.json", "/admin/explain?route=chat"])
async def test_no_client_is_an_operator(path: str, headers: Headers) -> None:
    async with gateway(KEYED) as it:
        assert (await it.send(headers, method="GET", path=path, body=b"", admin=True)).status == 401
        assert (
            await it.send([bearer(OPERATOR)], method="GET", path="/admin/targets", body=b"", admin=True)
        ).status == 200


FROM_PAGES: dict[str, Headers] = {
    "a name that was bound anew": [("Host", "evil.example")],
    "a name with ours in it": [("Host", "localhost.evil.example")],
    "a page": [("Origin", "https://evil.example")],
    "a page of this machine": [("Origin", "http://localhost:3000")],
    "a page of no origin": [("Origin", "null")],
    "two origins": [("Origin", "https://evil.example"), ("Origin", "http://localhost")],
    "a request of another site": [("Sec-Fetch-Site", "cross-site")],
    "a form": [("Content-Type", "application/x-www-form-urlencoded")],
    "a form of parts": [("Content-Type", "multipart/form-data; boundary=x")],
    "a plain text": [("Content-Type", "text/plain")],
    "JSON that is said to be text": [("Content-Type", "text/plain; application/json")],
    "two types": [("Content-Type", "text/plain"), ("Content-Type", "application/json")],
    "JSON of another sort": [("Content-Type", "application/json-patch+json")],
}


@pytest.mark.parametrize("admin", [False, True], ids=["clients", "operators"])
@pytest.mark.parametrize("name", FROM_PAGES)
async def test_no_page_in_a_browser_reaches_a_gateway_that_asks_for_no_key(name: str, admin: bool) -> None:
    path = "/admin/targets/one/isolate" if admin else CHAT
    async with gateway(OPEN) as it:
        answer = await it.send(FROM_PAGES[name], path=path, admin=admin, body=b"" if admin else None)
        assert answer.status in (400, 403, 415)
        assert it.provider.asked == []
        assert "access-control-allow-origin" not in answer.fields
        fine = await it.send([], method="GET", path="/admin/targets", admin=True, body=b"")
        assert {target["state"] for target in json.loads(fine.body)["targets"]} == {"closed"}
        assert (await it.send([])).status == 200


async def test_neither_listener_leaves_this_machine_without_keys() -> None:
    async with upstream() as provider:
        targets, routes = {"one": provider.target()}, {"chat": Route(("one",))}
        for listen in ("0.0.0.0:80", "[::]:80", "10.0.0.1:80"):
            config = Config(targets=targets, routes=routes, serve=Serve(auth="none", listen=listen))
            assert any("loopback" in problem.message for problem in serve_problems(config))
            async with Router(config) as router:
                with pytest.raises(ConfigError, match="loopback"):
                    Service(router)
            operators = Serve(keys=KEYED.keys, admin=AdminSettings(listen=listen))
            problems = serve_problems(Config(targets=targets, routes=routes, serve=operators))
            assert any("a key of its own" in problem.message for problem in problems)
            with pytest.raises(ConfigError, match="loopback"):
                admin_access(operators)


# Rights

BEYOND: dict[str, tuple[str, Headers, Any, int]] = {
    "a deadline": (KEY, [("x-standby-deadline-s", "1")], None, 403),
    "a target": (KEY, [("x-standby-targets", "one")], None, 403),
    "in capitals": (KEY, [("X-STANDBY-TARGETS", "one")], None, 403),
    "in the body": (KEY, [], {"standby": {"targets": ["two"]}}, 403),
    "a longer deadline than allowed": (FREE, [("x-standby-deadline-s", "86400")], None, 400),
    "what the key may not set": (FREE, [("x-standby-upstream", "direct")], None, 403),
    "a target by its address": (FREE, [("x-standby-targets", "http://169.254.169.254/")], None, 404),
    "an address in the body": (FREE, [], {"standby": {"base_url": "http://evil.example"}}, 400),
    "a key in the body": (FREE, [], {"standby": {"key": "x"}}, 400),
    "to begin anew in mid-stream": (FREE, [("x-standby-mid-stream", "restart")], None, 400),
    "twice": (FREE, [("x-standby-sticky", "a"), ("x-standby-sticky", "b")], None, 400),
    "in both ways": (FREE, [("x-standby-sticky", "a")], {"standby": {"sticky": "b"}}, 400),
    "what is no setting": (FREE, [("x-standby-admin", "true")], None, 400),
    "as prototypes are spoilt": (FREE, [], {"standby": {"__proto__": {"targets": ["two"]}}}, 400),
}


@pytest.mark.parametrize("name", BEYOND)
async def test_a_request_sets_nothing_beyond_its_rights(name: str) -> None:
    key, headers, fields, status = BEYOND[name]
    async with gateway(KEYED) as it:
        answer = await it.send([bearer(key), *headers], body=asks(CHAT) | (fields or {}))
        assert (answer.status, it.provider.asked) == (status, [])
        assert (await it.send([bearer(key)])).status == 200


METHODS: list[tuple[str, Headers]] = [
    ("GET", [("X-HTTP-Method-Override", "POST")]), ("PUT", []), ("DELETE", []), ("TRACE", []), ("PATCH", []),
]  # fmt: skip


@pytest.mark.parametrize(("method", "headers"), METHODS)
async def test_other_methods_do_nothing(method: str, headers: Headers) -> None:
    async with gateway(KEYED) as it:
        answer = await it.send([bearer(KEY), *headers], method=method)
        assert (answer.status, it.provider.asked) == (405, [])
        assert KEY.encode() not in answer.body
