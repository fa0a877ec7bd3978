"""The section `serve`: what a gateway may be told, and what is refused, with its place."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standby.config import (
    Admin,
    ClientKey,
    Clients,
    Config,
    ConfigError,
    ConfigFileError,
    Route,
    Serve,
    ServedRoute,
    Target,
    Tls,
    load,
    warnings,
)
from standby.config.addresses import Address, address_of, is_loopback
from standby.config.client_key import Digest, digest_of, hashed, moment_s, read_digests
from standby.config.serve_flaws import machine_flaws, serve_flaws, serve_problems
from standby.config.worker_share import share_of

from canaries import CANARY_KEY, assert_no_canary

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
ROUTES = "targets:\n  k: {provider: koala}\nroutes:\n  chat: {targets: [k, koala]}\n"


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STANDBY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def loaded(serve: str) -> Config:
    Path("s.yaml").write_text(ROUTES + serve, encoding="utf-8")
    return load("s.yaml", env_file=None)


def problems(serve: str) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        loaded(serve)
    assert_no_canary(caught.value)
    return [str(problem) for problem in caught.value.problems]


def gateway(**settings: Any) -> Config:
    return Config(targets={"k": Target("koala")}, routes={"chat": Route(("k", "koala"))}, serve=Serve(**settings))


def told(**settings: Any) -> list[tuple[Any, ...]]:
    return [flaw.path[1:] for flaw in serve_flaws(gateway(**settings))]


def test_a_file_without_the_section_has_no_gateway() -> None:
    assert loaded("").serve is None
    assert list(serve_flaws(Config())) == [] == list(machine_flaws(Config()))


def test_every_setting_can_be_written() -> None:
    config = loaded(f"""
serve:
  listen: 0.0.0.0:4000
  admin: {{listen: "[::1]:4001", digests: ["{OTHER}"]}}
  tls: {{cert: c.pem, key: /etc/k.pem, client_ca: ca.pem}}
  workers: 2
  keys:
    app:
      digests: ["{DIGEST} until 2027-01-31"]
      expires: 2030-01-01T00:00:00Z
      routes: [chat]
      models: [k, openai/*]
      overrides: [deadline_s, no_hedge]
      deadline_max_s: 30
      concurrency: 4
      requests_per_min: 60
      tokens_per_min: 1000
      budget_day: 1.5
      budget_month: 20
  aliases: {{gpt-4o: chat, "*": openai/gpt-5-mini}}
  routes: {{chat: {{unsupported: drop}}}}
  origins: ["https://app.example"]
  forward_headers: [Traceparent]
  clients: {{body_bytes_max: 2048, in_flight_max: 10}}
  ping_s: 5
  state: state/s.db
  drain_delay_s: 0
  drain_s: 30
""")
    serve, folder = config.serve, Path("s.yaml").parent
    assert serve is not None
    assert serve.address == Address("0.0.0.0", 4000)
    assert serve.admin.address == Address("::1", 4001)
    assert serve.tls == Tls(cert=str(folder / "c.pem"), key="/etc/k.pem", client_ca=str(folder / "ca.pem"))
    assert serve.keys["app"] == ClientKey(
        digests=(f"{DIGEST} until 2027-01-31",), expires="2030-01-01T00:00:00Z", routes=("chat",),
        models=("k", "openai/*"), overrides=("deadline_s", "no_hedge"), deadline_max_s=30, concurrency=4,
        requests_per_min=60, tokens_per_min=1000, budget_day=1.5, budget_month=20,
    )  # fmt: skip
    assert serve.aliases == {"gpt-4o": "chat", "*": "openai/gpt-5-mini"}
    assert serve.routes == {"chat": ServedRoute(unsupported="drop")}
    assert (serve.origins, serve.forward_headers) == (("https://app.example",), ("traceparent",))
    assert serve.clients == Clients(body_bytes_max=2048, in_flight_max=10)
    assert (serve.state, serve.drain_s, serve.ping_s) == (str(folder / "state/s.db"), 30, 5)


def test_an_empty_section_wants_keys_and_says_how_to_come_by_them() -> None:
    assert problems("serve:\n") == [
        "s.yaml:5:1: serve.keys: no key is given, so nothing could be asked;"
        " `standby key new` makes one; on loopback auth: none does without"
    ]
    assert loaded("serve:\n  auth: none\n  keys:\n  clients:\n  aliases:\n").serve == Serve(auth="none")


def test_the_environment_reaches_every_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LISTEN": "127.0.0.1:9000",
        "KEYS__APP__DIGESTS": f"{DIGEST},{OTHER}",
        "KEYS__APP__ROUTES": "chat",
        "KEYS__OPS": f'{{"digests": ["sha256:{"12" * 32}"], "overrides": ["hold"]}}',
        "ALIASES__GPT": "chat",
        "ORIGINS": "https://a.example, https://b.example",
        "CLIENTS__HEAD_S": "3",
        "STATE": "none",
    }.items():
        monkeypatch.setenv(f"STANDBY_SERVE__{name}", value)
    serve = loaded("").serve
    assert serve is not None
    assert serve.address.port == 9000
    assert serve.keys["app"].digests == (DIGEST, OTHER)
    assert serve.keys["app"].routes == ("chat",)
    assert serve.keys["ops"].overrides == ("hold",)
    assert (serve.aliases, serve.clients.head_s, serve.state) == ({"gpt": "chat"}, 3, "none")
    assert serve.origins == ("https://a.example", "https://b.example")


def test_a_service_of_that_name_in_kubernetes_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDBY_SERVE_PORT", "tcp://10.0.0.1:80")
    assert loaded("").serve is None


@pytest.mark.parametrize(
    ("serve", "at", "expected"),
    [
        ("{auth: none, listen: 8080}", "8080", "serve.listen: must be HOST:PORT, [IPv6]:PORT or unix:PATH"),
        ("{auth: none, lisen: x}", "lisen", "serve.lisen: unknown key; did you mean 'listen'?"),
        ("{auth: maybe}", "maybe", "serve.auth: must be one of keys, none"),
        ("{auth: none, workers: 0}", "0}", "serve.workers: must be at least 1 and at most 64, but is 0"),
        ("{auth: none, clients: {head_s: 0}}", "0}", "serve.clients.head_s: must be more than 0 and at most"),
        ("{auth: none, keys: {a: {digest: x}}}", "digest", "serve.keys.a.digest: unknown key; did you mean"),
        ("{keys: {a: {digests: [abc]}}}", "abc", "serve.keys.a.digests[0]: must be sha256: and 64 hexadecimal"),
        ("{keys: {a: {expires: soon}}}", "soon", "serve.keys.a.expires: must be a date (2027-01-31) or a time with"),
        ("{keys: {a: {keys: [short]}}}", "{keys: [", "serve.keys.a: a key of a client must have 16 to 512 plain"),
        ("{keys: {a: {overrides: [base_url]}}}", "base_url", "serve.keys.a.overrides[0]: must be one of"),
        ("{auth: none, origins: [https://A.example/]}", "https", "serve.origins[0]: must be an origin in small"),
        ("{auth: none, forward_headers: [Authorization]}", "Auth", "serve.forward_headers[0]: never goes on to a"),
        ("{auth: none, routes: {chat: {unsupported: maybe}}}", "maybe", "serve.routes.chat.unsupported: must be"),
        ("{auth: none, listen: 0.0.0.0:80}", "none", "serve.auth: none is for loopback only, and it listens beyond"),
        ("{auth: none, aliases: {gpt: chatt}}", "chatt", "serve.aliases.gpt: means no route, no target and no"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_places(serve: str, at: str, expected: str) -> None:
    assert problems(f"serve:\n {serve}\n")[0].startswith(f"s.yaml:6:{serve.index(at) + 2}: {expected}")


def test_a_key_in_the_wrong_place_is_not_shown() -> None:
    for serve in (
        f"{{keys: {{a: {{digests: ['{CANARY_KEY}']}}}}}}",
        f"{{keys: {{a: {{expires: '{CANARY_KEY}'}}}}}}",
        f"{{keys: {{'{CANARY_KEY}': {{}}}}}}",
        f"{{auth: none, aliases: {{gpt: '{CANARY_KEY}'}}}}",
        f"{{keys: {{a: {{keys: ['{CANARY_KEY}', '{CANARY_KEY}\\n']}}}}, listen: '{CANARY_KEY}'}}",
    ):
        assert problems(f"serve: {serve}\n")


@pytest.mark.parametrize(
    ("settings", "paths"),
    [
        ({"auth": "none"}, []),
        ({"auth": "none", "listen": "localhost:80"}, []),
        ({"auth": "none", "listen": "[::1]:80"}, []),
        ({"auth": "none", "listen": "unix:/run/s.sock"}, []),
        ({"auth": "none", "listen": "[::]:80"}, [("auth",)]),
        ({"auth": "none", "listen": "10.0.0.1:80"}, [("auth",)]),
        ({"auth": "none", "listen": "localhost.evil.com:80"}, [("auth",)]),
        ({"auth": "none", "origins": ["*"]}, [("origins",)]),
        ({"auth": "none", "keys": {"a": ClientKey(digests=[DIGEST])}}, [("auth",)]),
        ({}, [("keys",)]),
        ({"keys": {"a": ClientKey()}}, [("keys", "a")]),
        ({"keys": {"a b": ClientKey(digests=[DIGEST])}}, [("keys", "a b")]),
        ({"keys": {"a": ClientKey(digests=[DIGEST]), "b": ClientKey(digests=[OTHER, DIGEST])}}, [("keys", "b")]),
        ({"keys": {"a": ClientKey(keys=[CANARY_KEY]), "b": ClientKey(keys=[CANARY_KEY])}}, [("keys", "b")]),
        ({"keys": {"a": ClientKey(digests=[DIGEST], routes=["chat", "chta"])}}, [("keys", "a", "routes", 1)]),
        ({"keys": {"a": ClientKey(digests=[DIGEST], models=["k", "*", "openai/*", "openai/x"])}}, []),
        ({"keys": {"a": ClientKey(digests=[DIGEST], models=["x", "nope/*", "openai/"])}},
         [("keys", "a", "models", 0), ("keys", "a", "models", 1), ("keys", "a", "models", 2)]),
        ({"auth": "none", "admin": Admin(listen="0.0.0.0:1")}, [("admin", "listen")]),
        ({"auth": "none", "admin": Admin(listen="0.0.0.0:1", enabled=False)}, []),
        ({"auth": "none", "admin": Admin(listen="0.0.0.0:1", digests=[DIGEST])}, []),
        ({"auth": "none", "admin": Admin(listen="127.0.0.1:8080")}, [("admin", "listen")]),
        ({"keys": {"a": ClientKey(keys=[CANARY_KEY])}, "admin": Admin(keys=[CANARY_KEY])}, [("admin",)]),
        ({"auth": "none", "aliases": {"chat": "k"}}, [("aliases", "chat")]),
        ({"auth": "none", "aliases": {"a": "b", "b": "chat"}}, [("aliases", "a")]),
        ({"auth": "none", "aliases": {"a": "openai/gpt-5", "*": "chat"}}, []),
        ({"auth": "none", "routes": {"x": ServedRoute()}}, [("routes", "x")]),
        ({"auth": "none", "workers": 4, "clients": Clients(in_flight_max=3)}, [("clients", "in_flight_max")]),
        ({"workers": 4, "keys": {"a": ClientKey(digests=[DIGEST], concurrency=4, requests_per_min=3)}},
         [("keys", "a", "requests_per_min")]),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(settings: dict[str, Any], paths: list[tuple[Any, ...]]) -> None:
    assert told(**settings) == paths


def test_workers_share_the_limits_of_targets_too() -> None:
    serve = Serve(auth="none", workers=8)
    inline = Target("koala", requests_per_min=7)
    config = Config(targets={"k": Target("koala", concurrency=7)}, routes={"chat": Route(("k", inline))}, serve=serve)
    assert [flaw.path for flaw in serve_flaws(config)] == [
        ("targets", "k", "concurrency"), ("routes", "chat", "targets", 1, "requests_per_min"),
    ]  # fmt: skip


def test_a_worker_takes_an_equal_share_and_together_never_more() -> None:
    limits: dict[str, Any] = {"concurrency": 10, "requests_per_min": 100, "budget_day": 9.0}
    inline = Target("koala", name="i", **limits)
    config = Config(
        targets={"k": Target("koala", **limits)},
        routes={"chat": Route(("k", (inline, "koala")), on={"auth": (inline,)}, budget_month=6.0)},
        serve=Serve(workers=3, keys={"a": ClientKey(digests=[DIGEST], tokens_per_min=100, **limits)}),
    )
    part = share_of(config, 3)
    tier = part.routes["chat"].targets[1]
    assert isinstance(tier, tuple)
    assert part.serve is not None
    key = part.serve.keys["a"]
    [on] = part.routes["chat"].on.values()
    for shared in (part.targets["k"], tier[0], on[0], key):
        assert isinstance(shared, Target | ClientKey)
        assert (shared.concurrency, shared.requests_per_min, shared.budget_day) == (3, 33, 3.0)
    assert (key.tokens_per_min, part.routes["chat"].budget_month, tier[1]) == (33, 2.0, "koala")
    assert (part.serve.clients.in_flight_max, part.targets["k"].connections_max) == (1666, 1000)
    assert share_of(config, 1) is config


def test_code_is_refused_as_files_are() -> None:
    for make, words in (
        (lambda: ClientKey(digests=["x"]), "ClientKey.digests holds one that must be sha256:"),
        (lambda: ClientKey(digests=DIGEST), "ClientKey.digests must be a list, but is a str"),
        (lambda: ClientKey(keys=[b"x"]), "ClientKey.keys takes texts and Secrets"),  # type: ignore[list-item]
        (lambda: Serve(listen="nowhere"), "Serve.listen must be HOST:PORT"),
        (lambda: Serve(origins=["x"]), "Serve.origins holds one that must be an origin"),
        (lambda: Serve(forward_headers=["cookie"]), "Serve.forward_headers holds one that never goes on"),
        (lambda: Serve(keys={"a": DIGEST}), "Serve.keys takes a mapping of names to ClientKey"),  # type: ignore[dict-item]
        (lambda: Serve(clients=5), "Serve.clients"),  # type: ignore[arg-type]
        (lambda: ClientKey(overrides=["base_url"]), "ClientKey.overrides must be a list of"),  # type: ignore[list-item]
        (lambda: Admin(keys=["short"]), "a key of a client must have 16"),
    ):
        with pytest.raises(ConfigError) as caught:
            make()  # type: ignore[no-untyped-call]
        assert str(caught.value).startswith(words)


def test_keys_show_in_no_repr() -> None:
    key = ClientKey(keys=[CANARY_KEY], digests=[DIGEST])
    for thing in (key, Serve(keys={"a": key}), Admin(keys=[CANARY_KEY])):
        assert_no_canary(repr(thing))
        assert "abab" not in repr(thing)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("gateway.internal:65535", Address("gateway.internal", 65535)),
        ("[::1]:80", Address("::1", 80)),
        ("unix:/run/s.sock", Address(path="/run/s.sock")),
        ("", None), (":80", None), ("host", None), ("host:", None), ("host:65536", None), ("host:-1", None),
        ("::1:80", None), ("[::g]:80", None), ("[1.2.3.4]:80", None), ("unix:", None), ("a b:80", None),
        ("http://h:80", None), ("u@h:80", None), ("h:80/", None), ("h:٨٠", None), ("ｈ:80", None), ("unix:a\0b", None),
        (f"unix:/{'x' * 200}", None), ("h:80\n", None),
    ],
)  # fmt: skip
def test_addresses(text: str, address: Address | None) -> None:
    if address is None:
        with pytest.raises(ValueError, match=r"must be HOST|above 65535|longer than"):
            address_of(text)
    else:
        assert address_of(text) == address


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("LOCALHOST", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True),
        ("::ffff:127.0.0.1", True), ("0:0:0:0:0:0:0:1", True),
        ("", False), ("localhost.", False), ("localhost.evil.com", False), ("127.0.0.1.nip.io", False),
        ("0.0.0.0", False), ("::", False), ("127.1", False), ("2130706433", False), ("0x7f.0.0.1", False),
        ("0177.0.0.1", False), ("::1%eth0", False), ("１２７.0.0.1", False), ("ⓛocalhost", False),
        ("[::1]", False), ("10.0.0.1", False), ("::ffff:10.0.0.1", False),
    ],
)  # fmt: skip
def test_loopback_is_the_machine_itself_and_nothing_that_looks_like_it(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_a_date_means_its_end() -> None:
    assert moment_s("1970-01-01") == 86_400
    assert moment_s("1970-01-01T01:00:00+01:00") == 0
    assert moment_s("1970-01-01T00:00:10Z") == 10
    for wrong in ("", "soon", "1970-01-01T00:00:00", "9999-12-31", "1970-13-01", "١٩٧٠-01-01", "19700101T00Z x"):
        with pytest.raises(ValueError, match=r"must be a date|has no time zone"):
            moment_s(wrong)


def test_a_digest_may_have_an_end() -> None:
    assert digest_of(DIGEST) == Digest(b"\xab" * 32, None)
    assert digest_of(f"sha256:{'AB' * 32} until 1970-01-01") == Digest(b"\xab" * 32, 86_400)
    for wrong in ("ab" * 32, DIGEST + "0", DIGEST[:-1], f"md5:{'ab' * 16}", f"{DIGEST} until", f"{DIGEST} until x y"):
        with pytest.raises(ValueError, match=r"must be sha256|must be a date"):
            digest_of(wrong)


def test_a_file_of_keys_has_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"\ufeff# app\n\n{DIGEST}\r\n{OTHER} until 1970-01-01\n  {CANARY_KEY}  \n", encoding="utf-8")
    assert read_digests(str(file)) == [
        Digest(b"\xab" * 32), Digest(b"\xcd" * 32, 86_400), Digest(hashed(CANARY_KEY)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds none"),
        ("# nothing\n", "holds none"),
        (f"{DIGEST}\n{CANARY_KEY} x\n", "line 2 is no digest, and a key must have 16 to 512 plain characters"),
        (f"{DIGEST} until {CANARY_KEY}", "line 1 must be a date"),
        ("sha256:abc", "line 1 must be sha256:"),
        ("short", "line 1 is no digest"),
        ("ключключключключ", "line 1 is no digest"),
    ],
)
def test_what_is_wrong_in_a_file_of_keys_is_told_by_its_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as caught:
        read_digests(str(file))
    assert_no_canary(caught.value)


def test_the_machine_is_asked_by_check_alone(tmp_path: Path) -> None:
    config = loaded("serve:\n  keys: {a: {key_files: [gone, /also/gone]}}\n  workers: 2\n  tls: {cert: c.pem}\n")
    assert [str(problem) for problem in serve_problems(config, platform="darwin")] == [
        "s.yaml:6:26: serve.keys.a.key_files[0]: the file of keys gone cannot be read: No such file or directory",
        "s.yaml:6:32: serve.keys.a.key_files[1]: the file of keys /also/gone cannot be read: No such file or directory",
        "s.yaml:7:12: serve.workers: several need Linux, which spreads connections over them; take one",
        "s.yaml:8:15: serve.tls.cert: the file c.pem cannot be read: No such file or directory",
    ]
    assert len(serve_problems(config, platform="linux")) == 3
    assert str(serve_problems(replace(config, origin=None), platform="linux")[0]).startswith("configuration: serve.")


def test_advice_on_what_a_wire_cannot_say_and_on_keys_that_are_over() -> None:
    config = loaded(
        "  loud: {targets: [k, koala], mid_stream: [replay, restart]}\n"
        f"serve:\n  keys:\n    a: {{digests: ['{DIGEST}'], expires: 1999-12-31}}\n"
        f"    b: {{digests: ['{OTHER} until 1999-12-31']}}\n    c: {{keys: ['{CANARY_KEY}']}}\n"
    )
    Path("s.yaml").chmod(0o600)
    found = [str(problem) for problem in warnings(config, {})]
    assert_no_canary(found)
    assert found == [
        "s.yaml:5:52: routes.loud.mid_stream[1]: restart of text cannot be said on a wire: the gateway leaves it out",
        f"s.yaml:8:{33 + len(DIGEST)}: serve.keys.a.expires: is over: the key is refused",
        "s.yaml:9:18: serve.keys.b.digests: one of them is over: that key is refused",
        "s.yaml:10:16: serve.keys.c.keys[0]: the key is written out in the file; write its digest (`standby key new`)",
    ]
    assert "restart" not in str(warnings(replace(config, serve=None), {}))
