"""State: what is written in a batch, what is dropped and counted, what is forgotten, and the orders of an operator."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from standby.gateway import state as module
from standby.gateway.state import Order, State, StateWriter, day_of, first_of_month
from standby.gateway.state_file import StateError, history, open_state, spent

DAY_S = 86_400.0


class Desk:
    """A writer at a clock that is handed down."""

    def __init__(self, path: Path) -> None:
        self.path, self.wall_s = path / "s.db", 20_000 * DAY_S
        self.opened: list[sqlite3.Connection] = []
        self.connection = self._open()
        self.writer = StateWriter(self.connection, worker=3, wall=lambda: self.wall_s)

    def other(self) -> StateWriter:
        return StateWriter(self._open(), wall=lambda: self.wall_s)

    def _open(self) -> sqlite3.Connection:
        self.opened.append(open_state(self.path))
        return self.opened[-1]

    def entries(self) -> list[bytes]:
        return history(self.path, "request", last=100_000)[::-1]

    def spent(self) -> dict[tuple[str, str], tuple[float, float]]:
        day = day_of(self.wall_s)
        return spent(self.connection, day, first_of_month(day))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path)
    yield one
    for connection in one.opened:
        connection.close()


def test_a_batch_is_one_transaction(desk: Desk) -> None:
    statements: list[str] = []
    desk.connection.set_trace_callback(statements.append)
    for number in range(3):
        desk.writer.note("request", b"%d" % number)
        desk.writer.spend("key", "app", 0.5)
    assert statements == []
    desk.writer.flush()
    assert (statements[0], statements[-1]) == ("BEGIN IMMEDIATE", "COMMIT")
    assert sum(statement.startswith("INSERT INTO spend") for statement in statements) == 1
    statements.clear()
    desk.writer.flush()
    assert statements == []
    assert desk.entries() == [b"0", b"1", b"2"]
    assert desk.spent() == {("key", "app"): (1.5, 1.5)}


def test_amounts_add_up_over_batches_and_workers_and_turn_with_the_day(desk: Desk) -> None:
    other = desk.other()
    for writer in (desk.writer, other, desk.writer):
        writer.spend("key", "app", 1.0)
        writer.spend("target", "app", 0.25)
        writer.flush()
    assert desk.spent() == {("key", "app"): (3.0, 3.0), ("target", "app"): (0.75, 0.75)}
    desk.wall_s += DAY_S
    desk.writer.spend("key", "app", 5.0)
    desk.writer.flush()
    assert desk.spent()["key", "app"] == (5.0, 8.0)
    desk.wall_s += 31 * DAY_S
    assert desk.spent() == {}


def test_what_is_too_much_is_dropped_and_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 3)
    desk.writer.note("request", b"x" * (module.ENTRY_BYTES_MAX + 1))
    for number in range(5):
        desk.writer.note("request", b"%d" % number)
    assert desk.writer.dropped == 3
    desk.writer.flush()
    desk.writer.note("switch", b"s")
    desk.writer.flush()
    assert (desk.entries(), desk.writer.dropped) == ([b"0", b"1", b"2"], 3)


def test_what_waits_is_bounded_in_bytes_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_BYTES_MAX", 10)
    for entry in (b"1234", b"5678", b"90123", b"ab"):
        desk.writer.note("request", entry)
    desk.writer.flush()
    assert (desk.entries(), desk.writer.dropped) == ([b"1234", b"5678", b"ab"], 1)


def test_money_waits_where_entries_are_dropped(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as stranger:
        desk.connection.execute("PRAGMA busy_timeout = 0")
        stranger.execute("BEGIN IMMEDIATE")
        desk.writer.note("request", b"lost")
        desk.writer.spend("key", "app", 1.0)
        desk.writer.flush()
        assert desk.writer.problem == "OperationalError: database is locked"
        stranger.execute("ROLLBACK")
    desk.writer.spend("key", "app", 0.5)
    desk.writer.flush()
    assert (desk.writer.problem, desk.writer.dropped) == (None, 1)
    assert (desk.entries(), desk.spent()) == ([], {("key", "app"): (1.5, 1.5)})


def test_a_full_disk_is_told_and_over_when_there_is_room(desk: Desk) -> None:
    desk.connection.execute("PRAGMA max_page_count = 1")
    for _ in range(50):
        desk.writer.note("request", b"x" * 4000)
    desk.writer.spend("key", "app", 1.0)
    desk.writer.flush()
    assert (desk.writer.problem, desk.writer.dropped) == ("OperationalError: database or disk is full", 50)
    desk.connection.execute("PRAGMA max_page_count = 10000")
    desk.writer.flush()
    assert (desk.writer.problem, desk.spent()) == (None, {("key", "app"): (1.0, 1.0)})


def test_history_is_bounded_in_number_and_age(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HISTORY_MAX", 4)
    for number in range(6):
        desk.writer.note("request", b"%d" % number)
        desk.wall_s += DAY_S
    desk.writer.flush()
    desk.writer.trim()
    assert desk.entries() == [b"2", b"3", b"4", b"5"]
    desk.wall_s += 4.5 * DAY_S  # the ages are now 8.5, 7.5, 6.5 and 5.5 days
    desk.writer.trim()
    assert desk.entries() == [b"4", b"5"]


def test_the_room_of_what_is_forgotten_is_given_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(1000):
        desk.writer.note("request", b"x" * 4000)
    desk.writer.flush()
    pages = desk.connection.execute("PRAGMA page_count").fetchone()[0]
    monkeypatch.setattr(module, "HISTORY_MAX", 10)
    desk.writer.trim()
    assert desk.connection.execute("PRAGMA page_count").fetchone()[0] < pages / 10


def test_old_amounts_are_forgotten_and_those_of_this_month_are_not(desk: Desk) -> None:
    desk.writer.spend("key", "app", 1.0)
    desk.writer.flush()
    for days, left in ((60, 1), (20, 0)):
        desk.wall_s += days * DAY_S
        desk.writer.trim()
        assert desk.connection.execute("SELECT count(*) FROM spend").fetchone() == (left,)


def test_the_largest_history_fits_into_the_file() -> None:
    assert module.HISTORY_MAX * (module.ENTRY_BYTES_MAX + 100) < module.state_file.BYTES_MAX


def test_orders_come_once_in_their_order_and_to_a_newcomer_all_that_stand(desk: Desk) -> None:
    admin, worker = desk.writer, desk.other()
    assert worker.orders() == []
    admin.give("a", "isolate")
    admin.give("b", "isolate")
    assert worker.orders() == [Order(1, "a", "isolate"), Order(2, "b", "isolate")]
    assert worker.orders() == []
    admin.give("a", "restore")
    assert worker.orders() == [Order(3, "a", "restore")]
    assert desk.other().orders() == [Order(2, "b", "isolate"), Order(3, "a", "restore")]


def test_orders_are_bounded_and_restored_ones_are_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ORDERS_MAX", 3)
    worker = desk.other()
    for target in "abc":
        desk.writer.give(target, "isolate")
    with pytest.raises(StateError, match="orders for 3 targets already"):
        desk.writer.give("d", "isolate")
    for target in "ab":
        desk.writer.give(target, "restore")
    assert len(worker.orders()) == 3
    desk.wall_s += 2 * DAY_S
    desk.writer.trim()
    desk.writer.give("d", "isolate")
    assert worker.orders() == [Order(6, "d", "isolate")]
    assert [order.target for order in desk.other().orders()] == ["c", "b", "d"]


def test_an_order_that_cannot_be_written_is_told(desk: Desk) -> None:
    desk.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StateError, match="cannot be written into the state file: OperationalError: attempt to write"):
        desk.writer.give("a", "isolate")


def test_a_file_that_fails_while_orders_are_read_is_told(desk: Desk) -> None:
    desk.connection.execute("DROP TABLE orders")
    assert desk.writer.orders() == []
    assert desk.writer.problem == "OperationalError: no such table: orders"


def test_the_thread_carries_over_what_was_spent_and_writes_the_rest_at_its_end(tmp_path: Path) -> None:
    path, wall_s = tmp_path / "s.db", 20_000 * DAY_S
    first = State(path, wall=lambda: wall_s)
    assert first.spent("key", "app") == (0.0, 0.0)
    first.spend("key", "app", 2.5)
    first.note("request", b"{}")
    first.close()
    first.close()
    assert history(path, "request", last=5) == [b"{}"]
    second = State(path, wall=lambda: wall_s)
    assert second.spent("key", "app") == (2.5, 2.5)
    assert (second.dropped, second.problem) == (0, None)
    second.close()


def test_an_order_reaches_the_other_processes(tmp_path: Path) -> None:
    path, came, seen = tmp_path / "s.db", Event(), []

    def obey(orders: list[Order]) -> None:
        seen.extend(orders)
        came.set()

    admin, worker = State(path), State(path, worker=1, on_orders=obey)
    try:
        admin.order("a", "isolate").result(timeout=30)
        assert came.wait(30)
        assert seen == [Order(1, "a", "isolate")]
    finally:
        admin.close()
        worker.close()
    with pytest.raises(StateError, match="is closed"):
        admin.order("a", "restore").result(timeout=30)


def test_a_file_that_cannot_be_used_starts_no_thread(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_text("no database" * 100)
    with pytest.raises(StateError):
        State(tmp_path / "s.db")
    import threading

    assert not [thread for thread in threading.enumerate() if thread.name == "standby-state"]


@pytest.mark.parametrize(("day", "first"), [(0, 0), (30, 0), (31, 31), (59, 59), (20_000, 19_997)])
def test_months(day: int, first: int) -> None:
    assert first_of_month(day) == first
