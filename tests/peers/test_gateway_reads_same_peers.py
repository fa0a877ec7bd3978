"""The official SDKs read the same by way of the gateway as directly from a provider that speaks their protocol.

The provider behind the gateway speaks each of the ten wires; the other says the same in the client's own.
"""

from itertools import groupby
from typing import Any

import pytest
from standby.config import Config, Route
from standby.providers.parts import Logprobs, Part, ToolCall
from standby.simulator.dialects import DIALECTS

from entrances import ENTRANCES, Entrance
from gateway_answers import ANSWERS, BARE, COUNTED, FULL, OPTIONS, OWN, PATHS, PLAIN, REFUSAL, REFUSING
from gateway_sockets import OPEN, gateway
from sdk_clients import KEY, MODEL, SDKS, TURN, WAYS, Sdk, Way, apart, entered, facts
from standby import Target
from standby.testing import Answer, Simulator


def config(simulator: Simulator, dialect: str) -> Config:
    target = Target(
        dialect, model=MODEL, name="behind", key=KEY, options=OPTIONS.get(dialect, {}),
        base_url=simulator.base_url("behind") + PATHS.get(dialect, ""),
    )  # fmt: skip
    return Config(targets={"behind": target}, routes={MODEL: Route(("behind",))}, serve=OPEN)


def answers(client: str, dialect: str) -> dict[str, Answer]:
    """What a wire can say, and a client can hear."""
    said = {name: answer for name, answer in ANSWERS.items() if dialect not in PLAIN or name == "text"}
    if dialect in REFUSING and client != "messages":
        said["refused"] = Answer(parts=REFUSAL)
    return said


def test_every_dialect_is_asked() -> None:
    assert COUNTED.keys() == DIALECTS.keys()


async def outcome(sdk: Sdk, client: Any, way: Way, **more: Any) -> Any:
    """What an SDK makes of it; the helper of chat raises if an answer is not whole."""
    try:
        return facts(await sdk.read(client, way, **more))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is to be the same
        return f"{type(error).__name__}: {error}"


def told(part: Part | Logprobs) -> str:
    """What a part says."""
    return part.name if isinstance(part, ToolCall) else str(getattr(part, "text", "")).strip()


class Speaker:
    """Says the same directly and behind the gateway."""

    answer: Answer | None = None

    def __call__(self, _: object) -> Answer:
        assert self.answer is not None
        return self.answer


EVERYWHERE = [
    *(("socket", dialect) for dialect in COUNTED),
    *((way, dialect) for way in ENTRANCES[1:] for dialect in ("openai", "anthropic")),
]
"""Every wire behind our server; by the other ways in, what is said the same way round, and what is translated."""


@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize(("entrance", "dialect"), EVERYWHERE, indirect=["entrance"])
@pytest.mark.parametrize("name", SDKS)
async def test_field_by_field(
    standby_simulator: Simulator, entrance: Entrance, name: str, dialect: str, sync: bool
) -> None:
    simulator, usage, speaker, sdk = standby_simulator, COUNTED[dialect], Speaker(), SDKS[name]
    simulator.play("direct", speaker, dialect=sdk.dialect)
    simulator.play("behind", speaker, dialect=dialect)
    tools = {} if dialect in PLAIN else {"tools": sdk.tools}

    async def compare(url: str) -> None:
        async with (
            entered(sdk.client(simulator.base_url("direct"), sync=sync)) as near,
            entered(sdk.client(url, sync=sync)) as far,
        ):
            for said, answer in answers(name, dialect).items():
                speaker.answer = Answer(parts=answer.parts, finish=answer.finish, usage=usage or BARE)
                for way in WAYS:
                    directly = await outcome(sdk, near, way, **tools)
                    assert all(told(part) in str(directly) for part in answer.parts) or said == "cut by its length"
                    through = await outcome(sdk, far, way, **tools)
                    if usage is None:
                        uncounted(name, through, directly)
                    assert through == directly, (said, way)

    async with gateway(config(simulator, dialect)) as url:
        await (apart(compare(url)) if sync else compare(url))


def uncounted(name: str, through: Any, directly: Any) -> None:
    """A wire that counts nothing: no number is made up. Messages has a number in any case."""
    told = through.pop("usage", None)
    assert told is None or (name == "messages" and {*told.values()} == {0})
    del directly["usage"]


OWN_CASES = [(name, said) for name, cases in OWN.items() for said in cases]


@pytest.mark.parametrize(("name", "said"), OWN_CASES)
async def test_what_only_the_clients_protocol_has_words_for(standby_simulator: Simulator, name: str, said: str) -> None:
    simulator, sdk = standby_simulator, SDKS[name]
    for place in ("direct", "behind"):
        simulator.play(place, Answer(parts=OWN[name][said], usage=FULL), dialect=sdk.dialect)
    async with (
        gateway(config(simulator, sdk.dialect)) as url,
        sdk.client(simulator.base_url("direct")) as near,
        sdk.client(url) as far,
    ):
        for way in WAYS:
            assert await outcome(sdk, far, way) == await outcome(sdk, near, way), way


async def order(name: str, client: Any) -> list[str]:
    """The kinds of a stream's events in their order, those of one kind in a row as one."""
    ask: Any = {"model": MODEL, "tools": SDKS[name].tools}
    kinds: list[str] = []
    if name == "chat":
        async with client.chat.completions.stream(messages=TURN, **ask) as events:
            kinds = [event.type async for event in events if event.type != "chunk" and getattr(event, "delta", "-")]
    elif name == "responses":
        kinds = [event.type async for event in await client.responses.create(input="Go.", stream=True, **ask)]
    else:
        async for event in await client.messages.create(messages=TURN, max_tokens=9, stream=True, **ask):
            inner = getattr(event, "delta", None) or getattr(event, "content_block", None)
            kinds.append(f"{event.type} {getattr(inner, 'type', '')}")
    return [kind for kind, _ in groupby(kinds)]


SAID_IN_ORDER = [(name, said) for name in SDKS for said in (*ANSWERS, *OWN[name])]


@pytest.mark.parametrize(("name", "said"), SAID_IN_ORDER)
async def test_events_come_in_the_same_order(standby_simulator: Simulator, name: str, said: str) -> None:
    simulator, sdk = standby_simulator, SDKS[name]
    parts = ANSWERS[said].parts if said in ANSWERS else OWN[name][said]
    for place in ("direct", "behind"):
        simulator.play(place, Answer(parts=parts, usage=FULL), dialect=sdk.dialect)
    async with (
        gateway(config(simulator, sdk.dialect)) as url,
        sdk.client(simulator.base_url("direct")) as near,
        sdk.client(url) as far,
    ):
        assert await order(name, far) == await order(name, near)
