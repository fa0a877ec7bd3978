"""`standby serve`: the first minute, a configuration, and the end by a signal. Each is a process of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 60
FILE = """
targets:
  one: {provider: openai, model: m, base_url: http://127.0.0.1:9/v1, key: k}
routes:
  chat: {targets: [one]}
serve:
  listen: 127.0.0.1:0
  auth: none
  state: none
  drain_delay_s: 0
  admin: {listen: "127.0.0.1:0"}
"""


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command, once it has said where it serves; and what it has said."""
    kept = ("PATH", "HOME", "PYTHONPATH", "LANG", "COVERAGE_PROCESS_START")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "standby", "serve", *arguments],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said: list[str] = []
    try:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if "model=" in line:
                break
        yield process, said
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE_S)


def url_in(said: list[str]) -> str:
    found = re.search(r"serves at (http://\S+?),? ", "".join(said) + " ")
    assert found, said
    return found[1]


def asked(url: str, body: dict[str, object]) -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_without_anything_a_simulator_answers_and_a_signal_ends_it(tmp_path: Path, end: signal.Signals) -> None:
    with serving(tmp_path, "--port", "0") as (process, said):
        url = url_in(said)
        shown = "".join(said)
        assert "simulator" in shown
        assert f'base_url="{url}/v1"' in shown
        assert f"curl {url}/v1/chat/completions" in shown
        question: dict[str, object] = {"model": "default", "messages": [{"role": "user", "content": "Why?"}]}
        body, headers = asked(f"{url}/v1/chat/completions", question)
        assert json.loads(body)["choices"][0]["message"]["content"]
        assert headers["x-standby-target"] == "standby"
        assert int(headers["x-standby-attempts"]) >= 3
        streamed, _ = asked(f"{url}/v1/chat/completions", question | {"stream": True})
        assert b"data: [DONE]" in streamed
        process.send_signal(end)
        process.send_signal(end)  # at once
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode in (0, 3)
        lines = [json.loads(line) for line in out.splitlines()]
        assert [(line["status"], line["outcome"], line["stream"]) for line in lines] == [
            (200, "finished", False), (200, "finished", True),
        ]  # fmt: skip


def test_a_configuration_is_served_with_operators_beside(tmp_path: Path) -> None:
    (tmp_path / "standby.yaml").write_text(FILE, encoding="utf-8")
    with serving(tmp_path, "standby.yaml") as (process, said):
        url = url_in(said)
        with urllib.request.urlopen(f"{url}/v1/models", timeout=PATIENCE_S) as answer:
            assert [model["id"] for model in json.load(answer)["data"]] == ["chat", "one"]
        operators = re.search(r"operators at (http://\S+)", "".join(said))
        assert operators
        with urllib.request.urlopen(f"{operators[1]}/admin/targets", timeout=PATIENCE_S) as answer:
            assert [target["target"] for target in json.load(answer)["targets"]] == ["one"]
        with urllib.request.urlopen(f"{operators[1]}/metrics", timeout=PATIENCE_S) as answer:
            assert b"standby_build_info" in answer.read()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


def test_a_file_that_changes_is_served_soon_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "standby.yaml"
    file.write_text(FILE, encoding="utf-8")
    with serving(tmp_path, "standby.yaml") as (process, said):
        assert process.stderr is not None
        file.write_text(FILE.replace("  chat:", "  talk:"), encoding="utf-8")
        assert "read anew" in process.stderr.readline()
        with urllib.request.urlopen(f"{url_in(said)}/v1/models", timeout=PATIENCE_S) as answer:
            assert [model["id"] for model in json.load(answer)["data"]] == ["talk", "one"]
        file.write_text(FILE.replace("[one]", "[two]"), encoding="utf-8")
        assert "reload_failed" in process.stderr.readline()
        with urllib.request.urlopen(f"{url_in(said)}/v1/models", timeout=PATIENCE_S) as answer:
            assert [model["id"] for model in json.load(answer)["data"]] == ["talk", "one"]


def posted(url: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, b"", {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def until_read(url: str, wanted: str) -> str:
    """Read a page until it holds some words."""
    ends_s = time.monotonic() + PATIENCE_S
    while wanted not in (text := read(url)):
        assert time.monotonic() < ends_s, text
        time.sleep(0.1)
    return text


def operators_of(said: list[str]) -> str:
    found = re.search(r"operators at (http://\S+)", "".join(said))
    assert found
    return found[1]


def until_answered(url: str, calls: int) -> None:
    """Ask until so many calls have an answer: at first no worker listens."""
    ends_s = time.monotonic() + PATIENCE_S
    while calls:
        try:
            read(f"{url}/v1/models")
        except (ConnectionError, urllib.error.URLError):
            assert time.monotonic() < ends_s
            time.sleep(0.1)
        else:
            calls -= 1


@pytest.mark.skipif(sys.platform != "linux", reason="workers share a port on Linux alone")
def test_two_workers_are_operated_as_one(tmp_path: Path) -> None:
    content = FILE.replace("state: none", f"state: {tmp_path / 'state.db'}\n  workers: 2")
    (tmp_path / "standby.yaml").write_text(content, encoding="utf-8")
    with serving(tmp_path, "standby.yaml") as (process, said):
        url, operators = url_in(said), operators_of(said)
        until_answered(url, 8)
        answered = 'standby_requests_total{ingress="-",outcome="finished",route="-",status="200"} 8.0'
        until_read(f"{operators}/metrics", answered)
        until_read(f"{operators}/metrics", 'standby_target_state{state="closed",target="one"} 2.0')
        status, told = posted(f"{operators}/admin/targets/one/isolate")
        assert (status, told["targets"][0]["state"]) == (200, "isolated"), "at once, though no worker has seen it yet"
        until_read(f"{operators}/metrics", 'standby_target_state{state="isolated",target="one"} 2.0')
        until_read(f"{operators}/admin/targets", '"worker":2,"state":"isolated"')
        assert '"isolated"' in read(f"{operators}/admin/explain?route=chat")
        assert posted(f"{operators}/admin/targets/one/restore")[0] == 200
        until_read(f"{operators}/admin/targets", '"worker":1,"state":"closed"')
        assert posted(f"{operators}/admin/targets/none/isolate")[0] == 404
        assert posted(f"{operators}/admin/drain")[0] == 202
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="workers share a port on Linux alone")
def test_workers_share_a_socket_of_the_file_system_and_without_a_state_file_take_no_orders(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sock"
    content = FILE.replace("listen: 127.0.0.1:0\n  auth", f"listen: unix:{path}\n  auth")
    (tmp_path / "standby.yaml").write_text(content, encoding="utf-8")
    with serving(tmp_path, "standby.yaml", "--workers", "2") as (process, said):
        answered = b""
        for _ in range(10):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE_S)
                client.connect(str(path))
                client.sendall(b"GET /health HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
                answered += client.recv(65536)
        assert answered.count(b"HTTP/1.1 200 OK") == 10
        status, told = posted(f"{operators_of(said)}/admin/targets/one/isolate")
        assert (status, "without a state file" in told["error"]) == (409, True)
        assert posted(f"{operators_of(said)}/admin/targets/one/restore")[0] == 409
        until_read(f"{operators_of(said)}/admin/targets", '"worker":1')  # either may be the first that says so
        told = json.loads(until_read(f"{operators_of(said)}/admin/targets", '"worker":2'))
        (target,) = told["targets"]
        assert (target["state"], [each["state"] for each in target["workers"]]) == ("closed", ["closed", "closed"])
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, path.exists()) == (0, False)


def test_what_cannot_be_served_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "standby.yaml").write_text(FILE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "standby", "serve", "standby.yaml", "--host", "0.0.0.0"],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "loopback" in done.stderr
