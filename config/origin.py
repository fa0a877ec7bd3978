"""The origin of a setting: its path through the settings, and its place in a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ..providers.errors import without_keys

Path: TypeAlias = tuple[str | int, ...]
"""The way to a setting: names of mappings and places in lists, from the root."""


def in_target(path: Path) -> bool:
    """Is this a setting of a target, under its name, or in place in a route's list or in a tier of it?"""
    if path[:1] == ("targets",):
        return len(path) == 3
    return len(path) in (5, 6) and path[0] == "routes" and path[2] in ("targets", "on")


def target_of(path: Path) -> Path | None:
    """The way to the target that this is a setting of, or a part of one; None: it belongs to none."""
    return next((path[: length - 1] for length in range(3, len(path) + 1) if _is_field(path[:length])), None)


def _is_field(path: Path) -> bool:
    return in_target(path) and isinstance(path[-1], str)


def holds_keys(path: Path) -> bool:
    """Is this a setting that holds a key, or several, as texts: a target's, a client's or the admin listener's?"""
    if path[-1] in ("key", "keys") and in_target(path):
        return True
    return path[-1] == "keys" and (path[:2] == ("serve", "admin") or (path[:2] == ("serve", "keys") and len(path) == 4))


def names_file(path: Path) -> bool:
    """Is this a setting that names a file, or an entry in a list of such?"""
    if in_target(path):
        return path[-1] in ("key_file", "ca_file", "client_cert")
    if path[:1] != ("serve",):
        return False
    in_list = len(path) > 2 and path[-2] == "key_files" and isinstance(path[-1], int)
    return in_list or path[1:] == ("state",) or (len(path) == 3 and path[1] == "tls")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file, counted from one as editors do."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a configuration was read from.

    Attributes:
        file: The file, as it was named.
        keys: Where each setting's name stands.
        values: Where each setting's value stands.
        literal_keys: Targets' keys that are written out in the file instead of referred to.
        left_out: Why targets are left out, by the way to each: a variable that they name as optional is not set.
        ignored: Settings in the usual `.env`, by their variables: beside a file they do not count.
    """

    file: str
    keys: Mapping[Path, Place] = field(default_factory=dict, repr=False)
    values: Mapping[Path, Place] = field(default_factory=dict, repr=False)
    literal_keys: tuple[Path, ...] = ()
    ignored: tuple[str, ...] = ()
    left_out: Mapping[Path, str] = field(default_factory=dict)

    def place(self, path: Path, *, of_key: bool = False) -> Place | None:
        """Where a setting stands, or the nearest one around it that is in the file."""
        for length in range(len(path), 0, -1):
            around = path[:length]
            first, second = (self.keys, self.values) if of_key or length < len(path) else (self.values, self.keys)
            if place := first.get(around) or second.get(around):
                return place
        return None

    @property
    def ignored_words(self) -> str:
        """What the usual file of variables holds in vain, for a sentence that begins with its name."""
        first, *others = self.ignored
        more = f" and {len(others)} more settings" if len(others) > 1 else " and another setting" if others else ""
        return f"holds {first}{more}, ignored beside {self.file}"


class UsualFile(str):
    """A file that is looked for by its usual name, and that was not named."""

    __slots__ = ()


ENV_FILE = UsualFile(".env")
IGNORED_HINT = f"set it in the environment or in the file, or name {ENV_FILE} (env_file=, --env-file)"


def shown(path: Path) -> str:
    """A path for people: `routes.chat.targets[0].base_url`. Names that could break a line are escaped."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + shown_name(part)
    return text


def shown_name(name: str) -> str:
    """A name as it may stand in a message: long ones are cut; what could forge a line or hide text is escaped."""
    name = without_keys(name)
    short = name if len(name) <= _NAME_MAX else name[:_NAME_MAX] + "…"
    return str.__str__(short) if short.isprintable() and short else ascii(str.__str__(short))


_NAME_MAX = 80
