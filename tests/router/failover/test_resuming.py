"""The target that goes on with a broken answer: first one that has not broken it, none with an error against it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from stage import SILENT, Play, Stage, breaks_off, perform, says, status
from standby import Config, Restarted, Route, Router, StreamInterrupted, TextDelta

MakeStage = Callable[..., Stage]

STORY = ("It was a dark ", "and stormy ", "night; ", "the rain fell ")
WHOLE = says(*STORY, "in torrents.")


def asked(one: Stage, *policies: str, provider: str = "openai") -> list[str]:
    """The targets asked, in order, for one answer; `nobody` stands last if it was interrupted."""

    async def play() -> str | None:
        targets = tuple(replace(target, provider=provider) for target in one.targets())
        route = Route(targets, mid_stream=policies)  # type: ignore[arg-type]
        async with (
            Router(Config(routes={"r": route}), transport=one.transport) as router,
            router.stream("hi") as stream,
        ):
            try:
                return "".join([piece async for piece in stream.text()])
            except StreamInterrupted:
                return None

    text = perform(play())
    assert text in (None, "".join(STORY) + "in torrents.")
    return [*(name for _, name in one.asked), *([] if text else ["nobody"])]


def test_a_target_that_has_not_broken_it_comes_before_one_that_has(stage: MakeStage) -> None:
    one = stage(a=breaks_off(*STORY[:1]), b=breaks_off(*STORY[:2]), c=breaks_off(*STORY[:3]), d=WHOLE)
    assert asked(one, "replay") == ["a", "b", "c", "d"]


def test_who_fell_silent_in_the_middle_is_not_asked_again(stage: MakeStage) -> None:
    one = stage(a=breaks_off(*STORY[:1], then="stall"), b=breaks_off(*STORY[:2], then="stall"))
    assert asked(one, "replay") == ["a", "b", "nobody"]


@pytest.mark.parametrize("fault", [status(503), status(500), Play(then="cut")])
def test_anothers_failure_does_not_allow_it_either(stage: MakeStage, fault: Play) -> None:
    one = stage(a=breaks_off(*STORY[:1], then="stall"), b=fault)
    assert one.count("a") == 0
    assert asked(one, "replay").count("a") == 1


def test_anothers_failure_does_not_forbid_what_its_own_allows(stage: MakeStage) -> None:
    one = stage(a=[breaks_off(*STORY[:1]), WHOLE], b=status(401))
    assert asked(one, "replay") == ["a", "b", "a"]


def test_a_target_that_is_silent_to_one_policy_is_not_asked_by_the_next(stage: MakeStage) -> None:
    one = stage(a=[breaks_off(*STORY[:3]), WHOLE], b=SILENT)
    assert asked(one, "ask_to_continue", "replay")[:2] == ["a", "b"]
    assert one.count("b") == 1


def test_the_same_target_is_asked_once_more_and_not_once_a_policy(stage: MakeStage) -> None:
    one = stage(a=breaks_off(*STORY[:1]))
    assert asked(one, "ask_to_continue", "replay") == ["a", "a", "nobody"]


def test_one_that_only_says_something_else_may_be_asked_in_another_way(stage: MakeStage) -> None:
    one = stage(a=breaks_off(*STORY[:1], then="stall"), b=[says("Long ago."), WHOLE])
    assert asked(one, "replay", "ask_to_continue") == ["a", "b", "b"]


@pytest.mark.parametrize("policy", ["replay", "restart"])
def test_an_empty_answer_is_no_answer_when_all_of_it_was_asked_for_again(policy: str, stage: MakeStage) -> None:
    one = stage(a=breaks_off(*STORY[:1], then="stall"), b=says(), c=WHOLE)
    after_the_mark: list[str] = []

    async def play() -> None:
        route = Route(tuple(one.targets()), mid_stream=(policy,))  # type: ignore[arg-type]
        async with (
            Router(Config(routes={"r": route}), transport=one.transport) as router,
            router.stream("hi") as stream,
        ):
            async for event in stream:
                if isinstance(event, Restarted):
                    after_the_mark.clear()
                elif isinstance(event, TextDelta):
                    after_the_mark.append(event.text)
            assert [(each.target, each.kind) for each in stream.report.attempts] == [
                ("a", "stalled"), ("b", "empty"), ("c", None),
            ]  # fmt: skip

    perform(play())
    assert "".join(after_the_mark) == "".join(STORY) + "in torrents."


def test_nothing_may_be_left_to_say_behind_a_prefill_and_behind_the_last_words(stage: MakeStage) -> None:
    """An empty answer to a turn in words may be anything: it does not show that the text is whole."""
    cut = breaks_off(*STORY, "in torrents.", then="stall")
    assert asked(stage(a=cut, b=says()), "continue", provider="deepseek") == ["a", "b"]
    assert asked(stage(a=cut, b=says("and stormy night; the rain fell in torrents.")), "ask_to_continue") == ["a", "b"]
    assert asked(stage(a=cut, b=says()), "ask_to_continue") == ["a", "b", "nobody"]


def test_the_report_names_the_model_of_the_target_it_names(stage: MakeStage) -> None:
    one = stage(a=breaks_off(*STORY[:1]), b=WHOLE)

    async def play() -> None:
        first, second = one.targets()
        async with (
            Router([first, replace(second, model="another")], transport=one.transport) as router,
            router.stream("hi") as stream,
        ):
            async for _ in stream:
                pass
            assert (stream.report.target, stream.report.model) == ("b", "another")

    perform(play())
