"""Every recorded response, through the provider it belongs to: exactly what is expected, however the network cuts it.

No file is left out: one that no test reads, or a directory of no dialect, fails here.
"""

import pytest
from standby.providers import registry
from standby.providers.provider import Provider

from components import need
from wire_fixtures import WIRE, Fixture, check, check_cuts, complete, fixtures

NO_DIALECTS = {"framing", "requests"}
"""Read by `test_framing` and by `test_every_request`."""
OTHER_NAMES = {"openai-chat": "openai"}
"""Directories that are not called as the provider they were recorded from."""

DIRECTORIES = sorted(path.name for path in WIRE.iterdir() if path.is_dir())
RECORDED = [name for name in DIRECTORIES if name not in NO_DIALECTS]
WITHOUT_END_MARKER = {"koala"}
"""Its stream ends where the body does; `test_koala_recorded` says what that proves."""


def provider_of(fixture: Fixture) -> Provider:
    """The provider that a recording belongs to, if what it needs is installed."""
    if fixture.directory == "bedrock":
        need("botocore")
    return registry.get(OTHER_NAMES.get(fixture.directory, fixture.directory))


@pytest.mark.parametrize("directory", RECORDED)
def test_a_directory_belongs_to_a_provider(directory: str) -> None:
    name = OTHER_NAMES.get(directory, directory)
    assert name in registry.names(), f"no provider {name!r} reads {WIRE / directory}: add one, or name it here"


@pytest.mark.parametrize("directory", sorted({*RECORDED, "framing"}))
def test_every_file_says_what_is_expected_of_it(directory: str) -> None:
    there = {path.name for path in (WIRE / directory).iterdir()} - {"expected.json"}
    assert {fixture.name for fixture in fixtures(directory)} == there


def test_nothing_stands_beside_the_directories() -> None:
    kept = {".gitattributes", "README.md"}
    assert {path.name for path in WIRE.iterdir() if path.is_file()} == kept
    assert not [path for path in WIRE.glob("*/*") if path.is_dir()]


def test_every_case_of_framing_says_what_a_parser_gives() -> None:
    told = {"events", "events_prefix_of", "objects"}
    assert all(len(told & fixture.expect.keys()) == 1 for fixture in fixtures("framing"))


@pytest.mark.parametrize("fixture", fixtures(*RECORDED), ids=str)
def test_is_read_as_recorded_however_it_is_cut(fixture: Fixture) -> None:
    check(provider_of(fixture), fixture)


@pytest.mark.parametrize(
    "fixture", [each for each in complete(*RECORDED) if each.directory not in WITHOUT_END_MARKER], ids=str
)
def test_cut_at_any_byte_before_its_end_marker_it_is_never_finished(fixture: Fixture) -> None:
    check_cuts(provider_of(fixture), fixture, end_marker(fixture))


_MARKS = {
    "anthropic": b'"stop_reason":"',
    "cohere": b'"type":"message-end"',
    "gemini": b'"finishReason":',
    "ollama": b'"done":true',
    "openai-responses": b'"type":"response.',
}
"""What the event holds that ends an answer, by dialect. The speakers of the chat protocol end with a finish reason."""


def end_marker(fixture: Fixture) -> bytes:
    """From the dialect's mark to the end of its event: without the last byte of it, the event is not whole."""
    body = fixture.body
    if fixture.name.endswith(".txt"):
        return body.rstrip()  # a whole answer in one JSON body
    if fixture.directory == "bedrock":
        return _frame_around(body, b"messageStop")
    mark = _MARKS.get(provider_of(fixture).info.dialect)
    if mark is None:
        mark = b'"finish_reason":"' + fixture.expect["native_finish"].encode() + b'"'
    start = body.rindex(mark)
    return body[start:].splitlines()[0]


def _frame_around(body: bytes, mark: bytes) -> bytes:
    """The binary frame that holds a mark, from its first byte: frames say their length first."""
    start, found = 0, body.index(mark)
    while start + int.from_bytes(body[start : start + 4]) <= found:
        start += int.from_bytes(body[start : start + 4])
    return body[start : start + int.from_bytes(body[start : start + 4])]
