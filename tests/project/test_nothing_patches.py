"""No module of the package patches another: what must differ in a test, a drill or a world is handed in."""

import ast

import pytest
from sources import modules


@pytest.mark.parametrize("name", modules())
def test_no_module_of_the_package_can_patch(name: str) -> None:
    """Neither `unittest.mock` nor a patch by hand: an attribute of a module or a class that another sets."""
    for node in ast.walk(modules()[name].tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert not any("mock" in each for each in named), f"{name}:{node.lineno}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr"):
            assert ast.unparse(node.args[0]).startswith("self"), f"{name}:{node.lineno}: {ast.unparse(node)}"
