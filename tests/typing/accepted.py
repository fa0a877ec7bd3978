"""Programs of users that run, and that a type checker must accept as they stand; see `.ci/types.py`."""

import random
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict, assert_never, assert_type

from standby.config import Handling, Health, Hedge, Hold, Limits, Price, Retry, Secret, load, warnings

from standby import (
    AllTargetsFailed,
    Answer,
    AttemptEnded,
    CallEnded,
    CallFailed,
    CallOptions,
    ChatRequest,
    Config,
    ConfigError,
    ErrorKind,
    Finished,
    HandedOver,
    HealthChanged,
    HealthSnapshot,
    ImagePart,
    JsonSchema,
    Message,
    Messages,
    Observer,
    Plan,
    ProviderError,
    ReasoningDelta,
    RefusalDelta,
    Report,
    Restarted,
    Route,
    RoutedStream,
    Router,
    Started,
    StreamEvent,
    StreamInterrupted,
    Target,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
    ask,
    ask_stream,
    complete,
    stream,
)
from standby.adapters import (
    Exchange,
    ResponseHead,
    Transport,
    TransportFactory,
    TransportOptions,
    WireRequest,
    http_transport,
)
from standby.messages import PartAdded
from standby.reports import AttemptReport, NoticeCounts, ParkSnapshot, PlannedTarget, Skipped, Switch, Waited
from standby.testing import At, Cut, Failure, Script, Simulator


def messages_in_every_shape(router: Router) -> None:
    """A text, our types and dicts as OpenAI has them, also from a variable of a narrower type."""

    class Turn(TypedDict):
        role: str
        content: str

    turns: list[Turn] = [{"role": "user", "content": "hi"}]
    plain: list[dict[str, str]] = [{"role": "user", "content": "hi"}]
    history: list[Message] = [Message("user", "hello"), Message("assistant", "hi")]
    router.stream("hi")
    router.stream(turns)
    router.stream(plain)
    router.stream(history)
    router.stream(tuple(history))
    router.stream(message for message in history)
    router.stream([Message("system", "Be brief."), {"role": "user", "content": [{"type": "text", "text": "hi"}]}])
    router.stream([Message("user", [TextPart("What is this?"), ImagePart("https://example.com/a.png", detail="low")])])
    router.stream([Message("assistant", tool_calls=[ToolCall("1", "f", "{}")]), Message("tool", "3", tool_call_id="1")])
    router.stream(
        ChatRequest(messages=[Message("user", "hi")], tools=[Tool("clock")], stop=["end"], extra={"user": "me"})
    )


def targets_in_every_shape(names: list[str]) -> list[Router]:
    """Texts and `Target`s, in lists, tuples and tiers; a file; a configuration."""
    own = [Target("openai", model="m", key="k"), Target("koala", keys=["a", Secret("b")], connect_s=1)]
    return [
        Router(names),
        Router(own),
        Router(["koala", *own]),
        Router(("koala",)),
        Router([["openai/a", "openai/b"], "koala"]),
        Router("standby.yaml", reload=True),
        Router(Path("standby.yaml")),
        Router.from_yaml("standby.yaml"),
        Router(Config.of_targets(own), rng=random.Random(1), wall=lambda: 0.0),
        Router(load("standby.yaml", env_file=None)),
    ]


def a_configuration_in_code() -> Config:
    """Every section, with lists for tuples, whole numbers for seconds and texts for kinds."""
    route = Route(
        ["lead", ["openai/a", Target("koala")]],
        select="weighted",
        weights={"openai/a": 2},
        mid_stream=["continue", "restart"],
        on={ErrorKind.CONTEXT_LENGTH: ["large"]},
        errors={"auth": Handling(retry="once", ask_another="yes")},
        hold=Hold(deltas=3, for_s=1),
        hedge=Hedge(after="p95"),
        retry=Retry(attempts=2),
        deadline_s=30,
    )
    lead = Target("openai/gpt-5-mini", price=Price(input=1, output=2), parameters={"temperature": 0})
    config = Config(
        targets={"lead": lead, "large": Target("gemini")},
        routes={"default": route},
        limits=Limits(first_delta_s=5),
        health=Health(open_s=5),
    )
    for problem in warnings(config):
        print(problem)
    return config


async def every_option(router: Router, messages: Messages) -> Answer:
    """The options of a call, one by one and from a dict that is typed."""
    options: CallOptions = {"route": "chat", "deadline_s": 10, "max_tokens": 100}
    answer = await router.complete(messages, **options)
    assert_type(answer, Answer)
    router.stream(messages, targets=["koala", Target("openai/m")], upstream="single", sticky="user-1")
    router.stream("hi", tools=[Tool("clock"), {"type": "function", "function": {"name": "f"}}], tool_choice="auto")
    router.stream("hi", tools=({"type": "function", "function": {"name": "f"}},), parallel_tool_calls=False)
    router.stream("hi", tool_choice={"type": "function", "function": {"name": "f"}}, stop="\n", seed=1)
    router.stream("hi", response_format=JsonSchema({"type": "object"}), reasoning_effort="low", stop=["a", "b"])
    router.stream("hi", response_format={"type": "json_object"}, mid_stream=(), hold=Hold(), system="Be brief.")
    router.stream("hi", temperature=1, top_p=None, extra={"user": "me"}, prefill="Once", connect_s=1, total_s=2.5)
    return await complete("hi", targets=["koala"])


def in_a_script() -> Iterator[str]:
    """The calls for code without an event loop."""
    assert_type(ask("hi", targets=("koala",)).text, str)
    pieces = ask_stream("hi", targets=["koala"])
    assert_type(next(pieces), str)
    return pieces


async def text_alone(router: Router) -> AsyncIterator[str]:
    """A stream, read as text, from a Router and without one."""
    async with router.stream("hi") as opened, stream("hi", targets=["koala"]) as other:
        assert_type(opened, RoutedStream)
        async for text in opened.text():
            assert_type(text, str)
            yield text
        assert_type(other.report, Report)


def shown(event: StreamEvent) -> str:
    """Every event of a stream: a closed union, whose `match` ends with `assert_never`."""
    match event:
        case TextDelta(text) | ReasoningDelta(text) | RefusalDelta(text):
            return text
        case ToolCallDelta(index=index, name=name):
            return f"{index}: {name}"
        case PartAdded(part):
            return type(part).__name__
        case Started(model=model):
            return model or ""
        case Usage(input_tokens=asked, output_tokens=answered):
            return str(asked + answered)
        case Finished(reason):
            return reason or ""
        case HandedOver(source, target, why) | Restarted(source, target, why):
            assert_type(why, ErrorKind)
            return f"{source} to {target}: {why}"
        case _:
            assert_never(event)


async def what_went_wrong(router: Router) -> str | None:
    """The exceptions, with what they hold."""
    try:
        async with router.stream("hi") as opened:
            async for event in opened:
                assert_type(event, StreamEvent)
                shown(event)
    except StreamInterrupted as broken:
        return broken.partial
    except AllTargetsFailed as failed:
        for error in failed.exceptions:
            assert isinstance(error, ProviderError)
        return failed.provider_message
    except CallFailed as failed:
        for attempt in failed.report.attempts:
            assert_type(attempt, AttemptReport)
        return failed.kind.value
    except ConfigError as wrong:
        return str(wrong)
    return None


def tell(notice: AttemptEnded | CallEnded) -> None:
    """An observer is any function that takes both notices."""
    match notice:
        case AttemptEnded(call_id, route, attempt):
            print(call_id, route, attempt.line())
        case CallEnded(report):
            skipped: list[Skipped] = report.skipped
            waits: list[Waited] = report.waits
            switches: list[Switch] = report.switches
            print(skipped, waits, switches, report.to_dict())


def watched(router: Router) -> tuple[Plan, NoticeCounts]:
    """What a Router shows of itself."""
    observer: Observer = tell
    Router(["koala"], observers=[observer, print])
    changes: list[HealthChanged] = []
    router.on_health_change.append(changes.append)
    for each in router.health():
        assert_type(each, HealthSnapshot)
        parks: tuple[ParkSnapshot, ...] = each.parks
        plain: Mapping[str, Any] = each.to_dict()
        print(parks, plain)
    plan = router.explain("hi", route="chat")
    planned: tuple[PlannedTarget, ...] = plan.asked
    print(planned)
    router.isolate("koala", for_s=5)
    router.restore("koala")
    router.swap(a_configuration_in_code())
    return plan, router.notices


class Counted:
    """A transport of a user's own, around the standard one."""

    def __init__(self, options: TransportOptions) -> None:
        self._inner: Transport = http_transport(options)
        self.requests = 0

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> Exchange:
        self.requests += 1
        exchange = await self._inner.open(wire, connect_s=connect_s, expect_stream=expect_stream)
        assert_type(exchange.head, ResponseHead)
        assert_type(await exchange.read(), bytes)
        return exchange

    async def aclose(self) -> None:
        await self._inner.aclose()


def transports(mine: Transport) -> list[Router]:
    """A class, a function, and one object for all targets."""
    make: TransportFactory = Counted
    return [
        Router(["koala"], transport=Counted),
        Router("standby.yaml", transport=make),
        Router(["koala"], transport=lambda options: mine),
        Router(["koala"], transport=None),
    ]


async def in_a_test() -> None:
    """Simulated providers."""
    async with Simulator() as simulator:
        simulator.play("lead", Script("It breaks off", [Cut(At.delta(2), rst=True)]))
        simulator.play("second", "Hello.")
        simulator.play("third", Failure(ErrorKind.OVERLOADED))


class _Trip:
    city: str


async def the_object_of_an_answer_has_its_class(router: Router) -> str:
    """`response_format=Class` types `parsed`."""
    answer = await router.complete("Where?", response_format=_Trip)
    return "" if answer.parsed is None else answer.parsed.city
