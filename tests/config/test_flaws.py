"""A target that nothing can be asked of is refused when its file is loaded, at its place."""

import sys
from pathlib import Path

import pytest
from standby.config import Config, ConfigFileError, flaws, load
from standby.config.target import Target


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("STANDBY_LLAMACPP_BASE_URL", "STANDBY_AZURE_OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def problems_of(text: str) -> list[str]:
    Path("u.yaml").write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        load("u.yaml")
    return str(caught.value).splitlines()


NO_MODEL = "names no model, and the provider has no usual one; give model"
NO_ADDRESS = "has no address, and the provider has none of its own; give base_url, or set STANDBY_AZURE_OPENAI_BASE_URL"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "targets:\n  ok: {provider: openai}\n  spare: {provider: groq, key: y}\n",
            [f"3:3: targets.spare.model: {NO_MODEL}"],
        ),
        ("targets:\n  az: {provider: azure-openai, model: m}\n", [f"2:3: targets.az.base_url: {NO_ADDRESS}"]),
        (
            "targets:\n  az: {provider: azure-openai}\n  spare: {provider: groq}\n",
            [
                f"2:3: targets.az.base_url: {NO_ADDRESS}",
                f"2:3: targets.az.model: {NO_MODEL}",
                f"3:3: targets.spare.model: {NO_MODEL}",
            ],
        ),
        ("routes:\n  r:\n    targets: [openai, groq]\n", [f"3:23: routes.r.targets[1]: {NO_MODEL}"]),
        ("routes:\n  r:\n    targets: [openai, [koala, groq]]\n", [f"3:31: routes.r.targets[1][1]: {NO_MODEL}"]),
        ("routes:\n  r:\n    targets: [{provider: groq}]\n", [f"3:15: routes.r.targets[0].model: {NO_MODEL}"]),
        (
            "routes:\n  r:\n    targets: [openai]\n    on:\n      context_length: [groq]\n",
            [f"5:24: routes.r.on.context_length[0]: {NO_MODEL}"],
        ),
    ],
    ids=["model", "address", "all at once", "named on a route", "in a tier", "written on a route", "standing by"],
)
def test_what_lacks_a_model_or_an_address_is_refused_at_its_place(text: str, problems: list[str]) -> None:
    assert problems_of(text) == [f"u.yaml:{problem}" for problem in problems]


def test_it_is_told_beside_what_else_is_wrong() -> None:
    found = problems_of("targets:\n  spare: {provider: groq}\nroutes:\n  r: {targets: [spare, opnai/m]}\n")
    assert len(found) == 2
    assert NO_MODEL in found[0]
    assert "no target named" in found[1]


def test_an_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "targets:\n  az: {provider: azure-openai, model: m, key: k}\n"
    Path("u.yaml").write_text(text)
    monkeypatch.setenv("STANDBY_AZURE_OPENAI_BASE_URL", "https://h.test")
    assert isinstance(load("u.yaml"), Config)
    monkeypatch.setenv("STANDBY_AZURE_OPENAI_BASE_URL", "h.test")
    assert problems_of(text) == [
        "u.yaml:2:3: targets.az.base_url: the address in STANDBY_AZURE_OPENAI_BASE_URL does not begin with"
        " https:// or http://"
    ]


def test_a_target_of_the_environment_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDBY_TARGETS__SPARE__PROVIDER", "groq")
    with pytest.raises(ConfigFileError, match=r"environment STANDBY_TARGETS__SPARE__PROVIDER.*names no model"):
        load()


@pytest.mark.parametrize(
    ("module", "target", "problem"),
    [
        (
            "botocore",
            "{provider: bedrock, model: m}",
            "provider: AWS Bedrock needs an optional package; pip install 'standby[bedrock]'",
        ),
        (
            "google.auth",
            "{provider: gemini, options: {vertex: {project: p}}}",
            "options: Vertex AI needs an optional package; pip install 'standby[vertex]'",
        ),
        (
            "aiohttp_socks",
            "{provider: openai, model: m, proxy: 'socks5://h:1'}",
            "proxy: a SOCKS proxy needs an optional package; pip install 'standby[socks]'",
        ),
    ],
)
def test_a_missing_extra_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str, target: str, problem: str
) -> None:
    text = f"targets:\n  t: {target}\n"
    Path("u.yaml").write_text(text)
    assert isinstance(load("u.yaml"), Config)
    monkeypatch.setitem(sys.modules, module, None)
    (found,) = problems_of(text)
    assert found.startswith("u.yaml:2:")
    assert found.endswith(f"targets.t.{problem}")


def test_with_a_key_of_its_own_a_target_needs_no_library_that_finds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    Path("u.yaml").write_text("targets:\n  t: {provider: gemini, key: k, options: {vertex: {project: p}}}\n")
    assert isinstance(load("u.yaml"), Config)


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_a_place_on_vertex_ai_that_is_none_is_refused(provider: str) -> None:
    (found,) = problems_of(f"targets:\n  t: {{provider: {provider}, key: k, options: {{vertex: {{location: eu}}}}}}\n")
    assert found.startswith("u.yaml:2:")
    assert "targets.t.options: vertex has no project: " in found


def test_a_target_without_flaws_has_none() -> None:
    assert list(flaws.flaws(Target("openai", model="m"), {})) == []
