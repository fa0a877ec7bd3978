"""What answers of the OpenAI chat protocol hold beyond text, thinking and calls: images, audio, citations, state.

It is rare, so chunks keep it as it is, and it is read here. What makes no sense is passed over: nothing of the answer's
text depends on it.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import msgspec

from ..events import PartAdded, ProviderEvent, ReasoningDelta
from ..parts import AudioPart, Citation, ImagePart, Logprobs
from ..returning import call_state
from .openai_chunks import CallPart, Chunk, Delta, Whole

_AUDIO = ((b"RIFF", "audio/wav"), (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"), (b"OggS", "audio/ogg"))
_MERGED = ("text", "summary", "data")
"""Fields of a detail of thinking that come in pieces."""
DETAILS_MAX = 10_000
"""Maximum details of one answer's thinking that are kept."""


def signature_of(call: CallPart) -> str | None:
    """The state that Google's compatible endpoints write beside a call, see `call_state`."""
    return call_state(call.extra_content)


class Beside:
    """What stands beside the text of one answer.

    Some of it is told as it comes. The details of thinking, which come in pieces, and the sources that some servers
    repeat with every chunk, are told at the end.
    """

    __slots__ = ("_details", "_signature", "_sources")

    def __init__(self) -> None:
        self._details: list[dict[str, Any]] = []
        self._signature: str | None = None
        self._sources: tuple[list[Any] | None, list[Any] | None] = (None, None)

    def delta(self, delta: Delta, events: list[ProviderEvent]) -> None:
        """Read what a delta, or a whole message, holds."""
        if delta.reasoning_details:
            for detail in _dicts(delta.reasoning_details):
                self._detail(detail)
        for block in _dicts(delta.thinking_blocks) if delta.thinking_blocks else ():
            self._block(block)
        self._signature = call_state(delta.extra_content) or self._signature
        for note in _dicts(delta.annotations) if delta.annotations else ():
            if (citation := _annotation(note)) is not None:
                events.append(PartAdded(citation))
        for image in delta.images or ():
            if url := _image_url(image):
                events.append(PartAdded(ImagePart(url)))
        if delta.audio and (part := _audio(delta.audio)) is not None:
            events.append(PartAdded(part))

    def chunk(self, chunk: Chunk | Whole) -> None:
        """Keep the sources that stand beside the choices (Perplexity, xAI): each chunk has all of them so far."""
        citations, results = self._sources
        self._sources = (chunk.citations or citations, chunk.search_results or results)

    def rest(self) -> Iterator[ProviderEvent]:
        """What is told at the end."""
        if self._details:
            yield ReasoningDelta("", details=msgspec.json.encode(self._details).decode())
        if self._signature:
            yield ReasoningDelta("", signature=self._signature)
        citations, results = self._sources
        titles = {each["url"]: each for each in _dicts(results) if isinstance(each.get("url"), str)}
        urls = [url for url in citations or () if isinstance(url, str)]
        for url in dict.fromkeys([*urls, *titles]):
            title = titles.get(url, {}).get("title")
            yield PartAdded(Citation(url, title if isinstance(title, str) else ""))

    def _block(self, block: dict[str, Any]) -> None:
        """Add one piece of a block of thinking, which ends where it is signed, or where one of another type begins."""
        last = self._details[-1] if self._details else {}
        if last.get("type") != "thinking" or block.get("type") != "thinking" or last.get("signature"):
            if len(self._details) < DETAILS_MAX:
                self._details.append(dict(block))
            return
        text, more = last.get("thinking"), block.get("thinking")
        if isinstance(more, str):
            last["thinking"] = text + more if isinstance(text, str) else more
        last["signature"] = block.get("signature") or last.get("signature")

    def _detail(self, detail: dict[str, Any]) -> None:
        """Add one piece of a detail: to the one that it goes on with, if it does."""
        last = self._details[-1] if self._details else {}
        same = "index" in detail and last.get("index") == detail["index"] and last.get("type") == detail.get("type")
        if not same or (detail.get("id") and last.get("id") not in (None, detail["id"])):
            if len(self._details) < DETAILS_MAX:
                self._details.append(dict(detail))
            return
        for name, value in detail.items():
            known = last.get(name)
            if name in _MERGED and isinstance(known, str) and isinstance(value, str):
                last[name] = known + value
            elif value is not None:
                last[name] = value


def logprobs(told: dict[str, Any]) -> PartAdded | None:
    """How likely the tokens of one chunk were; None where it does not say."""
    tokens = told.get("content")
    if not isinstance(tokens, list) or not tokens:
        return None
    return PartAdded(Logprobs(msgspec.json.encode(tokens).decode()))


def _dicts(found: object) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _image_url(image: object) -> str:
    """Where an image is: OpenRouter wraps its URL twice, other servers write it as it is, or the bytes alone."""
    if isinstance(image, dict):
        data = image.get("b64_json")
        if isinstance(data, str) and data:
            return f"data:image/png;base64,{data}"
        image = image.get("image_url") or image.get("url")
        return _image_url(image)
    return image if isinstance(image, str) and image.startswith(("data:", "https:", "http:")) else ""


def _annotation(note: dict[str, Any]) -> Citation | None:
    about = note.get("url_citation")
    about = about if isinstance(about, dict) else note
    url = about.get("url")
    if not isinstance(url, str):
        return None
    said = {name: value if isinstance(value := about.get(name), str) else "" for name in ("title", "content")}
    start, end = about.get("start_index"), about.get("end_index")
    return Citation(
        url,
        said["title"],
        said["content"],
        start if type(start) is int else None,
        end if type(end) is int else None,
        msgspec.json.encode(note).decode(),
    )


def _audio(audio: dict[str, Any]) -> AudioPart | None:
    """A piece of audio, or all of it. A stream's bytes have no header: samples of 16 bits."""
    audio_id, data, transcript = (
        value if isinstance(value := audio.get(name), str) else "" for name in ("id", "data", "transcript")
    )
    if not (audio_id or data or transcript):
        return None
    try:
        head = base64.b64decode(data[:16])
    except (binascii.Error, ValueError):
        head, data = b"", ""
    kind = next((kind for magic, kind in _AUDIO if head.startswith(magic)), "audio/pcm")
    return AudioPart(f"data:{kind};base64,{data}" if data else "", audio_id or None, transcript)
