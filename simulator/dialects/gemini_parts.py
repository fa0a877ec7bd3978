"""A simulated answer in the parts of Google's Gemini API: piece by piece, or joined as in one body.

A signature stands on the part that it belongs to. One without a thought is that of the text or the image before it: in
a stream it comes on an empty piece behind it. Only a text behind another text is said whole then, with its signature,
for nothing else tells the two apart.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from ...providers.codecs import UNDECODABLE
from ...providers.events import PartAdded, ReasoningDelta, TextDelta, ToolCallDelta
from ...providers.parts import AudioPart, Citation, FilePart, ImagePart, Logprobs, NativePart, TextPart, ToolCall
from ..scenario.reply import Answer
from .said import said, says_something

_Object: TypeAlias = dict[str, Any]
_WIRE = "Gemini's wire"
_WORDS = frozenset(
    {
        "AudioPart", "Citation", "FilePart", "ImagePart", "Logprobs", "NativePart", "Reasoning", "Reasoning.signature",
        "ToolCall", "ToolCall.signature",
    }
)  # fmt: skip


class Piece(msgspec.Struct):
    """What one chunk says.

    Attributes:
        part: The part; None: it says something of the candidate alone.
        kind: What the part is: `text`, `thought`, `image`, or anything else.
        number: What tells the part from the next: pieces of one part share both.
        beside: What it says of the candidate.
        useful: Whether it is a useful delta.
    """

    part: _Object | msgspec.Raw | None
    kind: str = ""
    number: int = 0
    beside: _Object = {}
    useful: bool = False


def pieces_of(answer: Answer) -> list[Piece]:
    """Say an answer piece by piece, in its order.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    pieces: list[Piece] = []
    texts, behind = 0, False  # the number of the open text, and whether it stands behind another
    for event in said(answer, _WIRE, _WORDS):
        last = pieces[-1] if pieces else Piece(None)
        useful = says_something(event)
        match event:
            case TextDelta(text):
                if last.kind != "text" and last.part is not None:
                    texts, behind = texts + 1, False
                pieces.append(Piece({"text": text}, "text", texts, useful=useful))
            case PartAdded(TextPart()):
                texts, behind = texts + 1, True
            case ReasoningDelta(text, index, signature):
                thinks = signature is None or (last.kind == "thought" and last.number == index)
                if thinks:
                    signed = {} if signature is None else {"thoughtSignature": signature}
                    part = {"text": text, "thought": True, **signed}
                    pieces.append(Piece(part, "thought", index, useful=useful))
                elif signature is not None:
                    _sign(pieces, signature, whole=behind)
            case ToolCallDelta():
                if event.name is not None:
                    pieces.append(Piece(_call(answer.calls[event.index]), useful=useful))
            case PartAdded(part):
                pieces.append(_added(part, len(pieces), useful=useful))
            case _:
                pass
    return pieces


def whole_parts(answer: Answer) -> tuple[list[_Object | msgspec.Raw], _Object]:
    """Give the parts of an answer in their order, and what stands beside them in the candidate.

    Raises:
        ValueError: This wire has no words for something in it.
    """
    parts: list[_Object | msgspec.Raw] = []
    beside: _Object = {}
    last = Piece(None)
    for piece in pieces_of(answer):
        beside = _both(beside, piece.beside)
        if piece.part is None:
            continue
        if isinstance(piece.part, dict) and piece.kind and (piece.kind, piece.number) == (last.kind, last.number):
            known = parts[-1]
            assert isinstance(known, dict)
            text = {"text": known["text"] + piece.part["text"]} if "text" in known else {}
            parts[-1] = known | {name: value for name, value in piece.part.items() if name != "text"} | text
        else:
            parts.append(piece.part)
        last = piece
    return parts, beside


def _sign(pieces: list[Piece], signature: str, *, whole: bool) -> None:
    """Put a signature on the text or the image before it; where there is none it is a part by itself."""
    last = pieces[-1] if pieces else Piece(None)
    bare: _Object = {"text": "", "thoughtSignature": signature}
    if last.kind == "text" and whole:
        number, texts = last.number, []
        while pieces and pieces[-1].kind == "text" and pieces[-1].number == number:
            part = pieces.pop().part
            texts.append(str(part["text"]) if isinstance(part, dict) else "")
        pieces.append(Piece(bare | {"text": "".join(reversed(texts))}, "signed", useful=any(texts)))
    elif last.kind in ("text", "image"):
        pieces.append(Piece(bare, last.kind, last.number))
    else:
        pieces.append(Piece(bare))


def _added(part: object, number: int, *, useful: bool) -> Piece:
    match part:
        case ImagePart() | FilePart() | AudioPart() if part.data is not None:
            kind, data = part.data
            named = {"displayName": part.name} if isinstance(part, FilePart) and part.name else {}
            return Piece({"inlineData": {"mimeType": kind, "data": data, **named}}, "image", number, useful=useful)
        case NativePart(details=details):
            return Piece(msgspec.Raw(details.encode()))
        case Citation():
            return Piece(None, beside=_source(part))
        case Logprobs(details):
            return Piece(None, beside={"logprobsResult": _logprobs(details)})
        case _:
            raise ValueError(f"{_WIRE} has no words for a {type(part).__name__} at a URL")


def _call(call: ToolCall) -> _Object:
    written = (call.arguments or "{}").encode()
    try:
        msgspec.json.decode(written, type=_Object)
    except UNDECODABLE:
        raise ValueError("Gemini's wire holds the arguments of a call as an object") from None
    signed = {} if call.signature is None else {"thoughtSignature": call.signature}
    return {"functionCall": {"name": call.name, "args": msgspec.Raw(written), "id": call.id}, **signed}


def _source(citation: Citation) -> _Object:
    """A source of the answer: of a search, or of what the model has read."""
    where = {"startIndex": citation.start, "endIndex": citation.end}
    segment: _Object = {name: value for name, value in where.items() if value is not None}
    source: _Object = {"web": {"uri": citation.url, "title": citation.title}}
    if citation.details is not None:
        source = msgspec.json.decode(citation.details, type=_Object)
        if not any(isinstance(value, dict) for value in source.values()):
            return {"citationMetadata": {"citationSources": [source]}}
        segment = source.pop("segment", {})
    supports = [{"segment": segment, "groundingChunkIndices": [0]}] if segment else []
    return {"groundingMetadata": {"groundingChunks": [source], "groundingSupports": supports}}


def _logprobs(details: str) -> _Object:
    tokens = msgspec.json.decode(details, type=list[_Object])
    return {
        "chosenCandidates": [
            {name: value for name, value in each.items() if name != "topCandidates"} for each in tokens
        ],
        "topCandidates": [{"candidates": each.get("topCandidates", [])} for each in tokens],
    }


def _both(known: _Object, more: _Object) -> _Object:
    """What stands beside the parts, of two chunks: lists one behind the other, sources by their new places."""
    joined = dict(known)
    for name, value in more.items():
        before = known.get(name, {})
        shift = len(before.get("groundingChunks", ()))
        joined[name] = {field: [*before.get(field, ()), *_shifted(items, shift)] for field, items in value.items()}
    return joined


def _shifted(items: list[_Object], shift: int) -> Iterator[_Object]:
    for item in items:
        places = item.get("groundingChunkIndices")
        yield item if places is None else {**item, "groundingChunkIndices": [place + shift for place in places]}
