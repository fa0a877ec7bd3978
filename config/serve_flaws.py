"""What keeps a gateway from being started as it is configured, with the path of the setting that is to be changed.

`serve_flaws` asks nothing but the configuration, so a file with one is refused wherever it is loaded.
`machine_flaws` asks the machine, too: `standby check` tells these, and `standby serve` ends by them.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..providers import registry
from ..providers.files import CERTIFICATES_BYTES_MAX, UnreadableFile, read_bounded
from .client_key import ClientKey, read_digests
from .errors import ConfigError
from .model import Config
from .origin import Path, shown_name
from .problems import ConfigProblem, did_you_mean
from .serve import Serve
from .target import Target

KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

SHARED_LIMITS = ("concurrency", "requests_per_min", "tokens_per_min")
"""Limits of targets and keys that workers share."""


class ServeFlaw(NamedTuple):
    """One thing that is wrong.

    Attributes:
        path: The way to the setting.
        message: What is wrong.
        hint: What to do about it.
    """

    path: Path
    message: str
    hint: str = ""


def serve_flaws(config: Config) -> Iterator[ServeFlaw]:
    """Everything in `serve` that cannot be, whatever the machine."""
    serve = config.serve
    if serve is not None:
        yield from _of_access(serve)
        yield from _of_admin(serve)
        yield from _of_names(serve, config)
        yield from _of_workers(serve, config)


def _of_access(serve: Serve) -> Iterator[ServeFlaw]:
    if serve.auth == "none":
        if not serve.address.is_local:
            hint = "listen on 127.0.0.1, or give keys"
            yield ServeFlaw(("serve", "auth"), "none is for loopback only, and it listens beyond it", hint)
        if serve.keys:
            yield ServeFlaw(("serve", "auth"), "none would pass over the keys that are given", "leave out one of them")
        if "*" in serve.origins:
            message = "* would let every page that a browser shows ask without a key"
            yield ServeFlaw(("serve", "origins"), message, "list the origins, or give keys")
    elif not serve.keys:
        hint = "`standby key new` makes one; on loopback auth: none does without"
        yield ServeFlaw(("serve", "keys"), "no key is given, so nothing could be asked", hint)
    seen: dict[bytes, str] = {}
    for name, key in serve.keys.items():
        path: Path = ("serve", "keys", name)
        if not KEY_NAME.fullmatch(name):
            yield ServeFlaw(path, "a key's name has letters, digits, dots, dashes and underscores, and at most 64")
        if not (key.digests or key.keys or key.key_files):
            yield ServeFlaw(path, "nothing tells the key", "give digests, keys or key_files")
        for digest in key.written_digests():
            if (first := seen.setdefault(digest.value, name)) != name:
                yield ServeFlaw(path, f"is the same key as {shown_name(first)}", "one key has one name")


def _of_admin(serve: Serve) -> Iterator[ServeFlaw]:
    if not serve.admin.enabled:
        return
    address = serve.admin.address
    if not address.is_local and not serve.admin.has_keys:
        hint = "give it digests, keys or key_files"
        yield ServeFlaw(("serve", "admin", "listen"), "beyond loopback it needs a key of its own", hint)
    if address == serve.address and (address.port or address.path):
        yield ServeFlaw(("serve", "admin", "listen"), "is where clients are served, too")
    clients = {digest.value for key in serve.keys.values() for digest in key.written_digests()}
    if any(digest.value in clients for digest in serve.admin.access.written_digests()):
        yield ServeFlaw(("serve", "admin"), "takes the key of a client", "give it one of its own")


def _of_names(serve: Serve, config: Config) -> Iterator[ServeFlaw]:
    for name, meant in serve.aliases.items():
        path: Path = ("serve", "aliases", name)
        if name in config.routes or name in config.targets:
            yield ServeFlaw(path, "is the name of a route or target already, which comes first")
        if not _is_askable(meant, config):
            known = (*config.routes, *config.targets)
            message = f"means no route, no target and no provider {shown_name(meant)!r}"
            yield ServeFlaw(path, message, did_you_mean(meant, known))
    for name in serve.routes:
        if name not in config.routes:
            yield ServeFlaw(("serve", "routes", name), "there is no such route", did_you_mean(name, config.routes))
    for key_name, key in serve.keys.items():
        yield from _of_rights(("serve", "keys", key_name), key, config)


def _of_rights(path: Path, key: ClientKey, config: Config) -> Iterator[ServeFlaw]:
    for place, name in enumerate(key.routes):
        if name != "*" and name not in config.routes:
            message = f"there is no route {shown_name(name)!r}"
            yield ServeFlaw((*path, "routes", place), message, did_you_mean(name, config.routes))
    for place, name in enumerate(key.models):
        if name != "*" and not _is_target(name, config):
            message = f"there is no target and no provider {shown_name(name)!r}"
            yield ServeFlaw((*path, "models", place), message, did_you_mean(name, (*config.targets, *registry.names())))


def _is_askable(name: str, config: Config) -> bool:
    return name in config.routes or _is_target(name, config)


def _is_target(name: str, config: Config) -> bool:
    provider, slash, model = name.partition("/")
    if config.origin is not None and ("targets", name) in config.origin.left_out:
        return True  # for now
    return name in config.targets or (bool(slash and model) and provider in registry.names())


def _of_workers(serve: Serve, config: Config) -> Iterator[ServeFlaw]:
    """Limits that leave a worker without its share."""
    if serve.workers == 1:
        return
    limited: list[tuple[Path, Any, tuple[str, ...]]] = [
        (("serve", "clients"), serve.clients, ("connections_max", "in_flight_max")),
        *((("targets", name), target, SHARED_LIMITS) for name, target in config.targets.items()),
        *((("serve", "keys", name), key, SHARED_LIMITS) for name, key in serve.keys.items()),
    ]
    for name, route in config.routes.items():
        written = [(place, entry) for place, entry in route.placed() if isinstance(entry, Target)]
        limited += [(("routes", name, "targets", *place), entry, SHARED_LIMITS) for place, entry in written]
    for path, settings, names in limited:
        for name in names:
            limit = getattr(settings, name)
            if limit is not None and limit < serve.workers:
                message = f"is smaller than the number of workers ({serve.workers}), which share it"
                yield ServeFlaw((*path, name), message, "take fewer workers")


def machine_flaws(config: Config, *, platform: str = sys.platform) -> Iterator[ServeFlaw]:
    """Everything in `serve` that this machine cannot do: files that cannot be read, and workers where there are none.

    Args:
        platform: As `sys.platform` has it.
    """
    serve = config.serve
    if serve is None:
        return
    if serve.workers > 1 and platform != "linux":
        yield ServeFlaw(("serve", "workers"), "several need Linux, which spreads connections over them", "take one")
    holders: Mapping[Path, tuple[str, ...]] = {
        ("serve", "admin", "key_files"): tuple(serve.admin.key_files),
        **{("serve", "keys", name, "key_files"): tuple(key.key_files) for name, key in serve.keys.items()},
    }
    for path, files in holders.items():
        for place, file in enumerate(files):
            try:
                read_digests(file)
            except ConfigError as error:
                yield ServeFlaw((*path, place), str(error))
    for field in ("cert", "key", "client_ca") if serve.tls else ():
        if (named := getattr(serve.tls, field)) is not None:
            try:
                read_bounded(named, CERTIFICATES_BYTES_MAX)
            except UnreadableFile as error:
                yield ServeFlaw(("serve", "tls", field), f"the file {named} {error}")


def serve_problems(config: Config, *, platform: str = sys.platform) -> list[ConfigProblem]:
    """All that keeps this configuration from being served here, with its places, in the order of the file."""
    found = [problem_at(config, *flaw) for flaw in (*serve_flaws(config), *machine_flaws(config, platform=platform))]
    return sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))


def problem_at(config: Config, path: Path, message: str, hint: str = "") -> ConfigProblem:
    """A problem of a configuration, with its place in the file that it was read from."""
    origin = config.origin
    place = origin.place(path) if origin else None
    line, column = (place.line, place.column) if place else (None, None)
    return ConfigProblem(origin.file if origin else "configuration", line, column, path, message, hint)
