"""The sixteen scenarios of the public failoverbench in virtual time, in the timings of its full profile.

Each is played as a stream and as a whole answer, with each kind of fallback: one that goes on from a prefill, one that
is known to take none, and one that is thought to take one and refuses it. What comes of it stands in docs/scorecard.md.
"""

import pytest

from benchstage import BROKEN_OFF, FALLBACKS, FORMS, OTHERS, PAGE, played, with_tables
from failoverbench import ANSWER, OTHER_ANSWER, OTHER_WORDS, PRIMARY, SCENARIOS, Scenario

BY_KEY = {scenario.key: scenario for scenario in SCENARIOS}


@pytest.mark.parametrize("kind", FALLBACKS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=list(BY_KEY))
def test_every_check_is_clean(scenario: Scenario, form: str, kind: str) -> None:
    run = played(scenario, form, kind)
    assert scenario.unclean(run) == []
    assert scenario.verdict(run) == "pass"
    if scenario.ideal == "error":
        assert (run.text, run.error) == ("", "content_filter")
    else:
        assert run.text == ANSWER
    assert run.prefills_refused == (kind == "refuses" and form == "stream" and scenario.key in BROKEN_OFF)


@pytest.mark.parametrize("form", FORMS)
def test_after_an_outage_the_calls_are_the_primarys_again(form: str) -> None:
    run = played(BY_KEY["S15"], form, "rejects", calls=30)
    assert all(run.during)
    assert run.back_s is not None
    assert run.back_s <= 30
    assert run.model == PRIMARY
    assert run.text == ANSWER


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", BROKEN_OFF)
def test_a_fallback_that_says_other_words_saves_an_answer_or_ends_it_safely(key: str, form: str, kind: str) -> None:
    scenario = BY_KEY[key]
    run = played(scenario, form, kind, said=OTHER_WORDS)
    if (key, form, kind) == ("S14", "stream", "refuses"):  # the check looks at the fallback alone: it has refused one
        assert scenario.unclean(run) == ["no refused prefill is shown"]
        assert run.error == "truncated", "and that is not what is shown"
        return
    assert scenario.unclean(run) == []
    if form == "complete":
        assert (scenario.verdict(run), run.text) == ("pass", OTHER_ANSWER)
    elif kind in ("accepts", "obliges"):
        assert scenario.verdict(run) == "pass"
        assert ANSWER.startswith(run.text[:40])
        assert OTHER_ANSWER.endswith(run.text[-40:])
        assert len(run.text.split()) == 60
    else:
        assert scenario.verdict(run) == "safe"
        assert ANSWER.startswith(run.text)


def test_the_page_shows_what_comes_of_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run: python tests/support/benchstage.py"
