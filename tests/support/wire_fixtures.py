"""Runs a provider over the recorded wire in `tests/fixtures/wire`, and compares what it made of it with what is known.

`test_every_fixture` does so for all of them; a dialect's own tests look closer at single ones.

    check(provider, fixture)                        # the verdict, and the same for every cut
    check_cuts(provider, fixture, b"message_stop")  # cut before its end marker: never finished
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from standby.providers.errors import DISPOSITIONS, ErrorKind, ProviderError
from standby.providers.events import Finished, ReasoningDelta, RefusalDelta, Started, TextDelta, ToolCallDelta, Usage
from standby.providers.provider import Provider, ResponseHead
from standby.router.failover.retry import retry_rule

WIRE = Path(__file__).parents[1] / "fixtures" / "wire"
NOW_S = 1_795_000_000.0
"""The wall clock of every response: 18 Nov 2026, as in the recordings."""

SPLIT_EVERYWHERE_BYTES = 8 * 1024
"""A longer body is split in two at a stride and at every line end, not at every byte."""
STRIDE_BYTES = 997

KINDS = {
    "rate_limit": ErrorKind.RATE_LIMITED,
    "quota": ErrorKind.QUOTA_EXHAUSTED,
    "invalid_request": ErrorKind.BAD_REQUEST,
    "server": ErrorKind.SERVER_ERROR,
}
"""Words of the recordings that are not ours."""

REFUSED_HERE = frozenset({"tool_use_failed"})
"""Codes that the recordings call an invalid request, and that say it of this model alone: another may do better."""


@dataclass(frozen=True)
class Fixture:
    """One recorded response.

    Attributes:
        clean: Whether HTTP can tell that the body is whole: False for a broken chunked encoding.
        reads: Where the network cuts the body, if that is part of the case.
    """

    directory: str
    name: str
    head: ResponseHead
    body: bytes
    clean: bool
    expect: dict[str, Any]
    reads: tuple[int, ...] | None

    def __str__(self) -> str:
        return f"{self.directory}/{self.name}"


@dataclass
class Verdict:
    """What a provider made of a response."""

    events: list[Any] = field(default_factory=list)
    finish: Finished | None = None
    error: ProviderError | None = None

    @property
    def outcome(self) -> str:
        if self.error is not None:
            # For the recordings an error is one that a provider reports; a damaged frame is a broken connection.
            broken = self.error.kind is ErrorKind.TRUNCATED or self.error.detail.endswith("a frame that is damaged")
            return "truncated" if broken else "error"
        return "complete" if self.finish is not None else "nothing"

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls of tools, in order. Of an answer that was cut, those with whole arguments."""
        calls: dict[int, dict[str, Any]] = {}
        for event in self.events:
            if isinstance(event, ToolCallDelta):
                call = calls.setdefault(event.index, {"id": None, "name": None, "arguments": ""})
                call["id"] = event.id or call["id"]
                call["name"] = event.name or call["name"]
                call["arguments"] += event.arguments
        assert list(calls) == list(range(len(calls))), "indices begin at 0 and have no gaps"
        if self.error is not None:
            calls = {index: call for index, call in calls.items() if _is_json(call["arguments"])}
        return [{**call, "arguments": json.loads(call["arguments"] or "{}")} for call in calls.values()]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def fixtures(*directories: str) -> list[Fixture]:
    """All recorded responses of these directories."""
    found = []
    for directory in directories:
        cases = json.loads((WIRE / directory / "expected.json").read_bytes())
        found += [_load(directory, name, case) for name, case in cases.items()]
    return found


def complete(*directories: str) -> list[Fixture]:
    """Those of them that are whole answers."""
    return [each for each in fixtures(*directories) if each.expect.get("outcome") == "complete"]


def run(provider: Provider, fixture: Fixture, pieces: Iterable[bytes] | None = None) -> Verdict:
    """The verdict of a provider on a response with its body in these pieces; in one, if none are given."""
    head = fixture.head
    if head.status >= 400:
        return Verdict(error=provider.error_for(head, fixture.body))
    decoder = provider.decoder(head)
    verdict = Verdict()
    for piece in (fixture.body,) if pieces is None else pieces:
        if decoder.failure is not None or decoder.closed:
            break
        verdict.events += decoder.feed(piece)
    if fixture.clean and decoder.failure is None and not decoder.closed:
        verdict.events += decoder.end()
    verdict.finish, verdict.error = decoder.finish, decoder.failure
    if not fixture.clean and verdict.finish is None and verdict.error is None:
        verdict.error = ProviderError(ErrorKind.TRUNCATED, "the transport says so")
    return verdict


def check(provider: Provider, fixture: Fixture) -> None:
    """Compare the verdict with the recording's, then demand the same one for every way to cut the body."""
    whole = run(provider, fixture)
    _check_verdict(whole, fixture.expect)
    _check_events(whole.events)
    if fixture.head.status < 400:
        known = _shape(whole)
        for cuts in _ways_to_cut(fixture):
            cut = run(provider, fixture, _pieces(fixture.body, cuts))
            assert _shape(cut) == known, f"cut at {cuts[:8]}"


def check_cuts(provider: Provider, fixture: Fixture, end_marker: bytes) -> None:
    """End the body, cleanly, at every byte up to the end of `end_marker`: never finished, nothing received is lost."""
    decoder = provider.decoder(fixture.head)
    given: list[Any] = []
    end = fixture.body.index(end_marker) + len(end_marker)
    for place in range(end):
        cut = run(provider, fixture, [fixture.body[:place]])
        assert cut.finish is None, f"finished at byte {place} of {len(fixture.body)}, before {end_marker!r}"
        assert cut.error is not None, f"neither finished nor failed at byte {place}"
        assert cut.error.kind is ErrorKind.TRUNCATED, f"{cut.error} at byte {place}"
        assert _ids_forgotten(cut.events[: len(given)]) == _ids_forgotten(given), f"lost something at byte {place}"
        given += decoder.feed(fixture.body[place : place + 1])


def _check_verdict(verdict: Verdict, expect: dict[str, Any]) -> None:
    assert verdict.outcome == expect["outcome"], verdict.error
    events = verdict.events
    if "text" in expect:
        assert verdict.text == expect["text"]
    if "deltas" in expect:
        assert [event.text for event in events if isinstance(event, TextDelta)] == expect["deltas"]
    thoughts = [event for event in events if isinstance(event, ReasoningDelta)]
    if "reasoning" in expect:
        assert "".join(event.text for event in thoughts) == expect["reasoning"]
    if "signature" in expect:
        assert "".join(event.signature for event in thoughts if event.signature) == expect["signature"]
    if "refusal" in expect:
        assert "".join(event.text for event in events if isinstance(event, RefusalDelta)) == expect["refusal"]
    if "tool_calls" in expect:
        _check_calls(verdict.calls, expect["tool_calls"])
    if "usage" in expect:
        counts = [
            {"input": each.input_tokens, "output": each.output_tokens} for each in events if isinstance(each, Usage)
        ]
        assert (counts[-1] if counts else None) == expect["usage"]
    if verdict.error is None:
        assert verdict.finish is not None
        if "finish" in expect:
            assert verdict.finish.reason == expect["finish"]
        if "native_finish" in expect:
            assert verdict.finish.native_reason == expect["native_finish"]
    elif "error" in expect:
        _check_error(verdict.error, expect)


def _check_calls(calls: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(calls) == len(expected)
    for call, wanted in zip(calls, expected, strict=True):
        assert call["id"], "a call without an id cannot be answered"
        assert call == {**wanted, "id": wanted["id"] or call["id"]}
    assert len({call["id"] for call in calls}) == len(calls)


def _check_error(error: ProviderError, expect: dict[str, Any]) -> None:
    wanted = expect["error"]
    if wanted.get("native_code") in REFUSED_HERE:
        assert error.kind is ErrorKind.REFUSED_HERE
    else:
        assert error.kind is KINDS.get(wanted["kind"]) or error.kind.value == wanted["kind"], error
    assert (retry_rule(DISPOSITIONS, error) in ("once", "backoff", "hint")) is wanted["retryable"]
    said = (error.provider_message or "", error.detail)
    ours = error.detail.endswith(wanted["message"])  # the recordings name it, our sentence ends with the name
    assert ours or any(_is_said(wanted["message"], words) for words in said), said
    if "native_finish" in expect:
        assert expect["native_finish"] in (error.native_code, error.provider_message)
    for name in ("retry_after_s", "native_code", "native_type", "request_id"):
        if name in wanted:
            assert getattr(error, name) == wanted[name], name


def _is_said(wanted: str, words: str) -> bool:
    """`...` and `<…>` in the wanted message stand for any text; with one of them, more may follow."""
    parts = [re.escape(part.strip()) for part in re.split(r"\.\.\.|<[^>]*>", wanted)]
    if len(parts) == 1:
        return words == wanted
    return re.match(".*".join(parts), words, re.DOTALL) is not None


def _check_events(events: list[Any]) -> None:
    """What holds for every decoder: one beginning, no empty delta, and the end is not among the events."""
    assert not [event for event in events if isinstance(event, Finished)]
    assert not [event for event in events[1:] if isinstance(event, Started)]
    assert all(event.text for event in events if isinstance(event, TextDelta | RefusalDelta))


def _ways_to_cut(fixture: Fixture) -> Iterator[tuple[int, ...]]:
    size = len(fixture.body)
    yield tuple(range(1, size))
    if fixture.reads is not None:
        yield fixture.reads
    if size <= SPLIT_EVERYWHERE_BYTES:
        places = set(range(1, size))
    else:
        line_ends = (match.start() for match in re.finditer(rb"[\r\n]", fixture.body))
        places = {*range(1, size, STRIDE_BYTES), *(end + step for end in line_ends for step in (0, 1, 2))}
    yield from ((place,) for place in sorted(places) if 0 < place < size)


def _pieces(body: bytes, cuts: tuple[int, ...]) -> list[bytes]:
    return [body[start:end] for start, end in pairwise((0, *cuts, len(body)))]


def _shape(verdict: Verdict) -> tuple[Any, ...]:
    """Everything that must not depend on the cuts."""
    error = None if verdict.error is None else (verdict.error.kind, verdict.error.provider_message)
    return _ids_forgotten(verdict.events), verdict.finish, error


def _ids_forgotten(events: list[Any]) -> list[Any]:
    return [
        msgspec.structs.replace(event, id="made")
        if isinstance(event, ToolCallDelta) and event.id and re.fullmatch(r"call_[0-9a-f]{24}", event.id)
        else event
        for event in events
    ]


def _load(directory: str, name: str, case: dict[str, Any]) -> Fixture:
    raw = (WIRE / directory / name).read_bytes()
    reads = tuple(case["reads"]) if "reads" in case else None
    expect = case["expect"] | {key: case[key] for key in ("lenient",) if key in case}
    if not name.endswith(".txt"):
        return Fixture(directory, name, ResponseHead(200, case["headers"], NOW_S), raw, True, expect, reads)
    top, _, body = raw.partition(b"\r\n\r\n")
    status_line, *lines = top.decode("latin-1").split("\r\n")
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    clean = True
    if headers.get("transfer-encoding") == "chunked":
        body, clean = dechunked(body)
    elif "content-length" in headers:
        clean = len(body) == int(headers["content-length"])
    status = int(status_line.split()[1])
    assert status == case["status"]
    return Fixture(directory, name, ResponseHead(status, headers, NOW_S), body, clean, expect, reads)


def dechunked(raw: bytes) -> tuple[bytes, bool]:
    """The body of a chunked response as far as it goes, and whether its last chunk was seen."""
    body = b""
    while True:
        size_line, found, raw = raw.partition(b"\r\n")
        if not found:
            return body, False
        size = int(size_line.partition(b";")[0], 16)
        if size == 0:
            return body, True
        body += raw[:size]
        if len(raw) < size + 2:
            return body, False
        raw = raw[size + 2 :]
