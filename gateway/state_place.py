"""Where the state file lies: as configured, or in the folder that the system keeps for it; in a container nowhere."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ..config.model import Config
from ..config.problems import ConfigProblem
from ..config.serve import NO_STATE
from ..config.serve_flaws import problem_at
from .file_system import network_file_system

NAME = Path("standby", "gateway.db")

_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_CONTAINER_VARIABLES = ("KUBERNETES_SERVICE_HOST", "container", "ECS_CONTAINER_METADATA_URI_V4", "K_SERVICE")


def state_place(
    setting: str | None,
    environ: Mapping[str, str] = os.environ,
    exists: Callable[[str], bool] = os.path.exists,
) -> Path | None:
    """The path of the state file; None: there is none.

    Args:
        setting: `serve.state`.
        exists: Is there such a file?
    """
    if setting == NO_STATE:
        return None
    if setting is not None:
        return Path(os.path.expanduser(setting))
    if in_container(environ, exists):
        return None
    folder = environ.get("XDG_STATE_HOME", "")
    if folder.startswith("/"):  # a relative one is to be ignored, says the specification
        return Path(folder) / NAME
    home = environ.get("HOME", "")
    return Path(home) / ".local" / "state" / NAME if home.startswith("/") else None


def state_problem(config: Config) -> ConfigProblem | None:
    """Why no state file can lie where it should; None when one can, or none is wanted."""
    path = None if config.serve is None else state_place(config.serve.state)
    name = None if path is None else network_file_system(path)
    if name is None:
        return None
    message = f"the state file would lie on {name}, a network file system"
    return problem_at(config, ("serve", "state"), message, "give a local path, or none")


def in_container(environ: Mapping[str, str], exists: Callable[[str], bool]) -> bool:
    """Does this process run in a container, whose files go with it?"""
    return any(environ.get(name) for name in _CONTAINER_VARIABLES) or any(map(exists, _CONTAINER_FILES))
