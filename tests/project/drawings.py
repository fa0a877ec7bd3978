"""The drawings and tables of docs/architecture.md, made from the code: its imports, its docstrings, its types, and what
its machines are seen to do.

python tests/project/drawings.py     writes them into the page anew
"""

import ast
import inspect
import re
from collections.abc import Iterable
from typing import TypeVar, get_args

import watching
from sources import ROOT, Module, modules, packages
from standby.config import Limits
from standby.providers import DISPOSITIONS
from standby.providers.errors import AskAnother, RetryRule
from standby.router.failover.course import Course
from standby.router.health.breaker import Breaker, State
from standby.router.targets.clocks import Clocks
from test_imports_point_one_way import INSIDE, MAY_IMPORT, imported, room_of, sub_room_of

T = TypeVar("T")

PAGE = ROOT / "docs" / "architecture.md"
ROOMS = ("standby", "cli", "gateway", "simulator", "router", "config", "providers")
"""As they stand on the page, from those that import to those that are imported."""
DRAWN_INSIDE = ("router", "providers", "simulator")


def with_drawings(text: str) -> str:
    """The page, with what stands between each marker and its end made anew.

    Raises:
        LookupError: It lacks a marker.
    """
    followed = watching.course()
    made = {
        "rooms": rooms(),
        **{f"inside {room}": inside(room) for room in DRAWN_INSIDE},
        "course": course(followed),
        "steps": steps(followed),
        "attempt": attempt(),
        "dispositions": dispositions(),
        "breaker": breaker(watching.breaker()),
        "modules": "\n\n".join(map(module_table, ROOMS)),
    }
    for name, drawn in made.items():
        text = with_drawing(text, name, drawn)
    return text


def with_drawing(text: str, name: str, drawn: str) -> str:
    """The page with one of them made anew."""
    pattern = re.compile(rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise LookupError(f"the page has no marker <!-- {name}: … -->")
    return pattern.sub(lambda found: f"{found[1]}{drawn}\n{found[2]}", text)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head, *lines = [f"| {' | '.join(line)} |" for line in (columns, *rows)]
    return "\n".join([head, "|" + "---|" * (head.count(" | ") + 1), *lines])


def _mermaid(*lines: str) -> str:
    return "\n".join(["```mermaid", lines[0], *(f"    {line}" for line in lines[1:]), "```"])


def _code(*words: str) -> str:
    return ", ".join(f"`{word}`" for word in words) or "–"


def first_sentence(docstring: str | None) -> str:
    """As it stands, on one line."""
    text = " ".join((docstring or "").split("\n\n")[0].split())
    found = re.match(r".*?[.!?](?=\s|$)", text)
    return (found[0] if found else text).replace("|", "\\|")


# The rooms


def rooms() -> str:
    """Which room imports which; dotted, where only drills do."""
    seen: set[tuple[str, str]] = set()
    for module in modules().values():
        for name, _ in imported(module):
            if (room := room_of(module.name)) != (other := room_of(name)):
                seen.add((room, other))
    lines = [f"{room}[{room}/]" for room in ROOMS]
    for room, other in sorted(seen, key=lambda edge: [ROOMS.index(each) for each in edge]):
        lines.append(f"{room} --> {other}" if other in MAY_IMPORT[room] else f"{room} -. drills .-> {other}")
    return _mermaid("flowchart TD", *lines)


def inside(room: str) -> str:
    """Which sub-room of a room imports which."""
    order = INSIDE[room]
    seen: set[tuple[str, str]] = set()
    for module in modules().values():
        for name, _ in imported(module):
            if room_of(module.name) == room == room_of(name):
                seen.add((sub_room_of(module.name), sub_room_of(name)))
    shown = {each: f"{each}[{room}/{each}/]" if each != room else f"{each}[{room}/*.py]" for each in order}
    edges = sorted((edge for edge in seen if edge[0] != edge[1]), key=lambda edge: [order.index(each) for each in edge])
    return _mermaid("flowchart TD", *shown.values(), *(f"{one} --> {other}" for one, other in edges))


def module_table(room: str) -> str:
    """Every module of a room, and what it says of itself."""
    inside = [module for module in modules().values() if room_of(module.name) == room]
    rows = [(f"`{module.place}`", first_sentence(ast.get_docstring(module.tree))) for module in _sorted(inside)]
    counted = f"<summary><code>{room}/</code>: {len(rows)} modules</summary>"
    return f"<details>\n{counted}\n\n{_table(('Module', 'What it is'), rows)}\n\n</details>"


def _sorted(inside: list[Module]) -> list[Module]:
    folders = list(packages().values())
    return sorted(inside, key=lambda module: (folders.index(module.path.parent), module.path.name))


# The machines


def course(followed: watching.Followed) -> str:
    """The steps of a call."""
    lines = [
        *_arrows(followed),
        "Ask --> [*]: the answer is whole",
        "Resume --> [*]: the answer is whole",
        "End --> [*]",
    ]
    return _mermaid("stateDiagram-v2", *lines)


def steps(followed: watching.Followed) -> str:
    """What each step may lead to, and in which forms; then what the words mean."""
    rows = []
    for (step, told), after in _from_the_beginning(followed):
        forms = [f"`{other}`" + (f" {', '.join(sorted(each))}" if any(each) else "") for other, each in after.items()]
        since = "the beginning" if step == watching.BEGIN else f"`{step}`"
        rows.append((since, _code(told), " · ".join(sorted(forms))))
    told_words = dict.fromkeys(told for (_, told), _ in _from_the_beginning(followed))
    words = [(f"`{word}`", first_sentence(getattr(Course, word).__doc__)) for word in told_words]
    return _table(("After", "asked or told", "the course says"), rows) + "\n\n" + _table(("Word", "Meaning"), words)


def _arrows(followed: watching.Followed) -> list[str]:
    """One arrow for each pair, with all that leads along it."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (state, told), after in sorted(followed.items()):
        for other in after:
            edges.setdefault((state, other), []).append(told)
    return [f"{state} --> {other}: {' · '.join(told)}" for (state, other), told in _from_the_beginning(edges)]


def _from_the_beginning(found: dict[tuple[str, str], T]) -> list[tuple[tuple[str, str], T]]:
    return sorted(found.items(), key=lambda each: (each[0][0] != watching.BEGIN, each[0]))


def dispositions() -> str:
    """What each kind of error lets follow."""
    rows = []
    for name, rules in (("retry", RetryRule), ("ask_another", AskAnother)):
        by_rule = {
            rule: [kind for kind, row in DISPOSITIONS.items() if getattr(row, name) == rule] for rule in get_args(rules)
        }
        most = max(map(len, by_rule.values()))
        for rule, kinds in sorted(by_rule.items(), key=lambda each: len(each[1]) == most):
            rows.append((f"`{name}`", f"`{rule}`", "all others" if len(kinds) == most else _code(*kinds)))
    return _table(("Column", "Rule", "Kinds"), rows)


def breaker(followed: watching.Followed) -> str:
    """What changes a breaker's state."""
    first = get_args(State)[0]
    told_words = dict.fromkeys(told.partition(",")[0] for _, told in sorted(followed))
    words = [(f"`{word}`", first_sentence(getattr(Breaker, word).__doc__)) for word in told_words]
    drawn = _mermaid("stateDiagram-v2", "direction LR", f"[*] --> {first}", *_arrows(followed))
    return drawn + "\n\n" + _table(("Word", "Meaning"), words)


def attempt() -> str:
    """The phases of an attempt, and the clocks that watch over them."""
    found = watching.rings()
    fates = {clock: fate for clock, (_, fate) in found.items()}
    rung = [clock for clock in found if clock not in ("tail_s", "total_s")]
    drawn = _mermaid(
        "stateDiagram-v2",
        "direction LR",
        "[*] --> connecting",
        "connecting --> waiting: a connection stands",
        "waiting --> relaying: the first useful delta",
        "relaying --> tail: the end marker",
        f"tail --> {fates['tail_s']}: the end, or tail_s",
        *(f"{found[clock][0]} --> {fates[clock]}: {clock}" for clock in rung),
    )
    rows = []
    for clock in Clocks.__struct_fields__:
        default = getattr(Limits(), clock)
        fate = f"`{fates[clock]}`"
        shown = "none" if default is None else f"{default:g} s"
        rows.append((f"`{clock}`", shown, found[clock][0], fate, _of_limit(clock)))
    return drawn + "\n\n" + _table(("Clock", "Default", "Phase", "When it rings", "It runs"), rows)


def _of_limit(clock: str) -> str:
    """What the settings say of a clock."""
    docstring = inspect.getdoc(Limits) or ""  # indented alike everywhere: Python 3.13 strips what stands in the class
    found = re.search(rf"^    {clock}: (.*(?:\n {{5,}}.*)*)", docstring, re.MULTILINE)
    assert found is not None, f"Limits does not explain {clock}"
    return first_sentence(found[1])


if __name__ == "__main__":
    PAGE.write_text(with_drawings(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
