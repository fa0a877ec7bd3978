"""Answers that are odd, and yet answers; and one that only seems to come."""

from collections.abc import Callable

from stage import DONE, Play, Stage, chunk, now_s, perform, says

MakeStage = Callable[..., Stage]


def test_bytes_that_drip_in_are_no_progress(stage: MakeStage) -> None:
    one = stage(a=Play([(1.0, bytes([byte])) for byte in chunk("never whole")], then="stall"), b=says("b"))

    async def play() -> None:
        async with one.router(first_delta_s=10.0) as router:
            assert (await router.complete("hi")).text == "b"
            assert now_s() == 10.0

    perform(play())


def test_a_delta_that_drips_in_breaks_a_delivered_answer_off(stage: MakeStage) -> None:
    drips = [(0.0, chunk("It ")), *((1.0, bytes([byte])) for byte in chunk("never whole"))]
    one = stage(a=Play(drips, then="stall"), b=says("It ", "rains."))

    async def play() -> None:
        async with one.router(stall_s=10.0) as router, router.stream("hi") as stream:
            assert "".join([piece async for piece in stream.text()]) == "It rains."
            assert [each.kind for each in stream.report.attempts] == ["stalled", None]
            assert now_s() == 10.0

    perform(play())


def test_what_a_provider_repeats_is_delivered_as_it_was_sent(stage: MakeStage) -> None:
    one = stage(a=says("ha ", "ha ", "ha "))

    async def play() -> None:
        async with one.router() as router, router.stream("hi") as stream:
            assert [piece async for piece in stream.text()] == ["ha ", "ha ", "ha "]

    perform(play())


def test_tokens_that_are_told_twice_are_counted_once_and_nonsense_never(stage: MakeStage) -> None:
    def counted(prompt: int, completion: int) -> bytes:
        usage = f'{{"prompt_tokens":{prompt},"completion_tokens":{completion}}}'
        return f'data: {{"choices":[],"usage":{usage}}}\n\n'.encode()

    said = [chunk("a"), chunk(finish="stop"), counted(5, 7), counted(5, 7), counted(-5, -7), DONE]
    one = stage(a=Play([(0.0, data) for data in said]))

    async def play() -> None:
        async with one.router() as router:
            answer = await router.complete("hi")
            assert answer.usage is not None
            assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 7)
            assert answer.report.tokens == answer.usage

    perform(play())
