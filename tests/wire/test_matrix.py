"""Every ordered pair of providers fails over before the commit, on real sockets: the first fails, the second answers.

The second gets the whole conversation in its own dialect, however the first one said it, and the caller gets the
second's answer. Opaque state goes only to the provider that made it.
"""

import json
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

import pytest
from standby.config import Retry
from standby.providers import registry
from standby.providers.chat import Reasoning
from standby.providers.dialects.compatible import PRESETS

from components import need
from standby import (
    CallFailed,
    ChatRequest,
    Config,
    ErrorKind,
    ImagePart,
    Message,
    Route,
    Router,
    Target,
    TextPart,
    Tool,
    ToolCall,
)
from standby.testing import Answer, At, ErrorEvent, Exchange, Failure, Script, Simulator

NATIVE = (
    "anthropic", "azure-openai", "bedrock", "cohere", "gemini", "koala", "mistral", "ollama", "openai",
    "openai-responses",
)  # fmt: skip
PROVIDERS = (*NATIVE, "groq")
"""One for each module of dialects; a preset stands for all rows of the chat protocol."""
TEXT_ONLY = {"koala"}
PAIRS = list(product(PROVIDERS, PROVIDERS))
RING = list(pairwise([*PRESETS, next(iter(PRESETS))]))
"""Every preset once as the first and once as the second."""

FAULTS = ("a refusal", "an error in the stream", "a refused connection")
"""What befalls the first target: each pair meets one, and the pairs take turns."""
BUSY = Failure(ErrorKind.OVERLOADED)

PICTURE = "iVBORw0KGgo="
ARGUMENTS = {"city": "Paris"}
RESULT = "It is 21 there."
THOUGHT, SIGNATURE, SEALED = "I wonder where that is.", "U2lnbmVk", "U2VhbGVk"
STATE = (THOUGHT, SIGNATURE, SEALED)
"""State that a provider wants back from the turn that it made, and no other provider shall see."""
STATELESS = {"koala"}
"""Its dialect has no way to give it back."""

NEXT_CALL = ToolCall("D681PevKs", "get_time", '{"zone":"CET"}')
SAYS = "It is 21 degrees; let me see the time."


@pytest.fixture(autouse=True, scope="module")
def _with_botocore() -> None:
    need("botocore")


def dialect_of(name: str) -> str:
    """What the simulator speaks to this provider."""
    return name if name in NATIVE else registry.get(name).info.dialect


def conversation(maker: str) -> ChatRequest:
    """A system text, an image, a tool that was called by `maker`, and its result."""
    call = ToolCall("call_A1", "get_weather", json.dumps(ARGUMENTS), signature=SIGNATURE)
    thoughts = (Reasoning(THOUGHT, SIGNATURE), Reasoning("", None, SEALED))
    return ChatRequest(
        system="Be terse.",
        messages=(
            Message("user", (TextPart("Weather here?"), ImagePart(f"data:image/png;base64,{PICTURE}"))),
            Message("assistant", (TextPart("I look."),), (call,), reasoning=thoughts, origin=maker),
            Message("tool", (TextPart(RESULT),), tool_call_id=call.id),
        ),
        tools=(Tool("get_weather", "Weather."), Tool("get_time", "Time.")),
    )


class Play:
    """Two targets on one route: the first one is struck by a fault, the second answers."""

    def __init__(self, simulator: Simulator, first: str, second: str, fault: str, answer: Answer) -> None:
        broken = Script("Never heard.", (ErrorEvent(At.delta(0), BUSY),)) if fault == FAULTS[1] else Script(BUSY)
        simulator.play("first", broken, dialect=dialect_of(first))
        simulator.play("second", answer, dialect=dialect_of(second))
        where = simulator.refused_url() if fault == FAULTS[2] else simulator.base_url("first")
        targets = {
            "first": _target("first", first, where),
            "second": _target("second", second, simulator.base_url("second")),
        }
        self.simulator = simulator
        self.router = Router(Config(targets=targets, routes={"r": Route(tuple(targets))}, retry=Retry(attempts=1)))

    def asked(self, target: str) -> list[Exchange]:
        """What reached a target."""
        return [exchange for exchange in self.simulator.exchanges if exchange.provider == target]


def _target(name: str, provider: str, base_url: str) -> Target:
    region = {"region": "eu-central-1"} if provider == "bedrock" else {}
    model = registry.get(provider).info.default_model or "model-1"
    return Target(provider, model=model, name=name, key="k", base_url=base_url, options=region)


def fault_of(first: str, second: str) -> str:
    """Which fault a pair meets: every provider meets each of them, as the first of one pair or another."""
    return FAULTS[(PROVIDERS.index(first) + PROVIDERS.index(second)) % len(FAULTS)]


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_plain_text_goes_over(standby_simulator: Simulator, first: str, second: str) -> None:
    await _plain_text_goes_over(standby_simulator, first, second, fault_of(first, second))


@pytest.mark.parametrize(("first", "second"), RING)
async def test_plain_text_goes_over_between_presets(standby_simulator: Simulator, first: str, second: str) -> None:
    await _plain_text_goes_over(standby_simulator, first, second, FAULTS[0])


async def _plain_text_goes_over(simulator: Simulator, first: str, second: str, fault: str) -> None:
    play = Play(simulator, first, second, fault, Answer(SAYS))
    async with play.router as router, router.stream([{"role": "user", "content": "How warm?"}]) as stream:
        assert "".join([text async for text in stream.text()]) == SAYS
    assert [attempt.target for attempt in stream.report.attempts] == ["first", "second"]
    (reached,) = play.asked("second")
    assert reached.request.reading.messages == (("user", "How warm?"),)
    assert reached.request.reading.model == stream.report.attempts[1].model
    assert len(play.asked("first")) == (fault != FAULTS[2])


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_a_whole_conversation_goes_over(standby_simulator: Simulator, first: str, second: str) -> None:
    fault = fault_of(first, second)
    can_answer = second not in TEXT_ONLY
    answer = Answer(SAYS, tool_calls=(NEXT_CALL,)) if can_answer else Answer(SAYS)
    play = Play(standby_simulator, first, second, fault, answer)
    async with play.router as router:
        if can_answer:
            told = await router.complete(conversation(first))
            assert told.text == SAYS
            (call,) = told.tool_calls
            assert (call.name, call.arguments) == (NEXT_CALL.name, NEXT_CALL.arguments)
            report = told.report
        else:
            with pytest.raises(CallFailed) as caught:
                await router.complete(conversation(first))
            report = caught.value.report
    unable = [name for name, provider in (("first", first), ("second", second)) if provider in TEXT_ONLY]
    assert [(skip.target, skip.reason) for skip in report.skipped] == [(name, "unsupported") for name in unable]
    assert all(not play.asked(name) for name in unable), "not a byte goes to a provider that cannot say it"
    if can_answer:
        (reached,) = play.asked("second")
        _check_conversation(reached)
        _check_state(reached, kept=first == second and second not in STATELESS)
    for reached in play.asked("first"):
        _check_conversation(reached)
        _check_state(reached, kept=first not in STATELESS)


def _check_conversation(exchange: Exchange) -> None:
    reading = exchange.request.reading
    assert reading.messages == (
        ("system", "Be terse."),
        ("user", "Weather here?"),
        ("assistant", "I look."),
        ("tool", RESULT),
    )
    assert reading.tools == ("get_weather", "get_time")
    body = exchange.request.json
    assert any(PICTURE in text for text in _texts(body)), "the image"
    assert ARGUMENTS in [*_objects(body)], "the call's arguments"
    assert "get_weather" in _called(body), "the call"


def _check_state(exchange: Exchange, *, kept: bool) -> None:
    found = [part for part in STATE if part.encode() in exchange.request.body]
    assert bool(found) is kept, found


def _texts(value: Any) -> Iterator[str]:
    """Every text in a body."""
    if isinstance(value, str):
        yield value
    for part in _parts(value):
        yield from _texts(part)


def _objects(value: Any) -> Iterator[Any]:
    """Every object in a body, those that are written as a text among them."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, str) and value.startswith("{"):
        yield json.loads(value)
    for part in _parts(value):
        yield from _objects(part)


def _called(body: Any) -> set[str]:
    """The names beside the arguments of a call, wherever a dialect puts them."""
    calls = [each for each in _objects(body) if ARGUMENTS in [*_objects(each)]]
    return {value for call in calls for value in call.values() if isinstance(value, str)}


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
