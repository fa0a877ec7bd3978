"""What operators see and may do: of one process by its Router, or of several workers by the state file they share.

A supervisor has no Router, and workers do not talk to each other. So an order goes into the state file, which each
worker looks at four times a second; and how targets stand at each worker is read from it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

from ..config.errors import ConfigError
from ..config.field_types import SECONDS
from ..config.model import Config
from ..providers.wall_clock import WALL_CLOCK
from ..router.router import Router
from .state import Action, State
from .state_file import StateError, isolated, standings
from .worker_tallies import states_in

Told: TypeAlias = dict[str, Any]

GiveOrder: TypeAlias = Callable[[str, Action, float | None], Awaitable[None]]
"""Hands an order on to every process that shares the state: the target, what is to become of it, for how long."""

UNKNOWN = "unknown"

WORST_FIRST = ("isolated", "open", "parked", "half_open", "closed")
"""Of several workers' words on a target the worst is told, beside what each says."""

NOT_SHARED = "several workers serve without a state file: there is nothing by which all of them could be told"


class OrderRefused(Exception):
    """An operator's wish cannot be followed.

    Attributes:
        status: Of the answer.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Operated(Protocol):
    """What operators operate."""

    async def targets(self) -> list[Told]:
        """How each target stands."""
        ...

    async def order(self, target: str, action: Action, for_s: float | None) -> None:
        """Isolate or restore a target.

        Raises:
            OrderRefused: There is no such target, or there is no way to do it.
            ConfigError: It cannot be for so long.
        """
        ...

    async def explain(self, route: str | None) -> Told:
        """The plan of a call.

        Raises:
            ConfigError: There is no such route.
        """
        ...


class OneProcess:
    """The targets of this process.

    Args:
        give: Hands an order on to others; None: there are none.
    """

    def __init__(self, router: Router, give: GiveOrder | None = None) -> None:
        self._router, self._give = router, give

    async def targets(self) -> list[Told]:
        return [snapshot.to_dict() for snapshot in self._router.health()]

    async def order(self, target: str, action: Action, for_s: float | None) -> None:
        if all(snapshot.target != target for snapshot in self._router.health()):
            raise OrderRefused(404, "there is no such target")
        if action == "isolate":
            self._router.isolate(target, for_s)
        else:
            self._router.restore(target)
        if self._give is not None:
            await self._give(target, action, for_s)

    async def explain(self, route: str | None) -> Told:
        return self._router.explain(route=route).to_dict()


class Workers:
    """The targets of several workers.

    Args:
        config: Gives what they serve by.
        state: The file that they share; None: they share none.
        workers: How many there are.
        folder: Where they write their tallies down; None: nowhere.
    """

    def __init__(
        self, config: Callable[[], Config], state: State | None, workers: int, folder: str | None = None
    ) -> None:
        self._config, self._state, self._workers, self._folder = config, state, workers, folder

    async def targets(self) -> list[Told]:
        """How each target stands at each worker, as far as workers have written it down."""
        names = dict.fromkeys(target.label for target in self._config().all_targets())
        found: Mapping[str, list[Told]] = {}
        if self._state is not None:
            found = await asyncio.to_thread(standings, self._state.path, self._workers)
        elif self._folder is not None:
            found = await asyncio.to_thread(states_in, self._folder, self._workers)
        by_hand = await self._isolated()
        return [_together(name, found.get(name, []), by_hand) for name in names]

    async def order(self, target: str, action: Action, for_s: float | None) -> None:
        if all(known.label != target for known in self._config().all_targets()):
            raise OrderRefused(404, "there is no such target")
        if self._state is None:
            raise OrderRefused(409, NOT_SHARED)
        await give_order(self._state, target, action, for_s)

    async def explain(self, route: str | None) -> Told:
        """The plan of a worker that has just begun: what each knows of its targets' health is its own."""
        async with Router(self._config()) as router:
            for target in {each.target for each in router.health()} & await self._isolated():
                router.isolate(target)
            return router.explain(route=route).to_dict()

    async def _isolated(self) -> set[str]:
        """The targets that are isolated by an order, which a worker may not have seen yet."""
        if self._state is None:
            return set()
        return set(await asyncio.to_thread(isolated, self._state.path, WALL_CLOCK()))


async def give_order(state: State, target: str, action: Action, for_s: float | None) -> None:
    """Write an order into the state file.

    Raises:
        ConfigError: It cannot be for so long.
        OrderRefused: It cannot be written.
    """
    if for_s is not None and (problem := SECONDS.problem(for_s)):
        raise ConfigError(f"for_s {problem}")
    try:
        await asyncio.wrap_future(state.order(target, action, for_s))
    except StateError as error:
        raise OrderRefused(503, str(error)) from None


def _together(name: str, words: list[Told], isolated_by_hand: set[str]) -> Told:
    """What all workers say of a target."""
    states = {str(each["state"]) for each in words} | ({"isolated"} if name in isolated_by_hand else set())
    state = next((each for each in WORST_FIRST if each in states), UNKNOWN)
    return {"target": name, "state": state, "workers": words}
