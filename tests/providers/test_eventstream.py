"""AWS's binary frames: whole however they are cut, and refused where anything about them is wrong."""

import struct
import zlib

import pytest
from standby.providers.dialects.bedrock_eventstream import Frame, FrameDecoder, FrameError
from standby.simulator.dialects.binary import frame, payload_of, with_payload

from components import need

HEADERS = {":message-type": "event", ":event-type": "contentBlockDelta"}
FIRST, SECOND = frame(HEADERS, '{"text":"é"}'.encode()), frame({"a": "ü"}, b"")
FRAMES = [Frame(HEADERS, '{"text":"é"}'.encode()), Frame({"a": "ü"}, b"")]


@pytest.fixture(autouse=True)
def _with_botocore() -> None:
    need("botocore")


def sealed(headers: bytes, payload: bytes = b"", size: int | None = None) -> bytes:
    """A frame with these bytes as its headers, and valid checksums whatever they are."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload) if size is None else size, len(headers))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def test_frames_do_not_depend_on_where_the_network_cuts() -> None:
    wire = FIRST + SECOND
    for cut in range(len(wire) + 1):
        decoder = FrameDecoder()
        assert decoder.feed(wire[:cut]) + decoder.feed(wire[cut:]) == FRAMES
    decoder = FrameDecoder()
    assert [found for byte in wire for found in decoder.feed(bytes([byte]))] == FRAMES


def test_what_came_before_a_damaged_frame_is_not_lost() -> None:
    for place in range(len(SECOND)):
        damaged = bytearray(SECOND)
        damaged[place] ^= 0x01
        decoder = FrameDecoder()
        try:
            found = decoder.feed(FIRST + damaged)  # where its length grew, the frame is only not whole yet
        except FrameError as error:
            found = error.whole
        assert found == FRAMES[:1]


@pytest.mark.parametrize(
    "wrong",
    [
        sealed(b"\x01a\x63"),  # a header of an unknown type
        sealed(b"\x01a\x07\x00\x01\xff"),  # a text that is no UTF-8
        sealed(b"\x01a\x07\x00\x01x\x01a\x07\x00\x01y"),  # a header twice
        sealed(b"", size=3),  # a frame shorter than its own prelude
        sealed(b"", size=0x7FFFFFFF),  # a payload beyond what the format allows
    ],
)
def test_a_frame_that_makes_no_sense_is_refused(wrong: bytes) -> None:
    with pytest.raises(FrameError, match="damaged"):
        FrameDecoder().feed(wrong)


def test_a_frame_is_bounded() -> None:
    decoder = FrameDecoder(max_frame_bytes=100)
    assert decoder.feed(FIRST) == FRAMES[:1]
    long = frame(HEADERS, b"x" * 200)
    with pytest.raises(FrameError, match="longer than 100 bytes") as caught:
        for start in range(0, len(long), 50):
            decoder.feed(long[start : start + 50])
    assert caught.value.whole == []


def test_headers_of_other_types_are_no_texts() -> None:
    (found,) = FrameDecoder().feed(sealed(b"\x01a\x00\x01b\x07\x00\x01x"))
    assert (found.text("a"), found.text("b"), found.text("c")) == ("", "x", "")


def test_a_payload_can_be_put_in_anothers_place() -> None:
    assert payload_of(FIRST) == FRAMES[0].payload
    assert FrameDecoder().feed(with_payload(FIRST, b"{}")) == [Frame(HEADERS, b"{}")]
