"""Work is linear: twice the input, twice the turns, calls and bytes, for every codec, decoder, seam and transcript."""

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType

import pytest
from standby.providers import registry
from standby.providers.tool_calls import CallNumbering

from benchmarks import floods as flood_module
from benchmarks.floods import Flood, floods

SIZES = (1, 2, 4, 8)
FLOODS = {flood.name: flood for flood in floods()}
BOUNDED = {name for name in FLOODS if name.endswith(": an error")}
"""Of which no more than 64 KiB are ever read."""


def steps_of(play: Callable[[], object]) -> int:
    """How many lines are run, each turn of a loop for itself, and how many functions in C are called."""
    count = 0

    def in_c(frame: FrameType, event: str, what: object) -> None:
        nonlocal count
        count += event == "c_call"

    def lines(frame: FrameType, event: str, what: object) -> object:
        nonlocal count
        count += 1
        return lines

    profile, trace = sys.getprofile(), sys.gettrace()
    sys.setprofile(in_c)
    sys.settrace(lines)
    try:
        play()
    finally:
        sys.settrace(trace)
        sys.setprofile(profile)
    return count


def bytes_of(play: Callable[[], object]) -> int:
    """How much memory is taken at the most."""
    tracemalloc.start()
    try:
        play()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def turns_of(play: Callable[[], Iterator[int]]) -> int:
    return sum(1 for _ in play())


def grows_with_its_input(found: list[int], beside: int, *, slack: float = 1.15) -> bool:
    """Whether it is at most as large as its input makes it.

    Args:
        beside: What does not hang on that.
        slack: Tables double when they are full, so that memory comes in leaps; a square would be eightfold.
    """
    return all(each <= slack * size * found[0] + beside for size, each in zip(SIZES, found, strict=True))


def played(flood: Flood, size: int) -> Callable[[], object]:
    made = flood.made(size)
    return lambda: list(flood.played(made))


@pytest.mark.parametrize("name", FLOODS)
def test_work_is_linear(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flood = FLOODS[name]
    for size in (4096, 64):
        played(flood, size)()  # what is loaded, or made once, at the first use
    steps = [steps_of(played(flood, 6144 * size)) for size in SIZES]
    assert grows_with_its_input(steps, beside=1000), steps
    with monkeypatch.context() as small:
        small.setattr(flood_module, "PIECE_MAX_BYTES", 4096)  # or else only the largest would come in pieces
        memory = [bytes_of(played(flood, 16_384 * size)) for size in SIZES]
    assert grows_with_its_input(memory, beside=64 * 1024, slack=1.5), memory
    made = [flood.made(65_536 * size) for size in SIZES]
    turns = [turns_of(lambda: flood.played(each)) for each in made]  # noqa: B023 - called at once
    assert grows_with_its_input(turns, beside=4), turns
    if isinstance(made[-1], bytes) and name not in BOUNDED and not name.startswith("json"):
        assert turns[-1] >= len(made[-1]) // 65_536, "more than 64 KiB in one step"


def test_a_square_would_be_seen() -> None:
    def calls(size: int) -> None:
        for n in range(size):
            for _ in range(n):
                len("")

    def looks(size: int) -> None:
        seen: list[int] = []
        for n in range(size):
            seen.append(len([other for other in seen if other == n]))

    for quadratic in (calls, looks):
        steps = [steps_of(partial(quadratic, 50 * size)) for size in SIZES]
        assert not grows_with_its_input(steps, beside=300), steps
    memory = [bytes_of(partial(bytes, (300 * size) ** 2)) for size in SIZES]
    assert not grows_with_its_input(memory, beside=64 * 1024, slack=1.5), memory


@pytest.mark.parametrize("index", [None, 0])
def test_the_call_of_a_fragment_is_not_searched_for(index: int | None) -> None:
    """A search of a list is one call, however long the list: so comparisons are counted."""
    compared = 0

    class Id(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    found = []
    for size in SIZES:
        compared, numbering = 0, CallNumbering()
        for n in range(200 * size):
            for _ in range(2):
                numbering.fragment(index, Id(f"c{n}"), "f", "{}")
        found.append(compared)
        assert len(numbering) == 200 * size
    assert grows_with_its_input(found, beside=100), found


def test_every_dialect_has_its_floods() -> None:
    rooms = {flood.room for flood in FLOODS.values()}
    dialects = {registry.get(name).info.dialect for name in registry.names()}
    assert dialects - rooms - {"mistral"} == set()  # its chunks are those of the chat protocol
