"""A secret is shown by `reveal()` and by nothing else."""

import copy
import json
import pickle

import msgspec
import pydantic
import pytest
from standby.providers.secret import Secret

VALUE = "sk-very-secret"


class Holder(pydantic.BaseModel):
    key: Secret


def test_nothing_shows_it() -> None:
    secret = Secret(VALUE)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", "%s" % secret, repr([secret])]  # noqa: UP031
    assert not [text for text in shown if VALUE in text]
    assert secret.reveal() == VALUE


def test_nothing_serialises_it() -> None:
    secret = Secret(VALUE)
    for write in (pickle.dumps, json.dumps, msgspec.json.encode, vars):
        with pytest.raises(TypeError) as caught:
            write(secret)
        assert VALUE not in str(caught.value)
    assert VALUE not in Holder(key=VALUE).model_dump_json()  # type: ignore[arg-type]
    assert VALUE not in repr(Holder(key=VALUE))  # type: ignore[arg-type]


def test_copies_are_the_secret_itself() -> None:
    secret = Secret(VALUE)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_it_is_compared_by_value() -> None:
    assert Secret(VALUE) == Secret(Secret(VALUE))
    assert len({Secret(VALUE), Secret(VALUE), Secret("other")}) == 2
    assert Secret(VALUE) != VALUE
    assert not Secret("")


@pytest.mark.parametrize("bad", ["", "  ", 5, ["sk-very-secret"]])
def test_a_bad_one_is_refused_without_being_shown(bad: object) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Holder.model_validate({"key": bad})
    assert VALUE not in caught.value.errors(include_input=False)[0]["msg"]


def test_blanks_around_it_are_not_part_of_it() -> None:
    assert Holder.model_validate({"key": f" {VALUE}\n"}).key == Secret(VALUE)


def test_its_schema_says_how_to_write_it() -> None:
    assert Holder.model_json_schema()["properties"]["key"]["writeOnly"] is True
