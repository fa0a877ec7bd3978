"""The command line as a process of its own: Ctrl-C, pipes, terminals, and what is loaded when."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from standby.simulator.scenario.faults import At, Cut, Stall
from standby.simulator.scenario.reply import Answer
from standby.simulator.scenario.script import Script

from standby.testing import Simulator

Configured = Callable[..., Path]
STANDBY = (sys.executable, "-m", "standby")
LEFT_WITHIN_S = 0.5
ENDED_WITHIN_S = 20


@asynccontextmanager
async def started(*arguments: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command on its way; it, and what is done with it, ends within a bound, however the test goes."""
    process = await asyncio.create_subprocess_exec(*STANDBY, *arguments, **{"stdout": PIPE, "stderr": PIPE, **options})
    try:
        async with asyncio.timeout(ENDED_WITHIN_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_ctrl_c_in_mid_stream_closes_the_connection(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Script(Answer("One two three four"), (Stall(At.delta(2)),)))
    configured("lead")
    async with started("ask", "Count!") as process:
        assert process.stdout is not None
        assert await process.stdout.readexactly(len("One two")) == b"One two"
        interrupted_s = standby_simulator.now_s()
        process.send_signal(signal.SIGINT)
        exchange = await standby_simulator.asked("lead")
        await exchange.left.wait()
        rest, errors = await process.communicate()
    assert exchange.ended_s is not None
    assert exchange.ended_s - interrupted_s < LEFT_WITHIN_S
    assert process.returncode == 130
    assert (rest, errors) == (b"\n", b"interrupted\n")


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["streamed", "whole"])
async def test_ctrl_c_before_the_first_word(
    standby_simulator: Simulator, configured: Configured, arguments: tuple[str, ...]
) -> None:
    standby_simulator.play("lead", Script("Never.", (Stall(At.head()),)))
    configured("lead")
    async with started("ask", "Count!", *arguments) as process:
        exchange = await standby_simulator.asked("lead")
        process.send_signal(signal.SIGINT)
        await exchange.left.wait()
        assert await process.communicate() == (b"", b"interrupted\n")
    assert process.returncode == 130


async def test_a_reader_that_leaves_ends_the_call(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Script(Answer(("word " * 40,) * 400), delta_delay_s=0.001))
    configured("lead")
    reading, writing = os.pipe()
    async with started("ask", "Talk!", stdout=writing) as process:
        os.close(writing)
        try:
            exchange = await standby_simulator.asked("lead")
        finally:
            os.close(reading)
        _, errors = await process.communicate()
        await exchange.done.wait()
    assert (process.returncode, errors) == (141, b"")
    assert exchange.ended == "left"


async def test_in_a_pipe_a_table_is_plain_lines() -> None:
    async with started("providers", env={**os.environ, "COLUMNS": "30"}) as process:
        out, errors = await process.communicate()
    lines = out.decode().splitlines()
    assert (process.returncode, errors) == (0, b"")
    assert lines[0].split() == [
        "NAME",
        "TITLE",
        "DIALECT",
        "BASE",
        "URL",
        "KEY",
        "MODEL",
        "KNOWN",
        "TO",
        "TAKE",
        "NOTE",
    ]
    assert lines[1:] == sorted(lines[1:])
    assert "\x1b" not in out.decode()
    assert all(line == line.rstrip() for line in lines)


def on_a_terminal(*arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a command on a terminal of 80 columns; its exit code and all that it wrote there."""
    parent, child = pty.openpty()
    shown = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **(environment or {})}
    process = subprocess.Popen([*STANDBY, *arguments], stdin=child, stdout=child, stderr=child, env=shown)
    os.close(child)
    written = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not data:
            break
        written += data
    os.close(parent)
    return process.wait(), written.decode()


def test_the_demo_on_a_terminal_shows_colours_and_the_whole_answer() -> None:
    code, written = on_a_terminal("demo", "--fast")
    assert code == 0
    assert "\x1b[32m" in written  # green: the target that answered
    assert "\x1b[31m" in written  # red: the targets that failed
    assert "✓ answered, whole" in written
    assert "Two providers failed, and no word was lost: all 29 came, in order, once." in written


def test_no_color_is_respected_on_a_terminal() -> None:
    code, written = on_a_terminal("demo", "--fast", environment={"NO_COLOR": "1"})
    assert code == 0
    assert not [colour for colour in range(30, 38) if f"[{colour}m" in written or f";{colour}m" in written]
    assert "✓ answered, whole" in written


async def test_an_answer_cannot_steer_the_terminal(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Answer(("Look: \x1b]0;owned\x07\x1b[2Jgone\u202e",)))
    configured("lead")
    code, written = await asyncio.to_thread(on_a_terminal, "ask", "Hello?", "-q")
    assert code == 0
    assert written == "Look: \ufffd]0;owned\ufffd\ufffd[2Jgone\r\n"


async def test_on_a_terminal_an_answer_that_begins_again_is_marked(
    standby_simulator: Simulator, configured: Configured
) -> None:
    standby_simulator.play("lead", Script(Answer("Once upon a time"), (Cut(At.delta(2)),)))
    standby_simulator.play("second", "Long ago")
    file = configured("lead", "second")
    file.write_text(file.read_text().replace("second]", "second], mid_stream: [restart]"))
    code, written = await asyncio.to_thread(on_a_terminal, "ask", "Hello?", "-q", environment={"NO_COLOR": "1"})
    assert code == 0
    assert written == "Once upon\r\n-- lead broke off; second begins again --\r\nLong ago\r\n"


async def test_in_a_pipe_an_answer_is_what_was_said(standby_simulator: Simulator, configured: Configured) -> None:
    standby_simulator.play("lead", Answer(("Look: \x1b[2Jgone\u202e",)))
    configured("lead")
    async with started("ask", "Hello?", "-q", env={**os.environ, "PYTHONIOENCODING": "utf-8"}) as process:
        assert await process.communicate() == ("Look: \x1b[2Jgone\u202e\n".encode(), b"")


def test_without_the_extra_one_line_says_what_to_install() -> None:
    for package in ("typer", "rich"):
        program = f"import sys; sys.modules[{package!r}] = None; from standby.cli import main; sys.exit(main([]))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == ("standby: the command line needs typer and rich: pip install 'standby[cli]'\n")


def test_help_and_version_load_no_engine() -> None:
    program = (
        "import sys; from standby.cli import main; code = main(['--version']);"
        " heavy = {'aiohttp', 'yaml', 'tenacity', 'structlog'} & set(sys.modules); sys.exit(code or bool(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
