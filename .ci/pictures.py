"""Draw what a terminal shows of the commands: `make pictures`. Only the providers are staged: they are simulated.

Each command runs on a terminal of its own, 100 columns wide; what stands on its screen at the end becomes an SVG.
"""

import asyncio
import fcntl
import io
import os
import pty
import re
import shutil
import struct
import sys
import tempfile
import termios
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import MONOKAI
from rich.text import Text
from standby.providers.errors import ErrorKind

from standby.testing import Answer, At, Cut, Failure, Script, Simulator

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
COLUMNS, ROWS = 100, 80
ENDED_WITHIN_S = 60.0
DEMAND = "availability>=99.9%"

TOLD = (
    "The sky is blue because air scatters short waves of light more than long ones, and blue ones are short. In the "
    "evening the way of the light through the air is longer, and what is left of it is red."
)
CONFIG = """\
targets:
  openai: {{provider: openai, model: gpt-5-mini, base_url: "{openai}", key: none}}
  anthropic: {{provider: anthropic, model: claude-haiku-4-5, base_url: "{anthropic}", key: none}}
  local: {{provider: openai, model: qwen3, base_url: "{local}", key: none}}
routes:
  default: {{targets: [openai, anthropic, local]}}
retry: {{backoff_s: 0.2}}
"""


class Picture(NamedTuple):
    """A command, and what is typed.

    Attributes:
        arguments: What stands behind `standby`.
        typed: Lines, each as soon as the screen ends with the text before it.
    """

    name: str
    arguments: Sequence[str]
    typed: Sequence[tuple[str, str]] = ()


ALL = (
    Picture("demo", ("demo",)),
    Picture("ask", ("ask", "Why is the sky blue?")),
    Picture("chat", ("chat",), (("you> ", "Why is the sky blue?\n"), ("you> ", "/health\n"), ("you> ", "/quit\n"))),
    Picture(
        "drill",
        (
            "drill",
            "--fail",
            "openai@20s..80s",
            "--rate-limit",
            "anthropic@40s..60s",
            "--for",
            "2m",
            "--require",
            DEMAND,
        ),
    ),
    Picture("explain", ("explain",)),
)


async def main() -> None:
    """Draw those that are named, or all."""
    PICTURES.mkdir(exist_ok=True)
    for picture in [each for each in ALL if each.name in sys.argv[1:]] or ALL:
        screen = await _played(picture)
        line = "$ standby " + " ".join(
            f"'{each}'" if " " in each or ">" in each else each for each in picture.arguments
        )
        file = PICTURES / f"{picture.name}.svg"
        file.write_text(_drawn(screen, line), encoding="utf-8")
        print(file.relative_to(PICTURES.parent.parent))


async def _played(picture: Picture) -> pyte.Screen:
    """The screen on which the command has ended."""
    async with Simulator() as simulator:
        simulator.play("openai", Failure(ErrorKind.OVERLOADED))
        simulator.play("anthropic", Script(Answer(TOLD), (Cut(At.delta(20)),), delta_delay_s=0.01), dialect="anthropic")
        simulator.play("local", Script(Answer(TOLD), delta_delay_s=0.01))
        with tempfile.TemporaryDirectory() as folder:
            _configure(Path(folder), {name: simulator.base_url(name) for name in ("openai", "anthropic", "local")})
            async with asyncio.timeout(ENDED_WITHIN_S):
                return await _shown(picture, folder)


def _configure(folder: Path, urls: dict[str, str]) -> None:
    (folder / "standby.yaml").write_text(CONFIG.format(**urls), encoding="utf-8")


async def _shown(picture: Picture, folder: str) -> pyte.Screen:
    loop = asyncio.get_running_loop()
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    came = asyncio.Event()

    def read() -> None:
        try:
            stream.feed(os.read(ours, 65536))
        except OSError:  # the other end is closed: so a terminal says it
            loop.remove_reader(ours)
        came.set()

    command = shutil.which("standby", path=str(Path(sys.executable).parent))
    assert command is not None
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "HOME": folder, "LANG": "C.UTF-8"}
    process = await asyncio.create_subprocess_exec(
        command, *picture.arguments, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    loop.add_reader(ours, read)
    for before, line in picture.typed:
        while not _last_line(screen).endswith(before.rstrip()):
            came.clear()
            await came.wait()
        os.write(ours, line.encode())
        await asyncio.sleep(0.3)  # until it is echoed
    await process.wait()
    await asyncio.sleep(0.1)
    loop.remove_reader(ours)
    os.close(ours)
    return screen


def _last_line(screen: pyte.Screen) -> str:
    return next((line.rstrip() for line in reversed(screen.display) if line.strip()), "")


def _drawn(screen: pyte.Screen, line: str) -> str:
    """An SVG of what stands on a screen, below the line that was typed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(line, Style(bold=True)))
    used = max((number for number, line in enumerate(screen.display) if line.strip()), default=0)
    for number in range(used + 1):
        text = Text()
        row = (screen.buffer[number][column] for column in range(COLUMNS))
        for (color, bold, italic), chars in groupby(row, lambda char: (char.fg, char.bold, char.italics)):
            text.append("".join(char.data for char in chars), Style(color=_color(color), bold=bold, italic=italic))
        console.print(text, no_wrap=True, overflow="ignore", crop=False)
    return console.export_svg(title="standby", theme=MONOKAI, code_format=_FORMAT, unique_id="standby")


def _color(name: str) -> str | None:
    if name == "default":
        return None
    return f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else _NAMES.get(name, name)


_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace("Fira Code, ", "")
"""Without fonts that a viewer would have to fetch."""

_NAMES = {"brown": "yellow", "brightblack": "bright_black", "brightred": "bright_red", "brightgreen": "bright_green"}
"""pyte's names of colours that rich calls otherwise."""

if __name__ == "__main__":
    asyncio.run(main())
