"""Rules that keep adapters small and apart: their length, their imports, the little that a new one takes."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from standby.providers import registry
from standby.providers.capabilities import Capabilities
from standby.providers.chat import chat_request
from standby.providers.dialects import compatible
from standby.providers.provider import Endpoint, Provider

ROOT = Path(__file__).parents[2]
DIALECTS = ROOT / "providers" / "dialects"
SERVED = ROOT / "providers" / "serving"
"""The other side of some of them: each names its own dialect."""
ADAPTERS = {path.stem: path for path in sorted(DIALECTS.glob("*.py")) if path.stem != "__init__"}
LINES_MAX = 300

SHARED = {
    "anthropic_thinking": {"budget_notes", "thinking_field", "thinks"},
    "openai": {"ModelRows", "OpenAIChat"},
    "openai_body_decoder": {"ChatBodyDecoder"},
    "openai_decoder": {"ChatStreamDecoder"},
}
"""What other dialects may use: of the chat protocol that so many speak, and of Claude, which Bedrock serves, too."""
TABLES = {"registry.py", "prices.py"}
"""Where `providers` names a provider: its one line of data, and what it costs."""
NO_IO = {"aiohttp", "asyncio", "http", "requests", "socket", "ssl", "subprocess", "urllib.request"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def family(module: str) -> str:
    """The adapter that a module belongs to: `openai_responses_decoder` is a part of `openai_responses`."""
    heads = {*registry._BUILT_IN.values(), "compatible"}
    return max((head for head in heads if module == head or module.startswith(f"{head}_")), key=len, default="")


def neighbours(module: str) -> list[tuple[str, set[str]]]:
    """What a module takes from others of its folder: the module, and the names."""
    found = []
    for node in ast.walk(tree(ADAPTERS[module])):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names = {alias.name for alias in node.names}
            found += [(node.module, names)] if node.module else [(name, {"*"}) for name in names]
    return found


@pytest.mark.parametrize("module", ADAPTERS)
def test_an_adapter_is_read_in_one_sitting(module: str) -> None:
    assert len(ADAPTERS[module].read_text(encoding="utf-8").splitlines()) <= LINES_MAX


@pytest.mark.parametrize("module", ADAPTERS)
def test_an_adapter_knows_no_others_internals(module: str) -> None:
    assert family(module), f"{module} belongs to no dialect: the registry's table names no such dialect"
    for other, names in neighbours(module):
        if family(other) != family(module):
            assert names <= SHARED.get(other, set()), f"{module} takes {sorted(names)} from {other}"


def test_what_is_shared_is_there_and_is_used() -> None:
    used = {(other, name) for module in ADAPTERS for other, names in neighbours(module) for name in names}
    assert {(module, name) for module, names in SHARED.items() for name in names} <= used


@pytest.mark.parametrize("module", ADAPTERS)
def test_an_adapter_does_no_io(module: str) -> None:
    imported = set()
    for node in ast.walk(tree(ADAPTERS[module])):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(node.module or "")
    assert not imported & NO_IO
    assert not any(isinstance(node, ast.AsyncFunctionDef | ast.Await) for node in ast.walk(tree(ADAPTERS[module])))


def test_nothing_but_its_line_of_data_knows_a_provider_by_name() -> None:
    """So that to add one is to write its file and that line: no list, no branch anywhere else has to hear of it."""
    sources = [path for room in ("router", "config", "providers") for path in (ROOT / room).rglob("*.py")]
    named = {
        (path.relative_to(ROOT).as_posix(), node.value)
        for path in sources
        if path.name not in TABLES and path.parent not in (DIALECTS, SERVED)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and node.value in registry.names()
    }
    assert not named


FIVE_LINES = """
_row(
    "acme", "Acme", "https://docs.acme.test", "https://api.acme.test/v1", "ACME_API_KEY",
    default_model="acme-1",
    quirks=Quirks(max_tokens_field="max_tokens", stream_options=None, lacks=frozenset({"seed"})),
    known=Capabilities(tools=True, system=True, prefill="none"),
    models=((r"acme-think", Capabilities(reasoning=True)),),
)
"""
"""A provider that speaks the chat protocol, as it would stand in `compatible`."""


def test_a_provider_of_the_chat_protocol_is_five_lines_of_data() -> None:
    assert len(FIVE_LINES.strip().splitlines()) - 2 == 5
    acme: Provider = eval(FIVE_LINES, vars(compatible))
    assert isinstance(acme, Provider)
    assert (acme.name, acme.info.dialect, acme.info.key_env) == ("acme", "openai", "ACME_API_KEY")
    assert acme.capabilities("acme-think-2") == Capabilities(tools=True, system=True, prefill="none", reasoning=True)
    asked = acme.build_request(chat_request("Hi", max_tokens=5, seed=1), Endpoint(base_url="https://h", model="acme-1"))
    wanted = {"model": "acme-1", "stream": True, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    assert json.loads(asked.body) == wanted
    assert [note.split()[0] for note in asked.notes] == ["seed"]


def test_a_row_is_found_by_its_name_without_being_listed_anywhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = eval(FIVE_LINES, vars(compatible))
    monkeypatch.setitem(compatible.PRESETS, "acme", acme)
    try:
        assert "acme" in registry.names()
        assert registry.get("acme") is acme
    finally:
        registry._registered.pop("acme", None)


def test_no_dialect_is_loaded_before_it_is_asked_for() -> None:
    program = "import sys, standby.providers; print([name for name in sys.modules if '.dialects.' in name])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
