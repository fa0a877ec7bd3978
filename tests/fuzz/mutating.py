"""Changes to JSON inside an input, by its structure: a fuzzer of bytes seldom gets past a bracket that it has broken.

An input may be one JSON document, or lines of which some end with one, as those of an event stream do.
"""

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

BY_BYTES = 0.2
"""The share of inputs that are changed as bytes after all: what is no JSON is to be met, too."""
EDITS_MAX = 3
LEAVES = (None, True, False, 0, 1, -1, 0.5, 2**63, 2**65, 1e300, "", " ", "SECRET", "\ud83d", "\u00e9", [], {}, [[]])
"""What may stand anywhere. A lone half of a character is among it."""
ROOMS = tuple(f"standby.providers.{name}" for name in ("dialects", "serving", "refusals", "error_facts"))
STATE = ("standby1:0123456789ab-:", "standby1:0123456789ab0123456789ab:{}", '{"standby":{"signature":"x"}}')
"""Marks of opaque state, whole and odd."""


def words_of(inputs: Iterable[bytes]) -> tuple[str, ...]:
    """The short texts of the JSON in these inputs, names of fields and values alike, and what the decoders look for."""
    found = {*STATE, *_looked_for(msgspec.Struct)}
    for given in inputs:
        for line in [given, *given.split(b"\n")]:
            if (document := _document(line)) is not None:
                found |= {text for text in _texts(document[1]) if len(text) <= 64}
    return tuple(sorted(found))


def _looked_for(kind: type[msgspec.Struct]) -> Iterable[str]:
    """The names of the fields that our own shapes of what comes have."""
    for shape in kind.__subclasses__():
        if shape.__module__.startswith(ROOMS):
            yield from shape.__struct_encode_fields__
        yield from _looked_for(shape)


def _texts(tree: Any) -> Iterable[str]:
    match tree:
        case str():
            yield tree
        case dict():
            for name, value in tree.items():
                yield name
                yield from _texts(value)
        case list():
            for value in tree:
                yield from _texts(value)


def _document(line: bytes) -> tuple[bytes, Any] | None:
    """What stands before the JSON object or list at the end of a line, and that; None: there is none."""
    places = [place for place in (line.find(b"{"), line.find(b"[")) if place >= 0]
    if not places:
        return None
    try:
        return line[: min(places)], json.loads(line[min(places) :])
    except (ValueError, RecursionError):
        return None


class Mutator:
    """Changes inputs; the same seed, the same change.

    Args:
        words: Names and values that may stand anywhere.
        by_bytes: Changes an input without a look at what it is, to no more bytes than said.
    """

    def __init__(self, words: tuple[str, ...], by_bytes: Callable[[bytes, int], bytes]) -> None:
        self._words, self._by_bytes = words, by_bytes

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes:
        drawn = random.Random(seed)
        if drawn.random() >= BY_BYTES:
            changed = self._changed(data, drawn)
            if changed is not None and len(changed) <= max_size:
                return changed
        return self._by_bytes(data, max_size)

    def _changed(self, data: bytes, drawn: random.Random) -> bytes | None:
        if (whole := _document(data)) is not None:
            return whole[0] + self._edited(whole[1], drawn)
        lines = data.split(b"\n")
        places = [place for place, line in enumerate(lines) if b"{" in line or b"[" in line]
        drawn.shuffle(places)
        for place in places:
            if (found := _document(lines[place])) is not None:
                lines[place] = found[0] + self._edited(found[1], drawn)
                if drawn.random() < 0.2:
                    lines.insert(drawn.randrange(len(lines)), lines[place])
                return b"\n".join(lines)
        return None

    def _edited(self, tree: Any, drawn: random.Random) -> bytes:
        for _ in range(drawn.randint(1, EDITS_MAX)):
            self._edit(tree, drawn)
        return json.dumps(tree, separators=(",", ":"), ensure_ascii=drawn.random() < 0.5).encode("utf-8", "replace")

    def _edit(self, tree: Any, drawn: random.Random) -> None:
        holder = drawn.choice([tree, *_holders(tree)])
        match holder, drawn.randrange(6):
            case dict(), 0 | 1:
                holder[drawn.choice(self._words)] = self._value(tree, drawn)
            case dict(), 2 if holder:
                holder[drawn.choice(self._words)] = holder.pop(drawn.choice(list(holder)))
            case dict(), 3 if holder:
                del holder[drawn.choice(list(holder))]
            case dict(), _ if holder:
                holder[drawn.choice(list(holder))] = self._value(tree, drawn)
            case list(), 0 | 1:
                holder.insert(drawn.randrange(len(holder) + 1), self._value(tree, drawn))
            case list(), 2 if holder:
                holder.insert(drawn.randrange(len(holder)), _copied(drawn.choice(holder)))
            case list(), 3 if holder:
                del holder[drawn.randrange(len(holder))]
            case list(), _ if holder:
                holder[drawn.randrange(len(holder))] = self._value(tree, drawn)

    def _value(self, tree: Any, drawn: random.Random) -> Any:
        match drawn.randrange(5):
            case 0:
                return _copied(drawn.choice(LEAVES))
            case 1:
                return drawn.randint(-2, 12)
            case 2:
                return _copied(drawn.choice(list(_holders(tree)) or [[]]))
            case 3:
                return [{drawn.choice(self._words): drawn.choice(self._words)}]
            case _:
                return drawn.choice(self._words)


def _holders(tree: Any) -> Iterable[Any]:
    """All objects and lists in a tree."""
    if isinstance(tree, dict | list):
        yield tree
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from _holders(value)


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))
