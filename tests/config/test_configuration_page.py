"""docs/configuration.md agrees with the code: its tables, its order of sources, and the errors it shows."""

import dataclasses
import re
from pathlib import Path

import pytest
from standby.config import ConfigFileError, load
from standby.config.describe import SECTIONS, descriptions, table, with_tables
from standby.config.model import Config

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_classes() -> None:
    assert with_tables(TEXT) == TEXT, "run: python -m standby.config.describe docs/configuration.md"
    assert re.findall("<!-- settings: (.+) -->", TEXT) == [cls.__name__ for cls in SECTIONS]


def test_every_setting_has_a_meaning() -> None:
    for cls in (*SECTIONS, Config):
        assert [field.name for field in dataclasses.fields(cls)] == [
            name for name in (field.name for field in dataclasses.fields(cls)) if descriptions(cls).get(name)
        ]
        assert set(descriptions(cls)) == {field.name for field in dataclasses.fields(cls)}


def test_a_table_has_value_default_and_meaning() -> None:
    rows = [row for cls in SECTIONS for row in table(cls).splitlines()]
    meaning = "Maximum time between two useful deltas, while the caller waits for the next one."
    assert f"| `stall_s` | seconds | `10` | {meaning} |" in rows
    assert any(row.startswith("| `attempts` | whole number, at least 1 and at most 10 | `3` |") for row in rows)
    assert any(row.startswith("| `all_open` | one of `wait`, `last_resort`, `fail` | `wait` |") for row in rows)
    assert any(row.startswith("| `provider` | text | required |") for row in rows)
    assert any(row.startswith("| `retry` | mapping, as `retry` below | not set |") for row in rows)
    assert any(row.startswith("| `trust_env` | `true` or `false` | `false` |") for row in rows)


def test_the_yaml_on_the_page_gives_the_errors_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("OPENAI_API_KEY", "KOALA_TEAM"):
        monkeypatch.delenv(variable, raising=False)
    blocks = dict(re.findall(r"This file\n\n```yaml\n(.*?)```.*?```text\n(.*?)```", TEXT, re.DOTALL))
    [(wrong, errors)] = blocks.items()
    Path("standby.yaml").write_text(wrong, encoding="utf-8")
    with pytest.raises(ConfigFileError) as caught:
        load("standby.yaml")
    assert str(caught.value) == errors.strip()
