"""What goes wrong on the first day, on real sockets: each error says what happened, where, and what to do."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standby.config import Hedge, NoTargets

import standby
from canaries import CANARY_KEY, assert_no_canary
from playing import Playing
from standby import (
    AllTargetsFailed,
    CallFailed,
    Config,
    ConfigError,
    ErrorKind,
    InvalidRequest,
    NoTargetAvailable,
    Route,
    Router,
    StreamInterrupted,
    Target,
)
from standby.adapters import UnknownProvider
from standby.testing import Answer, At, Failure, Insert, Page, Request, Script, redirect

TEXT = "Welcome!"


def target(url: str, **about: Any) -> Target:
    return Target("openai", **{"model": "m", "key": CANARY_KEY, "base_url": url, **about})


async def failure_of(*targets: str | Target, **options: Any) -> CallFailed:
    async with Router(targets) as router:
        with pytest.raises(CallFailed) as caught:
            await router.complete("Hello?", **options)
    assert_no_canary(caught.value)
    return caught.value


async def test_a_wrong_key(simulator: Playing) -> None:
    simulator.play("lead", Failure(ErrorKind.AUTH, message=f"Incorrect API key provided: {CANARY_KEY}."))
    failure = await failure_of(target(simulator.base_url("lead")))
    assert failure.kind is ErrorKind.AUTH
    assert "openai/m: auth (401, invalid_api_key) after" in str(failure)
    assert "the provider refuses the key or the rights of this target" in str(failure)


@pytest.mark.parametrize("hedged", [False, True])
async def test_a_missing_package_takes_out_its_own_target_only(
    simulator: Playing, monkeypatch: pytest.MonkeyPatch, hedged: bool
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.eventstream", None)
    simulator.play("lead", TEXT)
    bedrock = Target("bedrock", model="anthropic.claude", name="aws", key="k", options={"region": "eu-west-1"})
    route = Route((bedrock, target(simulator.base_url("lead"))), hedge=Hedge(after=5) if hedged else None)
    async with Router(Config(routes={"default": route})) as router:
        plan = router.explain()
        answer = await router.complete("Hello?")
    assert answer.text == TEXT
    assert [skip.reason for skip in answer.report.skipped] == ["missing_extra"]
    assert "pip install 'standby[bedrock]'" in answer.report.skipped[0].line()
    assert [each.target for each in plan.asked] == ["openai/m"]
    failure = await failure_of(bedrock)
    assert isinstance(failure, NoTargetAvailable)
    assert "pip install 'standby[bedrock]'" in str(failure)


async def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    failure = await failure_of("openai/gpt-5-mini")
    assert isinstance(failure, NoTargetAvailable)
    assert failure.kind is ErrorKind.AUTH
    assert "openai/gpt-5-mini: skipped, no key: set OPENAI_API_KEY" in str(failure)


async def test_http_where_https_is_wanted(simulator: Playing) -> None:
    """A provider's plain port redirects every request to the right one; the key does not go along."""
    simulator.play("lead", redirect("https://api.provider.test/v1/chat/completions", 301))
    failure = await failure_of(target(simulator.base_url("lead")))
    assert failure.kind is ErrorKind.PROTOCOL
    assert "redirected, which is never followed" in str(failure)
    assert "base_url should probably begin with https://api.provider.test" in str(failure)
    assert len(simulator.exchanges) == 1


async def test_https_where_http_is_spoken() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        failure = await failure_of(target(f"https://127.0.0.1:{port}/v1"))
    assert failure.kind is ErrorKind.TLS
    assert f"no TLS with 127.0.0.1:{port}" in str(failure)


@pytest.mark.parametrize("page", [Page(b"404 page not found", 404, "text/plain"), Page(b"<html>404</html>", 404)])
async def test_a_base_url_without_its_v1(simulator: Playing, page: Page) -> None:
    def served(request: Request) -> Script:
        return Script(TEXT if request.path == "/v1/chat/completions" else page)

    simulator.play("lead", served)
    url = simulator.base_url("lead")
    failure = await failure_of(target(url))
    assert failure.kind is ErrorKind.NOT_FOUND
    assert "(404)" in str(failure)
    assert "nothing is at this URL" in str(failure)
    async with Router([target(f"{url}/v1/")]) as router:
        assert (await router.complete("Hello?")).text == TEXT


async def test_a_base_url_without_a_scheme() -> None:
    with pytest.raises(ConfigError, match="base_url must be an address that begins with http:// or https://"):
        target("api.openai.com/v1")


async def test_a_provider_that_is_down(simulator: Playing) -> None:
    url = simulator.refused_url()
    failure = await failure_of(target(url), target(url, name="other"))
    assert isinstance(failure, AllTargetsFailed)
    assert failure.kind is ErrorKind.CONNECT
    where = url.removeprefix("http://")
    for line, name in zip(failure.report.lines(), ("openai/m", "other"), strict=True):
        assert line.startswith(f"{name}: connect after 0.0")
        assert line.endswith(f" s, no connection to {where} (refused)")
        assert line in str(failure)


async def test_a_host_that_does_not_exist(simulator: Playing) -> None:
    failure = await failure_of(target("https://api.opnai.test/v1"))
    assert failure.kind is ErrorKind.DNS
    assert "the name of api.opnai.test:443 cannot be resolved" in str(failure)


@pytest.mark.parametrize("whole", [False, True], ids=["stream", "complete"])
async def test_a_line_of_a_megabyte_is_an_ordinary_line(simulator: Playing, whole: bool) -> None:
    long = "long " * 200_000 + "ü"
    simulator.play("lead", Answer(("It is ", long, " indeed.")))
    async with Router([target(simulator.base_url("lead"))]) as router:
        if whole:
            text = (await router.complete("Hello?")).text
        else:
            async with router.stream("Hello?") as stream:
                text = "".join([piece async for piece in stream.text()])
    assert text == f"It is {long} indeed."


async def test_an_event_of_nine_mebibytes_is_refused(simulator: Playing) -> None:
    huge = b'data: {"choices":[{"delta":{"content":"' + b"x" * (9 * 2**20) + b'"}}]}\n\n'
    simulator.play("lead", Script(TEXT, (Insert(At.delta(0), huge),)))
    simulator.play("next", TEXT)
    async with Router([target(simulator.base_url("lead")), target(simulator.base_url("next"), name="next")]) as router:
        answer = await router.complete("Hello?")
    assert (answer.text, answer.target) == (TEXT, "next")
    assert answer.report.attempts[0].kind is ErrorKind.PROTOCOL
    assert "8388608" in answer.report.attempts[0].detail


async def test_an_event_of_nine_mebibytes_breaks_a_delivered_answer_off(simulator: Playing) -> None:
    huge = b'data: {"choices":[{"delta":{"content":"' + b"x" * (9 * 2**20) + b'"}}]}\n\n'
    simulator.play("lead", Script(Answer(("One ", "two ", "three")), (Insert(At.delta(2), huge),)))
    async with Router([target(simulator.base_url("lead"))]) as router:
        with pytest.raises(StreamInterrupted) as caught:
            async with router.stream("Hello?", mid_stream=()) as stream:
                async for _ in stream:
                    pass
    assert (caught.value.kind, caught.value.partial) == (ErrorKind.PROTOCOL, "One two ")


# Mistakes in code


@pytest.fixture
async def never_asked(simulator: Playing) -> AsyncIterator[Router]:
    """A Router with one target that must not be reached: a mistake is seen before anything is sent."""
    simulator.play("lead", "Never asked.")
    async with Router([target(simulator.base_url("lead"))]) as router:
        yield router
    assert not simulator.connections_seen


@pytest.mark.parametrize("targets", [[], ()])
def test_no_targets(targets: Any) -> None:
    with pytest.raises(NoTargets, match=r"give at least one, for example Router\(\['koala', 'openai/gpt-5-mini'\]\)"):
        Router(targets)


@pytest.mark.parametrize("source", ["koala", "openai/gpt-5-mini"])
def test_a_target_that_is_no_list(source: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"there is no file '{source}'; targets are given in a list, the best first: \['{source}'\]"
    ):
        Router(source)
    with pytest.raises(ConfigError, match="targets are given in a list"):
        Router(Target("koala"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"targets are given in a list, the best first: \['koala'\]"):
        standby.ask("Hello?", targets="koala")


async def test_a_call_whose_targets_are_no_list(never_asked: Router) -> None:
    with pytest.raises(ConfigError, match=r"targets are given in a list, the best first: \['openai/"):
        await never_asked.complete("Hello?", targets="openai/gpt-5-mini")


@pytest.mark.parametrize("wrong", [None, 5, {"provider": "koala"}])
async def test_a_target_that_is_none(never_asked: Router, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="a target is a text like 'openai/gpt-5-mini', or a Target"):
        Router(["koala", wrong])
    with pytest.raises(ConfigError, match="a target is a text like 'openai/gpt-5-mini', or a Target"):
        await never_asked.complete("Hello?", targets=[wrong])


def test_a_missing_file_is_called_a_file() -> None:
    with pytest.raises(ConfigError, match=r"standby-of-mine\.yaml: cannot be read: no such file"):
        Router("standby-of-mine.yaml")


async def test_a_provider_that_is_not_known() -> None:
    async with Router(["koala", "opnai/gpt-5-mini"]) as router:
        with pytest.raises(
            UnknownProvider, match=r"unknown provider 'opnai'; did you mean 'openai'\? Known: anthropic,"
        ):
            await router.complete("Hello?")
    async with Router(["zzz"]) as router:
        with pytest.raises(UnknownProvider, match=r"unknown provider 'zzz'\. Known: anthropic,"):
            await router.complete("Hello?")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"temprature": 1}, "unknown option 'temprature'; did you mean 'temperature'?"),
        ({"max_token": 1}, "unknown option 'max_token'; did you mean 'max_tokens'?"),
        ({"dedline_s": 1}, "unknown option 'dedline_s'; did you mean 'deadline_s'?"),
        ({"reasoning_split": True}, "A field of one dialect goes into extra={…}."),
        ({"model": "gpt-5"}, "unknown option 'model'; a model is part of a target: targets=['openai/gpt-5-mini']"),
        ({"timeout": 5}, "unknown option 'timeout'; did you mean 'deadline_s'?"),
        ({"temperature": "hot"}, "temperature is not a number"),
    ],
    ids=lambda option: next(iter(option)) if isinstance(option, dict) else "",
)
async def test_an_option_that_is_not_known(never_asked: Router, option: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await never_asked.complete("Hello?", **option)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"deadline_s": -1}, "deadline_s must be more than 0"),
        ({"upstream": "both"}, "upstream must be 'stream' or 'single', but is 'both'"),
        ({"route": "nowhere"}, "there is no route 'nowhere'; configured are default"),
        ({"mid_stream": ["begin_again"]}, "mid_stream"),
        ({"mid_stream": "replay"}, "mid_stream"),
        ({"route": "default", "targets": ["koala"]}, "give route or targets, not both"),
    ],
    ids=lambda option: next(iter(option)) if isinstance(option, dict) else "",
)
async def test_an_option_that_makes_no_sense(never_asked: Router, option: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await never_asked.complete("Hello?", **option)
    assert said in str(caught.value)


@pytest.mark.parametrize("messages", ["", [], [{"rol": "user"}], 5, None])
async def test_a_question_that_is_none(never_asked: Router, messages: Any) -> None:
    with pytest.raises(InvalidRequest):
        await never_asked.complete(messages)


async def test_a_provider_without_a_default_model() -> None:
    async with Router(["ollama"]) as router:
        with pytest.raises(ConfigError, match="ollama has no default model; write ollama/MODEL"):
            await router.complete("Hello?")
