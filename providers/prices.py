"""The price of a model, by the data of genai-prices (extra `prices`), which a community keeps up.

The package is loaded when a price is asked for, not before: it takes a fifth of a second. A price is that of plain text
tokens at the moment it is looked up; one that depends on the length of the prompt keeps its steps. The data may be an
application's own (`set_custom_snapshot`): what cannot be read in them, or is no price, is not known.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec

from .events import Usage

_MILLION = 1e6

WRITE_FACTOR, WRITE_1H_FACTOR = 1.25, 2.0
"""What writing to a cache costs, as factors of the price of a prompt: Anthropic's page on prompt caching, whose prices
Bedrock and Vertex have, too; Alibaba's explicit cache has the first. Who writes for nothing says that it wrote nothing.
"""

_THEIR_NAMES = {
    "anthropic": "anthropic",
    "azure-openai": "azure",
    "bedrock": "aws",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openai-responses": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together": "together",
    "xai": "x-ai",
}
"""What genai-prices calls the providers that it knows. A local server, or one that is not here, has no price."""


class Rates(msgspec.Struct, frozen=True):
    """USD per million tokens.

    Attributes:
        cached: Of prompt tokens that the provider had in its cache.
        from_tokens: They hold for prompts of more tokens than this.
        longer: The rates of longer prompts; they hold for all of their tokens.
        cache_write: Of prompt tokens that are written to the cache; None: `WRITE_FACTOR` of `input`.
        cache_write_1h: Of those that it keeps for an hour; None: `WRITE_1H_FACTOR` of `input`, or what `cache_write` is
            more.
        input_audio, input_image, output_audio, output_image: Of tokens of sound and pictures; None: as of text.
        web_search: USD per thousand searches that the provider makes itself; None: as `tool_use`.
        tool_use: USD per thousand uses of other tools that it runs; None: nothing.
        own: The target says so itself: it outweighs what the provider says that an answer costs.
    """

    input: float
    output: float
    cached: float
    from_tokens: int = 0
    longer: "Rates | None" = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    input_audio: float | None = None
    input_image: float | None = None
    output_audio: float | None = None
    output_image: float | None = None
    web_search: float | None = None
    tool_use: float | None = None
    own: bool = False

    def cost(self, usage: Usage) -> float:
        """The cost of a number of tokens, in USD."""
        rates = self
        while rates.longer is not None and usage.input_tokens > rates.longer.from_tokens:
            rates = rates.longer
        sent, cached = usage.input_tokens, usage.cached_input_tokens or 0
        if cached > sent:
            cached = sent
        plain = (sent - cached) * rates.input + cached * rates.cached + usage.output_tokens * rates.output
        if not usage.counts_text_alone():
            plain += rates._beyond_text(usage, sent - cached)
        return plain / _MILLION

    def price_of(self, usage: Usage) -> float:
        """The cost of what was used: the provider's word for it, if there is one and the target has none of its own."""
        return self.cost(usage) if usage.cost is None or self.own else usage.cost

    def _beyond_text(self, usage: Usage, fresh: int) -> float:
        """What other tokens cost more than fresh ones of text do, in millionths of a USD, and uses of tools.

        Args:
            fresh: Tokens of the prompt that were not in the cache.
        """
        more = 0.0
        if written := min(usage.cache_write_tokens or 0, fresh):
            lasting = min(usage.cache_write_1h_tokens or 0, written)
            write = self.input * WRITE_FACTOR if self.cache_write is None else self.cache_write
            write_1h = self.cache_write_1h
            if write_1h is None:
                write_1h = max(self.input * WRITE_1H_FACTOR, write)
            more += (written - lasting) * (write - self.input) + lasting * (write_1h - self.input)
        for tokens, most, rate, plain in (
            (usage.input_audio_tokens, fresh, self.input_audio, self.input),
            (usage.input_image_tokens, fresh, self.input_image, self.input),
            (usage.output_audio_tokens, usage.output_tokens, self.output_audio, self.output),
            (usage.output_image_tokens, usage.output_tokens, self.output_image, self.output),
        ):
            if tokens and rate is not None:
                more += min(tokens, most) * (rate - plain)
        for name, times in (usage.tool_uses or {}).items():
            rate = self.web_search if name == "web_search" and self.web_search is not None else self.tool_use
            more += (rate or 0.0) * times * 1000  # of a thousand uses, in millionths
        return more


def installed() -> bool:
    """Is genai-prices there?"""
    return find_spec("genai_prices") is not None


def rates_of(provider: str, model: str, at_s: float) -> Rates | None:
    """The rates of a provider's model; None when they are not known, or genai-prices is not installed.

    Args:
        at_s: When, in seconds since 1970: prices change.
    """
    found = _found(provider, model)
    if found is None:
        return None
    try:
        rates = _rates(found.get_prices(datetime.fromtimestamp(at_s, UTC)))
    except Exception:  # noqa: BLE001 - data of an application's own, and perhaps code
        return None
    return rates if _is_sound(rates) else None


def load_for(providers: Iterable[str]) -> None:
    """Load the data now, if a price of one of these will be asked for: it takes too long for the midst of a call."""
    if any(provider in _THEIR_NAMES for provider in providers) and installed():
        import_module("genai_prices.data_snapshot").get_snapshot()


def is_known(provider: str, model: str) -> bool:
    """Does genai-prices know this model of this provider?"""
    return _found(provider, model) is not None


def _found(provider: str, model: str) -> Any:
    theirs = _THEIR_NAMES.get(provider)
    if theirs is None or not installed():
        return None
    from genai_prices.data_snapshot import get_snapshot

    try:
        return get_snapshot().find_provider_model(model, None, theirs, None)[1]
    except Exception:  # noqa: BLE001 - a LookupError for what is not known, and whatever data of others raise
        return None


def _is_sound(rates: Rates | None) -> bool:
    """Whether all of its prices are numbers that money can be."""
    while rates is not None:
        said = [getattr(rates, name) for name in ("input", "output", "cached", *_BESIDE)]
        if not all(rate is None or (math.isfinite(rate) and rate >= 0.0) for rate in said):
            return False
        rates = rates.longer
    return True


_BESIDE = (
    {name: f"{name}_mtok" for name in ("cache_write", "cache_write_1h")}
    | {"web_search": "web_searches_kcount"}
    | {f"{side}_{kind}": f"{side}_{kind}_mtok" for side in ("input", "output") for kind in ("audio", "image")}
)
"""Rates that few models have, and what genai-prices calls them."""


def _rates(prices: Any) -> Rates | None:
    parts = (prices.input_mtok, prices.output_mtok, prices.cache_read_mtok)
    if parts[0] is None and parts[1] is None:
        return None
    beside = {ours: getattr(prices, theirs, None) for ours, theirs in _BESIDE.items()}
    beside = {name: price for name, price in beside.items() if price is not None}
    longer: Rates | None = None
    priced = (*parts, *beside.values())
    for start in sorted({0, *(tier.start for part in priced for tier in getattr(part, "tiers", ()))}, reverse=True):
        dear, out, cached = (_rate(part, start) for part in parts)
        rate = dear or 0.0
        more: Any = {name: _rate(price, start) for name, price in beside.items()}
        if "cache_write" not in more:  # the data would have a price for it, if it had one of its own
            more |= {"cache_write": rate, "cache_write_1h": rate}
        longer = Rates(rate, out or 0.0, rate if cached is None else cached, start, longer, **more)
    return longer


def _rate(price: Any, start: int) -> float | None:
    """A price for prompts of more tokens than `start`."""
    if price is None or isinstance(price, Decimal):
        return None if price is None else float(price)
    at = price.base
    for tier in price.tiers:
        if tier.start <= start:
            at = tier.price
    return float(at)
