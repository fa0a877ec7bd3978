"""Without keys: programs of this machine come in, and no page in a browser does, nor a name that was bound anew."""

import pytest
from multidict import CIMultiDict
from standby.config import Serve
from standby.gateway.access import ANYONE, Access, Client
from standby.gateway.http import Request
from standby.gateway.refused import Refused

ORIGIN = "https://app.example"


def entered(
    *headers: tuple[str, str],
    method: str = "POST",
    path: str = "/v1/x",
    listen: str = "127.0.0.1:8080",
    json: bool = True,
) -> str:
    """Why a request is refused; the name of the client when it is not."""
    access = Access(Serve(auth="none", listen=listen, origins=(ORIGIN,)))
    fields = [*headers, *([("Content-Type", "application/json")] if json else [])]
    found = access.enter(Request(method, path, headers=CIMultiDict(fields)))
    return found.why if isinstance(found, Refused) else found.name


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "127.1.2.3:9000", "[::1]",
        "[::1]:8080", "[0:0:0:0:0:0:0:1]:80", "[::ffff:127.0.0.1]:80",
    ],
)  # fmt: skip
def test_the_names_of_the_machine_itself_may(host: str) -> None:
    assert entered(("Host", host)) == ANYONE


@pytest.mark.parametrize(
    "host",
    [
        "", " ", "evil.com", "evil.com:8080", "localhost.evil.com", "localhost.evil.com:8080", "evil.com.localhost",
        "127.0.0.1.nip.io", "127.0.0.1.nip.io:8080", "127-0-0-1.nip.io", "app.localhost", "localhost.",
        "localhost.:8080",
        "127.0.0.1.", "localhost.localdomain", "localtest.me", "lvh.me", "ip6-localhost", "localhostx", "xlocalhost",
        "user@localhost", "user:pw@localhost:8080", "localhost@evil.com", "evil.com#localhost", "evil.com\\localhost",
        "localhost/", "http://localhost", "localhost:8080:8080", "localhost:", "localhost:0", "localhost:65536",
        "localhost:-1", "localhost:+80", "localhost:8O", "localhost:٨٠", "localhost: 80", " localhost", "localhost ",
        "localhost,evil.com", "localhost evil.com", "localhost\t", "localhost\x00", "localhost%00", "loc%61lhost",
        "ｌocalhost", "ⓛocalhost", "lоcalhost", "LOCALHOſT", "localhoſt", "xn--localhost-",
        "0.0.0.0", "0", "127.1", "127.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.01",
        "１２７.0.0.1", "127。0。0。1",
        "::1", "[::]", "[::1", "::1]", "[::1]x", "[::1]evil.com", "[::1%25lo]", "[::1%lo]", "[v1.localhost]",
        "[localhost]",
        "[127.0.0.1]", "[::ffff:10.0.0.1]", "10.0.0.1", "169.254.169.254", "192.168.0.1", "host.docker.internal",
        "a" * 5000,
    ],
)  # fmt: skip
def test_a_name_that_was_bound_anew_and_all_that_only_looks_like_loopback_may_not(host: str) -> None:
    assert entered(("Host", host)) == "host"


def test_one_host_is_needed_and_not_two() -> None:
    assert entered() == "host"
    assert entered(("Host", "localhost"), ("Host", "localhost")) == "host"
    assert entered(("Host", "localhost"), ("X-Forwarded-Host", "evil.com")) == ANYONE
    assert entered(("Host", "evil.com"), ("X-Forwarded-Host", "localhost")) == "host"


def test_a_socket_of_the_file_system_has_no_name_to_be_bound_anew() -> None:
    assert entered(("Host", "whatever"), listen="unix:/run/s.sock") == ANYONE
    assert entered(("Host", "x"), ("Origin", "https://evil.com"), listen="unix:/run/s.sock") == "origin"


@pytest.mark.parametrize("path", ["http://evil.com/v1/x", "evil.com:443", "", "v1/x", "//evil.com"])
def test_a_whole_address_in_place_of_a_path_may_not(path: str) -> None:
    assert entered(("Host", "localhost"), path=path) == ("path" if not path.startswith("/") else ANYONE)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("Origin", ORIGIN)], ANYONE),
        ([("Origin", "https://evil.com")], "origin"),
        ([("Origin", "null")], "origin"),
        ([("Origin", "")], "origin"),
        ([("Origin", "http://localhost:8080")], "origin"),
        ([("Origin", ORIGIN + ".evil.com")], "origin"),
        ([("Origin", ORIGIN + "/")], "origin"),
        ([("Origin", ORIGIN.upper())], "origin"),
        ([("Origin", ORIGIN + ":443")], "origin"),
        ([("Origin", "http://app.example")], "origin"),
        ([("Origin", ORIGIN), ("Origin", "https://evil.com")], "origin"),
        ([("Origin", f"{ORIGIN}, https://evil.com")], "origin"),
        ([("Origin", "*")], "origin"),
        ([("Sec-Fetch-Site", "cross-site")], "origin"),
        ([("Sec-Fetch-Site", "Same-Site ")], "origin"),
        ([("Sec-Fetch-Site", "none")], ANYONE),
        ([("Sec-Fetch-Site", "cross-site"), ("Origin", ORIGIN)], ANYONE),
    ],
)
def test_pages_of_listed_origins_alone_may(headers: list[tuple[str, str]], expected: str) -> None:
    for method in ("POST", "GET"):
        assert entered(("Host", "localhost"), *headers, method=method) == expected


@pytest.mark.parametrize(
    ("types", "may"),
    [
        (["application/json"], True), (["Application/JSON; charset=utf-8"], True), (["application/json ;x"], True),
        ([], False), ([""], False), (["text/plain"], False), (["text/plain;application/json"], False),
        (["application/x-www-form-urlencoded"], False), (["multipart/form-data; boundary=application/json"], False),
        (["application/json, text/plain"], False), (["text/plain", "application/json"], False),
        (["application/json", "application/json"], False), (["application/jsonp"], False),
        (["application/ld+json"], False),
        (["аpplication/json"], False), (["application/json\x00"], False),
    ],
)  # fmt: skip
def test_a_body_must_say_that_it_is_json_which_no_form_can(types: list[str], may: bool) -> None:
    headers = [("Host", "localhost"), *(("Content-Type", each) for each in types)]
    for method in ("POST", "PUT", "DELETE", "post", "X"):
        assert entered(*headers, method=method, json=False) == (ANYONE if may else "content_type")
    for method in ("GET", "HEAD", "OPTIONS"):
        assert entered(*headers, method=method, json=False) == ANYONE


def test_what_a_sdk_sends_as_its_key_is_passed_over() -> None:
    assert entered(("Host", "localhost:8080"), ("Authorization", "Bearer unused"), ("X-Api-Key", "also")) == ANYONE


def test_a_client_without_a_key_may_ask_everything_that_the_machine_may() -> None:
    access = Access(Serve(auth="none"))
    headers = CIMultiDict([("Host", "localhost"), ("Content-Type", "application/json")])
    client = access.enter(Request("POST", "/v1/x", headers=headers))
    assert isinstance(client, Client)
    assert (client.key.routes, client.key.models) == (("*",), ("*",))
    assert client.fields(0.0) == ()
