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


async def test_words_are_joined(invoke: Invoke, standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", "Me.")
    configured("lead")
    assert (await invoke("ask", "who", "is", "there?")).exit_code == 0
    assert standby_simulator.exchanges[0].request.reading.messages == (("user", "who is there?"),)


async def test_what_is_piped_is_the_question(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Me.")
    configured("lead")
    assert (await invoke("ask", given="Who?\n")).exit_code == 0
    assert (await invoke("ask", "Sum this up:", "-", given="A text.\n")).exit_code == 0
    asked = [exchange.request.reading.messages[-1][1] for exchange in standby_simulator.exchanges]
    assert asked == ["Who?\n", "Sum this up:\n\nA text.\n"]


async def test_standard_input_stands_in_one_place_only(invoke: Invoke) -> None:
    ended = await invoke("ask", "-", "and", "-", given="x")
    assert (ended.exit_code, "can be read once" in ended.stderr) == (2, True)


async def test_events_are_lines_of_json(invoke: Invoke, standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", "Yes indeed.")
    configured("lead")
    ended = await invoke("ask", "Well?", "--events")
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["type"] for line in lines][-1] == "report"
    assert "".join(line["text"] for line in lines if line["type"] == "text") == "Yes indeed."
    assert lines[-1]["target"] == "lead"
    both = await invoke("ask", "Well?", "--events", "--json")
    assert (both.exit_code, "not both" in both.stderr) == (2, True)


async def test_settings_of_the_request_are_sent(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured, nobody_is_configured: Path
) -> None:
    standby_simulator.play("lead", "{}")
    configured("lead")
    (nobody_is_configured / "form.json").write_text('{"type": "object", "properties": {}}')
    (nobody_is_configured / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 16)
    (nobody_is_configured / "paper.pdf").write_bytes(b"%PDF-1.4 ...")
    ended = await invoke(
        "ask", "What?", "--temperature", "0.5", "--max-tokens", "99", "--schema", "form.json",
        "--image", "dot.png", "--file", "paper.pdf",
    )  # fmt: skip
    assert ended.exit_code == 0, ended
    sent = json.loads(standby_simulator.exchanges[0].request.body)
    assert sent["temperature"] == 0.5
    assert 99 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    assert sent["response_format"]["json_schema"]["schema"]["type"] == "object"
    assert [part["type"] for part in sent["messages"][-1]["content"]] == ["image_url", "file", "text"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--schema", "none.json"), "none.json cannot be read"),
        (("--schema", "text.json"), "text.json is no JSON"),
        (("--schema", "list.json"), "holds no JSON Schema"),
        (("--image", "none.png"), "none.png"),
        (("-m", "no-such-model"), "no provider is known for the model 'no-such-model'"),
        (("-m", "gpt-5-mini", "-t", "koala"), "not both"),
    ],
)
async def test_what_cannot_be_sent_is_told(
    invoke: Invoke, nobody_is_configured: Path, arguments: tuple[str, ...], told: str
) -> None:
    (nobody_is_configured / "text.json").write_text("type: object")
    (nobody_is_configured / "list.json").write_text("[]")
    ended = await invoke("ask", "What?", *arguments)
    assert ended.exit_code == 2, ended
    assert told in ended.stderr


async def test_a_bare_model_is_asked_at_its_provider(
    invoke: Invoke, standby_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    standby_simulator.play("theirs", "Hello.")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY_KEY)
    monkeypatch.setenv("STANDBY_OPENAI_BASE_URL", standby_simulator.base_url("theirs"))
    ended = await invoke("ask", "Hello?", "-m", "gpt-5-nano")
    assert (ended.exit_code, ended.stdout) == (0, "Hello.\n")
    assert ended.stderr.startswith("answered by openai/gpt-5-nano")


async def test_the_last_line_tells_what_it_cost(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Yes.")
    file = configured("lead")
    file.write_text(file.read_text().replace("model: m-1", "model: m-1, price: {input: 1000, output: 1000}"))
    ended = await invoke("ask", "Well?")
    assert ended.stderr.rstrip().endswith(" USD"), ended


async def test_failures_that_are_alike_share_a_line(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", Failure(ErrorKind.SERVER_ERROR))
    standby_simulator.play("second", Failure(ErrorKind.AUTH))
    configured("lead", "second", settings="retry: {attempts: 3, backoff_s: 0.001, backoff_max_s: 0.002}\n")
    ended = await invoke("ask", "Who is there?")
    first, lead, second, *_ = ended.stderr.splitlines()
    assert first.startswith("standby: no target gave an answer")
    assert lead.startswith("  lead: server_error"), ended
    assert lead.endswith(" (\N{MULTIPLICATION SIGN}3)")
    assert second.startswith("  second: auth")
    assert "\N{MULTIPLICATION SIGN}" not in second
