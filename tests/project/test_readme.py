"""The README tells the truth: its examples run as they stand, on the simulator; its table is the registry's."""

import re
from pathlib import Path

from example import PROVIDERS, run
from readme import README, examples, with_table

from standby.testing import Page, Simulator, blocked

TEXT = "Because of Rayleigh scattering."


def play(simulator: Simulator, **answers: Page | str) -> None:
    for name in PROVIDERS:
        dialect = "koala" if name == "koala" else "openai"
        simulator.play(name, answers.get(name, TEXT), dialect=dialect)


def test_the_table_of_providers_is_the_registrys() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run: python tests/project/readme.py"
    assert text.count("<!-- /providers -->") == 1


def test_the_examples_are_those_that_are_run_here() -> None:
    assert [len(examples(language)) for language in ("python", "yaml")] == [2, 1]


async def test_the_five_lines(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        for koala, openai, who in (
            (TEXT, TEXT, "koala"),
            (blocked(), TEXT, "openai"),
            (blocked(), Page(b"<html></html>"), "groq"),
        ):
            play(simulator, koala=koala, openai=openai)
            code, out, err = await run(simulator, examples("python")[0], tmp_path)
            assert (code, err) == (0, "")
            said, _, report = out.partition("\n--\n")
            assert said == TEXT
            lines = report.splitlines()
            assert re.fullmatch(rf"{who}(/\S+)?: answered in \d\.\d\d s", lines[-1])
            assert len(lines) == ["koala", "openai", "groq"].index(who) + 1
        asked = [exchange.request for exchange in simulator.exchanges if exchange.provider == "openai"]
        assert {request.headers["authorization"] for request in asked} == {"Bearer key-of-openai"}
        assert {request.reading.model for request in asked} == {"gpt-5-mini"}
        assert {text for request in asked for _, text in request.reading.messages} == {"Why is the sky blue?"}


async def test_the_backend_service(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        play(simulator, koala=blocked())
        (tmp_path / "standby.yaml").write_text(examples("yaml")[0], encoding="utf-8")
        code, out, err = await run(simulator, examples("python")[1], tmp_path)
        assert (code, err) == (0, "")
        assert out.startswith(f"{TEXT} main Usage(")
        [asked] = [exchange.request for exchange in simulator.exchanges if exchange.provider == "openai"]
        assert asked.json["model"] == "gpt-5-mini"

        play(simulator, **dict.fromkeys(PROVIDERS, Page(b"<html></html>")))
        code, out, err = await run(simulator, examples("python")[1], tmp_path)
        assert (code, err) == (0, "")
        assert out.startswith("protocol ['koala: protocol")
        assert [name in out for name in ("koala", "main", "spare")] == [True] * 3


async def test_the_backend_service_without_its_keys(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        play(simulator)
        (tmp_path / "standby.yaml").write_text(examples("yaml")[0], encoding="utf-8")
        code, _, err = await run(simulator, examples("python")[1], tmp_path, keys=False)
        assert code == 1
        for name, place in (("OPENAI", "main"), ("GROQ", "spare")):
            assert f"targets.{place}.key: the environment variable {name}_API_KEY is not set" in err
        assert not simulator.exchanges
