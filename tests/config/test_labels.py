"""Labels and bounds in a file: what is read, what is refused where nothing is left, and what `check` warns of."""

from pathlib import Path

import pytest
from standby.config import Config, ConfigFileError, json_schema, load, serve_problems, warnings

TARGETS = """
targets:
  a: {provider: openai, model: m, key: k, labels: {region: eu, on: true, tier: 1, no: no}}
  b: {provider: openai, model: m, key: k, labels: {region: us}}
  c: {provider: openai, model: m, key: k}
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(rest: str) -> Config:
    Path("standby.yaml").write_text(TARGETS + rest, encoding="utf-8")
    return load("standby.yaml", env_file=None)


def problems(rest: str) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        loaded(rest)
    return [str(problem).partition(": ")[2] for problem in caught.value.problems]


def advice(rest: str) -> list[str]:
    return [str(problem).partition(": ")[2] for problem in warnings(loaded(rest), {})]


def test_a_label_is_what_it_looks_like_and_nothing_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDBY_TARGETS__C__LABELS__REGION", "eu")
    monkeypatch.setenv("STANDBY_ROUTES__CHAT__REQUIRE", '{"region": ["eu", "ch"]}')
    config = loaded("routes: {chat: {targets: [a, b, c]}}\n")
    assert config.targets["a"].labels == {"region": "eu", "on": True, "tier": 1, "no": "no"}
    assert config.targets["c"].labels == {"region": "eu"}
    assert config.routes["chat"].require == {"region": ["eu", "ch"]}


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        (
            "routes: {chat: {targets: [a], require: {region: {x: y}}}}\n",
            ["routes.chat.require: the value of a label must be a text, a number, true or false, or a list of these"],
        ),
        ("routes: {chat: {targets: [a], avoid: eu}}\n", ["routes.chat.avoid: must be a mapping"]),
        ("routes: {chat: {targets: [a], avoid: {region: []}}}\n", ["routes.chat.avoid: a list of values must hold"]),
        (
            "routes: {chat: {targets: [b, c], require: {region: eu}}}\n",
            ["routes.chat.require: no target of the route is within its bounds; label a target of it so"],
        ),
        (
            "routes: {chat: {targets: [a], avoid: {region: eu}}}\n",
            ["routes.chat.avoid: no target of the route is within its bounds"],
        ),
        (
            "routes: {eu: {targets: [a], require: {region: eu}}, us: {targets: [eu], require: {region: us}}}\n",
            ["routes.us.require: no target of the route is within its bounds"],
        ),
        (
            "routes: {one: {targets: [two]}, two: {targets: [a, [one]]}}\n",
            [
                "routes.one.targets: the route 'two' names itself: two > one > two",
                "routes.two.targets: the route 'one' names itself: one > two > one",
            ],
        ),
        ("routes: {one: {targets: [one]}}\n", ["routes.one.targets: the route 'one' names itself: one > one"]),
        (
            "routes: {one: {targets: [a], on: {timeout: [one]}}}\n",
            [],
        ),
    ],
)
def test_what_leaves_nothing_or_is_no_label_is_refused_with_its_place(rest: str, found: list[str]) -> None:
    if not found:
        assert [each.reference for each in loaded(rest).standing_by(("one",))] == ["a"]
        return
    told = problems(rest)
    assert len(told) == len(found)
    for problem, begin in zip(told, found, strict=True):
        assert problem.startswith(begin)


def test_a_misspelt_route_is_told_where_a_route_was_meant() -> None:
    assert problems("routes: {chat: {targets: [a]}, all: {targets: [chta]}}\n") == [
        "routes.all.targets[0]: no target named 'chta' and no provider 'chta'; did you mean 'chat'?"
    ]


def test_a_requirement_that_leaves_no_spare_is_warned_of() -> None:
    assert advice("routes: {chat: {targets: [a, b, c]}}\n") == []
    assert advice("routes: {chat: {targets: [a, b, c], require: {region: eu}}}\n") == [
        "routes.chat.require: leaves fewer than two targets that can be asked; there is no other to fail over to"
    ]
    assert advice("routes: {eu: {targets: [a, b], avoid: {region: us}}, all: {targets: [eu, c]}}\n") == [
        "routes.eu.avoid: leaves fewer than two targets that can be asked; there is no other to fail over to"
    ]


SERVE = """
routes:
  chat: {{targets: [a, b, c]}}
  lone: {{targets: [b, c]}}
serve:
  keys:
    app: {{digests: ["sha256:{digest}"], {bounds}}}
"""


def served(bounds: str) -> str:
    return SERVE.format(digest="0" * 64, bounds=bounds)


def test_what_the_key_of_a_client_requires_is_looked_at_for_each_route_that_it_may_ask() -> None:
    assert advice(served("avoid: {region: cn}")) == []
    assert advice(served("require: {region: eu}, routes: [chat]")) == [
        "serve.keys.app.require: leaves fewer than two targets of the route chat to be asked;"
        " there is no other to fail over to"
    ]
    told = advice(served("require: {region: eu}"))
    assert [text.partition(" to be asked")[0] for text in told] == [
        "serve.keys.app.require: leaves fewer than two targets of the route chat",
        "serve.keys.app.require: leaves no target of the route lone",
    ]


def test_a_key_of_which_no_target_may_be_asked_is_refused() -> None:
    words = "is within these bounds; label a target of it so, or require less"
    assert problems(served("require: {region: cn}, routes: [chat]")) == [
        f"serve.keys.app.require: no target of the route chat {words}"
    ]
    assert problems(served("require: {region: eu}, routes: [chat, lone]")) == [
        f"serve.keys.app.require: no target of the route lone {words}"
    ]
    assert len(problems(served("require: {region: cn}"))) == 2
    assert serve_problems(loaded(served("require: {region: cn}, models: ['openai/*']"))) == []


def test_the_schema_knows_labels() -> None:
    defs = json_schema()["$defs"]
    assert defs["Target"]["properties"]["labels"]["additionalProperties"] == {"type": ["string", "number", "boolean"]}
    assert "anyOf" in defs["Route"]["properties"]["require"]["additionalProperties"]
    assert defs["ClientKey"]["properties"]["avoid"]["description"].startswith("Labels, likewise")
