"""The configuration: targets, routes and limits, in code, YAML and environment variables.

Importing this costs neither pydantic nor a YAML parser: they are loaded when a configuration is.
"""

import os
from collections.abc import Mapping
from typing import Any

from ..providers.bare import door
from ..providers.errors import AskAnother, RetryRule
from ..providers.secret import Secret
from ..providers.sequences import ListOf
from .addresses import Address
from .client_key import ClientKey, ClientKeys, Digest, Digests, Override, Overrides, Texts
from .errors import ConfigError, NoTargets
from .health import Health
from .labels import Boundary, Labels, LabelValue, Wanted
from .limits import Limits, Retry
from .model import Config
from .origin import ENV_FILE, Origin, Place
from .origin import Path as SettingPath
from .placed import Placed
from .problems import ConfigFileError, ConfigProblem
from .route import AllOpen, Handling, Hedge, Hold, MidStream, Route, Select, Targets, Tier, Upstream
from .serve import Admin, Auth, Clients, ForwardedNames, OnUnsupported, Origins, Serve, ServedRoute, Tls
from .target import KeyCallback, Keys, Price, Target

__all__ = [
    "Address",
    "Admin",
    "AllOpen",
    "AskAnother",
    "Auth",
    "Boundary",
    "ClientKey",
    "ClientKeys",
    "Clients",
    "Config",
    "ConfigError",
    "ConfigFileError",
    "ConfigProblem",
    "Digest",
    "Digests",
    "ForwardedNames",
    "Handling",
    "Health",
    "Hedge",
    "Hold",
    "KeyCallback",
    "Keys",
    "LabelValue",
    "Labels",
    "Limits",
    "ListOf",
    "MidStream",
    "NoTargets",
    "OnUnsupported",
    "Origin",
    "Origins",
    "Override",
    "Overrides",
    "Place",
    "Placed",
    "Price",
    "Retry",
    "RetryRule",
    "Route",
    "Secret",
    "Select",
    "Serve",
    "ServedRoute",
    "SettingPath",
    "Target",
    "Targets",
    "Texts",
    "Tier",
    "Tls",
    "Upstream",
    "Wanted",
    "example",
    "json_schema",
    "load",
    "load_off_loop",
    "serve_problems",
    "warnings",
]


@door
def load(
    path: str | os.PathLike[str] | None = None,
    *,
    env_file: str | os.PathLike[str] | None = ENV_FILE,
    **overrides: Any,
) -> Config:
    """Read and check a configuration: arguments over environment over `env_file` over YAML. See `settings.load`.

    Raises:
        ConfigFileError: Something is wrong; all problems are listed, none of them shows a secret.
    """
    from .settings import load as load_settings

    return load_settings(path, env_file=env_file, **overrides)


@door
async def load_off_loop(path: str | os.PathLike[str] | None = None, **options: Any) -> Config:
    """`load` in a thread, for use while an event loop serves others.

    Raises:
        ConfigFileError: As `load`.
    """
    import asyncio

    return await asyncio.to_thread(load, path, **options)


def warnings(config: Config, environ: Mapping[str, str] | None = None) -> list[ConfigProblem]:
    """What is legal in a configuration and yet probably a mistake, in the order of the file."""
    from .advice import warnings as advise

    return advise(config, environ)


def serve_problems(config: Config) -> list[ConfigProblem]:
    """All that keeps a configuration from being served by a gateway on this machine, in the order of the file."""
    from .serve_flaws import serve_problems as find

    return find(config)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the YAML file, for editors."""
    from .schema import json_schema as describe

    return describe()


def example(name: str) -> str:
    """The text of a bundled example: `minimal`, `backend`, `local` or `gateway`.

    Raises:
        LookupError: There is no such example.
    """
    from .examples import example as read

    return read(name)
