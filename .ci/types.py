"""mypy, strict, over what a user installs: the wheel, built through the sdist and unpacked away from the checkout.

In the checkout mypy would find only the face, since the rooms are mounted under it by the wheel, and would call that a
success. So the number of files it says it read is held against the number of modules in the tree.
"""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = Path(sys.prefix) / "types"


def build_wheel(into: Path) -> Path:
    """The wheel, made from the sdist: a stale build folder of the checkout has no part in it."""
    shutil.rmtree(into, ignore_errors=True)
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into), str(ROOT)]
    result = subprocess.run(build, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"the wheel cannot be built:\n{result.stdout}{result.stderr}")
    return next(into.glob("*.whl"))


def modules_in_tree() -> int:
    """How many modules the packages of pyproject.toml have in the checkout."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    return sum(len(list((ROOT / folder).glob("*.py"))) for folder in setuptools["package-dir"].values())


def main() -> int:
    """Check; the exit code says whether all is well."""
    site = WORK / "site"
    wheel = build_wheel(WORK / "dist")
    shutil.rmtree(site, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    mypy += ["--cache-dir", str(WORK / "cache"), "--python-executable", sys.executable, "-p", "standby"]
    result = subprocess.run(mypy, cwd=site, capture_output=True, text=True)
    print(result.stdout + result.stderr, end="")
    if result.returncode:
        return result.returncode
    found = re.search(r"in (\d+) source file", result.stdout)
    read, expected = int(found[1]) if found else 0, modules_in_tree()
    if read != expected:
        print(f"mypy read {read} files of {expected} in the tree: a package is missing from pyproject.toml")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
