"""The inputs of `corpus/`, replayed without a fuzzer: what breaks a promise once is kept, and breaks it never again."""

import time
from pathlib import Path

import pytest
from fuzzing import CORPUS, INPUT_BYTES_MAX, TARGETS

from components import need

FILES_MAX = 40
HANG_S = 2.0
"""Of CPU time: an input this small takes milliseconds."""

INPUTS = sorted(path for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.relative_to(CORPUS).as_posix())
def test_no_promise_is_broken_by(path: Path) -> None:
    if path.parent.name in ("event-stream", "dialect-bedrock"):
        need("botocore")
    began_s = time.process_time()
    TARGETS[path.parent.name](path.read_bytes())
    assert time.process_time() - began_s < HANG_S


def test_every_target_has_a_small_corpus() -> None:
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} == TARGETS.keys()
    for target in TARGETS:
        sizes = [path.stat().st_size for path in INPUTS if path.parent.name == target]
        assert 0 < len(sizes) <= FILES_MAX, f"{target} has {len(sizes)} inputs: keep those that reach something new"
        assert max(sizes) <= INPUT_BYTES_MAX


def test_a_broken_promise_is_seen() -> None:
    with pytest.raises(AssertionError, match="the end is among the events"):
        from fuzz_dialects import _check
        from standby.providers.events import Finished

        _check(b"", [Finished("stop")], None, None)
