"""docs/clients.md: each of its programs runs as it stands, and survives a target that dies in mid-sentence."""

import ast
import asyncio
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from standby.router.threads.home import home_of

from components import need
from standby.testing import Answer, At, Cut, Script, Simulator

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
FIRST, *PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
TEXT = "Once upon a time."
FILE = """\
targets:
  dies: {{provider: openai, model: m, key: k-1, base_url: "{dies}"}}
  lives: {{provider: openai, model: m, key: k-2, base_url: "{lives}"}}
routes:
  default: {{targets: [dies, lives]}}
"""


def compiled(program: str) -> CodeType:
    return compile(program, "docs/clients.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


async def perform(program: str, names: dict[str, Any]) -> None:
    """Run a program, which may await at its top."""
    running = eval(compiled(program), names)
    if inspect.isawaitable(running):
        await running


def test_the_page_has_programs() -> None:
    assert len(PROGRAMS) >= 6
    assert all("text = " in program for program in PROGRAMS)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
async def test_a_program_of_the_page_survives(
    number: int, standby_simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator, program = standby_simulator, PROGRAMS[number]
    for package in re.findall(r"^import (\w+)", program, re.MULTILINE):
        need(package)
    simulator.play("dies", Script(Answer(TEXT), (Cut(At.delta(2)),)), dialect="openai")
    simulator.play("lives", TEXT, dialect="openai")
    (tmp_path / "standby.yaml").write_text(
        FILE.format(dies=simulator.base_url("dies"), lives=simulator.base_url("lives"))
    )
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    await perform(FIRST, names)
    if "await" in program or "async with" in program:
        await perform(program, names)
    else:
        await asyncio.to_thread(exec, compiled(program), names)
    assert names["text"] == TEXT
    assert {exchange.request.provider for exchange in simulator.exchanges} == {"dies", "lives"}
    await asyncio.to_thread(home_of(names["router"]).close)
