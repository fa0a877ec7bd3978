"""`standby key new`: a key that lets in, shown once, and never written anywhere."""

import json
import re
from pathlib import Path

import pytest
from multidict import CIMultiDict
from standby.config import load
from standby.config.client_key import hashed
from standby.gateway.access import Access, Client
from standby.gateway.http import Request

from commands import run

TARGETS = "targets: {k: {provider: koala}, l: {provider: koala}}\n"


def test_what_it_prints_lets_the_key_in(nobody_is_configured: Path) -> None:
    ended = run("key", "new", "--name", "shop.app-1", "--until", "2999-12-31")
    assert ended.exit_code == 0
    key, _, yaml = ended.stdout.partition("\n")
    assert re.fullmatch(r"sk-standby-[A-Za-z0-9_-]{43}", key), "32 bytes at random"
    assert key not in yaml + ended.stderr
    file = nobody_is_configured / "s.yaml"
    file.write_text(TARGETS + yaml)
    serve = load(file).serve
    assert serve is not None
    client = Access(serve).enter(Request("POST", "/", headers=CIMultiDict({"x-api-key": key})))
    assert isinstance(client, Client)
    assert client.name == "shop.app-1"


def test_for_programs_it_is_an_object(nobody_is_configured: Path) -> None:
    made = json.loads(run("key", "new", "--json").stdout)
    assert made == {"name": "app", "key": made["key"], "digest": "sha256:" + hashed(made["key"]).hex()}
    assert list(nobody_is_configured.iterdir()) == []


def test_no_two_are_alike() -> None:
    assert len({run("key", "new").stdout.partition("\n")[0] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--name", "a b"), "--name takes letters"),
        (("--name", "a\nserve"), "--name takes letters"),
        (("--name", '"'), "--name takes letters"),
        (("--name", "x" * 65), "--name takes letters"),
        (("--until", "soon"), "--until must be a date"),
        (("--until", "2027-01-01T00:00:00"), "--until has no time zone"),
    ],
)
def test_what_cannot_stand_in_a_configuration_is_refused(arguments: tuple[str, ...], words: str) -> None:
    ended = run("key", "new", *arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert words in ended.stderr


def test_alone_it_says_what_there_is() -> None:
    shown = run("key")
    assert "new" in shown.stdout + shown.stderr
