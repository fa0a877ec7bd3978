"""The sixteen scenarios of the public failoverbench by way of the gateway, in a short profile, as official SDKs see it.

With a fallback that says the same words each is passed in each protocol, streamed and whole. With other words nothing
that was cut passes for the whole, and no text is said twice.
"""

import re

import pytest

from benchstage import BROKEN_OFF, PAGE
from failoverbench import ANSWER, OTHER_ANSWER
from gatebench import Case, cases, played, shown, table

SHORT = [case for case in cases() if not (case.scenario.key == "S15" and case.other)]
"""All but the outage with a fallback that says other words: it takes long, and no words are there to be joined."""


@pytest.mark.parametrize("case", SHORT, ids=str)
async def test_a_scenario_through_the_gateway(case: Case) -> None:
    run = await played(case)
    scenario = case.scenario
    assert scenario.verdict(run) == case.expected, scenario.unclean(run)
    if case.expected == "pass":
        assert scenario.unclean(run) == []
    elif case.expected == "fail":  # the check looks at the fallback alone: it has refused a prefill
        assert scenario.unclean(run) == ["no refused prefill is shown"]
    if run.error is not None and scenario.ideal == "answer":
        assert ANSWER.startswith(run.text), "no word twice, none of the fallback's"
        assert run.text
    elif scenario.ideal == "answer":
        assert run.text in (ANSWER, OTHER_ANSWER) if not case.other or scenario.key not in BROKEN_OFF else run.whole
        assert len(run.text.split()) == 60


def test_the_page_has_a_row_for_all_that_is_played_with_its_verdict() -> None:
    """How long each took was measured once, with the timings of the full profile."""
    expected = table({case: (case.expected, 0.0) for case in cases()})
    without_times = re.compile(r" \| [0-9.]+ s \|$", re.MULTILINE)
    assert without_times.sub("", shown(PAGE.read_text("utf-8"))) == without_times.sub("", expected)
