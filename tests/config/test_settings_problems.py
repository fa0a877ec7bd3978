"""What is wrong with a configuration: all at once, at its place, in plain words, and without any secret."""

import copy
import os
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import pytest
from standby.config import ConfigFileError, ConfigProblem, Handling, Route, Target, load
from standby.config.errors import ConfigError
from standby.config.origin import shown
from standby.config.problems import PROBLEMS_MAX, did_you_mean
from standby.providers.errors import ErrorKind

from canaries import CANARY_KEY, assert_no_canary, canaries_in


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("STANDBY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def error_of(text: str, **overrides: object) -> ConfigFileError:
    Path("u.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigFileError) as caught:
        load("u.yaml", **overrides)
    return caught.value


def problems_of(text: str, **overrides: object) -> list[str]:
    return str(error_of(text, **overrides)).splitlines()


def test_many_mistakes_are_listed_at_once_in_the_order_of_the_file() -> None:
    assert problems_of(
        """\
targets:
  koala:
    provider: koalla
    connect_s: 22:22
    connect_s: 1
    headers: {Authorization: "Bearer ${TOKEN}"}
    parameters: {temperature: hot, temprature: 1}
  open:
    provider: openai
    key: ${GONE}
    capabilities: {tools: perhaps, prefil: none}
    body: *defaults
routes:
  chat:
    targets: [koala, opnai/gpt-5, {provider: openai, modle: x}, ope]
    deadlin_s: 1
    all_open: last_resrt
    mid_stream: [replay, retsart]
  empty: {targets: []}
  none:
  nobody: {}
limits:
  deadline_s: -1
  total_s: .inf
retry: 5
foo: 1
"""
    ) == [
        "u.yaml:3:15: targets.koala.provider: no provider 'koalla'; did you mean 'koala'?",
        "u.yaml:4:16: targets.koala.connect_s: must be a number",
        "u.yaml:5:5: targets.koala.connect_s: duplicate key; it stands in line 4 already",
        "u.yaml:6:30: targets.koala.headers.Authorization: a ${NAME} must be the whole value;"
        " put the whole text into a variable; $${ stands for a literal ${",
        "u.yaml:7:31: targets.koala.parameters.temperature: must be a number",
        "u.yaml:7:36: targets.koala.parameters.temprature: unknown key; did you mean 'temperature'?",
        "u.yaml:10:10: targets.open.key: the environment variable GONE is not set",
        "u.yaml:11:27: targets.open.capabilities.tools: must be true or false",
        "u.yaml:11:36: targets.open.capabilities.prefil: unknown key; did you mean 'prefill'?",
        "u.yaml:12:11: targets.open.body: aliases (*name) are not supported; write the value out",
        "u.yaml:15:22: routes.chat.targets[1]: no target named 'opnai/gpt-5' and no provider 'opnai';"
        " did you mean 'openai/gpt-5'?",
        "u.yaml:15:54: routes.chat.targets[2].modle: unknown key; did you mean 'model'?",
        "u.yaml:15:65: routes.chat.targets[3]: no target named 'ope' and no provider 'ope'; did you mean 'open'?",
        "u.yaml:16:5: routes.chat.deadlin_s: unknown key; did you mean 'deadline_s'?",
        "u.yaml:17:15: routes.chat.all_open: must be one of wait, last_resort, fail; did you mean 'last_resort'?",
        "u.yaml:18:26: routes.chat.mid_stream[1]: must be one of continue, ask_to_continue, replay, restart;"
        " did you mean 'restart'?",
        "u.yaml:19:20: routes.empty.targets: needs at least one target",
        "u.yaml:20:8: routes.none: must be a mapping (name: value)",
        "u.yaml:21:3: routes.nobody.targets: is missing",
        "u.yaml:23:15: limits.deadline_s: must be more than 0 and at most 2678400, but is -1",
        "u.yaml:24:12: limits.total_s: must be a number",
        "u.yaml:25:8: retry: must be a mapping (name: value)",
        "u.yaml:26:1: foo: unknown key; known are targets, routes, limits, retry, health, serve",
    ]


TARGETS = "targets:\n  a: {provider: koala}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("limit: {}\n", "3:1: limit: unknown key; did you mean 'limits'?"),
        ("limits: {x: 1}\n", "3:10: limits.x: unknown key"),
        ("retry: {attempt: 1}\n", "3:9: retry.attempt: unknown key; did you mean 'attempts'?"),
        ("health: {open: 1}\n", "3:10: health.open: unknown key; did you mean 'open_s'?"),
        ("routes: {r: {target: [a]}}\n", "3:14: routes.r.target: unknown key; did you mean 'targets'?"),
        (
            "routes: {r: {targets: [a], retry: {x: 1}}}\n",
            "3:36: routes.r.retry.x: unknown key; known are attempts, backoff_s, backoff_max_s, patience_s,"
            " budget_ratio, budget_floor_per_s",
        ),
        (
            "routes: {r: {targets: [a], parameters: {Temperature: 1}}}\n",
            "3:41: routes.r.parameters.Temperature: unknown key; did you mean 'temperature'?",
        ),
        (
            "routes: {r: {targets: [a], parameters: {messages: []}}}\n",
            "3:41: routes.r.parameters.messages: unknown key",
        ),
        (
            "routes: {r: {targets: [{provider: koala, capabilities: {tool: 1}}]}}\n",
            "3:57: routes.r.targets[0].capabilities.tool: unknown key; did you mean 'tools'?",
        ),
        ("routes: {r: {targets: [{model: m}]}}\n", "3:24: routes.r.targets[0].provider: is missing"),
        (
            "routes: {r: {targets: [a], hold: {delta: 1}}}\n",
            "3:35: routes.r.hold.delta: unknown key; did you mean 'deltas'?",
        ),
        ("origin: {}\n", "3:1: origin: unknown key"),
    ],
)
def test_unknown_keys_are_refused_at_every_level(text: str, expected: str) -> None:
    assert any(line.startswith(f"u.yaml:{expected}") for line in problems_of(TARGETS + text))


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("limits.deadline_s", "0", "must be more than 0 and at most 2678400, but is 0"),
        ("limits.deadline_s", "-5", "must be more than 0 and at most 2678400, but is -5"),
        ("limits.deadline_s", "1e9", "must be more than 0 and at most 2678400, but is 1e+09"),
        ("limits.deadline_s", "nan", "must be more than 0 and at most 2678400, but is nan"),
        ("limits.deadline_s", "inf", "must be more than 0 and at most 2678400, but is inf"),
        ("limits.deadline_s", "1e999", "must be more than 0 and at most 2678400, but is inf"),
        ("limits.deadline_s", ".nan", "must be a number"),
        ("limits.deadline_s", "10s", "must be a number"),
        ("limits.deadline_s", "true", "must be a number"),
        ("limits.deadline_s", "[1]", "must be a number"),
        ("limits.deadline_s", "~", "must be a number"),
        ("retry.attempts", "0", "must be at least 1 and at most 10, but is 0"),
        ("retry.attempts", "1.5", "must be a whole number"),
        ("retry.attempts", "many", "must be a whole number"),
        ("retry.attempts", "9" * 5000, "must be a whole number, and a smaller one"),
        ("retry.budget_ratio", "1.01", "must be at least 0 and at most 1, but is 1.01"),
        ("health.failure_ratio", "0", "must be more than 0 and at most 1, but is 0"),
        ("targets.b.trust_env", "maybe", "must be true or false"),
        ("targets.b.trust_env", "[]", "must be true or false"),
        ("targets.b.model", "[m]", "must be a text"),
        ("targets.b.key", "[k]", "a secret is a text, best written as ${NAME_OF_A_VARIABLE}"),
        ("targets.b.key", "", "is empty; leave the line out to use the provider's usual environment variable"),
        ("targets.b.key", "'  '", "is empty; leave the line out to use the provider's usual environment variable"),
        ("targets.b.connector", "x", "can only be given in code"),
        ("targets.b.base_url", "localhost:8000", "must be an address that begins with http:// or https://"),
        ("targets.b.base_url", "ftp://h", "must be an address that begins with http:// or https://"),
        ("targets.b.base_url", "'http://'", "must be an address that begins with http:// or https://"),
        ("targets.b.base_url", "http://[::1", "must be an address that begins with http:// or https://"),
        ("targets.b.base_url", "http://h:x", "must be an address that begins with http:// or https://"),
        ("targets.b.base_url", "'http://h/a b'", "must be an address that begins with http:// or https://"),
        ("targets.b.base_url", "http://u:p@h", "must not hold a user name or password; use key, or headers"),
        ("targets.b.base_url", "http://h?key=1", "must not hold a '?' or '#'"),
        ("targets.b.proxy", "https://h", "must be an address that begins with http:// or socks5:// or socks5h://"),
        ("targets.b.headers", "[x]", "must be a mapping (name: value)"),
        ("targets.b.headers", "{'a b': x}", "'a b' cannot be the name of a header"),
        ("targets.b.headers", '{a: "x\\ny"}', "the value of a holds a character that a header cannot carry"),
        ("targets.b.headers", "{a: \u4f60}", "the value of a holds a character that a header cannot carry"),
        ("targets.b.parameters", "5", "must be a mapping (name: value)"),
        ("targets.b.parameters", "{temperature: nan}", "must be a finite number"),
        ("targets.b.body", "text", "must be a mapping (name: value)"),
        ("targets.b.body", "{a: [{b: 1e999}]}", "holds a number that is not finite"),
        ("routes.r.targets", "a", "must be a list"),
        ("routes.r.targets", "[[[a]]]", "must be a mapping (name: value)"),
        ("routes.r.upstream", "both", "must be one of stream, single"),
    ],
)
def test_wrong_values_are_told_in_plain_words(setting: str, value: str, message: str) -> None:
    section, *rest = setting.split(".")
    inner = f"{rest[-1]}: {value}"
    if section == "targets":
        text = f"targets:\n  a: {{provider: koala}}\n  b:\n    provider: koala\n    {inner}\n"
    elif section == "routes":
        text = TARGETS + f"routes:\n  r:\n    {inner}\n" + ("" if rest[-1] == "targets" else "    targets: [a]\n")
    else:
        text = TARGETS + f"{section}:\n  {inner}\n"
    [line] = problems_of(text)
    assert line.endswith(f": {message}")


def test_no_and_off_are_false_only_where_a_truth_value_is_due() -> None:
    Path("u.yaml").write_text("targets:\n  no: {provider: koala, model: off, trust_env: no, body: {x: no}}\n")
    target = load("u.yaml").targets["no"]
    assert (target.model, target.trust_env, target.body) == ("off", False, {"x": "no"})


def test_contradictions_within_a_target_are_told_at_the_target() -> None:
    assert problems_of("targets:\n  a:\n    provider: koala\n    key: ${K:-k}\n    key_file: f\n") == [
        "u.yaml:3:5: targets.a: target koala: give one of key, keys and key_file"
    ]


def test_unknown_names_in_arguments_are_refused() -> None:
    assert problems_of(TARGETS, limits={"deadlin_s": 1}, limit=1) == [
        "arguments: limit: unknown key; did you mean 'limits'?",
        "arguments: limits.deadlin_s: unknown key; did you mean 'deadline_s'?",
    ]


def test_a_value_from_a_variable_is_told_with_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDBY_LIMITS__DEADLINE_S", "soon")
    monkeypatch.setenv("STANDBY_LIMIT__STALL_S", "1")
    monkeypatch.setenv("STANDBY_ROUTES__R__TARGETS", "a,b")
    Path(".env").write_text("STANDBY_LIMITS__STALL_S=never\nSTANDBY_TARGETS__A__MODLE=m\n")
    assert problems_of(TARGETS + "limits: {deadline_s: 3, tail_s: x}\n", env_file=".env") == [
        "u.yaml:3:33: limits.tail_s: must be a number",
        ".env STANDBY_LIMITS__STALL_S: limits.stall_s: must be a number",
        ".env STANDBY_TARGETS__A__MODLE: targets.a.modle: unknown key; did you mean 'model'?",
        "environment STANDBY_LIMITS__DEADLINE_S: limits.deadline_s: must be a number",
        "environment STANDBY_LIMIT__STALL_S: limit: unknown key; did you mean 'limits'?",
        "environment STANDBY_ROUTES__R__TARGETS: routes.r.targets[1]: no target named 'b' and no provider 'b'",
    ]


def test_addresses_of_providers_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDBY_OPENAI_BASE_URL", "http://localhost:1")
    monkeypatch.setenv("STANDBY_KOALA_BASE_URL", "http://localhost:1")
    Path("u.yaml").write_text(TARGETS)
    assert load("u.yaml").targets["a"].base_url is None


def test_a_dotenv_that_is_no_text_is_a_problem() -> None:
    Path(".env").write_bytes(b"A=\xff\xfe\n")
    assert problems_of(TARGETS) == [".env: cannot be read as a text in UTF-8"]


@pytest.mark.parametrize("text", ["a: [b\n", "- a\n", "x: " + "[" * 60 + "]" * 60, "a: 1\n---\nb: 2\n"])
def test_a_broken_file_is_refused_as_a_whole(text: str) -> None:
    assert all(line.startswith("u.yaml:") for line in problems_of(text))


def test_a_missing_file_is_told_by_name() -> None:
    with pytest.raises(ConfigFileError, match=r"^gone\.yaml: cannot be read: no such file or directory$"):
        load("gone.yaml")


def test_of_very_many_problems_the_first_are_listed() -> None:
    listed = problems_of(TARGETS + "limits:\n" + "".join(f"  x{n}: 1\n" for n in range(PROBLEMS_MAX + 7)))
    assert len(listed) == PROBLEMS_MAX + 1
    assert listed[0].startswith("u.yaml:4:3: limits.x0: unknown key")
    assert listed[-1] == "and 7 more"


def locals_of(traceback: TracebackType | None) -> str:
    shown = ""
    while traceback:
        if "standby" in traceback.tb_frame.f_globals.get("__name__", ""):
            shown += repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    return shown


SECRETS = {
    "key": "key: {}",
    "key in a list": "key: [{}]",
    "key in a mapping": "key: {{{}: {}}}",
    "part of a key": "key: 'x${{A}}{}'",
    "default of a key": "key: '${{A:-${{{}}}}}'",
    "header": 'headers: {{Authorization: "Bearer {}\\u4f60"}}',
    "header with an end of line": 'headers: {{Authorization: "{}\\n"}}',
    "headers": "headers: {}",
    "body": "body: {}",
    "options": "options: '{}'",
    "parameter": "parameters: {{temperature: {}}}",
    "proxy": "proxy: gopher://user:{}@proxy",
    "address": "base_url: https://user:{}@host",
    "address with a query": "base_url: https://host?key={}",
    "number": "connect_s: {}",
    "truth value": "trust_env: {}",
    "capability": "capabilities: {{prefill: {}}}",
    "connector": "connector: {}",
    "alias": "body: *{}",
    "tag": "body: !{} x",
    "unclosed": "body: '{}",
}


@pytest.mark.parametrize("line", SECRETS.values(), ids=SECRETS)
def test_no_value_shows_in_an_error(line: str) -> None:
    written = line.format(*[CANARY_KEY] * 2)
    error = error_of(f"targets:\n  a:\n    provider: koala\n    foo: 1\n    {written}\n")
    assert error.problems
    assert_no_canary(error)
    assert_no_canary(copy.deepcopy(error))
    assert canaries_in(locals_of(error.__traceback__)) == []


def test_no_value_of_the_environment_shows_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDBY_TARGETS__A__KEY", CANARY_KEY)
    monkeypatch.setenv("STANDBY_TARGETS__A__PROXY", CANARY_KEY)
    monkeypatch.setenv("STANDBY_TARGETS__A__BASE_URL", CANARY_KEY)
    monkeypatch.setenv("STANDBY_LIMITS__DEADLINE_S", CANARY_KEY)
    monkeypatch.setenv("STANDBY_RETRY", CANARY_KEY)
    monkeypatch.setenv("A_KEY", CANARY_KEY)
    error = error_of("targets:\n  a: {provider: koala, connect_s: '${A_KEY}', model: 'x${A_KEY}'}\n")
    assert len(error.problems) == 6
    assert_no_canary(error)
    assert canaries_in(locals_of(error.__traceback__)) == []


def test_nothing_is_shown_even_when_pydantic_settings_logs_its_sources(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    monkeypatch.setenv("A_KEY", CANARY_KEY)
    Path("u.yaml").write_text(
        f"targets:\n  a: {{provider: openai, key: '${{A_KEY}}'}}\n  b: {{provider: openai, key: {CANARY_KEY}}}\n"
    )
    with caplog.at_level("DEBUG"):
        config = load("u.yaml")
    assert_no_canary(config)
    assert canaries_in(caplog.text) == []


def test_a_config_does_not_show_what_may_be_secret() -> None:
    Path("u.yaml").write_text(
        f"targets:\n  a: {{provider: koala, key: {CANARY_KEY}, headers: {{a: {CANARY_KEY}}}, body: {{a: {CANARY_KEY}}},"
        f" options: {{real_time_data: {CANARY_KEY}}}, proxy: 'http://u:{quote(CANARY_KEY, safe='')}@h'}}\n"
    )
    assert_no_canary(load("u.yaml"))


def test_names_cannot_forge_lines() -> None:
    [line] = problems_of(TARGETS + '"limits\\nu.yaml:1:1: all is well\\e[31m\\u202e": 1\n')
    assert line.isprintable()
    assert shown(("a", "x" * 500, 3)) == "a." + "x" * 80 + "…[3]"


def test_a_problem_without_a_place_names_its_file_only() -> None:
    assert str(ConfigProblem("f", None, None, (), "is odd")) == "f: is odd"
    assert str(ConfigProblem("f", 1, 2, ("a", 0), "is odd", "mend it")) == "f:1:2: a[0]: is odd; mend it"


def test_a_hint_needs_a_likeness() -> None:
    assert did_you_mean("deadlin_s", ["deadline_s", "stall_s"]) == "did you mean 'deadline_s'?"
    assert did_you_mean("zzz", ["deadline_s", "stall_s"]) == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base_url": f"host/{CANARY_KEY}"}, "Target.base_url must be an address that begins with http:// or https://"),
        ({"proxy": CANARY_KEY}, "Target.proxy must be an address"),
        ({"headers": {"A": CANARY_KEY + "\n"}}, "Target.headers the value of A holds a character"),
        ({"headers": {"A": 7}}, "Target.headers the value of A holds a character"),
        ({"parameters": {"temprature": 1}}, "Target.parameters has no 'temprature'; known are system, tools"),
        ({"capabilities": {"x": 1}}, "Target.capabilities has no 'x'; known are tools"),
        ({"body": {1: 2}}, "Target.body must have texts as names"),
        ({"key": " "}, "target koala: the key is empty; leave it out if there is none"),
    ],
)
def test_code_is_held_to_the_same_rules(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Target("koala", **settings)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)
    assert_no_canary(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"on": {"rate_limit": ["b"]}}, "Route.on: 'rate_limit' is no error kind; did you mean 'rate_limited'?"),
        ({"on": {7: ["b"]}}, "Route.on: 7 is no error kind; known are connect, dns"),
        ({"on": {"deadline": ["b"]}}, "Route.on: after 'deadline' a call asks no target any more"),
        ({"on": {"auth": "spare"}}, "targets are given in a list, the best first: ['spare']"),
        ({"errors": {"auht": Handling()}}, "Route.errors: 'auht' is no error kind; did you mean 'auth'?"),
        ({"errors": {"auth": {"retry": "once"}}}, "Route.errors: 'auth' takes a Handling, but not dict"),
    ],
)
def test_a_kind_that_means_nothing_is_refused_in_code_too(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Route(["a"], **settings)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def test_a_kind_given_as_a_text_is_the_kind() -> None:
    as_text = Route(("a",), on={"auth": ["b"]}, errors={"empty": Handling(retry="once")})  # type: ignore[dict-item]
    assert as_text == Route(("a",), on={ErrorKind.AUTH: ("b",)}, errors={ErrorKind.EMPTY: Handling(retry="once")})
    assert all(type(kind) is ErrorKind for kind in (*as_text.on, *as_text.errors))
