"""What pyproject.toml lists is what stands in the tree: a package missing from the list is silently not shipped."""

from sources import NOT_SHIPPED, ROOT, packages, pyproject


def test_the_list_of_packages_is_the_tree() -> None:
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("__init__.py")
        if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
        and path.relative_to(ROOT).parts[0] not in NOT_SHIPPED
    }
    assert {folder.relative_to(ROOT).as_posix() for folder in packages().values()} == folders


def test_every_folder_with_code_is_a_package() -> None:
    shipped = set(packages().values())
    rooms = {folder for folder in shipped if folder.parent == ROOT}
    stray = {path.parent for room in rooms for path in room.rglob("*.py") if path.parent not in shipped}
    assert not stray, f"folders with modules but without an __init__.py: {sorted(map(str, stray))}"


def test_packages_and_their_folders_are_listed_alike_and_in_order() -> None:
    setuptools = pyproject()["tool"]["setuptools"]
    assert setuptools["packages"] == list(setuptools["package-dir"]) == sorted(setuptools["packages"])


def test_a_package_is_mounted_where_its_folder_stands() -> None:
    for name, folder in packages().items():
        path = folder.relative_to(ROOT).as_posix().replace("/", ".")
        assert name == (path if path == "standby" else f"standby.{path}")
