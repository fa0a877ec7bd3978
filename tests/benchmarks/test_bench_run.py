"""The processes of a benchmark, on tiny cases: nothing here is about time."""

import msgspec
import pytest

from benchmarks.__main__ import main
from benchmarks.case import Case
from benchmarks.clients import CLIENTS
from benchmarks.processes import Processes
from benchmarks.run import measure
from benchmarks.wire import Script
from benchmarks.worker import Held, Hold

TINY = Script("stream", 16, 8, 5000)
CLIENTS_HERE = ("loop", "understudy", "understudy-text", "understudy-whole", "understudy-log", "openai")


def silent(words: str) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def processes() -> Processes:
    with Processes("asyncio", pinned=False) as started:
        yield started


def test_every_client_reads_every_delta_of_every_stream(processes: Processes) -> None:
    case = Case("tiny", "stream", TINY, 2, 2, CLIENTS_HERE)
    result = measure([(case,)], processes, 1, silent)
    assert {figure.client for figure in result.figures} == set(CLIENTS_HERE)
    assert all(figure.value.median > 0 for figure in result.figures)
    assert result.absent == []
    assert result.reads["tiny"].keys() == set(CLIENTS_HERE)


def test_a_failing_first_target_is_asked_exactly_once_a_call(processes: Processes) -> None:
    before = processes.asked()
    case = Case("tiny call after 500", "call", Script("single"), 2, 6, ("understudy",), "500")
    measure([(case,)], processes, 1, silent)
    after = processes.asked()
    asked = {name: after.get(name, 0) - before.get(name, 0) for name in ("refuse", "single")}
    assert asked["refuse"] == asked["single"] >= 6


def test_a_refused_connection_leads_to_the_next_target(processes: Processes) -> None:
    case = Case("tiny call after refused", "call", Script("single"), 1, 2, ("loop", "understudy", "openai"), "refused")
    result = measure([(case,)], processes, 1, silent)
    assert [figure.client for figure in result.figures] == ["loop", "understudy"]  # openai knows no other provider


@pytest.mark.parametrize("client", [name for name, info in CLIENTS.items() if info.holds])
def test_streams_are_held_open(processes: Processes, client: str) -> None:
    held = processes.tell(client, Hold(processes.urls(Script("hold")), 5), Held)
    assert held.bytes_per_stream >= 0


def test_an_absent_client_is_named(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLIENTS, "litellm", msgspec.structs.replace(CLIENTS["litellm"], needs="no_such_package"))
    case = Case("tiny", "stream", TINY, 1, 1, ("loop", "litellm"))
    result = measure([(case,)], processes, 1, silent)
    assert result.absent == ["litellm"]
    assert {figure.client for figure in result.figures} == {"loop"}


def test_a_client_that_lost_something_fails_the_run(processes: Processes) -> None:
    wrong = msgspec.structs.replace(Case("tiny call", "call", Script("single"), 1, 1, ("loop",)), operation="stream")
    with pytest.raises(RuntimeError, match="ended"):
        measure([(wrong,)], processes, 1, silent)


def test_the_cases_of_each_suite_have_names_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    quick = capsys.readouterr().out.splitlines()
    assert len(set(quick)) == len(quick)
    assert {"100 deltas c8", "1,000 deltas c8", "call c32", "paced c32"} <= set(quick)
    assert main(["--full", "--list"]) == 0
    assert set(quick) <= set(capsys.readouterr().out.splitlines())
