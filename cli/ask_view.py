"""Print one answer, as it comes or whole as JSON, and name the target that gave it.

Standard output gets the answer alone, standard error everything else.
"""

import sys
from contextlib import AsyncExitStack

import msgspec

from ..providers.chat import Message
from ..providers.events import RefusalDelta, TextDelta
from ..router import Answer, RoutedStream, StreamInterrupted
from ..router.engine.options import CallOptions
from ..router.result.events import Restarted
from ..router.result.report import Report
from .choice import Choice
from .open_router import opened
from .render import console, safe, show_json
from .told import failed_lines
from .waiting import Waiting
from .wrapping import Wrapping


class Asking:
    """One question on its way.

    Args:
        choice: The targets to ask; None: the simulator.
    """

    def __init__(
        self, question: str | list[Message], options: CallOptions, choice: Choice | None, *, quiet: bool
    ) -> None:
        self._question, self._choice, self._quiet = question, choice, quiet
        self._options: CallOptions = options if choice is None else {**options, **choice.options}

    async def streamed(self) -> None:
        """Print the answer as it comes."""
        async with AsyncExitStack() as stack:
            router = await opened(self._choice, stack)
            stream = await stack.enter_async_context(router.stream(self._question, **self._options))
            await self._print(stream)
            if not self._quiet:
                _tell_who(stream.report)

    async def listed(self) -> None:
        """Print each event as it comes, a JSON object on a line of its own, and at last the report."""
        async with AsyncExitStack() as stack:
            router = await opened(self._choice, stack)
            stream = await stack.enter_async_context(router.stream(self._question, **self._options))
            async for event in stream:
                _write_line(msgspec.to_builtins(event))
            _write_line({"type": "report", **stream.report.to_dict()})

    async def whole(self) -> None:
        """Print the whole answer and its report as JSON."""
        async with AsyncExitStack() as stack:
            router = await opened(self._choice, stack)
            show_json(_as_dict(await router.complete(self._question, **self._options)))

    async def _print(self, stream: RoutedStream) -> None:
        waiting = Waiting(stream, console(stderr=True), quiet=self._quiet)
        page = Wrapping()
        try:
            with waiting:
                async for event in stream:
                    if isinstance(event, Restarted):
                        page.end_line()
                        page = _begun_again(event, stream)
                    if isinstance(event, TextDelta | RefusalDelta):
                        waiting.over()
                        page.write(event.text)
        finally:
            page.end_line()


def _begun_again(event: Restarted, stream: RoutedStream) -> Wrapping:
    """Say on a terminal that the printed text is void; end the call in a pipe, which cannot take text back."""
    if not sys.stdout.isatty():
        raise StreamInterrupted(event.why, stream.report, "")
    console(stderr=True).print(safe(f"-- {event.source} broke off; {event.target} begins again --"), style="yellow")
    return Wrapping()


def _tell_who(report: Report) -> None:
    """Print one line on the target that answered; before it, the failed attempts and the skipped targets."""
    err = console(stderr=True)
    failed = failed_lines(report)
    switched = [
        f"{each.source} broke off after {each.at_chars} characters; {each.target} went on ({each.policy})"
        for each in report.switches
    ]
    for line in (*failed, *(skip.line() for skip in report.skipped), *switched):
        err.print(f"  {line}", style="dim")
    facts = [f"answered by {report.target}" + ("" if _says_model(report) else f" ({report.model})")]
    if report.first_delta_s is not None and report.ended_s is not None:
        facts.append(f"first word after {report.first_delta_s:.2f} s, whole after {report.ended_s:.2f} s")
    if report.usage is not None:
        facts.append(f"{report.usage.input_tokens} tokens read, {report.usage.output_tokens} written")
    if report.cost is not None:
        facts.append(f"{report.cost:.2g} USD{' at most' if report.estimated else ''}")
    err.print(safe("; ".join(facts)), style="dim")


def _write_line(thing: dict[str, object]) -> None:
    sys.stdout.write(msgspec.json.encode(thing).decode() + "\n")
    sys.stdout.flush()


def _says_model(report: Report) -> bool:
    return not report.model or report.model in (report.target or "")


def _as_dict(answer: Answer) -> dict[str, object]:
    return {
        "text": answer.text,
        "reasoning": answer.reasoning,
        "refusal": answer.refusal,
        "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls],
        "finish_reason": answer.finish_reason,
        "target": answer.target,
        "model": answer.model,
        "usage": answer.usage,
        "report": answer.report.to_dict(),
    }
