"""Credentials that the clouds' own libraries find: of profiles, roles and machines, off the loop, bounded in time."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standby.providers import cloud_keys, registry
from standby.providers.chat import chat_request
from standby.providers.cloud_keys import AwsChain, CloudKey, GoogleToken, NoKey, aws_credentials
from standby.providers.dialects.anthropic import provider as anthropic
from standby.providers.dialects.bedrock import Bedrock
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.provider import Endpoint, Unsupported
from standby.providers.secret import Secret
from standby.providers.vertex import vertex_problem
from standby.router.targets.keys import KeyReader, key_sources

from components import need
from standby import ConfigError, Router, Target

HELLO = chat_request("Hello")
pytestmark = pytest.mark.leaves_behind  # these libraries leave the sockets of their own clients to the collector

Answering = Callable[[Callable[[web.Request], Awaitable[web.Response]]], Awaitable[str]]


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    """Starts a server on the test's own loop: a client that blocks that loop waits for ever."""
    servers: list[TestServer] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.Response]]) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("/")).rstrip("/")

    yield start
    for server in servers:
        await server.close()


@pytest.fixture(autouse=True)
def aws_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    need("botocore")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "credentials").write_text(
        "[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = hidden\n", encoding="utf-8"
    )
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-3\n", encoding="utf-8")
    return tmp_path


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_a_profile_gives_credentials_and_a_region() -> None:
    key = await AwsChain("work")()
    found = aws_credentials(key)
    assert found is not None
    assert (found.access_key_id, found.secret_access_key, found.region) == ("AKIDWORK", "hidden", "eu-west-3")
    base_url = registry.get("bedrock").info.base_url or ""
    wire = Bedrock({}).build_request(HELLO, Endpoint(base_url=base_url, model="m", key=key))
    assert wire.url.startswith("https://bedrock-runtime.eu-west-3.amazonaws.com/")
    assert wire.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDWORK/")
    assert "hidden" not in repr((key, found))


async def test_a_role_is_taken_once_for_all_calls_that_wait(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def sts(request: web.Request) -> web.Response:
        asked.append(await request.text())
        return web.Response(
            text="<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
            "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
            f"<Expiration>{in_an_hour()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            content_type="text/xml",
        )

    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", await answering(sts))
    chain = AwsChain("work", "arn:aws:iam::123456789012:role/chat")
    keys = await asyncio.gather(chain(), chain(), chain())
    assert len(asked) == 1
    assert "RoleArn=arn" in asked[0]
    found = aws_credentials(keys[0])
    assert found is not None
    assert (found.access_key_id, found.session_token) == ("ASIAROLE", "t")
    assert await chain() == keys[0]
    assert len(asked) == 1, "they hold for an hour"


async def test_a_machine_gives_those_of_its_role(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    async def metadata(request: web.Request) -> web.Response:
        if request.method == "PUT":
            return web.Response(text="token")
        if request.path.endswith("/security-credentials/"):
            return web.Response(text="machine")
        return web.json_response(
            {"Code": "Success", "AccessKeyId": "ASIAMACHINE", "SecretAccessKey": "s", "Token": "t",
             "Expiration": in_an_hour()}
        )  # fmt: skip

    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", await answering(metadata))
    found = aws_credentials(await AwsChain()())
    assert found is not None
    assert (found.access_key_id, found.session_token) == ("ASIAMACHINE", "t")


@pytest.mark.parametrize(
    ("chain", "why"),
    [(AwsChain(), "no credentials: set AWS_BEARER_TOKEN_BEDROCK"), (AwsChain("nobody"), "the AWS profile is not in")],
)
async def test_where_there_is_nothing_it_says_what_to_do(chain: AwsChain, why: str) -> None:
    with pytest.raises(NoKey, match=why):
        await chain()
    with pytest.raises(ProviderError, match=why) as caught:
        await KeyReader((chain,)).read(0, asyncio.get_running_loop().time() + 60)
    assert (caught.value.kind, caught.value.local) == (ErrorKind.AUTH, True)


async def test_credentials_that_cannot_be_renewed_say_no_more_than_why(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sts(request: web.Request) -> web.Response:
        return web.Response(status=403, text="<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")

    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", await answering(sts))
    with pytest.raises(NoKey, match=r"^the AWS credentials cannot be renewed: ClientError$"):
        await AwsChain("work", "arn:aws:iam::123456789012:role/chat")()


class Hanging(CloudKey):
    """A library that does not come back."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def _kept(self) -> Secret | None:
        return None

    def _look(self) -> Secret:
        self.go_on.wait(60)
        return Secret("late")


async def test_a_library_that_hangs_keeps_no_call_beyond_its_time() -> None:
    hanging = Hanging()
    begun_s = time.monotonic()
    with pytest.raises(ProviderError, match="no key in time"):
        await KeyReader((hanging,)).read(0, asyncio.get_running_loop().time())
    assert time.monotonic() - begun_s < 30
    waiting = asyncio.ensure_future(hanging())
    await asyncio.sleep(0)
    hanging.go_on.set()
    assert (await waiting).reveal() == "late", "the look that hung is the one that is waited for"


GIVEN: dict[str, tuple[Target, dict[str, str], object]] = {
    "an API key": (Target("bedrock", model="m", key="k"), {}, Secret("k")),
    "an API key in its variable": (Target("bedrock", model="m"), {"AWS_BEARER_TOKEN_BEDROCK": "b"}, Secret("b")),
    "credentials in the environment are read where it is signed": (
        Target("bedrock", model="m"),
        {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"},
        None,
    ),
    "nothing": (Target("bedrock", model="m"), {}, AwsChain()),
    "a profile wins over the environment": (
        Target("bedrock", model="m", options={"profile": "work"}),
        {"AWS_ACCESS_KEY_ID": "a", "AWS_BEARER_TOKEN_BEDROCK": "b"},
        AwsChain("work"),
    ),
    "Vertex AI, never with a key of Anthropic's": (
        Target("anthropic", options={"vertex": {"project": "p", "credentials_file": "/f"}}),
        {"ANTHROPIC_API_KEY": "k"},
        GoogleToken("/f"),
    ),
    "Gemini on Vertex AI, never with a key of AI Studio": (
        Target("gemini", options={"vertex": {"project": "p"}}),
        {"GEMINI_API_KEY": "k"},
        GoogleToken(),
    ),
    "Gemini in express mode": (Target("gemini", options={"vertex": "express"}), {"GEMINI_API_KEY": "k"}, Secret("k")),
    "Anthropic itself": (Target("anthropic"), {"ANTHROPIC_API_KEY": "k"}, Secret("k")),
}


@pytest.mark.parametrize("what", GIVEN)
def test_a_target_without_a_key_looks_where_its_provider_says(what: str) -> None:
    target, environment, wanted = GIVEN[what]
    provider = registry.get(target.provider)
    sources = key_sources(target, provider.info.key_env, environment, provider)
    assert sources == (() if wanted is None else (wanted,))


def service_account(path: Path, token_uri: str) -> Path:
    """The file of a service account with a key of its own."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    about = {"type": "service_account", "client_email": "a@p", "private_key": pem, "token_uri": token_uri}
    path.write_text(json.dumps({**about, "private_key_id": "1", "project_id": "p"}), encoding="utf-8")
    return path


async def test_a_service_account_gives_a_token_that_is_kept(answering: Answering, tmp_path: Path) -> None:
    pytest.importorskip("google.auth.transport.requests")
    asked: list[str] = []

    async def tokens(request: web.Request) -> web.Response:
        asked.append(await request.text())
        return web.json_response({"access_token": "ya29.token", "expires_in": 3600, "token_type": "Bearer"})

    source = GoogleToken(str(service_account(tmp_path / "google.json", await answering(tokens))))
    assert [(await source()).reveal() for _ in range(3)] == ["ya29.token"] * 3
    assert len(asked) == 1


async def test_without_googles_library_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(cloud_keys, "import_module", missing)
    with pytest.raises(ProviderError, match="vertex"):
        await KeyReader((GoogleToken(),)).read(0, asyncio.get_running_loop().time() + 60)


async def test_a_file_that_is_no_account_gives_no_token(tmp_path: Path) -> None:
    pytest.importorskip("google.auth.transport.requests")
    (tmp_path / "google.json").write_text('{"private_key": "hidden"}', encoding="utf-8")
    with pytest.raises(NoKey, match=r"^Google's credentials give no token: [A-Za-z]+$"):
        await GoogleToken(str(tmp_path / "google.json"))()


BEARERS: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "a key": ("sk-ant-api03-x", {}, {"x-api-key": "sk-ant-api03-x"}),
    "a token of OAuth": (
        "sk-ant-oat01-x",
        {"anthropic_beta": "a"},
        {"authorization": "Bearer sk-ant-oat01-x", "anthropic-beta": "a,oauth-2025-04-20"},
    ),
    "a token of OAuth whose beta is named": (
        "sk-ant-oat01-x",
        {"anthropic_beta": ["oauth-2025-04-20"]},
        {"authorization": "Bearer sk-ant-oat01-x", "anthropic-beta": "oauth-2025-04-20"},
    ),
    "a key of a gateway": ("gw", {"auth": "bearer"}, {"authorization": "Bearer gw"}),
    "Vertex AI": ("ya29.x", {"vertex": {"project": "p"}}, {"authorization": "Bearer ya29.x"}),
}


@pytest.mark.parametrize("what", BEARERS)
def test_a_key_goes_in_its_own_header(what: str) -> None:
    key, options, wanted = BEARERS[what]
    to = Endpoint(base_url="https://api.anthropic.com/v1", model="claude-haiku-4-5", key=Secret(key), options=options)
    headers = anthropic.build_request(HELLO, to).headers
    assert {
        name: headers[name] for name in ("authorization", "x-api-key", "anthropic-beta") if name in headers
    } == wanted


@pytest.mark.parametrize(
    ("base_url", "vertex", "stream", "url"),
    [
        ("https://api.anthropic.com/v1", {"project": "p"}, True, "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict"),
        ("https://api.anthropic.com/v1", {"project": "p", "location": "eu"}, False, "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict"),
        ("https://api.anthropic.com/v1", {"project": "p", "location": "us-east5"}, True, "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict"),
        ("http://proxy/v1", {"project": "p", "location": "us-east5"}, True, "http://proxy/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict"),
    ],
)  # fmt: skip
def test_claude_on_vertex(base_url: str, vertex: dict[str, str], stream: bool, url: str) -> None:
    to = Endpoint(
        base_url=base_url, model="claude-haiku-4-5@20251001", key=Secret("k"), stream=stream, options={"vertex": vertex}
    )
    wire = anthropic.build_request(HELLO, to)
    body = json.loads(wire.body)
    assert wire.url == url
    assert (body["anthropic_version"], body["stream"], "model" in body) == ("vertex-2023-10-16", stream, False)
    assert "anthropic-version" not in wire.headers


NO_PLACE: dict[str, tuple[Any, str]] = {
    "no place at all": (True, "vertex is {project: …, location: …}"),
    "no project": ({"location": "eu"}, "vertex has no project: the id of the Google Cloud project that is billed"),
    "an empty project": ({"project": ""}, "vertex has no project: the id of the Google Cloud project that is billed"),
    "a project that would lead elsewhere": (
        {"project": "a/b"},
        "vertex has a project that is none: it is a text like my-project-123",
    ),
    "a location that is none": (
        {"project": "p", "location": "EU"},
        "vertex has a location that is none: it is a text like europe-west4, eu or global",
    ),
    "a word that it does not know": (
        {"project": "p", "region": "eu"},
        "vertex has no 'region'; it knows project, location, credentials_file",
    ),
    "credentials that are no path": (
        {"project": "p", "credentials_file": {"type": "service_account"}},
        "vertex has a credentials_file that is no path",
    ),
}


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
@pytest.mark.parametrize("what", NO_PLACE)
async def test_a_vertex_without_a_place_is_told_before_anything_is_asked(name: str, what: str) -> None:
    vertex, problem = NO_PLACE[what]
    if name == "gemini" and vertex is True:
        problem += ", or express"
    to = Endpoint(base_url="https://x", model="m", key=Secret("k"), options={"vertex": vertex})
    with pytest.raises(Unsupported) as caught:
        registry.get(name).build_request(HELLO, to)
    assert str(caught.value) == problem
    async with Router([Target(name, model="m", key="k", options={"vertex": vertex})]) as router:
        with pytest.raises(ConfigError) as of_the_call:
            await router.complete("Hello")
    assert problem in str(of_the_call.value)


PLACES = {
    "nothing of it": {},
    "a project": {"vertex": {"project": "p"}},
    "all of it": {"vertex": {"project": "p", "location": "us", "credentials_file": "~/a.json"}},
}


@pytest.mark.parametrize("options", PLACES.values(), ids=PLACES)
def test_a_place_that_is_one_is_taken(options: dict[str, Any]) -> None:
    assert vertex_problem(options) is vertex_problem(options, express=True) is None


def test_a_key_of_the_express_mode_is_geminis_alone() -> None:
    assert vertex_problem({"vertex": "express"}, express=True) is None
    assert vertex_problem({"vertex": "express"}) == "vertex is {project: …, location: …}"


async def test_gemini_on_vertex_is_asked_with_the_token_of_a_service_account(
    answering: Answering, tmp_path: Path
) -> None:
    pytest.importorskip("google.auth.transport.requests")
    seen: list[tuple[str, str | None]] = []

    async def google(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response({"access_token": "ya29.token", "expires_in": 3600, "token_type": "Bearer"})
        seen.append((request.path, request.headers.get("authorization")))
        part = {"candidates": [{"content": {"parts": [{"text": "Here."}]}, "finishReason": "STOP"}]}
        return web.json_response(part)

    url = await answering(google)
    file = service_account(tmp_path / "google.json", f"{url}/token")
    vertex = {"project": "p", "location": "europe-west4", "credentials_file": str(file)}
    target = Target("gemini", model="gemini-2.5-flash", base_url=url, options={"vertex": vertex})
    async with Router([target]) as router:
        for _ in range(2):
            assert (await router.complete("Hello", upstream="single")).text == "Here."
    path = "/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"
    assert seen == [(path, "Bearer ya29.token")] * 2


def test_a_model_on_vertex_is_known_by_its_name_there() -> None:
    assert anthropic.capabilities("claude-haiku-4-5@20251001").prefill == "plain"
    assert anthropic.capabilities("claude-sonnet-4@20250514").thinking == "budget"
