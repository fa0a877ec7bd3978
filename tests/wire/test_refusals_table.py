"""Every row of the table of refusals in docs/failover.md, in every dialect that has it, played on real sockets."""

import pytest
from standby.config import Limits, Retry
from standby.providers import registry
from standby.providers.refusals import (
    Refusals,
    anthropic,
    bedrock,
    cohere,
    compatible,
    gemini,
    mistral,
    ollama,
    openai,
)

from components import need
from pages import rows
from playing import Playing
from refusal_scenes import OPTIONS, REFUSALS, Refusal
from scenes import effect_on_health
from standby import CallFailed, Config, Report, Route, Router, Target

ROWS = rows("refusals")
EACH = [pytest.param(key, refusal, id=f"{key}-{refusal}") for key, said in REFUSALS.items() for refusal in said]
NEXT = "The next target answers instead."
LIMITS = Limits(tail_s=0.05)
RETRY = Retry(backoff_s=0.001, backoff_max_s=0.001, patience_s=0.1)


def test_every_refusal_has_its_row() -> None:
    assert list(ROWS) == list(REFUSALS)


MEANINGS = {
    "flagged": ("flagged",),
    "too_long": ("too_long",),
    "too_large_for_rate": ("too_large_for_rate",),
    "too_many_bytes": ("too_many_bytes",),
    "state_is_gone": ("state_is_gone",),
    "credits_gone": ("credits_gone", "not_for_account"),
    "unknown_model": ("unknown_model", "retired"),
    "not_for_account": ("not_for_account",),
    "not_for_model": ("not_for_model",),
    "not_here": ("no_such_thing",),
}
"""What a table has words for -> the rows that play it."""
TABLES = {
    name.lower(): table
    for module in (anthropic, bedrock, cohere, compatible, gemini, mistral, ollama, openai)
    for name, table in vars(module).items()
    if isinstance(table, Refusals)
}


@pytest.mark.parametrize("provider", TABLES)
def test_what_a_provider_has_words_for_is_played(provider: str) -> None:
    assert provider in registry.names()
    for meaning, keys in MEANINGS.items():
        if getattr(TABLES[provider], meaning):
            assert [said for key in keys for said in REFUSALS[key] if said.provider == provider], meaning


def test_each_dialect_is_asked_for_all_that_any_wire_can_say() -> None:
    """The kinds that a status or plain words tell stand in the table for each dialect of its own."""
    dialects = {registry.get(name).info.dialect for name in registry.names()}
    for key in ("unknown_model", "unknown_words", "delay_in_words", "flat_in_200", "too_many_bytes"):
        assert {registry.get(said.provider).info.dialect for said in REFUSALS[key]} == dialects, key


@pytest.mark.parametrize(("key", "refusal"), EACH)
async def test_what_follows(simulator: Playing, key: str, refusal: Refusal) -> None:
    kind, at_the_next, effect, alert, _ = ROWS[key]
    async with Router(_config(simulator, refusal, next_too=True)) as router:
        try:
            answer = await router.complete("Hello?", route="r")
        except CallFailed as failure:
            report, text = failure.report, ""
        else:
            report, text = answer.report, answer.text
        told = effect_on_health(router, report, "first")
    alerted = "yes" if report.attempts[0].alert else "–"
    assert (f"`{_kind(report)}`", str(_asked(report, "next")), told, alerted) == (kind, at_the_next, effect, alert)
    assert text == ("" if at_the_next == "0" else NEXT)


@pytest.mark.parametrize(("key", "refusal"), EACH)
async def test_what_the_caller_sees(simulator: Playing, key: str, refusal: Refusal) -> None:
    kind, _, _, _, raised = ROWS[key]
    async with Router(_config(simulator, refusal, next_too=False)) as router:
        with pytest.raises(CallFailed) as caught:
            await router.complete("Hello?", route="r", deadline_s=0.5)
    failed, error = caught.value, caught.value.error
    assert error is not None
    assert (f"`{type(failed).__name__}`", f"`{failed.kind.value}`") == (raised, kind)
    assert (error.status, error.code, error.param) == (
        refusal.status if refusal.status >= 400 else None,
        refusal.code,
        refusal.param,
    )
    assert refusal.words in (error.provider_message or "")
    assert not refusal.words or refusal.words not in str(failed), "it may repeat the prompt"


def _config(simulator: Playing, refusal: Refusal, *, next_too: bool) -> Config:
    if refusal.provider == "bedrock":
        need("botocore")
    dialect = registry.get(refusal.provider).info.dialect
    simulator.play("first", refusal.page, dialect=dialect)
    simulator.play("next", NEXT)
    url, options = simulator.base_url("first"), OPTIONS.get(refusal.provider, {})
    targets = {"first": Target(refusal.provider, model="m", name="first", key="k", base_url=url, options=options)}
    if next_too:
        targets["next"] = Target("openai", model="m", name="next", key="k", base_url=simulator.base_url("next"))
    return Config(targets=targets, routes={"r": Route(tuple(targets), deadline_s=10.0)}, limits=LIMITS, retry=RETRY)


def _asked(report: Report, name: str) -> int:
    return sum(attempt.target == name for attempt in report.attempts)


def _kind(report: Report) -> str:
    (kind,) = {a.kind.value for a in report.attempts if a.target == "first" and a.kind is not None}
    return kind
