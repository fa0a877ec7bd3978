"""A conversation: read questions, print answers, and name the target that speaks.

The event loop runs while an answer arrives, and stops while the user types. So Ctrl-C needs no handler: during an
answer it cancels the call, at the prompt it is a `KeyboardInterrupt`.

On a terminal the name of the target stands before each answer. In a pipe standard output holds the answers alone, and
everything else goes to standard error.
"""

import asyncio
import re
import secrets
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack

from rich.text import Text

from ..providers.chat import Message
from ..providers.errors import StandbyError
from ..providers.events import RefusalDelta, TextDelta
from ..router import HandedOver, HealthSnapshot, Report, Restarted, RoutedStream, Router, StreamInterrupted
from ..router.engine.options import CallOptions
from ..router.explain import Plan
from .chat_status import show_health, show_report
from .choice import Choice
from .exits import tell
from .explain import show_plan
from .lines import Lines
from .open_router import opened
from .render import console, safe, say
from .told import failed_lines
from .turn import Turn
from .waiting import Waiting
from .wrapping import Wrapping

_COMMAND = re.compile(r"/[a-z]+")


class Chatting:
    """One conversation.

    Args:
        choice: The targets to ask; None: the simulator.
    """

    def __init__(self, options: CallOptions, choice: Choice | None, lines: Lines) -> None:
        own: CallOptions = {**options, "sticky": secrets.token_hex(8)}
        self._options: CallOptions = own if choice is None else {**own, **choice.options}
        self._choice, self._lines = choice, lines
        self._labelled = sys.stdout.isatty()
        self._history: list[Message] = []
        self._report: Report | None = None
        self._speaker: str | None = None
        self._spoken: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        self._page = Wrapping()

    def go(self) -> None:
        """Talk until the input is over, or `/quit`.

        Raises:
            StandbyError: No target can be asked with these options at all.
            KeyboardInterrupt: Ctrl-C at the prompt; in a pipe, at any time.
        """
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            try:
                router = runner.run(opened(self._choice, stack))
                plan = runner.run(self._plan(router))
                if self._lines.at_terminal:
                    say(_introduction(plan), style="dim")
                self._talk(runner, router)
            finally:
                runner.run(stack.aclose())

    def _talk(self, runner: asyncio.Runner, router: Router) -> None:
        commands: dict[str, Callable[[], None]] = {
            "/health": lambda: show_health(console(), runner.run(_health(router))),
            "/help": lambda: console().print(_HELP),
            "/report": lambda: show_report(console(), self._report),
            "/targets": lambda: show_plan(console(), runner.run(self._plan(router)), self._shown),
        }
        for line in self._lines:
            said = line.strip()
            if said == "/quit":
                return
            if command := commands.get(said):
                command()
            elif _COMMAND.fullmatch(said):
                say(f"there is no {said}; there are {', '.join(sorted([*commands, '/quit']))}", style="yellow")
            elif said:
                self._ask(runner, router, said)

    @property
    def _shown(self) -> str:
        return "the built-in simulator" if self._choice is None else self._choice.shown

    async def _plan(self, router: Router) -> Plan:
        return router.explain(**self._options)

    # One question

    def _ask(self, runner: asyncio.Runner, router: Router, question: str) -> None:
        turn, stopped = Turn(question), False
        self._page = Wrapping()
        try:
            runner.run(self._answer(router, turn))
        except KeyboardInterrupt:
            stopped = True
            if not self._lines.at_terminal:
                raise
        except StandbyError as error:
            self._page.end_line()
            tell(error)
        finally:
            self._page.end_line()
        kept = turn.remembered()
        if stopped:
            say("stopped" if kept else "stopped; the question is forgotten", style="dim")
        self._history += kept
        if self._labelled:
            print()

    async def _answer(self, router: Router, turn: Turn) -> None:
        messages = [*self._history, turn.question]
        async with router.stream(messages, **self._options) as stream:
            self._report = stream.report
            speaks = False
            with Waiting(stream, console(stderr=True)) as waiting:
                async for event in stream:
                    match event:
                        case HandedOver() | Restarted() if speaks:
                            self._mark(event, stream)
                        case TextDelta() | RefusalDelta():
                            waiting.over()
                            if not speaks:
                                self._introduce(stream.report)
                                speaks = True
                            self._page.write(event.text)
                        case _:
                            pass
                    turn.hear(event)
            turn.end(await stream.answer())

    # The speaker: the target that answers

    def _introduce(self, report: Report) -> None:
        """Name the speaker if it is a new one, and say why it speaks."""
        speaker = report.target or ""
        if speaker != self._speaker:
            why = self._news(report, speaker)
            if why or self._speaker is not None or not self._labelled:
                again = " again" if speaker in self._spoken else " now" if self._spoken else ""
                say(safe("; ".join([f"{speaker} speaks{again}", *why])), style="dim")
        self._enter(speaker)

    def _news(self, report: Report, speaker: str) -> list[str]:
        """Say why the other targets do not speak; a target that cannot be asked at all is named only once."""
        lines = failed_lines(report, but=speaker)
        for skip in report.skipped:
            key = (skip.target, skip.reason)
            if skip.target != speaker and key not in self._told:
                lines.append(skip.line())
                if skip.until_s is None:
                    self._told.add(key)
        return lines

    def _enter(self, speaker: str) -> None:
        """Make this target the speaker from here on."""
        self._speaker = speaker
        self._spoken.add(speaker)
        if self._labelled:
            label = Text(f"{safe(speaker)}> ", style="bold green")
            console().print(label, end="", soft_wrap=True)
            self._page.column = label.cell_len

    def _mark(self, event: HandedOver | Restarted, stream: RoutedStream) -> None:
        """Mark the place where another target takes the answer over."""
        broke_off = f"{event.source} broke off ({event.why.value.replace('_', ' ')})"
        if isinstance(event, HandedOver):
            mark = f"-- {broke_off}; {event.target} goes on --"
        elif self._labelled:
            mark = f"-- {broke_off}; forget what it said: {event.target} begins again --"
        else:  # what a pipe has read cannot be taken back
            raise StreamInterrupted(event.why, stream.report, "")
        if self._labelled:
            self._page.end_line()
            if isinstance(event, Restarted):
                self._page = Wrapping()
        say(safe(mark), style="yellow")
        self._enter(event.target)


async def _health(router: Router) -> tuple[HealthSnapshot, ...]:
    return router.health()


def _introduction(plan: Plan) -> str:
    asked = ", ".join(target.target for target in plan.asked) or "no target: see /targets"
    return f"asking {asked}; /help lists the commands, Ctrl-D leaves"


_HELP = """\
/report   each attempt of the last question, and why other targets were not asked
/health   the health of each target
/targets  the targets of the next question, in order, with their time limits
/quit     leave, as Ctrl-D and Ctrl-C do
Ctrl-C during an answer stops that answer only. Everything else is a question."""
