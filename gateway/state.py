"""What outlives a process: money spent, the history of requests and switches, and an operator's orders.

One thread a process writes, in batches at most once a second, and looks for orders four times a second, so that a
request never waits for a disk. What it cannot keep up with is dropped and counted, but for money: amounts add up until
they are written. If the file fails, requests go on, and `problem` says what is wrong.
"""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import monotonic
from typing import Literal, NamedTuple, TypeAlias

from ..providers.wall_clock import WALL_CLOCK, WallClock
from . import state_file
from .state_file import StateError

Kind: TypeAlias = Literal["request", "switch"]

Action: TypeAlias = Literal["isolate", "restore"]

FLUSH_EVERY_S = 1.0
ORDERS_EVERY_S = 0.25
TRIM_EVERY_S = 60.0

QUEUE_MAX = 20_000
"""Maximum entries that wait to be written: a second's worth of the busiest gateway."""

QUEUE_BYTES_MAX = 16 * 1024 * 1024
ENTRY_BYTES_MAX = 4096
"""Maximum size of an entry; a larger one is dropped, and counted."""

HISTORY_MAX = 50_000
"""Maximum entries kept; with the largest ones the file stays below `state_file.BYTES_MAX`."""

HISTORY_S = 7 * 86_400.0
"""Maximum age of an entry."""

SPEND_DAYS = 70
"""Days that amounts are kept: the present month and the one before."""

ORDERS_MAX = 4096
"""Maximum targets with an order."""

JOIN_S = 10.0
"""How long the end of a process waits for the last batch."""

_DAY_S = 86_400.0


class Order(NamedTuple):
    """The last word of an operator on a target.

    Attributes:
        until_s: Until when it holds, in epoch seconds; None: until the next one.
    """

    number: int
    target: str
    action: Action
    until_s: float | None = None

    def left_s(self, wall_s: float) -> float | None:
        """How long it holds still; None: until the next one."""
        return None if self.until_s is None else self.until_s - wall_s


class Waiting(NamedTuple):
    """What waits to be written."""

    entries: list[tuple[float, Kind, bytes]]
    spend: dict[tuple[str, str, int], float]
    standings: dict[str, bytes] | None = None


class StateWriter:
    """The file, and what waits to be written into it. `note` and `spend` are for any thread, all else for the one.

    Args:
        worker: The number of this process, for the history.
        wall: The clock of the history.

    Attributes:
        dropped: Entries that were not written.
        problem: What kept the last batch from being written; None: nothing.
    """

    def __init__(self, connection: sqlite3.Connection, *, worker: int = 0, wall: WallClock = WALL_CLOCK) -> None:
        self._connection, self._worker, self._wall = connection, worker, wall
        self._lock = threading.Lock()
        self._waiting = Waiting([], {})
        self._bytes = 0
        self._seen = 0
        self.dropped = 0
        self.problem: str | None = None

    def note(self, kind: Kind, entry: bytes) -> None:
        """Put an entry into the history, soon."""
        size = len(entry)
        with self._lock:
            entries = self._waiting.entries
            if size > ENTRY_BYTES_MAX or len(entries) >= QUEUE_MAX or self._bytes + size > QUEUE_BYTES_MAX:
                self.dropped += 1
                return
            entries.append((self._wall(), kind, entry))
            self._bytes += size

    def spend(self, scope: str, name: str, usd: float) -> None:
        """So much more was spent today."""
        key = scope, name, day_of(self._wall())
        with self._lock:
            self._waiting.spend[key] = self._waiting.spend.get(key, 0.0) + usd

    def stand(self, standings: dict[str, bytes]) -> None:
        """This is how targets stand at this process now, by their names."""
        with self._lock:
            self._waiting = self._waiting._replace(standings=standings)

    def flush(self) -> None:
        """Write what waits. If that fails, entries are dropped, and amounts wait for the next time."""
        with self._lock:
            waiting, self._waiting = self._waiting, Waiting([], {})
            self._bytes = 0
        if not waiting.entries and not waiting.spend and waiting.standings is None:
            return
        worker = self._worker
        rows = [(at_s, kind, worker, entry) for at_s, kind, entry in waiting.entries]
        amounts = [(*key, usd) for key, usd in waiting.spend.items()]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT INTO history (at_s, kind, worker, entry) VALUES (?, ?, ?, ?)", rows)
            connection.executemany(
                "INSERT INTO spend VALUES (?, ?, ?, ?)"
                " ON CONFLICT (scope, name, day) DO UPDATE SET usd = usd + excluded.usd",
                amounts,
            )
            if waiting.standings is not None:
                connection.execute("DELETE FROM standings WHERE worker = ?", (worker,))
                stand = [(worker, target, entry) for target, entry in waiting.standings.items()]
                connection.executemany("INSERT INTO standings VALUES (?, ?, ?)", stand)

        if not self._done(write):
            with self._lock:
                self.dropped += len(waiting.entries)
                for key, usd in waiting.spend.items():
                    self._waiting.spend[key] = self._waiting.spend.get(key, 0.0) + usd

    def give(self, target: str, action: Action, for_s: float | None = None) -> None:
        """Write an order down, in place of the last one for its target.

        Args:
            for_s: So long it holds; None: until the next one.

        Raises:
            StateError: It cannot be written, or there are too many.
        """
        too_many = False
        wall_s = self._wall()
        until_s = None if for_s is None else wall_s + for_s

        def write(connection: sqlite3.Connection) -> None:
            nonlocal too_many
            number, others = connection.execute(
                "SELECT coalesce(max(number), 0) + 1, sum(target != ?) FROM orders", (target,)
            ).fetchone()
            too_many = (others or 0) >= ORDERS_MAX
            if not too_many:
                connection.execute(
                    "INSERT INTO orders VALUES (?, ?, ?, ?, ?) ON CONFLICT (target) DO UPDATE SET"
                    " number = excluded.number, action = excluded.action, at_s = excluded.at_s,"
                    " until_s = excluded.until_s",
                    (target, number, action, wall_s, until_s),
                )

        if not self._done(write):
            raise StateError(f"the order cannot be written into the state file: {self.problem}")
        if too_many:
            raise StateError(f"the state file holds orders for {ORDERS_MAX} targets already")

    def orders(self) -> list[Order]:
        """The orders since the last look, the oldest first; the first time all that stand."""
        try:
            rows = self._connection.execute(
                "SELECT number, target, action, until_s FROM orders WHERE number > ? ORDER BY number", (self._seen,)
            ).fetchall()
        except sqlite3.Error as error:
            self.problem = _words(error)
            return []
        found = [Order(*row) for row in rows]
        if found:
            self._seen = found[-1].number
        return found

    def trim(self) -> None:
        """Forget what is too old or too much, and give the room back."""
        wall_s = self._wall()

        def write(connection: sqlite3.Connection) -> None:
            newest = "(SELECT coalesce(max(id), 0) FROM history)"
            connection.execute(f"DELETE FROM history WHERE id <= {newest} - ?", (HISTORY_MAX,))  # noqa: S608 - ours
            connection.execute("DELETE FROM history WHERE at_s < ?", (wall_s - HISTORY_S,))
            connection.execute("DELETE FROM spend WHERE day < ?", (day_of(wall_s) - SPEND_DAYS,))
            connection.execute(  # the newest one stays: numbers must not begin anew
                "DELETE FROM orders WHERE action = 'restore' AND at_s < ?"
                " AND number < (SELECT max(number) FROM orders)",
                (wall_s - _DAY_S,),
            )

        if self._done(write):
            try:
                self._connection.executescript("PRAGMA incremental_vacuum")  # `execute` would free a single page
            except sqlite3.Error as error:
                self.problem = _words(error)

    def close(self) -> None:
        """Write the last batch, and let go of the file."""
        self.flush()
        self._connection.close()

    def _done(self, write: Callable[[sqlite3.Connection], None]) -> bool:
        """Write in one transaction. Has it been done?"""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            write(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.problem = _words(error)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return False
        self.problem = None
        return True


class State:
    """The state file of a process that serves, and the thread that writes into it.

    Args:
        path: The file.
        worker: The number of this process.
        on_orders: Called in the thread, with orders of an operator as they come.

    Attributes:
        standing: The orders that stood when the process began.

    Raises:
        StateError: The file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        worker: int = 0,
        wall: WallClock = WALL_CLOCK,
        on_orders: Callable[[list[Order]], None] | None = None,
    ) -> None:
        self.path = path
        connection = state_file.open_state(path)
        day = day_of(wall())
        self._spent = state_file.spent(connection, day, first_of_month(day))
        self._writer = StateWriter(connection, worker=worker, wall=wall)
        self.standing = self._writer.orders()
        self._on_orders = on_orders
        self._asked: list[tuple[str, Action, float | None, Future[None]]] = []
        self._wake = threading.Event()
        self._closing = False
        self.note, self.spend, self.stand = self._writer.note, self._writer.spend, self._writer.stand
        self._thread = threading.Thread(target=self._run, name="standby-state", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Entries of the history that were not written."""
        return self._writer.dropped

    @property
    def problem(self) -> str | None:
        """What kept the last batch from being written; None: nothing."""
        return self._writer.problem

    def spent(self, scope: str, name: str) -> tuple[float, float]:
        """What had been spent within the day and the month when the process began."""
        return self._spent.get((scope, name), (0.0, 0.0))

    def order(self, target: str, action: Action, for_s: float | None = None) -> Future[None]:
        """Give an order to all processes that share the file. Done once it is written; else a `StateError`.

        Args:
            for_s: So long it holds; None: until the next one.
        """
        done: Future[None] = Future()
        if self._closing:
            done.set_exception(StateError("the state file is closed"))
            return done
        self._asked.append((target, action, for_s, done))
        self._wake.set()
        return done

    def close(self) -> None:
        """Write the last batch, and end the thread. Idempotent."""
        self._closing = True
        self._wake.set()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        writer, flush_s, trim_s = self._writer, monotonic(), float("-inf")
        while not self._closing:
            self._obey()
            if self._on_orders is not None and (found := writer.orders()):
                self._on_orders(found)
            now_s = monotonic()
            if now_s >= flush_s + FLUSH_EVERY_S:
                writer.flush()
                flush_s = now_s
            if now_s >= trim_s + TRIM_EVERY_S:
                writer.trim()
                trim_s = now_s
            self._wake.wait(ORDERS_EVERY_S)
            self._wake.clear()
        self._obey()
        writer.close()

    def _obey(self) -> None:
        """Write down the orders that were asked for."""
        while self._asked:
            target, action, for_s, done = self._asked.pop(0)
            try:
                self._writer.give(target, action, for_s)
            except StateError as error:
                done.set_exception(error)
            else:
                done.set_result(None)


def day_of(wall_s: float) -> int:
    """The day, counted since 1970, UTC."""
    return int(wall_s // _DAY_S)


def first_of_month(day: int) -> int:
    """The first day of a day's month."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(day * _DAY_S, UTC)
    return day - (moment.day - 1)


def _words(error: sqlite3.Error) -> str:
    """SQLite's own sentence: it names tables and files, and holds no values."""
    return f"{type(error).__name__}: {error}"
