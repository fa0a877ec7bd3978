"""After the commit: each way of going on, where it is refused, and what the caller and the report learn."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standby.config import Hold
from standby.config.route import CONTINUE
from standby.providers import registry
from standby.providers.dialects.openai import OpenAIChat
from standby.providers.quirks import PrefillForm, Quirks

from stage import DONE, Play, Stage, breaks_off, chunk, now_s, perform, says, status
from standby import Config, ErrorKind, HandedOver, Restarted, Route, Router, StreamInterrupted, Target, TextDelta

MakeStage = Callable[..., Stage]

PREFILLS = {"prefill": "plain"}


@pytest.fixture(autouse=True)
def _takes_prefills() -> Iterator[None]:
    """A provider with models that go on from a trailing assistant turn."""
    info = registry.get("openai").info
    prefilling = OpenAIChat("prefilling", info, quirks=Quirks(prefill=PrefillForm()))
    registry.register(prefilling)
    yield
    registry.unregister("prefilling")


def router(one: Stage, *policies: str, capabilities: dict[str, Any] | None = None, **route: Any) -> Router:
    targets = tuple(
        Target("prefilling", model="m", name=t.name, key="k", base_url=t.base_url, capabilities=capabilities or {})
        if capabilities
        else t
        for t in one.targets()
    )
    return Router(Config(routes={"r": Route(targets, mid_stream=policies, **route)}), transport=one.transport)  # type: ignore[arg-type]


async def events(router: Router, **options: Any) -> tuple[list[Any], Any]:
    async with router, router.stream("hi", **options) as stream:
        return [event async for event in stream], stream.report


def text(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_replay_leaves_out_what_was_delivered(stage: MakeStage) -> None:
    one = stage(a=breaks_off("Once ", "upon"), b=says("On", "ce upon a ", "time"))
    seen, report = perform(events(router(one, "replay")))
    assert text(seen) == "Once upon a time"
    assert [e for e in seen if isinstance(e, HandedOver)] == [HandedOver("a", "b", ErrorKind.TRUNCATED, "replay", 9)]
    switch = report.switches[0]
    assert (switch.source, switch.target, switch.at_chars, switch.trimmed_chars) == ("a", "b", 9, 9)
    assert (report.outcome, report.target) == ("finished", "b")


def test_a_replay_that_says_something_else_is_not_used(stage: MakeStage) -> None:
    one = stage(a=breaks_off("Once ", "upon"), b=says("Long ago"))

    async def play() -> None:
        async with router(one, "replay") as opened, opened.stream("hi") as stream:
            seen = []
            with pytest.raises(StreamInterrupted) as caught:
                async for event in stream:
                    seen.append(event)
            assert text(seen) == caught.value.partial == "Once upon"
            assert caught.value.kind is ErrorKind.TRUNCATED
            last = stream.report.attempts[-2]
            assert (last.target, last.outcome) == ("b", "cancelled")

    perform(play())


def test_the_same_target_is_asked_last(stage: MakeStage) -> None:
    one = stage(a=[breaks_off("Once ", "upon"), says("Once upon a time")], b=says("Long ago"))
    seen, report = perform(events(router(one, "replay")))
    assert text(seen) == "Once upon a time"
    assert [(a.target, a.why) for a in report.attempts] == [("a", "first"), ("b", "replay"), ("a", "replay")]


def test_ask_to_continue_trims_the_overlap(stage: MakeStage) -> None:
    one = stage(a=breaks_off("The sky is blue because air "), b=says("because air ", "scatters light"))
    seen, _ = perform(events(router(one, "ask_to_continue")))
    assert text(seen) == "The sky is blue because air scatters light"
    asked = one.bodies[-1].decode()
    assert CONTINUE in asked
    assert '"role":"assistant","content":"The sky is blue because air "' in asked


@pytest.mark.parametrize("head", ["scatters light", "Sure, continuing: scatters light", "", "air scatters light"])
def test_one_that_does_not_say_the_last_words_again_is_not_joined(stage: MakeStage, head: str) -> None:
    one = stage(a=breaks_off("The sky is blue because air ", then="stall"), b=says(*([head] if head else [])))
    with pytest.raises(StreamInterrupted) as caught:
        perform(events(router(one, "ask_to_continue")))
    assert caught.value.partial == "The sky is blue because air "
    assert caught.value.report.attempts[-1].detail == "it does not say the last words again"


def test_what_the_caller_had_begun_is_said_as_a_part_of_the_turn_that_is_asked_about(stage: MakeStage) -> None:
    one = stage(a=breaks_off(" blue because"), b=says("The sky is blue because air", " scatters"))
    asked = router(one, "ask_to_continue", capabilities=PREFILLS)
    seen, _ = perform(events(asked, prefill="The sky is"))
    assert text(seen) == " blue because air scatters"
    roles = [message["role"] for message in json.loads(one.bodies[-1])["messages"]]
    assert roles == ["user", "assistant", "user"]


@pytest.mark.parametrize(("policy", "left"), [("continue", 93), ("ask_to_continue", 93 + 64), ("replay", 100)])
def test_what_is_left_of_max_tokens_has_room_for_the_last_words(stage: MakeStage, policy: str, left: int) -> None:
    told = "The sky is blue because air "
    one = stage(a=breaks_off(told), b=says(told if policy != "continue" else "", "scatters"))
    seen, _ = perform(events(router(one, policy, capabilities=PREFILLS), max_tokens=100))
    assert text(seen) == told + "scatters"
    body = json.loads(one.bodies[-1])
    assert body["max_completion_tokens"] == left


def test_the_instruction_is_the_routes(stage: MakeStage) -> None:
    one = stage(a=breaks_off("Der Himmel"), b=says("Der Himmel ist blau"))
    perform(events(router(one, "ask_to_continue", instruction="Weiter, genau ab dort.")))
    assert "Weiter, genau ab dort." in one.bodies[-1].decode()


def test_continue_only_where_the_model_takes_a_prefill(stage: MakeStage) -> None:
    one = stage(a=breaks_off("One, two,"), b=says(" three"))
    with pytest.raises(StreamInterrupted):
        perform(events(router(one, "continue")))
    one = stage(a=breaks_off("One, two,"), b=says(" three"))
    seen, _ = perform(events(router(one, "continue", capabilities=PREFILLS), max_tokens=100))
    assert text(seen) == "One, two, three"
    assert '"content":"One, two,"' in one.bodies[-1].decode()
    assert [e.policy for e in seen if isinstance(e, HandedOver)] == ["continue"]


def test_a_refused_prefill_leads_to_the_next_policy_and_is_never_the_error_shown(stage: MakeStage) -> None:
    refused = status(400, '{"error":{"message":"This model does not support assistant message prefill."}}')
    one = stage(a=[breaks_off("Once "), breaks_off()], b=[refused, says("Once upon")])
    seen, _ = perform(events(router(one, "continue", "replay", capabilities=PREFILLS)))
    assert text(seen) == "Once upon"
    one = stage(a=[breaks_off("Once "), breaks_off()], b=refused)
    with pytest.raises(StreamInterrupted) as caught:
        perform(events(router(one, "continue", capabilities=PREFILLS)))
    assert caught.value.kind is ErrorKind.TRUNCATED


def test_restart_says_so_first(stage: MakeStage) -> None:
    one = stage(a=breaks_off("Once "), b=says("Long ago"))
    seen, _ = perform(events(router(one, "restart")))
    place = seen.index(Restarted("a", "b", ErrorKind.TRUNCATED))
    assert (text(seen[:place]), text(seen[place:])) == ("Once ", "Long ago")


def test_the_plain_text_view_refuses_a_restart(stage: MakeStage) -> None:
    one = stage(a=breaks_off("Once "), b=says("Long ago"))

    async def play() -> None:
        async with router(one, "restart") as opened, opened.stream("hi") as stream:
            with pytest.raises(StreamInterrupted):
                async for _ in stream.text():
                    pass

    perform(play())


@pytest.mark.parametrize("policy", ["continue", "ask_to_continue"])
def test_nothing_is_joined_inside_structured_output_or_after_a_tool_call(stage: MakeStage, policy: str) -> None:
    one = stage(a=breaks_off('{\\"a'), b=says("x"))
    with pytest.raises(StreamInterrupted):
        perform(events(router(one, policy, capabilities=PREFILLS), response_format={"type": "json_object"}))
    call = (
        b'data: {"choices":[{"delta":{"content":"I look","tool_calls":[{"index":0,"id":"c1",'
        b'"function":{"name":"f","arguments":"{"}}]}}]}\n\n'
    )
    one = stage(a=Play([(0.0, call)], then="cut"), b=says("x"))
    with pytest.raises(StreamInterrupted):
        perform(events(router(one, policy, capabilities=PREFILLS)))


def test_when_only_thinking_was_delivered_a_marked_fresh_start_is_made(stage: MakeStage) -> None:
    thought = b'data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}\n\n'
    one = stage(a=Play([(0.0, thought)], then="cut"), b=says("42"))
    seen, _ = perform(events(router(one, "continue")))
    assert text(seen) == "42"
    assert any(isinstance(event, Restarted) for event in seen)


def test_a_content_filter_in_the_middle_is_surfaced(stage: MakeStage) -> None:
    error = b'data: {"error":{"message":"x","code":"content_filter"}}\n\n'
    one = stage(a=Play([(0.0, chunk("Once ")), (0.0, error)]), b=says("Once upon"))
    with pytest.raises(StreamInterrupted) as caught:
        perform(events(router(one, "replay", "restart")))
    assert caught.value.kind is ErrorKind.CONTENT_FILTER
    assert one.count("b") == 0


def test_an_answer_may_change_hands_more_than_once(stage: MakeStage) -> None:
    one = stage(
        a=breaks_off("One "), b=breaks_off("One ", "two "), c=breaks_off("One two three "), d=says("One two three four")
    )
    seen, report = perform(events(router(one, "replay")))
    assert text(seen) == "One two three four"
    assert [switch.target for switch in report.switches] == ["b", "c", "d"]


def test_one_call_switches_it_off(stage: MakeStage) -> None:
    one = stage(a=breaks_off("Once "), b=says("Once upon"))
    with pytest.raises(StreamInterrupted):
        perform(events(router(one, "replay"), mid_stream=()))


def test_under_hold_a_failure_begins_again_unseen(stage: MakeStage) -> None:
    one = stage(a=breaks_off("a", "b"), b=says("1", "2", "3", "4"))
    seen, report = perform(events(router(one, hold=Hold(deltas=3))))
    assert text(seen) == "1234"
    assert report.switches == []
    one = stage(a=breaks_off("a", "b", "c", "d"), b=says("1"))
    with pytest.raises(StreamInterrupted) as caught:
        perform(events(router(one, hold=Hold(deltas=3))))
    assert caught.value.partial == "abcd"


def test_hold_ends_after_its_seconds_also_when_nothing_comes(stage: MakeStage) -> None:
    one = stage(a=Play([(1.0, chunk("1")), (8.0, chunk("2")), (0.0, chunk(finish="stop") + DONE)]))

    async def play() -> None:
        async with router(one, hold=Hold(for_s=2.0)) as opened, opened.stream("hi") as stream:
            seen = [(now_s(), piece) async for piece in stream.text()]
            assert seen == [(3.0, "1"), (9.0, "2")]

    perform(play())


def test_holding_the_whole_answer_makes_every_handover_invisible(stage: MakeStage) -> None:
    one = stage(a=breaks_off(*"abcdefgh"), b=says(*"12345678", every_s=1.0))

    async def play() -> None:
        async with router(one, hold=Hold()) as opened, opened.stream("hi") as stream:
            seen = []
            async for piece in stream.text():
                seen.append(piece)
                assert now_s() == 8.0
            assert "".join(seen) == "12345678"

    perform(play())


@pytest.mark.parametrize("policy", ["replay", "ask_to_continue", "restart", "continue"])
def test_leaving_while_an_answer_changes_hands_closes_everything(stage: MakeStage, policy: str) -> None:
    silent = Play(then="stall")
    one = stage(a=breaks_off("Once "), b=silent, c=silent)

    async def play() -> None:
        async with router(one, policy, capabilities=PREFILLS) as opened:

            async def read() -> None:
                async with opened.stream("hi") as stream:
                    async for _ in stream:
                        pass

            task = asyncio.create_task(read())
            await asyncio.sleep(1.0)
            assert one.open == 1
            task.cancel()
            await asyncio.wait([task])
            assert one.open == 0

    perform(play())


@pytest.mark.parametrize("again", [("a😀b",), ("a", "😀", "b"), (r"a\ud83d", r"\ude00b"), (r"a\ud83d\ude00", "b")])
def test_a_character_that_was_cut_in_two_is_whole_after_a_replay(stage: MakeStage, again: tuple[str]) -> None:
    """Half of it has come when the stream breaks off: it is not delivered, so that the replay may say all of it."""
    one = stage(first=breaks_off("x", r"a\ud83d"), second=says("x", *again))
    seen, report = perform(events(router(one, "replay")))
    assert text(seen) == "xa😀b"
    assert [switch.policy for switch in report.switches] == ["replay"]
