"""Which configurations of a target are the same: those that are alike in every field, and no others."""

from dataclasses import fields, replace
from typing import Any

import pytest
from standby.config import Price, Target
from standby.router.targets.generation import _identity

BASE = Target("openai", model="m")
OTHERWISE: dict[str, Any] = {
    "provider": "mistral", "model": "other", "name": "n", "key": "k", "keys": ("k1", "k2"), "key_file": "key.txt",
    "base_url": "http://localhost:1", "headers": {"x-a": "1"}, "body": {"a": 1}, "parameters": {"temperature": 0.5},
    "options": {"a": 1}, "proxy": "http://localhost:2", "connector": object(), "trust_env": True, "ca_file": "ca.pem",
    "client_cert": "cert.pem", "reasoning": True, "capabilities": {"tools": False},
    "quirks": {"alternate": True}, "labels": {"region": "eu"}, "fit": "strict", "connect_s": 1.0,
    "first_delta_s": 1.0, "stall_s": 1.0, "total_s": 1.0, "connections_max": 7, "concurrency": 1,
    "requests_per_min": 1, "tokens_per_min": 1, "price": Price(input=1.0, output=1.0), "budget_day": 1.0,
    "budget_month": 1.0,
}  # fmt: skip


def test_the_table_has_every_field() -> None:
    assert OTHERWISE.keys() == {field.name for field in fields(Target)}


@pytest.mark.parametrize("name", OTHERWISE)
def test_targets_that_differ_in_one_field_share_nothing(name: str) -> None:
    other = replace(BASE, **{name: OTHERWISE[name]})
    assert _identity(other) != _identity(BASE)
    assert _identity(replace(BASE, **{name: OTHERWISE[name]})) == _identity(other)


def test_the_order_of_headers_makes_no_difference() -> None:
    one, other = (replace(BASE, headers=dict(pairs)) for pairs in ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]))
    assert _identity(one) == _identity(other)
    assert hash(_identity(one)) == hash(_identity(other))
