"""The state file: SQLite in WAL mode, with its schema, its rights and its bounds; opened, or refused with a reason.

Nothing that is there is ever deleted, moved or written over: a file that cannot be used is named, and what to do about
it is said.
"""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from ..providers.errors import StandbyError
from .file_system import network_file_system

APPLICATION = 0x73746279
"""Tells our files from other databases: `stby`."""

VERSION = 2
"""Of the schema. A file of a newer one is refused, one of an older one is brought up to it."""

BYTES_MAX = 256 * 1024 * 1024
PAGE_BYTES = 4096
BUSY_MS = 5000
"""How long one writer waits for another one: their transactions take milliseconds."""

_SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
CREATE TABLE spend (
    scope TEXT NOT NULL, name TEXT NOT NULL, day INTEGER NOT NULL, usd REAL NOT NULL,
    PRIMARY KEY (scope, name, day)
) WITHOUT ROWID;
CREATE TABLE history (
    id INTEGER PRIMARY KEY, at_s REAL NOT NULL, kind TEXT NOT NULL, worker INTEGER NOT NULL, entry BLOB NOT NULL
);
CREATE INDEX history_by_kind ON history (kind, id);
CREATE INDEX history_by_time ON history (at_s);
CREATE TABLE orders (
    target TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, action TEXT NOT NULL, at_s REAL NOT NULL
) WITHOUT ROWID;
"""
"""`spend`: US dollars by day, counted since 1970, UTC. `history`: requests and switches. `orders`: the last word on
each target."""

_SECOND = """
ALTER TABLE orders ADD COLUMN until_s REAL;
CREATE TABLE standings (
    worker INTEGER NOT NULL, target TEXT NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (worker, target)
) WITHOUT ROWID;
"""
"""Until when an order holds, in epoch seconds; NULL: until the next one. `standings`: how targets stand at a worker."""


class StateError(StandbyError):
    """Raised when the state file cannot be used. The message names it, and says what to do."""


def open_state(path: Path) -> sqlite3.Connection:
    """The state file, made if it is not there, for one thread of this process.

    Raises:
        StateError: It cannot be used; nothing has been changed.
    """
    if name := network_file_system(path):
        raise StateError(
            f"the state file {path} would lie on {name}, a network file system: give a local path, or none"
        )
    _prepare(path)
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        _begin(connection, path)
    except sqlite3.DatabaseError as error:
        if connection is not None:
            connection.close()
        raise _unusable(path, error) from None
    except StateError:
        if connection is not None:
            connection.close()
        raise
    return connection


def read_state(path: Path) -> sqlite3.Connection:
    """A state file that is there, to read from.

    Raises:
        StateError: It cannot be read.
    """
    connection = None
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_MS / 1000)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM orders").fetchone()
    except sqlite3.DatabaseError as error:
        if connection is not None:
            connection.close()
        raise _unusable(path, error) from None
    return connection


def _prepare(path: Path) -> None:
    """Make the file with its rights before SQLite does; what it puts beside it has the same ones."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | os.O_NONBLOCK
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(path, flags, 0o600)
    except OSError as error:
        raise StateError(f"the state file {path} cannot be made: {error.strerror or type(error).__name__}") from None
    try:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode):
            raise StateError(f"the state file {path} is no regular file")
        if stat.S_IMODE(about.st_mode) != 0o600:
            os.fchmod(number, 0o600)
    except OSError as error:
        raise StateError(f"the state file {path} is another user's: {error.strerror}") from None
    finally:
        os.close(number)


def _begin(connection: sqlite3.Connection, path: Path) -> None:
    """Look at what is there, and make what is not."""
    application = _number(connection, "application_id")
    version = _number(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION and (tables or application or version):
        raise StateError(f"the state file {path} is a database of another program: give another path")
    if version > VERSION:
        raise StateError(f"the state file {path} is of a newer version of standby: use that one, or another path")
    if tables and (fault := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise sqlite3.DatabaseError(fault)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only before the first table
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StateError(f"the state file {path} lies where SQLite has no write-ahead log: give another path")
    connection.execute("PRAGMA synchronous = NORMAL")  # a crash of the machine may cost the last second, never the file
    connection.execute(f"PRAGMA max_page_count = {BYTES_MAX // PAGE_BYTES}")
    connection.execute(f"PRAGMA journal_size_limit = {BYTES_MAX // 16}")
    connection.execute("BEGIN IMMEDIATE")  # of several workers, one makes the tables
    try:
        found = _number(connection, "user_version")
        for statement in (
            *(_SCHEMA.split(";") if found == 0 else ()),
            *(_SECOND.split(";") if found < VERSION else ()),
        ):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _number(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _unusable(path: Path, error: sqlite3.DatabaseError) -> StateError:
    """What is wrong, in words; SQLite's own sentence holds no more than names of tables and files."""
    if isinstance(error, sqlite3.OperationalError):
        return StateError(f"the state file {path} cannot be used now: {error}")
    words = "is damaged, or is no state file: nothing was changed; move it away to begin anew"
    return StateError(f"the state file {path} {words}")


def spent(connection: sqlite3.Connection, day: int, month_day: int) -> dict[tuple[str, str], tuple[float, float]]:
    """What was spent on a day, and from the first day of its month on, by scope and name."""
    rows = connection.execute(
        "SELECT scope, name, sum(CASE WHEN day = ? THEN usd ELSE 0 END), sum(usd) FROM spend"
        " WHERE day BETWEEN ? AND ? GROUP BY scope, name",
        (day, month_day, day),
    )
    return {(scope, name): (of_day, of_month) for scope, name, of_day, of_month in rows}


def standings(path: Path, workers: int) -> dict[str, list[dict[str, Any]]]:
    """How each target stands at each of so many workers, by its name.

    Raises:
        StateError: The file cannot be read.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    with closing(read_state(path)) as connection:
        rows = connection.execute(
            "SELECT worker, target, entry FROM standings WHERE worker BETWEEN 1 AND ? ORDER BY worker", (workers,)
        )
        for worker, target, entry in rows:
            found.setdefault(target, []).append({"worker": worker, **msgspec.json.decode(entry)})
    return found


def isolated(path: Path, wall_s: float) -> list[str]:
    """The targets that are isolated by an order that holds.

    Raises:
        StateError: The file cannot be read.
    """
    query = "SELECT target FROM orders WHERE action = 'isolate' AND (until_s IS NULL OR until_s > ?)"
    with closing(read_state(path)) as connection:
        return [target for (target,) in connection.execute(query, (wall_s,))]


def history(path: Path, kind: str, *, last: int) -> list[bytes]:
    """The last entries of a kind, the newest first, for whatever shows them.

    Raises:
        StateError: The file cannot be read.
    """
    with closing(read_state(path)) as connection:
        rows = connection.execute("SELECT entry FROM history WHERE kind = ? ORDER BY id DESC LIMIT ?", (kind, last))
        return [bytes(entry) for (entry,) in rows]
