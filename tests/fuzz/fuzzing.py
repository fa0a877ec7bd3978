"""The fuzz targets by name: each takes any bytes, and raises only when a promise about a parser is broken.

`make fuzz TARGET=sse` lets atheris look for bytes that break one; `test_fuzz_corpus` replays what `corpus/` keeps.
"""

from collections.abc import Callable
from pathlib import Path

from fuzz_codecs import bare_json, event_stream, json_body, ndjson, sse
from fuzz_dialects import DIALECTS, dialect, error_body, hint_headers
from fuzz_serving import SERVED, opaque_state, serving
from fuzz_settings import drill_file, environment_references, settings, yaml_source
from fuzz_told import told

CORPUS = Path(__file__).parent / "corpus"
INPUT_BYTES_MAX = 4096

TARGETS: dict[str, Callable[[bytes], None]] = {
    "sse": sse,
    "ndjson": ndjson,
    "json": json_body,
    "bare-json": bare_json,
    "event-stream": event_stream,
    "yaml": yaml_source,
    "references": environment_references,
    "settings": settings,
    "drill": drill_file,
    "errors": error_body,
    "hints": hint_headers,
    "state": opaque_state,
    "told": told,
    **{f"dialect-{name}": dialect(name) for name in DIALECTS},
    **{f"serving-{name}": serving(name) for name in SERVED},
}
