"""The file system that a path lies on: a database in WAL mode needs memory that its processes share, so a local one.

On Linux the kernel's own table of mounts is read, on macOS `statfs` is asked. Elsewhere nothing is known, and nothing
is said. The readings are pure.
"""

import ctypes
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = frozenset(
    (
        "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.blobfuse", "fuse.blobfuse2",
        "fuse.ceph", "fuse.ceph-fuse", "fuse.curlftpfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs",
        "fuse.goofys", "fuse.juicefs", "fuse.mount-s3", "fuse.mountpoint-s3", "fuse.rclone", "fuse.s3fs",
        "fuse.seaweedfs", "fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2",
        "orangefs", "smb3", "smbfs", "webdav",
    )
)  # fmt: skip
"""Names of file systems that more than one machine may use, or that another machine serves."""

_ESCAPED = re.compile(r"\\([0-7]{3})")

_DARWIN_BYTES = 4096
"""More than the structure of macOS has (2,168)."""
_DARWIN_FLAGS = slice(64, 68)
_DARWIN_NAME = slice(72, 88)
_DARWIN_LOCAL = 0x1000
"""`MNT_LOCAL` of sys/mount.h."""


def network_file_system(path: Path, *, platform: str = sys.platform) -> str | None:
    """The name of the network file system that a path lies, or will lie, on; None: it is local, or not known."""
    there = _nearest(path)
    if platform == "linux":
        try:
            mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:  # /proc is not everywhere to be read
            return None
        name = file_system_of(str(there), mounts)
        return name if name is not None and name.lower() in NETWORK else None
    if platform == "darwin":
        return darwin_network(darwin_statfs(there))
    return None


def _nearest(path: Path) -> Path:
    """The path without links, or as much of it as there is."""
    real = Path(os.path.realpath(path))
    return next((each for each in (real, *real.parents) if each.exists()), real)


def file_system_of(path: str, mounts: str) -> str | None:
    """The type of the file system at a path, by the kernel's table; of two mounts at one place the later one holds.

    Args:
        path: Without links.
        mounts: As in /proc/self/mountinfo.
    """
    best, name = -1, None
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields, about = before.split(" "), after.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, name = len(point), about[0]
    return name


def darwin_network(told: bytes | None) -> str | None:
    """The name of a network file system, in what macOS tells of one; None: it is local, or not known."""
    if told is None:
        return None
    if int.from_bytes(told[_DARWIN_FLAGS], sys.byteorder) & _DARWIN_LOCAL:
        return None
    return told[_DARWIN_NAME].partition(b"\0")[0].decode("ascii", errors="replace") or "unknown"


def darwin_statfs(path: Path, statfs: Callable[[bytes, object], int] | None = None) -> bytes | None:
    """What macOS tells of the file system at a path; None when it does not.

    Args:
        statfs: The system's function; None: it is looked up.
    """
    told = ctypes.create_string_buffer(_DARWIN_BYTES)
    if statfs is None:
        statfs = ctypes.CDLL(None, use_errno=True).statfs
    return told.raw if statfs(os.fsencode(path), told) == 0 else None
