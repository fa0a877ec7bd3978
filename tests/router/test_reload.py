"""A changed file is picked up whole or not at all, under load, with health and budgets kept."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from standby.config import Health, Hedge, Retry, load
from standby.router.reload import Reloader
from standby.router.targets.live_target import LiveTarget

from stage import Play, Stage, now_s, perform, refuses, says, status, texts
from standby import CallFailed, Config, ConfigError, Route, Router, Target

MakeStage = Callable[..., Stage]

FILE = """\
targets:
  a: {{provider: openai, model: {model}, key: k, base_url: "https://a.test"}}
  b: {{provider: openai, model: {model}, key: k, base_url: "https://b.test"}}
routes:
  r: {{targets: [a, b]}}
"""


async def never() -> AsyncIterator[object]:
    await asyncio.Event().wait()
    yield None


def watching(router: Router, path: Path) -> tuple[Reloader, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    return Reloader(path, router.swap, lambda event, detail: told.append((event, detail)), never()), told


async def test_a_wrong_file_keeps_the_old_one_and_says_where(stage: MakeStage, tmp_path: Path) -> None:
    one = stage(a=says("A"))
    path = tmp_path / "standby.yaml"
    path.write_text(FILE.format(model="m1"))
    async with Router(path, transport=one.transport) as router:
        reloader, told = watching(router, path)
        spare = FILE.format(model="m1").replace("routes:", "  spare: {provider: groq, key: k}\nroutes:")
        wrongs = ("routes: {r: {targets: [a], deadlin_s: 3}}", "a: [", "", "targets: {a: {provider: opnai}}", spare)
        for wrong in wrongs:
            path.write_text(wrong)
            await reloader.look()
            assert await texts(router.stream("hi")) == ["A"]
        assert (reloader.reloads, reloader.refusals) == (0, len(wrongs))
        assert "standby.yaml:1:" in told[0][1]
        path.write_text(FILE.format(model="m2"))
        await reloader.look()
        await reloader.look()
        assert reloader.reloads == 1
        assert router.config.targets["a"].model == "m2"
        path.unlink()
        await reloader.look()
        assert router.config.targets["a"].model == "m2"


async def test_two_hundred_streams_outlive_a_thousand_rewritings(stage: MakeStage, tmp_path: Path) -> None:
    """Valid and broken in turn: no stream is lost, none mixes generations, and many generations serve."""
    deltas = [str(number) for number in range(5)]
    one = stage(a=refuses(), b=says(*deltas, every_s=0.2))
    path = tmp_path / "standby.yaml"
    path.write_text(FILE.format(model="m0"))
    served: set[bytes] = set()
    rewriting = True

    async with Router(path, transport=one.transport) as router:
        reloader, _ = watching(router, path)

        async def reader() -> None:
            while True:
                assert await texts(router.stream("hi")) == deltas
                if not rewriting:
                    return

        readers: list[asyncio.Task[None]] = []
        late: list[asyncio.Task[list[str]]] = []
        for number in range(1000):
            if number % 5 == 0:  # so that they do not all begin at once, and see the same generation
                readers.append(asyncio.create_task(reader()))
            path.write_text(FILE.format(model=f"m{number}") if number % 2 else "routes: [")
            await reloader.look()
            if number % 8 == 1:  # however slow the machine is, this generation serves
                before = len(one.bodies)
                late.append(asyncio.create_task(texts(router.stream("hi"))))
                while not any(f'"m{number}"'.encode() in body for body in one.bodies[before:]):  # noqa: ASYNC110
                    await asyncio.sleep(0)
        rewriting = False
        await asyncio.gather(*readers)
        assert all(answer == deltas for answer in await asyncio.gather(*late))
        served |= set(one.bodies)
    assert (reloader.reloads, reloader.refusals) == (500, 500)
    assert len(one.bodies) >= len(readers) + len(late) == 325
    generations = {body.split(b'"model":"')[1].split(b'"')[0] for body in served}
    assert len(generations) >= 100
    assert one.open == 0


async def test_health_is_kept_and_the_old_connections_close_with_their_last_call(
    stage: MakeStage, tmp_path: Path
) -> None:
    one = stage(a=refuses(), b=says("B", "B", every_s=0.001))
    path = tmp_path / "standby.yaml"
    path.write_text(FILE.format(model="m"))
    async with Router(path, transport=one.transport) as router:
        for _ in range(6):
            await texts(router.stream("hi"))
        assert one.count("a") == 5  # its breaker has opened
        stream = router.stream("hi")
        await anext(stream)
        old = router._shared.generation  # type: ignore[union-attr]
        transport = old.live("b").transport.transport  # type: ignore[attr-defined]
        router.swap(load(path, limits={"deadline_s": 7}))
        await asyncio.sleep(0)
        assert not transport.closed  # type: ignore[attr-defined]
        await texts(stream)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert transport.closed  # type: ignore[attr-defined]
        await texts(router.stream("hi"))
        assert one.count("a") == 5


@pytest.mark.leaves_behind  # the watcher's own thread, in Rust, closes its files a moment after it was told to
async def test_a_real_change_of_a_real_file_is_seen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "standby.yaml"
    path.write_text(FILE.format(model="m1"))
    with caplog.at_level(logging.INFO, logger="standby"):
        async with Router.from_yaml(path, reload=True) as router:
            assert router._reloader is not None
            swapped = asyncio.Event()
            plain_swap = router._reloader._swap
            router._reloader._swap = lambda config: (plain_swap(config), swapped.set())[0]  # type: ignore[func-returns-value]
            await asyncio.sleep(0)
            fresh = path.with_suffix(".new")
            async with asyncio.timeout(20):
                while not swapped.is_set():
                    fresh.write_text(FILE.format(model=f"m{asyncio.get_running_loop().time()}"))
                    fresh.replace(path)
                    await asyncio.wait([asyncio.ensure_future(swapped.wait())], timeout=3)
            assert router.config.targets["a"].model != "m1"
    assert any("standby.reloaded" in record.getMessage() for record in caplog.records)


async def test_without_a_file_there_is_nothing_to_watch() -> None:
    with pytest.raises(ConfigError, match="no file to watch"):
        Router(["koala"], reload=True)


async def test_a_call_that_fails_on_the_old_generation_ends_there(stage: MakeStage, tmp_path: Path) -> None:
    one = stage(a=refuses(), b=refuses())
    path = tmp_path / "standby.yaml"
    path.write_text(FILE.format(model="m"))
    async with Router(path, transport=one.transport) as router:
        stream = router.stream("hi")
        router.swap(load(path))
        with pytest.raises(CallFailed):
            await texts(stream)


async def test_targets_close_in_the_order_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one that hung on where objects lie in memory, no two simulated runs would be alike."""
    closed: list[str] = []

    async def aclose(live: LiveTarget) -> None:
        closed.append(live.label)

    monkeypatch.setattr(LiveTarget, "aclose", aclose)
    targets = [Target("koala", name=f"t{number}", base_url="http://t.test") for number in range(20)]
    async with Router(targets) as router:
        router.health()
    assert closed == [target.name for target in targets]


def configured(one: Stage, retry: Retry | None = None, hedge: Hedge | None = None, **health: float) -> Config:
    targets = {target.name: target for target in one.targets()}
    routes = {"default": Route(tuple(targets), hedge=hedge)}
    return Config(targets=targets, routes=routes, health=Health(**health), retry=retry or Retry())  # type: ignore[arg-type]


def test_targets_that_are_known_already_are_judged_by_the_new_settings(stage: MakeStage) -> None:
    one = stage(a=refuses(), b=says("B"))

    async def play() -> None:
        async with Router(configured(one, failures_in_row=100), transport=one.transport) as router:
            for _ in range(4):
                await router.complete("hi")
            assert router.health()[0].state == "closed"
            router.swap(configured(one, failures_in_row=5, open_s=60, open_max_s=60))
            await router.complete("hi")
            assert router.health()[0].state == "open", "what was seen before counts"
            opened_s = now_s()
            router.swap(configured(one, failures_in_row=5, open_s=1, open_max_s=1))
            await router.complete("hi")
            assert router.health()[0].state == "open", "and until when it is open stays"
            await asyncio.sleep(opened_s + 60 - now_s())
            await router.complete("hi")
            again = router.health()[0]
            assert again.until_s is not None
            assert again.until_s - now_s() <= 1

    perform(play())


def test_a_target_that_is_configured_no_more_comes_back_under_the_settings_of_its_return(stage: MakeStage) -> None:
    one = stage(a=status(401), b=says("B"))

    async def play() -> None:
        both = configured(one, park_auth_s=5)
        async with Router(both, transport=one.transport) as router:
            await router.complete("hi")
            await asyncio.sleep(6)
            router.swap(replace(both, targets={"b": both.targets["b"]}, routes={"default": Route(("b",))}))
            router.swap(configured(one, park_auth_s=50))
            await router.complete("hi")
            [park] = router.health()[0].parks
            assert park.until_s == now_s() + 100, "the second refusal doubles what is set now"

    perform(play())


def test_a_new_budget_of_retries_is_one_for_known_targets_too(stage: MakeStage) -> None:
    one = stage(a=[Play(status=500), says("A")] * 100, b=says("B"))
    none, many = Retry(budget_ratio=0.0, budget_floor_per_s=0.0), Retry(budget_ratio=1.0)

    async def play() -> None:
        async with Router(configured(one, many), transport=one.transport) as router:
            router.swap(configured(one, none))
            answers = [(await router.complete("hi")).target for _ in range(40)]
            assert "b" in answers[-20:], "what was saved is spent"
            router.swap(configured(one, many))
            await asyncio.sleep(100)
            assert {(await router.complete("hi")).target for _ in range(20)} == {"a"}

    perform(play())


@pytest.mark.parametrize("late", [True, False])
def test_hedging_begins_and_ends_with_the_file_that_says_so(stage: MakeStage, *, late: bool) -> None:
    one = stage(a=says("A", first_s=5.0), b=says("B"))
    hedged, plain = configured(one, hedge=Hedge(after=1.0, budget_ratio=1.0)), configured(one)
    first, then = (plain, hedged) if late else (hedged, plain)

    async def play() -> None:
        async with Router(first, transport=one.transport) as router:
            assert (await router.complete("hi")).target == ("a" if late else "b")
            router.swap(then)
            assert [(await router.complete("hi")).target for _ in range(3)] == ["b" if late else "a"] * 3
            router.swap(configured(one, hedge=Hedge(after=1.0, budget_ratio=0.0)))
            answers = [(await router.complete("hi")).target for _ in range(15)]
            assert answers[-1] == "a", "no call earns a hedge any more"

    perform(play())


@pytest.mark.parametrize("then", [4, None])
def test_calls_that_wait_for_a_place_have_those_of_a_file_that_gives_more(stage: MakeStage, then: int | None) -> None:
    one = stage(a=says("A", first_s=2.0))

    def places(concurrency: int | None) -> Config:
        [target] = one.targets(concurrency=concurrency)
        return Config(targets={"a": target}, routes={"default": Route(("a",))})

    async def play() -> None:
        async with Router(places(1), transport=one.transport) as router:
            waiting = [asyncio.create_task(router.complete("hi")) for _ in range(4)]
            await asyncio.sleep(0.5)
            router.swap(places(1))
            router.swap(places(then))
            late = [asyncio.create_task(router.complete("hi")) for _ in range(4)]
            await asyncio.gather(*waiting)
            assert now_s() == 2.5, "those that wait begin at once"
            await asyncio.gather(*late)
            assert now_s() == (4.5 if then else 2.5)

    perform(play())
    assert one.open == 0


def test_calls_that_wait_for_a_place_have_no_more_than_a_file_that_gives_fewer(stage: MakeStage) -> None:
    one = stage(a=says("A", first_s=2.0))

    def places(concurrency: int, key: str = "k") -> Config:
        [target] = [replace(target, key=key) for target in one.targets(concurrency=concurrency)]
        return Config(targets={"a": target}, routes={"default": Route(("a",))})

    async def play() -> None:
        async with Router(places(3), transport=one.transport) as router:
            calls = [asyncio.create_task(router.complete("hi")) for _ in range(5)]
            await asyncio.sleep(0.5)
            router.swap(places(1))
            router.swap(places(9, key="another"))  # which is another target
            await asyncio.gather(*calls)
            assert [at_s for at_s, _ in one.asked] == [0.0, 0.0, 0.0, 2.0, 4.0]

    perform(play())
