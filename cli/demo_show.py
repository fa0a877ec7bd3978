"""The show of `standby demo`: three simulated providers, the real router, and the screen; then that of the gateway.

The final claim is checked against what the simulator sent.
"""

import asyncio
import sys
from contextlib import AsyncExitStack, nullcontext

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from ..config import Config, Retry, Route
from ..providers.errors import ErrorKind
from ..providers.events import TextDelta
from ..router import RoutedStream, Router
from ..router.result.report import AttemptReport, Report
from ..simulator.embedded import Stage, embedded
from ..simulator.scenario.faults import At, ErrorEvent
from ..simulator.scenario.persona import talk
from ..simulator.scenario.reply import Answer, Failure
from ..simulator.scenario.request import Request
from ..simulator.scenario.script import Scenario, Script
from .choice import simulated
from .demo_drawing import drawn
from .demo_gateway import GatewayShow
from .render import Cell, bar, console, drawn_table, seconds, show_json, show_table

QUESTION = "Who is speaking?"
RETRY = Retry(attempts=2, backoff_s=0.4)
LEAD_DELAY_S = 0.5
WORD_DELAY_S = 0.06
COLUMNS = ("#", "target", "why", "what happened", "when", "took")
_BAR_WIDTH = 22
_NEEDS_WIDTH = {"when": 78, "why": 66}
"""Minimum width of the terminal, in characters, for a column to be shown."""


class Show:
    """The demo: the simulator sends, the router relays, and both are compared and shown."""

    def __init__(self, *, fast: bool) -> None:
        self._lead_delay_s = 0.0 if fast else LEAD_DELAY_S
        self._word_delay_s = 0.0 if fast else WORD_DELAY_S
        self._retry = Retry(attempts=2, backoff_s=0.001) if fast else RETRY
        self._gateway = GatewayShow(self._word_delay_s)
        self._told: list[str] = []
        self._heard: list[str] = []
        self._report: Report | None = None
        self._began_s = 0.0

    async def play(self, *, as_json: bool) -> None:
        """Ask the stage's three targets, and show what happens."""
        async with AsyncExitStack() as stack:
            stage = await stack.enter_async_context(embedded(lead=self._lead(), standby=self._standby))
            router = await stack.enter_async_context(Router(self._config(stage)))
            out = console()
            live = out.is_terminal and not out.is_dumb_terminal and not as_json
            if not as_json:
                out.print(Text.assemble(("standby demo", "bold magenta"), _INTRODUCTION))
            self._began_s = asyncio.get_running_loop().time()
            stream = await stack.enter_async_context(router.stream(QUESTION))
            self._report = report = stream.report
            async with drawn(out, self._screen) if live else nullcontext():
                await self._listen(stream, aloud=not live and not as_json)
        if not as_json:
            if not live:
                out.print("\n")
                show_table(out, COLUMNS, [self._row(n, each) for n, each in enumerate(report.attempts, 1)])
            out.print(self._verdict())
        await self._gateway.play(out, live=live, quiet=as_json)
        if as_json:
            told = {"text": self._text, "failed_over": self._is_whole, "report": report.to_dict()}
            show_json(told | {"gateway": self._gateway.to_dict()})

    async def _listen(self, stream: RoutedStream, *, aloud: bool) -> None:
        async for event in stream:
            if isinstance(event, TextDelta):
                self._heard.append(event.text)
                if aloud:
                    sys.stdout.write(event.text)
                    sys.stdout.flush()

    @property
    def proven(self) -> bool:
        """Did both shows go as they should?"""
        return self._is_whole and self._gateway.proven

    @property
    def _is_whole(self) -> bool:
        """Did two targets fail, and did the answer of the third come whole and once?"""
        report = self._report
        if report is None or report.outcome != "finished" or report.target != "standby":
            return False
        failed = {attempt.target for attempt in report.attempts if attempt.outcome == "failed"}
        return failed == {"lead", "second"} and self._text == "".join(self._told)

    @property
    def _text(self) -> str:
        return "".join(self._heard)

    # What the simulator plays

    def _lead(self) -> Scenario:
        """An overloaded provider: it fails once with a 503, once with an error inside a stream that began well."""
        overloaded, wait_s = Failure(ErrorKind.OVERLOADED), self._lead_delay_s
        broken = (ErrorEvent(At.delta(0), overloaded),)
        return Scenario(
            (
                Script(overloaded, head_delay_s=wait_s),
                Script(Answer("Never heard."), broken, head_delay_s=wait_s),
            )
        )

    def _standby(self, request: Request) -> Script:
        script = talk(request, delta_delay_s=self._word_delay_s)
        assert isinstance(script.reply, Answer)
        self._told = [event.text for event in script.reply.deltas() if isinstance(event, TextDelta)]
        return script

    def _config(self, stage: Stage) -> Config:
        targets = {staged.name: simulated(staged) for staged in stage.targets}
        return Config(targets=targets, routes={"default": Route(tuple(targets))}, retry=self._retry)

    # What is shown

    def _screen(self) -> Group:
        report = self._report
        assert report is not None
        rows = [self._row(number, attempt, drawn=True) for number, attempt in enumerate(report.attempts, 1)]
        shown = [index for index, name in enumerate(COLUMNS) if console().width >= _NEEDS_WIDTH.get(name, 0)]
        table = drawn_table(
            [COLUMNS[index] for index in shown], [[row[index] for index in shown] for row in rows], right=("took",)
        )
        words = Text(self._text or " ")
        if report.outcome == "running" and self._heard:
            words.append("▌", style="green blink")
        heard = Panel(words, title=f"“{QUESTION}”", title_align="left", border_style="green" if self._heard else "dim")
        return Group(table, heard)

    def _row(self, number: int, attempt: AttemptReport, *, drawn: bool = False) -> list[Cell]:
        ended_s = self._now_s() if attempt.ended_s is None else attempt.ended_s
        return [
            str(number),
            _padded(Text(attempt.target, style="bold"), 10 if drawn else 0),
            _padded(Text(attempt.why), 8 if drawn else 0),
            _padded(_outcome(attempt), 26 if drawn else 0),
            self._when(attempt) if drawn else seconds(attempt.began_s),
            seconds(ended_s - attempt.began_s),
        ]

    def _when(self, attempt: AttemptReport) -> Text:
        """The attempt on the time line of the call."""
        whole_s = self._now_s()
        styles = {"failed": "red", "finished": "green"}
        running = "green" if attempt.first_delta_s is not None else "yellow"
        ended_s = whole_s if attempt.ended_s is None else attempt.ended_s
        width = _BAR_WIDTH if console().width >= 90 else _BAR_WIDTH // 2
        return bar(attempt.began_s, ended_s, whole_s, width, style=styles.get(attempt.outcome, running))

    def _now_s(self) -> float:
        assert self._report is not None
        if self._report.ended_s is not None:
            return self._report.ended_s
        return asyncio.get_running_loop().time() - self._began_s

    def _verdict(self) -> Text:
        report = self._report
        assert report is not None
        if not self._is_whole:
            return Text("This should not have happened: the standby's answer is not whole.", style="red")
        words, after_s = len(self._told), report.first_delta_s or 0.0
        return (
            Text("✓ ", style="green")
            .append(
                f"Two providers failed, and no word was lost: all {words} came, in order, once.",
                style="bold",
            )
            .append(f"\n  The first came after {after_s:.2f} s, from the third. ")
            .append("Next: ")
            .append("standby ask “…”", style="cyan")
        )


_INTRODUCTION = "  three simulated providers on this machine; no key, no network\n"


def _padded(text: Text, width: int) -> Text:
    """Pad to a minimum width, so that the columns stand still while rows come."""
    text.pad_right(max(0, width - text.cell_len))
    return text


def _outcome(attempt: AttemptReport) -> Text:
    match attempt.outcome:
        case "finished":
            return Text("✓ answered, whole", style="green")
        case "running" if attempt.first_delta_s is not None:
            return Text("♪ speaking", style="green")
        case "running":
            return Text("… asked, no word yet", style="yellow")
        case _:
            kind = attempt.kind.value.replace("_", " ") if attempt.kind else attempt.outcome
            told = "refused the connection" if attempt.kind is ErrorKind.CONNECT else kind
            how = f", HTTP {attempt.status}" if attempt.status not in (None, 200) else ""
            how = ", in its stream" if attempt.headers_s is not None and not how else how
            return Text(f"✗ {told}{how}", style="red")
