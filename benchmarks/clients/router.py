"""standby itself, as a service would use it: one Router for the life of the process."""

import logging
import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import msgspec

from ..product import product
from ..wire import MODEL

here = product()
settings = import_module(f"{here.__name__}.config")
Router, TextDelta = here.Router, here.TextDelta
Config, Health, Retry, Route, Target = (
    settings.Config, settings.Health, settings.Retry, settings.Route, settings.Target,
)  # fmt: skip

QUESTION = "Why is the sky blue?"


class Routed:
    """Streams by events, calls as one JSON body. structlog is not configured, so that no log line is written."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        never = 1_000_000  # a breaker that opened would spare us the first target, and the cost of its failure
        config = Config(
            routes={"default": Route(tuple(target(index, url, connections) for index, url in enumerate(urls)))},
            retry=Retry(attempts=1),
            health=Health(failures_in_row=never, failure_ratio=1.0, window_min_calls=never),
        )
        self._router = Router(config)
        await self._router.__aenter__()

    async def call(self) -> int:
        return len((await self._router.complete(QUESTION, upstream="single")).text)

    async def stream(self) -> int:
        deltas = 0
        async with self._router.stream(QUESTION) as stream:
            async for event in stream:
                if type(event) is TextDelta:
                    deltas += 1
        return deltas

    async def hold(self) -> object:
        stream = self._router.stream(QUESTION)
        async for event in stream:
            if type(event) is TextDelta:
                break
        return stream

    async def aclose(self) -> None:
        await self._router.aclose()


class RoutedText(Routed):
    """Streams by their text alone."""

    async def stream(self) -> int:
        deltas = 0
        async with self._router.stream(QUESTION) as stream:
            async for _ in stream.text():
                deltas += 1
        return deltas


class RoutedWhole(Routed):
    """Whole answers, collected from a stream; every delta is one word of the answer."""

    async def stream(self) -> int:
        return len((await self._router.complete(QUESTION)).text.split())


class RoutedLogging(Routed):
    """With structlog configured for production: one line of JSON per call, with level and time."""

    def __init__(self) -> None:
        import structlog

        log = open(os.devnull, "wb")  # noqa: SIM115 - for the life of the process
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event)),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=structlog.BytesLoggerFactory(file=log),
        )


def target(index: int, url: str, connections: int, **settings: Any) -> Any:
    """A target at this URL."""
    name = f"target {index}"
    return Target(f"openai/{MODEL}", name=name, key="sk-bench", base_url=url, connections_max=connections, **settings)
