"""Bundled configurations to start from, with comments: `minimal`, `backend`, `local` and `gateway`."""

from importlib.resources import files

NAMES = ("minimal", "backend", "local", "gateway")


def example(name: str) -> str:
    """The text of an example.

    Raises:
        LookupError: There is no such example.
    """
    if name not in NAMES:
        raise LookupError(f"there is no example {name!r}; there are {', '.join(NAMES)}")
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
