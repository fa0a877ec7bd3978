"""What several workers count, added up: each writes its tallies into a file of its own now and then.

Workers do not talk to each other. The files lie in a folder of their supervisor's, which reads them when it is scraped.
A worker that is started again goes on with the file of its last life, so that no count ever falls.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from .tallies import Tallies, states_of

FOLDER = "STANDBY_TALLIES"
"""The variable by which a supervisor tells its workers of the folder."""

WRITE_EVERY_S = 1.0


class TallyFile:
    """Writes tallies down. Made in the event loop.

    Args:
        tallies: What is counted; what an earlier life of this worker has counted is added to it.
        worker: Its number.
        sample: Puts what stands at the moment into the tallies.
    """

    def __init__(self, tallies: Tallies, folder: str, worker: int, sample: Callable[[], None]) -> None:
        self._tallies, self._path, self._sample = tallies, _path(folder, worker), sample
        self._loop = asyncio.get_running_loop()
        self._writing: asyncio.Future[None] | None = None
        with suppress(OSError, msgspec.DecodeError):
            tallies.take_in(self._path.read_bytes(), standing=False)
        self._timer = self._loop.call_later(WRITE_EVERY_S, self._begin)

    async def close(self) -> None:
        """Write the last ones: of a worker that has ended, nothing stands any more."""
        self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._tallies.in_flight, self._tallies.states = 0, {}
        await asyncio.to_thread(self._write, self._tallies.to_bytes())

    def _begin(self) -> None:
        self._timer = self._loop.call_later(WRITE_EVERY_S, self._begin)
        if self._writing is None or self._writing.done():
            self._sample()
            self._writing = self._loop.run_in_executor(None, self._write, self._tallies.to_bytes())

    def _write(self, data: bytes) -> None:
        """Put a new file in place of the old one. Of a disk that is full, the next one will tell."""
        beside = self._path.with_suffix(".new")
        with suppress(OSError):
            beside.write_bytes(data)
            os.replace(beside, self._path)


def add_up(tallies: Tallies, folder: str, workers: int) -> Tallies:
    """Add what so many workers have written down. Reads files: call it in a thread."""
    for worker in range(1, workers + 1):
        with suppress(OSError, msgspec.DecodeError):  # it has counted nothing so far
            tallies.take_in(_path(folder, worker).read_bytes())
    return tallies


def states_in(folder: str, workers: int) -> dict[str, list[dict[str, object]]]:
    """How each target stands at each of so many workers, by its name. Reads files: call it in a thread."""
    found: dict[str, list[dict[str, object]]] = {}
    for worker in range(1, workers + 1):
        with suppress(OSError, msgspec.DecodeError):
            for target, state in states_of(_path(folder, worker).read_bytes()):
                found.setdefault(target, []).append({"worker": worker, "state": state})
    return found


def _path(folder: str, worker: int) -> Path:
    return Path(folder, f"worker-{worker}.json")
