"""The koala dialect, read as its own site's clients read it: lines of bare JSON strings, or one JSON object."""

import json

import aiohttp
import pytest
from standby.providers.chat import ToolCall
from standby.providers.errors import ErrorKind
from standby.simulator.dialects import DIALECTS
from standby.simulator.scenario.faults import At, Cut, ErrorEvent, Malformed
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.request import Request
from standby.simulator.scenario.script import Script, Step
from standby.simulator.server import Simulator

KOALA = DIALECTS["koala"]
BODY = {"input": "What about yours?", "inputHistory": ["Hello"], "outputHistory": ["Hi!"], "model": "gpt-4o-mini"}
BROWSER = {"accept": "text/event-stream"}
KEY = {"authorization": "Bearer 00000000-0000"}
REQUEST = Request(provider="p", number=1, method="POST", path="/")


async def ask(step: Step, headers: dict[str, str]) -> tuple[int, str, list[bytes], Request]:
    """Status, content type and lines of one answer, and the request as it was seen."""
    async with Simulator() as simulator, aiohttp.ClientSession() as session:
        simulator.play("k", step, dialect="koala")
        async with session.post(simulator.base_url("k") + "/api/gpt/", json=BODY, headers=headers) as response:
            lines = [line async for line in response.content]
        return response.status, response.content_type, lines, (await simulator.asked("k")).request


def strings(lines: list[bytes]) -> list[object]:
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]


async def test_a_stream_is_made_of_bare_strings_and_just_ends() -> None:
    status, content_type, lines, request = await ask(Answer(("Hello", "!\n", ' "wörld" 🌍')), BROWSER)
    assert (status, content_type) == (200, "text/event-stream")
    assert strings(lines) == ["Hello", "!\n", ' "wörld" 🌍']
    assert lines[-2:] == ['data: " \\"wörld\\" 🌍"\n'.encode(), b"\n"]
    assert request.path == "/api/gpt/"
    assert request.json == BODY
    assert request.reading.messages == (("user", "Hello"), ("assistant", "Hi!"), ("user", "What about yours?"))


async def test_the_key_form_is_one_object() -> None:
    status, content_type, lines, _ = await ask("Hello! How can I help?", KEY)
    assert (status, content_type) == (200, "application/json")
    assert json.loads(b"".join(lines)) == {"output": "Hello! How can I help?"}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (ErrorKind.BAD_REQUEST, 400),
        (ErrorKind.AUTH, 401),
        (ErrorKind.QUOTA_EXHAUSTED, 402),
        (ErrorKind.BLOCKED, 403),
        (ErrorKind.NOT_FOUND, 404),
        (ErrorKind.UNKNOWN, 418),
        (ErrorKind.RATE_LIMITED, 429),
        (ErrorKind.SERVER_ERROR, 500),
        (ErrorKind.OVERLOADED, 503),
        (ErrorKind.TIMEOUT, 504),
    ],
)
async def test_refusals(kind: ErrorKind, status: int) -> None:
    told, content_type, lines, _ = await ask(Failure(kind), BROWSER)
    assert told == status
    if kind is ErrorKind.BLOCKED:
        assert (content_type, b"<title>Just a moment...</title>" in lines[0]) == ("text/html", True)
    else:
        assert list(json.loads(lines[0])) == ["error"]


async def test_an_error_event_is_an_object_among_strings() -> None:
    failure = Failure(ErrorKind.RATE_LIMITED, message="Rate limit exceeded")
    _, _, lines, _ = await ask(Script(Answer(("A", "B")), [ErrorEvent(At.delta(1), failure)]), BROWSER)
    assert strings(lines) == ["A", {"error": "Rate limit exceeded"}]


async def test_a_spoilt_event_is_an_open_string() -> None:
    _, _, lines, _ = await ask(Script(Answer(("A", "B", "C")), [Malformed(At.delta(1))]), BROWSER)
    assert lines == [b'data: "A"\n', b"\n", b'data: "B\n', b"\n", b'data: "C"\n', b"\n"]


async def test_a_cut_is_felt_where_the_body_is_framed() -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await ask(Script("One two three", [Cut(At.delta(1))]), BROWSER)


async def test_a_cut_is_not_felt_where_the_end_of_the_connection_is_the_end() -> None:
    _, _, lines, _ = await ask(Script("One two three", [Cut(At.delta(1))], framing="close"), BROWSER)
    assert strings(lines) == ["One"]


def test_a_refusal_is_text() -> None:
    assert KOALA.single(Answer(refusal="No."), REQUEST) == b'{"output":"No."}'


@pytest.mark.parametrize("answer", [Answer(reasoning="Hm."), Answer(tool_calls=(ToolCall("1", "f", "{}"),))])
def test_what_the_dialect_cannot_say_is_an_error(answer: Answer) -> None:
    with pytest.raises(ValueError, match="no words for"):
        KOALA.frames(answer, REQUEST)


def test_a_failure_that_koala_never_tells_is_an_error() -> None:
    with pytest.raises(ValueError, match="context_length"):
        KOALA.refusal(Failure(ErrorKind.CONTEXT_LENGTH))
