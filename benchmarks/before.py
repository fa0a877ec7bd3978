"""An earlier understudy in an environment of its own, to be measured beside the present one by `--engine`.

python -m benchmarks.before ed36051       builds and installs what this revision of the repository holds
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import venv
from importlib.metadata import distributions
from pathlib import Path

from .peers import PLACE, SHARED

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "understudy"


def main() -> int:
    """Install it, with the very versions of everything else that are installed here: only the code may differ."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.before REVISION, of this repository")
    archive = subprocess.run(["git", "archive", sys.argv[1]], cwd=ROOT, capture_output=True)
    if archive.returncode:
        sys.exit(f"git knows no revision {sys.argv[1]!r} here: {archive.stderr.decode().strip()}")
    place = PLACE / PACKAGE
    venv.create(place, clear=True, with_pip=True)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tree:
            tree.extractall(Path(folder, "tree"), filter="data")
        constraints = Path(folder, "constraints.txt")
        here = {each.name.lower(): each.version for each in distributions()}
        constraints.write_text("\n".join(f"{name}=={found}" for name, found in here.items() if name != PACKAGE))
        pip = [str(place / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        done = subprocess.run([*pip, "install", "-c", str(constraints), str(Path(folder, "tree")), *SHARED])
    if done.returncode:
        (place / "bin" / "python").unlink()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
