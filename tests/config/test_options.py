"""Options of a target that its provider does not know are told, in files and in code: nothing would come of them."""

import asyncio
from pathlib import Path

import pytest
from standby.config import ConfigFileError, load
from standby.providers import registry

from standby import Config, ConfigError, Router, Target

FILE = """
targets:
  aws:
    provider: bedrock
    model: m
    options: {region: eu-west-1, regoin: eu-west-1}
  cohere:
    provider: cohere
    key: k
    options:
      region: eu
routes:
  default: {targets: [aws, cohere]}
"""


def test_a_file_names_each_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "standby.yaml"
    file.write_text(FILE)
    with pytest.raises(ConfigFileError) as caught:
        load(file)
    first, second = str(caught.value).splitlines()
    assert first.endswith("AWS Bedrock has no option 'regoin'; did you mean 'region'?")
    assert f"{file}:6:34: targets.aws.options.regoin: " in first
    assert f"{file}:11:7: targets.cohere.options.region: " in second
    assert second.endswith("Cohere has no option 'region'; it knows none")


def test_code_is_told_before_anything_is_sent() -> None:
    async def ask() -> None:
        async with Router(Config.of_targets([Target("gemini", key="k", options={"vertx": True})])) as router:
            await router.complete("Hi")

    with pytest.raises(ConfigError, match=r"target gemini: Google Gemini has no option 'vertx'; did you mean 'vertex'"):
        asyncio.run(ask())


@pytest.mark.parametrize("name", registry.names())
def test_every_built_in_says_which_it_knows(name: str) -> None:
    info = registry.get(name).info
    assert info.options is not None
    assert info.option_problem(info.options) is None
    assert info.option_problem(["nonsense"]) is not None
