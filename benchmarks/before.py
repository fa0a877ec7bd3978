"""An earlier release in an environment of its own, to be measured beside the present one by `--engine`.

python -m benchmarks.before ed36051       builds and installs what this revision of the repository holds
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Container
from importlib.metadata import distributions
from pathlib import Path

from .peers import BEFORE, PLACE, SHARED, package_in
from .product import NAMED, ROOT, name_in, project_of


def extras_of(tree: Path, installed: Container[str]) -> list[str]:
    """The extras of a checkout's package of which all is installed here: a call with prices costs more than without."""
    extras: dict[str, list[str]] = project_of(tree).get("optional-dependencies", {})
    return [extra for extra, wanted in extras.items() if all(package_in(each) in installed for each in wanted)]


def main() -> int:
    """Install it, with the very versions of everything else that are installed here: only the code may differ."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m benchmarks.before REVISION, of this repository")
    archive = subprocess.run(["git", "archive", sys.argv[1]], cwd=ROOT, capture_output=True)
    if archive.returncode:
        sys.exit(f"git knows no revision {sys.argv[1]!r} here: {archive.stderr.decode().strip()}")
    place = PLACE / BEFORE
    venv.create(place, clear=True, with_pip=True)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tree:
            tree.extractall(Path(folder, "tree"), filter="data")
        name = name_in(Path(folder, "tree"))
        (place / NAMED).write_text(name + "\n", encoding="utf-8")
        constraints = Path(folder, "constraints.txt")
        here = {each.name.lower(): each.version for each in distributions()}
        ours = {name, name_in(ROOT)}
        constraints.write_text("\n".join(f"{each}=={found}" for each, found in here.items() if each not in ours))
        pip = [str(place / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        extras = ",".join(extras_of(Path(folder, "tree"), here))
        wanted = f"{Path(folder, 'tree')}[{extras}]"
        done = subprocess.run([*pip, "install", "-c", str(constraints), wanted, *SHARED])
    if done.returncode:
        (place / "bin" / "python").unlink()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
