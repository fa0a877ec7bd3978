"""The upstream: a process that answers with bytes made beforehand, so that it is never what is measured.

It keeps connections alive, uses chunked framing, and does one write per group of events. Writes of a stream are a fixed
time apart, long enough for the client to have read the one before: so a write arrives as one read, however fast or
slow the client is, and the number of events per read is the same for all clients. A client that is slower finds more in
a read; how many reads it needed is reported beside its figures.

    python -m benchmarks.upstream [--loop asyncio|uvloop] [--cpu N] [--certificate FILE]

It prints its port, then answers each line on its standard input with how often each script was asked for, as JSON.
"""

import argparse
import asyncio
import collections
import json
import re
import socket
import ssl
import sys
import threading
import time
from typing import cast

from .loops import LOOPS, new_loop, pin, raise_file_limit
from .wire import Script

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Pacer(threading.Thread):
    """Lets streams write, each once per gap. A thread, because event loops round their timers to milliseconds.

    Args:
        gap_us: From one write of a stream to its next.
        spread: Into how many moments the gap is cut; streams are dealt out over them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, gap_us: int, spread: int) -> None:
        super().__init__(daemon=True)
        self._loop = loop
        self._step_s = gap_us / 1e6 / spread
        self._slots: list[dict[Connection, None]] = [{} for _ in range(spread)]
        self._at = 0
        self._rung = False
        self._busy = threading.Event()

    def join_in(self, stream: "Connection") -> None:
        """Let this stream write from now on."""
        min(self._slots, key=len)[stream] = None
        self._busy.set()

    def run(self) -> None:
        due_s = time.monotonic()
        while True:
            self._busy.wait()
            due_s += self._step_s
            wait_s = due_s - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            else:
                due_s -= wait_s  # late: not made up for, or two writes would come as one read
            if not self._rung:
                self._rung = True
                self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        self._rung = False
        self._at = (self._at + 1) % len(self._slots)
        slot = self._slots[self._at]
        for stream in list(slot):
            if not stream.write_next():
                del slot[stream]
        if not any(self._slots):
            self._busy.clear()


class Upstream:
    """What all connections share.

    Attributes:
        asked: How often each script was asked for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.asked: collections.Counter[str] = collections.Counter()
        self._scripts: dict[bytes, Script] = {}
        self._pacers: dict[tuple[int, int], Pacer] = {}

    def script(self, target: bytes) -> Script:
        """The script that a request's target names."""
        found = self._scripts.get(target)
        if found is None:
            found = self._scripts[target] = Script.named(target.split(b"/")[1].decode())
        return found

    def pace(self, stream: "Connection", gap_us: int, spread: int) -> None:
        """Let a stream write once per gap."""
        pacer = self._pacers.get((gap_us, spread))
        if pacer is None:
            pacer = self._pacers[gap_us, spread] = Pacer(self.loop, gap_us, spread)
            pacer.start()
        pacer.join_in(stream)


class Connection(asyncio.Protocol):
    """One kept-alive connection of a client."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._script = Script("single")
        self._next = 0
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by descent
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._flood()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (head_end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:head_end]
            length = _LENGTH.search(head)
            if length is None:
                raise ValueError("a request without a content-length")
            end = head_end + 4 + int(length[1])
            if len(self._unread) < end:
                return
            script = self._upstream.script(head.split(b" ", 2)[1]).asked_with(self._unread[head_end + 4 : end])
            self._unread = self._unread[end:]
            self._answer(script)

    def write_next(self) -> bool:
        """The next write of the stream. False: it was the last, or the client is gone."""
        if self._transport is None:
            return False
        writes = self._script.writes
        self._transport.write(writes[self._next])
        self._next += 1
        if self._next < len(writes):
            return True
        if self._script.kind == "cut":
            self._transport.close()
        return False

    def _answer(self, script: Script) -> None:
        self._upstream.asked[script.segment] += 1
        self._script, self._next = script, 0
        if self.write_next():
            if script.kind == "flood":
                self._flood()
            elif script.gap_us:
                self._upstream.pace(self, script.gap_us, script.spread)
            else:
                self._upstream.loop.call_soon(self._hurry)

    def _flood(self) -> None:
        """Write until the client takes no more; its connection tells when it does again."""
        while self._script.kind == "flood" and self._transport is not None and not self._full:
            self._transport.write(self._script.writes[1])

    def _hurry(self) -> None:
        if self.write_next():
            self._upstream.loop.call_soon(self._hurry)


async def serve(upstream: Upstream, certificate: str | None) -> None:
    """Listen on loopback, with TLS when there is a certificate, until standard input ends."""
    loop = asyncio.get_running_loop()
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    server = await loop.create_server(lambda: Connection(upstream), "127.0.0.1", 0, backlog=4096, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(upstream.asked), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upstream", description="Answer with bytes made before.")
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0])
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--certificate", metavar="FILE", help="speak TLS, with this chain and its key")
    args = parser.parse_args()
    pin(args.cpu)
    raise_file_limit()
    with asyncio.Runner(loop_factory=lambda: new_loop(args.loop)) as runner:
        runner.run(serve(Upstream(runner.get_loop()), args.certificate))


if __name__ == "__main__":
    main()
