"""A transport that a user brings: it serves calls through the Router, and its bugs harm no more than its target."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from standby.config import Retry

from stage import SILENT, Play, Stage, perform, says, status, texts
from standby import CallFailed, Config, ConfigError, ErrorKind, ProviderError, Route, Router, Target
from standby.adapters import Exchange, Transport, TransportOptions, WireRequest, http_transport
from standby.testing import Answer, Simulator

PAGE = Path(__file__).parents[2] / "docs" / "transports.md"


def test_the_examples_of_the_page_print_what_it_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    program = "".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    shown = "".join(re.findall(r"```text\n(.*?)```", page, re.DOTALL))
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (shown, "")
    assert shown


# What it is made with


async def test_each_target_has_its_own_made_at_its_first_request_with_its_options() -> None:
    one = Stage(a=says("A"), b=says("B"))
    made: list[TransportOptions] = []

    def make(options: TransportOptions) -> Transport:
        made.append(options)
        return one.transport(options)

    first, second = one.targets("a", "b")
    config = Config(
        targets={"a": Target("openai", model="m", key="k", base_url=first.base_url, connections_max=7), "b": second},
        routes={"both": Route(("a", "b")), "last": Route(("b",))},
    )
    async with Router(config, transport=make, wall=lambda: 86_400.0) as router:
        assert made == []
        for _ in range(3):
            assert (await router.complete("hi", route="both")).text == "A"
        assert [options.connections_max for options in made] == [7]
        assert (await router.complete("hi", route="last")).text == "B"
    assert [options.connections_max for options in made] == [7, 1000]
    assert [options.wall() for options in made] == [86_400.0] * 2


@pytest.mark.parametrize("wrong", [Stage(), "http", 7])
def test_what_makes_no_transport_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(
        ConfigError, match="transport must be a function that makes the transport of a target"
    ) as caught:
        Router(["koala"], transport=wrong)
    assert "lambda options: it" in str(caught.value)


# What it is held to


class Buggy:
    """A transport of a stage with a bug in one method of its own, or of its exchanges."""

    def __init__(self, one: Stage, place: str, error: BaseException) -> None:
        self._inner = one.transport(TransportOptions())
        self._place, self._error = place, error

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> Exchange:
        if self._place == "open" and wire.url.startswith("https://a."):
            raise self._error
        exchange = await self._inner.open(wire, connect_s=connect_s, expect_stream=expect_stream)
        if wire.url.startswith("https://a.") and self._place in ("read", "interrupt", "close", "release"):
            proper, error = getattr(exchange, self._place), self._error

            async def read() -> bytes:
                raise error

            def act(*what: Any) -> None:
                proper(*what)
                raise error

            setattr(exchange, self._place, read if self._place == "read" else act)
        return exchange

    async def aclose(self) -> None:
        await self._inner.aclose()
        if self._place == "aclose":
            raise self._error


def two(one: Stage) -> Config:
    return Config(routes={"r": Route(tuple(one.targets("a", "b")))}, retry=Retry(attempts=1))


@pytest.mark.parametrize("kind", [ConnectionResetError, TimeoutError, KeyError, asyncio.CancelledError])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("place", ["open", "read"])
def test_what_it_raises_is_a_failure_of_its_target_and_its_words_are_not_shown(
    place: str, whole: bool, kind: type[BaseException]
) -> None:
    """A cancellation, too, that comes of the transport's own waits: no task of the caller's was cancelled."""
    one = Stage(a=says("A"), b=says("B"))
    error = kind("sk-secret in the words of a third party")

    async def play() -> None:
        async with Router(two(one), transport=lambda options: Buggy(one, place, error)) as router:
            if whole:
                answer = await router.complete("hi")
                text, report = answer.text, answer.report
            else:
                async with router.stream("hi") as stream:
                    text, report = "".join([piece async for piece in stream.text()]), stream.report
            failed = report.attempts[0]
            assert (text, failed.target, failed.kind) == ("B", "a", ErrorKind.PROTOCOL)
            with pytest.raises(CallFailed) as caught:
                await router.complete("hi", targets=one.targets("a"))
            assert f"the transport's {place} raised {kind.__name__}: a bug in it" in repr(caught.value.exceptions)  # type: ignore[attr-defined]
            assert "sk-secret" not in f"{caught.value} {caught.value!r} {report.to_dict()}"

    perform(play())
    assert one.open == 0


@pytest.mark.parametrize("place", ["interrupt", "close", "release"])
def test_a_bug_where_no_call_can_fail_by_it_is_told_and_harms_none(place: str) -> None:
    plays = {"interrupt": says("A", first_s=1e9), "close": status(500), "release": says("A")}
    one = Stage(a=plays[place], b=says("B"))
    told: list[dict[str, Any]] = []

    async def play() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        async with Router(two(one), transport=lambda options: Buggy(one, place, KeyError("sk-secret"))) as router:
            assert await texts(router.stream("hi")) == ["A" if place == "release" else "B"]

    perform(play())
    assert {context["message"] for context in told} == {
        f"standby: the transport's {place} raised KeyError: a bug in it"
    }
    assert "sk-secret" not in repr(told)


def test_a_transport_that_cannot_be_made_is_a_failure_of_its_target() -> None:
    one = Stage(b=says("B"))

    def make(options: TransportOptions) -> Transport:
        if not made:
            made.append(options)
            raise ProviderError(ErrorKind.CONNECT, "no route")
        return one.transport(options)

    made: list[TransportOptions] = []
    config = Config(routes={"r": Route((*Stage(a=SILENT).targets(), *one.targets()))}, retry=Retry(attempts=1))

    async def play() -> None:
        async with Router(config, transport=make) as router:
            assert (await router.complete("hi")).text == "B"

    perform(play())


# How it ends


def test_all_are_closed_though_one_of_them_raises_and_the_router_tells() -> None:
    one = Stage(a=says("A"), b=says("B"))
    made: list[Buggy] = []

    def make(options: TransportOptions) -> Transport:
        made.append(Buggy(one, "aclose", RuntimeError("it does not close")))
        return made[-1]

    async def play() -> None:
        router = Router(two(one), transport=make)
        router.enter()
        for target in one.targets():
            await router.complete("hi", targets=[target])
        with pytest.raises(RuntimeError, match="it does not close"):
            await router.aclose()

    perform(play())
    assert [each._inner.closed for each in made] == [True, True]


def test_that_of_a_target_which_is_forgotten_is_closed_and_the_router_waits_for_it() -> None:
    one = Stage(a=says("A"))
    closed: list[float] = []

    class Slow:
        def __init__(self) -> None:
            self._inner = one.transport(TransportOptions())

        async def open(self, wire: WireRequest, **how: Any) -> Exchange:
            return await self._inner.open(wire, **how)

        async def aclose(self) -> None:
            await asyncio.sleep(5.0)
            closed.append(asyncio.get_running_loop().time())

    async def play() -> None:
        async with Router([Target("koala", key="k")], transport=lambda options: Slow()) as router:
            assert (await router.complete("hi", targets=one.targets())).text == "A"
            await asyncio.sleep(300.0)
            assert len(closed) == 1
            assert (await router.complete("hi", targets=one.targets())).text == "A"
        assert len(closed) == 2

    perform(play())


@pytest.mark.parametrize("head_after_s", [0.0, 1e9])
def test_a_caller_that_is_cancelled_is_told_so_and_nothing_stays_open(head_after_s: float) -> None:
    one = Stage(a=Play([(1e9, b"")], head_after_s=head_after_s))

    async def play() -> None:
        async with Router(one.targets(), transport=one.transport) as router:
            call = asyncio.create_task(router.complete("hi"))
            await asyncio.sleep(1.0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert one.open == 0
            assert router.health()[0].state == "closed"

    perform(play())


def test_a_clock_ends_a_response_from_elsewhere_too() -> None:
    one = Stage(a=says("A", "B", every_s=100.0), b=says("B"))

    async def play() -> None:
        async with Router(two(one), transport=one.transport) as router:
            with pytest.raises(CallFailed) as caught:
                await texts(router.stream("hi", mid_stream=()))
            assert caught.value.kind is ErrorKind.STALLED

    perform(play())
    assert one.open == 0


async def test_the_standard_one_serves_behind_another() -> None:
    seen: list[bytes] = []

    class Recording:
        def __init__(self, options: TransportOptions) -> None:
            self._inner = http_transport(options)

        async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> Exchange:
            seen.append(wire.body)
            return await self._inner.open(wire, connect_s=connect_s, expect_stream=expect_stream)

        async def aclose(self) -> None:
            await self._inner.aclose()

    async with Simulator() as simulator:
        simulator.play("lead", Answer("It rains."))
        target = Target("openai", model="m", key="k", base_url=simulator.base_url("lead"))
        async with Router([target], transport=Recording) as router:
            texts_of = [(await router.complete("hi")).text for _ in range(2)]
            async with router.stream("hi") as stream:
                texts_of.append("".join([piece async for piece in stream.text()]))
            assert len(set(texts_of)) == 1
            assert texts_of[0]
    assert len(seen) == 3
