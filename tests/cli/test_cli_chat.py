"""`standby chat`: the speaking target, the history, and the effect of Ctrl-C; through a pipe and at a terminal."""

import asyncio
import os
import pty
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from standby.cli import lines
from standby.providers.errors import ErrorKind
from standby.simulator.scenario.faults import At, Cut, Stall
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.script import Script
from test_cli_process import LEFT_WITHIN_S, started

from canaries import CANARY_COMPLETION
from commands import Invoke
from standby.testing import Simulator

Configured = Callable[..., Path]
BREAKS_OFF = Script(Answer("Once upon a time"), (Cut(At.delta(2)),))


# Through a pipe


async def test_each_line_is_a_question_and_the_answers_alone_are_on_standard_output(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", CANARY_COMPLETION, "And\nmore.\n")
    configured("lead")
    ended = await invoke("chat", "--system", "Be brief.", given="\N{BYTE ORDER MARK}Is it ä?\r\n\n  \nAnd then?")
    assert ended.exit_code == 0
    assert ended.stdout == f"{CANARY_COMPLETION}\nAnd\nmore.\n"
    assert ended.stderr == "lead speaks\n"
    first, second = standby_simulator.exchanges
    assert first.request.reading.messages == (("system", "Be brief."), ("user", "Is it ä?"))
    assert second.request.reading.messages == (
        ("system", "Be brief."),
        ("user", "Is it ä?"),
        ("assistant", CANARY_COMPLETION),
        ("user", "And then?"),
    )


async def test_another_speaker_is_told_and_why(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "One.", Failure(ErrorKind.OVERLOADED), "Three.")
    standby_simulator.play("second", "Two.")
    configured("lead", "second")
    ended = await invoke("chat", given="1\n2\n3\n3\n")
    assert (ended.exit_code, ended.stdout) == (0, "One.\nTwo.\nThree.\nThree.\n")
    first, second, third = ended.stderr.splitlines()
    assert first == "lead speaks"
    assert re.fullmatch(r"second speaks now; lead: overloaded \(503.*\) after \d\.\d\d s.*", second)
    assert third == "lead speaks again"


async def test_who_cannot_be_asked_is_told_of_once(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "One.", Failure(ErrorKind.OVERLOADED), "Three.")
    standby_simulator.play("second", "Two.")
    configured("lead", "second")
    ended = await invoke("chat", "-t", "openai,lead,second", given="1\n2\n")
    first, second = ended.stderr.splitlines()
    assert first == "lead speaks; openai: skipped, no key: set OPENAI_API_KEY"
    assert second.startswith("second speaks now; lead: overloaded")
    assert "openai" not in second


async def test_a_question_that_failed_is_told_and_forgotten_and_the_conversation_goes_on(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", Failure(ErrorKind.CONTENT_FILTER), "Better.")
    configured("lead")
    ended = await invoke("chat", given="Bad?\nGood?\n")
    assert (ended.exit_code, ended.stdout) == (0, "Better.\n")
    assert ended.stderr.startswith("standby: no target gave an answer (content filter)\n")
    assert standby_simulator.exchanges[1].request.reading.messages == (("user", "Good?"),)


async def test_what_was_said_before_an_answer_broke_off_is_remembered(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", BREAKS_OFF, "a time.")
    configured("lead")
    ended = await invoke("chat", given="Tell!\nGo on.\n")
    assert (ended.exit_code, ended.stdout) == (0, "Once upon\na time.\n")
    assert "the answer broke off" in ended.stderr
    assert standby_simulator.exchanges[-1].request.reading.messages[1:] == (
        ("assistant", "Once upon"),
        ("user", "Go on."),
    )


async def test_an_answer_that_is_gone_on_with_is_whole_and_marked(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", BREAKS_OFF, "Lead again.")
    standby_simulator.play("second", "Once upon a time")
    configured("lead", "second")
    ended = await invoke("chat", given="Tell!\nAnd?\n")
    assert (ended.exit_code, ended.stdout) == (0, "Once upon a time\nLead again.\n")
    assert ended.stderr.splitlines() == [
        "lead speaks",
        "-- lead broke off (truncated); second goes on --",
        "lead speaks again",
    ]
    assert standby_simulator.exchanges[-1].request.reading.messages[1] == ("assistant", "Once upon a time")


async def test_a_pipe_takes_no_answer_that_begins_again(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", BREAKS_OFF, "Yes.")
    standby_simulator.play("second", "Long ago")
    file = configured("lead", "second")
    file.write_text(file.read_text().replace("second]", "second], mid_stream: [restart]"))
    ended = await invoke("chat", given="Tell!\nWell?\n")
    assert (ended.exit_code, ended.stdout) == (0, "Once upon\nYes.\n")
    assert "the answer broke off" in ended.stderr


async def test_a_conversation_stays_with_its_target(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Yes.")
    standby_simulator.play("second", "Yes.")
    file = configured("lead", "second")
    file.write_text(file.read_text().replace("[lead, second]", "[[lead, second]], select: weighted"))
    ended = await invoke("chat", given="Well?\n" * 12)
    assert ended.stdout == "Yes.\n" * 12
    assert len({exchange.provider for exchange in standby_simulator.exchanges}) == 1


async def test_commands(invoke: Invoke, standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Failure(ErrorKind.OVERLOADED))
    standby_simulator.play("second", "Here.")
    configured("lead", "second")
    ended = await invoke("chat", given="/report\nWho?\n/report\n/health\n/targets\n/nope\n/help\n/quit\nNever asked.\n")
    assert ended.exit_code == 0
    nothing, answer, _, lead, second, verdict, _, lead_health, second_health, plan, *rest = ended.stdout.splitlines()
    assert nothing == "Nothing has been asked yet."
    assert answer == "Here."
    assert re.match(r"1  lead    first     overloaded \(503.* - .* s$", lead)
    assert re.match(r"2  second  handover  answered ", second)
    assert re.match(r"answered by second after \d\.\d\d s; \d+ tokens read, 1 written$", verdict)
    assert lead_health.split()[:5] == ["lead", "closed", "-", "1", "1"]
    assert second_health.split()[:5] == ["second", "closed", "-", "0", "1"]
    assert plan == "The plan of a call on route default:"
    assert any(line.startswith("1  lead (m-1)") for line in rest)
    assert any(line.startswith("/quit ") for line in rest)
    assert "there is no /nope; there are /health, /help, /quit, /report, /targets\n" in ended.stderr
    assert len(standby_simulator.exchanges) == 2


async def test_the_report_of_a_call_that_failed_names_the_skipped_targets(invoke: Invoke) -> None:
    ended = await invoke("chat", "-t", "openai", given="Who?\n/report\n")
    assert ended.exit_code == 0
    skipped, verdict = ended.stdout.splitlines()
    assert skipped == "openai: skipped, no key: set OPENAI_API_KEY"
    assert verdict.startswith("failed: auth after ")


async def test_a_slash_within_a_question_is_no_command(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Users.")
    configured("lead")
    ended = await invoke("chat", given="/etc/passwd holds what?\n")
    assert ended.stdout == "Users.\n"


async def test_without_anything_the_simulator_answers_and_says_so(invoke: Invoke) -> None:
    ended = await invoke("chat", given="Hello?\n")
    assert ended.exit_code == 0
    assert "simulator" in ended.stdout
    note, speaker = ended.stderr.splitlines()
    assert note.startswith("nothing is configured: the built-in simulator answers")
    assert speaker == "simulator speaks"


async def test_a_key_in_the_environment_is_told(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    ended = await invoke("chat", given="")
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert "openai/gpt-5-mini (OPENAI_API_KEY)" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-r", "nope"], "no routes are configured"),
        (["-t", "nope/model"], "'nope'"),
        (["-t", "koala", "-r", "chat"], "not both"),
        (["-t", "koala", "--deadline", "-1"], "deadline_s must be more than 0"),
    ],
)
async def test_what_cannot_be_asked_is_said_before_a_question_is_read(
    invoke: Invoke, arguments: list[str], told: str
) -> None:
    ended = await invoke("chat", *arguments, given=b"\xff")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert told in ended.stderr


async def test_standard_input_that_is_no_text(
    invoke: Invoke, standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Yes.")
    configured("lead")
    ended = await invoke("chat", given=b"Well?\n\xff\xfe\n")
    assert (ended.exit_code, ended.stdout) == (2, "Yes.\n")
    assert "not UTF-8 text" in ended.stderr


async def test_a_line_without_end(invoke: Invoke, configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_BYTES_MAX", 10)
    ended = await invoke("chat", "-t", "koala", given="12345678901")
    assert ended.exit_code == 2
    assert "a line holds more than" in ended.stderr


async def test_in_a_pipe_ctrl_c_ends_it_all(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Script(Answer("One two three"), (Stall(At.delta(2)),)))
    configured("lead")
    async with started("chat", stdin=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"Count!\nAgain!\n")
        assert await process.stdout.readexactly(len("One two")) == b"One two"
        process.send_signal(signal.SIGINT)
        exchange = await standby_simulator.asked("lead")
        await exchange.left.wait()
        assert await process.communicate() == (b"\n", b"lead speaks\ninterrupted\n")
    assert process.returncode == 130
    assert len(standby_simulator.exchanges) == 1


async def test_an_answer_comes_before_the_next_question_is_there(
    standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "One.", "Two.")
    configured("lead")
    async with started("chat", stdin=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for question, answer in ((b"1\n", b"One.\n"), (b"2\n", b"Two.\n")):
            process.stdin.write(question)
            assert await process.stdout.readline() == answer
        assert await process.communicate(b"") == (b"", b"lead speaks\n")
    assert process.returncode == 0


async def test_a_reader_that_leaves_ends_it(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Script(Answer(("word " * 40,) * 400), delta_delay_s=0.001))
    configured("lead")
    reading, writing = os.pipe()
    async with started("chat", stdin=PIPE, stdout=writing) as process:
        os.close(writing)
        try:
            assert process.stdin is not None
            process.stdin.write(b"Talk!\n")
            exchange = await standby_simulator.asked("lead")
        finally:
            os.close(reading)
        _, errors = await process.communicate()
        await exchange.done.wait()
    assert (process.returncode, errors) == (141, b"lead speaks\n")
    assert exchange.ended == "left"


# At a terminal


class Terminal:
    """A terminal of 80 columns with the command on it, as a person sees it."""

    def __init__(self, process: Process, parent: int) -> None:
        self.process = process
        self._parent = parent
        self._written = ""
        self._seen = 0
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(parent, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._parent, 65536)
        except OSError:  # how Linux says that the other side is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._parent)
        self._written += data.decode()
        self._news.set()

    async def shows(self, text: str) -> str:
        """Wait until this is shown, behind what was seen before; all up to it."""
        while (found := self._written.find(text, self._seen)) < 0:
            self._news.clear()
            await self._news.wait()
        begin, self._seen = self._seen, found + len(text)
        return self._written[begin : self._seen]

    def types(self, line: str) -> None:
        """What a person types, and Enter."""
        os.write(self._parent, line.encode() + b"\r")

    def ctrl_c(self) -> None:
        """As the terminal does it for the program in its foreground."""
        self.process.send_signal(signal.SIGINT)


@asynccontextmanager
async def at_a_terminal(*arguments: str, **environment: str) -> AsyncIterator[Terminal]:
    """`standby chat` at a terminal; killed if it has not ended when the block does."""
    parent, child = pty.openpty()
    shown = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1", **environment}
    try:
        async with started("chat", *arguments, stdin=child, stdout=child, stderr=child, env=shown) as process:
            os.close(child)
            yield Terminal(process, parent)
    finally:
        asyncio.get_running_loop().remove_reader(parent)
        os.close(parent)


async def test_a_conversation_at_a_terminal(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", "Good evening.", Failure(ErrorKind.OVERLOADED))
    standby_simulator.play("second", Answer(("Look: \x1b]0;owned\x07", "and " * 20)))
    configured("lead", "second")
    async with at_a_terminal() as terminal:
        begin = await terminal.shows("you> ")
        assert "asking lead, second; /help lists the commands, Ctrl-D leaves" in begin
        terminal.types("Hello?")
        assert "speaks" not in await terminal.shows("lead> \x1b[0mGood evening.\r\n\r\n")
        await terminal.shows("you> ")
        terminal.types("Anybody?")
        assert "second speaks now; lead: overloaded (503" in await terminal.shows("second> ")
        answer = await terminal.shows("you> ")
        assert "\x1b]0;owned" not in answer
        assert "Look: \ufffd]0;owned\ufffdand and" in answer
        assert all(len(line) < 80 for line in answer.splitlines())
        terminal.types("\x04")
        assert await terminal.process.wait() == 0


async def test_ctrl_c_stops_the_answer_and_at_the_prompt_the_conversation(
    standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play(
        "lead",
        Script(Answer("One two three four"), (Stall(At.delta(2)),)),
        Script("Never.", (Stall(At.head()),)),
        "Three four",
    )
    configured("lead")
    async with at_a_terminal() as terminal:
        await terminal.shows("you> ")
        terminal.types("Count!")
        await terminal.shows("One two")
        interrupted_s = standby_simulator.now_s()
        terminal.ctrl_c()
        exchange = await standby_simulator.asked("lead")
        await exchange.left.wait()
        assert exchange.ended_s is not None
        assert exchange.ended_s - interrupted_s < LEFT_WITHIN_S
        await terminal.shows("stopped")
        await terminal.shows("you> ")
        terminal.types("Stall!")
        waiting = await standby_simulator.asked("lead", 2)
        terminal.ctrl_c()
        await waiting.left.wait()
        await terminal.shows("stopped; the question is forgotten")
        await terminal.shows("you> ")
        terminal.types("Go on.")
        await terminal.shows("Three four")
        await terminal.shows("you> ")
        terminal.ctrl_c()
        terminal.types("")  # Python's readline may be about to wait for a key, and then sees the signal only with that
        await terminal.shows("interrupted")
        assert await terminal.process.wait() == 130
    third = await standby_simulator.asked("lead", 3)
    assert third.request.reading.messages == (("user", "Count!"), ("assistant", "One two"), ("user", "Go on."))


async def test_at_a_terminal_it_is_marked_where_an_answer_changes_hands(
    standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", BREAKS_OFF)
    standby_simulator.play("second", "Once upon a time")
    configured("lead", "second")
    async with at_a_terminal() as terminal:
        await terminal.shows("you> ")
        terminal.types("Tell!")
        said = await terminal.shows("you> ")
        terminal.types("/quit")
        assert await terminal.process.wait() == 0
    assert "Once upon\r\n-- lead broke off (truncated); second goes on --\r\n" in said
    assert said.index("second goes on") < said.index("second> ") < said.index(" a time\r\n")


async def test_at_a_terminal_an_answer_may_begin_again(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", BREAKS_OFF, "And so on.")
    standby_simulator.play("second", "Long ago")
    file = configured("lead", "second")
    file.write_text(file.read_text().replace("second]", "second], mid_stream: [restart]"))
    async with at_a_terminal() as terminal:
        await terminal.shows("you> ")
        terminal.types("Tell!")
        said = await terminal.shows("you> ")
        terminal.types("And?")
        await terminal.shows("you> ")
        terminal.types("\x04")
        assert await terminal.process.wait() == 0
    assert "-- lead broke off (truncated); forget what it said: second begins again --\r\n" in said
    assert "Long ago\r\n" in said
    assert standby_simulator.exchanges[-1].request.reading.messages[1] == ("assistant", "Long ago")


async def test_a_connection_that_was_closed_while_a_person_thought_is_not_asked(
    standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", "Yes.")
    configured("lead")
    async with at_a_terminal() as terminal:
        await terminal.shows("you> ")
        terminal.types("First?")
        await terminal.shows("Yes.")
        await terminal.shows("you> ")
        for connection in tuple(standby_simulator._connections):
            connection.stop()
        await standby_simulator.emptied()
        terminal.types("Second?")
        await terminal.shows("Yes.")
        await terminal.shows("you> ")
        terminal.types("/report")
        report = await terminal.shows("answered by lead")
        terminal.types("/quit")
        assert await terminal.process.wait() == 0
    assert "disconnected" not in report
    assert standby_simulator.connections_seen == 2


async def test_with_colours_the_speaker_stands_out(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", "Yes.")
    configured("lead")
    async with at_a_terminal(NO_COLOR="") as terminal:
        await terminal.shows("you> ")
        terminal.types("Well?")
        await terminal.shows("\x1b[1;32mlead> \x1b[0mYes.")
        await terminal.shows("you> ")
        terminal.types("\x04")
        assert await terminal.process.wait() == 0
