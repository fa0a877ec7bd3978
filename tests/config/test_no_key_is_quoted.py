"""A message about the configuration does not quote what looks like a key, wherever the key was put by mistake."""

from pathlib import Path
from typing import Any

import pytest
from standby.config import ConfigFileError, load
from standby.providers import registry
from standby.providers.errors import without_keys

from canaries import CANARY_KEY, assert_no_canary, canaries_in
from standby import Config, ConfigError, Route, Router, Target

KEYS = (
    CANARY_KEY,
    "sk-proj-abcdefghijklmnop",
    "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    "gsk_0123456789abcdef",
    "hf_abcdefghij",
)
LIKE_KEYS = ("0123456789abcdef0123456789abcdef", "aB3dE5gH7jK9mN1pQ3", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")


@pytest.mark.parametrize("key", [*KEYS, *LIKE_KEYS])
def test_what_looks_like_a_key_is_hidden(key: str) -> None:
    for said in (f"no provider {key!r}", f"{key}: unknown key", f"the file {key} is not there", f"x={key}"):
        hidden = without_keys(said)
        assert "***" in hidden
        assert key[:8] not in hidden


@pytest.mark.parametrize(
    "said",
    [
        "no provider 'opnai'; did you mean 'openai'?",
        "there is no target 'accounts/fireworks/models/llama-v3p1-405b-instruct'",
        "'anthropic.claude-sonnet-4-5-20250929-v1:0' is no error kind",
        "/etc/standby/production-2026.yaml:12:3: targets.main.first_delta_s: must be more than 0",
        "the environment variable OPENAI_API_KEY is not set; ask-me, risk-free, disk-storage-is-full",
        "",
    ],
)
def test_and_nothing_else_is(said: str) -> None:
    assert without_keys(said) == said


WRONG: dict[str, Any] = {
    "a provider": lambda: Router([CANARY_KEY]).explain(),
    "a provider in a list": lambda: registry.get(CANARY_KEY),
    "a router": lambda: Router(CANARY_KEY),
    "targets": lambda: Config(routes={"r": Route(CANARY_KEY)}),  # type: ignore[arg-type]
    "a name": lambda: Target("openai", model="m", name=CANARY_KEY, key=" "),
    "a key file": lambda: Target("openai", model="m", key_file=CANARY_KEY),
    "a CA file": lambda: Target("openai", model="m", ca_file=CANARY_KEY),
    "a header": lambda: Target("openai", model="m", headers={f"{CANARY_KEY} ": "x"}),
    "a header's name": lambda: Target(
        "openai", model="m", headers={CANARY_KEY.replace("/", "").replace("=", ""): "\n"}
    ),
    "a parameter": lambda: Target("openai", model="m", parameters={CANARY_KEY: 1}),
    "a capability": lambda: Target("openai", model="m", capabilities={CANARY_KEY: 1}),
    "a weight": lambda: Route(("koala",), weights={CANARY_KEY: -1}),
    "a kind": lambda: Route(("koala",), on={CANARY_KEY: ("koala",)}),  # type: ignore[dict-item]
    "a route": lambda: (
        Config.of_targets(("koala",)).routes
        and Config(routes={"a": Route(("koala",)), "b": Route(("koala",))}).route(CANARY_KEY)
    ),
    "a file": lambda: load(CANARY_KEY.replace("/", "")),
}


@pytest.mark.parametrize("place", WRONG)
def test_no_error_of_code_quotes_a_key(place: str) -> None:
    with pytest.raises(Exception) as caught:
        WRONG[place]()
    assert_no_canary(caught.value)


FILES = {
    "a provider": "targets: {{a: {{provider: {key}}}}}",
    "a target": "routes: {{r: {{targets: [{key}]}}}}",
    "a setting's name": "targets: {{a: {{provider: openai, {key}: 1}}}}",
    "a target's name": "targets: {{{key}: {{provider: nobody}}}}",
    "a number": "limits: {{deadline_s: {key}}}",
    "a word": "routes: {{r: {{targets: [koala], all_open: {key}}}}}",
    "an address": "targets: {{a: {{provider: openai, base_url: {key}}}}}",
    "a header": 'targets: {{a: {{provider: openai, headers: {{"{key} x": y}}}}}}',
    "an option": "targets: {{a: {{provider: bedrock, options: {{{key}: 1}}}}}}",
    "a variable's name": "targets: {{a: {{provider: openai, key: '${{AIzaSyA1234567890abcdefghij}}'}}}}",
    "a kind": "routes: {{r: {{targets: [koala], on: {{{key}: [koala]}}}}}}",
    "the whole file": "{key}",
}


@pytest.mark.parametrize("place", FILES)
def test_no_error_of_a_file_quotes_a_key(tmp_path: Path, place: str) -> None:
    file = tmp_path / "standby.yaml"
    file.write_text(FILES[place].format(key=CANARY_KEY), encoding="utf-8")
    with pytest.raises(ConfigFileError) as caught:
        load(file)
    assert_no_canary(caught.value)
    for problem in caught.value.problems:
        said = f"{problem} {problem.message} {problem.hint}"
        assert canaries_in(said) == []
        assert "AIza" not in said


def test_nor_does_an_error_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDBY_LIMITS__DEADLINE_S", CANARY_KEY)
    monkeypatch.setenv("STANDBY_TARGETS", CANARY_KEY)
    with pytest.raises(ConfigError) as caught:
        load()
    assert_no_canary(caught.value)
