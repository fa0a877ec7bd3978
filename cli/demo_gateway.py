"""The second show of `standby demo`: an OpenAI client asks the gateway, and the provider dies in mid-sentence.

The client knows nothing of standby. What it heard is checked against what the provider that died would have said, and
what came in its place.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from ..config import Config, Route, Serve
from ..gateway.process.listening import bind, listen
from ..gateway.record import AttemptLine, Record
from ..gateway.service import Service
from ..gateway.shells.aiohttp_server import HttpServer
from ..providers.events import TextDelta
from ..router import Router
from ..simulator.embedded import StagedTarget
from ..simulator.scenario.faults import At, Cut
from ..simulator.scenario.persona import talk
from ..simulator.scenario.reply import Answer
from ..simulator.scenario.request import Request
from ..simulator.scenario.script import Script
from ..simulator.server import Simulator
from .choice import simulated
from .demo_client import Heard, ask, client_name
from .demo_drawing import drawn
from .render import Cell, drawn_table, seconds, show_table

QUESTION = "Who is speaking?"
DIES_AFTER = 14
"""Words of the first provider; the sentence has more."""

COLUMNS = ("#", "target", "what happened", "took")
SERVE = Serve(listen="127.0.0.1:0", auth="none")


class GatewayShow:
    """The show: two simulated providers, the real gateway between them and a client, and the screen.

    Args:
        word_delay_s: The pace at which providers speak.
    """

    def __init__(self, word_delay_s: float) -> None:
        self._word_delay_s = word_delay_s
        self._said: list[str] = []
        self._pieces: list[str] = []
        self._heard: Heard | None = None
        self._records: list[Record] = []

    async def play(self, out: Console, *, live: bool, quiet: bool) -> None:
        """Ask, and show what the client hears."""
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(self._gateway())
            if not quiet:
                out.print(Text.assemble(("\nstandby serve", "bold magenta"), f"  {client_name()} asks {url}/v1\n"))
            async with drawn(out, self._screen) if live else nullcontext():
                self._heard = await ask(url, QUESTION, lambda text: self._hear(text, aloud=not live and not quiet))
        if quiet:
            return
        rows = [self._row(number, attempt) for number, attempt in enumerate(self._attempts, 1)]
        if live:
            out.print(drawn_table(COLUMNS, rows, right=("took",)))
        else:
            out.print("\n")
            show_table(out, COLUMNS, rows)
        out.print(self._verdict())

    @property
    def proven(self) -> bool:
        """Did the first provider die in mid-sentence, and did the client hear one whole answer of it?"""
        heard, attempts = self._heard, self._attempts
        if heard is None or heard.error is not None or len(attempts) != 2:
            return False
        died, went_on = attempts
        rescued = died.outcome == "failed" and died.first_s is not None and went_on.outcome == "finished"
        return rescued and self.text == "".join(self._said) and len(heard.ids) == 1 and heard.finishes == ["stop"]

    @property
    def text(self) -> str:
        """What the client heard."""
        return "".join(self._pieces)

    def to_dict(self) -> dict[str, object]:
        """The show as data."""
        return {
            "client": client_name(),
            "text": self.text,
            "survived": self.proven,
            "attempts": [
                {"target": each.target, "outcome": each.outcome, "kind": each.kind} for each in self._attempts
            ],
        }

    @property
    def _attempts(self) -> tuple[AttemptLine, ...]:
        return self._records[0].attempts if self._records else ()

    def _hear(self, text: str, *, aloud: bool) -> None:
        self._pieces.append(text)
        if aloud:
            sys.stdout.write(text)
            sys.stdout.flush()

    @asynccontextmanager
    async def _gateway(self) -> AsyncGenerator[str]:
        """The gateway on a port of this machine, over two providers; its URL."""

        def lead(request: Request) -> Script:
            whole = talk(request, delta_delay_s=self._word_delay_s)
            assert isinstance(whole.reply, Answer)
            self._said = [event.text for event in whole.reply.deltas() if isinstance(event, TextDelta)]
            return Script(whole.reply, (Cut(At.delta(DIES_AFTER)),), delta_delay_s=self._word_delay_s)

        def standby(request: Request) -> Script:
            return talk(request, delta_delay_s=self._word_delay_s)

        async with AsyncExitStack() as stack:
            simulator = await stack.enter_async_context(Simulator({"lead": lead, "standby": standby}))
            staged = [StagedTarget(name, "openai", simulator.base_url(name)) for name in ("lead", "standby")]
            targets = {each.name: simulated(each) for each in staged}
            config = Config(targets=targets, routes={"default": Route(tuple(targets))}, serve=SERVE)
            router = await stack.enter_async_context(Router(config))
            server = HttpServer(Service(router, observers=[self._records.append]).handle, SERVE.clients)
            listening = await listen(server.protocol, bind(SERVE.address), handshake_s=SERVE.clients.head_s)
            try:
                yield listening.url
            finally:
                listening.close()
                server.abort()
                await server.emptied()

    # What is shown

    def _screen(self) -> Group:
        words = Text(self.text or " ")
        if self._heard is None and self._pieces:
            words.append("▌", style="green blink")
        style = "green" if self._pieces else "dim"
        return Group(Panel(words, title=f"“{QUESTION}”", title_align="left", border_style=style))

    def _row(self, number: int, attempt: AttemptLine) -> list[Cell]:
        took_s = None if attempt.ended_s is None else attempt.ended_s - attempt.began_s
        return [str(number), Text(attempt.target, style="bold"), _outcome(attempt), seconds(took_s)]

    def _verdict(self) -> Text:
        if not self.proven:
            return Text("This should not have happened: the client's answer is not whole.", style="red")
        words = len(self.text.split())
        return (
            Text("✓ ", style="green")
            .append("A provider died in mid-sentence, and its client heard one answer: ", style="bold")
            .append(f"all {words} words, in order, once.", style="bold")
            .append("\n  One id, one finish_reason, no error. Next: ")
            .append("standby serve", style="cyan")
        )


def _outcome(attempt: AttemptLine) -> Text:
    if attempt.outcome == "finished":
        return Text("✓ went on where it stopped, unseen", style="green")
    if attempt.first_s is not None:
        return Text("✗ died in mid-sentence", style="red")
    return Text(f"✗ {(attempt.kind or attempt.outcome).replace('_', ' ')}", style="red")
