"""The service, request by request: what is asked where, and what a client sees of it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import ClientKey, Serve

from gateway_play import CHAT, KEYED, MESSAGES, RESPONSES, Seen, asks, playing, post
from stage import SILENT, Play, Stage, breaks_off, chunk, perform, refuses, says, stage, status

__all__ = ["stage"]

MakeStage = Callable[..., Stage]
INGRESSES = (CHAT, MESSAGES, RESPONSES)


def text_of(path: str, seen: Seen, *, streamed: bool) -> str:
    """The answer's text, as a client of that protocol puts it together."""
    if path == CHAT:
        if not streamed:
            return str(seen.json["choices"][0]["message"]["content"])
        return "".join(
            choice["delta"].get("content") or "" for event in seen.events for choice in event.get("choices", ())
        )
    if path == RESPONSES:
        if not streamed:
            return "".join(part["text"] for item in seen.json["output"] for part in item["content"])
        return "".join(event["delta"] for event in seen.events if event["type"] == "response.output_text.delta")
    if not streamed:
        return "".join(block["text"] for block in seen.json["content"])
    return "".join(event["delta"].get("text", "") for event in seen.events if event["type"] == "content_block_delta")


END = {
    CHAT: b"data: [DONE]\n\n",
    MESSAGES: b"event: message_stop\n",
    RESPONSES: b"event: response.completed\n",
}


def ends_well(path: str, seen: Seen) -> bool:
    """The protocol's own end was told, once, and the body is whole."""
    return seen.ended == "end" and seen.body.count(END[path]) == 1


def tells_error(path: str, seen: Seen) -> bool:
    """The protocol's own error ends the stream, nothing follows it, and the body stays unfinished."""
    last = seen.events[-1]
    if path == CHAT:
        told = last["choices"][0]["finish_reason"] == "error" and bool(last["error"]["message"])
    else:
        told = last["type"] == "error" and bool(last["error"]["message"])
    return told and seen.ended == "abort" and not any(end in seen.body for end in END.values())


# Answers


@pytest.mark.parametrize("path", INGRESSES)
@pytest.mark.parametrize("streamed", [True, False])
def test_an_answer_reaches_its_client(stage: MakeStage, path: str, streamed: bool) -> None:
    one = stage(a=says("Why ", "not?", every_s=1.0))

    async def play() -> None:
        async with playing(one) as it:
            seen = await it.ask(path, stream=streamed)
            assert seen.status == 200
            assert text_of(path, seen, streamed=streamed) == "Why not?"
            assert (seen.header("x-standby-route"), seen.header("x-standby-target")) == ("chat", "a")
            assert seen.header("x-standby-attempts") == "1"
            assert float(seen.header("x-standby-overhead-ms") or "nan") < 1
            if streamed:
                assert ends_well(path, seen)
                assert seen.header("content-type") == "text/event-stream"
                assert [at_s for at_s, _ in seen.pieces] == [0.0, 1.0, 2.0]  # each as it came
                assert seen.comment["target"] == "a"
                assert seen.body.endswith(b"}\n\n")
            else:
                assert (seen.ended, len(seen.pieces)) == ("whole", 1)
            (record,) = it.records
            assert (record.status, record.outcome, record.route, record.target) == (200, "finished", "chat", "a")
            assert record.stream is streamed
            assert one.open == 0

    perform(play())


@pytest.mark.parametrize("path", INGRESSES)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_target_that_dies_before_its_first_word_is_not_seen(stage: MakeStage, path: str, streamed: bool) -> None:
    one = stage(a=refuses(), b=says("b"))

    async def play() -> None:
        async with playing(one) as it:
            seen = await it.ask(path, stream=streamed)
            assert text_of(path, seen, streamed=streamed) == "b"
            assert (seen.status, seen.header("x-standby-target"), seen.header("x-standby-attempts")) == (200, "b", "2")

    perform(play())


@pytest.mark.parametrize("path", INGRESSES)
def test_a_stream_that_breaks_in_mid_sentence_goes_on_unseen(stage: MakeStage, path: str) -> None:
    one = stage(a=breaks_off("Once ", "upon "), b=says("Once upon ", "a time."))

    async def play() -> None:
        async with playing(one, mid_stream=("replay",)) as it:
            seen = await it.ask(path, stream=True)
            assert text_of(path, seen, streamed=True) == "Once upon a time."
            assert ends_well(path, seen)
            if path == CHAT:
                assert len({event["id"] for event in seen.events}) == 1
                deltas = [choice for event in seen.events for choice in event["choices"]]
                assert sum("role" in choice["delta"] for choice in deltas) == 1
                assert [choice["finish_reason"] for choice in deltas if choice["finish_reason"]] == ["stop"]
            elif path == RESPONSES:
                assert [event["sequence_number"] for event in seen.events] == list(range(len(seen.events)))
                kinds = [event["type"] for event in seen.events]
                assert kinds.count("response.created") == kinds.count("response.output_item.added") == 1
            else:
                kinds = [event["type"] for event in seen.events]
                assert kinds.count("message_start") == kinds.count("message_delta") == 1
                assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
            assert seen.header("x-standby-target") == "a"
            assert seen.comment["target"] == "b"
            (switch,) = seen.comment["switches"]
            assert (switch["from"], switch["to"], switch["policy"]) == ("a", "b", "replay")

    perform(play())


@pytest.mark.parametrize("path", INGRESSES)
@pytest.mark.parametrize("policies", [("replay",), (), ("restart",)])
def test_what_cannot_go_on_ends_in_an_error_and_never_as_whole(
    stage: MakeStage, path: str, policies: tuple[Any, ...]
) -> None:
    one = stage(a=breaks_off("Once "), b=says("Twice "))

    async def play() -> None:
        async with playing(one, mid_stream=policies) as it:
            seen = await it.ask(path, stream=True)
            assert text_of(path, seen, streamed=True) == "Once "
            assert tells_error(path, seen)
            (record,) = it.records
            assert (record.status, record.outcome, record.kind) == (200, "failed", "truncated")
            assert one.open == 0

    perform(play())


@pytest.mark.parametrize("path", INGRESSES)
def test_a_whole_answer_that_breaks_off_begins_again_unseen(stage: MakeStage, path: str) -> None:
    one = stage(a=breaks_off("Once "), b=says("Twice."))

    async def play() -> None:
        async with playing(one, mid_stream=()) as it:
            seen = await it.ask(path)
            assert (seen.status, text_of(path, seen, streamed=False)) == (200, "Twice.")

    perform(play())


# Silence


@pytest.mark.parametrize("path", INGRESSES)
def test_a_silent_stream_gets_a_sign_of_life_and_the_head_with_the_first(stage: MakeStage, path: str) -> None:
    one = stage(a=says("at ", "last", first_s=40.0, every_s=20.0))

    async def play() -> None:
        async with playing(one, first_delta_s=60.0, stall_s=60.0) as it:
            seen = await it.ask(path, stream=True)
            ping = b'event: ping\ndata: {"type":"ping"}\n\n' if path == MESSAGES else b": ping\n\n"
            at_s = [when for when, piece in seen.pieces if piece == ping]
            assert seen.head_at_s == 15.0
            assert at_s == [15.0, 30.0, 55.0, 75.0]
            assert text_of(path, seen, streamed=True) == "at last"
            assert ends_well(path, seen)
            assert (seen.status, seen.header("x-standby-target")) == (200, None)  # not known when the head went out
            assert seen.comment["target"] == "a"

    perform(play())


@pytest.mark.parametrize("path", INGRESSES)
def test_after_a_sign_of_life_errors_are_told_in_the_stream(stage: MakeStage, path: str) -> None:
    one = stage(a=SILENT)

    async def play() -> None:
        async with playing(one, first_delta_s=20.0, deadline_s=30.0) as it:
            seen = await it.ask(path, stream=True)
            assert (seen.status, seen.head_at_s) == (200, 15.0)
            assert tells_error(path, seen)

    perform(play())


def test_the_silence_before_a_sign_of_life_is_a_setting(stage: MakeStage) -> None:
    one = stage(a=says("x", first_s=5.0))

    async def play() -> None:
        async with playing(one, Serve(auth="none", ping_s=2.0)) as it:
            seen = await it.ask(CHAT, stream=True)
            assert [when for when, piece in seen.pieces if piece == b": ping\n\n"] == [2.0, 4.0]

    perform(play())


def test_a_whole_answer_sends_nothing_before_it_is_whole(stage: MakeStage) -> None:
    one = stage(a=says("at ", "last", every_s=25.0, first_s=40.0))

    async def play() -> None:
        async with playing(one, first_delta_s=60.0, stall_s=60.0) as it:
            seen = await it.ask(CHAT)
            assert (seen.head_at_s, len(seen.pieces)) == (90.0, 1)

    perform(play())


def test_a_client_that_takes_nothing_gets_no_signs_of_life_on_top(stage: MakeStage) -> None:
    one = stage(a=says("1", "2"))

    async def play() -> None:
        async with playing(one) as it:
            seen = await it.ask(CHAT, stream=True, seen=Seen(slow_s=40.0))
            assert b": ping" not in seen.body
            assert ends_well(CHAT, seen)

    perform(play())


# The client leaves

LEAVING = {
    "before the head of the provider": (SILENT, 3.0),
    "before the first word": (Play([(30.0, chunk("x"))]), 3.0),
    "after a sign of life": (Play([(30.0, chunk("x"))]), 20.0),
    "in the midst": (says("1", "2", "3", every_s=5.0), 7.0),
}


@pytest.mark.parametrize("path", INGRESSES)
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("case", LEAVING)
def test_a_client_that_leaves_takes_its_call_along(stage: MakeStage, path: str, streamed: bool, case: str) -> None:
    script, after_s = LEAVING[case]
    one = stage(a=script, b=says("never"))

    async def play() -> None:
        async with playing(one, first_delta_s=60.0) as it:
            task = asyncio.ensure_future(it.ask(path, stream=streamed))
            await asyncio.sleep(after_s)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert one.open == 0
            (record,) = it.records
            assert (record.status, record.outcome) == (499, "cancelled")
            assert [health.failures for health in it.router.health()] == [0, 0]
            assert [name for _, name in one.asked] == ["a"]

    perform(play())


def test_a_client_that_is_found_gone_at_a_write_takes_its_call_along(stage: MakeStage) -> None:
    one = stage(a=says("1", "2", "3", every_s=5.0))

    async def play() -> None:
        async with playing(one) as it:
            with pytest.raises(ConnectionError):
                await it.ask(CHAT, stream=True, seen=Seen(gone_after=1))
            assert one.open == 0
            assert (it.records[0].outcome, it.records[0].status) == ("cancelled", 499)

    perform(play())


# Errors before the first byte

TOO_LONG = (
    '{"error":{"message":"This is too long: 9 of 8","type":"invalid_request_error","param":"messages",'
    '"code":"context_length_exceeded"}}'
)
BAD = '{"error":{"message":"Invalid value for x","type":"invalid_request_error","param":"x","code":"invalid_value"}}'
SECRET = '{"error":{"message":"org-SECRET has no money","type":"t","code":"c"}}'

ERRORS: dict[str, tuple[Play, int, str, dict[str, Any]]] = {
    # what the provider does -> the status, a part of the message, and fields of the error as OpenAI's clients see it
    "too long": (status(400, TOO_LONG), 400, "9 of 8", {"code": "context_length_exceeded", "param": "messages"}),
    "too large": (status(413, TOO_LONG), 413, "9 of 8", {"code": "context_length_exceeded"}),
    "a bad value": (status(422, BAD), 422, "Invalid value", {"param": "x", "code": "invalid_value"}),
    "no key": (status(401, SECRET), 502, "credentials", {}),
    "no money": (status(402, SECRET), 503, "account", {}),
    "not allowed": (status(403, SECRET), 502, "credentials", {}),
    "no such model": (status(404, SECRET), 502, "does not know the model", {}),
    "wait": (status(429, SECRET, retry_after="300"), 429, "ask to wait", {}),
    "broken": (status(500, SECRET), 502, "failed", {}),
    "overloaded": (status(503, SECRET), 503, "overloaded", {}),
    "not there": (refuses(), 502, "reached", {}),
    "silent": (SILENT, 504, "in time", {}),
}


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.parametrize("streamed", [True, False])
def test_errors_have_a_status_as_long_as_nothing_was_sent(stage: MakeStage, case: str, streamed: bool) -> None:
    script, expected, words, fields = ERRORS[case]
    one = stage(a=script)

    async def play() -> None:
        async with playing(one, first_delta_s=5.0, deadline_s=14.0) as it:
            seen = await it.ask(CHAT, stream=streamed)
            error = seen.json["error"]
            assert (seen.status, seen.ended) == (expected, "whole")
            assert words in error["message"]
            assert {name: error[name] for name in fields} == fields
            assert b"SECRET" not in seen.body
            assert seen.header("x-should-retry") == "false"
            assert seen.header("content-type") == "application/json"
            assert seen.header("x-request-id") == it.records[0].request_id
            assert seen.header("x-standby-limited-by") is None
            assert it.records[0].outcome == ("refused" if expected in (400, 413, 422) else "failed")
            if case == "wait":
                assert 0 < float(seen.header("retry-after") or 0) <= 300
            other = await it.ask(MESSAGES, stream=streamed)
            assert other.json["type"] == "error"
            assert other.json["request_id"] == other.header("request-id")
            if expected in (400, 413, 422):
                assert other.status == expected
                assert words in other.json["error"]["message"]

    perform(play())


def test_a_router_that_closes_says_so(stage: MakeStage) -> None:
    one = stage(a=says("1", "2", every_s=5.0))

    async def play() -> None:
        async with playing(one) as it:
            task = asyncio.ensure_future(it.ask(CHAT, stream=True))
            await asyncio.sleep(2)
            it.router.close_now()
            seen = await task
            assert tells_error(CHAT, seen)
            assert "shutting down" in seen.events[-1]["error"]["message"]
            late = await it.ask(CHAT, stream=True)
            assert (late.status, late.header("x-should-retry")) == (503, None)

    perform(play())


# Who may ask what


def test_keys_routes_targets_and_limits(stage: MakeStage) -> None:
    one = stage(a=says("a"), b=says("b"))

    async def play() -> None:
        app = {"authorization": "Bearer k-" + "a" * 30}
        async with playing(one, KEYED) as it:

            async def asked(model: str, path: str = CHAT, **headers: str) -> Seen:
                return await it.send(post(path, asks(path, model), **headers))

            assert (await asked("chat", **app)).status == 200
            assert (await asked("b", **app)).header("x-standby-target") == "b"
            for model in ("a", "openai/gpt-5", "nothing", "*", ""):
                refused = await asked(model, **app)
                assert refused.status in (404, 400), model
            unknown = await asked("nothing", **app)
            assert unknown.json["error"]["code"] == "model_not_found"
            assert (await asked("nothing", MESSAGES, **app)).json["error"]["type"] == "not_found_error"
            assert (await asked("chat")).status == 401
            assert (await asked("chat", x_api_key="k-" + "b" * 30)).status == 200
            assert [record.key for record in it.records[-2:]] == ["-", "all"]

    perform(play())


def test_our_own_limits_say_that_they_are_ours(stage: MakeStage) -> None:
    one = stage(a=says("a"))
    key = "k-" + "a" * 30
    serve = Serve(keys={"app": ClientKey(keys=(key,), requests_per_min=1)})

    async def play() -> None:
        async with playing(one, serve) as it:
            first = await it.send(post(CHAT, asks(CHAT), authorization=f"Bearer {key}"))
            assert first.header("x-ratelimit-limit-requests") == "1"
            assert first.header("x-ratelimit-remaining-requests") == "0"
            second = await it.send(post(CHAT, asks(CHAT), authorization=f"Bearer {key}"))
            assert (second.status, second.header("x-standby-limited-by")) == (429, "requests")
            assert float(second.header("retry-after-ms") or 0) > 0
            assert it.records[-1].limited_by == "requests"
            assert len(one.asked) == 1

    perform(play())


def test_a_target_that_is_full_by_our_own_limit_is_told_as_ours(stage: MakeStage) -> None:
    one = stage(a=says("1", "2", every_s=5.0))

    async def play() -> None:
        async with playing(one, settings={"concurrency": 1}, deadline_s=3.0) as it:
            first = asyncio.ensure_future(it.ask(CHAT, stream=True))
            await asyncio.sleep(1)
            second = await it.ask(CHAT)
            assert (second.status, second.header("x-standby-limited-by")) == (429, "target")
            assert it.records[-1].limited_by == "target"
            assert ends_well(CHAT, await first)

    perform(play())


OVERRIDES = [
    ({"x-standby-targets": "b"}, None, "b"),
    ({}, {"targets": ["b", "a"]}, "b"),
    ({}, None, "a"),
]


@pytest.mark.parametrize(("headers", "field", "target"), OVERRIDES)
def test_a_request_may_set_what_its_key_allows(
    stage: MakeStage, headers: dict[str, str], field: Any, target: str
) -> None:
    one = stage(a=says("a"), b=says("b"))

    async def play() -> None:
        async with playing(one) as it:
            body = asks(CHAT) | ({} if field is None else {"standby": field})
            seen = await it.send(post(CHAT, body, **{name.replace("-", "_"): value for name, value in headers.items()}))
            assert (seen.status, seen.header("x-standby-target")) == (200, target)
            assert seen.header("x-standby-route") == "chat"

    perform(play())
