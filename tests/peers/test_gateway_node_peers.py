"""The SDKs of Node, OpenAI's, Anthropic's and Vercel's, read by way of the gateway what they read directly.

Their own loops of tools are run to the end: what they send back, the gateway takes.
"""

import json
from typing import Any

import pytest
from standby.config import Config, Route

from gateway_answers import ANSWERS, COUNTED, OPTIONS, PATHS, PLAIN, SIGNED, STATE, said, strings
from gateway_sockets import OPEN, gateway
from node_clients import need_node, told
from sdk_clients import KEY, of_dump
from standby import ErrorKind, Target, ToolCall
from standby.testing import Answer, At, Chooser, Cut, Failure, Request, Script, Simulator, Step

need_node()

CLIENTS = {
    "chat": "openai",
    "responses": "openai-responses",
    "messages": "anthropic",
    "ai-chat": "openai",
    "ai-responses": "openai-responses",
    "ai-compatible": "openai",
    "ai-anthropic": "anthropic",
}
"""Each SDK, and the protocol that it speaks."""
LOOPS = {"chat-loop": "openai", "messages-loop": "anthropic"} | {
    client: dialect for client, dialect in CLIENTS.items() if client.startswith("ai-")
}
"""SDKs with a loop of tools."""
FORMS = ("whole", "stream")
FAILURES = {
    "malformed": Failure(ErrorKind.BAD_REQUEST),
    "too-long": Failure(ErrorKind.CONTEXT_LENGTH),
    "filtered": Failure(ErrorKind.CONTENT_FILTER),
    "coded": Failure(ErrorKind.BAD_REQUEST, status=422, message="seed: not a number", code="bad_seed"),
}


def config(simulator: Simulator, dialect: str, played: dict[str, tuple[Step | Chooser, ...]]) -> Config:
    """A route for each thing that is said, under the name that its model has."""
    targets: dict[str, Target] = {}
    for name, steps in played.items():
        simulator.play(f"behind-{name}", *steps, dialect=dialect)
        base_url = simulator.base_url(f"behind-{name}") + PATHS.get(dialect, "")
        target = Target(
            dialect, model=name, name=f"t-{name}", key=KEY, options=OPTIONS.get(dialect, {}), base_url=base_url
        )
        targets[f"t-{name}"] = target
    return Config(targets=targets, routes={name: Route((f"t-{name}",)) for name in played}, serve=OPEN)


def plain(found: dict[str, Any]) -> Any:
    """What was told, but for what is the answerer's own."""
    return {"told": of_dump(found["told"])} if "told" in found else found


@pytest.mark.parametrize("dialect", COUNTED)
async def test_node_reads_the_same(standby_simulator: Simulator, dialect: str) -> None:
    simulator = standby_simulator
    names = {name.replace(" ", "-"): name for name in ANSWERS if dialect not in PLAIN or name == "text"}
    questions: list[dict[str, Any]] = []
    played = {slug: (said(name, dialect),) for slug, name in names.items()}
    async with gateway(config(simulator, dialect, played)) as url:
        for slug, name in names.items():
            for own in {*CLIENTS.values()}:
                simulator.play(f"{own}-{slug}", said(name, dialect), dialect=own)
            for client, own in CLIENTS.items():
                for way in FORMS:
                    about = {"client": client, "model": slug, "way": way, "tools": dialect not in PLAIN}
                    questions += [about | {"url": simulator.base_url(f"{own}-{slug}")}, about | {"url": url}]
        answers = await told(questions)
    for question, near, far in zip(questions[::2], answers[::2], answers[1::2], strict=True):
        if COUNTED[dialect] is None:
            near.get("told", {}).pop("usage", None)
            far.get("told", {}).pop("usage", None)
        assert plain(far) == plain(near), {**question, "url": ""}
        assert "told" in far or question["model"] == "cut-by-its-length"


async def test_node_raises_the_same_for_the_requests_own_errors(standby_simulator: Simulator) -> None:
    simulator = standby_simulator
    for client, dialect in CLIENTS.items():
        questions: list[dict[str, Any]] = []
        played = {name: (failure,) for name, failure in FAILURES.items()}
        async with gateway(config(simulator, dialect, played)) as url:
            for name, failure in FAILURES.items():
                simulator.play(f"direct-{name}", failure, dialect=dialect)
                for way in FORMS:
                    about = {"client": client, "model": name, "way": way}
                    questions += [about | {"url": simulator.base_url(f"direct-{name}")}, about | {"url": url}]
            answers = await told(questions)
        for question, near, far in zip(questions[::2], answers[::2], answers[1::2], strict=True):
            for found in (near, far):
                found["failed"]["message"] = found["failed"]["message"].partition(',"request_id"')[0].rstrip("}")
            assert far == near, {**question, "url": ""}


@pytest.mark.parametrize("dialect", [*SIGNED, "openai"])
@pytest.mark.parametrize("client", LOOPS)
async def test_a_loop_of_tools_runs_to_its_end_and_state_comes_back(
    standby_simulator: Simulator, client: str, dialect: str
) -> None:
    simulator = standby_simulator
    first = SIGNED.get(dialect, Answer(parts=ANSWERS["all of them"].parts))
    questions = [
        {"client": client, "model": way, "way": way, "tools": True, "loop": True}
        for way in (FORMS if client.startswith("ai-") else FORMS[1:])
    ]
    async with gateway(config(simulator, dialect, dict.fromkeys(FORMS, (first, "It is white.")))) as url:
        answers = await told([question | {"url": url} for question in questions])
    for question, found in zip(questions, answers, strict=True):
        assert found["told"]["text"] == "It is white."
        assert ["look", {"a": 1}] in found["told"]["asked"]
        last = [each for each in simulator.exchanges if each.request.provider == f"behind-{question['way']}"][-1]
        assert b"standby1:" not in last.request.body
        if client in KEEP_STATE:
            sent = strings(json.loads(last.request.body))
            lost = [state for state in STATE.get(dialect, ()) if state not in sent]
            assert lost == ([] if client == "messages-loop" else OF_CALLS.get(dialect, [])), question["way"]


@pytest.mark.parametrize("dialect", ["openai", "openai-responses", "anthropic", "gemini"])
async def test_an_answer_of_a_form_is_put_together(standby_simulator: Simulator, dialect: str) -> None:
    clients = [client for client in CLIENTS if client.startswith("ai-")]
    async with gateway(config(standby_simulator, dialect, {"m": (in_form,)})) as url:
        about = {"url": url, "model": "m", "form": True}
        answers = await told([about | {"client": client, "way": way} for client in clients for way in FORMS])
    assert answers == [{"told": {"city": "Oslo"}}] * len(answers)


def in_form(request: Request) -> Answer:
    """Some SDKs ask for a form, and some for a call of a tool that takes it."""
    if "json" in request.reading.tools:
        return Answer(tool_calls=(ToolCall("c1", "json", '{"city":"Oslo"}'),))
    return Answer('{"city":"Oslo"}')


async def test_a_stream_that_breaks_off_raises_in_each(standby_simulator: Simulator) -> None:
    broken = Script(Answer("Once upon a time there was."), (Cut(At.delta(3)),))
    for client in CLIENTS:
        async with gateway(config(standby_simulator, "openai", {"m": (broken,)})) as url:
            (found,) = await told([{"client": client, "url": url, "model": "m", "way": "stream"}])
        assert "told" not in found, client
        assert found["failed"]["message"], client


OF_CALLS = {"gemini": ["c3RhdGUy"]}
"""State that belongs to a call, for which the protocols have no field: the official SDKs send back what stands beside
the fields that they know, and Vercel's does not."""
KEEP_STATE = {"messages-loop", "ai-anthropic", "ai-responses"}
"""SDKs that send back what they are told of thinking. Those of chat drop the fields that OpenAI's API has not."""
