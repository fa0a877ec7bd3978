"""Load a checked `Config`: arguments win over the environment, that over a named file of variables, that over YAML.

pydantic validates into the plain dataclasses of `model.py` and its parts. This module gives it the layers, and puts
every finding back to the place it comes from. Nothing is half accepted: all is right, or `ConfigFileError` lists all
that is not.
"""

import dataclasses
import io
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path as FilePath
from typing import Annotated, Any

from dotenv import dotenv_values
from pydantic import BeforeValidator, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ..providers import registry
from ..providers.bare import door
from ..providers.files import UnreadableFile, read_bounded
from ..providers.quirks import SETTABLE
from .bounded import circular, nothing_left
from .environment import DELIMITER, PREFIX, layer_from, settings_among
from .errors import ConfigError
from .flaws import flaws
from .health import Health
from .layers import Layer, layer_of
from .limits import Limits, Retry
from .messages import problems_of
from .model import Config
from .optional import routes_left, targets_left, words
from .origin import ENV_FILE, IGNORED_HINT, Origin, Path, UsualFile, names_file, shown
from .problems import PROBLEMS_MAX, ConfigFileError, ConfigProblem, did_you_mean
from .references import resolve
from .route import Route
from .scalars import Text
from .serve import NO_STATE, Serve
from .serve_flaws import serve_flaws
from .target import Target
from .yaml_source import Document, read_file

CONFIG_VARIABLE = "STANDBY_CONFIG"
DEFAULT_FILE = "standby.yaml"
ENV_BYTES_MAX = 1024 * 1024


class _LayerSource(PydanticBaseSettingsSource):
    """Hands a layer to pydantic-settings, which lays them over each other."""

    def __init__(self, settings: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings)
        self._layer = layer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._layer.tree.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._layer.tree)


@dataclasses.dataclass(slots=True)
class _Load:
    """What one load knows: its layers, the first one wins, and what they come to together."""

    layers: list[Layer]
    merged: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)


_current: ContextVar[_Load] = ContextVar("standby_config_load")

_Section = BeforeValidator(lambda value: {} if value is None else value)
"""A section with all its lines commented out is an empty one."""


class Settings(BaseSettings):
    """The root of all settings; made by `load`, which says where they come from."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix=PREFIX, env_nested_delimiter=DELIMITER)

    targets: Annotated[dict[str, Target], _Section] = {}
    routes: Annotated[dict[str, Route], _Section] = {}
    limits: Annotated[Limits, _Section] = Limits()
    retry: Annotated[Retry, _Section] = Retry()
    health: Annotated[Health, _Section] = Health()
    serve: Serve | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Our layers in place of pydantic's own sources, which keep no places and show values in their errors."""
        return tuple(_LayerSource(settings_cls, layer) for layer in _current.get().layers)

    @model_validator(mode="before")
    @classmethod
    def _keep_merged(cls, merged: Any) -> Any:
        if isinstance(merged, dict) and "serve" in merged and merged["serve"] is None:
            merged = merged | {"serve": {}}  # the one section that may be left out, which is not the same
        _current.get().merged = merged
        return merged


@door
def load(
    path: str | os.PathLike[str] | None = None,
    *,
    env_file: str | os.PathLike[str] | None = ENV_FILE,
    **overrides: Any,
) -> Config:
    """Read and check a configuration.

    Args:
        path: The YAML file. None: what `STANDBY_CONFIG` names, else `standby.yaml` in the working directory if
            it is there, else no file.
        env_file: A file of variables, if it is there, below the environment's own. None: no such file. Not given:
            `.env` in the working directory. Beside a YAML file that one only answers `${NAME}`, and settings in it are
            ignored, with a warning: a folder's `.env` moves no target of a file that was chosen.
        overrides: Sections or parts of them that win over everything: `limits={"deadline_s": 20}`.

    Raises:
        ConfigFileError: Something is wrong; all problems are listed, none of them shows a secret.
    """
    found = _load(_found(path), env_file, overrides)
    if not isinstance(found, Config):
        raise ConfigFileError(found)
    if found.origin is not None and found.origin.ignored:
        _warn(f"{ENV_FILE}: {found.origin.ignored_words}; {IGNORED_HINT}")
    if found.origin is not None and found.origin.left_out:
        told = (f"{shown(path)} {said}" for path, said in words(found.origin.left_out))
        _warn(f"{found.origin.file}: {'; '.join(told)}")
    return found


def _warn(text: str) -> None:
    with suppress(Warning):  # an application may make errors of warnings: this one costs it no configuration
        warnings.warn(text, stacklevel=6)  # over two functions called load, each behind its door


def _found(path: str | os.PathLike[str] | None) -> FilePath | None:
    if path is not None:
        return FilePath(path)
    if named := os.environ.get(CONFIG_VARIABLE):
        return FilePath(named)
    return FilePath(DEFAULT_FILE) if FilePath(DEFAULT_FILE).is_file() else None


def usual_file() -> FilePath:
    """The file that is read where none is named.

    Raises:
        ConfigError: There is none.
    """
    found = _found(None)
    if found is None:
        here = f"there is no ./{DEFAULT_FILE}, and {CONFIG_VARIABLE} names no file"
        raise ConfigError(f"{here}: name a file, or set {CONFIG_VARIABLE}")
    return found


def _load(
    path: FilePath | None, env_file: str | os.PathLike[str] | None, overrides: dict[str, Any]
) -> Config | list[ConfigProblem]:
    document = read_file(path) if path else Document("")
    if document.problems and not document.tree:
        return document.problems
    dotenv, unread = _dotenv(env_file)
    if unread:
        return [unread]
    over = [Layer("arguments", overrides), layer_from(os.environ, "environment", below=document.tree)]
    ignored: tuple[str, ...] = ()
    if path and isinstance(env_file, UsualFile):
        ignored = settings_among(dotenv)
    else:
        over.append(layer_from(dotenv, str(env_file), below=document.tree))
    written_out = resolve(document, {**dotenv, **os.environ}, lambda path: any(layer.holds(path) for layer in over))
    _anchor_files(document)
    origin = None
    if path:
        origin = Origin(document.file, document.keys, document.values, written_out, ignored, document.left_out)
    layers = [*over, Layer("settings", document.tree, origin=origin, problems=document.problems)]
    current = _Load(layers)
    token = _current.set(current)
    problems = [problem for layer in layers for problem in layer.problems]
    told = {(problem.path, problem.line, problem.column) for problem in problems}
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        found = problems_of(error, layers)
        problems += [problem for problem in found if (problem.path, problem.line, problem.column) not in told]
    finally:
        _current.reset(token)
    problems += _dangling(current)
    problems += _optionless(current)
    if settings is None:
        return problems
    routes, without = routes_left(settings.routes, document.left_out)
    if without:
        return problems + [layer_of(path, layers).problem(path, message) for path, message in without]
    config = _config(settings, routes, origin, current.merged)
    if circles := [layer_of(path, layers).problem(path, message) for path, message in circular(config)]:
        return problems + circles
    problems += (layer_of(path, layers).problem(path, message, hint) for path, message, hint in nothing_left(config))
    problems += _unmakeable(config, layers)
    problems += (layer_of(path, layers).problem(path, message, hint) for path, message, hint in serve_flaws(config))
    if path and not problems and not config.targets and not config.routes:
        left = "; ".join(f"{shown(path)} {said}" for path, said in words(document.left_out))
        problems.append(ConfigProblem(str(path), None, None, (), left or "configures no targets and no routes"))
    return problems or config


def _config(
    settings: Settings, of_file: Mapping[str, Route], origin: Origin | None, merged: Mapping[str, Any]
) -> Config:
    left_out = {} if origin is None else origin.left_out
    targets = {name: _named(target, name) for name, target in targets_left(settings.targets, left_out).items()}
    written = _mapping(merged.get("routes"))
    routes = {name: _with_retry(route, written[name], settings.retry) for name, route in of_file.items()}
    if targets and not routes:
        routes = {"default": Route(tuple(targets))}
    return Config(
        targets=targets,
        routes=routes,
        limits=settings.limits,
        retry=settings.retry,
        health=settings.health,
        serve=settings.serve,
        origin=origin,
    )


def _named(target: Target, name: str) -> Target:
    return target if target.name else dataclasses.replace(target, name=name)


def _with_retry(route: Route, written: object, retry: Retry) -> Route:
    """What a route's `retry` leaves open is as in the section `retry`."""
    given = written.get("retry") if isinstance(written, Mapping) else None
    if route.retry is None or not isinstance(given, Mapping):
        return route
    return dataclasses.replace(
        route, retry=dataclasses.replace(retry, **{name: getattr(route.retry, name) for name in given})
    )


def _dotenv(env_file: str | os.PathLike[str] | None) -> tuple[dict[str, str], ConfigProblem | None]:
    """The variables in a file; and what is wrong with it. They are taken as they stand: `$` refers to nothing."""
    if (
        env_file is None
        or not os.path.exists(env_file)
        or (isinstance(env_file, UsualFile) and os.path.isdir(env_file))
    ):
        return {}, None  # a folder of that name is a virtual environment
    try:
        text = read_bounded(env_file, ENV_BYTES_MAX).decode("utf-8-sig")
    except UnreadableFile as error:
        return {}, ConfigProblem(str(env_file), None, None, (), str(error))
    except UnicodeDecodeError:
        return {}, ConfigProblem(str(env_file), None, None, (), "cannot be read as a text in UTF-8")
    read = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in read.items() if value is not None}, None


def _anchor_files(document: Document) -> None:
    """Files that a file names are looked for from its own folder, wherever the process runs."""
    folder = FilePath(document.file).parent
    for path in document.values:
        if names_file(path):
            holder: Any = document.tree
            for part in path[:-1]:
                holder = holder[part]
            if isinstance(named := holder[path[-1]], str) and (path, str(named)) != (("serve", "state"), NO_STATE):
                holder[path[-1]] = Text(folder / os.path.expanduser(named))


def _dangling(current: _Load) -> list[ConfigProblem]:
    """Entries of routes that mean no target and no provider."""
    targets, routes = (_mapping(current.merged.get(section)) for section in ("targets", "routes"))
    providers = registry.names()
    problems: list[ConfigProblem] = []
    for route_name, route in routes.items():
        for place, entry in _references(route):
            if (
                not isinstance(entry, str)
                or entry in targets
                or entry.partition("/")[0] in providers
                or entry in routes
            ):
                continue
            path: Path = ("routes", route_name, *place)
            name, slash, model = str(entry[:80]).partition("/")
            message = f"no target named {str(entry[:80])!a} and no provider {name!a}"
            meant = (*targets, *routes, *(near + slash + model for near in providers))
            hint = did_you_mean(str(entry), meant) if len(problems) < PROBLEMS_MAX else ""
            problems.append(layer_of(path, current.layers).problem(path, message, hint))
    return problems


def _optionless(current: _Load) -> list[ConfigProblem]:
    """Options and quirks of targets that their providers do not know: nothing would come of them."""
    problems: list[ConfigProblem] = []
    for name, target in _mapping(current.merged.get("targets")).items():
        given = _mapping(target)
        provider, slash, _ = str(given.get("provider")).partition("/")
        options, quirks = _mapping(given.get("options")), _mapping(given.get("quirks"))
        if not (options or quirks) or provider not in registry.names():
            continue
        info = registry.get(provider).info
        for field, names, problem_of in (
            ("options", () if slash else options, info.option_problem),
            ("quirks", [quirk for quirk in quirks if quirk in SETTABLE], info.quirk_problem),
        ):
            for named in names:
                if problem := problem_of([str(named)]):
                    path: Path = ("targets", name, field, named)
                    problems.append(layer_of(path, current.layers).problem(path, problem, of_key=True))
    return problems


def _unmakeable(config: Config, layers: Sequence[Layer]) -> Iterator[ConfigProblem]:
    """Targets that cannot be asked anything: better known now than in the midst of an outage."""
    written: list[tuple[Path, str | Target]] = [(("targets", name), target) for name, target in config.targets.items()]
    for name, route in config.routes.items():
        for place, entry in _references(route):
            if isinstance(entry, Target) or (
                isinstance(entry, str) and entry not in config.targets and entry.partition("/")[0] in registry.names()
            ):
                written.append((("routes", name, *place), entry))
    for path, entry in written:
        for field, message, hint in flaws(config.target(entry), os.environ):
            where = path if isinstance(entry, str) else (*path, field)
            yield layer_of(where, layers).problem(where, message, hint)


def _references(route: object) -> Iterator[tuple[Path, object]]:
    """Everything on a route that refers to a target, with its place."""

    def part(name: str) -> object:
        return route.get(name) if isinstance(route, Mapping) else getattr(route, name, None)

    for place, entry in _entries(part("targets")):
        yield ("targets", *place), entry
    for kind, entries in _mapping(part("on")).items():
        for place, entry in _entries(entries):
            yield ("on", kind, *place), entry


def _entries(targets: object, *place: int) -> Iterator[tuple[Path, object]]:
    """The entries of a route's list, those of its tiers included, with their places."""
    for number, entry in enumerate(targets if isinstance(targets, list | tuple) else ()):
        if isinstance(entry, list | tuple) and not place:
            yield from _entries(entry, number)
        else:
            yield (*place, number), entry


def _mapping(section: object) -> Mapping[str, Any]:
    return section if isinstance(section, Mapping) else {}
