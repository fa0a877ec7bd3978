"""Provider errors: safe wherever they are shown, and one row of the table for every kind."""

import copy
import pickle
from typing import Any

import pytest
from standby.providers.errors import DISPOSITIONS, ErrorKind, MissingExtraError, ProviderError, safe_code

TOLD = "the prompt was: my secret sk-abc"


def an_error() -> ProviderError:
    error = ProviderError(
        ErrorKind.RATE_LIMITED,
        "our words",
        status=429,
        native_code=TOLD,
        native_type="rate_limit_error",
        request_id="req_011CSHoEeqs5C35K2UUqR7Fy",
        retry_after_s=6.5,
        should_retry=False,
        provider_message=TOLD,
    )
    error.target = "lead"
    return error


def test_its_text_says_what_happened_and_where() -> None:
    assert str(an_error()) == (
        "lead: rate_limited: our words (HTTP 429, code rate_limit_error, may be asked again in 6.5 s)"
    )
    assert str(ProviderError(ErrorKind.STALLED)) == "stalled"
    assert str(ProviderError(ErrorKind.SERVER_ERROR, status=500, native_code=500)) == "server_error (HTTP 500)"


def test_the_providers_words_show_nowhere_but_in_their_own_attribute() -> None:
    error = an_error()
    shown = [str(error), repr(error), repr(error.args), f"{error}", repr(pickle.dumps(error))]
    assert not [text for text in shown if "secret" in text or "sk-abc" in text]
    assert error.provider_message == TOLD


def test_it_survives_a_pickle_without_what_is_not_safe() -> None:
    twin = pickle.loads(pickle.dumps(an_error()))
    assert type(twin) is ProviderError
    assert str(twin) == str(an_error())
    assert (twin.kind, twin.status, twin.target, twin.should_retry) == (ErrorKind.RATE_LIMITED, 429, "lead", False)
    assert (twin.provider_message, twin.native_code) == (None, None)
    assert twin.request_id == "req_011CSHoEeqs5C35K2UUqR7Fy"


def test_a_copy_keeps_everything() -> None:
    error = an_error()
    assert vars(copy.copy(error)) == vars(error)


def test_a_pickled_request_id_is_an_identifier_or_nothing() -> None:
    error = ProviderError(ErrorKind.UNKNOWN, request_id=TOLD)
    assert pickle.loads(pickle.dumps(error)).request_id is None


def test_the_providers_words_are_bounded() -> None:
    names = ("native_code", "native_type", "request_id", "provider_message", "param")
    for letter, kept in (("x", 2048), ("ä", 1024), ("漢", 682), ("🐨", 512)):
        error = ProviderError(ErrorKind.UNKNOWN, **dict.fromkeys(names, letter * 5000))  # type: ignore[arg-type]
        assert {name: getattr(error, name) for name in names} == dict.fromkeys(names, letter * kept)
    assert ProviderError(ErrorKind.UNKNOWN, provider_message="").provider_message is None


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("rate_limit_exceeded", "rate_limit_exceeded"),
        (429, "429"),
        ("1300", "1300"),
        ("Some resource has been exhausted", None),
        ("x" * 65, None),
        ("sk-proj-a1b2c3d4e5f6g7h8i9", None),
        ("AIzaSyA1b2C3d4E5f6G7h8", None),
        ("", None),
        (None, None),
        (True, None),
    ],
)
def test_a_code_is_shown_only_when_it_is_a_plain_identifier(code: Any, wanted: str | None) -> None:
    assert safe_code(code) == wanted


def test_every_kind_has_its_row() -> None:
    assert set(DISPOSITIONS) == set(ErrorKind)
    for kind in ErrorKind:
        assert ProviderError(kind).disposition is DISPOSITIONS[kind]


def test_a_missing_extra_says_what_to_install_and_survives_a_pickle() -> None:
    error = pickle.loads(pickle.dumps(MissingExtraError("a SOCKS proxy", "socks")))
    assert str(error) == "a SOCKS proxy needs an optional package: pip install 'standby[socks]'"
