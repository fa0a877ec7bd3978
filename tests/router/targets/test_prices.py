"""What a model costs: the data of genai-prices, as rates of ours."""

import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace
from standby.providers import Usage, prices
from standby.providers.prices import Rates, rates_of

genai_prices = pytest.importorskip("genai_prices")
AT_S = datetime(2026, 3, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("provider", "theirs", "model"),
    [
        ("openai", "openai", "gpt-4o"),
        ("openai-responses", "openai", "gpt-5-mini"),
        ("anthropic", "anthropic", "claude-sonnet-4-5"),
        ("gemini", "google", "gemini-2.5-pro"),
        ("groq", "groq", "llama-3.3-70b-versatile"),
        ("xai", "x-ai", "grok-4"),
        ("bedrock", "aws", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
    ],
)
@pytest.mark.parametrize("tokens", [(10, 5, 0), (100_000, 2000, 40_000), (300_000, 100, 1)])
def test_a_cost_is_what_genai_prices_makes_of_it(
    provider: str, theirs: str, model: str, tokens: tuple[int, int, int]
) -> None:
    rates = rates_of(provider, model, AT_S)
    assert rates is not None
    usage = genai_prices.Usage(input_tokens=tokens[0], output_tokens=tokens[1], cache_read_tokens=tokens[2])
    want = genai_prices.calc_price(
        usage, model, provider_id=theirs, genai_request_timestamp=datetime.fromtimestamp(AT_S, UTC)
    )
    assert rates.cost(Usage(*tokens)) == pytest.approx(float(want.total_price))


def test_nothing_is_made_up() -> None:
    assert rates_of("openai", "nobody's model", AT_S) is None
    assert rates_of("koala", "gpt-4o", AT_S) is None
    assert rates_of("ollama", "gpt-4o", AT_S) is None


def test_without_the_extra_no_price_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    assert rates_of("openai", "gpt-4o", AT_S) is None


def test_a_longer_prompt_has_its_own_rates_for_all_of_it() -> None:
    rates = Rates(1.0, 10.0, 0.5, longer=Rates(2.0, 20.0, 1.0, 1000))
    assert rates.cost(Usage(1000, 100)) == pytest.approx((1000 * 1 + 100 * 10) / 1e6)
    assert rates.cost(Usage(1001, 100)) == pytest.approx((1001 * 2 + 100 * 20) / 1e6)
    assert rates.cost(Usage(1000, 0, cached_input_tokens=400)) == pytest.approx((600 * 1 + 400 * 0.5) / 1e6)
    assert rates.cost(Usage(10, 0, cached_input_tokens=400)) == pytest.approx(10 * 0.5 / 1e6)


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-haiku-4-5"])
@pytest.mark.parametrize("tokens", [100_000, 300_000])
def test_writing_to_a_cache_costs_what_genai_prices_makes_of_it(model: str, tokens: int) -> None:
    rates = rates_of("anthropic", model, AT_S)
    assert rates is not None
    theirs = genai_prices.Usage(input_tokens=tokens, output_tokens=7, cache_read_tokens=1000, cache_write_tokens=90_000)
    at = datetime.fromtimestamp(AT_S, UTC)
    want = genai_prices.calc_price(theirs, model, provider_id="anthropic", genai_request_timestamp=at)
    usage = Usage(tokens, 7, 1000, cache_write_tokens=90_000)
    assert rates.cost(usage) == pytest.approx(float(want.total_price))
    for_an_hour = replace(usage, cache_write_1h_tokens=40_000)
    plain_rate = rates.longer.input if rates.longer is not None and tokens > rates.longer.from_tokens else rates.input
    assert rates.cost(for_an_hour) - rates.cost(usage) == pytest.approx(40_000 * 0.75 * plain_rate / 1e6)


MORE_THAN_TEXT: dict[str, tuple[dict[str, float], dict[str, object], float]] = {
    "a cache is written to for a quarter more, unless it is said": ({}, {"cache_write_tokens": 100}, 25),
    "for an hour for twice as much": ({}, {"cache_write_tokens": 100, "cache_write_1h_tokens": 100}, 100),
    "for what the target says": ({"cache_write": 3.0}, {"cache_write_tokens": 100}, 200),
    "for an hour for no less": ({"cache_write": 3.0}, {"cache_write_tokens": 9, "cache_write_1h_tokens": 9}, 18),
    "or for what it says": (
        {"cache_write": 3.0, "cache_write_1h": 4.0},
        {"cache_write_tokens": 10, "cache_write_1h_tokens": 4},
        6 * 2 + 4 * 3,
    ),
    "no more was written than was sent": ({"cache_write": 3.0}, {"cache_write_tokens": 10**6}, 2 * 1000),
    "sound": (
        {"input_audio": 5.0, "output_audio": 30.0},
        {"input_audio_tokens": 10, "output_audio_tokens": 2},
        40 + 40,
    ),
    "pictures": (
        {"input_image": 2.0, "output_image": 40.0},
        {"input_image_tokens": 7, "output_image_tokens": 3},
        7 + 90,
    ),
    "no pictures beyond the answer": ({"output_image": 40.0}, {"output_image_tokens": 10**6}, 100 * 30),
    "pictures without a price of their own are text": ({}, {"input_image_tokens": 7, "output_image_tokens": 3}, 0),
    "searches": ({"web_search": 10.0, "tool_use": 3.0}, {"tool_uses": {"web_search": 2, "code": 1}}, 20_000 + 3000),
    "searches without a price of their own": ({"tool_use": 3.0}, {"tool_uses": {"web_search": 2}}, 6000),
    "tools without a price": ({"web_search": 10.0}, {"tool_uses": {"code": 2}}, 0),
}


@pytest.mark.parametrize("what", MORE_THAN_TEXT)
def test_what_is_not_plain_text_has_its_price(what: str) -> None:
    said, used, more = MORE_THAN_TEXT[what]
    plain = Usage(1000, 100)
    rates = Rates(1.0, 10.0, 1.0, **said)  # type: ignore[arg-type]
    assert rates.cost(replace(plain, **used)) - rates.cost(plain) == pytest.approx(more / 1e6)


def test_the_provider_s_word_for_a_cost_counts_unless_the_target_has_a_price_of_its_own() -> None:
    told = Usage(1000, 100, cost=0.5)
    assert Rates(1.0, 10.0, 1.0).price_of(told) == 0.5
    assert Rates(1.0, 10.0, 1.0, own=True).price_of(told) == pytest.approx(0.002)
    assert Rates(1.0, 10.0, 1.0).price_of(Usage(1000, 100)) == pytest.approx(0.002)


class _Prices:
    def __init__(self, **said: object) -> None:
        self.input_mtok, self.output_mtok, self.cache_read_mtok = Decimal(1), Decimal(2), None
        vars(self).update(said)


class _Model:
    def __init__(self, prices: object) -> None:
        self._prices = prices

    def get_prices(self, at: datetime) -> object:
        if isinstance(self._prices, Exception):
            raise self._prices
        return self._prices


@pytest.mark.parametrize(
    "said",
    [
        _Prices(input_mtok=Decimal("NaN")),
        _Prices(output_mtok=Decimal("Infinity")),
        _Prices(cache_read_mtok=Decimal(-1)),
        _Prices(input_mtok="1"),
        object(),
        None,
        ZeroDivisionError("a table of an application's own"),
    ],
    ids=["not a number", "infinite", "negative", "a text", "no prices", "none", "raising"],
)
def test_a_table_of_prices_that_makes_no_sense_knows_none(said: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_found", lambda provider, model: _Model(said))
    assert rates_of("openai", "gpt-4o", AT_S) is None
    monkeypatch.setattr(prices, "_found", lambda provider, model: _Model(_Prices()))
    assert rates_of("openai", "gpt-4o", AT_S) == Rates(1.0, 2.0, 1.0, cache_write=1.0, cache_write_1h=1.0)


def test_data_that_raise_when_they_are_searched_know_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_provider_model(self, *_: object) -> object:
            raise TypeError("a snapshot of an application's own")

    monkeypatch.setattr("genai_prices.data_snapshot.get_snapshot", Broken)
    assert rates_of("openai", "gpt-4o", AT_S) is None
    assert not prices.is_known("openai", "gpt-4o")
