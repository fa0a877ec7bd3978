"""What a request may set of its own call: bounded, within what its key allows, and never an address."""

from typing import Any, get_args

import pytest
from multidict import CIMultiDict
from standby.config import ClientKey, Hold, Override
from standby.gateway.overrides import NOTHING, Overrides, overrides_of, targets_refusal
from standby.gateway.refused import Refused

from canaries import CANARY_KEY, assert_no_canary

ALL = ClientKey(overrides=get_args(Override), deadline_max_s=60)


def of(headers: dict[str, str] | None = None, field: object = None, key: ClientKey = ALL) -> Overrides | str:
    """What is set; else why not."""
    found = overrides_of(CIMultiDict(headers or {}), field, key)
    if isinstance(found, Refused):
        assert_no_canary(found)
        return f"{found.status} {found.message}"
    return found


def test_most_requests_set_nothing() -> None:
    assert of({"Authorization": "Bearer x", "standby": "1"}, None, ClientKey()) is NOTHING


@pytest.mark.parametrize(
    ("header", "text", "body", "expected"),
    [
        ("deadline-s", "12.5", 12.5, {"deadline_s": 12.5}),
        ("deadline-s", "60", 60, {"deadline_s": 60.0}),
        ("targets", "a, openai/gpt-5", ["a", "openai/gpt-5"], {"targets": ("a", "openai/gpt-5")}),
        ("sticky", "user 42", "user 42", {"sticky": "user 42"}),
        ("mid-stream", "continue,replay", ["continue", "replay"], {"mid_stream": ("continue", "replay")}),
        ("mid-stream", "none", "none", {"mid_stream": ()}),
        ("hold", "all", True, {"hold": Hold()}),
        ("hold", "3", {"deltas": 3}, {"hold": Hold(deltas=3)}),
        ("hold", "1.5s", {"for_s": 1.5}, {"hold": Hold(for_s=1.5)}),
        ("no-hedge", "True", True, {"no_hedge": True}),
        ("no-hedge", "0", False, {"no_hedge": False}),
        ("upstream", "single", "single", {"upstream": "single"}),
    ],
)
def test_a_header_and_a_field_of_the_body_say_the_same(
    header: str, text: str, body: object, expected: dict[str, Any]
) -> None:
    wanted = Overrides(**expected)
    assert of({f"X-Standby-{header}": text}) == wanted
    assert of(field={header.replace("-", "_"): body}) == wanted


@pytest.mark.parametrize("name", get_args(Override))
def test_what_a_key_does_not_allow_is_refused_by_name(name: str) -> None:
    others = ClientKey(overrides=[other for other in get_args(Override) if other != name])
    header = f"x-standby-{name.replace('_', '-')}"
    assert of({header: "x"}, None, others) == f"403 {header}: this key may not set it"
    assert of(None, {name: "x"}, others) == f"403 standby.{name}: this key may not set it"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("deadline_s", ["", "0", "-1", "1e3", "nan", "inf", "0x10", "1_0", "١٢", "12s", 0, -1, True, None, [], "9" * 10,
                        float("nan"), float("inf"), "60.1", 61, 10**400]),
        ("targets", ["", ",", "a,,b", "a b", ["a", 1], [], {}, 1, "a\x00", "é", ["a"] * 33, "x" * 257, [""]]),
        ("sticky", ["", "x" * 257, "é", "a\r\nX-Evil: 1", "a\x00", 1, None, ["x"]]),
        ("mid_stream", ["", "restart", "continue,restart", ["restart"], "Continue", [1], 5, {}, "none,replay", []]),
        ("hold", ["", "0", "-1", "1.5", "s", "1 s", "ALL", False, None, {"deltas": 0}, {"deltas": 1.5}, {"for_s": "1"},
                  {"url": "http://x"}, {"deltas": True}, [3], 3, "99999999", {"for_s": float("nan")}]),
        ("no_hedge", ["", "yes", "2", 1, None, [], "truе"]),
        ("upstream", ["", "Stream", "both", None, 1, ["stream"], {}]),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_not_echoed(name: str, values: list[Any]) -> None:
    for value in values:
        answer = of(None, {name: value})
        assert isinstance(answer, str), (name, value)
        assert answer.startswith(f"400 standby.{name} m"), (name, value, answer)
        if isinstance(value, str):
            header = f"x-standby-{name.replace('_', '-')}"
            told = of({header: value})
            assert isinstance(told, str), (name, value)
            assert told.startswith(f"400 {header} m"), (name, value, told)


def test_a_deadline_is_never_longer_than_the_key_allows() -> None:
    assert of({"x-standby-deadline-s": "60.5"}) == "400 x-standby-deadline-s may be at most 60 for this key"


def test_an_unknown_name_is_told_what_is_known_and_not_echoed() -> None:
    for told in (of({f"x-standby-{CANARY_KEY[:6]}": "1"}), of(field={CANARY_KEY: 1}), of({"x-standby-base-url": "u"})):
        assert isinstance(told, str)
        assert "no setting of a request; known are" in told
        assert "base-url" not in told


@pytest.mark.parametrize("field", ["x", 1, [], [{}], True])
def test_the_field_of_the_body_is_an_object(field: object) -> None:
    assert of(field=field) == "400 standby must be an object"


def test_what_is_given_twice_is_refused() -> None:
    assert of({"x-standby-sticky": "a"}, {"sticky": "a"}) == (
        "400 standby.sticky is given twice: x-standby-sticky sets it, too"
    )
    twice = CIMultiDict([("x-standby-sticky", "a"), ("X-Standby-Sticky", "b")])
    found = overrides_of(twice, None, ALL)
    assert isinstance(found, Refused)
    assert found.message == "x-standby-sticky is given twice"


def test_targets_never_widen_what_may_be_asked() -> None:
    route, allowed = ["a", "openai/gpt-5"], {"b"}
    assert targets_refusal(("openai/gpt-5", "b"), route, allowed) is None
    for names in (("c",), ("a", "c"), ("http://evil.example",), ("openai/gpt-5-mini",), ("A",), ("a/",)):
        refused = targets_refusal(names, route, allowed)
        assert refused is not None
        assert (refused.status, refused.why, refused.param) == (403, "override", "targets")
