"""What a request may set of its own call: by headers `x-standby-…`, or by the field `standby` of its body. Pure.

Each must be among those that its key allows, and within the key's bounds. Names of targets are held to what the key may
ask and to the targets of the route: an override never widens anything, and nothing in it is ever an address.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, cast, get_args

import msgspec
from multidict import MultiMapping

from ..config.client_key import ClientKey, Override
from ..config.errors import ConfigError
from ..config.field_types import SECONDS
from ..config.route import Hold, MidStream, Upstream
from .refused import Refused

PREFIX = "x-standby-"
FIELD = "standby"

NAMES: tuple[Override, ...] = get_args(Override)
_HEADERS = {PREFIX + name.replace("_", "-"): name for name in NAMES}

TARGETS_MAX = 32
STICKY_CHARS_MAX = 256

_ON_A_WIRE = tuple(policy for policy in get_args(MidStream) if policy != "restart")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_NUMBER_MAX = 1e18
_WORDS = {"true": True, "1": True, "false": False, "0": False}
_NAME = re.compile(r"[\x21-\x7e]{1,256}")
_STICKY = re.compile(rf"[\x20-\x7e]{{1,{STICKY_CHARS_MAX}}}")


class Overrides(msgspec.Struct, frozen=True):
    """What a request sets of its own call; None: nothing.

    Attributes:
        targets: Names, the best first, in place of the route's list.
        mid_stream: None of them switches off what the route says.
        no_hedge: No second target is asked beside a silent one.
    """

    deadline_s: float | None = None
    targets: tuple[str, ...] | None = None
    sticky: str | None = None
    mid_stream: tuple[MidStream, ...] | None = None
    hold: Hold | None = None
    no_hedge: bool = False
    upstream: Upstream | None = None


NOTHING = Overrides()


class _Wrong(ValueError):
    """A value cannot be used. `str` is the rest of a sentence that begins with its name."""


def overrides_of(headers: MultiMapping[str], field: object, key: ClientKey) -> Overrides | Refused:
    """What a request sets.

    Args:
        field: The field `standby` of its body; None: it has none.
        key: What it may set.
    """
    given = {name.lower() for name in headers if name[:1] in "xX" and name.lower().startswith(PREFIX)}
    if not given and field is None:
        return NOTHING
    written: dict[str, tuple[str, object]] = {}
    for header in sorted(given):
        override, values = _HEADERS.get(header), headers.getall(header)
        if override is None:
            return _refused(header, "is no setting of a request", known=_HEADERS)
        if len(values) > 1:
            return _refused(header, "is given twice")
        written[override] = header, values[0]
    if field is not None:
        if not isinstance(field, Mapping):
            return _refused(FIELD, "must be an object")
        for name, value in field.items():
            place = f"{FIELD}.{name}"
            if name not in NAMES:
                return _refused(FIELD, "has a field that is no setting of a request", known=NAMES)
            if name in written:
                return _refused(place, f"is given twice: {written[name][0]} sets it, too")
            written[name] = place, value
    return _parsed(written, key)


def _parsed(written: Mapping[str, tuple[str, object]], key: ClientKey) -> Overrides | Refused:
    found: dict[str, Any] = {}
    for name, (place, value) in written.items():
        if name not in key.overrides:
            return Refused(403, "override", f"{place}: this key may not set it", param=place)
        try:
            found[name] = _value(name, value, key)
        except _Wrong as wrong:
            return _refused(place, str(wrong))
    return Overrides(**found)


def _value(name: str, value: object, key: ClientKey) -> object:
    """The value of one override, of a header (always a text) or of the body."""
    if name == "deadline_s":
        return _deadline_s(value, key)
    if name == "targets":
        return _names(value)
    if name == "sticky":
        if not isinstance(value, str) or not _STICKY.fullmatch(value):
            raise _Wrong(f"must be a text of 1 to {STICKY_CHARS_MAX} plain characters")
        return value
    if name == "mid_stream":
        policies = () if value == "none" else _texts(value)
        if any(policy not in _ON_A_WIRE for policy in policies):
            raise _Wrong(f"must be a list of {', '.join(_ON_A_WIRE)}, or none")
        return tuple(cast(MidStream, policy) for policy in policies)
    if name == "hold":
        return _hold(value)
    if name == "no_hedge":
        said = _WORDS.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(said, bool):
            raise _Wrong("must be true or false")
        return said
    if value not in get_args(Upstream):
        raise _Wrong(f"must be one of {', '.join(get_args(Upstream))}")
    return value


def _deadline_s(value: object, key: ClientKey) -> float:
    seconds = _number(value)
    if seconds is None or SECONDS.problem(seconds):
        raise _Wrong("must be a number of seconds, more than 0")
    if seconds > key.deadline_max_s:
        raise _Wrong(f"may be at most {key.deadline_max_s:g} for this key")
    return seconds


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < _NUMBER_MAX else None  # an integer of JSON may be of any length


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts: in a header divided by commas."""
    listed = [part.strip(" \t") for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(part, str) for part in listed):
        raise _Wrong("must be a list of texts")
    return tuple(listed)


def _names(value: object) -> tuple[str, ...]:
    names = _texts(value)
    if len(names) > TARGETS_MAX or not all(map(_NAME.fullmatch, names)):
        raise _Wrong(f"must be a list of at most {TARGETS_MAX} names of targets")
    return names


def _hold(value: object) -> Hold:
    """In a header: `all`, `3` deltas, or `1.5s`; in the body an object as in a route, or true for all."""
    try:
        if value is True or value == "all":
            return Hold()
        if isinstance(value, str):
            seconds = _number(value[:-1]) if value.endswith("s") else None
            if seconds is not None:
                return Hold(for_s=seconds)
            if value.isascii() and value.isdigit() and len(value) < 8:
                return Hold(deltas=int(value))
        elif isinstance(value, Mapping) and set(value) <= {"deltas", "for_s"} and _is_whole(value.get("deltas")):
            return Hold(**value)
    except ConfigError:
        pass
    raise _Wrong("must be all, a number of deltas, or of seconds (1.5s); in a body also {deltas, for_s}")


def _is_whole(value: object) -> bool:
    return value is None or isinstance(value, int)


def targets_refusal(names: Collection[str], of_route: Collection[str], may_ask: Collection[str]) -> Refused | None:
    """Why a request may not ask these targets; None when it may.

    Args:
        of_route: The targets of the route that it asks, as they are written there.
        may_ask: Those of the names that its key allows besides.
    """
    if all(name in of_route or name in may_ask for name in names):
        return None
    message = "targets: one of them is neither of the route nor allowed for this key"
    return Refused(403, "override", message, param="targets")


def _refused(place: str, words: str, *, known: Collection[str] = ()) -> Refused:
    listed = f"; known are {', '.join(known)}" if known else ""
    shown = place if place in _HEADERS or place.startswith(FIELD) else "a header " + PREFIX + "…"
    return Refused(400, "override", f"{shown} {words}{listed}", param=shown if shown == place else None)
