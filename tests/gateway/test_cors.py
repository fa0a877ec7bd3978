"""Cross-origin requests: listed origins alone, no credentials, and nothing of the request echoed that is no name."""

import pytest
from multidict import CIMultiDict
from standby.gateway.cors import fields, preflight

APP = "https://app.example"


def told(origin: str, *, origins: tuple[str, ...] = (APP,), **asked: str) -> dict[str, str] | None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    headers |= {f"Access-Control-Request-{name.replace('_', '-')}": value for name, value in asked.items()}
    found = preflight(CIMultiDict(headers), origins)
    return None if found is None else dict(found)


def test_a_listed_origin_is_told_what_it_may() -> None:
    assert told(APP, Headers="Authorization, X-Stainless-OS,content-type") == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-allow-headers": "authorization, x-stainless-os, content-type",
        "access-control-max-age": "600",
        "vary": "origin, access-control-request-headers",
    }


@pytest.mark.parametrize("origin", ["https://evil.com", "null", "", APP + "/", APP.upper(), APP + ".evil.com", "*"])
def test_others_are_told_nothing(origin: str) -> None:
    assert told(origin) is None
    assert fields(CIMultiDict({"Origin": origin}), (APP,)) == (("vary", "origin"),)
    assert (
        preflight(CIMultiDict([("Origin", APP), ("Origin", APP), ("Access-Control-Request-Method", "X")]), (APP,))
        is None
    )


def test_no_list_is_no_cors() -> None:
    assert told(APP, origins=()) is None
    assert fields(CIMultiDict({"Origin": APP}), ()) == ()
    assert preflight(CIMultiDict({"Origin": APP}), (APP,)) is None


def test_a_star_lets_every_page_read_by_its_own_name() -> None:
    found = told("https://any.example", origins=("*",))
    assert found is not None
    assert found["access-control-allow-origin"] == "https://any.example"
    for injected in ("https://a\r\nx: y", "https://é"):
        assert told(injected, origins=("*",)) is None


def test_no_credentials_and_no_names_that_are_none() -> None:
    found = told(APP, Headers="a b, x\r\ny, cookie, é, ok, " + "n," * 100, Private_Network="true")
    assert found is not None
    assert "access-control-allow-credentials" not in found
    assert found["access-control-allow-private-network"] == "true"
    names = found["access-control-allow-headers"].split(", ")
    assert names[:2] == ["ok", "n"]
    assert len(names) < 64
