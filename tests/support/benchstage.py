"""The public failoverbench on the stage of virtual time: what its providers do, and one run of each scenario.

`python tests/support/benchstage.py` plays all of it and writes the table of docs/scorecard.md.
"""

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run by itself, it finds what pytest would

from standby.config.route import CONTINUE

from failoverbench import (
    ANSWER,
    CALLS,
    CUT_AFTER,
    EVERY_S,
    FALLBACK,
    HINT_S,
    MALFORMED_AT,
    OTHER_WORDS,
    OUTAGE_S,
    PRIMARY,
    SCENARIOS,
    SLOW_S,
    STALL_AFTER,
    WORD_S,
    WORDS,
    Run,
    Scenario,
)
from stage import DONE, SILENT, Play, Stage, now_s, perform, refuses, status
from standby import CallFailed, Config, ErrorKind, Report, Route, Router, Target

PAGE = Path(__file__).parents[2] / "docs" / "scorecard.md"
FORMS = ("stream", "complete")
FALLBACKS = ("accepts", "rejects", "refuses")
"""Goes on from a prefill; is known to take none; is thought to take one, and refuses it."""
OTHERS = {
    "accepts": "goes on from a prefill",
    "obliges": "takes none; asked to go on, says the last words again first",
    "rejects": "takes none; says its own answer, whatever it is asked",
    "refuses": "refuses a prefill unexpectedly, and says its own answer then",
}
"""The same of fallbacks that say other words."""
BROKEN_OFF = ("S08", "S09", "S10", "S14")
"""The faults in the middle of an answer."""
OVER_WITHIN_S = (1, 3, 15, 100)
"""Coarse, because jitter is drawn anew."""
PROMPT = "Explain in exactly sixty words what a standby is for."
MALFORMED = b'data: {"choices":[{"delta":{"content":" half\n\n'


def sent(model: str, **choice: Any) -> bytes:
    """One event of an answer."""
    return b"data: " + json.dumps({"id": "c", "model": model, "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"


def words(model: str, said: tuple[str, ...] = WORDS, first_s: float = WORD_S) -> list[tuple[float, bytes]]:
    """The words of an answer, as they come."""
    spoken = [(WORD_S if place else first_s, sent(model, delta={"content": word})) for place, word in enumerate(said)]
    return [(0.0, sent(model, delta={"role": "assistant", "content": ""})), *spoken]


def whole(model: str, said: tuple[str, ...] = WORDS, first_s: float = WORD_S, done: bytes = DONE) -> Play:
    """A whole answer with its token counts."""
    usage = {"id": "c", "model": model, "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": len(said)}}
    end = [sent(model, delta={}, finish_reason="stop"), b"data: " + json.dumps(usage).encode() + b"\n\n", done]
    return Play([*words(model, said, first_s), *((0.0, data) for data in end if data)])


def refusal(code: int, native: str | None = None, message: str = "No.", **headers: str) -> Play:
    return status(code, json.dumps({"error": {"message": message, "type": "x", "code": native}}), **headers)


def cut(after: int, then: str) -> Play:
    return Play(words(PRIMARY)[: after + 1], then=then)


def malformed() -> Play:
    play = whole(PRIMARY)
    return Play([*play.body[:MALFORMED_AT], (WORD_S, MALFORMED), *play.body[MALFORMED_AT + 1 :]])


WELL = whole(PRIMARY)
OVERLOADED = refusal(503, "overloaded")

PRIMARIES: dict[str, Any] = {
    "S01": [refusal(429, "rate_limit_exceeded", retry_after=f"{HINT_S:g}"), WELL],
    "S02": refusal(429, "rate_limit_exceeded"),
    "S03": [refusal(500), WELL],
    "S04": OVERLOADED,
    "S05": [refuses(ErrorKind.DISCONNECTED), WELL],
    "S06": SILENT,
    "S07": whole(PRIMARY, first_s=SLOW_S),
    "S08": cut(CUT_AFTER, "cut"),
    "S09": cut(STALL_AFTER, "stall"),
    "S10": malformed(),
    "S11": whole(PRIMARY, done=b""),
    "S12": refusal(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens."),
    "S13": refusal(400, "content_policy_violation"),
    "S14": cut(CUT_AFTER, "cut"),
    "S15": lambda at_s: OVERLOADED if at_s < OUTAGE_S else WELL,
    "S16": OVERLOADED,
}


class Wings:
    """Where the fallback stands: it looks at each request, as the benchmark's does.

    Attributes:
        prefills_refused: How often it has refused a prefill.
        answers: What is a whole answer, when it says these words.
    """

    def __init__(self, stage: Stage, kind: str, said: tuple[str, ...] = WORDS) -> None:
        self._stage, self._kind, self._said = stage, kind, said
        self.prefills_refused = 0
        self.answers = [ANSWER, "".join(said)]

    def play(self, _: float) -> Play:
        *_, before, last = [{"content": ""}, *json.loads(self._stage.bodies[-1])["messages"]]
        if last["role"] == "assistant":
            return self._go_on(last["content"])
        if last["content"] == CONTINUE and self._kind == "obliges":
            return self._go_on(before["content"], again=12)
        return whole(FALLBACK, self._said)

    def _go_on(self, begun: str, again: int = 0) -> Play:
        """Its own words from there on, behind the last ones of what was said."""
        if self._kind not in ("accepts", "obliges"):
            self.prefills_refused += 1
            return refusal(400, message="This model does not support assistant message prefill.")
        spoken = begun.split()
        rest = self._said[len(spoken) :]
        self.answers.append(begun + "".join(rest))
        return whole(FALLBACK, (*([" ".join(spoken[-again:])] if again else []), *rest))


def played(scenario: Scenario, form: str, kind: str, calls: int = CALLS, said: tuple[str, ...] = WORDS) -> Run:
    """One scenario in one form with one kind of fallback.

    Args:
        calls: So many of them, in S15.
        said: The words of the fallback.
    """
    one = Stage(primary=PRIMARIES[scenario.key])
    one.scripts["fallback"] = (wings := Wings(one, kind, said)).play
    run = perform(_play(one, scenario, form, kind, calls, wings))
    assert one.open == 0
    run.prefills_refused = wings.prefills_refused
    return run


async def _play(one: Stage, scenario: Scenario, form: str, kind: str, calls: int, wings: Wings) -> Run:
    """One scenario, and afterwards the call that shows whether the system is alive."""
    takes_none = kind in ("rejects", "obliges")
    speaker, knows = ("openai", {}) if takes_none else ("vllm", {"prefill": "plain"})
    (first,) = one.targets("primary")
    targets = {
        "primary": Target("openai", model=PRIMARY, name="primary", key="k", base_url=first.base_url),
        "fallback": Target(
            speaker, model=FALLBACK, name="fallback", key="k", base_url="https://fallback.test", capabilities=knows
        ),
    }
    config = Config(targets=targets, routes={"bench": Route(("primary", "fallback"), deadline_s=30)})
    async with Router(config, rng=random.Random(7), transport=one.transport) as router:
        run = await (_outage(router, one, form, calls) if scenario.key == "S15" else _ask(router, form))
        run.asked = list(one.asked)
        probe = await _ask(router, form, targets=["fallback"])
        run.answers = probe.answers = tuple(wings.answers)
        run.alive = probe.whole
    return run


async def _ask(router: Router, form: str, **options: Any) -> Run:
    """One call, as its caller sees it."""
    run, began_s = Run(), now_s()
    try:
        if form == "complete":
            answer = await router.complete(PROMPT, **options)
            run.text, report = answer.text, answer.report
        else:
            async with router.stream(PROMPT, **options) as stream:
                async for piece in stream.text():
                    run.text += piece
                report = stream.report
    except CallFailed as error:
        report, run.error = error.report, error.kind.value
    run.whole_s, run.model, run.usage = now_s() - began_s, report.model, report.usage is not None
    run.rescue = _rescue(report)
    return run


async def _outage(router: Router, one: Stage, form: str, calls: int) -> Run:
    """A call every few seconds, through an outage and out of it."""
    runs: list[tuple[float, Run]] = []
    for number in range(calls):
        await asyncio.sleep(number * EVERY_S - now_s())
        runs.append((now_s(), await _ask(router, form)))
    last = runs[-1][1]
    last.during = [run.whole for began_s, run in runs if began_s < OUTAGE_S]
    last.back_s = next((at_s - OUTAGE_S for at_s, name in one.asked if name == "primary" and at_s >= OUTAGE_S), None)
    last.error = next((run.error for _, run in runs if run.error is not None), None)
    last.whole_s = now_s()
    last.rescue = "handover" if last.back_s is None else "handover, then the primary again"
    return last


def _rescue(report: Report) -> str:
    """How the answer was saved, in the words of the page."""
    if report.outcome == "failed":
        return f"clean error `{report.kind}`"
    if report.switches:
        return ", ".join(f"`{switch.policy}`" for switch in report.switches)
    whys = [attempt.why for attempt in report.attempts]
    return {"first": "not needed", "retry": "retry", "handover": "handover"}[whys[-1]]


def table() -> str:
    """The table of the page: every scenario, played in both forms with every kind of fallback."""
    rows = ["| # | Fault | As a stream | As a whole answer | Requests at the primary | Over within |"]
    rows.append("|---|---|---|---|---|---|")
    for scenario in SCENARIOS:
        runs = {form: [played(scenario, form, kind) for kind in FALLBACKS] for form in FORMS}
        every = [run for form in FORMS for run in runs[form]]
        asked = sorted({len(run.primary_s) for run in every})
        within_s = next(limit_s for limit_s in OVER_WITHIN_S if all(run.whole_s <= limit_s for run in every))
        cells = [scenario.key, scenario.fault, *(_told(scenario, runs[form]) for form in FORMS)]
        rows.append(f"| {' | '.join(cells)} | {' or '.join(map(str, asked))} | {within_s} s |")
    return "\n".join(rows)


def other_table() -> str:
    """The second table: an answer that breaks off, and fallbacks that say other words."""
    rows = [f"| # | Fault | {' | '.join(f'The fallback {what}' for what in OTHERS.values())} | As a whole answer |"]
    rows.append("|---|---|" + "---|" * (len(OTHERS) + 1))
    for scenario in SCENARIOS:
        if scenario.key in BROKEN_OFF:
            runs = {form: [played(scenario, form, kind, said=OTHER_WORDS) for kind in OTHERS] for form in FORMS}
            cells = [scenario.key, scenario.fault, *(_told(scenario, [run]) for run in runs["stream"])]
            rows.append(f"| {' | '.join([*cells, _told(scenario, runs['complete'])])} |")
    return "\n".join(rows)


def _told(scenario: Scenario, runs: list[Run]) -> str:
    verdicts = dict.fromkeys(scenario.verdict(run) for run in runs)
    return f"**{' or '.join(verdicts)}**: {' or '.join(dict.fromkeys(run.rescue for run in runs))}"


def with_tables(page: str) -> str:
    """The page with its tables written anew."""
    for name, drawn in (("failoverbench", table()), ("other words", other_table())):
        begin, end = f"<!-- {name} -->\n", "\n<!-- end -->"
        before, found, rest = page.partition(begin)
        assert found, name
        page = before + begin + drawn + end + rest.partition(end)[2]
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
