"""The bundled examples: each loads, as it is, with nothing but its variables."""

import os
import re
from pathlib import Path

import pytest
from standby.config import ConfigFileError, example, load
from standby.config.examples import NAMES


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STANDBY_") or name.endswith(("_URL", "_KEY"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_says_what_it_needs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = example(name)
    file = tmp_path / "u.yaml"
    file.write_text(text, encoding="utf-8")
    active = "\n".join(line.partition("#")[0] for line in text.splitlines())
    needed = set(re.findall(r"\$\{([A-Z_]+)\}", active))
    if needed:
        with pytest.raises(ConfigFileError) as caught:
            load(file)
        assert {problem.message.split()[3] for problem in caught.value.problems} == needed
    for variable in needed:
        monkeypatch.setenv(variable, "a-key-for-the-test")
    config = load(file)
    assert all(len(route.targets) >= 3 for route in config.routes.values())
    assert config.route().targets
    assert config.origin is not None
    assert config.origin.literal_keys == ()


def test_koala_leads_the_smallest_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "u.yaml"
    file.write_text(example("minimal"), encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("GROQ_API_KEY", "k")
    config = load(file)
    assert [config.target(name).provider for name in config.route().targets] == ["koala", "openai", "openai"]


def test_what_is_commented_out_would_load_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = example("backend")
    text = text.replace("    # proxy:", "    proxy:").replace(
        "    key: ${OPENAI_API_KEY}\n    reasoning", "    reasoning"
    )
    text = text.replace("    # key_file:", "    key_file:")
    file = tmp_path / "u.yaml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("GROQ_API_KEY", "k")
    monkeypatch.setenv("GROQ_PROXY", "http://u:p@proxy.internal:3128")
    config = load(file)
    assert config.targets["groq"].proxy == "http://u:p@proxy.internal:3128"
    assert config.targets["strong"].key_file == "/run/secrets/openai_api_key"


def test_an_unknown_example_names_those_that_exist() -> None:
    with pytest.raises(LookupError, match="there is no example 'x'; there are minimal, backend, local, gateway"):
        example("x")


def test_every_file_is_named(tmp_path: Path) -> None:
    import standby.config.examples as room

    [folder] = room.__path__
    assert {path.stem for path in Path(folder).glob("*.yaml")} == set(NAMES)
