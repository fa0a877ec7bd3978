"""`standby ask`: what goes to standard output, what to standard error, and the exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.faults import At, Cut, Stall
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.script import Script

from canaries import CANARY_COMPLETION, CANARY_KEY, CANARY_PROMPT
from commands import Invoke
from standby.testing import Simulator

Configured = Callable[..., Path]


async def test_the_answer_alone_is_on_standard_output(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", CANARY_COMPLETION)
    configured("lead")
    ended = await invoke("ask", CANARY_PROMPT)
    assert ended.exit_code == 0
    assert ended.stdout == CANARY_COMPLETION + "\n"
    assert ended.stderr.startswith("answered by lead (m-1); first word after 0.")
    [exchange] = standby_simulator.exchanges
    assert exchange.request.reading.messages == (("user", CANARY_PROMPT),)


async def test_quiet_tells_nothing_beside_the_answer(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Yes.\n")
    configured("lead")
    ended = await invoke("ask", "Well?", "-q", "--system", "Be brief.")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "Yes.\n", "")
    assert standby_simulator.exchanges[0].request.reading.messages[0] == ("system", "Be brief.")


async def test_what_failed_on_the_way_is_told(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", Failure(ErrorKind.OVERLOADED))
    standby_simulator.play("second", "Here.")
    configured("lead", "second")
    ended = await invoke("ask", "Who is there?")
    assert (ended.exit_code, ended.stdout) == (0, "Here.\n")
    failed, answered = ended.stderr.splitlines()
    assert failed.startswith("  lead: overloaded (503")
    assert answered.startswith("answered by second")


async def test_no_target_answered(invoke: Invoke, standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Failure(ErrorKind.OVERLOADED))
    standby_simulator.play("second", Failure(ErrorKind.AUTH))
    configured("lead", "second")
    ended = await invoke("ask", "Who is there?")
    assert (ended.exit_code, ended.stdout) == (1, "")
    first, lead, second, advice = ended.stderr.splitlines()
    assert first == "standby: no target gave an answer (overloaded)"
    assert lead.startswith("  lead: overloaded")
    assert second.startswith("  second: auth")
    assert advice == "  try again later, or name one more target"


async def test_an_answer_that_breaks_off_ends_with_its_own_code(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", Script(Answer("Once upon a time"), (Cut(At.delta(2)),)))
    configured("lead")
    ended = await invoke("ask", "Tell me a story.")
    assert ended.exit_code == 3
    assert ended.stdout == "Once upon\n"
    assert "the answer broke off" in ended.stderr.splitlines()[0]
    assert "a part of it" in ended.stderr.splitlines()[0]


async def test_an_answer_that_changed_hands_is_told(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", Script(Answer("Once upon a time"), (Cut(At.delta(2)),)))
    standby_simulator.play("second", "Once upon a time")
    configured("lead", "second")
    ended = await invoke("ask", "Tell me a story.")
    assert (ended.exit_code, ended.stdout) == (0, "Once upon a time\n")
    assert "lead broke off after 9 characters; second went on (replay)" in ended.stderr


async def test_a_pipe_takes_no_answer_that_begins_again(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", Script(Answer("Once upon a time"), (Cut(At.delta(2)),)))
    standby_simulator.play("second", "Long ago")
    file = configured("lead", "second")
    text = file.read_text().replace("second]", "second], mid_stream: [restart]")
    file.write_text(text)
    ended = await invoke("ask", "Tell me a story.")
    assert (ended.exit_code, ended.stdout) == (3, "Once upon\n")


async def test_json_is_one_object_with_answer_and_report(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", Failure(ErrorKind.OVERLOADED))
    standby_simulator.play("second", "Here.")
    configured("lead", "second")
    ended = await invoke("ask", "Who is there?", "--json", "--route", "chat")
    assert ended.exit_code == 0
    assert ended.stdout.count("\n") == 1
    told = json.loads(ended.stdout)
    assert (told["text"], told["target"], told["finish_reason"]) == ("Here.", "second", "stop")
    assert [attempt["target"] for attempt in told["report"]["attempts"]] == ["lead", "second"]
    assert told["usage"]["output_tokens"] == 1


async def test_json_tells_failures_too(invoke: Invoke, standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Failure(ErrorKind.AUTH))
    configured("lead")
    ended = await invoke("ask", "Who is there?", "--json")
    assert ended.exit_code == 1
    told = json.loads(ended.stdout)
    assert told["error"] == {"kind": "auth", "message": "no target gave an answer (auth)"}
    assert told["report"]["attempts"][0]["kind"] == "auth"
    usage = await invoke("ask", "Who?", "--json", "-t", "opnai")
    assert usage.exit_code == 2
    assert "did you mean 'openai'" in json.loads(usage.stdout)["error"]["message"]


async def test_the_question_comes_from_standard_input(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Yes.")
    configured("lead")
    ended = await invoke("ask", "-", given="\N{BYTE ORDER MARK}Is it ä?\nSay.\n")
    assert ended.exit_code == 0
    assert standby_simulator.exchanges[0].request.reading.messages == (("user", "Is it ä?\nSay.\n"),)


@pytest.mark.parametrize(
    ("given", "told"), [(b"\xff\xfe", "not UTF-8 text"), (b" \n", "the question is empty"), (b"", "the question is")]
)
async def test_standard_input_that_holds_no_question(invoke: Invoke, given: bytes, told: str) -> None:
    ended = await invoke("ask", "-", given=given)
    assert ended.exit_code == 2
    assert told in ended.stderr


async def test_named_targets_are_asked_in_their_order(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Not me.")
    standby_simulator.play("second", "Me.")
    configured("lead", "second")
    ended = await invoke("ask", "Who?", "--targets", "second, lead", "-q")
    assert ended.stdout == "Me.\n"
    assert [exchange.provider for exchange in standby_simulator.exchanges] == ["second"]


async def test_route_and_targets_exclude_each_other(invoke: Invoke) -> None:
    ended = await invoke("ask", "Who?", "-t", "koala", "-r", "chat")
    assert ended.exit_code == 2
    assert "give --route or --targets, not both" in ended.stderr


async def test_targets_that_name_no_target(invoke: Invoke) -> None:
    ended = await invoke("ask", "Who?", "-t", " , ")
    assert ended.exit_code == 2
    assert "--targets names no target" in ended.stderr


async def test_a_key_in_the_environment_is_enough(
    invoke: Invoke, standby_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    standby_simulator.play("theirs", "Hello.")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY_KEY)
    monkeypatch.setenv("STANDBY_OPENAI_BASE_URL", standby_simulator.base_url("theirs"))
    ended = await invoke("ask", "Hello?")
    assert (ended.exit_code, ended.stdout) == (0, "Hello.\n")
    assert "openai/gpt-5-mini (OPENAI_API_KEY)" in ended.stderr.splitlines()[0]


async def test_without_anything_the_simulator_answers_and_says_so(invoke: Invoke) -> None:
    ended = await invoke("ask", "Hello?")
    assert ended.exit_code == 0
    assert "simulator" in ended.stdout
    assert ended.stderr.splitlines()[0].startswith("nothing is configured: the built-in simulator answers")


async def test_a_deadline_ends_the_wait(invoke: Invoke, standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Script("Never.", (Stall(At.head()),)))
    configured("lead")
    ended = await invoke("ask", "Hello?", "--deadline", "0.05")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "lead: first token timeout" in ended.stderr.replace("_", " ")


async def test_a_deadline_out_of_bounds_is_told(invoke: Invoke, configured: Configured) -> None:
    ended = await invoke("ask", "Hello?", "-t", "koala", "--deadline", "-1")
    assert ended.exit_code == 2
    assert "deadline_s must be more than 0" in ended.stderr


async def test_a_broken_configuration_is_listed(invoke: Invoke, nobody_is_configured: Path) -> None:
    (nobody_is_configured / "standby.yaml").write_text("targets:\n  a: {provider: koalla}\n", encoding="utf-8")
    ended = await invoke("ask", "Hello?")
    assert ended.exit_code == 2
    headline, problem = ended.stderr.splitlines()
    assert headline == "standby: the configuration cannot be used; 1 to mend:"
    assert problem.startswith("standby.yaml:2:17: targets.a.provider: ")
    assert problem.endswith("did you mean 'koala'?")
