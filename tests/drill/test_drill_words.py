"""The words of a drill, as texts."""

import math
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from standby.simulator.drill import words
from standby.simulator.drill.words import Latency, Spell


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1.5h", 5400), ("250ms", 0.25), (" 7 ", 7), ("0s", 0)]
)
def test_a_duration(text: str, seconds: float) -> None:
    assert words.duration_s(text) == seconds


@pytest.mark.parametrize(("text", "rate"), [("50/s", 50), ("600/m", 10), ("36/h", 0.01), ("0.5", 0.5)])
def test_a_rate(text: str, rate: float) -> None:
    assert words.rate_per_s(text) == rate


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("openai@10s..70s", Spell("openai", "fail", 10, 70)),
        ("openai@1m..", Spell("openai", "fail", 60, math.inf)),
        ("openai@1m", Spell("openai", "fail", 60, math.inf)),
        ("openai@..5s", Spell("openai", "fail", 0, 5)),
        ("openai", Spell("openai", "fail")),
        ("openrouter/meta/llama:free@5s..6s", Spell("openrouter/meta/llama:free", "fail", 5, 6)),
    ],
)
def test_a_spell(text: str, found: Spell) -> None:
    assert words.spell(text, "fail") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("lead=0.3s..1.2s", ("lead", Latency(0.3, 1.2))), ("a=b=100ms", ("a=b", Latency(0.1, 0.2)))],
)
def test_a_latency(text: str, found: tuple[str, Latency]) -> None:
    assert words.latency_of_target(text) == found


def test_one_in_twenty_takes_longer_than_a_latency_says() -> None:
    rng = random.Random(1)
    drawn = [Latency(0.5, 3.0).drawn_s(rng) for _ in range(20_000)]
    assert sum(each > 0.5 for each in drawn) / len(drawn) == pytest.approx(0.5, abs=0.02)
    assert sum(each > 3.0 for each in drawn) / len(drawn) == pytest.approx(0.05, abs=0.01)


def _as_fail(text: str) -> Spell:
    return words.spell(text, "fail")


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        (words.duration_s, "soon", "'soon' is no duration; write for example 30s"),
        (words.duration_s, "-5s", "is no duration"),
        (words.duration_s, "٣s", "is no duration"),
        (words.rate_per_s, "0/s", "is no rate; write for example 50/s"),
        (words.rate_per_s, "50/d", "is no rate"),
        (_as_fail, "lead@70s..10s", "ends before it begins"),
        (_as_fail, "lead@5s..5s", "ends before it begins"),
        (_as_fail, "@5s..6s", "names no target; write for example openai@10s..70s"),
        (_as_fail, "lead@now..", "'now' is no duration"),
        (words.latency, "2s..1s", "is no latency; write for example 0.3s..1.2s, the median first"),
        (words.latency, "0s", "is no latency"),
        (words.latency_of_target, "0.3s", "names no target"),
        (words.demand, "speed>9000", "cannot be required; write for example availability>=99.9%"),
        (words.demand, "availability>=99", "cannot be required"),
        (words.demand, "p95<2%", "cannot be required"),
    ],
)
def test_what_makes_no_sense_is_told_with_what_to_write(read: Callable[[str], Any], text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        read(text)
