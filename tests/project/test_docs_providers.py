"""docs/providers.md: its tables are those of the code; its examples are run on loopback, cut anywhere, installed."""

import asyncio
import dataclasses
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from provider_tables import PAGE, with_tables
from standby.config import load, warnings
from standby.providers import registry
from standby.providers.capabilities import Capabilities
from standby.providers.chat import chat_request
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.events import Finished, TextDelta, Usage
from standby.providers.provider import Endpoint, Provider, ProviderInfo, ResponseHead, Unsupported
from standby.providers.secret import Secret

from components import need
from standby import Router, Target
from standby.testing import Failure, Page, Simulator

TEXT = PAGE.read_text(encoding="utf-8")
PACKAGE = PAGE.parents[1] / "examples" / "third_party_provider"
PARROT = PACKAGE / "standby_parrot.py"
SAID = b'data: {"word":"Polly "}\n\ndata: {"word":"here."}\n\ndata: {"done":"said","heard":3,"words":2}\n\n'
STREAM = ResponseHead(200, {"content-type": "text/event-stream"})


@pytest.fixture(autouse=True, scope="module")
def _with_botocore() -> None:
    need("botocore")


@pytest.fixture(scope="module")
def parrot() -> ModuleType:
    """The example's module, from its file."""
    spec = importlib.util.spec_from_file_location("standby_parrot", PARROT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(heading: str) -> str:
    _, found, rest = TEXT.partition(f"\n## {heading}\n")
    assert found, f"the page has no section {heading!r}"
    return rest.partition("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_tables_are_those_of_the_code() -> None:
    assert with_tables(TEXT) == TEXT, "run: python tests/project/provider_tables.py"
    assert all(f"| `{name}` |" in section("The providers") for name in registry.names())


class Watched(Mapping[str, Any]):
    """Options that note down which of them a provider looks for."""

    def __init__(self, given: Mapping[str, Any], asked: set[str]) -> None:
        self._given, self._asked = given, asked

    def __getitem__(self, name: str) -> Any:
        self._asked.add(name)
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


@pytest.mark.parametrize("name", registry.names())
def test_the_options_are_those_that_the_provider_looks_for(name: str) -> None:
    listed: set[str] = set()
    for row in section("Options").splitlines():
        if row.startswith(f"| `{name}` |"):
            listed |= set(re.findall(r"`(\w+)`", row.split("|")[2]))
    provider, asked = registry.get(name), set[str]()
    chat = chat_request("Hi", reasoning_effort="high")
    for key in (Secret("key"), None):
        options = Watched({"region": "eu-central-1", "access_key_id": "a", "secret_access_key": "b"}, asked)
        to = Endpoint(base_url="https://h.{region}.test", model="m-1", key=key, options=options)
        provider.build_request(chat, to)
        if (key_source := getattr(provider, "key_source", None)) is not None:
            key_source(options, {})
    assert asked == listed == set(provider.info.options or ())


def test_the_capabilities_are_all_explained() -> None:
    explained = section("What is known of models").partition("| Capability | Meaning |\n")[2].partition("\n\n")[0]
    named = {name for row in explained.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(Capabilities.__struct_fields__)


WAYS = {
    "anthropic/claude-haiku-4-5@20251001": (
        "https://europe-west1-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west1"
        "/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict",
        "authorization",
    ),
    "anthropic/my-deployment": ("https://my-resource.services.ai.azure.com/anthropic/v1/messages", "x-api-key"),
    "anthropic/claude-haiku-4-5": ("https://api.anthropic.com/v1/messages", "authorization"),
    "bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0": (
        "https://bedrock-runtime.eu-central-1.amazonaws.com/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0"
        "/converse-stream",
        "authorization",
    ),
}


def given(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file, with a key in each variable that it names."""
    for variable in re.findall(r"\$\{(\w+)\}", file):
        monkeypatch.setenv(variable, "key-of-a-test")
    path = tmp_path / "standby.yaml"
    path.write_text(file, encoding="utf-8")
    return path


SIX = blocks(section("The providers"), "yaml")


def test_each_provider_has_six_lines() -> None:
    assert [re.findall(r"^    provider: (.*)$", file, re.MULTILINE) for file in SIX] == [[n] for n in registry.names()]
    assert {len(file.splitlines()) for file in SIX} == {6}


@pytest.mark.parametrize("file", SIX, ids=[file.split()[1].rstrip(":") for file in SIX])
async def test_its_six_lines_are_all_it_takes(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, standby_simulator: Simulator
) -> None:
    need("botocore")
    for variable in ("AZURE_OPENAI_API_KEY", "CLOUDFLARE_API_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.setenv(variable, "key-of-a-test")
    config = load(given(file, tmp_path, monkeypatch))
    said = [problem.message for problem in warnings(config)]
    assert [words for words in said if "only one target" not in words] == []
    ((name, target),) = config.targets.items()
    standby_simulator.play(name, "Here I am.", dialect=registry.get(target.provider).info.dialect)
    asked = dataclasses.replace(target, base_url=standby_simulator.base_url(name))
    async with Router([asked]) as router:
        assert (await router.complete("Who is there?")).text == "Here I am."


def test_gemini_on_vertex_ai_leads_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("google.auth")
    (file,) = blocks(section("Google Vertex AI"), "yaml")
    (target,) = load(given(file, tmp_path, monkeypatch)).targets.values()
    to = Endpoint(
        base_url=registry.get("gemini").info.base_url or "",
        model=target.model or "",
        key=Secret("token"),
        options=target.options,
    )
    wire = registry.get("gemini").build_request(chat_request("Hi"), to)
    assert wire.url == (
        "https://aiplatform.eu.rep.googleapis.com/v1beta1/projects/my-project/locations/eu/publishers/google/models"
        "/gemini-2.5-flash:streamGenerateContent?alt=sse"
    )
    assert wire.headers["authorization"] == "Bearer token"


def test_the_other_ways_to_claude_lead_there(tmp_path: Path) -> None:
    need("botocore")
    need("google.auth")
    led: dict[str, tuple[str, str]] = {}
    for file in blocks(section("Other ways to Claude"), "yaml"):
        (tmp_path / "standby.yaml").write_text(file, encoding="utf-8")
        (target,) = load(tmp_path / "standby.yaml").targets.values()
        provider = registry.get(target.provider)
        model = target.model or provider.info.default_model or ""
        to = Endpoint(
            base_url=target.base_url or provider.info.base_url or "",
            model=model,
            key=Secret("token"),
            options=target.options,
        )
        wire = provider.build_request(chat_request("Hi"), to)
        (header,) = {"authorization", "x-api-key"} & wire.headers.keys()
        led[f"{target.provider}/{model}"] = wire.url, header
    assert led == WAYS


def test_a_target_overrides_the_capabilities(tmp_path: Path) -> None:
    (file,) = blocks(section("What is known of models"), "yaml")
    (tmp_path / "standby.yaml").write_text(file, encoding="utf-8")
    target = load(tmp_path / "standby.yaml").targets["mine"]
    assert target.capabilities == {
        "images": False,
        "reasoning": False,
        "prefill": "plain",
        "context_window": 32768,
    }


def test_the_page_says_what_shows_that_a_server_of_ones_own_takes_a_prefill() -> None:
    table = section("What is known of models").partition("<!-- prefill:")[2].partition("<!-- end -->")[0]
    listed = dict(re.findall(r"^\| `([\w-]+)` \| (?:`([\w.]+)`|no header)", table, re.MULTILINE))
    shown = {name: registry.get(name).info.prefill_shown_by for name in registry.names()}
    assert listed == {name: shown_by for name, shown_by in shown.items() if shown_by is not None}


@contextmanager
def kept(name: str) -> Iterator[None]:
    """Whatever registers `name` inside is forgotten afterwards."""
    try:
        yield
    finally:
        registry.unregister(name)


async def test_a_provider_of_the_chat_protocol_is_five_lines_of_data(standby_simulator: Simulator) -> None:
    (code,) = blocks(section("Add one that speaks the chat protocol"), "python")
    names: dict[str, Any] = {}
    with kept("acme"):
        exec(code, names)
        assert isinstance(names["acme"], ProviderInfo)
        standby_simulator.play("lead", Failure(ErrorKind.AUTH))
        standby_simulator.play("acme", "Acme is here.")
        lead = Target("openai", model="m", key="k", base_url=standby_simulator.base_url("lead"))
        acme = Target("acme", key="k", base_url=standby_simulator.base_url("acme"))
        async with Router([lead, acme]) as router:
            answer = await router.complete("Who is there?")
        assert answer.text == "Acme is here."
        assert standby_simulator.exchanges[-1].request.reading.model == "acme-1"
    assert "acme" not in registry.names()


def test_what_is_shown_of_the_example_is_the_example() -> None:
    whole = PARROT.read_text(encoding="utf-8")
    shown = blocks(section("Add one with a wire of its own"), "python")
    assert len(shown) == 3
    for block in shown:
        assert block in whole
    (entry,) = blocks(section("Ship one as a package"), "toml")
    assert entry in (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")


def read(
    provider: Provider, head: ResponseHead, *pieces: bytes
) -> tuple[list[Any], Finished | None, ProviderError | None]:
    decoder = provider.decoder(head)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.end(), decoder.finish, decoder.failure


def test_the_example_reads_its_wire_however_it_is_cut(parrot: ModuleType) -> None:
    provider: Provider = parrot.provider
    events = [TextDelta("Polly "), TextDelta("here."), Usage(3, 2)]
    assert isinstance(provider, Provider)
    for place in range(len(SAID) + 1):
        assert read(provider, STREAM, SAID[:place], SAID[place:]) == (events, Finished("stop", "said"), None)
    marker = SAID.index(b'{"done"')
    for place in range(marker):
        _, finish, failure = read(provider, STREAM, SAID[:place])
        assert finish is None
        assert failure is not None
        assert failure.kind is ErrorKind.TRUNCATED


def test_the_example_tells_failures(parrot: ModuleType) -> None:
    provider: Provider = parrot.provider
    events, finish, failure = read(provider, STREAM, b'data: {"word":"Pol"}\n\ndata: {"error":"too loud"}\n\n')
    assert (events, finish) == ([TextDelta("Pol")], None)
    assert failure is not None
    assert failure.provider_message == "too loud"
    head = ResponseHead(429, {"content-type": "application/json", "retry-after": "7"})
    refusal = provider.error_for(head, b'{"error":"not now"}')
    assert (refusal.kind, refusal.retry_after_s, refusal.provider_message) == (ErrorKind.RATE_LIMITED, 7.0, "not now")


def test_the_example_refuses_what_it_cannot_say(parrot: ModuleType) -> None:
    provider: Provider = parrot.provider
    to = Endpoint(base_url="https://parrot.test", model="grey-1", key=Secret("feather"))
    for chat in (chat_request("Hi", stop="x"), chat_request("Hi", prefill="x"), chat_request("Hi", tools=[_tool()])):
        with pytest.raises(Unsupported):
            provider.build_request(chat, to)
    wire = provider.build_request(chat_request("Hi", system="Be kind.", temperature=0.5, max_tokens=9), to)
    assert json.loads(wire.body) == {
        "model": "grey-1",
        "live": True,
        "lines": [{"by": "owner", "text": "Be kind."}, {"by": "user", "text": "Hi"}],
        "most_words": 9,
    }
    assert (wire.url, wire.headers["x-parrot-key"]) == ("https://parrot.test/v1/say", "feather")
    assert wire.notes == ("temperature was left out: a parrot has one temper",)


def _tool() -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize("upstream", ["stream", "single"])
async def test_the_example_takes_over(standby_simulator: Simulator, parrot: ModuleType, upstream: Any) -> None:
    page = Page(SAID, 200, "text/event-stream")
    if upstream == "single":
        page = Page(b'{"text":"Polly here.","done":"said","heard":3,"words":2}', 200, "application/json")
    standby_simulator.play("lead", Failure(ErrorKind.AUTH))
    standby_simulator.play("parrot", page)
    lead = Target("openai", model="m", key="k", base_url=standby_simulator.base_url("lead"))
    registry.register(parrot.provider)
    with kept("parrot"):
        target = Target("parrot", key="k", base_url=standby_simulator.base_url("parrot"))
        async with Router([lead, target]) as router:
            answer = await router.complete("Who is there?", upstream=upstream)
    assert (answer.text, answer.finish_reason) == ("Polly here.", "stop")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 2)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example's package."""
    folder = tmp_path_factory.mktemp("third_party")
    source = shutil.copytree(PACKAGE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    to = folder / "site"
    pip = (
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
        "--disable-pip-version-check", "--target", str(to), str(source),
    )  # fmt: skip
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return to


async def test_an_installed_package_registers_itself(installed: Path, standby_simulator: Simulator) -> None:
    standby_simulator.play("parrot", Page(SAID, 200, "text/event-stream"))
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "STANDBY_PARROT_BASE_URL": standby_simulator.base_url("parrot"),
        "PARROT_API_KEY": "feather",
    }
    listed = await _standby(environment, "providers", "--json")
    assert {"parrot", "openai"} <= {provider["name"] for provider in json.loads(listed)}
    assert "parrot" not in registry.names(), "it is installed there, not here"
    assert await _standby(environment, "ask", "Who is there?", "--targets", "parrot", "--quiet") == "Polly here.\n"
    assert standby_simulator.exchanges[0].request.headers["x-parrot-key"] == "feather"


async def _standby(environment: dict[str, str], *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "standby", *arguments,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode()
