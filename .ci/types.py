"""mypy and pyright, strict, over what a user installs: the wheel, unpacked away from the checkout.

    python .ci/types.py [mypy] [pyright]     mypy alone unless they are named

In the checkout they would find only the face, since the rooms are mounted under it by the wheel, and would call that a
success. So the number of files that were read is held against the number of modules in the tree.

Then programs of users, in `tests/typing` and `examples`: each line that is marked `# error` must be one, and no other.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WORK = Path(sys.prefix) / "types"
SITE = WORK / "site"
PROGRAMS = (*sorted((ROOT / "tests/typing").glob("*.py")), ROOT / "examples/third_party_provider/standby_parrot.py")
MARK = "# error"


class Found(NamedTuple):
    """What a checker said.

    Attributes:
        read: How many files it read; 0 when it did not come to an end.
        errors: Where it found an error, and which.
    """

    read: int
    errors: dict[tuple[Path, int], str]


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


def mypy(what: tuple[Path, ...]) -> Found:
    """Ask mypy about these files; about the package, if there are none."""
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--no-pretty"]
    command += ["--cache-dir", str(WORK / "cache"), "--python-executable", sys.executable]
    command += ["--show-absolute-path", *(map(str, what) if what else ("-p", "standby"))]
    result = subprocess.run(command, cwd=SITE, capture_output=True, text=True, env=os.environ | {"MYPYPATH": str(SITE)})
    errors = re.findall(r"^(.+?):(\d+): error: (.*)$", result.stdout, re.MULTILINE)
    read = re.search(r"(?:in|checked) (\d+) source file", result.stdout)
    if read is None:
        sys.exit(result.stdout + result.stderr)
    return Found(int(read[1]), {(Path(file), int(line)): text for file, line, text in errors})


def pyright(what: tuple[Path, ...]) -> Found:
    """Ask pyright, with the settings of pyproject.toml, about these files; about the package, if there are none."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]
    settings |= {"include": [str(each) for each in what or (SITE / "standby",)], "extraPaths": [str(SITE)]}
    project = WORK / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--project", str(project), "--pythonpath", sys.executable]
    result = subprocess.run([*command, "--outputjson"], cwd=WORK, capture_output=True, text=True)
    try:
        said = json.loads(result.stdout)
    except ValueError:
        sys.exit(result.stdout + result.stderr)
    errors = {
        (Path(each["file"]), each["range"]["start"]["line"] + 1): f"{each['message']} [{each.get('rule', '')}]"
        for each in said["generalDiagnostics"]
        if each["severity"] in ("error", "warning")
    }
    return Found(said["summary"]["filesAnalyzed"], errors)


CHECKERS: dict[str, Callable[[tuple[Path, ...]], Found]] = {"mypy": mypy, "pyright": pyright}


def marked(program: Path) -> set[tuple[Path, int]]:
    """The lines of a program that must be errors."""
    with program.open("rb") as source:
        tokens = list(tokenize.tokenize(source.readline))
    return {(program, each.start[0]) for each in tokens if each.type == tokenize.COMMENT and each.string == MARK}


def problems(name: str) -> list[str]:
    """What a checker has to say of the package and of the programs of users, a line each."""
    check = CHECKERS[name]
    package, users = check(()), check(PROGRAMS)
    told = [f"{file}:{line}: {text}" for (file, line), text in sorted(package.errors.items())]
    if package.read != (expected := modules_in_tree()):
        told.append(f"{package.read} files were read of {expected} in the tree: a package is missing in pyproject.toml")
    if users.read != len(PROGRAMS):
        told.append(f"{users.read} programs were read of {len(PROGRAMS)}")
    expected_errors = set[tuple[Path, int]]().union(*map(marked, PROGRAMS))
    for file, line in sorted(expected_errors ^ users.errors.keys()):
        told.append(f"{file}:{line}: {users.errors.get((file, line), 'is accepted, and marked as an error')}")
    return told


def main(names: list[str]) -> int:
    """Check; the exit code says whether all is well."""
    if unknown := set(names) - CHECKERS.keys():
        sys.exit(f"there is no checker {min(unknown)!r}; there are {', '.join(CHECKERS)}")
    wheel = build_wheel(WORK / "dist")
    shutil.rmtree(SITE, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(SITE)
    failed = 0
    for name in names or ["mypy"]:
        told = problems(name)
        print("\n".join([*told, f"{name}: {f'{len(told)} problems' if told else 'all is well'}"]))
        failed |= bool(told)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
