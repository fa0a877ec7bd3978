"""The processes of a benchmark, on tiny cases: nothing here is about time."""

import resource
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.__main__ import PARTS, SUITES, main
from benchmarks.case import Case
from benchmarks.clients import CLIENTS
from benchmarks.commands import Delays, Held, Hold, Keep, Kept, Measure, Peak, Sample, Size, Watch, Watched
from benchmarks.memory import idle
from benchmarks.processes import Processes
from benchmarks.result import Setting
from benchmarks.run import measure
from benchmarks.start import first_failure, from_yaml, settings_of
from benchmarks.wire import ANSWER, Script
from standby import Router

TINY = Script("stream", 16, 8, 5000)
CLIENTS_HERE = (
    "raw",
    "loop",
    "loop-tuned",
    "standby",
    "standby-text",
    "standby-whole",
    "standby-log",
    "standby-full",
    "openai",
)


def silent(words: str) -> None:
    """Progress that is not shown."""


SETTING = Setting("asyncio", pinned=False, repeats=1, streams=3, progress=silent)


@pytest.fixture(scope="module")
def processes() -> Processes:
    with SETTING.processes() as started:
        yield started


def test_every_client_reads_every_delta_of_every_stream(processes: Processes) -> None:
    case = Case("tiny", "stream", TINY, 2, 2, CLIENTS_HERE)
    result = measure([(case,)], processes, SETTING)
    assert {figure.client for figure in result.figures} == set(CLIENTS_HERE)
    assert all(figure.value.median > 0 for figure in result.figures)
    assert result.absent == []
    assert result.reads["tiny"].keys() == set(CLIENTS_HERE)
    assert all(result.reads["tiny"][client] >= 3 for client in CLIENTS_HERE if client != "raw")  # it asks no upstream


def test_an_earlier_release_is_measured_in_its_own_environment_or_not_at_all(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.clients.python_of", lambda package: None)
    case = Case("tiny", "stream", TINY, 1, 1, ("standby", "standby-before"))
    result = measure([(case,)], processes, SETTING)
    assert [figure.client for figure in result.figures] == ["standby"]
    assert result.absent == ["standby-before"]


def test_what_runs_apart_takes_its_own_packages_and_our_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another interpreter, which sees our folder last: else the face that lies in it would hide what is installed."""
    other = Path(sys.executable).with_name("python3")
    assert str(other) != sys.executable
    monkeypatch.setattr("benchmarks.clients.python_of", lambda package: other)
    case = Case("tiny", "stream", TINY, 1, 1, ("standby-before",))
    with SETTING.processes() as started:
        result = measure([(case,)], started, SETTING)
    assert [figure.client for figure in result.figures] == ["standby-before"]


def test_a_failing_first_target_is_asked_exactly_once_a_call(processes: Processes) -> None:
    before = processes.asked()
    case = Case("tiny call after 500", "call", Script("single"), 2, 6, ("standby",), "500")
    measure([(case,)], processes, SETTING)
    after = processes.asked()
    asked = {name: after.get(name, 0) - before.get(name, 0) for name in ("refuse", "single")}
    assert asked["refuse"] == asked["single"] >= 6


def test_a_refused_connection_leads_to_the_next_target(processes: Processes) -> None:
    case = Case("tiny call after refused", "call", Script("single"), 1, 2, ("loop", "standby", "openai"), "refused")
    result = measure([(case,)], processes, SETTING)
    assert [figure.client for figure in result.figures] == ["loop", "standby"]  # openai knows no other provider


@pytest.mark.parametrize("client", [name for name, info in CLIENTS.items() if info.holds])
def test_streams_are_held_open(processes: Processes, client: str) -> None:
    held = processes.tell(client, Hold(processes.urls(Script("hold")), 5), Held)
    assert held.bytes_per_stream >= 0
    assert held.more_bytes_per_stream * 5 <= resource.getpagesize()  # the process may touch one, whatever it holds


@pytest.mark.parametrize("client", [name for name, info in CLIENTS.items() if info.holds])
def test_calls_are_made_beside_streams_that_are_kept_open(processes: Processes, client: str) -> None:
    urls = processes.urls(Script("either"))
    for streams in (3, 5, 2):
        before = processes.asked()
        assert processes.tell(client, Keep(urls, streams), Kept) == Kept(streams)
        assert processes.tell(client, Measure(urls, "call", len(ANSWER), 1, 4), Sample).cpu_us > 0
        asked = {name: count - before.get(name, 0) for name, count in processes.asked().items()}
        assert asked["hold"] == {3: 3, 5: 2, 2: 2}[streams]  # for fewer than before, the client is made anew
        assert asked["single"] >= 4


def test_a_client_does_without_what_it_is_not_to_find() -> None:
    with SETTING.processes(without=("openai",)) as started:
        one = Measure(started.urls(Script("single")), "call", len(ANSWER), 1, 1)
        assert started.tell("loop", one, Sample).cpu_us > 0
        with pytest.raises(RuntimeError, match="ended"):
            started.tell("openai", one, Sample)


def test_a_consumer_that_stops_stops_the_upstream(processes: Processes) -> None:
    held = processes.tell("standby", Hold(processes.urls(Script("flood")), 40, 0.2), Held)
    assert 0 < held.bytes_per_stream < 2**20
    assert held.more_bytes_per_stream < 2**14


@pytest.mark.parametrize("client", ["loop", "standby"])
def test_a_stream_that_breaks_off_is_read_to_its_end_elsewhere(processes: Processes, client: str) -> None:
    before = processes.asked()
    case = Case("tiny after a cut", "stream", TINY, 2, 4, (client,), "cut")
    assert measure([(case,)], processes, SETTING).samples["tiny after a cut"][client]
    asked = {name: count - before.get(name, 0) for name, count in processes.asked().items()}
    assert asked["cut-d8-e8-g5000-s1"] == asked[TINY.segment] >= 4


@pytest.mark.parametrize("what", ["lag", "steps"])
def test_an_event_loop_is_watched_while_streams_are_read(processes: Processes, what: Watched) -> None:
    delays = processes.tell("loop", Watch(processes.urls(TINY), "stream", 16, 2, 20, what=what), Delays)
    assert delays.count > 5
    assert 0 <= delays.p99_ms <= delays.p999_ms <= delays.longest_ms


def test_spares_are_never_asked(processes: Processes) -> None:
    before = processes.asked().get("single", 0)
    command = Measure(processes.urls(Script("single"), spares=19), "call", len(ANSWER), 1, 5)
    sample = processes.tell("standby", command, Sample)
    assert 0 < sample.p50_us <= sample.p99_us
    assert processes.asked()["single"] - before == 6  # one to warm up


def test_a_process_knows_the_most_memory_that_it_had(processes: Processes) -> None:
    assert processes.tell("loop", Peak(), Size).bytes > 2**20


def test_idle_streams_are_held_without_tls_and_with_it() -> None:
    found = {figure.what for figure in idle(SETTING).figures}
    assert {"idle stream, more than by hand", "idle stream, TLS, more than by hand"} <= found


def test_a_first_failure_loads_nothing(processes: Processes) -> None:
    result = first_failure(processes, SETTING)
    assert [figure.value.median for figure in result.figures] == [0], result.notes


def test_a_router_is_made_from_a_file_twice_in_a_process() -> None:
    again, first = from_yaml(SETTING).figures
    assert 0 < again.value.median < first.value.median


def test_the_file_of_many_targets_is_one_that_a_router_takes(tmp_path: Path) -> None:
    file = tmp_path / "standby.yaml"
    file.write_text(settings_of(20), encoding="utf-8")
    assert len(Router.from_yaml(file).config.routes["default"].targets) == 20


def test_an_absent_client_is_named(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        CLIENTS, "litellm", msgspec.structs.replace(CLIENTS["litellm"], needs="no_such_package", peer="")
    )
    case = Case("tiny", "stream", TINY, 1, 1, ("loop", "litellm"))
    result = measure([(case,)], processes, SETTING)
    assert result.absent == ["litellm"]
    assert {figure.client for figure in result.figures} == {"loop"}


def test_a_client_that_lost_something_fails_the_run(processes: Processes) -> None:
    wrong = msgspec.structs.replace(Case("tiny call", "call", Script("single"), 1, 1, ("loop",)), operation="stream")
    with pytest.raises(RuntimeError, match="ended"):
        measure([(wrong,)], processes, SETTING)


def test_the_cases_of_each_suite_have_names_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    quick = capsys.readouterr().out.splitlines()
    assert len(set(quick)) == len(quick)
    assert {"100 deltas c8", "1,000 deltas c8", "call c32", "paced c32"} <= set(quick)
    assert main(["--full", "--list"]) == 0
    assert set(quick) <= set(capsys.readouterr().out.splitlines())


def test_help_tells_every_part_and_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    for name, (_, words) in {**SUITES, **PARTS}.items():
        assert f"--{name} {words}" in told
        assert "minute" in words or "hour" in words
