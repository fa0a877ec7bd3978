"""The corpus of cut answers and of what models say when they are asked to go on: what the seam makes of it."""

import re

import pytest
from standby.config.route import Route

from continuations import PAGE, TEXTS, WAYS, Cut, corpus, counted, judged, with_table


def test_the_corpus_is_as_large_as_the_page_says() -> None:
    cuts = list(corpus())
    assert len(cuts) == len({(cut.delivered, cut.rest) for cut in cuts}) >= 300
    assert {(cut.kind, cut.language) for cut in cuts} == {(kind, name) for kind, each in TEXTS.items() for name in each}
    assert [len(each) for each in TEXTS.values()] == [5, 5, 5, 5]
    assert all(cut.delivered + cut.rest == TEXTS[cut.kind][cut.language] for cut in cuts)


@pytest.mark.parametrize("name", WAYS)
def test_no_way_of_saying_it_harms_a_text(name: str) -> None:
    assert counted()[name]["harm"] == 0


@pytest.mark.parametrize(
    "name", [name for name in WAYS if name.startswith(("as it was asked", "the whole", "the last five"))]
)
def test_what_was_asked_for_is_mostly_joined(name: str) -> None:
    verdicts = counted()[name]
    assert verdicts["joined"] > 2 / 3 * verdicts.total()


def test_a_harm_would_be_seen() -> None:
    cut = Cut("prose", "en", "The sky is blue because air", " scatters light")
    assert judged(cut, "because air scatters light") == "joined"
    assert judged(cut, "because air, they say") == "harm"


def test_the_page_shows_what_was_counted() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page) == page, "run: python tests/support/continuations.py"


def test_the_page_names_the_default() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (listed,) = re.findall(r"The default list is `\[([\w, ]+)\]`", page)
    assert tuple(listed.split(", ")) == Route(("a",)).mid_stream
