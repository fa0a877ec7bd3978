"""A server that users run themselves goes on from a prefill only where it names itself, or where a target says so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from standby.providers import registry

from stage import Play, Stage, breaks_off, perform, says
from standby import Config, HandedOver, Route, Router, StreamInterrupted, Target, TextDelta

MakeStage = Callable[..., Stage]

SELF_RUN = {"llamacpp": "llama.cpp", "vllm": "vllm", "ollama": "", "ollama-v1": ""}
"""What the `server` header begins with; empty: no header shows it."""
BEGUN = "It was a dark and stormy night"
GOES_ON = says("; the rain fell.")
BEGINS_ANEW = says("Once upon a time there was a king.")


def named(play: Play, server: str | None) -> Play:
    return replace(play, headers={} if server is None else {"server": server})


def router(one: Stage, *policies: str, provider: str = "llamacpp", **about: Any) -> Router:
    targets = tuple(
        Target(provider, model="m", name=t.name, key="k", base_url=t.base_url, **about) for t in one.targets()
    )
    return Router(Config(routes={"r": Route(targets, mid_stream=policies)}), transport=one.transport)  # type: ignore[arg-type]


async def told(router: Router) -> str:
    """The text of one call; interrupted, what was delivered with a mark behind it."""
    async with router.stream("hi") as stream:
        try:
            return "".join([piece async for piece in stream.text()])
        except StreamInterrupted as error:
            return error.partial + " [interrupted]"


def test_the_servers_that_users_run_are_those_with_a_local_address() -> None:
    local = {name for name in registry.names() if "localhost" in (registry.get(name).info.base_url or "")}
    claim = {name for name in local if registry.get(name).info.prefill_shown_by is not None}
    assert claim == set(SELF_RUN)
    assert {name: registry.get(name).info.prefill_shown_by for name in claim} == SELF_RUN
    for name in local - claim:
        assert registry.get(name).capabilities("any").prefill in (None, "none"), "or its server must show it"


@pytest.mark.parametrize("server", ["llama.cpp", "Llama.cpp"])
def test_one_that_names_itself_is_gone_on_with(stage: MakeStage, server: str) -> None:
    one = stage(a=breaks_off(BEGUN), b=named(GOES_ON, server))

    async def play() -> None:
        async with router(one, "continue") as opened:
            assert await told(opened) == BEGUN + "; the rain fell."

    perform(play())


@pytest.mark.parametrize("server", ["uvicorn", None, "nginx/1.29", "not llama.cpp"])
def test_what_another_server_says_is_not_joined_and_it_is_not_asked_so_again(
    stage: MakeStage, server: str | None
) -> None:
    one = stage(a=breaks_off(BEGUN, then="stall"), b=named(BEGINS_ANEW, server))

    async def play() -> None:
        async with router(one, "continue") as opened:
            assert await told(opened) == BEGUN + " [interrupted]"
            assert await told(opened) == BEGUN + " [interrupted]"

    perform(play())
    assert one.count("b") == 1


def test_the_last_answer_of_any_kind_shows_it(stage: MakeStage) -> None:
    """A server may be replaced by another at the same URL."""
    plain = says("Well.")
    one = stage(
        a=breaks_off(BEGUN, then="stall"),
        b=[named(plain, "uvicorn"), named(plain, "llama.cpp"), named(GOES_ON, "llama.cpp"), named(plain, "uvicorn")],
    )

    async def play() -> None:
        async with router(one, "continue") as opened:
            _, second = opened.config.routes["r"].targets
            for expected in ("[interrupted]", "; the rain fell.", "[interrupted]"):
                await opened.complete("hi", targets=[second])
                assert (await told(opened)).endswith(expected)

    perform(play())
    assert [name for _, name in one.asked].count("b") == 4


def test_a_refusal_shows_nothing(stage: MakeStage) -> None:
    """It may come from a proxy in front of the server."""
    refused = Play(status=503, headers={"server": "nginx", "content-type": "text/html"}, body=[(0.0, b"busy")])
    one = stage(
        a=breaks_off(BEGUN, then="stall"), b=[named(says("Well."), "llama.cpp"), refused, named(GOES_ON, "llama.cpp")]
    )

    async def play() -> None:
        async with router(one, "continue") as opened:
            await opened.complete("hi", targets=[opened.config.routes["r"].targets[1]])
            assert await told(opened) == BEGUN + "; the rain fell."

    perform(play())


@pytest.mark.parametrize("provider", [name for name, shown_by in SELF_RUN.items() if not shown_by])
def test_where_no_header_shows_it_the_target_must_say_so(stage: MakeStage, provider: str) -> None:
    one = stage(a=breaks_off(BEGUN, then="stall"), b=named(GOES_ON, "ollama"))

    async def play() -> None:
        targets = [replace(target, provider=provider, model="qwen3-coder") for target in one.targets("b")]
        assert registry.get(provider).capabilities("qwen3-coder").prefill == "plain"
        route = Route((*one.targets("a"), *targets), mid_stream=("continue",))
        async with Router(Config(routes={"r": route}), transport=one.transport) as opened:
            assert await told(opened) == BEGUN + " [interrupted]"

    perform(play())
    assert one.count("b") == 0


@pytest.mark.parametrize("provider", ["llamacpp", "vllm", "ollama-v1", "openai"])
def test_a_targets_own_word_is_believed(stage: MakeStage, provider: str) -> None:
    one = stage(a=breaks_off(BEGUN), b=named(GOES_ON, "uvicorn"))

    async def play() -> None:
        async with router(one, "continue", provider=provider, capabilities={"prefill": "plain"}) as opened:
            assert await told(opened) == BEGUN + "; the rain fell."

    perform(play())


def test_a_server_that_is_wrongly_said_to_go_on_and_begins_anew_leads_to_the_next_policy(stage: MakeStage) -> None:
    whole = says(BEGUN, "; the rain fell.")
    one = stage(a=breaks_off(BEGUN, then="stall"), b=whole)

    async def play() -> None:
        async with (
            router(one, "continue", "replay", capabilities={"prefill": "plain"}) as opened,
            opened.stream("hi") as s,
        ):
            seen = [event async for event in s]
            assert "".join(e.text for e in seen if isinstance(e, TextDelta)) == BEGUN + "; the rain fell."
            assert [e.policy for e in seen if isinstance(e, HandedOver)] == ["replay"]
            assert [(a.why, a.detail) for a in s.report.attempts[1:]] == [
                ("continue", "it begins the answer anew"), ("replay", ""),
            ]  # fmt: skip

    perform(play())
