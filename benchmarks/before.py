"""An earlier release in an environment of its own, to be measured beside the present one by `--engine`.

python -m benchmarks.before ed36051       builds and installs what this revision of the repository holds
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Container, Sequence
from importlib.metadata import distributions
from pathlib import Path

from .peers import BEFORE, PLACE, SHARED, package_in
from .product import NAMED, ROOT, name_in, project_of


def extras_of(tree: Path, installed: Container[str]) -> list[str]:
    """The extras of a checkout's package of which all is installed here: a call with prices costs more than without."""
    extras: dict[str, list[str]] = project_of(tree).get("optional-dependencies", {})
    return [extra for extra, wanted in extras.items() if all(package_in(each) in installed for each in wanted)]


def commit_of(revision: str) -> str:
    """The commit that a revision of this repository means.

    Raises:
        LookupError: There is no such revision.
    """
    asked = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    if found.returncode:
        raise LookupError(f"git knows no revision {revision!r} here")
    return found.stdout.strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Install it, with the very versions of everything else that are installed here: only the code may differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.before", description=__doc__.splitlines()[0])
    parser.add_argument("revision", help="of this repository: a commit, a tag or a branch")
    revision = parser.parse_args(argv).revision
    try:
        commit = commit_of(revision)
    except LookupError as error:
        parser.error(str(error))
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
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
