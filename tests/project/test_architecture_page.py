"""docs/architecture.md: its drawings and tables are those of the code, and nothing of the code is missing in them."""

import re
from typing import get_args, get_type_hints

import pytest
import watching
from drawings import PAGE, ROOMS, first_sentence, with_drawing, with_drawings
from sources import ROOT, modules
from standby.config.route import MidStream
from standby.router.failover.course import Course
from standby.router.failover.steps import End, Resume, Step, Verdict
from standby.router.health.breaker import Breaker, State
from standby.router.targets.clocks import Clocks
from test_imports_point_one_way import INSIDE, MAY_IMPORT

TEXT = PAGE.read_text(encoding="utf-8")
STEPS = {*get_args(Step), Resume}


def test_the_page_shows_the_code() -> None:
    assert with_drawings(TEXT) == TEXT, "run: python tests/project/drawings.py"


def test_a_drawing_that_is_gone_is_missed() -> None:
    with pytest.raises(LookupError, match="course"):
        with_drawing(TEXT.replace("<!-- course:", "<!-- discourse:"), "course", "")


def test_a_drawing_that_is_not_the_codes_is_seen() -> None:
    assert with_drawing(TEXT, "breaker", "closed for ever") != TEXT


def test_every_step_and_verdict_of_the_course_was_seen() -> None:
    details: dict[str, set[str]] = {}
    for after in watching.course().values():
        for step, each in after.items():
            details.setdefault(step, set()).update(each)
    assert set(details) == {step.__name__ for step in STEPS}
    assert details[End.__name__] == set(get_args(Verdict))
    assert details[Resume.__name__] == set(get_args(MidStream))


def test_everything_that_a_course_answers_was_asked() -> None:
    answering = set()
    for name, method in vars(Course).items():
        if not name.startswith("_") and callable(method):
            hint = get_type_hints(method).get("return")
            if STEPS & {hint, *get_args(hint)}:
                answering.add(name)
    assert {told for _, told in watching.course()} == answering


def test_every_state_of_a_breaker_was_seen_and_all_that_moves_it_was_tried() -> None:
    found = watching.breaker()
    states = {state for state, _ in found} | {state for after in found.values() for state in after}
    assert states == set(get_args(State))
    methods = {name for name, each in vars(Breaker).items() if not name.startswith("_") and callable(each)}
    tried = {told.partition(",")[0] for _, told in found}
    still = {"admits", "admits_at_once", "window", "question", "take_back", "follow"}
    assert methods == tried | still, "those only look, or change what is known of a state"


def test_every_clock_of_an_attempt_has_rung() -> None:
    assert set(watching.PLAYS) | {"connect_s"} == set(Clocks.__struct_fields__)


def test_the_order_of_sub_rooms_is_what_the_test_of_imports_allows() -> None:
    rows = re.findall(r"^\| `(\w+)/` \| (`\w+`(?: > `\w+`)+) \|$", TEXT, re.MULTILINE)
    assert {room: tuple(re.findall(r"`(\w+)`", cell)) for room, cell in rows} == INSIDE


def test_which_room_may_import_which_is_what_the_test_of_imports_allows() -> None:
    rows = re.findall(r"^\| `([\w/]+)/` \|[^|]*\| ([^|]*) \|$", TEXT, re.MULTILINE)
    said = {room: set(re.findall(r"`(\w+)`", cell.partition(";")[0])) for room, cell in rows}
    for room, cell in rows:
        if cell == "all":
            said[room] = set(MAY_IMPORT) - {room}
    assert said == MAY_IMPORT
    assert set(ROOMS) == {room for room in MAY_IMPORT if "/" not in room}


def test_every_module_stands_on_the_page_once() -> None:
    listed = re.findall(r"^\| `([\w/]+\.py)` \| (.+) \|$", TEXT, re.MULTILINE)
    assert sorted(place for place, _ in listed) == sorted(module.place for module in modules().values())
    assert all(said.strip() for _, said in listed)


def test_what_the_page_sends_its_reader_to_is_there() -> None:
    section = TEXT[TEXT.index("## Where is") : TEXT.index("## Where a new thing goes")]
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`|<code>([\w/]+\.py)</code>", section))
    assert len(named) > 40
    assert not [place for place in map("".join, named) if not (ROOT / place).exists()]
    drawn = re.findall(r"\[\"(\w+)<br/><code>([\w/]+\.py)", section)
    assert all(f"class {name}" in (ROOT / place).read_text(encoding="utf-8") for name, place in drawn)


@pytest.mark.parametrize(
    ("docstring", "first"),
    [
        ("A thing: it is\n  good. It is.", "A thing: it is good."),
        ("No full stop\n\nMore.", "No full stop"),
        ("The a.b | c. d", "The a.b \\| c."),
        (None, ""),
    ],
)
def test_the_first_sentence_of_a_docstring(docstring: str | None, first: str) -> None:
    assert first_sentence(docstring) == first
