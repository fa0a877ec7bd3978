"""The page says what the results say; the picture can be read by programs and on any page."""

import xml.etree.ElementTree as ET

import pytest

from benchmarks.figures import Figure, Spread
from benchmarks.floods import floods
from benchmarks.growth import GROWTH, GROWTH_MAX, with_growth
from benchmarks.page import GUARANTEES, PAGE, PICTURE, drawn, grown, reports, with_results
from benchmarks.picture import picture


def test_the_page_and_the_picture_are_made_of_the_results() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_results(text, reports()) == text, "run: python -m benchmarks.page"
    assert drawn(reports()) == PICTURE.read_text(encoding="utf-8"), "run: python -m benchmarks.page"


def test_the_table_of_growth_is_what_was_measured_and_no_flood_grows_by_more_than_its_size() -> None:
    text, found = GUARANTEES.read_text(encoding="utf-8"), grown(reports())
    assert with_growth(text, found) == text, "run: python -m benchmarks.page"
    assert {figure.what.rpartition(", ")[0] for figure in found} == {flood.room for flood in floods()} | {"anything"}
    for figure in found:
        if figure.what.endswith(GROWTH):
            assert figure.value.median <= GROWTH_MAX, figure


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    values = {"loop": 10.0, "standby": 20.0, "litellm": 80.0}
    figures = [Figure("delta c8", client, "µs", Spread(value, value, value)) for client, value in values.items()]
    tree = ET.fromstring(picture(figures))
    widths = [float(each.attrib["width"]) for each in tree.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths == pytest.approx([55, 110, 440])
    said = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert said[1:] == ["by hand", "10 µs", "standby", "20 µs", "LiteLLM Router", "80 µs"]


def test_nothing_is_drawn_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        picture([])
