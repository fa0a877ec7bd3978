"""The command line: `main` and nothing heavy. typer and rich are the extra `cli`, loaded when it starts."""

import sys
from collections.abc import Sequence

__all__ = ["main"]

_PACKAGES = frozenset({"typer", "rich", "click"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the program's name; None: those of the process.

    Returns:
        The exit code; docs/cli.md has the list.
    """
    try:
        from .app import run
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _PACKAGES:
            raise
        print("standby: the command line needs typer and rich: pip install 'standby[cli]'", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return run(arguments)
