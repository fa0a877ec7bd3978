"""The service beside answers: what is listed, refused and carried, and what a record holds."""

import json
from collections.abc import Callable

import pytest
from standby.config import ClientKey, Serve, ServedRoute
from standby.simulator.dialects.anthropic import anthropic
from standby.simulator.scenario.request import Request as SimulatedRequest

from gateway_play import CHAT, KEYED, MESSAGES, RESPONSES, asks, get, playing, post
from stage import Play, Stage, perform, refuses, says, stage, status
from standby.testing import Answer

__all__ = ["stage"]

MakeStage = Callable[..., Stage]
SECRET = '{"error":{"message":"org-SECRET has no money","type":"t","code":"c"}}'


# What else is asked


def test_models_are_listed_in_both_protocols(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"))
    serve = Serve(auth="none", aliases={"gpt-5": "chat", "*": "chat"})

    async def play() -> None:
        async with playing(one, serve) as it:
            listed = await it.send(get("/v1/models"))
            assert [model["id"] for model in listed.json["data"]] == ["chat", "gpt-5", "a", "b"]
            assert listed.json["object"] == "list"
            other = await it.send(get("/v1/models", anthropic_version="2023-06-01"))
            assert [model["type"] for model in other.json["data"]] == ["model"] * 4
            assert (other.json["has_more"], other.json["first_id"], other.json["last_id"]) == (False, "chat", "b")
            assert (await it.send(get("/v1/models/chat"))).json["object"] == "model"
            assert (await it.send(get("/v1/models/openai%2Fgpt-5"))).json["id"] == "openai/gpt-5"
            assert (await it.ask(CHAT, "whatever")).header("x-standby-route") == "chat"
            keyed = await it.send(get("/v1/models", "HEAD"))
            assert keyed.status == 200

    perform(play())


PAGES: list[tuple[str, list[str], bool]] = [
    # what is asked, the names of the page, and whether there is more
    ("", ["chat", "a", "b", "c", "d"], False),
    ("limit=2", ["chat", "a"], True),
    ("limit=2&after_id=a", ["b", "c"], True),
    ("limit=2&after_id=b", ["c", "d"], False),
    ("after_id=d", [], False),
    ("limit=2&before_id=c", ["a", "b"], True),
    ("limit=2&before_id=a", ["chat"], False),
    ("before_id=chat", [], False),
    ("limit=1000&after_id=&before_id=", ["chat", "a", "b", "c", "d"], False),
]


def test_the_list_of_models_is_turned_over_as_anthropic_does(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"), c=says("c"), d=says("d"))

    async def play() -> None:
        async with playing(one) as it:
            for query, names, has_more in PAGES:
                asked = get("/v1/models", anthropic_version="2023-06-01")
                asked.query = query
                page = (await it.send(asked)).json
                ends = (names[0], names[-1]) if names else (None, None)
                assert ([model["id"] for model in page["data"]], page["has_more"]) == (names, has_more), query
                assert (page["first_id"], page["last_id"]) == ends
            for query, param in (
                ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=" + "9" * 9999, "limit"),
                ("limit=-1", "limit"), ("limit=٣", "limit"), ("after_id=none", "after_id"),
                ("before_id=none", "before_id"), ("before_id=a&after_id=b", "before_id"),
            ):  # fmt: skip
                asked = get("/v1/models", anthropic_version="2023-06-01")
                asked.query = query
                refused = await it.send(asked)
                assert (refused.status, refused.json["error"]["type"]) == (400, "invalid_request_error")
                assert param in refused.json["error"]["message"]
            openai = get("/v1/models")
            openai.query = "limit=1"
            assert len((await it.send(openai)).json["data"]) == 5

    perform(play())


ELSEWHERE = [
    ("POST", "/v1/embeddings", 404, "embeddings is not served"),
    ("POST", "/v1/images/generations", 404, "images is not served"),
    ("GET", "/v1/responses/resp_1", 404, "not stored"),
    ("POST", "/chat/completions", 404, "end the base URL with /v1"),
    ("POST", "/v1/v1/chat/completions", 404, "twice"),
    ("GET", "/", 404, "nothing here"),
    ("GET", "/v1/chat/completions", 405, "OPTIONS, POST"),
    ("DELETE", "/v1/models/chat", 405, "GET, HEAD"),
    ("POST", "/metrics", 404, "nothing here"),
]


@pytest.mark.parametrize(("method", "path", "expected", "words"), ELSEWHERE)
def test_what_is_not_served_says_so(stage: MakeStage, method: str, path: str, expected: int, words: str) -> None:
    async def play() -> None:
        async with playing(stage(a=says("a"))) as it:
            seen = await it.send(get(path, method))
            assert seen.status == expected
            assert words in seen.json["error"]["message"]
            assert (seen.header("allow") is not None) == (expected == 405)

    perform(play())


def test_health_and_readiness_need_no_key_and_no_provider(stage: MakeStage) -> None:
    async def play() -> None:
        async with playing(stage(a=refuses()), KEYED) as it:
            assert (await it.send(get("/health"))).status == 200
            assert (await it.send(get("/ready"))).status == 200
            it.service.leaving()
            assert (await it.send(get("/ready"))).status == 503
            assert (await it.send(get("/health"))).status == 200
            assert it.records == []

    perform(play())


def test_pages_of_listed_origins_may_ask(stage: MakeStage) -> None:
    serve = Serve(keys=KEYED.keys, origins=("https://app.example",))

    async def play() -> None:
        async with playing(stage(a=says("a")), serve) as it:
            asked = get(CHAT, "OPTIONS", origin="https://app.example", access_control_request_method="POST")
            seen = await it.send(asked)
            assert (seen.status, seen.header("access-control-allow-origin")) == (204, "https://app.example")
            other = await it.send(
                get(CHAT, "OPTIONS", origin="https://evil.example", access_control_request_method="POST")
            )
            assert (other.status, other.header("access-control-allow-origin")) == (204, None)
            key = "Bearer k-" + "b" * 30
            answer = await it.send(post(CHAT, asks(CHAT), authorization=key, origin="https://app.example"))
            assert answer.header("access-control-allow-origin") == "https://app.example"

    perform(play())


def test_tokens_are_counted_without_asking_anything(stage: MakeStage) -> None:
    one = stage(a=says("a"))

    async def play() -> None:
        async with playing(one) as it:
            body = {"model": "chat", "messages": [{"role": "user", "content": "x" * 400}]}
            seen = await it.send(post("/v1/messages/count_tokens", body))
            assert (seen.status, seen.json) == (200, {"input_tokens": 100})
            wrong = await it.send(post("/v1/messages/count_tokens", {"model": "chat"}))
            assert (wrong.status, wrong.json["type"]) == (400, "error")
            assert one.asked == []

    perform(play())


# Bodies

BODIES: list[tuple[bytes, str | None]] = [
    (b"", None),
    (b"{", None),
    (b"[]", None),
    (b'{"messages":[{"role":"user","content":"SECRET"}]}', "model"),
    (b'{"model":"chat","messages":[{"role":"user","content":"SECRET"}],"n":3}', "n"),
    (b'{"model":"chat","messages":[{"role":"wizard","content":"SECRET"}]}', "messages[0].role"),
    (b'{"model":"chat","messages":[]}', "messages"),
]


@pytest.mark.parametrize(("body", "param"), BODIES)
def test_a_body_that_is_no_request_is_refused_by_the_field(stage: MakeStage, body: bytes, param: str | None) -> None:
    one = stage(a=says("a"))

    async def play() -> None:
        async with playing(one) as it:
            seen = await it.send(post(CHAT, body))
            assert (seen.status, one.asked) == (400, [])
            assert seen.json["error"]["type"] == "invalid_request_error"
            assert param is None or (seen.json["error"]["param"] or "").startswith(param.partition("[")[0])
            assert b"SECRET" not in seen.body

    perform(play())


IDS = [("abc-1.2", "abc-1.2"), ("x" * 200, None), ("a b", None), ("é", None)]


@pytest.mark.parametrize(("sent", "kept"), IDS)
def test_the_clients_request_id_is_kept_if_it_is_sane(stage: MakeStage, sent: str, kept: str | None) -> None:
    async def play() -> None:
        async with playing(stage(a=says("a"))) as it:
            seen = await it.send(post(CHAT, asks(CHAT), x_request_id=sent))
            said = seen.header("x-request-id") or ""
            assert said == kept if kept else said.startswith("req_")

    perform(play())


def test_a_field_of_one_protocol_is_carried_to_it_or_refused_by_name(stage: MakeStage) -> None:
    one = stage(a=says("a"))
    dropping = Serve(auth="none", routes={"chat": ServedRoute(unsupported="drop")})
    fields = {"container": "c-1"}

    async def play() -> None:
        async with playing(one) as it:
            refused = await it.ask(MESSAGES, **fields)
            assert refused.status == 400
            assert "container" in refused.json["error"]["message"]
        async with playing(one, dropping) as it:
            dropped = await it.ask(MESSAGES, **fields)
            assert dropped.status == 200
            assert "container" in (dropped.header("x-standby-notes") or "")
            streamed = await it.ask(MESSAGES, stream=True, **fields)
            assert "container" in (streamed.header("x-standby-notes") or "")
            assert "container" in streamed.comment["notes"][0]

    perform(play())


MESSAGE = anthropic.single(Answer("Hello."), SimulatedRequest(provider="b", number=1, method="POST", path="/"))
MIXED = [
    (CHAT, "web_search_options", {}, "a", ["a"]),
    (MESSAGES, "container", "c-1", "b", ["b"]),
    (RESPONSES, "max_tool_calls", 3, None, []),
]
"""Of a route of `a`, which speaks OpenAI's chat, and `b`, which speaks Anthropic's Messages."""


@pytest.mark.parametrize(("path", "field", "value", "answers", "asked"), MIXED)
def test_a_field_of_one_protocol_is_lost_at_no_target_of_another(
    stage: MakeStage, path: str, field: str, value: object, answers: str | None, asked: list[str]
) -> None:
    one = stage(a=says("Hi."), b=Play([(0.0, MESSAGE)]))

    async def play() -> None:
        async with playing(one, providers={"b": "anthropic"}) as it:
            seen = await it.ask(path, **{field: value})
            assert {name for _, name in one.asked} == set(asked)
            if answers is None:
                assert seen.status == 400
                assert (seen.json["error"]["param"], seen.json["error"]["code"]) == (field, "unsupported_parameter")
                return
            assert (seen.status, seen.header("x-standby-target")) == (200, answers)
            assert seen.header("x-standby-notes") is None
            assert json.loads(one.bodies[-1])[field] == value

    perform(play())


def test_when_those_that_could_be_told_fail_it_is_not_lost_either(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=Play([(0.0, MESSAGE)]))

    async def play() -> None:
        async with playing(one, providers={"b": "anthropic"}) as it:
            seen = await it.ask(CHAT, web_search_options={})
            assert (seen.status, {name for _, name in one.asked}) == (502, {"a"})
        dropping = Serve(auth="none", routes={"chat": ServedRoute(unsupported="drop")})
        async with playing(one, dropping, providers={"b": "anthropic"}) as it:
            told = await it.ask(CHAT, web_search_options={})
            assert (told.status, told.header("x-standby-target")) == (200, "b")
            assert "web_search_options" in (told.header("x-standby-notes") or "")

    perform(play())


HINTS = [
    (CHAT, {"prompt_cache_key": "p-1"}, "b", "prompt_cache_key"),
    (MESSAGES, {"cache_control": {"type": "ephemeral"}}, "a", "cache_control"),
    (
        RESPONSES,
        {"prompt_cache_key": "p-1", "reasoning": {"summary": "auto"}},
        "a",
        "reasoning.summary, prompt_cache_key",
    ),
]
"""Of fields that change no answer: the protocol, the fields, a target of another protocol, and what is told."""


@pytest.mark.parametrize(("path", "fields", "target", "told"), HINTS)
def test_a_hint_keeps_no_target_out_and_the_client_is_told_where_it_was_not(
    stage: MakeStage, path: str, fields: dict[str, object], target: str, told: str
) -> None:
    one = stage(a=says("Hi."), b=Play([(0.0, MESSAGE)]))

    async def play() -> None:
        async with playing(one, providers={"b": "anthropic"}) as it:
            seen = await it.ask(path, target, **fields)
            assert (seen.status, seen.header("x-standby-target")) == (200, target)
            assert seen.header("x-standby-notes") == f"{told}: left out, for the target speaks another protocol"
            own = "a" if path == CHAT else "b"
            same = await it.ask(path, own, **fields)
            assert (same.header("x-standby-notes") is None) == (path != RESPONSES)

    perform(play())


def test_headers_of_a_protocol_go_on_to_its_targets_alone(stage: MakeStage) -> None:
    one = stage(a=says("a"))
    serve = Serve(auth="none", forward_headers=("openai-beta", "anthropic-beta", "traceparent"))

    async def play() -> None:
        async with playing(one, serve) as it:
            headers = {"openai_beta": "x=1", "anthropic_beta": "y", "traceparent": "00-1", "x_other": "z"}
            await it.send(post(CHAT, asks(CHAT), **headers))
            sent = one.headers[-1]
            assert (sent["openai-beta"], sent["traceparent"]) == ("x=1", "00-1")
            assert not {"anthropic-beta", "x-other", "host"} & set(sent)

    perform(play())


BOUND_KEYS = Serve(
    keys={
        "eu": ClientKey(keys=("k-" + "e" * 30,), models=("*",), overrides=("targets",), require={"region": "eu"}),
        "any": ClientKey(keys=("k-" + "a" * 30,), models=("*",), avoid={"region": "cn"}),
    }
)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
def test_a_key_asks_no_target_outside_its_bounds(stage: MakeStage, path: str) -> None:
    one = stage(a=says("a"), b=says("b"))

    async def play() -> None:
        async with playing(one, BOUND_KEYS, labels={"a": {"region": "us"}, "b": {"region": "eu"}}) as it:
            for key, answers in (("e" * 30, "b"), ("a" * 30, "a")):
                seen = await it.send(post(path, asks(path), authorization=f"Bearer k-{key}"))
                assert (seen.status, seen.header("x-standby-target")) == (200, answers)
            one.asked.clear()
            bound = {"authorization": f"Bearer k-{'e' * 30}"}
            for body, more in ((asks(path, "a"), {}), (asks(path), {"x_standby_targets": "a"})):
                refused = await it.send(post(path, body, **bound, **more))
                assert refused.status == 503
            assert one.asked == []

    perform(play())


def test_nothing_of_a_request_or_an_answer_is_in_its_record(stage: MakeStage) -> None:
    one = stage(a=says("SECRET-ANSWER"), b=status(500, SECRET))

    async def play() -> None:
        from standby.gateway.record import line_of

        async with playing(one) as it:
            for model in ("chat", "b", "SECRET-MODEL"):
                await it.ask(CHAT, model, text="SECRET-PROMPT")
            lines = [json.loads(line_of(record)) for record in it.records]
            assert "SECRET" not in json.dumps(lines)
            assert [line["outcome"] for line in lines] == ["finished", "failed", "refused"]
            assert lines[0]["attempts"][0]["target"] == "a"

    perform(play())
