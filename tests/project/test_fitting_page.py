"""docs/fitting.md: its examples are executed, and its tables name what there is."""

import re
import sys
from pathlib import Path
from typing import get_args

import pytest
from standby.config import load
from standby.providers.capabilities import Fit
from standby.providers.chat import chat_request
from standby.providers.quirks import SETTABLE, value_problem
from standby.router.explain import explain

from page_examples import DOCS, check_example, examples

PAGE = (DOCS / "fitting.md").read_text(encoding="utf-8")
YAML = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(("files", "example"), examples(PAGE), ids=lambda value: None)
def test_the_page_shows_what_comes(files: tuple[str, ...], example: str, tmp_path: Path) -> None:
    check_example(files, example, tmp_path, str(Path(sys.executable).parent) + ":/usr/bin:/bin")


@pytest.mark.parametrize("text", YAML)
def test_every_file_of_the_page_loads(text: str, tmp_path: Path) -> None:
    (tmp_path / "standby.yaml").write_text(text, encoding="utf-8")
    for target in load(tmp_path / "standby.yaml", env_file=None).targets.values():
        assert value_problem(target.quirks) is None


def test_strict_passes_over_the_target_that_nearest_asks_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "standby.yaml").write_text(YAML[0], encoding="utf-8")
    config = load(tmp_path / "standby.yaml", env_file=None)
    chat = chat_request("Hi", tools=[TOOL], reasoning_effort="high")
    by_route = {
        route: {
            target.target: target.skipped.detail if target.skipped else ""
            for target in explain(config, route, chat).targets
        }
        for route in ("chat", "evaluation")
    }
    assert by_route["chat"]["lead"] == ""
    assert by_route["evaluation"] == {"lead": "cannot express reasoning_effort high", "exact": ""}


def test_the_tables_name_every_quirk_and_every_way() -> None:
    section = PAGE.partition("## The quirks of a server")[2]
    named = {
        name for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert named == set(SETTABLE)
    ways = PAGE.partition("## Nearest, strict, off")[2].partition("## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", ways, re.MULTILINE)) >= set(get_args(Fit))
