"""Settings from variables: which variable is which setting, and which is none."""

import pytest
from standby.config.environment import layer_from
from standby.config.layers import Layer
from standby.config.scalars import Plain, Text

from canaries import CANARY_KEY, assert_no_canary

BELOW = {
    "targets": {"My-Target.2": {"provider": "koala", "headers": {"X-Team": "t"}, "body": {"camelCase": 1}}},
    "routes": {"chat": {"targets": ["koala"]}},
}


def layer(**variables: str) -> Layer:
    return layer_from(variables, "environment", below=BELOW)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("STANDBY_LIMITS__DEADLINE_S", ("limits", "deadline_s")),
        ("standby_limits__deadline_s", ("limits", "deadline_s")),
        ("STANDBY_ROUTES__CHAT__DEADLINE_S", ("routes", "chat", "deadline_s")),
        ("STANDBY_ROUTES__CHAT__RETRY__ATTEMPTS", ("routes", "chat", "retry", "attempts")),
        ("STANDBY_TARGETS__MY_TARGET_2__BASE_URL", ("targets", "My-Target.2", "base_url")),
        ("STANDBY_TARGETS__NEW__MODEL", ("targets", "new", "model")),
        ("STANDBY_TARGETS__MY_TARGET_2__HEADERS__X_TEAM", ("targets", "My-Target.2", "headers", "X-Team")),
        ("STANDBY_TARGETS__MY_TARGET_2__BODY__CAMELCASE", ("targets", "My-Target.2", "body", "camelCase")),
        ("STANDBY_LIMIT__DEADLINE_S", ("limit", "deadline_s")),
        ("STANDBY_LIMITS__DEADLIN_S", ("limits", "deadlin_s")),
    ],
)
def test_two_underscores_step_into_a_mapping(name: str, path: tuple[str, ...]) -> None:
    found = layer(**{name: "7"})
    assert found.variables == {path: name}
    assert found.holds(path)
    node = found.tree
    for part in path:
        node = node[part]
    assert (node, type(node)) == ("7", Plain)
    assert str(found.problem(path, "is wrong")).startswith(f"environment {name}: ")


@pytest.mark.parametrize(
    "name",
    [
        "STANDBY_OPENAI_BASE_URL", "STANDBY_KOALA_BASE_URL", "STANDBY_MY__PROVIDER_BASE_URL",
        "STANDBY_CONFIG", "STANDBY_SERVICE_HOST", "STANDBY_PORT_80_TCP_ADDR",
        "STANDBY_LIMITS_DEADLINE_S", "STANDBY_",
        "STANDBY_LIMITS__", "STANDBY___X", "OTHER_LIMITS__DEADLINE_S",
        "LIMITS__DEADLINE_S", "STANDBYLIMITS__X",
    ],
)  # fmt: skip
def test_other_variables_are_no_settings(name: str) -> None:
    assert layer(**{name: "7"}).tree == {}


def test_an_empty_variable_is_not_there() -> None:
    assert layer(STANDBY_LIMITS__DEADLINE_S="").tree == {}


def test_mappings_and_lists_are_json_and_single_settings_go_over_them() -> None:
    found = layer(
        STANDBY_TARGETS__A__MODEL="over",
        STANDBY_TARGETS='{"a": {"provider": "koala", "model": "under", "body": {"n": [1, true, null]}}}',
        STANDBY_ROUTES__CHAT__TARGETS='["a", {"provider": "koala"}]',
    )
    assert found.tree == {
        "targets": {"a": {"provider": "koala", "model": "over", "body": {"n": [1, True, None]}}},
        "routes": {"chat": {"targets": ["a", {"provider": "koala"}]}},
    }
    assert type(found.tree["targets"]["a"]["provider"]) is Text


def test_lists_of_names_may_have_commas() -> None:
    found = layer(STANDBY_ROUTES__CHAT__TARGETS="a, openai/gpt-5,,", STANDBY_ROUTES__CHAT__MID_STREAM="replay")
    assert found.tree["routes"]["chat"] == {"targets": ["a", "openai/gpt-5"], "mid_stream": ["replay"]}


def test_the_text_of_a_setting_is_no_json() -> None:
    assert layer(STANDBY_TARGETS__A__KEY='{"type": "service_account"}').tree["targets"]["a"] == {
        "key": '{"type": "service_account"}'
    }


@pytest.mark.parametrize("text", ["koala", "{", "{a: 1}", "[" * 100_000, '{"a": NaN}', f'{{"{CANARY_KEY}"'])
def test_what_is_no_json_is_a_problem_that_shows_nothing(text: str) -> None:
    found = layer(STANDBY_TARGETS=text)
    assert [str(problem) for problem in found.problems] == ["environment STANDBY_TARGETS: targets: is not valid JSON"]
    assert_no_canary(found.problems)


def test_a_setting_below_a_text_is_left_out() -> None:
    found = layer(STANDBY_LIMITS__DEADLINE_S="1", STANDBY_LIMITS__DEADLINE_S__X="2")
    assert found.tree == {"limits": {"deadline_s": "1"}}


def test_a_problem_names_the_nearest_variable() -> None:
    found = layer(STANDBY_TARGETS__NEW__MODEL="m", STANDBY_LIMITS__TAIL_S="1")
    assert str(found.problem(("targets", "new", "provider"), "is missing")) == (
        "environment STANDBY_TARGETS__NEW__MODEL: targets.new.provider: is missing"
    )


def test_every_mapping_and_list_of_settings_may_come_as_json_or_names_with_commas() -> None:
    found = layer(
        STANDBY_ROUTES__CHAT__WEIGHTS='{"a": 2}',
        STANDBY_ROUTES__CHAT__ON='{"auth": ["a"]}',
        STANDBY_ROUTES__CHAT__ERRORS='{"auth": {"retry": "never"}}',
        STANDBY_ROUTES__CHAT__HOLD='{"deltas": 3}',
        STANDBY_SERVE__ALIASES='{"x": "chat"}',
        STANDBY_SERVE__KEYS__APP__OVERRIDES="hold, sticky",
        STANDBY_SERVE__ADMIN__KEY_FILES="a,b",
        STANDBY_SERVE__STATE="[]",
    )
    assert found.problems == []
    assert found.tree == {
        "routes": {
            "chat": {
                "weights": {"a": 2},
                "on": {"auth": ["a"]},
                "errors": {"auth": {"retry": "never"}},
                "hold": {"deltas": 3},
            }
        },
        "serve": {
            "aliases": {"x": "chat"},
            "keys": {"app": {"overrides": ["hold", "sticky"]}},
            "admin": {"key_files": ["a", "b"]},
            "state": "[]",
        },
    }
