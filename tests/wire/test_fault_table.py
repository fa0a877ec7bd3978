"""Every row of the tables in docs/failover.md, played on real sockets: as a stream and as a whole answer."""

from typing import Literal

import pytest

from pages import rows
from playing import Playing, settled
from scenes import AFTER, BEFORE, FIRST, NEXT, Scene, config, effect_on_health, goes_on, goes_on_at_once
from standby import CallFailed, HandedOver, Report, Restarted, Router, StreamInterrupted, TextDelta

BEFORE_ROWS = rows("faults before the commit")
AFTER_ROWS = rows("faults after the commit")
Form = Literal["stream", "complete"]


def test_every_scene_has_its_row() -> None:
    assert list(BEFORE_ROWS) == list(BEFORE)
    assert list(AFTER_ROWS) == list(AFTER)


@pytest.mark.parametrize("form", ["stream", "complete"])
@pytest.mark.parametrize(("key", "lead"), [(key, lead) for key, scene in BEFORE.items() for lead in scene.leads])
async def test_a_fault_before_the_commit(simulator: Playing, key: str, lead: str, form: Form) -> None:
    scene = BEFORE[key]
    async with Router(config(simulator, scene, lead)) as router:
        router.explain()  # loads the provider, so that the clocks see the call alone
        if scene.warm:
            await router.complete("Are you there?", targets=["first"])
            await settled(router, "first")
        who, report = await _ask(router, form, scene)
        seen = (*_attempts(report, scene), _kind(report), effect_on_health(router, report, "first"), who)
    assert seen == BEFORE_ROWS[key]
    for name in ("first", "next"):
        asked = sum(exchange.provider == name for exchange in simulator.exchanges)
        if scene.where is None or name == "next":
            assert asked == _count(report, name) + (scene.warm and name == "first"), "each try stands in the report"


@pytest.mark.parametrize("form", ["stream", "complete"])
@pytest.mark.parametrize(("key", "lead"), [(key, lead) for key, scene in AFTER.items() for lead in scene.leads])
async def test_a_fault_after_the_commit(simulator: Playing, key: str, lead: str, form: Form) -> None:
    scene = AFTER[key]
    policies, kind, effect, of_stream, of_complete = AFTER_ROWS[key]
    listed = () if policies == "none" else tuple(policy.strip("`") for policy in policies.split(", "))
    async with Router(config(simulator, scene, lead, mid_stream=listed)) as router:
        router.explain()  # as above
        if form == "complete":
            came, report = await _ask(router, form, scene)
        else:
            came, report = await _read(router, scene)
        failed = any(attempt.kind is not None for attempt in report.attempts)
        seen = (_kind(report), effect_on_health(router, report, "first")) if failed else (kind, effect)
    made = " + ".join(number for number in _attempts(report, scene) if number != "–")
    assert (*seen, f"{came} ({made})") == (kind, effect, of_complete if form == "complete" else of_stream)


async def _read(router: Router, scene: Scene) -> tuple[str, Report]:
    """What a stream came to, in the words of the table, and the report. Every delta is delivered exactly once."""
    text, mark = "", ""
    async with router.stream("Hello?", route="r") as stream:
        try:
            async for event in stream:
                match event:
                    case TextDelta():
                        text += event.text
                    case HandedOver() | Restarted():
                        assert (event.source, text, mark) == ("first", scene.partial, "")
                        mark = f"`{type(event).__name__}`"
                        text = text if isinstance(event, HandedOver) else ""
        except StreamInterrupted as error:
            broken: StreamInterrupted | None = error
        else:
            broken = None
    if broken is not None:
        assert (text, broken.partial, mark) == (scene.partial, scene.partial, "")
        return "`StreamInterrupted`", broken.report
    assert text == (NEXT if mark == "`Restarted`" else FIRST)
    return mark or str(stream.report.target), stream.report


async def _ask(router: Router, form: Form, scene: Scene) -> tuple[str, Report]:
    """The target that answered, in the words of the table, and the report."""
    try:
        if form == "complete":
            answer = await router.complete("Hello?", route="r")
            text, report = answer.text, answer.report
        else:
            async with router.stream("Hello?", route="r") as stream:
                text = "".join([piece async for piece in stream.text()])
                report = stream.report
    except CallFailed as failure:
        return f"no target: `{type(failure).__name__}` (`{failure.kind.value}`)", failure.report
    assert report.target is not None
    assert text == (scene.says if report.target == "first" or scene.then in (goes_on, goes_on_at_once) else NEXT)
    return report.target, report


def _count(report: Report, name: str) -> int:
    return sum(attempt.target == name for attempt in report.attempts)


def _attempts(report: Report, scene: Scene) -> tuple[str, str]:
    return str(_count(report, "first")), "–" if scene.next_dialect is None else str(_count(report, "next"))


def _kind(report: Report) -> str:
    """The kind of the first target's failures: one and the same."""
    kinds = {a.kind.value for a in report.attempts if a.target == "first" and a.kind is not None}
    assert len(kinds) <= 1
    return f"`{kinds.pop()}`" if kinds else "–"
