"""Servers that go on from a prefill, say it again, ignore it, or refuse it, on real sockets: the text is right, or the
call ends with an error and a beginning of it."""

from typing import Any, get_args

import pytest
from standby.simulator.scenario.model import Model, PrefillWay

from standby import Config, HandedOver, Route, Router, StreamInterrupted, Target, TextDelta
from standby.testing import Answer, At, Cut, Script, Simulator

CODE = "Here:\n\n```python\ndef double(x):\n    return 2 * x\n\n\nfor n in range(3):\n    print(double(n))\n```\n"
SONG = "Row, row, row your boat.\n" * 6
LIST = "1. One\n   - nested\n   - again\n\n2. Two\r\n3. Drei 👩‍👩‍👧 é\n"
ECHOED = "mistral"
"""Known to echo a prefill; the others are believed by their `server` header, or by their target's word."""


async def told(router: Router) -> tuple[str, list[str], bool]:
    """What one call delivers, how it was gone on with, and whether it is whole."""
    text, policies = "", []
    async with router.stream("hi") as stream:
        try:
            async for event in stream:
                if isinstance(event, TextDelta):
                    text += event.text
                elif isinstance(event, HandedOver):
                    policies.append(event.policy)
        except StreamInterrupted:
            return text, policies, False
    return text, policies, True


async def broken(simulator: Simulator, answer: str, deltas: int, way: PrefillWay, *policies: Any, **about: Any) -> Any:
    """The first server breaks off after some deltas, the second one goes on in its way."""
    provider, dialect = about.pop("speaks", (ECHOED, ECHOED) if way == "echoes" else ("llamacpp", "openai"))
    model = about.pop("model", "m")
    first, second = Model(answer, "ignores"), Model(answer, way, about.pop("server", "llama.cpp"))
    whole = first.answer
    pieces = tuple(whole[place : place + first.delta_chars] for place in range(0, len(whole), first.delta_chars))
    simulator.play("first", Script(Answer(pieces), (Cut(At.delta(deltas)),)))
    simulator.play("second", second, dialect=dialect)
    targets = (
        Target("openai", model="m", name="first", key="k", base_url=simulator.base_url("first")),
        Target(provider, model=model, name="second", key="k", base_url=simulator.base_url("second"), **about),
    )
    async with Router(Config(routes={"r": Route(targets, mid_stream=policies)})) as router:
        return await told(router)


@pytest.mark.parametrize("answer", [CODE, SONG, LIST], ids=["code", "song", "list"])
@pytest.mark.parametrize("way", get_args(PrefillWay))
async def test_wherever_it_is_cut(standby_simulator: Simulator, answer: str, way: PrefillWay) -> None:
    for deltas in range(1, -(-len(answer) // 7)):
        text, policies, whole = await broken(standby_simulator, answer, deltas, way, "continue")
        assert answer.startswith(text)
        assert whole == (text == answer) == (policies == ["continue"])
        if way in ("continues", "echoes") and answer is not SONG:
            assert whole
        if way in ("ignores", "refuses"):
            assert not whole


@pytest.mark.parametrize(
    ("provider", "dialect", "model"),
    [
        ("anthropic", "anthropic", "claude-haiku-4-5"),
        ("bedrock", "bedrock", "eu.anthropic.claude-haiku-4-5-v1:0"),
        ("gemini", "gemini", "gemini-2.5-flash"),
        ("deepseek", "openai", "deepseek-chat"),
        ("groq", "openai", "m"),
    ],
)
@pytest.mark.parametrize("answer", [CODE, LIST], ids=["code", "list"])
async def test_on_the_wire_of_every_service_that_goes_on_from_a_prefill(
    standby_simulator: Simulator, answer: str, provider: str, dialect: str, model: str
) -> None:
    """Anthropic and Bedrock refuse white space at its end: the model writes that again."""
    speaks, options = (provider, dialect), {"options": {"region": "eu-central-1"}} if provider == "bedrock" else {}
    for deltas in range(1, -(-len(answer) // 7)):
        got = await broken(
            standby_simulator, answer, deltas, "continues", "continue", speaks=speaks, model=model, **options
        )
        assert got == (answer, ["continue"], True)


@pytest.mark.parametrize("way", ["ignores", "refuses"])
async def test_one_that_begins_anew_is_replayed(standby_simulator: Simulator, way: PrefillWay) -> None:
    assert await broken(standby_simulator, CODE, 5, way, "continue", "replay") == (CODE, ["replay"], True)


@pytest.mark.parametrize(("server", "about"), [("uvicorn", {}), ("uvicorn", {"capabilities": {"prefill": "plain"}})])
async def test_the_server_of_llama_cpp_python(standby_simulator: Simulator, server: str, about: Any) -> None:
    """It takes a trailing assistant turn, ignores it, and says `uvicorn`; or a target claims that it goes on."""
    cut = CODE[: 5 * 7]
    alone = await broken(standby_simulator, CODE, 5, "ignores", "continue", server=server, **about)
    assert alone == (cut, [], False)
    both = await broken(standby_simulator, CODE, 5, "ignores", "continue", "replay", server=server, **about)
    assert both == (CODE, ["replay"], True)


async def test_one_that_goes_on_but_names_itself_otherwise_is_not_joined(standby_simulator: Simulator) -> None:
    got = await broken(standby_simulator, CODE, 5, "continues", "continue", server="nginx")
    assert got == (CODE[: 5 * 7], [], False)
