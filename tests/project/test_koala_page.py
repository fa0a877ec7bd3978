"""docs/koala.md: its example runs unchanged and sends what the page shows; its words agree with the registry."""

import json
import re
from pathlib import Path

from example import PROVIDERS, run
from sources import ROOT
from standby.providers import registry

from standby.testing import Answer, Simulator, blocked

PAGE = (ROOT / "docs" / "koala.md").read_text(encoding="utf-8")
SAID = Answer(("Python — ", "это язык", " программирования.\n", "«Просто» 🐨"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


async def test_the_generator(tmp_path: Path) -> None:
    async with Simulator(dict.fromkeys(PROVIDERS, "Never asked.")) as simulator:
        simulator.play("koala", SAID, dialect="koala")
        code, out, err = await run(simulator, blocks("python")[0], tmp_path)
        assert (code, err) == (0, "")
        assert out == "".join(SAID.text) + "\n"
        [exchange] = simulator.exchanges
    asked = exchange.request
    assert asked.json == json.loads(blocks("json")[0])
    assert asked.json == {
        "input": "Расскажи мне о Python.",
        "inputHistory": ["Привет!"],
        "outputHistory": ["Здравствуйте! Как я могу вам помочь?"],
        "model": "gpt-4o-mini",
    }
    assert asked.path == registry.get("koala").info.endpoint
    assert "authorization" not in asked.headers


async def test_the_bot_wall_is_said_to_be_one(tmp_path: Path) -> None:
    async with Simulator(dict.fromkeys(PROVIDERS, "Never asked.")) as simulator:
        simulator.play("koala", blocked(), dialect="koala")
        code, out, err = await run(simulator, blocks("python")[0], tmp_path)
        assert (code, out) == (1, "")
        assert "AllTargetsFailed: no target gave an answer: blocked" in err
        assert len(simulator.exchanges) == 1


async def test_koala_with_an_standby(tmp_path: Path) -> None:
    script = blocks("python")[1] + (
        "\nimport asyncio\n\nasync def main():\n    async with router:\n"
        "        print((await router.complete('Привет!')).target)\n\nasyncio.run(main())\n"
    )
    async with Simulator(dict.fromkeys(PROVIDERS, "Здравствуйте!")) as simulator:
        simulator.play("koala", blocked(), dialect="koala")
        assert await run(simulator, script, tmp_path) == (0, "openai/gpt-5-mini\n", "")


def test_the_page_says_what_the_registry_says() -> None:
    info = registry.get("koala").info
    assert (info.official, info.working) == (False, False)
    assert "**This address is not official.**" in PAGE
    assert "**it does not work**" in PAGE
    assert f"`{info.base_url}{info.endpoint}`" in PAGE
    assert f"`{info.key_env}`" in PAGE
    assert f"`None`: `{info.default_model}`" in PAGE
