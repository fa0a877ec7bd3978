"""A gateway that is started anew: its budgets go on where they were, and an isolated target stays isolated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from standby.config import ClientKey, Price, Serve
from standby.gateway.access import Access
from standby.gateway.keeping import Keeper
from standby.gateway.running import Plan, keeper_of
from standby.gateway.state import Order, State
from standby.gateway.state_file import StateError, standings
from standby.router.router import ledgers

from gateway_stage import until
from standby import Config, Route, Router, Target

PRICE = Price(input=1, output=1)
NOON_S = 20_000 * 86_400.0 + 43_200
SERVE = Serve(keys={"app": ClientKey(keys=["sk-a-key-of-the-tests"], budget_day=5.0)})


def config(**more: Target) -> Config:
    lead = Target("koala", name="lead", price=PRICE, budget_day=9.0)
    return Config(
        targets={"lead": lead, **more}, routes={"chat": Route(("lead", *more), budget_month=9.0)}, serve=SERVE
    )


class Process(NamedTuple):
    """One life of a gateway."""

    router: Router
    access: Access
    keeper: Keeper
    told: list[str]

    def spend(self, usd: float) -> None:
        for *_, ledger in ledgers(self.router):
            ledger.reserve(usd).settle(usd)
        self.access.usage("app").ledger.reserve(usd).settle(usd)

    def spent(self) -> dict[str, float]:
        found = {name: ledger.spent_day for _, name, ledger in ledgers(self.router)}
        return found | {"app": self.access.usage("app").ledger.spent_day}

    def states(self) -> dict[str, str]:
        return {each.target: each.state for each in self.router.health()}


@asynccontextmanager
async def process(path: Path, *, workers: int = 1, given: Config | None = None) -> AsyncIterator[Process]:
    told: list[str] = []
    async with Router(given or config(), wall=lambda: NOON_S) as router:
        access = Access(SERVE, wall=lambda: NOON_S)
        keeper = Keeper(router, access, path, worker=1, workers=workers, wall=lambda: NOON_S, tell=told.append)
        try:
            yield Process(router, access, keeper, told)
        finally:
            await keeper.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


async def test_budgets_of_keys_targets_and_routes_go_on_where_they_were(path: Path) -> None:
    async with process(path) as first:
        assert first.spent() == {"lead": 0.0, "chat": 0.0, "app": 0.0}
        first.spend(1.5)
    async with process(path) as second:
        assert second.spent() == {"lead": 1.5, "chat": 1.5, "app": 1.5}
        second.spend(0.5)
    async with process(path, workers=4) as third:
        assert third.spent() == {"lead": 0.5, "chat": 0.5, "app": 0.5}


async def test_an_isolated_target_stays_so_until_it_is_restored(path: Path) -> None:
    async with process(path) as first:
        first.router.isolate("lead")
        first.keeper.state.order("lead", "isolate").result(timeout=30)
    async with process(path) as second:
        assert second.states() == {"lead": "isolated"}
        second.keeper.state.order("lead", "restore").result(timeout=30)
    async with process(path) as third:
        assert third.states()["lead"] != "isolated"


async def test_an_isolation_for_a_while_is_over_when_it_was_to_be_however_it_came(path: Path) -> None:
    """The process that gave the order reads it in the file, too; and so do those that begin later."""
    async with process(path) as first:
        first.keeper.state.order("lead", "isolate", 0.4).result(timeout=30)
        await until(lambda: first.states()["lead"] == "isolated")
        first.keeper.obey([Order(9, "lead", "isolate", NOON_S + 0.2)])
        await until(lambda: first.states()["lead"] != "isolated")
    async with process(path) as second:
        await until(lambda: second.states()["lead"] != "isolated")
        second.keeper.obey([Order(9, "lead", "isolate", NOON_S - 1)])
        assert second.states()["lead"] != "isolated"


async def test_how_targets_stand_at_each_of_several_workers_is_in_the_file(path: Path) -> None:
    async with process(path, workers=2) as worker:
        worker.router.isolate("lead")
        worker.keeper.collect()
        await until(lambda: bool(standings(path, 2)))
        ((standing,),) = standings(path, 2).values()
        assert (standing["worker"], standing["state"]) == (1, "isolated")
        worker.router.restore("lead")
        worker.keeper.collect()
        await until(lambda: standings(path, 2)["lead"][0]["state"] == "closed")
    async with process(path) as alone:
        alone.keeper.collect()
        assert alone.keeper._standings is None, "one process alone tells nothing"


async def test_orders_reach_a_process_that_runs(path: Path) -> None:
    async with process(path) as worker:
        worker.keeper.obey([Order(1, "lead", "isolate")])
        assert worker.states() == {"lead": "isolated"}
        worker.keeper.obey([Order(2, "lead", "restore"), Order(3, "gone", "restore")])
        assert worker.states()["lead"] != "isolated"


async def test_an_order_for_a_target_that_comes_with_a_reload_holds_from_then_on(path: Path) -> None:
    admin = State(path, wall=lambda: NOON_S)
    admin.order("later", "isolate").result(timeout=30)
    admin.spend("target", "later", 2.0)
    admin.close()
    async with process(path) as worker:
        assert worker.states() == {"lead": worker.states()["lead"]}
        later = Target("koala", name="later", base_url="https://later.example", price=PRICE, budget_day=9.0)
        worker.router.swap(config(later=later))
        worker.keeper.collect()
        assert worker.states()["later"] == "isolated"
        assert worker.spent()["later"] == 2.0


async def test_a_file_that_fails_is_told_once_and_so_is_its_return(path: Path) -> None:
    async with process(path) as worker:
        writer = worker.keeper.state._writer
        for problem in ("OperationalError: disk I/O error", "OperationalError: disk I/O error", None, None):
            writer.problem = problem
            worker.keeper.collect()
        assert worker.told == [
            "the state file fails: OperationalError: disk I/O error", "the state file is written again",
        ]  # fmt: skip


async def test_orders_come_out_of_the_thread_that_reads_them_into_the_loop(path: Path) -> None:
    async with process(path) as worker:
        await asyncio.to_thread(worker.keeper._came, [Order(1, "lead", "isolate")])
        await asyncio.sleep(0)
        assert worker.states() == {"lead": "isolated"}


async def test_a_folder_of_the_system_that_cannot_be_written_costs_the_state_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told: list[str] = []
    lost = tmp_path / "file" / "s.db"
    async with Router(config()) as router:
        for may_fail in (True, False):
            plan = Plan(
                config=config(), write=lambda data: None, tell=told.append, state=lost, state_may_fail=may_fail
            )  # fmt: skip
            if may_fail:
                assert keeper_of(plan, router, Access(SERVE)) is None
                assert told == [f"nothing is kept: the state file {lost} cannot be made: File exists"]
            else:
                with pytest.raises(StateError, match="File exists"):
                    keeper_of(plan, router, Access(SERVE))
