"""Programs of users that are refused when they run, and that a type checker must refuse too, at the marked lines.

A line that is marked so is an error to both checkers, and no other line is; see `.ci/types.py`.
"""

from standby.config import Handling, Health, Hedge, Hold, Limits, Price, Retry

from standby import ChatRequest, Config, Message, Route, Router, Target, TextPart, Tool, ask, complete, stream
from standby.adapters import Exchange, ProviderInfo, Transport, WireRequest, register


class NoProvider:
    """It has a name and no more."""

    name = "none"


async def wrong_calls(router: Router) -> None:
    """Options of a call."""
    router.stream("hi", tools=[1, 2])  # error
    router.stream("hi", tools="clock")  # error
    router.stream("hi", targets="koala")  # error
    router.stream("hi", targets={"koala"})  # error
    router.stream("hi", targets=[1])  # error
    router.stream("hi", timeout=5)  # error
    router.stream("hi", model="gpt-5-mini")  # error
    router.stream("hi", deadline_s="5")  # error
    router.stream("hi", upstream="both")  # error
    router.stream("hi", mid_stream="replay")  # error
    router.stream("hi", mid_stream=["again"])  # error
    router.stream("hi", hold=3)  # error
    router.stream("hi", seed=1.5)  # error
    router.stream("hi", max_tokens="many")  # error
    router.stream("hi", reasoning_effort="maximal")  # error
    router.stream("hi", response_format="json")  # error
    router.stream("hi", stop=[1])  # error
    router.stream("hi", route=Route(["koala"]))  # error
    router.stream("hi", extra=["user"])  # error
    router.stream()  # error
    await router.complete(1)  # error
    await router.complete(b"hi")  # error
    await router.complete(["hi"])  # error
    await router.complete({"role": "user", "content": "hi"})  # error
    await router.complete(Message("user", "hi"))  # error
    await complete("hi", targets=None, tools=[object()])  # error
    stream("hi", targets=[["koala", 1]])  # error
    ask("hi", targets=["koala"], temperature="warm")  # error
    router.explain("hi", routes="chat")  # error
    router.isolate(Target("koala"))  # error
    router.isolate("koala", for_s="5")  # error
    router.swap(["koala"])  # error


def wrong_messages() -> None:
    """Our own types."""
    Message("wizard", "hi")  # error
    Message("user", 1)  # error
    Message("user", [1])  # error
    Message("user", ["hi"])  # error
    Message("user", TextPart("hi"))  # error
    Message("user", text="hi")  # error
    ChatRequest(messages="hi")  # error
    ChatRequest(messages=["hi"])  # error
    ChatRequest(messages=[Message("user", "hi")], tools=[1])  # error
    ChatRequest(messages=[Message("user", "hi")], stop="end")  # error
    Tool(1)  # error
    Tool("clock", parameters="none")  # error


def wrong_settings() -> None:
    """Routers, targets, routes and sections."""
    Router(1)  # error
    Router(["koala", 1])  # error
    Router(["koala"], transport="h2")  # error
    Router(["koala"], observers=["print"])  # error
    Router(["koala"], reload="yes")  # error
    Router.from_yaml(["standby.yaml"])  # error
    Target()  # error
    Target(1)  # error
    Target("koala", "model")  # error
    Target("koala", keys="secret")  # error
    Target("koala", connect_s="1")  # error
    Target("koala", concurrency=1.5)  # error
    Target("koala", price=3)  # error
    Target("koala", timeout_s=3)  # error
    Route("koala")  # error
    Route(["koala"], select="fastest")  # error
    Route(["koala"], mid_stream="replay")  # error
    Route(["koala"], all_open="hope")  # error
    Route(["koala"], retry=3)  # error
    Route(["koala"], on={"auth": "koala"})  # error
    Route(["koala"], errors={"auth": "retry"})  # error
    Config(routes={"default": ["koala"]})  # error
    Config(targets=["koala"])  # error
    Config.of_targets("koala")  # error
    Retry(3)  # error
    Retry(attempts="3")  # error
    Health(open_s="5")  # error
    Hedge(after="p42")  # error
    Hold(deltas=2.5)  # error
    Limits(stall=5)  # error
    Price(input="cheap", output=1)  # error
    Handling(retry="often")  # error


class NoTransport:
    """It never closes."""

    async def open(self, wire: WireRequest, *, connect_s: float, expect_stream: bool) -> Exchange:
        raise NotImplementedError


def wrong_transports(mine: Transport) -> None:
    """What carries requests."""
    Router(["koala"], transport=mine)  # error
    Router(["koala"], transport="http")  # error
    Router(["koala"], transport=lambda options: NoTransport())  # error
    Router(["koala"], transport=lambda options: None)  # error


def wrong_adapters() -> None:
    """What a provider is made of."""
    register(NoProvider())  # error
    register("koala")  # error
    ProviderInfo("Acme")  # error
