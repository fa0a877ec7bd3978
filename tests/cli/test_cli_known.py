"""`standby providers MODEL`: what is known of a model and from where; and `check`, which tells quirks in words."""

import json
from pathlib import Path

import pytest
from standby.providers import knowledge

from commands import run


def test_in_a_pipe_each_fact_is_a_line_with_its_source_and_date() -> None:
    ended = run("providers", "openai/gpt-5.6-luna")
    assert (ended.exit_code, ended.stderr) == (0, "")
    header, *lines = ended.stdout.splitlines()
    assert header.split() == ["PROVIDER", "MODEL", "WHAT", "VALUE", "MODELS", "SOURCE", "SEEN"]
    known = knowledge.known("openai", "gpt-5.6-luna")
    assert len(lines) == len(known.facts)
    [beside] = [line for line in lines if "efforts_with_tools" in line]
    assert "litellm#34569" in beside
    assert beside.endswith("2026-11-30")


def test_as_json_it_is_whole() -> None:
    [found] = json.loads(run("providers", "anthropic/claude-fable-5", "--json").stdout)
    assert (found["provider"], found["model"]) == ("anthropic", "claude-fable-5")
    efforts = next(fact for fact in found["facts"] if fact["name"] == "efforts")
    assert efforts["value"] == ["low", "medium", "high", "xhigh", "max"]
    assert efforts.keys() == {"name", "value", "source", "seen", "models"}


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ("gpt-5.4", {("openai", "gpt-5.4"), ("openai-responses", "gpt-5.4")}),
        ("mistral", {("mistral", "mistral-small-latest")}),
        ("groq/qwen/qwen3-32b", {("groq", "qwen/qwen3-32b")}),
        ("xai", {("xai", "")}),
    ],
)
def test_a_model_alone_is_looked_for_at_every_provider(reference: str, meant: set[tuple[str, str]]) -> None:
    found = json.loads(run("providers", reference, "--json").stdout)
    assert {(each["provider"], each["model"]) for each in found} == meant


def test_a_model_of_which_nothing_is_known_is_said_to_be_one() -> None:
    ended = run("providers", "of-tomorrow-9")
    assert ended.exit_code == 2
    assert "nothing is known of 'of-tomorrow-9'" in ended.stderr


def test_check_tells_what_a_quirk_does_and_refuses_one_that_is_not_known(nobody_is_configured: Path) -> None:
    file = nobody_is_configured / "u.yaml"
    file.write_text("targets:\n  a: {provider: vllm, model: m, quirks: {alternate: true}}\n")
    ended = run("check", "u.yaml")
    assert ended.stdout.startswith("u.yaml:2:53: targets.a.quirks.alternate: turns of one side in a row are merged\n")
    [told] = json.loads(run("check", "u.yaml", "--json").stdout)["files"][0]["quirks"]
    assert (told["line"], told["path"]) == (2, "targets.a.quirks.alternate")
    file.write_text("targets:\n  a: {provider: vllm, model: m, quirks: {max_token_field: x}}\n")
    ended = run("check", "u.yaml")
    assert ended.exit_code == 2
    assert "targets.a.quirks.max_token_field: unknown key; did you mean 'max_tokens_field'?" in ended.stdout
    assert ended.stdout.startswith("u.yaml:2:")
    file.write_text("targets:\n  a: {provider: gemini, model: m, quirks: {json: json_object}}\n")
    assert "Google Gemini has no quirk 'json'; it knows alternate" in run("check", "u.yaml").stdout
    file.write_text("targets:\n  a: {provider: vllm, model: m, quirks: {call_id: '9 letters'}}\n")
    assert "targets.a: Target.quirks make no sense: call_id is one class" in run("check", "u.yaml").stdout
