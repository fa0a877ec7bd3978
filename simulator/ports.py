"""Ports that refuse and ports that swallow connections: two outages that no server can play on its own port."""

import contextlib
import errno
import socket
from types import TracebackType
from typing import Self


class ClosedPort:
    """A port on loopback that refuses every connection, held so that no other program can open it meanwhile."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))  # bound and not listening: the kernel answers with a reset
        self.port: int = self._socket.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class BlackHole(ClosedPort):
    """A port on loopback where a connection is neither taken nor refused: its queue is full, so SYNs are dropped.

    For a provider that takes the connection and never answers, script `Stall(At.head())`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._socket.listen(0)
        self._fillers = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(4)]
        for filler in self._fillers:
            filler.setblocking(False)
            code = filler.connect_ex(("127.0.0.1", self.port))
            if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
                self.close()
                raise OSError(code, "the queue of the black hole could not be filled")

    def close(self) -> None:
        with contextlib.ExitStack() as stack:
            for filler in self._fillers:
                stack.callback(filler.close)
            super().close()
