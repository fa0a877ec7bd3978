"""What no file of the project may hold, read from the text and from the syntax trees."""

import ast
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sources import ROOT, kept_files, modules

MAX_LINES = 600
"""Of a file with tests or benchmarks, which are tables for a good part. Of what is built on, see `SIZES`."""

SIZES = {"module": 450, "class": 300, "function": 60}
"""Maximum lines, decorators included, in the package and in the worlds."""
MEDIAN_MODULE = 120
"""Maximum of the median of the lines of a room's modules."""

FORBIDDEN = {
    "the host of a package registry": r"py(pi)\.org|python(hosted)\.|registry\.(npm)js|deb\.(debian)\.|crates\.(io)\b",
    "a path of one machine": r"(?:^|[^\w.<>{}$*-])/(?:work|root|farm|home/\w+|Users/\w+)/|/tmp/(bash)_jobs",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE (KEY)-----",
}
UNFINISHED = re.compile(r"\b(?:T(?:ODO)|F(?:IXME)|X(?:XX)|H(?:ACK))\b")

WALL_CLOCK_ALLOWED = {
    "providers/wall_clock.py": "a Retry-After may be a date, and a budget is of a day: no other clock tells these",
    "providers/dialects/bedrock_auth.py": "AWS refuses a signature whose date is not the present",
}
"""Modules that may read the wall clock, with the reason. Whatever decides uses the monotonic clock it is handed."""

SWALLOWING_ALLOWED = {
    "router/notices/observers.py": "observers have a thread of their own, in which no task is cancelled",
}
"""Modules that may end what is no `Exception`, with the reason."""

WALL_CLOCK = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}

CANCEL_SCOPES = {"timeout", "timeout_at", "TaskGroup", "fail_after", "move_on_after", "open_nursery"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = [place(path) for path in kept_files() if pattern.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert not found, f"{what} stands in {found}"


def test_no_code_is_marked_as_unfinished() -> None:
    code = [path for path in kept_files() if path.suffix == ".py" or path.name == "Makefile"]
    assert not [place(path) for path in code if UNFINISHED.search(path.read_text(encoding="utf-8"))]


def test_every_module_is_read_in_one_sitting() -> None:
    long = {place(path): lines for path in kept_files() if path.suffix == ".py" and (lines := _lines(path)) > MAX_LINES}
    assert not long, f"longer than {MAX_LINES} lines: {long}"


def test_no_module_class_or_function_is_long() -> None:
    held = [each.path for each in modules().values()] + sorted((ROOT / "worlds").glob("*.py"))
    long = [
        f"{place(path)}: {what} has {lines}"
        for path in held
        for what, kind, lines in sizes(ast.parse(path.read_text(encoding="utf-8")), _lines(path))
        if lines > SIZES[kind]
    ]
    assert not long, f"at most {SIZES}, cut it where what it does parts: {long}"


def test_the_modules_of_the_router_are_small() -> None:
    """Those that only open a room are left out: they would make every median small."""
    lines = [_lines(each.path) for each in modules().values() if each.name.startswith("standby.router.")]
    median = statistics.median(each for each in lines if each > 1)
    assert median <= MEDIAN_MODULE, f"the median is {median} lines"


def test_the_size_rule_sees_what_it_forbids() -> None:
    body = "\n    x = 1" * SIZES["function"]
    tree = ast.parse(f"@cache\ndef f():{body}\nclass C:\n    async def g(self): ...\n")
    found = {(what, lines) for what, _, lines in sizes(tree, SIZES["module"] + 1)}
    assert found == {("the module", 451), ("f", 62), ("C", 2), ("g", 1)}


def test_every_module_says_what_it_is() -> None:
    silent = [each.place for each in modules().values() if _lines(each.path) and not ast.get_docstring(each.tree)]
    assert not silent, f"no docstring: {silent}"


def sizes(tree: ast.Module, lines: int) -> Iterator[tuple[str, str, int]]:
    """The lines of a module, and of each class and function in it: its name, which of these it is, and how many."""
    yield "the module", "module", lines
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            begins = min(each.lineno for each in (node, *node.decorator_list))
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            yield node.name, kind, (node.end_lineno or begins) - begins + 1


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


# What a syntax tree shows. Each rule gives the lines on which it is broken; each is tried on a broken line below.


def wall_clock(tree: ast.Module) -> Iterator[int]:
    """Calls of the wall clock: it jumps, and a decision that read it jumps too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ".".join(ast.unparse(node).split(".")[-2:]) in WALL_CLOCK:
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for alias in node.names if f"time.{alias.name}" in WALL_CLOCK)


def swallowed_cancellation(tree: ast.Module) -> Iterator[int]:
    """`except:`, `except BaseException`, `except CancelledError` without a `raise`: a cancelled task would survive.

    In a function that does not wait, no task is cancelled: a `CancelledError` there is of a future that it looked at.
    """
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    does_not_wait = {id(node) for function in functions for node in _own(function)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = {name.split(".")[-1] for name in _names(node.type)} if node.type else {"BaseException"}
        raises = any(isinstance(each, ast.Raise) for each in ast.walk(node))
        if id(node) in does_not_wait:
            caught -= {"CancelledError"}
        if caught & {"BaseException", "CancelledError"} and not raises:
            yield node.lineno


def followed_redirect(tree: ast.Module) -> Iterator[int]:
    """A followed redirect takes the key and the prompt to wherever it points."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "allow_redirects" and ast.unparse(node.value) != "False":
            yield node.value.lineno


def yield_inside_a_cancel_scope(tree: ast.Module) -> Iterator[int]:
    """A generator that yields inside a cancel scope cancels its consumer's code (PEP 789)."""
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef) and not _is_context_manager(function):
            for scope in _own(function):
                if isinstance(scope, ast.AsyncWith | ast.With) and _is_cancel_scope(scope):
                    yield from (node.lineno for node in _own(scope) if isinstance(node, ast.Yield | ast.YieldFrom))


def shown_aiohttp_error(tree: ast.Module) -> Iterator[int]:
    """`raise_for_status` raises an exception with every request header in its repr, the key among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "raise_for_status":
            yield node.lineno


def _names(node: ast.AST) -> list[str]:
    return [ast.unparse(each) for each in (node.elts if isinstance(node, ast.Tuple) else [node])]


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function's or a block's own body, not in functions inside of it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _own(child)


def _is_context_manager(function: ast.AsyncFunctionDef) -> bool:
    return any("contextmanager" in ast.unparse(each) for each in function.decorator_list)


def _is_cancel_scope(block: ast.AsyncWith | ast.With) -> bool:
    calls = (item.context_expr for item in block.items)
    return any(isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in CANCEL_SCOPES for call in calls)


RULES: dict[Callable[[ast.Module], Iterator[int]], tuple[str, ...]] = {
    wall_clock: (
        "import time\nnow = time.time()",
        "import datetime\nnow = datetime.datetime.now(datetime.UTC)",
        "from time import time",
        "from datetime import datetime\nclock = datetime.now",
    ),
    swallowed_cancellation: (
        "try:\n    f()\nexcept:\n    pass",
        "try:\n    f()\nexcept (ValueError, BaseException):\n    log()",
        "try:\n    f()\nexcept asyncio.CancelledError:\n    return",
        "async def f():\n    try:\n        await g()\n    except (Exception, CancelledError):\n        return",
        "def f():\n    try:\n        g()\n    except BaseException:\n        return",
    ),
    followed_redirect: ("session.post(url, allow_redirects=True)", "session.post(url, allow_redirects=follow)"),
    yield_inside_a_cancel_scope: (
        "async def f():\n    async with asyncio.timeout(1):\n        yield 1",
        "async def f():\n    async with asyncio.TaskGroup() as group:\n        while True:\n            yield 1",
    ),
    shown_aiohttp_error: ("response.raise_for_status()",),
}


ALLOWED: dict[Callable[[ast.Module], Iterator[int]], dict[str, str]] = {
    wall_clock: WALL_CLOCK_ALLOWED,
    swallowed_cancellation: SWALLOWING_ALLOWED,
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_module_breaks(rule: Callable[[ast.Module], Iterator[int]]) -> None:
    allowed = ALLOWED.get(rule, {})
    found = [f"{m.place}:{line}" for m in modules().values() if m.place not in allowed for line in rule(m.tree)]
    assert not found, f"{rule.__doc__} Found in {found}"


@pytest.mark.parametrize(("rule", "broken"), [(rule, line) for rule, broken in RULES.items() for line in broken])
def test_a_rule_sees_what_it_forbids(rule: Callable[[ast.Module], Iterator[int]], broken: str) -> None:
    assert list(rule(ast.parse(broken)))


@pytest.mark.parametrize("rule", ALLOWED)
def test_an_allow_list_is_needed(rule: Callable[[ast.Module], Iterator[int]]) -> None:
    breaking = {module.place for module in modules().values() if list(rule(module.tree))}
    assert set(ALLOWED[rule]) <= breaking


def test_no_two_test_modules_have_one_name() -> None:
    """pytest imports them by their last names: a second one of a name is an error, in a whole run alone."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
