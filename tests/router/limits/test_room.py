"""What a provider says that a request has used is booked if window and cap allow it, and estimated if they do not."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standby.config import Price
from standby.providers import registry
from standby.providers.events import ProviderEvent, Usage
from standby.router.limits.usage_bounds import CAP_SLACK, TOKENS_MAX, WINDOW_SLACK, UsageBounds
from standby.router.targets.live_target import LiveTarget

from stage import DONE, Play, Stage, chunk, perform, says
from standby import Router, Target

MakeStage = Callable[..., Stage]

A_DOLLAR_A_TOKEN = Price(input=1e6, output=1e6)


@pytest.mark.parametrize(
    ("room", "usage", "held"),
    [
        (UsageBounds(), Usage(0, 0), True),
        (UsageBounds(), Usage(TOKENS_MAX, TOKENS_MAX), True),
        (UsageBounds(), Usage(TOKENS_MAX + 1, 0), False),
        (UsageBounds(), Usage(0, TOKENS_MAX + 1), False),
        (UsageBounds(), Usage(-1, 0), False),
        (UsageBounds(), Usage(0, -1), False),
        (UsageBounds(window=1000), Usage(int(1000 * WINDOW_SLACK), 0), True),
        (UsageBounds(window=1000), Usage(int(1000 * WINDOW_SLACK) + 1, 0), False),
        (UsageBounds(window=1000), Usage(0, int(1000 * WINDOW_SLACK) + 1), False),
        (UsageBounds(cap=10), Usage(0, 10 + CAP_SLACK), True),
        (UsageBounds(cap=10), Usage(0, 11 + CAP_SLACK), False),
        (UsageBounds(cap=10), Usage(0, 110 + CAP_SLACK, None, 100), True),  # thoughts beside the cap
        (UsageBounds(window=1000, cap=10), Usage(0, 2000, None, 2000), False),  # but not beside the window
        (UsageBounds(), Usage(5, 5, -1), False),
        (UsageBounds(), Usage(5, 5, None, -1), False),
        (UsageBounds(), Usage(5, 5, 10**400), False),
    ],
)
def test_counts_fit_their_window_and_cap(room: UsageBounds, usage: Usage, held: bool) -> None:
    assert room.holds(usage) is held


ANYTHING: Any = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3) | st.just(10**400)


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_what_fits_is_whole_numbers_whatever_an_adapter_makes(sent: Any, answered: Any, cached: Any, t: Any) -> None:
    usage = Usage(sent, answered, cached, t)
    if UsageBounds(window=1000).holds(usage):
        counts = [sent, answered, *(part for part in (cached, t) if part is not None)]
        assert all(type(count) is int and 0 <= count <= 1500 for count in counts)


NONSENSE: list[Any] = [
    Usage(-(10**9), 0),
    Usage(0, -5),
    Usage(10**400, 1),
    Usage(1, 10**400),
    Usage(1e308, 1),  # type: ignore[arg-type]
    Usage(float("nan"), float("inf")),  # type: ignore[arg-type]
    Usage(1.5, 1),  # type: ignore[arg-type]
    Usage(True, False),
    Usage("12", None),  # type: ignore[arg-type]
    Usage(5, 5, "many"),  # type: ignore[arg-type]
    Usage(100_010, 1),
    Usage(1, 100_010),
]


class Miscounting:
    """A plug-in's provider: the openai adapter, with made-up counts at the end of its answers."""

    name = "miscounting"

    def __init__(self) -> None:
        self._real = registry.get("openai")
        self.info = self._real.info
        self.says: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def capabilities(self, model: str) -> Any:
        return self._real.capabilities(model)

    def build_request(self, chat: Any, endpoint: Any) -> Any:
        return self._real.build_request(chat, endpoint)

    def error_for(self, head: Any, body: bytes) -> Any:
        return self._real.error_for(head, body)

    def decoder(self, head: Any) -> Any:
        inner, said = self._real.decoder(head), self.says

        class Adding:
            finish = property(lambda self: inner.finish)
            closed = property(lambda self: inner.closed)
            failure = property(lambda self: inner.failure)

            def feed(self, data: bytes) -> list[ProviderEvent]:
                return [*inner.feed(data), *(said if inner.finish is not None else [])]

            def end(self) -> list[ProviderEvent]:
                return inner.end()

        return Adding()


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Miscounting:
    provider = Miscounting()
    monkeypatch.setitem(registry._registered, provider.name, provider)
    return provider


def _live(router: Router) -> LiveTarget:
    return router._entered().generation.all_live()[0]


@pytest.mark.parametrize("priced", [True, False])
@pytest.mark.parametrize("said", NONSENSE, ids=map(str, range(len(NONSENSE))))
def test_nonsense_of_any_adapter_is_an_estimate_and_nothing_stays_held(
    stage: MakeStage, plug_in: Miscounting, said: Any, priced: bool
) -> None:
    one = stage(a=says("It rains."))
    plug_in.says = [said]
    about: dict[str, Any] = {"price": A_DOLLAR_A_TOKEN, "budget_day": 1e6, "tokens_per_min": 10**6} if priced else {}
    target = Target(
        "miscounting",
        model="m",
        name="a",
        key="k",
        base_url="https://a.test",
        concurrency=1,
        capabilities={"context_window": 4000},
        **about,
    )

    async def play() -> None:
        async with Router([target], rng=random.Random(7), transport=one.transport) as router:
            for _ in range(3):
                answer = await router.complete("hi", max_tokens=50)
                assert answer.text == "It rains."
                report, booked = answer.report, answer.report.tokens
                assert report.estimated
                assert report.attempts[0].estimated
                assert booked is not None
                assert answer.usage == report.usage == booked
                assert 0 <= booked.input_tokens <= 4000
                assert 0 < booked.output_tokens <= 50
                live = _live(router)
                assert live.limits.in_flight == 0
                if priced:
                    assert report.cost == booked.input_tokens + booked.output_tokens
                    assert (live.ledger.reserved, live.ledger._reservations) == (0.0, 0)
            if priced:
                assert live.ledger.spent_day == pytest.approx(3 * (report.cost or 0))
                assert live.limits._tokens.used == 3 * (booked.input_tokens + booked.output_tokens)
            assert live.latency.tokens_per_s is None

    perform(play())


def test_nonsense_after_a_sound_count_makes_that_one_doubtful(stage: MakeStage, plug_in: Miscounting) -> None:
    one = stage(a=says("x" * 400))

    async def play() -> None:
        async with Router(
            [Target("miscounting", model="m", name="a", key="k", base_url="https://a.test", price=A_DOLLAR_A_TOKEN)],
            transport=one.transport,
        ) as router:
            for counts, wanted, estimated in (
                ([Usage(9, 1), Usage(9, -4)], Usage(9, 150), True),  # as much as was said may have been written
                ([Usage(9, -4), Usage(9, 120)], Usage(9, 120), False),
            ):
                plug_in.says = counts
                report = (await router.complete("hi")).report
                assert (report.tokens, report.estimated) == (wanted, estimated)

    perform(play())


@pytest.mark.parametrize("digits", ["-1000000000", "1" + "0" * 400, "1e308", "1.5", "true"])
def test_the_wire_cannot_move_a_window_or_a_budget(stage: MakeStage, digits: str) -> None:
    usage = f'data: {{"choices":[],"usage":{{"prompt_tokens":{digits},"completion_tokens":1}}}}\n\n'.encode()
    one = stage(a=Play([(0.0, chunk("Hi") + chunk(finish="stop") + usage + DONE)]))
    limits: dict[str, Any] = {"tokens_per_min": 100_000, "concurrency": 2, "budget_day": 1.0}

    async def play() -> None:
        async with one.router(price=Price(input=1, output=1), **limits) as router:
            answers = await asyncio.gather(*(router.complete("hi") for _ in range(5)))
            assert [answer.text for answer in answers] == ["Hi"] * 5
            assert all(answer.report.estimated for answer in answers)
            live = _live(router)
            assert live.limits.in_flight == 0
            assert 0 < live.limits._tokens.used < 200
            assert 0.0 < live.ledger.spent_day < 1e-3

    perform(play())


def test_a_stream_and_a_single_answer_are_held_to_the_same(stage: MakeStage) -> None:
    body = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":-3}}'
    one = stage(a=Play([(0.0, body)], headers={"content-type": "application/json"}))

    async def play() -> None:
        async with one.router() as router:
            for upstream in ("stream", "single"):
                report = (await router.complete("hi", upstream=upstream)).report  # type: ignore[arg-type]
                assert report.estimated
                assert report.tokens is not None
                assert report.tokens.input_tokens > 0

    perform(play())
