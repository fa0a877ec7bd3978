"""Every provider of the registry can be asked, and is listed, from the command line."""

import json

import msgspec
import pytest
from standby.providers import registry
from standby.simulator.dialects import DIALECTS

from canaries import CANARY_KEY
from commands import Invoke
from components import need
from standby.testing import Simulator


@pytest.mark.parametrize("name", registry.names())
async def test_every_provider_is_asked_by_its_name(
    name: str, invoke: Invoke, standby_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "bedrock":
        need("botocore")
    info = registry.get(name).info
    standby_simulator.play("theirs", "Here.", dialect=name if name in DIALECTS else info.dialect)
    monkeypatch.setenv(f"STANDBY_{name.upper().replace('-', '_')}_BASE_URL", standby_simulator.base_url("theirs"))
    if info.key_env is not None:
        monkeypatch.setenv(info.key_env, CANARY_KEY)
    ended = await invoke("ask", "Who is there?", "--targets", f"{name}/model-1")
    assert (ended.exit_code, ended.stdout) == (0, "Here.\n"), ended.stderr
    assert f"answered by {name}" in ended.stderr
    (asked,) = standby_simulator.exchanges
    assert asked.request.reading.model == "model-1"
    assert asked.request.reading.messages == (("user", "Who is there?"),)
    assert any(CANARY_KEY in value for value in asked.request.headers.values()) == (info.key_env is not None)


async def test_every_provider_is_listed_with_what_it_takes(invoke: Invoke) -> None:
    ended = await invoke("providers", "--json")
    assert ended.exit_code == 0
    told = {each["name"]: each for each in json.loads(ended.stdout)}
    assert tuple(told) == registry.names()
    for name, each in told.items():
        provider = registry.get(name)
        known = provider.capabilities(provider.info.default_model or "")
        assert each["capabilities"] == {
            field: value
            for field, value in msgspec.json.decode(msgspec.json.encode(known)).items()
            if value is not None
        }
        assert (each["title"], each["base_url"]) == (provider.info.title, provider.info.base_url)
    assert told["anthropic"]["capabilities"]["prefill"] == "plain"
