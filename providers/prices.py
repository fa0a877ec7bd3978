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
    """

    input: float
    output: float
    cached: float
    from_tokens: int = 0
    longer: "Rates | None" = None

    def cost(self, usage: Usage) -> float:
        """The cost of a number of tokens, in USD."""
        rates = self
        while rates.longer is not None and usage.input_tokens > rates.longer.from_tokens:
            rates = rates.longer
        sent, cached = usage.input_tokens, usage.cached_input_tokens or 0
        if cached > sent:
            cached = sent
        return ((sent - cached) * rates.input + cached * rates.cached + usage.output_tokens * rates.output) / _MILLION


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
        if not all(math.isfinite(rate) and rate >= 0.0 for rate in (rates.input, rates.output, rates.cached)):
            return False
        rates = rates.longer
    return True


def _rates(prices: Any) -> Rates | None:
    parts = (prices.input_mtok, prices.output_mtok, prices.cache_read_mtok)
    if parts[0] is None and parts[1] is None:
        return None
    longer: Rates | None = None
    for start in sorted({0, *(tier.start for part in parts for tier in getattr(part, "tiers", ()))}, reverse=True):
        dear, out, cached = (_rate(part, start) for part in parts)
        rate = dear or 0.0
        longer = Rates(rate, out or 0.0, rate if cached is None else cached, start, longer)
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
