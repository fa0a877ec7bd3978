"""The provider's own words are on every exception for its caller alone: in no text, argument, report, log or pickle."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from standby.config import Hedge
from standby.config.target import Price

from canaries import CANARY_KEY, CANARY_PROMPT, assert_no_canary, canaries_in
from stage import DONE, Play, Stage, breaks_off, chunk, now_s, perform, refuses, says, status, texts
from standby import (
    AllTargetsFailed,
    CallFailed,
    Config,
    ErrorKind,
    NoTargetAvailable,
    RequestRejected,
    Route,
    Router,
    StreamInterrupted,
    Target,
)

MakeStage = Callable[..., Stage]

KEY = "correct horse battery staple"
"""No shape tells it from other words."""
WORDS = f"No {CANARY_PROMPT} with the key {KEY} and the header {CANARY_KEY}"
MASKED = f"No {CANARY_PROMPT} with the key *** and the header ***"


def refusal(code: int, **said: Any) -> Play:
    error = {"message": WORDS, "type": "a_type", "param": f"messages[0] {KEY}", "code": f"a code of {KEY}"} | said
    return status(code, json.dumps({"error": error}), x_request_id=f"req-{KEY.replace(' ', '-')}")


def targets(one: Stage, **about: Any) -> tuple[Target, ...]:
    about = {"key": KEY, "headers": {"x-more": CANARY_KEY}} | about
    return tuple(
        Target("openai", model="m", name=name, base_url=f"https://{name}.test/v1", **about) for name in one.scripts
    )


def failure_of(one: Stage, ask: Callable[[Router], Any], **about: Any) -> CallFailed:
    async def play() -> CallFailed:
        async with Router(
            Config(routes={"r": Route(targets(one, **about), mid_stream=())}), transport=one.transport
        ) as router:
            with pytest.raises(CallFailed) as caught:
                await ask(router)
        return caught.value

    return perform(play())


BROKEN = Play([(0.0, chunk("Half")), (0.0, f"data: {json.dumps({'error': {'message': WORDS}})}\n\n".encode() + DONE)])
WAYS: dict[str, tuple[type[CallFailed], dict[str, Any], ErrorKind]] = {
    "rejected": (RequestRejected, {"a": refusal(400)}, ErrorKind.BAD_REQUEST),
    "refused by all": (AllTargetsFailed, {"a": refusal(404), "b": refusal(401)}, ErrorKind.AUTH),
    "broken off": (StreamInterrupted, {"a": BROKEN}, ErrorKind.UNKNOWN),
}


async def stream(router: Router) -> None:
    await texts(router.stream(CANARY_PROMPT))


@pytest.mark.parametrize("way", WAYS)
def test_every_exception_has_the_providers_words(stage: MakeStage, way: str) -> None:
    kind_of_failure, scripts, kind = WAYS[way]
    failure = failure_of(stage(**scripts), stream)
    assert (type(failure), failure.kind) == (kind_of_failure, kind)
    assert failure.provider_message == MASKED
    deciding = failure.error
    assert deciding is not None
    assert (deciding.kind, deciding.provider_message) == (kind, MASKED)
    assert failure.url == deciding.url == f"https://{deciding.target}.test/v1/chat/completions"
    if way != "broken off":
        assert (failure.param, failure.code) == ("messages[0] ***", "a code of ***")
        assert (failure.status, deciding.request_id) == (deciding.status, "req-correct-horse-battery-staple")
    for twin in (failure, copy.copy(failure)):
        assert twin.provider_message == MASKED


@pytest.mark.parametrize("way", WAYS)
def test_and_nothing_else_has(stage: MakeStage, way: str, caplog: pytest.LogCaptureFixture) -> None:
    _, scripts, _ = WAYS[way]
    failure = failure_of(stage(**scripts), stream)
    partial = failure if not isinstance(failure, StreamInterrupted) else None
    for thing in (partial, failure.error, *getattr(failure, "exceptions", ())):
        if thing is not None:
            assert_no_canary(thing)
            again = pickle.loads(pickle.dumps(thing))
            assert (again.provider_message, again.param, again.url) == (None, None, None)
    shown = f"{failure} {failure!r} {failure.args} {failure.report.to_dict()} {failure.report.lines()} {caplog.text}"
    for words in ("a code", "messages[0]", "/v1/chat", KEY, "No canary"):
        assert words not in shown
    assert canaries_in(shown) == []


def test_where_nothing_was_asked_nothing_was_said(stage: MakeStage) -> None:
    async def isolated(router: Router) -> None:
        router.isolate("a")
        await router.complete(CANARY_PROMPT)

    failure = failure_of(stage(a=says("A")), isolated)
    assert isinstance(failure, NoTargetAvailable)
    assert failure.error is None
    assert [failure.provider_message, failure.code, failure.param, failure.status, failure.url] == [None] * 5


def test_of_several_errors_the_one_speaks_that_gave_the_kind(stage: MakeStage) -> None:
    one = stage(a=refusal(429, message="first"), b=refusal(429, message="second"), c=refuses())
    failure = failure_of(one, lambda router: router.complete("Hi", deadline_s=1.0))
    assert isinstance(failure, AllTargetsFailed)
    assert (failure.kind, failure.provider_message) == (ErrorKind.RATE_LIMITED, "second")
    matched, rest = failure.split(lambda error: getattr(error, "kind", None) is ErrorKind.CONNECT)
    assert matched is not None
    assert rest is not None
    assert (matched.error, rest.provider_message) == (None, "second")  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", [KEY, CANARY_KEY, CANARY_KEY[:9], "Q29ycmVjdA", "s3cr3t-p4ssw0rd"])
@pytest.mark.parametrize("place", ["code", "type", "request id"])
def test_no_report_has_a_secret_whatever_its_shape(stage: MakeStage, place: str, form: str) -> None:
    form = form.replace(" ", "-")
    about = {"key": form, "headers": {"x-more": CANARY_KEY}}
    said: dict[str, Any] = {"code": {"code": form}, "type": {"type": form, "code": None}, "request id": {}}[place]
    ids = {"x_request_id": form if place == "request id" else "req-1"}
    one = stage(a=status(500, json.dumps({"error": {"message": "m", **said}}), **ids))
    failure = failure_of(one, lambda router: router.complete("Hi"), **about)
    for attempt in failure.report.attempts:
        assert form not in (attempt.native_code, attempt.request_id)
    assert form not in f"{failure} {failure.report.to_dict()}"


def test_a_model_that_calls_itself_by_our_key_is_not_named(stage: MakeStage) -> None:
    key = "a-key-of-words"
    named = Play([(0.0, chunk("A").replace(b"m-1", key.encode())), (0.0, chunk(finish="stop") + DONE)])

    async def play() -> None:
        one = stage(a=named)
        async with Router(targets(one, key=key), transport=one.transport) as router:
            for _ in range(2):
                assert (await router.complete("Hi")).model == "m"

    perform(play())


def test_the_report_says_why_an_attempt_was_dropped(stage: MakeStage) -> None:
    slow, quick = says("A", first_s=8.0), says("B", first_s=1.0)
    one = stage(a=slow, b=quick)

    async def hedged() -> list[str]:
        config = Config(routes={"r": Route(targets(one), hedge=Hedge(after=2.0, budget_ratio=1.0))})
        async with Router(config, transport=one.transport) as router:
            return (await router.complete("Hi")).report.lines()

    assert perform(hedged()) == [
        "a: cancelled after 3.00 s, another target was faster",
        "b: answered in 1.00 s",
    ]

    async def left() -> list[str]:
        two = stage(a=says("A", "B", every_s=1.0))
        async with Router(targets(two), transport=two.transport) as router, router.stream("Hi") as stream:
            await anext(stream)
            await stream.aclose()
            return stream.report.lines()

    assert perform(left()) == ["a: cancelled after 0.00 s, the caller left"]

    async def diverged() -> list[str]:
        two = stage(a=breaks_off("One", " two"), b=says("Another"))
        config = Config(routes={"r": Route(targets(two), mid_stream=("replay",))})
        async with Router(config, transport=two.transport) as router:
            stream = router.stream("Hi")
            with pytest.raises(StreamInterrupted):
                await texts(stream)
            assert now_s() == 0.0
            return stream.report.lines()

    assert "b: cancelled after 0.00 s, it says something else" in perform(diverged())


def test_our_own_ends_are_told_as_ours(stage: MakeStage) -> None:
    def kind_of(**about: Any) -> tuple[ErrorKind, str]:
        async def ask(router: Router) -> None:
            if about.get("isolated"):
                router.isolate("a")
            await router.complete("Hi")

        settings = {name: value for name, value in about.items() if name != "isolated"}
        failure = failure_of(stage(a=says("A")), ask, **settings)
        return failure.kind, str(failure).partition(" [")[0]

    spent = {"price": Price(input=1e6, output=1e6), "budget_day": 0.5}
    assert kind_of(**spent) == (ErrorKind.BUDGET, "no target could be asked: budget")
    assert kind_of(isolated=True) == (ErrorKind.ISOLATED, "no target could be asked: isolated")
    assert kind_of(isolated=True, **spent) == (ErrorKind.ISOLATED, "no target could be asked: isolated")
