"""The JSON Schema: what `load` takes it takes, what `load` refuses it marks."""

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from standby.config import json_schema
from standby.config.describe import SECTIONS, descriptions
from standby.config.examples import NAMES, example

SCHEMA = json_schema()


def marks(text: str) -> list[str]:
    errors = Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(text))
    return sorted({".".join(map(str, error.absolute_path)) for error in errors})


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_fit_it(name: str) -> None:
    assert marks(example(name)) == []


def test_what_a_file_may_hold_fits_it() -> None:
    assert (
        marks(
            """
targets:
  a: {provider: koala, key: "${K}", connect_s: "${C:-3}", trust_env: "${T}", headers: {a: b}, body: {a: [1, {}]}}
routes:
  r: {targets: [a, openai/gpt-5, {provider: koala}], all_open: "${ALL}", total_s: null, retry: {attempts: 2}}
"""
        )
        == []
    )


def test_mistakes_are_marked_where_they_are() -> None:
    assert marks(
        """
targets:
  a: {provider: koala, modle: m, connect_s: -1, headers: [], capabilities: {tool: true}, key: 5}
  b: {model: m}
  c: {provider: koala, connector: x}
routes:
  r: {targets: [], all_open: never, parameters: {temprature: 1}}
limits: {deadline_s: soon, stall_s: "x${A}"}
retry: {attempts: 11}
foo: 1
"""
    ) == [
        "", "limits.deadline_s", "limits.stall_s", "retry.attempts", "routes.r.all_open", "routes.r.parameters",
        "routes.r.targets", "targets.a", "targets.a.capabilities", "targets.a.connect_s", "targets.a.headers",
        "targets.a.key", "targets.b", "targets.c",
    ]  # fmt: skip


def test_a_key_is_written_and_never_read() -> None:
    key = SCHEMA["$defs"]["Target"]["properties"]["key"]
    assert (key["type"], key["writeOnly"]) == ("string", True)
    assert "default" not in key


def test_every_setting_is_described_in_the_words_of_its_class() -> None:
    for cls in SECTIONS:
        properties: dict[str, Any] = SCHEMA["$defs"][cls.__name__]["properties"]
        said = descriptions(cls)
        assert set(properties) == set(said) - {"connector"}
        for name, schema in properties.items():
            assert schema["description"] == said[name]
            assert "title" not in schema
    assert SCHEMA["properties"]["limits"]["description"] == "The clocks."


def test_each_call_gives_a_schema_of_its_own() -> None:
    json_schema()["properties"].clear()
    assert json_schema() == SCHEMA
