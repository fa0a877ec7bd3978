"""Which file system a path lies on, from the words of the kernel."""

import sys
from pathlib import Path

import pytest
from standby.gateway import file_system
from standby.gateway.file_system import darwin_network, darwin_statfs, file_system_of, network_file_system

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /users rw,relatime shared:2 master:3 - nfs4 server:/users rw,vers=4.2
31 30 0:26 / /users/u/.local rw - ext4 /dev/sdb1 rw
32 22 0:27 / /mnt/my\040share rw - cifs //server/share rw
33 22 0:28 / /mnt/both rw - ext4 /dev/sdc1 rw
34 33 0:29 / /mnt/both rw - fuse.sshfs user@host: rw
35 22 0:30 / /mnt/win rw - 9p drvfs rw
36 22 0:31 /sub /srv rw - btrfs /dev/sdd1 rw
a line that is none
37 22 - ext4
"""


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "ext4"), ("/var/lib/s.db", "ext4"), ("/users", "nfs4"), ("/users/u/s.db", "nfs4"),
        ("/usersless/s.db", "ext4"),
        ("/users/u/.local/state/s.db", "ext4"), ("/mnt/my share/s.db", "cifs"), ("/mnt/both/s.db", "fuse.sshfs"),
        ("/mnt/win/c/s.db", "9p"), ("/srv/s.db", "btrfs"),
    ],
)  # fmt: skip
def test_the_innermost_and_latest_mount_counts(path: str, name: str) -> None:
    assert file_system_of(path, MOUNTS) == name


def test_network_ones_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(file_system, "MOUNTS", table)
    for written, expected in (
        ("ext4", None),
        ("nfs4", "nfs4"),
        ("fuse.sshfs", "fuse.sshfs"),
        ("FUSE.RCLONE", "FUSE.RCLONE"),
    ):
        table.write_text(f"22 1 8:1 / / rw - {written} x rw\n")
        assert network_file_system(tmp_path / "not" / "there" / "s.db", platform="linux") == expected
    table.unlink()
    assert network_file_system(tmp_path, platform="linux") is None
    assert network_file_system(tmp_path, platform="win32") is None


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    table = tmp_path / "mountinfo"
    real = (tmp_path / "far").resolve()
    table.write_text(f"22 1 8:1 / / rw - ext4 x rw\n23 22 0:9 / {real} rw - nfs x rw\n")
    monkeypatch.setattr(file_system, "MOUNTS", table)
    assert network_file_system(tmp_path / "near" / "s.db", platform="linux") == "nfs"
    assert network_file_system(tmp_path / "s.db", platform="linux") is None


def told(flags: int, name: bytes) -> bytes:
    buffer = bytearray(4096)
    buffer[64:68] = flags.to_bytes(4, sys.byteorder)
    buffer[72 : 72 + len(name)] = name
    return bytes(buffer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, None),
        (told(0x1000, b"apfs"), None),
        (told(0x0080_1000, b"apfs"), None),
        (told(0, b"nfs"), "nfs"),
        (told(0x0800_0000, b"smbfs"), "smbfs"),
        (told(0, b""), "unknown"),
    ],
)
def test_on_macos_the_system_says_what_is_local(answer: bytes | None, expected: str | None) -> None:
    assert darwin_network(answer) == expected


def test_on_macos_a_call_that_fails_says_nothing() -> None:
    def statfs(path: bytes, buffer: object) -> int:
        return -1 if path == b"/gone" else 0

    assert darwin_statfs(Path("/gone"), statfs) is None
    assert darwin_network(darwin_statfs(Path("/"), statfs)) == "unknown"
