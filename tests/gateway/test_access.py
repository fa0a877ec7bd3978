"""The door: keys by header, their rights and use across reloads, and that no key shows anywhere."""

from pathlib import Path

import pytest
from multidict import CIMultiDict
from standby.config import Admin, ClientKey, ConfigError, Serve
from standby.config.addresses import Address
from standby.config.client_key import hashed
from standby.gateway.access import Access, Client, for_admin
from standby.gateway.http import Request
from standby.gateway.quota import Grant
from standby.gateway.refused import Refused

from canaries import CANARY_KEY, assert_no_canary

OLD, NEW = "sk-the-old-key-000", "sk-the-new-key-000"


def request(key: str | None = CANARY_KEY, *, query: str = "", **headers: str) -> Request:
    fields = CIMultiDict(headers)
    if key is not None:
        fields["Authorization"] = f"Bearer {key}"
    return Request("POST", "/v1/chat/completions", headers=fields, query=query)


def why(access: Access, asked: Request) -> str:
    """Why it is refused; the name of its key when it is not."""
    found = access.enter(asked)
    assert_no_canary(found)
    return found.why if isinstance(found, Refused) else found.name


def client(access: Access, key: str = CANARY_KEY) -> Client:
    found = access.enter(request(key))
    assert isinstance(found, Client)
    return found


def test_a_key_comes_in_by_its_name_with_its_rights() -> None:
    key = ClientKey(keys=[CANARY_KEY], routes=["chat"], requests_per_min=5)
    access = Access(Serve(keys={"app": key}))
    found = client(access)
    assert (found.name, found.key, repr(found)) == ("app", key, "<Client app>")
    assert dict(found.fields(0.0))["x-ratelimit-limit-requests"] == "5"


def test_with_keys_neither_host_nor_origin_nor_content_type_matter() -> None:
    access = Access(Serve(listen="0.0.0.0:80", keys={"app": ClientKey(keys=[CANARY_KEY])}))
    assert why(access, request(Host="api.example", Origin="https://evil.com")) == "app"
    assert why(access, request(None, Host="localhost")) == "key_missing"
    assert why(access, request(query=f"key={CANARY_KEY}")) == "key_in_url"


def test_a_key_ends_with_its_day_by_the_wall_clock() -> None:
    wall_s = 86_399.9
    digest = f"sha256:{hashed(CANARY_KEY).hex()}"
    keys = {
        "own": ClientKey(digests=[f"{digest} until 1970-01-01"]),
        "all": ClientKey(keys=[OLD], digests=[f"sha256:{hashed(NEW).hex()} until 1999-01-01"], expires="1970-01-01"),
    }
    access = Access(Serve(keys=keys), wall=lambda: wall_s)
    asked = (request(), request(OLD), request(NEW))
    assert [why(access, each) for each in asked] == ["own", "all", "all"]
    wall_s = 86_400.0
    assert [why(access, each) for each in asked] == ["key_expired"] * 3


def test_a_key_is_exchanged_for_another_without_a_gap_and_its_use_goes_on() -> None:
    access = Access(Serve(keys={"app": ClientKey(keys=[OLD], requests_per_min=2)}))
    assert isinstance(client(access, OLD).admit(1, 0.0, 0.0), Grant)
    access.follow(Serve(keys={"app": ClientKey(keys=[OLD, NEW], requests_per_min=2)}))
    assert isinstance(client(access, NEW).admit(1, 0.0, 0.0), Grant)
    assert isinstance(client(access, OLD).admit(1, 0.0, 0.0), Refused)
    access.follow(Serve(keys={"app": ClientKey(keys=[NEW], requests_per_min=3)}))
    assert why(access, request(OLD)) == "key_unknown"
    assert isinstance(client(access, NEW).admit(1, 0.0, 0.0), Grant)


def test_what_is_in_flight_ends_well_after_its_key_is_gone() -> None:
    access = Access(Serve(keys={"app": ClientKey(keys=[OLD], concurrency=1, budget_day=5)}))
    grant = client(access, OLD).admit(1, 1.0, 0.0)
    assert isinstance(grant, Grant)
    access.follow(Serve(keys={"ops": ClientKey(keys=[NEW])}))
    grant.settle(1.0, 5, 2.0)
    access.follow(Serve(keys={"app": ClientKey(keys=[OLD], concurrency=1, budget_day=5)}))
    usage = access.usages["app"]
    assert (usage.ledger.spent_day, usage.limits.in_flight) == (2.0, 0)


def test_a_wrong_file_of_keys_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(CANARY_KEY)
    serve = Serve(keys={"app": ClientKey(key_files=[str(file)])})
    access = Access(serve)
    for wrong in ("", "short", f"{CANARY_KEY} {CANARY_KEY}"):
        file.write_text(wrong)
        with pytest.raises(ConfigError) as caught:
            access.follow(serve)
        assert_no_canary(caught.value)
        assert why(access, request()) == "app"
    file.write_text(f"{NEW}\n")
    access.follow(serve)
    assert [why(access, request(NEW)), why(access, request())] == ["app", "key_unknown"]


def test_no_reload_opens_a_listener_beyond_loopback() -> None:
    """The file that is read anew may say `listen: 127.0.0.1`: where the process listens, it does not change."""
    access = Access(Serve(listen="0.0.0.0:80", keys={"app": ClientKey(keys=[CANARY_KEY])}))
    with pytest.raises(ConfigError, match="auth: none is for loopback only, and the gateway listens beyond it"):
        access.follow(Serve(auth="none"))
    assert why(access, request(None, Host="localhost")) == "key_missing"
    with pytest.raises(ConfigError, match="loopback only"):
        Access(Serve(auth="none"), address=Address("10.0.0.1", 80))


def test_no_reload_takes_the_need_of_a_key_away() -> None:
    """Half of a file, read while it is being written, may have no section `serve`, and so ask for no key."""
    access = Access(Serve(keys={"app": ClientKey(keys=[CANARY_KEY])}))
    with pytest.raises(ConfigError, match="clients would need a key no more"):
        access.follow(Serve(auth="none"))
    assert why(access, request(None, Host="localhost")) == "key_missing"
    opened = Access(Serve(auth="none"))
    opened.follow(Serve(keys={"app": ClientKey(keys=[CANARY_KEY])}))
    assert why(opened, request(None, Host="localhost")) == "key_missing"


def test_the_admin_listener_has_keys_of_its_own() -> None:
    clients = {"app": ClientKey(keys=[OLD])}
    outside = Access(for_admin(Serve(keys=clients, admin=Admin(listen="0.0.0.0:8081", keys=[NEW]))))
    assert [why(outside, request(key)) for key in (NEW, OLD, None)] == ["admin", "key_unknown", "key_missing"]
    inside = Access(for_admin(Serve(keys=clients, origins=["https://app.example"])))
    local = {"Host": "localhost:8081", "Content-Type": "application/json"}
    assert why(inside, request(None, **local)) == "-"
    assert why(inside, request(OLD, **local | {"Host": "evil.com"})) == "host"
    assert why(inside, request(None, **local, Origin="https://app.example")) == "origin"
    with pytest.raises(ConfigError, match="loopback only"):
        Access(for_admin(Serve(keys=clients, admin=Admin(listen="0.0.0.0:8081"))))


def test_keys_and_what_holds_them_show_nothing() -> None:
    access = Access(Serve(keys={"app": ClientKey(keys=[CANARY_KEY])}))
    found = client(access)
    for thing in (access, access._ring, found, found.admit(1, 0.0, 0.0), access.usages):
        assert_no_canary(thing)
    for asked in (
        request(CANARY_KEY + "x"), request(None), request(query=f"key={CANARY_KEY}"), request(**{"x-api-key": OLD}),
        request(None, Authorization=f"Basic {CANARY_KEY}"), request(CANARY_KEY * 50),
    ):  # fmt: skip
        assert why(access, asked).startswith("key")


def test_a_page_of_a_listed_origin_may_ask_and_read() -> None:
    access = Access(Serve(keys={"app": ClientKey(keys=[CANARY_KEY])}, origins=["https://app.example"]))
    page = {"Origin": "https://app.example"}
    fields = dict(access.cors_fields(request(**page)))
    assert fields["access-control-allow-origin"] == "https://app.example"
    asked = request(None, **page, **{"Access-Control-Request-Method": "POST"})
    assert dict(access.preflight(asked) or ())["access-control-allow-methods"] == "GET, POST, OPTIONS"
    assert access.preflight(request(None, Origin="https://evil.com")) is None
    assert Access(Serve(auth="none")).cors_fields(request(**page)) == ()
