"""The gateways that are measured, each as its makers say that it is started, with what they leave off by default off.

Ours writes a line of its log for every request into a file, and counts for Prometheus. nginx passes requests on and
knows nothing of what is in them. All ask the same upstream over connections that they keep.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import NamedTuple

import msgspec

from ..clients import ClientInfo
from ..wire import MODEL
from .build import PLACE

CHAT = "/v1/chat/completions"
KEY = "sk-bench"


class Place(NamedTuple):
    """Where a gateway is to stand.

    Attributes:
        folder: For its files.
        port: That it is to listen on.
        upstream: The port of the upstream.
        scripts: What the upstream can be asked for.
    """

    folder: Path
    port: int
    upstream: int
    scripts: Sequence[str]

    def url_of(self, script: str) -> str:
        """The base URL at which the upstream says this."""
        return f"http://127.0.0.1:{self.upstream}/{script}/v1"


class Plan(NamedTuple):
    """How it is started and asked.

    Attributes:
        path: At which it is asked for what the upstream says by a script.
        model: By which it is asked for that.
        port: None: as it was told; else what it prints in its first line.
        log: Where it writes a line for each request.
    """

    command: Sequence[str]
    path: Callable[[str], str]
    model: Callable[[str], str]
    environment: Mapping[str, str] = {}
    prints_port: bool = False
    log: Path | None = None


class ArmInfo(ClientInfo, frozen=True, kw_only=True):
    """A gateway, in the list of clients.

    Attributes:
        plan: Makes it ready to be started.
        program: What it is started by; None: it is not to be had here.
    """

    plan: Callable[[Place], Plan]
    program: Callable[[], str | None]

    @property
    def installed(self) -> bool:
        """It can be measured here."""
        return self.program() is not None


def _gateway(place: Place, workers: int = 1) -> Plan:
    """`standby serve`, with its log and its counters."""
    lines = ["targets:"]
    for script in place.scripts:
        lines += [f"  {script}:", "    provider: openai", f"    model: {MODEL}", f"    key: {KEY}"]
        lines += [f"    base_url: {place.url_of(script)}", "    connections_max: 10000"]
    lines += ["routes:"]
    for script in place.scripts:
        lines += [f"  to-{script}:", f"    targets: [{script}]"]
    lines += ["serve:", f"  listen: 127.0.0.1:{place.port}", "  auth: none", "  state: none", f"  workers: {workers}"]
    lines += ["  admin:", "    listen: 127.0.0.1:0"]
    config, log = place.folder / "standby.yaml", place.folder / "requests.log"
    config.write_text("\n".join([*lines, ""]), encoding="utf-8")
    command = [sys.executable, "-m", "standby", "serve", str(config)]
    return Plan(command, lambda script: CHAT, lambda script: f"to-{script}", log=log)


def _two_workers(place: Place) -> Plan:
    return _gateway(place, 2)


_NGINX = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_timeout 600s; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream model {{
    server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 100000000; keepalive_timeout 600s;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


def _nginx_program() -> str | None:
    unpacked = PLACE / "nginx" / "usr" / "sbin" / "nginx"
    return which("nginx") or (str(unpacked) if unpacked.exists() else None)


def _nginx(place: Place) -> Plan:
    """A proxy, and nothing more."""
    config = place.folder / "nginx.conf"
    values = {"folder": place.folder, "upstream": place.upstream, "port": place.port}
    config.write_text(_NGINX.format(**values), encoding="utf-8")
    command = [_nginx_program() or "nginx", "-p", str(place.folder), "-c", str(config)]
    return Plan(command, lambda script: f"/{script}{CHAT}", lambda script: MODEL)


_TENSORZERO = """\
import sys
from tensorzero.tensorzero import _start_http_gateway
gateway = _start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
print(gateway.base_url, flush=True)
sys.stdin.read()
"""


def _of_environment(package: str, name: str = "python") -> Callable[[], str | None]:
    program = PLACE / package / "bin" / name
    return lambda: str(program) if program.exists() else None


def _tensorzero(place: Place) -> Plan:
    """The HTTP gateway that is in its wheel, without a database."""
    lines = ["[gateway]", "observability.enabled = false"]
    for script in place.scripts:
        lines += [f'[models."{script}"]', 'routing = ["upstream"]', f'[models."{script}".providers.upstream]']
        lines += ['type = "openai"', f'model_name = "{MODEL}"', f'api_base = "{place.url_of(script)}/"']
    config = place.folder / "tensorzero.toml"
    config.write_text("\n".join(lines), encoding="utf-8")
    environment = {"OPENAI_API_KEY": KEY, "RUST_LOG": "error"}
    command = [_of_environment("tensorzero")() or "python", "-c", _TENSORZERO, str(config)]
    path = "/openai/v1/chat/completions"
    return Plan(command, lambda script: path, "tensorzero::model_name::{}".format, environment, prints_port=True)


def _litellm(place: Place) -> Plan:
    """Its proxy, without a database and without the prices that it would fetch."""
    models = [
        {
            "model_name": script,
            "litellm_params": {"model": f"openai/{MODEL}", "api_base": place.url_of(script), "api_key": KEY},
        }
        for script in place.scripts
    ]
    config = place.folder / "litellm.yaml"
    config.write_bytes(msgspec.json.encode({"model_list": models, "litellm_settings": {"telemetry": False}}))
    command = [_of_environment("litellm", "litellm")() or "litellm", "--config", str(config), "--host", "127.0.0.1"]
    command += ["--port", str(place.port), "--num_workers", "1", "--telemetry", "False"]
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    return Plan(command, lambda script: CHAT, str, environment)


def _ours() -> str | None:
    return sys.executable if find_spec("prometheus_client") else None


ARMS: dict[str, ArmInfo] = {
    "standby-gateway": ArmInfo("standby serve, with log and counters", "", "", plan=_gateway, program=_ours),
    "standby-gateway-2": ArmInfo("the same in two workers", "", "", plan=_two_workers, program=_ours),
    "nginx": ArmInfo("nginx's proxy_pass, without routing or a log", "", "", plan=_nginx, program=_nginx_program),
    "tensorzero-http": ArmInfo(
        "TensorZero's gateway", "", "", share=0.5, plan=_tensorzero, program=_of_environment("tensorzero")
    ),
    "litellm-proxy": ArmInfo(
        "LiteLLM's proxy", "", "", share=0.02, plan=_litellm, program=_of_environment("litellm", "litellm")
    ),
}
"""All gateways, ours first."""

BARE_ENVIRONMENT = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
"""What is handed on of the environment: no key, no proxy and no setting of ours gets into a gateway."""
