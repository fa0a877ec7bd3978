"""Compiles what is written in C here, once for each state of its sources."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).with_name("c")
PLACE = Path(sys.prefix) / "gateways"
"""Where all lies that only this part of the benchmark needs."""

_FLAGS = ("-O2", "-std=c11", "-Wall", "-Wextra", "-Werror")


def compiler() -> str | None:
    """The path of a C compiler; None: there is none."""
    return shutil.which("gcc") or shutil.which("cc")


def built() -> Path:
    """The program of the upstream and the load generator.

    Raises:
        RuntimeError: There is no C compiler, or it refuses.
    """
    with_gcc = compiler()
    if with_gcc is None:
        raise RuntimeError("no C compiler: gcc is needed for what stands around a gateway")
    files = sorted(SOURCES.iterdir())
    state = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    program = PLACE / f"bench-{state}"
    if not program.exists():
        PLACE.mkdir(parents=True, exist_ok=True)
        fresh = program.with_suffix(f".{os.getpid()}")
        sources = [str(file) for file in files if file.suffix == ".c"]
        done = subprocess.run([with_gcc, *_FLAGS, "-o", str(fresh), *sources], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"gcc refuses:\n{done.stderr}")
        fresh.replace(program)  # another run may have made it meanwhile
    return program
