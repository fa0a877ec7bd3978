"""The wheel, built through the sdist as releases are: it holds the sources of the tree and nothing else."""

import configparser
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from sources import ROOT, packages, pyproject


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel made from it."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


def shipped() -> set[str]:
    """What of the tree a user gets: the modules, the mark that they are typed, the examples, the facts of models."""
    found = set()
    for name, folder in packages().items():
        for path in [each for kind in ("*.py", "*.yaml", "*.toml", "py.typed") for each in folder.glob(kind)]:
            found.add(f"{name.replace('.', '/')}/{path.name}")
    return found


def test_the_wheel_holds_the_sources_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == shipped()


def test_the_sources_in_the_wheel_are_those_of_the_tree(wheel: zipfile.ZipFile) -> None:
    for name, folder in packages().items():
        for path in folder.glob("*.py"):
            assert wheel.read(f"{name.replace('.', '/')}/{path.name}") == path.read_bytes(), path


def test_nothing_lands_beside_the_one_package(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name} == {"standby"}


def test_it_is_typed(wheel: zipfile.ZipFile) -> None:
    assert "standby/py.typed" in wheel.namelist()


def test_every_data_file_of_the_tree_is_shipped() -> None:
    kept = {".py", ".toml", ".typed", ".yaml"}
    stray = {
        path.relative_to(ROOT).as_posix()
        for folder in packages().values()
        for path in folder.iterdir()
        if path.is_file() and path.suffix not in kept and path.name != "py.typed"
    }
    assert not stray, f"files beside the modules that no package-data ships: {sorted(stray)}"


def test_entry_points_name_what_is_there(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    parser = configparser.ConfigParser()
    parser.read_string(wheel.read(name).decode())
    assert parser["console_scripts"]["standby"] == "standby.cli:main"
    for section in parser.sections():
        for target in parser[section].values():
            module = target.partition(":")[0].replace(".", "/")
            assert {f"{module}.py", f"{module}/__init__.py"} & set(wheel.namelist()), f"{target} is not in the wheel"


def test_the_licence_is_shipped(wheel: zipfile.ZipFile) -> None:
    texts = [wheel.read(name).decode() for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    assert texts == [(ROOT / "LICENSE").read_text()]
    assert texts[0].startswith("MIT License")


def test_the_sdist_can_be_built_from(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
    version = pyproject()["project"]["version"]
    assert next(built.glob("*.tar.gz")).name == f"standby-{version}.tar.gz"


def test_a_checkout_hides_the_wheel_and_says_so(tmp_path: Path) -> None:
    """The checkout's folder of the face is found first where Python starts; it has no rooms beside it."""
    shutil.copytree(packages()["standby"], tmp_path / "standby", ignore=shutil.ignore_patterns("__pycache__"))
    asked = [sys.executable, "-S", "-c", "from standby import Router"]  # an editable installation would help out
    ended = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert "pip install -e ." in last
