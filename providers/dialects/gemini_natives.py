"""What answers of the Gemini API hold beyond text, thinking and calls: images, sources, the provider's own tools.

It is rare, so it stays JSON until it is told. What makes no sense is passed over: nothing of the answer's text depends
on it.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ..codecs import UNDECODABLE, decode_kindly
from ..codecs.json import json_text
from ..events import PartAdded
from ..parts import AudioPart, Citation, FilePart, ImagePart, Logprobs, NativePart

_READ = frozenset({"text", "thought", "thoughtSignature", "functionCall", "partMetadata"})
"""Members of a part that make it none of its own kind."""


def odd_part(written: msgspec.Raw) -> ImagePart | AudioPart | FilePart | NativePart | None:
    """A part that is neither text nor a call; None: there is nothing in it but state.

    An image of the thinking is no image of the answer: it is kept as it is written, like all that is not known.

    Raises:
        One of `UNDECODABLE`: It cannot be read.
    """
    found = decode_kindly(bytes(written))
    if not isinstance(found, dict) or not (kind := next((name for name in found if name not in _READ), "")):
        return None
    inner = found[kind] if isinstance(found[kind], dict) else {}
    media_type, data = _text(inner, "mimeType"), _text(inner, "data")
    if kind == "inlineData" and media_type and data and not found.get("thought"):
        url = f"data:{media_type};base64,{data}"
        if media_type.startswith("image/"):
            return ImagePart(url)
        return AudioPart(url) if media_type.startswith("audio/") else FilePart(url, _text(inner, "displayName") or None)
    return NativePart(kind, json_text(written), _text(inner, "name"), _text(inner, "id") or None)


class Sources:
    """The sources of one answer. Chunks may repeat them: each is told once.

    Attributes:
        searches: What Google was asked for them, each of which may be billed.
    """

    __slots__ = ("_told", "searches")

    def __init__(self) -> None:
        self._told: set[Citation] = set()
        self.searches: set[str] = set()

    def told(self, grounding: msgspec.Raw, citations: msgspec.Raw) -> Iterator[PartAdded]:
        """Tell what is new of a candidate's metadata."""
        metadata = _object(grounding)
        queries = metadata.get("webSearchQueries")
        self.searches.update(each for each in (queries if isinstance(queries, list) else ()) if isinstance(each, str))
        for citation in (*_grounded(metadata), *_cited(_object(citations))):
            if citation not in self._told:
                self._told.add(citation)
                yield PartAdded(citation)


def logprobs(written: msgspec.Raw) -> Iterator[PartAdded]:
    """How likely the tokens were: each that was chosen, with those that might have been."""
    found = _object(written)
    others = _objects(found.get("topCandidates"))
    tokens = [
        {**token, **({"topCandidates": others[at].get("candidates")} if at < len(others) else {})}
        for at, token in enumerate(_objects(found.get("chosenCandidates")))
    ]
    if tokens:
        yield PartAdded(Logprobs(msgspec.json.encode(tokens).decode()))


def _grounded(metadata: dict[str, Any]) -> Iterator[Citation]:
    """A citation for each source of each passage of the answer, then one for each source that no passage names."""
    chunks = metadata.get("groundingChunks")
    chunks = chunks if isinstance(chunks, list) else []
    named: set[int] = set()
    for support in _objects(metadata.get("groundingSupports")):
        places = support.get("groundingChunkIndices")
        for place in places if isinstance(places, list) else ():
            if type(place) is int and 0 <= place < len(chunks):
                named.add(place)
                yield from _source(chunks[place], support.get("segment"))
    for place, chunk in enumerate(chunks):
        if place not in named:
            yield from _source(chunk, None)


def _source(chunk: Any, segment: Any) -> Iterator[Citation]:
    if not isinstance(chunk, dict):
        return
    about = next((value for value in chunk.values() if isinstance(value, dict)), {})
    where = segment if isinstance(segment, dict) else {}
    start, end = where.get("startIndex", 0 if where else None), where.get("endIndex")
    details = {**chunk, **({"segment": where} if where else {})}
    yield Citation(
        _text(about, "uri"),
        _text(about, "title"),
        _text(about, "text"),
        start if type(start) is int else None,
        end if type(end) is int else None,
        msgspec.json.encode(details).decode(),
    )


def _cited(metadata: dict[str, Any]) -> Iterator[Citation]:
    for source in _objects(metadata.get("citationSources") or metadata.get("citations")):
        start, end = source.get("startIndex"), source.get("endIndex")
        yield Citation(
            _text(source, "uri"),
            _text(source, "title"),
            "",
            start if type(start) is int else None,
            end if type(end) is int else None,
            msgspec.json.encode(source).decode(),
        )


def _object(written: msgspec.Raw) -> dict[str, Any]:
    if not written:
        return {}
    try:
        found = decode_kindly(bytes(written))
    except UNDECODABLE:
        return {}
    return found if isinstance(found, dict) else {}


def _objects(found: object) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""
