"""The public failoverbench by way of the gateway: the official SDKs ask, as a stream and whole, in each protocol.

`python tests/support/gatebench.py` plays all of it in the timings of the full profile, two minutes of real time, and
writes the table of docs/scorecard.md.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))  # run by itself, it finds what pytest would

from benchsockets import PROMPT, Bench
from benchstage import BROKEN_OFF, FALLBACKS, FORMS, OTHERS, PAGE
from failoverbench import OTHER_WORDS, SCENARIOS, WORDS, Run, Scenario
from gateway_sockets import OPEN, gateway
from sdk_clients import SDKS, anthropic, openai
from standby.testing import Simulator

BEGIN, END = "<!-- failoverbench through the gateway -->\n", "\n<!-- end -->"
AT_ONCE = 16
"""Cases side by side: more of them would measure how they wait for each other."""
PATIENCE_S = 250.0


class Case(NamedTuple):
    """One scenario, as one client asks for it.

    Attributes:
        sdk: The client, see `SDKS`.
        form: `stream`, or `complete`: a whole answer.
        kind: Of the fallback, see `benchstage.OTHERS`.
        other: The fallback says other words.
    """

    scenario: Scenario
    sdk: str
    form: str
    kind: str = "accepts"
    other: bool = False

    @property
    def expected(self) -> str:
        """The verdict, which is that of the library."""
        key, broken_off = self.scenario.key, self.scenario.key in BROKEN_OFF
        if not (self.other and broken_off and self.form == "stream") or self.kind in ("accepts", "obliges"):
            return "pass"
        return "fail" if (key, self.kind) == ("S14", "refuses") else "safe"

    def __str__(self) -> str:
        return f"{self.scenario.key}-{self.sdk}-{self.form}-{self.kind}-{'other' if self.other else 'same'}"


def cases() -> list[Case]:
    """All that is played: the kinds of fallback where the kind matters, in the middle of an answer."""
    found: list[Case] = []
    for scenario in SCENARIOS:
        broken_off = scenario.key in BROKEN_OFF
        for sdk in SDKS:
            for form in FORMS:
                found += [Case(scenario, sdk, form, kind) for kind in (FALLBACKS if broken_off else ["accepts"])]
                found += [Case(scenario, sdk, form, kind, True) for kind in (OTHERS if broken_off else ["accepts"])]
    return found


async def played(case: Case, faster: float | None = None) -> Run:
    """Play a case."""
    ask = _ASKS[case.sdk]
    async with Simulator() as simulator:
        bench = Bench(case.scenario, simulator, case.kind, OTHER_WORDS if case.other else WORDS, faster)
        async with gateway(bench.config(OPEN)) as url, SDKS[case.sdk].client(url, timeout=PATIENCE_S) as client:

            async def once(run: Run, target: str | None) -> None:
                ends = 0
                try:
                    ends = await ask(client, run, target or "bench", case.form == "stream")
                except (openai.APIError, anthropic.APIError) as error:
                    run.error = type(error).__name__
                assert ends == (run.error is None), f"{case}: {ends} ends, and the error {run.error}"

            return await bench.play(once)


async def _chat(client: Any, run: Run, model: str, stream: bool) -> int:
    """Ask; how often the answer says that it is over."""
    ask: Any = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
    if not stream:
        answer = await client.chat.completions.create(**ask)
        run.text, run.model, run.usage = answer.choices[0].message.content, answer.model, answer.usage is not None
        return int(answer.choices[0].finish_reason == "stop")
    ends, ids = 0, set()
    async for chunk in await client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}):
        run.model, run.usage = chunk.model, run.usage or chunk.usage is not None
        ids.add(chunk.id)
        for choice in chunk.choices:
            run.text += choice.delta.content or ""
            ends += choice.finish_reason is not None
    assert len(ids) == 1
    return ends


async def _responses(client: Any, run: Run, model: str, stream: bool) -> int:
    ask: Any = {"model": model, "input": PROMPT, "store": False}
    if not stream:
        answer = await client.responses.create(**ask)
        run.text, run.model, run.usage = answer.output_text, answer.model, answer.usage is not None
        return int(answer.status == "completed")
    ends = 0
    async for event in await client.responses.create(**ask, stream=True):
        if event.type == "response.output_text.delta":
            run.text += event.delta
        elif event.type == "response.completed":
            run.model, run.usage = event.response.model, event.response.usage is not None
            assert event.response.output_text == run.text
            ends += 1
    return ends


async def _messages(client: Any, run: Run, model: str, stream: bool) -> int:
    ask: Any = {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": PROMPT}]}
    if not stream:
        answer = await client.messages.create(**ask)
        run.text, run.model, run.usage = answer.content[0].text, answer.model, answer.usage.output_tokens > 0
        return int(answer.stop_reason == "end_turn")
    ends = 0
    async for event in await client.messages.create(**ask, stream=True):
        if event.type == "message_start":
            run.model = event.message.model
        elif event.type == "content_block_delta":
            run.text += event.delta.text
        elif event.type == "message_delta":
            run.usage = event.usage.output_tokens > 0
        ends += event.type == "message_stop"
    return ends


_ASKS: dict[str, Callable[[Any, Run, str, bool], Awaitable[int]]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
}


# The page

COLUMNS = [(sdk, form) for sdk in SDKS for form in FORMS]
NAMES = {"chat": "OpenAI, chat", "responses": "OpenAI, Responses", "messages": "Anthropic, Messages"}
SHOWN = {"stream": "streamed", "complete": "whole"}


async def measured() -> dict[Case, tuple[str, float]]:
    """The verdict of every case, and how long its call took, in the timings of the full profile."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> tuple[str, float]:
        async with gate:
            run = await played(case, faster=1)
        return case.scenario.verdict(run), run.whole_s

    every = sorted(cases(), key=lambda case: case.scenario.key != "S15")  # which takes longest
    return dict(zip(every, await asyncio.gather(*map(one, every)), strict=True))


def table(found: dict[Case, tuple[str, float]]) -> str:
    """A row for each scenario and each kind of words: the verdicts, and the longest time."""
    heads = [f"{NAMES[sdk]}, {SHOWN[form]}" for sdk, form in COLUMNS]
    rows = [f"| # | The fallback | {' | '.join(heads)} | Over within |", "|---|---|" + "---|" * (len(heads) + 1)]
    for scenario in SCENARIOS:
        for words, is_of_row in _rows(scenario):
            mine = {case: told for case, told in found.items() if case.scenario is scenario and is_of_row(case)}
            cells = [_verdicts(mine, sdk, form) for sdk, form in COLUMNS]
            longest_s = max(whole_s for _, whole_s in mine.values())
            rows.append(f"| {scenario.key} | {words} | {' | '.join(cells)} | {longest_s:.1f} s |")
    return "\n".join(rows)


def _rows(scenario: Scenario) -> list[tuple[str, Callable[[Case], bool]]]:
    """What is told of the fallback in each row of a scenario, and which cases are in it."""
    if scenario.key not in BROKEN_OFF:
        return [("says the same words, or others", lambda case: True)]
    of_kinds = [
        (f"says other words; {what}", partial(lambda case, kind: case.other and case.kind == kind, kind=kind))
        for kind, what in OTHERS.items()
    ]
    return [("says the same words", lambda case: not case.other), *of_kinds]


def _verdicts(found: dict[Case, tuple[str, float]], sdk: str, form: str) -> str:
    mine = [verdict for case, (verdict, _) in found.items() if (case.sdk, case.form) == (sdk, form)]
    return " or ".join(dict.fromkeys(mine))


def with_table(page: str, drawn: str) -> str:
    """The page with its table written anew."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin
    assert end
    return before + begin + drawn + end + after


def shown(page: str) -> str:
    """The table as the page has it."""
    return page.partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    drawn = table(asyncio.run(measured()))
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), drawn), "utf-8")
