"""Keys: where a request may carry one, whose it is, and that what a client could measure tells it nothing."""

from collections.abc import Iterator

import pytest
from multidict import CIMultiDict
from standby.config import ClientKey, ConfigError
from standby.config.client_key import Digest, hashed
from standby.gateway.keyring import UNKNOWN, KeyRing, key_of, read_ring
from standby.gateway.refused import Refused

from canaries import CANARY_KEY, assert_no_canary

OTHER = "sk-another-key-0123456789"


def key(*headers: tuple[str, str], query: str = "") -> str:
    """The key that is found; else why there is none."""
    found = key_of(CIMultiDict(headers), query)
    assert_no_canary(found) if isinstance(found, Refused) else None
    return f"{found.status} {found.why}" if isinstance(found, Refused) else found


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {CANARY_KEY}")],
        [("authorization", f"bearer   {CANARY_KEY} ")],
        [("Authorization", f"BEARER {CANARY_KEY}")],
        [("X-Api-Key", CANARY_KEY)],
        [("api-key", f" {CANARY_KEY}")],
        [("Authorization", f"Bearer {CANARY_KEY}"), ("x-api-key", CANARY_KEY), ("api-key", CANARY_KEY)],
        [("Authorization", "Bearer "), ("x-api-key", CANARY_KEY)],
    ],
)
def test_a_key_is_found_in_three_headers(headers: list[tuple[str, str]]) -> None:
    assert key(*headers) == CANARY_KEY


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "401 key_missing"),
        ([("Authorization", "")], "401 key_unknown"),
        ([("Authorization", "Bearer")], "401 key_missing"),
        ([("Authorization", f"Basic {CANARY_KEY}")], "401 key_unknown"),
        ([("Authorization", CANARY_KEY)], "401 key_unknown"),
        ([("Authorization", f"Bearer\t{CANARY_KEY}")], "401 key_unknown"),
        ([("Authorization", f"Basic x Bearer {CANARY_KEY}")], "401 key_unknown"),
        ([("Authorization", f"Bearer {CANARY_KEY}"), ("x-api-key", OTHER)], "400 keys_differ"),
        ([("Authorization", f"Bearer {CANARY_KEY}"), ("Authorization", f"Bearer {OTHER}")], "400 keys_differ"),
        ([("x-api-key", CANARY_KEY), ("api-key", OTHER)], "400 keys_differ"),
        ([("x-api-key", CANARY_KEY), ("x-api-key", CANARY_KEY + "x")], "400 keys_differ"),
        ([("Cookie", f"key={CANARY_KEY}"), ("x-goog-api-key", CANARY_KEY)], "401 key_missing"),
        ([("x-api-key", "k" * 513)], "401 key_unknown"),
        ([("x-api-key", CANARY_KEY + "é")], "401 key_unknown"),
        ([("x-api-key", CANARY_KEY.replace("a", "а"))], "401 key_unknown"),
        ([("x-api-key", CANARY_KEY.replace("-", "－"))], "401 key_unknown"),
        ([("x-api-key", CANARY_KEY + "\udcff")], "401 key_unknown"),
    ],
)
def test_what_is_no_key_is_refused(headers: list[tuple[str, str]], expected: str) -> None:
    assert key(*headers) == expected


@pytest.mark.parametrize(
    "query",
    [
        f"key={CANARY_KEY}", f"a=1&api_key={CANARY_KEY}", f"API-KEY={CANARY_KEY}", f"x-api-key={CANARY_KEY}",
        f"access_token={CANARY_KEY}", f"%6bey={CANARY_KEY}", f"a=1;key={CANARY_KEY}", "key", f"token={CANARY_KEY}",
        f"Authorization=Bearer+{CANARY_KEY}", f"+key+={CANARY_KEY}",
    ],
)  # fmt: skip
def test_a_key_in_an_address_is_refused_whatever_the_headers_hold(query: str) -> None:
    assert key(query=query) == "400 key_in_url"
    assert key(("x-api-key", CANARY_KEY), query=query) == "400 key_in_url"


@pytest.mark.parametrize("query", ["", "beta=true", "api-version=2024-10-21", "monkey=1&keys=2", "a=key"])
def test_other_parameters_are_none(query: str) -> None:
    assert key(("x-api-key", CANARY_KEY), query=query) == CANARY_KEY


RING = KeyRing(
    {
        "app": ([Digest(hashed(CANARY_KEY)), Digest(hashed("old"), 50.0)], None),
        "ops": ([Digest(hashed("ops"), 90.0)], 70.0),
    }
)


@pytest.mark.parametrize(
    ("text", "wall_s", "expected"),
    [
        (CANARY_KEY, 1e12, "app"), ("old", 49.9, "app"), ("old", 50.0, "key_expired"),
        ("ops", 69.9, "ops"), ("ops", 70.0, "key_expired"),
        ("nope", 0.0, "key_unknown"), ("", 0.0, "key_unknown"), (CANARY_KEY[:-1], 0.0, "key_unknown"),
        (CANARY_KEY.upper(), 0.0, "key_unknown"), (hashed(CANARY_KEY).hex(), 0.0, "key_unknown"),
        ("sha256:" + hashed(CANARY_KEY).hex(), 0.0, "key_unknown"), ("app", 0.0, "key_unknown"),
    ],
)  # fmt: skip
def test_whose_a_key_is_and_until_when(text: str, wall_s: float, expected: str) -> None:
    found = RING.find(text, wall_s)
    assert (found.why if isinstance(found, Refused) else found) == expected


def test_what_a_client_is_told_does_not_say_whether_its_key_was_known() -> None:
    unknown, over = RING.find("nope", 60.0), RING.find("old", 60.0)
    assert isinstance(unknown, Refused)
    assert isinstance(over, Refused)
    assert (unknown.status, unknown.message, unknown.fields) == (over.status, over.message, over.fields)
    assert unknown.message == UNKNOWN


class Watched(bytes):
    """A digest that counts what is done to it."""

    counts: dict[str, int]

    def __hash__(self) -> int:
        self.counts["hashed"] = self.counts.get("hashed", 0) + 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        self.counts["compared"] = self.counts.get("compared", 0) + 1
        return super().__eq__(other)


def test_a_key_takes_the_same_work_known_or_not() -> None:
    """One hash of the text, one look-up by its digest: no key is compared with another, and no list is walked."""
    texts: list[str] = []
    counts: dict[str, int] = {}

    def digest_of(text: str) -> bytes:
        texts.append(text)
        found = Watched(hashed(text))
        found.counts = counts
        return found

    many = {f"k{number}": ([Digest(hashed(f"key-{number}"))], None) for number in range(500)}
    ring = KeyRing({**many, "over": ([Digest(hashed("over"), 1.0)], None)}, digest_of)
    work = {}
    for text in ("key-0", "key-499", "over", "nope", "key-49", "key-4999"):
        counts.clear()
        texts.clear()
        ring.find(text, 10.0)
        assert texts == [text]
        work[text] = counts["hashed"]
        assert counts.get("compared", 0) <= 1  # of whole digests, which a dict does only where their hashes agree
    assert set(work.values()) == {1}


def test_a_ring_holds_no_key_and_shows_nothing() -> None:
    assert_no_canary(RING)
    assert repr(RING) == "<KeyRing of 3>"
    assert list(_texts(RING._names)) == ["app", "app", "ops"]


def _texts(names: dict[bytes, tuple[str, float]]) -> Iterator[str]:
    for digest, (name, _) in names.items():
        assert len(digest) == 32
        yield name


def test_a_key_of_two_names_is_refused_and_not_shown() -> None:
    twice = {"a": ClientKey(keys=[CANARY_KEY]), "b": ClientKey(digests=[f"sha256:{hashed(CANARY_KEY).hex()}"])}
    with pytest.raises(ConfigError, match="the keys 'a' and 'b' of clients are the same one") as caught:
        read_ring(twice)
    assert_no_canary(caught.value)
