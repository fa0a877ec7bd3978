"""Every room says in a sorted `__all__` what it offers, and offers it."""

import importlib

import pytest
from sources import modules

INITS = [name for name, module in modules().items() if module.path.name == "__init__.py"]


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by the alphabet: the order in which the linter keeps them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("package", INITS)
def test_all_is_sorted_and_there(package: str) -> None:
    module = importlib.import_module(package)
    offered = getattr(module, "__all__", [])
    assert list(offered) == sorted(set(offered), key=order)
    for name in offered:
        assert hasattr(module, name), f"{package} offers {name} and does not have it"


@pytest.mark.parametrize("package", INITS)
def test_what_a_package_imports_it_offers(package: str) -> None:
    """A name that a room's `__init__` holds and does not offer is there by accident."""
    module = importlib.import_module(package)
    offered = set(getattr(module, "__all__", []))
    held = {
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and isinstance(thing, type) and thing.__module__.startswith(f"{package}.")
    }
    assert held <= offered
