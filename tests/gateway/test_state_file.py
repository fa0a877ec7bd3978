"""The state file: made with its rights, opened again, and refused with a reason that leaves everything as it was."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from standby.gateway import state_file
from standby.gateway.state_file import (
    APPLICATION,
    VERSION,
    StateError,
    history,
    isolated,
    open_state,
    read_state,
    spent,
    standings,
)
from standby.gateway.state_place import NAME, state_place


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_owner_alone_and_so_is_what_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "s.db"
    umask = os.umask(0)
    try:
        with closing(open_state(path)) as connection:
            connection.execute("INSERT INTO spend VALUES ('key', 'a', 1, 2.5)")
            beside = sorted(path.parent.iterdir())
            assert [each.name for each in beside] == ["s.db", "s.db-shm", "s.db-wal"]
            assert [mode(each) for each in beside] == [0o600] * 3
            assert mode(path.parent) == 0o700
    finally:
        os.umask(umask)
    with closing(open_state(path)) as connection:
        assert spent(connection, 1, 0) == {("key", "a"): (2.5, 2.5)}
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_rights_that_are_too_wide_are_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    open_state(path).close()
    path.chmod(0o644)
    open_state(path).close()
    assert mode(path) == 0o600


def test_a_file_of_an_older_version_is_brought_up_and_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as first:
        first.executescript(state_file._SCHEMA + "PRAGMA user_version = 1; PRAGMA journal_mode = WAL;")
        first.execute("INSERT INTO orders VALUES ('a', 1, 'isolate', 5.0)")
        first.execute("INSERT INTO spend VALUES ('key', 'app', 1, 2.5)")
        first.commit()
    for _ in range(2):
        with closing(open_state(path)) as connection:
            assert spent(connection, 1, 0) == {("key", "app"): (2.5, 2.5)}
            assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert isolated(path, 1e9) == ["a"]
        assert standings(path, 4) == {}


def test_several_processes_may_open_it(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(open_state(path)) as one, closing(open_state(path)) as two:
        one.execute("INSERT INTO spend VALUES ('key', 'a', 1, 1)")
        two.execute("INSERT INTO spend VALUES ('key', 'b', 1, 1)")
        assert len(spent(one, 1, 1)) == 2


def _other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE books (title TEXT)")


def _newer(path: Path) -> None:
    open_state(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")


def _damaged(path: Path) -> None:
    with closing(open_state(path)) as connection:
        connection.executemany(
            "INSERT INTO history (at_s, kind, worker, entry) VALUES (1, 'request', 0, ?)", [(b"x" * 3000,)] * 50
        )
    data = bytearray(path.read_bytes())
    data[8192:16384] = b"\xff" * 8192
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("targets: {}\n" * 100), "is damaged, or is no state file: nothing was changed"),
        (_other_program, "is a database of another program: give another path"),
        (_newer, "is of a newer version of standby"),
        (_damaged, "is damaged, or is no state file: nothing was changed; move it away to begin anew"),
        (lambda path: path.mkdir(), "cannot be made: Is a directory"),
        (lambda path: os.mkfifo(path), "is no regular file"),
        (lambda path: path.symlink_to(path.parent / "elsewhere.db"), "cannot be made: "),
    ],
)
def test_what_cannot_be_used_is_told_and_left_as_it_was(tmp_path: Path, make: object, words: str) -> None:
    path = tmp_path / "s.db"
    make(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StateError) as caught:
        open_state(path)
    assert f"the state file {path} {words}" in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be made: "):
        open_state(tmp_path / "file" / "s.db")


def test_a_network_file_system_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "network_file_system", lambda path: "nfs4")
    with pytest.raises(StateError, match="would lie on nfs4, a network file system: give a local path, or none"):
        open_state(tmp_path / "s.db")
    assert list(tmp_path.iterdir()) == []


def test_reading_makes_nothing_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with pytest.raises(StateError, match="cannot be used now"):
        read_state(path)
    assert not path.exists()
    with closing(open_state(path)) as connection:
        connection.executemany(
            "INSERT INTO history (at_s, kind, worker, entry) VALUES (?, ?, 0, ?)",
            [(1, "request", b"a"), (2, "switch", b"s"), (3, "request", b"b"), (4, "request", b"c")],
        )
        assert history(path, "request", last=2) == [b"c", b"b"]
        with closing(read_state(path)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM history")


@pytest.mark.parametrize(
    ("setting", "environ", "files", "expected"),
    [
        ("none", {"HOME": "/users/u"}, [], None),
        ("/var/lib/s.db", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ["/.dockerenv"], "/var/lib/s.db"),
        (None, {"HOME": "/users/u"}, [], "/users/u/.local/state/standby/gateway.db"),
        (None, {"HOME": "/users/u", "XDG_STATE_HOME": "/state"}, [], "/state/standby/gateway.db"),
        (None, {"HOME": "/users/u", "XDG_STATE_HOME": "state"}, [], "/users/u/.local/state/standby/gateway.db"),
        (None, {}, [], None),
        (None, {"HOME": "/users/u", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, [], None),
        (None, {"HOME": "/users/u", "container": "podman"}, [], None),
        (None, {"HOME": "/users/u"}, ["/.dockerenv"], None),
        (None, {"HOME": "/users/u"}, ["/run/.containerenv"], None),
    ],
)
def test_where_it_lies(setting: str | None, environ: dict[str, str], files: list[str], expected: str | None) -> None:
    found = state_place(setting, environ, files.__contains__)
    assert found == (None if expected is None else Path(expected))
    assert Path("standby/gateway.db") == NAME
