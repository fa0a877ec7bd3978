"""Conversations with interleaved thinking, held at one simulated provider, and gone on with at another.

Each provider says a turn of thinking, text, a call, thinking and a call, with the state and the ids that its wire has;
gets the results; says another turn; and is asked once more.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.reply import Answer
from standby.simulator.scenario.request import Reading, Request
from standby.simulator.server import Simulator

from components import need
from standby import Message, Router, Target, TextPart, Tool, ToolCall
from standby.messages import Part, Reasoning

NUMBER = {"type": "object", "properties": {"a": {"type": "integer"}}}
TOOLS = (Tool("look", "Look somewhere.", NUMBER), Tool("read", "Read it.", NUMBER))
PLAN, MORE, DONE = "I plan to look first.", "I must read more.", "I know enough."
"""What is thought."""
LOOKING, ANSWERED = "I am looking.", "It is white."
"""What is said."""
LONG = "function-call-" + "7" * 60 + "|/+="
"""An id of a call that nearly no other API takes."""


class Trip(NamedTuple):
    """A provider, and what it says.

    Attributes:
        dialect: That the simulator plays.
        path: Behind its base URL.
        turns: Its first two.
    """

    provider: str
    dialect: str
    model: str
    turns: tuple[tuple[Part, ...], tuple[Part, ...]]
    path: str = ""
    options: dict[str, str] = {}  # noqa: RUF012 - of a tuple, which nothing writes to


def _turns(
    ids: tuple[str, str],
    *,
    thoughts: tuple[Reasoning, ...] = (Reasoning(PLAN), Reasoning(MORE), Reasoning(DONE)),
    signatures: tuple[str | None, str | None] = (None, None),
    phases: tuple[str | None, str | None] = (None, None),
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    plan, more, done = thoughts
    look = ToolCall(ids[0], "look", '{"a":1}', signatures[0])
    read = ToolCall(ids[1], "read", '{"a":2}', signatures[1])
    first = (plan, TextPart(LOOKING, phase=phases[0]), look, more, read)
    return first, (done, TextPart(ANSWERED, phase=phases[1]))


def _signed(*marks: str) -> tuple[Reasoning, ...]:
    return tuple(Reasoning(text, mark) for text, mark in zip((PLAN, MORE, DONE), marks, strict=True))


def _sealed(*marks: str) -> tuple[Reasoning, ...]:
    texts = enumerate(zip((PLAN, MORE, DONE), marks, strict=True))
    return tuple(Reasoning(text, f"rs_state{place}", mark) for place, (text, mark) in texts)


def _detailed(*marks: str) -> tuple[Reasoning, ...]:
    texts = enumerate(zip((PLAN, MORE, DONE), marks, strict=True))
    return tuple(
        Reasoning(
            text, details=f'[{{"type":"reasoning.text","index":{place % 2},"text":"{text}","signature":"{mark}"}}]'
        )
        for place, (text, mark) in texts
    )


STATES = ("c3RhdGUx", "c3RhdGUy", "c3RhdGUz")
"""Opaque state."""

TRIPS: dict[str, Trip] = {
    "anthropic": Trip(
        "anthropic", "anthropic", "claude-haiku-4-5", _turns(("toolu_01A", "toolu_01B"), thoughts=_signed(*STATES)),
        "/v1",
    ),
    "bedrock": Trip(
        "bedrock", "bedrock", "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        _turns(("tooluse_a-1", "tooluse_b-2"), thoughts=_signed(*STATES)), options={"region": "eu-central-1"},
    ),
    "gemini": Trip(
        "gemini", "gemini", "gemini-3-flash-preview",
        _turns((LONG, LONG + "."), thoughts=_signed(*STATES), signatures=("c3RhdGU0", None)),
    ),
    "openai-responses": Trip(
        "openai-responses", "openai-responses", "gpt-5-mini",
        _turns(("call_A", "call_B"), thoughts=_sealed(*STATES), phases=("commentary", "final_answer")),
    ),
    "mistral": Trip(
        "mistral", "mistral", "magistral-medium-latest", _turns(("D681PevKs", "D681PevKt"), thoughts=_signed(*STATES)),
        "/v1",
    ),
    "cohere": Trip("cohere", "cohere", "command-a-reasoning-08-2025", _turns(("look_4f", "read_8g"))),
    "ollama": Trip("ollama", "ollama", "qwen3", _turns(("call_c1", "call_c2"))),
    "openai": Trip("openai", "openai", "gpt-5-mini", _turns(("call_A", "call_B")), "/v1"),
    "azure-openai": Trip(
        "azure-openai", "azure-openai", "gpt-5-mini", _turns(("call_A", "call_B")),
        options={"api_version": "2024-10-21"},
    ),
    "deepseek": Trip("deepseek", "openai", "deepseek-reasoner", _turns(("call_0_a", "call_1_b"))),
    "openrouter": Trip(
        "openrouter", "openai", "anthropic/claude-haiku-4.5",
        _turns(("toolu_a", "toolu_b"), thoughts=_detailed(*STATES)), "/v1",
    ),
    "gemini-compatible": Trip(  # another server behind the same provider
        "openai", "openai", "gemini-3-flash-preview",
        _turns(("function-call-1", "function-call-2"), signatures=("c3RhdGU0", None)), "/v1beta/openai",
    ),
    "koala": Trip("koala", "koala", "gpt-4o-mini", ((TextPart(LOOKING),), (TextPart(ANSWERED),))),
}  # fmt: skip
"""By a name, mostly the provider's. Those of one dialect beyond the first want thinking back that OpenAI does not."""


def target(simulator: Simulator, name: str) -> Target:
    """A target of a provider at the simulator."""
    trip = TRIPS[name]
    if name == "bedrock":
        need("botocore")
    base_url = simulator.base_url(name) + trip.path
    return Target(
        trip.provider, model=trip.model, name=name, key="key-12345678", base_url=base_url, options=trip.options
    )


async def ask(simulator: Simulator, name: str, turns: list[Message], *, stream: bool, tools: bool = True) -> Message:
    """One more answer of a provider, through the public API."""
    offered = TOOLS if tools else ()
    async with Router([target(simulator, name)]) as router:
        if not stream:
            return (await router.complete(turns, tools=offered)).message
        async with router.stream(turns, tools=offered) as events:
            return (await events.answer()).message


async def travelled(simulator: Simulator, name: str, *, stream: bool = True) -> list[Message]:
    """A conversation up to the user's third turn, held at one provider."""
    trip = TRIPS[name]
    simulator.play(name, *(Answer(parts=parts) for parts in trip.turns), "Bye.", dialect=trip.dialect)
    turns = [Message("user", "Go.")]
    tools = name != "koala"
    first = await ask(simulator, name, turns, stream=stream, tools=tools)
    turns += [first, *(Message("tool", f"result of {call.name}", tool_call_id=call.id) for call in first.tool_calls)]
    turns += [] if first.tool_calls else [Message("user", "Go on.")]
    turns += [await ask(simulator, name, turns, stream=stream, tools=tools), Message("user", "Thanks.")]
    return turns


def said(name: str, place: int) -> Any:
    """One of a provider's turns as it says it, in one body."""
    trip = TRIPS[name]
    request = Request(provider=name, number=1, method="POST", path="/", reading=Reading(trip.model))
    return json.loads(DIALECTS[trip.dialect].single(Answer(parts=trip.turns[place]), request))


class Call(NamedTuple):
    """A call of a tool in a request's body, or its result."""

    id: str | None
    name: str | None
    content: Any


class Sent(NamedTuple):
    """What a request's body holds of a conversation.

    Attributes:
        texts: The assistant's.
    """

    texts: list[str]
    calls: list[Call]
    results: list[Call]


def _chat(body: Any) -> Sent:
    turns = body["messages"]
    mine = [turn for turn in turns if turn["role"] == "assistant"]
    calls = [call for turn in mine for call in turn.get("tool_calls") or ()]
    return Sent(
        [text for turn in mine for text in _texts(turn.get("content"))],
        [Call(call.get("id"), call["function"]["name"], _object(call["function"]["arguments"])) for call in calls],
        [
            Call(turn.get("tool_call_id"), turn.get("tool_name", turn.get("name")), turn["content"])
            for turn in turns
            if turn["role"] == "tool"
        ],
    )


def _anthropic(body: Any) -> Sent:
    blocks = [(turn["role"], block) for turn in body["messages"] for block in _blocks(turn["content"])]
    return Sent(
        [block["text"] for role, block in blocks if role == "assistant" and block["type"] == "text"],
        [Call(block["id"], block["name"], block["input"]) for _, block in blocks if block["type"] == "tool_use"],
        [
            Call(block["tool_use_id"], None, "".join(_texts(block["content"])))
            for _, block in blocks
            if block["type"] == "tool_result"
        ],
    )


def _bedrock(body: Any) -> Sent:
    blocks = [(turn["role"], block) for turn in body["messages"] for block in turn["content"]]
    calls = [block["toolUse"] for _, block in blocks if "toolUse" in block]
    results = [block["toolResult"] for _, block in blocks if "toolResult" in block]
    return Sent(
        [block["text"] for role, block in blocks if role == "assistant" and "text" in block],
        [Call(call["toolUseId"], call["name"], call["input"]) for call in calls],
        [Call(result["toolUseId"], None, result["content"][0]["text"]) for result in results],
    )


def _gemini(body: Any) -> Sent:
    parts = [(turn["role"], part) for turn in body["contents"] for part in turn["parts"]]
    calls = [part["functionCall"] for _, part in parts if "functionCall" in part]
    results = [part["functionResponse"] for _, part in parts if "functionResponse" in part]
    return Sent(
        [part["text"] for role, part in parts if role == "model" and "text" in part and not part.get("thought")],
        [Call(call.get("id"), call["name"], call["args"]) for call in calls],
        [Call(result.get("id"), result["name"], result["response"]["output"]) for result in results],
    )


def _responses(body: Any) -> Sent:
    items = body["input"]
    calls = [item for item in items if item.get("type") == "function_call"]
    results = [item for item in items if item.get("type") == "function_call_output"]
    return Sent(
        [text for item in items if item.get("role") == "assistant" for text in _texts(item["content"])],
        [Call(call["call_id"], call["name"], _object(call["arguments"])) for call in calls],
        [Call(result["call_id"], None, result["output"]) for result in results],
    )


def _koala(body: Any) -> Sent:
    return Sent(body["outputHistory"], [], [])


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _texts(content: Any) -> list[str]:
    """The texts of a content that is one, or a list of parts."""
    return [block["text"] for block in _blocks(content or "") if block.get("type") == "text" and block["text"]]


def _object(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else arguments


READ: dict[str, Callable[[Any], Sent]] = {
    "anthropic": _anthropic,
    "bedrock": _bedrock,
    "gemini": _gemini,
    "openai-responses": _responses,
    "koala": _koala,
}


def sent(name: str, body: Any) -> Sent:
    """Read a request's body."""
    return READ.get(TRIPS[name].dialect, _chat)(body)
