"""Before the commit any failure is invisible: which target is asked, how often, and what the caller learns."""

import copy
import pickle
from collections.abc import Callable

import pytest
from standby.config import Handling

from stage import DONE, PING, SILENT, Play, Stage, breaks_off, chunk, now_s, perform, refuses, says, status, texts
from standby import (
    AllTargetsFailed,
    CallFailed,
    Config,
    ErrorKind,
    NoTargetAvailable,
    ProviderError,
    RequestRejected,
    Route,
    Router,
    StreamInterrupted,
    Target,
)

MakeStage = Callable[..., Stage]
B = says("B1", "B2")


def outcome(stage: Stage, *names: str, **options: object) -> tuple[list[str], Router]:
    """The texts of one streamed call."""

    async def play() -> list[str]:
        async with stage.router(*names) as router:
            return await texts(router.stream("hi", **options))  # type: ignore[arg-type]

    return perform(play()), stage.router(*names)


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (refuses(), 1),
        (refuses(ErrorKind.DNS), 1),
        (refuses(ErrorKind.TLS), 1),
        (refuses(ErrorKind.DISCONNECTED), 1),
        (Play(refuse=ErrorKind.DISCONNECTED, reused=True), 2),
        (SILENT, 1),
        (Play([(0.1, PING)] * 10_000), 1),
        (status(500), 3),
        (status(503), 3),
        (status(529), 3),
        (status(408), 2),
        (status(429), 3),
        (status(429, retry_after="60"), 1),
        (status(429, retry_after="2"), 2),
        (status(401), 1),
        (status(402), 1),
        (status(403), 1),
        (status(404), 1),
        (status(400), 1),
        (Play(), 1),
        (Play([(0, chunk(finish="stop") + DONE)]), 1),
        (breaks_off(), 1),
        (Play([(0, chunk())], then="cut"), 1),
        (Play([(0, b"data: {nonsense\n\n")]), 1),
        (Play([(0, b"<html>")], headers={"content-type": "text/html"}), 1),
        (Play([(0, b'{"error":{"message":"x"}}')], headers={"content-type": "application/json"}), 2),
        (Play([(0, b'data: {"error":{"message":"x","type":"server_error"}}\n\n')]), 3),
    ],
)
def test_the_next_target_answers(stage: MakeStage, fault: Play, tries: int) -> None:
    one = stage(a=fault, b=B)
    assert outcome(one)[0] == ["B1", "B2"]
    assert one.count("a") == tries
    assert one.count("b") == 1


def test_the_report_tells_the_whole_story(stage: MakeStage) -> None:
    one = stage(a=status(401), b=breaks_off(), c=says("C", first_s=2.0))

    async def play() -> None:
        async with one.router() as router:
            stream = router.stream("hi")
            assert await texts(stream) == ["C"]
            report = stream.report
            assert [(a.target, a.kind, a.why) for a in report.attempts] == [
                ("a", ErrorKind.AUTH, "first"),
                ("b", ErrorKind.TRUNCATED, "handover"),
                ("c", None, "handover"),
            ]
            assert (report.outcome, report.target, report.model) == ("finished", "c", "m-1")
            assert report.completion == "proven"
            assert report.first_delta_s == pytest.approx(2.0)
            second = router.stream("hi")
            assert await texts(second) == ["C"]
            assert [(s.target, s.reason) for s in second.report.skipped] == [("a", "parked")]

    perform(play())


def test_a_content_filter_is_not_shopped_around(stage: MakeStage) -> None:
    body = '{"error":{"message":"no","code":"content_filter"}}'
    one = stage(a=status(400, body), b=B)
    with pytest.raises(RequestRejected) as caught:
        outcome(one)
    assert caught.value.kind is ErrorKind.CONTENT_FILTER
    assert one.count("b") == 0


def test_a_context_too_long_goes_only_to_windows_that_are_larger_or_unknown(stage: MakeStage) -> None:
    body = '{"error":{"message":"no","code":"context_length_exceeded"}}'
    one = stage(a=status(400, body), small=B, big=B, unknown=B)

    async def play() -> None:
        sized = [
            Target(t.provider, model="m", name=t.name, key="k", base_url=t.base_url, capabilities=window)
            for t, window in zip(
                one.targets("a", "small", "unknown"),
                ({"context_window": 8000}, {"context_window": 8000}, {}),
                strict=True,
            )
        ]
        async with Router(sized, transport=one.transport) as router:
            stream = router.stream("hi")
            assert await texts(stream) == ["B1", "B2"]
            assert [(s.target, s.reason) for s in stream.report.skipped] == [("small", "context_window")]

    perform(play())
    assert one.count("small") == 0


@pytest.mark.parametrize("refused", [400, 405, 422])
def test_what_one_target_refuses_is_asked_of_one_other(stage: MakeStage, refused: int) -> None:
    one = stage(a=status(refused), b=B)
    assert outcome(one)[0] == ["B1", "B2"], "though both speak the same dialect"


def test_what_two_targets_refuse_is_asked_of_no_third(stage: MakeStage) -> None:
    one = stage(a=status(400), b=status(422), c=says("C"))
    with pytest.raises(RequestRejected) as caught:
        outcome(one)
    assert (caught.value.kind, one.count("b"), one.count("c")) == (ErrorKind.BAD_REQUEST, 1, 0)


def test_a_target_that_is_down_has_not_judged_the_request(stage: MakeStage) -> None:
    one = stage(a=status(400), b=refuses(), c=says("C"), d=says("D"))
    assert outcome(one)[0] == ["C"]
    again = stage(a=status(400), b=refuses(), c=status(400), d=says("D"))
    with pytest.raises(RequestRejected):
        outcome(again)
    assert again.count("d") == 0


def test_when_all_fail_one_group_holds_every_attempt(stage: MakeStage) -> None:
    one = stage(a=status(401), b=refuses())
    with pytest.raises(AllTargetsFailed) as caught:
        outcome(one)
    error = caught.value
    assert [e.kind for e in error.exceptions] == [ErrorKind.AUTH, ErrorKind.CONNECT]
    assert error.kind is ErrorKind.AUTH
    assert "a: auth" in str(error)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert str(twin) == str(error)
        assert twin.report.to_dict() == error.report.to_dict()
    match, rest = error.split(lambda e: isinstance(e, ProviderError) and e.kind is ErrorKind.AUTH)
    assert match is not None
    assert rest is not None
    assert rest.report is error.report


def test_when_no_target_can_be_asked_the_reasons_are_named(stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    stage()

    async def play() -> None:
        async with Router(["openai/m"]) as router:
            with pytest.raises(NoTargetAvailable, match="set OPENAI_API_KEY") as caught:
                await router.complete("hi")
            assert caught.value.kind is ErrorKind.AUTH

    perform(play())


def test_after_the_commit_the_partial_text_comes_with_the_exception(stage: MakeStage) -> None:
    one = stage(a=breaks_off("par", "tial"), b=B)

    async def play() -> None:
        seen = []
        async with one.router() as router, router.stream("hi", targets=one.targets("a")) as stream:
            with pytest.raises(StreamInterrupted) as caught:
                async for piece in stream.text():
                    seen.append(piece)
        assert seen == ["par", "tial"]
        error = caught.value
        assert (error.partial, error.kind) == ("partial", ErrorKind.TRUNCATED)
        assert "partial" not in f"{error} {error!r} {error.args}"
        assert pickle.loads(pickle.dumps(error)).partial == "partial"

    perform(play())


def test_a_whole_answer_begins_again_unseen(stage: MakeStage) -> None:
    one = stage(a=breaks_off("par", "tial"), b=says("whole"))

    async def play() -> None:
        async with one.router() as router:
            answer = await router.complete("hi")
            assert (answer.text, answer.target, answer.finish_reason) == ("whole", "b", "stop")
            assert [a.kind for a in answer.report.attempts] == [ErrorKind.TRUNCATED, None]

    perform(play())


def test_one_body_instead_of_a_stream_goes_the_same_way(stage: MakeStage) -> None:
    body = b'{"choices":[{"message":{"content":"B"},"finish_reason":"stop"}]}'
    one = stage(a=status(500), b=Play([(0.0, body)], headers={"content-type": "application/json"}))

    async def play() -> None:
        async with one.router() as router:
            answer = await router.complete("hi", upstream="single")
            assert answer.text == "B"

    perform(play())
    assert b'"stream":true' not in one.bodies[-1]


def test_a_short_hint_is_waited_out_once_and_a_long_one_parks(stage: MakeStage) -> None:
    one = stage(a=[status(429, retry_after="2"), says("A")])

    async def play() -> None:
        async with one.router() as router:
            stream = router.stream("hi")
            assert await texts(stream) == ["A"]
            assert [(w.reason, w.for_s) for w in stream.report.waits] == [("hint", pytest.approx(2.0))]

    perform(play())


def test_with_no_other_target_left_the_first_to_return_is_waited_for(stage: MakeStage) -> None:
    one = stage(a=[status(429, retry_after="30"), says("A")], b=status(401))

    async def play() -> None:
        async with one.router() as router:
            stream = router.stream("hi", deadline_s=60)
            assert await texts(stream) == ["A"]
            assert now_s() == pytest.approx(30, abs=0.01)
            assert [a.why for a in stream.report.attempts] == ["first", "handover", "return"]

    perform(play())


def test_a_hint_beyond_the_deadline_is_never_slept_for(stage: MakeStage) -> None:
    one = stage(a=status(429, retry_after="1000000000"))

    async def play() -> None:
        async with one.router() as router:
            with pytest.raises(AllTargetsFailed) as caught:
                await router.complete("hi", deadline_s=60)
            assert caught.value.kind is ErrorKind.RATE_LIMITED
            assert now_s() == 0

    perform(play())


def test_retries_end_when_the_breaker_opens_between_them(stage: MakeStage) -> None:
    one = stage(a=status(503), b=B)

    async def play() -> None:
        async with one.router() as router:
            for _ in range(20):
                await texts(router.stream("hi"))

    perform(play())
    assert one.count("a") == 3 + 4, "each call counts once, and from the second one in a row on there are no retries"


def test_the_all_open_policies(stage: MakeStage) -> None:
    async def play(policy: str, one: Stage) -> tuple[str, float]:
        config = Config(routes={"r": Route(tuple(one.targets("a")), all_open=policy, deadline_s=20)})  # type: ignore[arg-type]
        async with Router(config, transport=one.transport) as router:
            for _ in range(5):
                with pytest.raises(CallFailed):
                    await router.complete("hi")
            began_s = now_s()
            try:
                return (await router.complete("hi")).text, now_s() - began_s
            except CallFailed as error:
                return type(error).__name__, now_s() - began_s

    ill = [status(503)] * 7

    text, waited_s = perform(play("wait", stage(a=[*ill, says("back")])))
    assert text == "back"
    assert 4.4 <= waited_s <= 5.0
    assert perform(play("last_resort", stage(a=[*ill, says("back")]))) == ("back", 0)
    assert perform(play("fail", stage(a=[*ill, says("back")]))) == ("NoTargetAvailable", 0)


def test_a_kind_of_error_may_have_targets_of_its_own(stage: MakeStage) -> None:
    too_long = status(400, '{"error":{"message":"no","code":"context_length_exceeded"}}')
    filtered = status(400, '{"error":{"message":"no","code":"content_filter"}}')

    async def play(one: Stage) -> tuple[list[str], list[str]]:
        a, b, big, lenient = one.targets("a", "b", "big", "lenient")
        on = {ErrorKind.CONTEXT_LENGTH: (big,), ErrorKind.CONTENT_FILTER: (lenient,)}
        async with Router(Config(routes={"r": Route((a, b), on=on)}), transport=one.transport) as router:
            said = await texts(router.stream("hi"))
            return said, [name for _, name in one.asked]

    named = {"b": B, "big": says("BIG"), "lenient": says("LENIENT")}
    assert perform(play(stage(a=too_long, **named))) == (["BIG"], ["a", "big"])
    assert perform(play(stage(a=filtered, **named))) == (["LENIENT"], ["a", "lenient"])
    assert perform(play(stage(a=status(401), **named))) == (["B1", "B2"], ["a", "b"])
    with pytest.raises(AllTargetsFailed):
        perform(play(stage(a=filtered, b=B, big=B, lenient=status(401))))
    assert perform(play(stage(a=too_long, b=B, big=status(401), lenient=B)))[1] == ["a", "big", "b"]


def test_a_route_may_say_what_follows_an_error(stage: MakeStage) -> None:
    filtered = status(400, '{"error":{"message":"no","code":"content_filter"}}')
    one = stage(a=filtered, b=B)

    async def play() -> None:
        errors = {ErrorKind.CONTENT_FILTER: Handling(ask_another="yes")}
        async with Router(
            Config(routes={"r": Route(tuple(one.targets()), errors=errors)}), transport=one.transport
        ) as router:
            assert await texts(router.stream("hi")) == ["B1", "B2"]

    perform(play())
