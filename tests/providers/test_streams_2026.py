"""Streams of late 2026, as bug reports tell them: what each yields, however the network cuts it."""

import json
from pathlib import Path
from typing import Any

import pytest

from components import need
from read_streams import outcome, ways_to_cut

STREAMS = Path(__file__).parents[1] / "fixtures" / "wire-2026"
CASES: dict[str, dict[str, Any]] = json.loads((STREAMS / "streams.json").read_bytes())


@pytest.mark.parametrize("name", CASES)
def test_a_stream_yields_what_it_says_once_and_whole(name: str) -> None:
    case = CASES[name]
    if case["provider"] == "bedrock":
        need("botocore")
    body = (STREAMS / name).read_bytes()
    wanted = {key: value for key, value in case["expect"].items() if value}
    for cuts in ways_to_cut(body):
        said = outcome(case["provider"], case["content_type"], body, cuts)
        told = {
            key: value for key, value in said.items() if key in case["expect"] or key in ("text", "calls", "error_kind")
        }
        assert told == wanted, f"cut at {cuts[:3]}"


def test_every_stream_has_its_row() -> None:
    assert {path.name for path in STREAMS.iterdir() if path.suffix in (".sse", ".bin", ".ndjson")} == {*CASES}
