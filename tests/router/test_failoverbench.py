"""The sixteen scenarios of the public failoverbench in virtual time, in the timings of its full profile.

Each is played as a stream and as a whole answer, with each kind of fallback: one that goes on from a prefill, one that
is known to take none, and one that is thought to take one and refuses it. What comes of it stands in docs/scorecard.md.
"""

import pytest
from benchstage import FALLBACKS, FORMS, PAGE, played, with_table

from failoverbench import ANSWER, PRIMARY, SCENARIOS, Scenario

BROKEN_OFF = ("S08", "S09", "S10", "S14")
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


def test_the_page_shows_what_comes_of_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page) == page, "run: python tests/router/benchstage.py"
