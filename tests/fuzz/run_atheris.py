"""Look for bytes that break a promise: `python run_atheris.py TARGET [SECONDS]`. Finds are kept in .fuzz/TARGET/.

An input that breaks one is written to a file named `crash-…`, `timeout-…` or `oom-…`; without such a file all is well.
"""

import importlib
import json.decoder
import json.scanner
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parent), str(HERE.parent.parent)]
with atheris.instrument_imports(include=["standby", "sse_standard", "json", "yaml"]):
    # They were imported before: now again, so that the fuzzer sees into them.
    importlib.reload(json.scanner)
    importlib.reload(json.decoder)
    from fuzzing import CORPUS, INPUT_BYTES_MAX, TARGETS
    from mutating import Mutator, words_of

HANG_S = 60  # of the wall clock: on a busy machine a process may be kept waiting for long
MEMORY_MB = 2048


def _by_bytes(data: bytes, max_size: int) -> bytes:
    """A change by libFuzzer itself. Its module is loaded when the fuzzing begins: `atheris.Mutate` misses that."""
    from atheris.core_with_libfuzzer import Mutate

    changed: bytes = Mutate(data, max_size)
    return changed


def main() -> None:
    """Fuzz one target; ends with the process."""
    target, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
    if target not in TARGETS:
        sys.exit(f"no target {target!r}; there are {', '.join(TARGETS)}")
    work = HERE.parent.parent / ".fuzz" / target
    (work / "corpus").mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": seconds,
        "max_len": INPUT_BYTES_MAX,
        "timeout": HANG_S,
        "rss_limit_mb": MEMORY_MB,
        "artifact_prefix": f"{work}/",
        "print_final_stats": 1,
        "mutate_depth": 2,  # a body that is changed five times over is refused for the first of them
    }
    folders = [str(work / "corpus"), *(str(folder) for folder in [CORPUS / target] if folder.is_dir())]
    inputs = [path.read_bytes() for path in CORPUS.glob("*/*")]
    mutator = Mutator(words_of(inputs), _by_bytes)
    argv = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), *folders]
    atheris.Setup(argv, TARGETS[target], custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
