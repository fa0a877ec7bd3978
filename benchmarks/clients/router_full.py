"""standby with everything switched on: what the engine costs when a route uses all of it."""

from collections.abc import Sequence

from standby.config import Health, Hedge, Price, Retry

from standby import Config, Route, Router, TextDelta

from .router import QUESTION, Routed, target

PLENTY = 1_000_000
"""A limit that holds everywhere, is kept account of, and is never met."""


class RoutedInFull(Routed):
    """Streams by events. Limits, prices, budgets, hedges, every mid-stream policy, conversations that stay together."""

    async def start(self, urls: Sequence[str], connections: int) -> None:
        limits = {
            "concurrency": connections,
            "requests_per_min": PLENTY,
            "tokens_per_min": PLENTY,
            "budget_day": float(PLENTY),
            "price": Price(input=0.25, output=2.0),
        }
        spares = (*urls, *urls)
        route = Route(
            (tuple(target(index, url, connections, **limits) for index, url in enumerate(spares)),),
            select="weighted",
            hedge=Hedge(after=60.0),
            mid_stream=("continue", "replay", "ask_to_continue", "restart"),
            budget_month=float(PLENTY),
        )
        health = Health(failures_in_row=PLENTY, failure_ratio=1.0, window_min_calls=PLENTY, slow_call_s=60.0)
        self._router = Router(Config(routes={"default": route}, retry=Retry(attempts=3), health=health))
        await self._router.__aenter__()

    async def stream(self) -> int:
        deltas = 0
        async with self._router.stream(QUESTION, sticky="a conversation") as stream:
            async for event in stream:
                if type(event) is TextDelta:
                    deltas += 1
        return deltas
