"""The tables of docs/failover.md on the public way of aiohttp: what a fault means does not hang on the way.

The rows of kept connections are left out: there are none.
"""

from collections.abc import Iterator

import pytest
import test_fault_table as table

from playing import Playing
from scenes import AFTER, BEFORE
from ways import taken, unknown_release


@pytest.fixture(autouse=True)
def public_way() -> Iterator[None]:
    """The installed release is not among those that were tested."""
    with unknown_release():
        yield
        assert taken()


@pytest.mark.parametrize("form", ["stream", "complete"])
@pytest.mark.parametrize("key", [key for key in BEFORE if not key.startswith("reset_reused")])
async def test_a_fault_before_the_commit(simulator: Playing, key: str, form: table.Form) -> None:
    await table.test_a_fault_before_the_commit(simulator, key, BEFORE[key].leads[0], form)


@pytest.mark.parametrize("form", ["stream", "complete"])
@pytest.mark.parametrize("key", AFTER)
async def test_a_fault_after_the_commit(simulator: Playing, key: str, form: table.Form) -> None:
    await table.test_a_fault_after_the_commit(simulator, key, AFTER[key].leads[0], form)
