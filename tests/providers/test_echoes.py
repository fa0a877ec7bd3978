"""Secrets are found by their value in whatever an upstream says, in every usual form, whole or in part."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from standby.providers.echoes import PART_MIN, Echoes, bare_url, configured_secrets, sent_secrets
from standby.providers.secret import Secret

from canaries import CANARY_KEY, canaries_in, disguises

NO_SHAPE = "correct horse battery staple"
"""A key that looks like none."""


@pytest.mark.parametrize("key", [CANARY_KEY, NO_SHAPE])
def test_a_key_is_masked_in_every_disguise(key: str) -> None:
    echoes = Echoes([key])
    for form in disguises(key):
        for said in (form, f"Incorrect key: {form}. Look it up.", form + form, f'{{"key": "{form}"}}'):
            masked = echoes.masked(said)
            assert form not in masked
            assert "***" in masked
    assert echoes.masked(f"Your key ({key}) is wrong.") == "Your key (***) is wrong."


@pytest.mark.parametrize("length", range(PART_MIN, len(CANARY_KEY)))
def test_a_part_of_a_key_is_masked_too(length: int) -> None:
    echoes = Echoes([CANARY_KEY])
    assert echoes.masked(f"no key like {CANARY_KEY[:length]}") == "no key like ***", "cut off at the end"
    assert echoes.masked(f"no key like {CANARY_KEY[:length]}…!") == "no key like ***…!"


def test_the_case_does_not_matter() -> None:
    assert Echoes([CANARY_KEY]).masked(f"https://{CANARY_KEY.lower()}.test/") == "https://***.test/"
    assert Echoes(["a/b c&d/e f"]).masked("a%2fb%20c%26d%2fe%20f") == "***"


def test_what_overlaps_is_masked_once() -> None:
    assert Echoes(["abcdefghij", "efghijklmn", "abcdefgh"]).masked("<abcdefghijklmn>") == "<***>"


def test_short_and_common_texts_are_let_be() -> None:
    echoes = Echoes(["short", "", "longenough"])
    assert echoes.masked("a short text, long enough: é 漢 🐨") == "a short text, long enough: é 漢 🐨"
    assert Echoes([]).masked(CANARY_KEY) == CANARY_KEY


def test_whatever_is_sent_in_secret_is_known() -> None:
    login = base64.b64encode(f"user-name:{CANARY_KEY}".encode()).decode()
    for headers in (
        {"authorization": f"Bearer {NO_SHAPE}"},
        {"x-api-key": NO_SHAPE},
        {"X-Whatever": NO_SHAPE},
        {"authorization": f"Basic {base64.b64encode(f'user:{NO_SHAPE}'.encode()).decode()}"},
        {"cookie": f"a=1; session={quote(NO_SHAPE)}; b=2"},
    ):
        secrets = list(sent_secrets(headers, "https://provider.test/v1"))
        assert "***" in Echoes(secrets).masked(quote(NO_SHAPE) if "cookie" in headers else NO_SHAPE), headers
    assert canaries_in(Echoes(sent_secrets({"proxy-authorization": f"Basic {login}"}, "")).masked(CANARY_KEY)) == []
    plain = {"content-type": "application/json", "accept": "text/event-stream", "User-Agent": "standby/1.0"}
    assert list(sent_secrets(plain, "https://provider.test/?api-version=2026-01-01")) == []
    assert Echoes(sent_secrets({}, f"https://x.test/?api_key={quote_plus(CANARY_KEY)}")).masked(CANARY_KEY) == "***"


def test_whatever_is_configured_as_a_secret_is_known() -> None:
    proxy = f"http://somebody:{quote(CANARY_KEY, safe='')}@proxy.test:3128"
    options = {"secret_access_key": "aaaabbbbccccdddd", "held": Secret("eeeeffffgggghhhh"), "region": "nowhere-one"}
    body = {"user": "Aa1Bb2Cc3Dd4Ee5Ff6", "service_tier": "priority", "depth": {"inner": 1}}
    echoes = Echoes(configured_secrets(proxy, options, body))
    for said in (
        "somebody",
        CANARY_KEY,
        quote(CANARY_KEY, safe=""),
        *("aaaabbbbccccdddd", "eeeeffffgggghhhh"),
        body["user"],
    ):
        assert echoes.masked(f"<{said}>") == "<***>"
    for said in ("nowhere-one", "priority", "proxy.test"):
        assert echoes.masked(said) == said
    assert list(configured_secrets(None)) == []


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://provider.test/v1/chat?key=k#part", "https://provider.test/v1/chat"),
        ("http://user:password@127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, bare: str) -> None:
    assert bare_url(url) == bare


@pytest.mark.parametrize(
    "written",
    [
        lambda key: json.dumps(key)[1:-1].replace("/", r"\/"),
        lambda key: quote(quote(key, safe=""), safe=""),
        lambda key: key.encode().hex(),
        lambda key: key.encode().hex().upper(),
    ],
    ids=["as PHP escapes it", "escaped twice", "in hexadecimal", "in upper case"],
)
def test_a_secret_is_found_however_it_is_written(written: Callable[[str], str]) -> None:
    key = 'AB/cd+ef=gh"ij/kl0123456789'
    assert Echoes([key]).masked(f"<{written(key)}>") == "<***>"


def test_nothing_of_it_shows() -> None:
    echoes = Echoes([CANARY_KEY, json.dumps(CANARY_KEY)])
    assert canaries_in(f"{echoes!r} {echoes!s}") == []
