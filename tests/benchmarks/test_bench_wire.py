"""The upstream's bytes: cut into writes exactly as the script says, and read alike by all clients."""

import json
import re

import pytest
from standby.providers.dialects.openai_decoder import ChatStreamDecoder
from standby.providers.events import Finished, TextDelta, Usage
from standby.providers.provider import ResponseHead

from benchmarks.wire import ANSWER, Script


def events(write: bytes) -> list[bytes]:
    """The data of each event in one write, which holds whole HTTP chunks of one event each."""
    body = write.partition(b"\r\n\r\n")[2] if write.startswith(b"HTTP/") else write
    found = []
    while body and not body.startswith(b"0\r\n"):
        size, _, body = body.partition(b"\r\n")
        chunk, body = body[: int(size, 16)], body[int(size, 16) + 2 :]
        assert chunk.startswith(b"data: ")
        assert chunk.endswith(b"\n\n")
        assert chunk.count(b"\n\n") == 1
        found.append(chunk[6:-2])
    return found


@pytest.mark.parametrize(("deltas", "per_write", "groups"), [(16, 8, 2), (17, 8, 3), (3, 1, 3), (5, 100, 1)])
def test_a_write_holds_exactly_so_many_events(deltas: int, per_write: int, groups: int) -> None:
    opening, *middle, closing = Script("stream", deltas, per_write).writes
    assert len(events(opening)) == 1
    assert len(middle) == groups
    assert [len(events(write)) for write in middle[:-1]] == [per_write] * (groups - 1)
    assert sum(len(events(write)) for write in middle) == deltas
    assert events(closing)[-1] == b"[DONE]"
    assert closing.endswith(b"\r\n0\r\n\r\n")


def test_an_event_is_as_long_as_a_real_one_and_no_text_follows_itself() -> None:
    middle = Script("stream", 1000, 1).writes[1:-1]
    lengths = {len(b"data: " + events(write)[0] + b"\n\n") for write in middle}
    assert lengths == {255}
    texts = [json.loads(events(write)[0])["choices"][0]["delta"]["content"] for write in middle]
    assert len(set(texts)) == len(texts)


def test_our_decoder_loses_nothing_of_it() -> None:
    head = ResponseHead(200, {"content-type": "text/event-stream"})
    decoder = ChatStreamDecoder(head)
    found = []
    for write in Script("stream", 20, 8).writes:
        found += decoder.feed(b"".join(b"data: " + data + b"\n\n" for data in events(write)))
    assert sum(type(event) is TextDelta for event in found) == 20
    assert [event for event in found if type(event) is Usage] == [Usage(12, 20)]
    assert decoder.finish == Finished("stop", "stop")
    assert decoder.closed


@pytest.mark.parametrize("kind", ["single", "refuse"])
def test_a_whole_body_is_as_long_as_it_says(kind: str) -> None:
    (write,) = Script(kind).writes
    head, _, body = write.partition(b"\r\n\r\n")
    assert re.search(rb"content-length: (\d+)", head)[1] == str(len(body)).encode()  # type: ignore[index]
    if kind == "single":
        assert json.loads(body)["choices"][0]["message"]["content"] == ANSWER


@pytest.mark.parametrize(
    "script",
    [
        Script("stream", 100, 8, 200, 1),
        Script("cut", 8, 4, 200, 1),
        Script("flood"),
        Script("single"),
        Script("refuse"),
        Script("either"),
    ],
)
def test_a_script_is_found_again_by_its_name(script: Script) -> None:
    assert Script.named(script.segment) == script


def test_a_name_without_a_script_is_refused() -> None:
    with pytest.raises(ValueError, match="no script"):
        Script.named("d10")
