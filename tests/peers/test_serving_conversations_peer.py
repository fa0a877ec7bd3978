"""The official SDKs ask, the serving side reads and answers, and what they keep of a turn comes back as it was."""

from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from standby.providers.errors import ErrorKind
from standby.providers.events import Finished, Usage
from standby.providers.parts import Part, Reasoning, TextPart, ToolCall
from standby.providers.serving import Asked, Dialect, Failure
from standby.providers.serving.chat import chat
from standby.providers.serving.messages import messages
from standby.providers.serving.responses import responses

from served import ABOUT, events_of, from_here, own

CALL = ToolCall("call_A1", "get_weather", '{"city":"Paris"}')
TURN: list[Part] = [Reasoning("Two and two.", "sig-1"), TextPart("Wait."), CALL]
USAGE = Usage(14, 6, 4, 2)
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Gateway:
    """A server in a function: every request is read, and answered with one turn.

    Attributes:
        asked: What was read, request by request.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._http: Any = httpx2 if dialect is messages else httpx  # each SDK takes a client of its own package alone
        self.asked: list[Asked] = []
        self.failure: Failure | None = None

    def __call__(self, request: Any) -> Any:
        asked = self._dialect.read(request.content)
        self.asked.append(asked)
        if self.failure is not None:
            return self._http.Response(self.failure.status, content=self._dialect.error(self.failure))
        events = events_of(TURN, "tool_calls", USAGE)
        if not asked.stream:
            whole = self._dialect.whole(asked, ABOUT, from_here(), events).body
            return self._http.Response(200, headers={"content-type": "application/json"}, content=whole)
        encoder = self._dialect.stream(asked, ABOUT, from_here())
        data = self._dialect.ping + b"".join(encoder.encode([event]) for event in events) + b": standby {}\n\n"
        return self._http.Response(200, headers={"content-type": self._dialect.stream_type}, content=data)

    @property
    def client(self) -> Any:
        return self._http.Client(transport=self._http.MockTransport(self))

    def came_back(self) -> list[Part]:
        """The turn as the last request has it, its marks taken off."""
        turn = next(turn for turn in self.asked[-1].chat.messages if turn.role == "assistant")
        return [own(part) for part in turn.content]


def of_openai(gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=gateway.client, max_retries=0)


def of_anthropic(gateway: Gateway) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url="http://gateway", http_client=gateway.client, max_retries=0)


def chat_turn(gateway: Gateway, *, stream: bool) -> None:
    with of_openai(gateway) as client:
        tools: Any = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
        turns: list[Any] = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Weather?"}]
        create: Any = client.chat.completions.create
        if stream:
            with client.chat.completions.stream(model="m", messages=turns, tools=tools) as told:
                message: Any = told.get_final_completion().choices[0].message
        else:
            message = create(model="m", messages=turns, tools=tools).choices[0].message
        assert (message.content, message.tool_calls[0].function.arguments) == ("Wait.", CALL.arguments)
        turns += [message, {"role": "tool", "tool_call_id": CALL.id, "content": "21"}]
        create(model="m", messages=turns, tools=tools)


def messages_turn(gateway: Gateway, *, stream: bool) -> None:
    with of_anthropic(gateway) as client:
        more: Any = {
            "model": "m", "max_tokens": 99, "system": "Be terse.",
            "tools": [{"name": "get_weather", "input_schema": SCHEMA}],
            "thinking": {"type": "enabled", "budget_tokens": 2048},
        }  # fmt: skip
        turns: list[Any] = [{"role": "user", "content": "Weather?"}]
        if stream:
            with client.messages.stream(messages=turns, **more) as told:
                message: Any = told.get_final_message()
        else:
            message = client.messages.create(messages=turns, **more)
        assert message.content[2].input == {"city": "Paris"}
        assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (10, 4)
        result = {"type": "tool_result", "tool_use_id": CALL.id, "content": "21"}
        turns += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
        client.messages.create(messages=turns, **more)


def responses_turn(gateway: Gateway, *, stream: bool) -> None:
    with of_openai(gateway) as client:
        tools: Any = [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True}]
        turns: list[Any] = [{"role": "user", "content": "Weather?"}]
        more: Any = {"model": "m", "instructions": "Be terse.", "tools": tools, "store": False}
        if stream:
            with client.responses.stream(input=turns, **more) as told:
                answer: Any = told.get_final_response()
        else:
            answer = client.responses.create(input=turns, **more)
        assert answer.output_text == "Wait."
        result = {"type": "function_call_output", "call_id": CALL.id, "output": "21"}
        client.responses.create(input=[*turns, *answer.output, result], **more)


CLIENTS: dict[str, tuple[Dialect, Callable[..., None]]] = {
    "chat": (chat, chat_turn),
    "messages": (messages, messages_turn),
    "responses": (responses, responses_turn),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_turn_of_thinking_text_and_a_call_comes_back_through_an_sdk(name: str, stream: bool) -> None:
    dialect, converse = CLIENTS[name]
    gateway = Gateway(dialect)
    converse(gateway, stream=stream)
    first, second = gateway.asked
    assert (first.stream, second.stream) == (stream, False)
    assert (first.chat.system, first.chat.tools[0].name) == ("Be terse.", "get_weather")
    assert gateway.came_back() == TURN
    assert second.chat.messages[-1].tool_call_id == CALL.id
    assert second.carried == ()


@pytest.mark.parametrize(
    ("status", "theirs", "of_anthropic_s"),
    [
        (400, openai.BadRequestError, anthropic.BadRequestError),
        (429, openai.RateLimitError, anthropic.RateLimitError),
        (503, openai.InternalServerError, anthropic.InternalServerError),
    ],
)
def test_errors_are_those_of_the_sdk(status: int, theirs: type[Exception], of_anthropic_s: type[Exception]) -> None:
    failure = Failure(kind=ErrorKind.BAD_REQUEST, status=status, message="no: temperature", param="temperature")
    for name, (dialect, converse) in CLIENTS.items():
        gateway = Gateway(dialect)
        gateway.failure = failure
        with pytest.raises(of_anthropic_s if name == "messages" else theirs) as caught:
            converse(gateway, stream=False)
        error: Any = caught.value
        assert "no: temperature" in error.message
        assert name == "messages" or error.param == "temperature"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_stream_that_breaks_off_raises(name: str) -> None:
    dialect, converse = CLIENTS[name]

    class Broken(Gateway):
        def __call__(self, request: Any) -> Any:
            asked = dialect.read(request.content)
            encoder = dialect.stream(asked, ABOUT, from_here())
            told = [event for event in events_of(TURN) if not isinstance(event, Finished)]
            failure = Failure(kind=ErrorKind.SERVER_ERROR, status=502, message="it broke")
            data = encoder.encode(told) + encoder.failed(failure)
            return self._http.Response(200, headers={"content-type": dialect.stream_type}, content=data)

    with pytest.raises((openai.APIError, anthropic.APIError), match="it broke"):
        converse(Broken(dialect), stream=True)
