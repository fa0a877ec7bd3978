"""What a model costs: the data of genai-prices, as rates of ours."""

import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
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
    assert rates_of("openai", "gpt-4o", AT_S) == Rates(1.0, 2.0, 1.0)


def test_data_that_raise_when_they_are_searched_know_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_provider_model(self, *_: object) -> object:
            raise TypeError("a snapshot of an application's own")

    monkeypatch.setattr("genai_prices.data_snapshot.get_snapshot", Broken)
    assert rates_of("openai", "gpt-4o", AT_S) is None
    assert not prices.is_known("openai", "gpt-4o")
