"""One call without a Router of one's own, in async code and, for scripts, in synchronous code.

Each call makes a Router, and closes it with the answer. A service keeps one Router instead: health, connections and
budgets live in it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Unpack

from ..config.model import NoTargets, Target
from ..providers.chat import Messages
from .answer import Answer
from .asked import CallOptions
from .call import Call
from .errors import WrongLoop
from .router import Router
from .stream import RoutedStream


def stream(messages: Messages, **options: Unpack[CallOptions]) -> RoutedStream:
    """Ask `targets`, the best first, for an answer as it comes; see `Router.stream`. Use it with `async with`."""
    router = Router(_targets(options))

    def begin() -> Call:
        router.enter()
        return router.begin(messages, options, whole=False)

    return RoutedStream(begin, on_close=router.aclose)


async def complete(messages: Messages, **options: Unpack[CallOptions]) -> Answer:
    """Ask `targets`, the best first, for a whole answer; see `Router.complete`."""
    async with Router(_targets(options)) as router:
        return await router.complete(messages, **options)


def ask(messages: Messages, **options: Unpack[CallOptions]) -> Answer:
    """Ask for a whole answer, synchronously.

    Raises:
        WrongLoop: An event loop is running: await `complete` there.
        CallFailed: Nobody gave a whole answer.
    """
    _refuse_running_loop("ask()", "await understudy.complete(…)")
    return asyncio.run(complete(messages, **options))


def ask_stream(messages: Messages, **options: Unpack[CallOptions]) -> Iterator[str]:
    """Ask for the text of an answer as it comes, synchronously. Leaving the loop early closes the connection.

    Raises:
        WrongLoop: An event loop is running: use `stream` there.
        CallFailed: There is no (more of the) answer to be had.
    """
    _refuse_running_loop("ask_stream()", "async with understudy.stream(…)")
    return _pieces(stream(messages, **options))


def _pieces(opened: RoutedStream) -> Iterator[str]:
    with asyncio.Runner() as runner:
        pieces = opened.text()
        try:
            while (piece := runner.run(_next_or_none(pieces))) is not None:
                yield piece
        finally:
            runner.run(opened.aclose())


def _targets(options: CallOptions) -> Sequence[str | Target]:
    targets = options.pop("targets", None)
    if not targets:
        raise NoTargets("no targets: give at least one, for example targets=['koala', 'openai/gpt-5-mini']")
    return targets


async def _next_or_none(pieces: AsyncIterator[str]) -> str | None:
    return await anext(pieces, None)


def _refuse_running_loop(name: str, instead: str) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise WrongLoop(f"{name} is for code without an event loop, and one is running here: {instead}")
