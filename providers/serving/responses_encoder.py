"""Answers of OpenAI's Responses API: typed events, each with its number in the stream, or one response."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from ..events import Finished, TextDelta, Usage
from .dialect import About, Asked, Asking, Failure, Whole
from .errors import openai_object
from .items import Items
from .rendering import encoded, framed_by_type, texts_alone

_Object: TypeAlias = dict[str, Any]
_json = msgspec.json.encode


class ResponseStream:
    """Tells one answer in events."""

    def __init__(self, asked: Asked, about: About, source: Asking) -> None:
        self._asked, self._about = asked, about
        self._items = Items(about.token, source, self._emit)
        self._out: list[bytes] = []
        self._number = 0
        self._begun = False
        self._text_head = b""
        """Of a piece of the text that is open; empty: none is."""
        self._pieces: list[str] = []  # of that text

    @property
    def notes(self) -> tuple[str, ...]:
        return self._items.left_out.told()

    def encode(self, events: Iterable[object]) -> bytes:
        out, items = self._out, self._items
        for event in events:
            if self._text_head and type(event) is TextDelta:
                text = event.text
                said = _json(text) if text.isascii() else encoded(text)
                out += (self._text_head, said, b',"logprobs":[],"sequence_number":%d}\n\n' % self._number)
                self._number += 1
                self._pieces.append(text)
            else:
                items.add(event)
                self._look_at_text()
                if type(event) is Finished:
                    self._ended()
        self._begin()
        return self._taken()

    def handed_over(self) -> bytes:
        self._items.hand_over()
        self._look_at_text()
        return self._taken()

    def failed(self, failure: Failure) -> bytes:
        """As servers of this API do it: the response is told to have failed, and then the error; both raise."""
        error = openai_object(failure)
        told = {"code": _failed_code(failure.status), "message": failure.message}
        response = response_of(self._asked, self._about, self._items, "failed") | {"error": told}
        self._emit("failed", {"response": response})
        last = framed_by_type({"type": "error", "error": error, "sequence_number": self._number})
        self._number += 1
        return self._taken() + last

    def _emit(self, kind: str, fields: _Object) -> None:
        self._begin()
        self._out.append(framed_by_type({"type": f"response.{kind}", **fields, "sequence_number": self._number}))
        self._number += 1

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            begun = response_of(self._asked, self._about, self._items, "in_progress")
            self._emit("created", {"response": begun})
            self._emit("in_progress", {"response": begun})

    def _look_at_text(self) -> None:
        text = self._items.text
        if text is None:
            self._text_head = b""
        elif self._pieces is not text.pieces or not self._text_head:
            self._pieces = text.pieces
            place = _json({**text.place, "content_index": 0})[1:-1]
            self._text_head = (
                b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",%b,"delta":' % place
            )

    def _ended(self) -> None:
        items = self._items
        status = "completed" if items.why is None else "incomplete"
        self._emit(status, {"response": response_of(self._asked, self._about, items, status)})

    def _taken(self) -> bytes:
        taken = b"".join(self._out)
        self._out.clear()
        return taken


def _failed_code(status: int) -> str:
    """The word of this API's closed set for a failure."""
    if status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if 400 <= status < 500 else "server_error"


def response_of(asked: Asked, about: About, items: Items, status: str) -> _Object:
    """The response as a whole, as far as it has come."""
    why = items.why if status == "incomplete" else None
    over = status in ("completed", "incomplete")
    return {
        "id": f"resp_{about.token}",
        "object": "response",
        "created_at": about.created_s,
        "status": status,
        "error": None,
        "incomplete_details": None if why is None else {"reason": why},
        "model": about.model or items.model or asked.model,
        "output": list(items.output) if over else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "text": {"format": {"type": "text"}},
        "truncation": "disabled",
        "metadata": {},
        **asked.echoed,
        "store": False,
        "usage": usage_of(items.usage) if over and items.usage is not None else None,
    }


def usage_of(usage: Usage) -> _Object:
    """The tokens, in this API's words."""
    prompt = {
        "cached_tokens": usage.cached_input_tokens or 0,
        "cache_write_tokens": usage.cache_write_tokens or 0,
        "audio_tokens": usage.input_audio_tokens,
        "image_tokens": usage.input_image_tokens,
    }
    answer = {
        "reasoning_tokens": usage.reasoning_tokens or 0,
        "audio_tokens": usage.output_audio_tokens,
        "image_tokens": usage.output_image_tokens,
    }
    told: _Object = {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {name: count for name, count in prompt.items() if count is not None},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {name: count for name, count in answer.items() if count is not None},
        "total_tokens": usage.total,
    }
    return told if usage.cost is None else told | {"cost": usage.cost}


def whole_response(asked: Asked, about: About, source: Asking, events: Iterable[object]) -> Whole:
    """The whole answer as one JSON body."""
    items, events = Items(about.token, source, lambda kind, fields: None), tuple(events)
    texts = texts_alone(events)
    for event in events:
        if texts is None or type(event) is not TextDelta:
            items.add(event)
    status = "completed" if items.why is None else "incomplete"
    if texts:
        items.add_text("".join(texts), status)
    return Whole(encoded(response_of(asked, about, items, status)), items.left_out.told())
