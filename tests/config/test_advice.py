"""What `standby check` warns of: legal, and yet probably a mistake."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from standby.config import Config, Limits, Price, Route, Target, load, warnings
from standby.providers import prices, registry
from standby.providers.capabilities import Capabilities
from standby.providers.provider import ProviderInfo

from canaries import CANARY_KEY, assert_no_canary


def provider(**info: object) -> SimpleNamespace:
    facts = {
        "title": "T",
        "dialect": "d",
        "site_url": "",
        "base_url": "https://h",
        "endpoint": "/",
        "default_model": "m",
    }
    return SimpleNamespace(
        info=ProviderInfo(**(facts | info)),  # type: ignore[arg-type]
        capabilities=lambda model: Capabilities(reasoning=True if model == "thinker" else None),
    )


PROVIDERS = {
    "free": provider(key_required=False),
    "paid": provider(key_env="PAID_KEY"),
    "nameless": provider(),
    "any-where": provider(base_url=None, default_model=None, key_required=False),
}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "get", PROVIDERS.__getitem__)
    monkeypatch.setattr(registry, "names", lambda: tuple(sorted(PROVIDERS)))
    monkeypatch.chdir(tmp_path)


def advice(config: Config, environ: Mapping[str, str] | None = None) -> list[str]:
    found = warnings(config, environ or {})
    assert_no_canary(found)
    return [str(problem) for problem in found]


def config(*targets: Target, **more: object) -> Config:
    named = {target.label: target for target in targets}
    route = Route(tuple(named), **more.pop("route", {}))  # type: ignore[arg-type]
    return Config(targets=named, routes={"default": route}, **more)  # type: ignore[arg-type]


FREE = (Target("free", name="f1"), Target("free", name="f2"))


def test_nothing_is_said_of_what_is_well() -> None:
    assert advice(config(*FREE)) == []
    assert advice(config(Target("paid"), Target("nameless", key="k")), {"PAID_KEY": "k"}) == []


def test_a_missing_key_names_its_variable() -> None:
    assert advice(config(Target("paid"), Target("nameless"), *FREE), {"PAID_KEY": ""}) == [
        "configuration: targets.paid.key: has no key, and paid needs one; set PAID_KEY, or give key or key_file",
        "configuration: targets.nameless.key: has no key, and nameless needs one; give key or key_file",
    ]


def test_a_route_with_one_target_that_can_be_asked_has_no_standby() -> None:
    assert advice(config(FREE[0])) == [
        "configuration: routes.default.targets: only one target of it can be asked: there is no other to fail over to"
    ]
    assert advice(config(Target("paid"), FREE[0]))[-1].endswith(
        "only one target of it can be asked: there is no other to fail over to"
    )
    assert advice(config(Target("paid")))[-1].endswith(
        "no target of it can be asked: there is no other to fail over to"
    )


def test_targets_that_only_a_route_names_are_looked_at_too() -> None:
    routed = Config(routes={"r": Route(("free", "paid/x", Target("nameless", model="m"), "free/y"))})
    assert advice(routed) == [
        "configuration: routes.r.targets[1]: has no key, and paid needs one; set PAID_KEY, or give key or key_file",
        "configuration: routes.r.targets[2]: has no key, and nameless needs one; give key or key_file",
    ]


def test_a_target_needs_an_address_and_a_model() -> None:
    bare = config(Target("any-where"), *FREE)
    assert advice(bare) == [
        "configuration: targets.any-where.base_url: has no address, and the provider has none of its own;"
        " give base_url, or set STANDBY_ANY_WHERE_BASE_URL",
        "configuration: targets.any-where.model: names no model, and the provider has no usual one; give model",
    ]
    assert len(advice(bare, {"STANDBY_ANY_WHERE_BASE_URL": "http://h"})) == 1


def test_files_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(CANARY_KEY)
    (tmp_path / "empty").write_text(" \n")
    targets = (
        Target("paid", name="a", key_file=str(tmp_path / "key")),
        Target("paid", name="b", key_file=str(tmp_path / "gone")),
        Target("paid", name="c", key_file=str(tmp_path / "empty")),
        Target("free", name="d", ca_file="gone.pem", client_cert=str(tmp_path)),
    )
    assert advice(config(*targets, *FREE)) == [
        f"configuration: targets.b.key_file: the key file {tmp_path}/gone cannot be read: No such file or directory",
        f"configuration: targets.c.key_file: the key file {tmp_path}/empty is empty",
        "configuration: targets.d.ca_file: the file gone.pem is not there",
        f"configuration: targets.d.client_cert: the file {tmp_path} is not there",
    ]


@pytest.mark.parametrize(
    ("route", "limits", "target", "expected"),
    [
        ({"deadline_s": 5}, {}, {}, ("routes.default", 5, 10)),
        ({}, {"deadline_s": 9}, {}, ("limits", 9, 10)),
        ({"deadline_s": 5}, {"first_delta_s": 4}, {}, None),
        ({"deadline_s": 5, "first_delta_s": 4}, {}, {}, None),
        ({"deadline_s": 5}, {}, {"first_delta_s": 4}, None),
        ({"deadline_s": 50}, {}, {}, None),
        ({"deadline_s": 50}, {}, {"reasoning": True}, ("routes.default", 50, 60)),
        ({"deadline_s": 50}, {}, {"model": "thinker"}, ("routes.default", 50, 60)),
        ({"deadline_s": 50}, {}, {"model": "thinker", "reasoning": False}, None),
    ],
)  # fmt: skip
def test_a_deadline_shorter_than_one_attempt_leaves_no_time_for_another(
    route: dict[str, float], limits: dict[str, float], target: dict[str, object], expected: tuple[str, int, int] | None
) -> None:
    asked = Target("free", name="f1", **target)  # type: ignore[arg-type]
    found = advice(config(asked, Target("free", name="f2", first_delta_s=1), route=route, limits=Limits(**limits)))
    if expected is None:
        assert found == []
    else:
        where, deadline_s, first_delta_s = expected
        assert found == [
            f"configuration: {where}.deadline_s: {deadline_s} s are over before one attempt at f1 is given up"
            f" ({first_delta_s} s); a silent first target leaves no time for another"
        ]


def test_two_targets_of_one_name_cannot_be_told_apart() -> None:
    twins = Config(
        targets={"a": Target("free", name="x"), "b": Target("free", name="x")}, routes={"r": Route(("a", "b"))}
    )
    assert advice(twins) == [
        "configuration: targets.b.name: has the same name as targets.a; reports cannot tell them apart"
    ]


@pytest.mark.parametrize(("there", "said"), [(False, 1), (True, 0)])
def test_where_a_cloud_finds_the_key_no_other_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool, said: int
) -> None:
    monkeypatch.undo()
    file = tmp_path / "google.json"
    if there:
        file.write_text("{}")
    options = {"vertex": {"project": "p", "credentials_file": str(file)}}
    found = [line for line in advice(config(Target("gemini", options=options), Target("koala"))) if "only" not in line]
    told = "configuration: targets.gemini.options: the file {} is not there; give key or key_file, or mend the path"
    assert found == [told.format(file)][:said]


def test_keys_in_a_file_are_told_at_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("u.yaml")
    file.write_text(
        f"targets:\n  a: {{provider: paid, key: {CANARY_KEY}}}\n  b: {{provider: nameless, key: {CANARY_KEY}}}\n"
        f"routes:\n  r: {{targets: [a, b, {{provider: paid, key: {CANARY_KEY}}}]}}\n"
    )
    file.chmod(0o644)
    assert advice(load(file)) == [
        "u.yaml: holds a key and can be read by every user of the machine; chmod 600 u.yaml",
        "u.yaml:2:28: targets.a.key: the key is written out in the file; write ${PAID_KEY} instead",
        "u.yaml:3:32: targets.b.key: the key is written out in the file; write ${A_VARIABLE} instead",
        "u.yaml:5:45: routes.r.targets[2].key: the key is written out in the file; write ${A_VARIABLE} instead",
    ]
    file.chmod(0o600)
    assert "every user" not in " ".join(advice(load(file)))


def test_a_file_without_keys_may_be_readable_by_every_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", CANARY_KEY)
    file = Path("u.yaml")
    file.write_text("targets:\n  a: {provider: paid, key: '${A_KEY}'}\n  b: {provider: nameless, key: unused}\n")
    file.chmod(0o644)
    assert advice(load(file)) == []


def test_advice_stands_in_the_order_of_the_file() -> None:
    Path("u.yaml").write_text(
        "routes:\n  r: {targets: [b]}\ntargets:\n  b: {provider: paid}\nlimits: {deadline_s: 1}\n"
    )
    assert [line.partition(": ")[0] for line in advice(load("u.yaml"))] == ["u.yaml:2:16", "u.yaml:4:3", "u.yaml:5:22"]


def test_a_budget_needs_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "is_known", lambda provider, model: model == "known")
    a, b, c = Target("free", name="a", model="known"), Target("free", name="b"), Target("free", name="c")
    priced = Target("free", name="d", price=Price(input=1, output=2), budget_day=1)
    assert advice(config(a, priced, route={"budget_month": 5})) == []
    [told] = advice(config(Target("free", name="b", budget_month=1), a))
    assert "targets.b.budget_month: counts nothing: its price is not known" in told
    [told] = advice(config(a, b, c, route={"budget_day": 5}))
    assert "routes.default.budget_day: the price of b is not known, so it is not counted; give its price" in told
    [told] = advice(config(a, b, route={"select": "cost"}))
    assert "routes.default.select: the price of b is not known, so it comes last" in told


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "find_spec", lambda name: None)
    [told] = advice(config(Target("free", name="a"), Target("free", name="b"), route={"budget_day": 5}))
    assert told.endswith("give its price, or install standby[prices]")
