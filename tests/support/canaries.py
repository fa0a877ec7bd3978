"""Values that must never show where a reader could see them, and the search for them in every usual disguise.

Tests give `CANARY_KEY` as a provider's key, `CANARY_PROMPT` as what a caller says and `CANARY_COMPLETION` as what a
provider answers. `conftest.py` searches what every test logged and printed; `assert_no_canary` searches an exception,
a report, or anything else that is handed to people and to log collectors.
"""

import base64
import contextlib
import copy
import json
import pickle
import traceback
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import msgspec

CANARY_KEY = "sk-Canary7/Q+zx9=Vb2Kp4Lm8Rt6Wy1"
CANARY_PROMPT = 'canary prompt: "Where does the kingfisher nest?" Ünder the bank\n& over'
CANARY_COMPLETION = 'canary completion: "It nests in a burrow," ä metre deep\n& dark'

CANARIES = {"key": CANARY_KEY, "prompt": CANARY_PROMPT, "completion": CANARY_COMPLETION}
KEY_PREFIX_LENGTH = 8
"""So much of a key is enough to recognise it by, and to shorten a search for it."""


def disguises(canary: str) -> set[str]:
    """The text as it is, URL-encoded, as a JSON string, as Python shows it, and in base64 wherever it begins."""
    forms = {canary, quote(canary), quote(canary, safe=""), quote_plus(canary), repr(canary)[1:-1]}
    forms |= {json.dumps(canary)[1:-1], json.dumps(canary, ensure_ascii=False)[1:-1]}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):  # base64 of a longer text that holds the canary, wherever it begins in it
            whole = encode(b"\0" * offset + canary.encode()).decode()
            forms.add(whole[4 if offset else 0 : -4])
    return forms


_DISGUISES = {name: disguises(canary) for name, canary in CANARIES.items()}
_DISGUISES["key"].add(CANARY_KEY[:KEY_PREFIX_LENGTH])


def canaries_in(text: str, names: frozenset[str] = frozenset(CANARIES)) -> list[str]:
    """Which of the canaries, by name, can be read out of a text."""
    return [name for name, forms in _DISGUISES.items() if name in names and any(form in text for form in forms)]


def assert_no_canary(thing: object) -> None:
    """Fail if a canary shows in what people and log collectors see of a thing.

    Searched: `str`, `repr`, `format`, the pickle and the JSON where it has them; of an exception also its arguments,
    notes, and the traceback as Python prints it, with the exceptions behind it and in its group.
    """
    for way, text in _views(thing):
        found = canaries_in(text)
        assert not found, f"{way} of a {type(thing).__name__} shows the canary {' and '.join(found)}"


def _views(thing: object) -> Iterator[tuple[str, str]]:
    yield "str", str(thing)
    yield "repr", repr(thing)
    yield "format", f"{thing}"
    if isinstance(thing, BaseException):
        yield "args", f"{thing.args!s} {thing.args!r}"
        yield "traceback", "".join(traceback.format_exception(thing))
    for protocol in (0, pickle.HIGHEST_PROTOCOL):
        try:
            pickled = pickle.dumps(thing, protocol)
        except (pickle.PicklingError, TypeError, AttributeError):
            continue  # what cannot be pickled gives nothing away
        yield "pickle", pickled.decode("utf-8", "replace")
        yield "what comes out of the pickle", repr(pickle.loads(pickled))
    with contextlib.suppress(TypeError, msgspec.MsgspecError):  # nor does what has no JSON
        yield "json", msgspec.json.encode(thing).decode()
    with contextlib.suppress(TypeError):
        yield "copy", repr(copy.copy(thing))
