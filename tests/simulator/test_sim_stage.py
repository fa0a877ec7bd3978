"""The stage of the demo, and what the simulator says on it."""

import pytest
from standby.simulator.embedded import embedded
from standby.simulator.scenario.persona import LINES, talk
from standby.simulator.scenario.reply import Answer
from standby.simulator.scenario.request import Reading, Request
from standby.simulator.scenario.script import Script

from raw_client import RawClient, body_of, texts_of

CHUNKS_END = b"0\r\n\r\n"


async def test_the_lead_fails_before_its_first_word_the_second_is_down_the_standby_answers() -> None:
    async with embedded(standby=Script("Here I am.")) as stage:
        lead, second, standby = stage.targets
        assert [target.provider for target in stage.targets] == ["openai", "koala", "openai"]
        async with RawClient(lead.base_url) as client:
            await client.ask()
            await client.read(until=b"}}")
            assert client.received.startswith(b"HTTP/1.1 503 ")
            await client.ask()
            await client.read(until=CHUNKS_END)
            assert b"HTTP/1.1 200 OK" in client.received
            assert texts_of(client.received) == []
            assert b'"error"' in client.received
        with pytest.raises(ConnectionRefusedError):
            await RawClient(second.base_url).__aenter__()
        async with RawClient(standby.base_url) as client:
            await client.ask()
            await client.read(until=CHUNKS_END)
        assert texts_of(body_of(client.received)) == ["Here", " I", " am."]
        assert [exchange.provider for exchange in stage.simulator.exchanges] == ["lead", "lead", "standby"]


def test_the_persona_says_what_it_is_and_repeats_nothing() -> None:
    said = []
    for number in range(1, len(LINES) + 2):
        reading = Reading("m", stream=True, messages=(("user", "kingfisher"),))
        script = talk(Request(provider="p", number=number, method="POST", path="/", reading=reading))
        assert isinstance(script.reply, Answer)
        assert script.delta_delay_s > 0
        said.append(script.reply.text)
    assert said[0] == said[-1]
    assert len(set(said)) == len(LINES)
    assert all("simulat" in str(text) for text in said)
    assert not any("kingfisher" in str(text) for text in said)
