"""A turn of thinking, text, call, thinking, call goes back as its provider said it, and on at every other provider.

At home: order, signatures and ids, as the raw body of the third request shows. Elsewhere: nothing of the state, nothing
of the thinking; texts, calls and results in order; ids in a form that is taken there, the same for call and result and
in every process; and nothing that was not said, but Gemini's documented placeholder.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from standby.providers.returning import PLACEHOLDER

from standby import CallFailed
from standby.testing import Simulator
from trips import ANSWERED, DONE, LONG, LOOKING, MORE, PLAN, STATES, TRIPS, ask, said, sent, travelled


def as_messages(*fields: str) -> Callable[[Any], list[Any]]:
    """The messages of an answer with one choice, of which only some fields go back."""

    def read(answer: Any) -> list[Any]:
        message = answer["choices"][0]["message"] if "choices" in answer else answer["message"]
        calls = [_call(call) for call in message.get("tool_calls") or ()]
        kept = {name: message[name] for name in fields if message.get(name)}
        return [{"role": "assistant", **kept, **({"tool_calls": calls} if calls else {})}]

    return read


def _call(call: Any) -> Any:
    """A call without its number, which tells its place in the list once more."""
    function = {name: value for name, value in call["function"].items() if name != "index"}
    return {name: value for name, value in call.items() if name != "index"} | {"function": function}


def _items(answer: Any) -> list[Any]:
    """The items of an output as they are items of an input: messages in the short form, calls by the ids that count."""
    items: list[Any] = []
    for item in answer["output"]:
        match item["type"]:
            case "message":
                phase = {"phase": item["phase"]} if "phase" in item else {}
                items += [{"role": "assistant", "content": part["text"], **phase} for part in item["content"]]
            case "function_call":
                items.append({name: item[name] for name in ("type", "call_id", "name", "arguments")})
            case _:
                items.append(item)
    return items


SAID: dict[str, Callable[[Any], list[Any]]] = {
    "anthropic": lambda answer: [{"role": "assistant", "content": answer["content"]}],
    "bedrock": lambda answer: [answer["output"]["message"]],
    "gemini": lambda answer: [answer["candidates"][0]["content"]],
    "openai-responses": _items,
    "mistral": as_messages("content"),
    "cohere": as_messages("content", "tool_plan"),
    "ollama": as_messages("content", "thinking"),
    "openai": as_messages("content"),
    "azure-openai": as_messages("content"),
    "deepseek": as_messages("content", "reasoning_content"),
    "openrouter": as_messages("content", "reasoning_details"),
    "gemini-compatible": as_messages("content"),
}
"""What an answer says, in the words of a request."""


def turns_of(body: Any) -> list[Any]:
    return body.get("messages") or body.get("contents") or body["input"]


def plainly(turns: list[Any]) -> list[Any]:
    """A content that is one text, as a text: some APIs have both forms of it."""
    told = []
    for turn in turns:
        content = turn.get("content")
        alone = isinstance(content, list) and len(content) == 1 and content[0].get("type") == "text"
        told.append(turn | {"content": content[0]["text"]} if alone else turn)
    return told


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "complete"])
@pytest.mark.parametrize("name", [name for name in TRIPS if name != "koala"])
async def test_turns_go_back_as_they_were_said(standby_simulator: Simulator, name: str, stream: bool) -> None:
    turns = await travelled(standby_simulator, name, stream=stream)
    await ask(standby_simulator, name, turns, stream=stream)
    first, second, third = (turns_of(exchange.request.json) for exchange in standby_simulator.exchanges)
    assert third[: len(second)] == second, "what was sent once is sent again as it was"
    assert second[: len(first)] == first
    one, other = (SAID[name](said(name, place)) for place in (0, 1))
    assert plainly(second[len(first) : len(first) + len(one)]) == plainly(one)
    assert plainly(third[len(second) : len(second) + len(other)]) == plainly(other)
    read = sent(name, standby_simulator.exchanges[2].request.json)
    calls = [part for part in TRIPS[name].turns[0] if hasattr(part, "arguments")]
    assert [call.id for call in read.calls] == [call.id for call in calls]
    assert [result.id for result in read.results] == [call.id for call in calls]


PAIRS = [(origin, name) for origin in TRIPS for name in TRIPS if origin != name]


@pytest.mark.parametrize(("origin", "name"), PAIRS)
async def test_a_conversation_goes_on_elsewhere(standby_simulator: Simulator, origin: str, name: str) -> None:
    turns = await travelled(standby_simulator, origin)
    standby_simulator.play(name, "Bye.", dialect=TRIPS[name].dialect)
    if name == "koala":  # it has no words for tools
        with pytest.raises(CallFailed, match="takes no tools"):
            await ask(standby_simulator, name, turns, stream=True, tools=False)
        return
    for stream in (True, False):  # two routers, as of two processes
        await ask(standby_simulator, name, turns, stream=stream)
    streamed, whole = (exchange.request.json for exchange in standby_simulator.exchanges[2:])
    assert turns_of(streamed) == turns_of(whole)
    written = json.dumps(streamed)
    for secret in (*STATES, "c3RhdGU0", "rs_state", PLAN, MORE, DONE):
        assert secret not in written
    read = sent(name, streamed)
    assert [text for text in read.texts if text] == [LOOKING, ANSWERED]
    if origin == "koala":
        assert (read.calls, read.results) == ([], [])
        return
    assert [(call.name, call.content) for call in read.calls] == [("look", {"a": 1}), ("read", {"a": 2})]
    assert [result.content for result in read.results] == ["result of look", "result of read"]
    assert [result.name for result in read.results] in ([None, None], ["look", "read"])
    ids = [call.id for call in read.calls]
    assert [result.id for result in read.results] == ids
    assert len({*ids}) == (1 if ids == [None, None] else 2)
    placeholders = 1 if name.startswith("gemini") else 0  # of calls side by side only the first has one
    assert written.count('ignature"') == written.count(PLACEHOLDER) == placeholders


async def test_ids_that_fit_go_on_as_they_are(standby_simulator: Simulator) -> None:
    """One that does not is made another, the same in every turn; two stay two."""
    turns = await travelled(standby_simulator, "gemini")
    seen = {}
    for name in ("anthropic", "bedrock", "openai", "mistral", "cohere"):
        standby_simulator.play(name, "Bye.", dialect=TRIPS[name].dialect)
        await ask(standby_simulator, name, turns, stream=True)
        seen[name] = [call.id for call in sent(name, standby_simulator.exchanges[-1].request.json).calls]
    assert seen["cohere"] == [LONG, LONG + "."]
    assert all(len({*ids}) == 2 for ids in seen.values())
    assert all(LONG not in ids for name, ids in seen.items() if name != "cohere")
    turns = await travelled(standby_simulator, "openai-responses")
    for name in ("anthropic", "bedrock", "openai"):
        await ask(standby_simulator, name, turns, stream=True)
        calls = sent(name, standby_simulator.exchanges[-1].request.json).calls
        assert [call.id for call in calls] == ["call_A", "call_B"]
