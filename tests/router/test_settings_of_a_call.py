"""Each setting of each way to ask is held to its type: a wrong one is named, with what came and what is taken."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from standby.config.model import Config
from standby.config.route import Hold
from standby.providers.chat import ChatRequest
from standby.router.engine.options import CallOptions

import standby
from standby import ConfigError, InvalidRequest, Router, Target

CANARY = "canary-5f2d"
NOWHERE = Target("openai", model="m", key="k", base_url="http://127.0.0.1:9")


class Odd:
    def __repr__(self) -> str:
        return CANARY


THINGS: dict[str, Any] = {
    "str": CANARY, "int": 7, "bool": True, "float": 1.5, "list": [Odd()], "dict": {CANARY: Odd()}, "Odd": Odd(),
    "bytes": CANARY.encode(), "set": {CANARY}, "NoneType": None,
}  # fmt: skip
"""One of each type, none of which may be told."""

NUMBER = {"int", "float"}
TAKEN: dict[str, set[str]] = {
    "route": {"str"}, "only": set(), "hedge": set(), "headers": set(), "targets": set(),
    "deadline_s": NUMBER, "connect_s": NUMBER, "first_delta_s": NUMBER,
    "stall_s": NUMBER, "total_s": NUMBER, "upstream": {"str"}, "mid_stream": set(), "hold": set(), "sticky": {"str"},
    "dialect": {"str"}, "require": set(), "avoid": set(),
    "system": {"str"}, "tools": set(), "tool_choice": {"str"}, "parallel_tool_calls": {"bool"}, "temperature": NUMBER,
    "top_p": NUMBER, "max_tokens": {"int"}, "stop": {"str"}, "seed": {"int"}, "frequency_penalty": NUMBER,
    "presence_penalty": NUMBER, "response_format": set(), "reasoning_effort": {"str"}, "prefill": {"str"},
    "native_tools": set(), "reasoning_budget_tokens": {"int"}, "verbosity": {"str"}, "top_k": {"int"}, "min_p": NUMBER,
    "logprobs": {"bool"}, "top_logprobs": {"int"}, "logit_bias": set(), "n": {"int"}, "user": {"str"},
    "safety_identifier": {"str"}, "metadata": set(), "service_tier": {"str"}, "max_completion_tokens": {"int"},
    "stream_options": set(THINGS), "extra": set(),
}  # fmt: skip
"""Which of them a setting takes. None is taken for "not given"; what a list or a dict holds is looked at, too."""

WRONG = [
    (name, given)
    for name, taken in TAKEN.items()
    for given in THINGS
    if given not in taken | {"NoneType"}
    and (name, given) not in (("targets", "str"), ("only", "str"))  # which says how to write it
]


async def _streamed(**options: Any) -> None:
    async with Router([NOWHERE]) as router:
        router.stream("Hello?", **options)


async def _completed(**options: Any) -> None:
    async with Router([NOWHERE]) as router:
        await router.complete("Hello?", **options)


async def _explained(**options: Any) -> None:
    async with Router([NOWHERE]) as router:
        router.explain("Hello?", **options)


async def _streamed_once(**options: Any) -> None:
    async with standby.stream("Hello?", **{"targets": [NOWHERE], **options}) as stream:
        async for _ in stream:
            raise AssertionError("it was asked")


async def _completed_once(**options: Any) -> None:
    await standby.complete("Hello?", **{"targets": [NOWHERE], **options})


WAYS: dict[str, Callable[..., Any]] = {
    "Router.stream": lambda **options: asyncio.run(_streamed(**options)),
    "Router.complete": lambda **options: asyncio.run(_completed(**options)),
    "Router.explain": lambda **options: asyncio.run(_explained(**options)),
    "stream": lambda **options: asyncio.run(_streamed_once(**options)),
    "complete": lambda **options: asyncio.run(_completed_once(**options)),
    "ask": lambda **options: standby.ask("Hello?", **{"targets": [NOWHERE], **options}),
    "ask_stream": lambda **options: next(standby.ask_stream("Hello?", **{"targets": [NOWHERE], **options})),
}


def test_every_setting_is_in_the_table() -> None:
    assert CallOptions.__annotations__.keys() == TAKEN.keys()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "given"), WRONG)
def test_a_setting_of_a_wrong_type_is_named_with_what_came(way: str, name: str, given: str) -> None:
    with pytest.raises((InvalidRequest, ConfigError)) as caught:
        WAYS[way](**{name: THINGS[given]})
    said = str(caught.value)
    assert name.removesuffix("s") in said
    assert given in said or (given in ("list", "dict") and "Odd" in said) or (name == "tools" and "list" in said)
    assert CANARY not in f"{said}{caught.value!r}"


@pytest.mark.parametrize("way", ["Router.complete", "ask"])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("targets", [7], "not int"),
        ("targets", [[7]], "not int"),
        ("mid_stream", [["replay"]], "holds a list"),
        ("stop", [7], "stop[0] is not a text, but a int"),
        ("tools", [7], "tools[0] is not a Tool"),
        ("extra", {7: 1}, "extra holds a name that is no text"),
    ],
)
def test_what_a_list_holds_is_held_to_its_type(way: str, name: str, value: Any, said: str) -> None:
    with pytest.raises((InvalidRequest, ConfigError)) as caught:
        WAYS[way](**{name: value})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (ChatRequest(messages=7), "messages is not a list of messages, but a int"),  # type: ignore[arg-type]
        (ChatRequest(messages=None), "messages is not a list of messages, but a NoneType"),  # type: ignore[arg-type]
        (ChatRequest(messages=(CANARY,)), "messages[0] is not a Message, but a str"),  # type: ignore[arg-type]
    ],
)
async def test_a_request_made_by_hand_is_held_to_it_too(request_: ChatRequest, said: str) -> None:
    async with Router([NOWHERE]) as router:
        with pytest.raises(InvalidRequest) as caught:
            await router.complete(request_)
    assert said in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", TAKEN)
async def test_none_is_not_given(name: str) -> None:
    async with Router([NOWHERE]) as router:
        router.explain("Hello?", **{name: None})  # type: ignore[arg-type]


async def test_what_is_right_is_taken() -> None:
    async with Router([NOWHERE]) as router:
        for right in (
            {"hold": Hold(deltas=2)},
            {"mid_stream": []},
            {"mid_stream": ("replay",)},
            {"upstream": "single"},
        ):
            router.explain("Hello?", **right)


NOT_A_ROUTER: list[tuple[str, Any]] = [
    ("reload", "yes"), ("reload", None), ("observers", 7), ("observers", [7]), ("observers", CANARY), ("rng", 7),
    ("wall", None), ("wall", 7),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), NOT_A_ROUTER)
def test_a_routers_own_settings(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must be .* (str|NoneType|int)$"):
        Router([NOWHERE], **{name: value})


@pytest.mark.parametrize("given", THINGS)
async def test_what_a_router_is_made_of_and_told(given: str) -> None:
    value = THINGS[given]
    if given != "str":
        with pytest.raises(ConfigError, match=r"targets|a target is a text"):
            Router(value)
    if given not in {"str", "NoneType"}:  # None: the usual file
        with pytest.raises(ConfigError, match=f"path must be that of a YAML file, but is a {given}"):
            Router.from_yaml(value)
    async with Router([NOWHERE], rng=random.Random(1)) as router:
        with pytest.raises(ConfigError, match=f"config must be a Config, but is a {given}"):
            router.swap(value)
        router.swap(Config.of_targets([NOWHERE]))
        if given != "str":
            for tell in (router.isolate, router.restore):
                with pytest.raises(ConfigError, match=f"target must be a text, its name in reports, but is a {given}"):
                    tell(value)
        if given not in NUMBER | {"NoneType"}:
            with pytest.raises(ConfigError, match=f"for_s must be a number, .* but is a {given}"):
                router.isolate(NOWHERE.label, value)
