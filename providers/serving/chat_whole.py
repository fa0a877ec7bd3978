"""Answers of OpenAI's chat completions in one JSON body. Most are text and nothing else, and are written by structs."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

from ..events import Finished, PartAdded, Started, TextDelta, Usage
from ..parts import Logprobs
from .chat_encoder import ChatWriter, usage_of
from .dialect import About, Asked, Asking, Whole
from .rendering import encoded
from .state import joined

_Object: TypeAlias = dict[str, Any]


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int
    audio_tokens: int = 0


class _AnswerDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails
    completion_tokens_details: _AnswerDetails


class _Message(msgspec.Struct, gc=False):
    content: str
    role: str = "assistant"
    refusal: None = None
    annotations: tuple[()] = ()


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: str
    index: int = 0
    logprobs: None = None


class _Plain(msgspec.Struct, gc=False):
    id: str
    created: int
    model: str
    choices: tuple[_Choice]
    object: str = "chat.completion"


class _Counted(_Plain, kw_only=True, gc=False):
    usage: _Usage


def _usual(usage: Usage) -> Usage:
    """The counts without those that few answers have, and that have no field in the plain form."""
    return Usage(
        usage.input_tokens,
        usage.output_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )


def whole_chat(asked: Asked, about: About, source: Asking, events: Iterable[object]) -> Whole:
    """The whole answer as one JSON body."""
    events = events if isinstance(events, Sequence) else tuple(events)
    plain = _plainly(asked, about, ChatWriter(source), events)
    return plain or _whole(asked, about, ChatWriter(source), events)


def _plainly(asked: Asked, about: About, writer: ChatWriter, events: Sequence[object]) -> Whole | None:
    """An answer of text and nothing else; None: there is more to it."""
    texts: list[str] = []
    finish, model, usage = "stop", about.model, None
    for event in events:
        kind = type(event)
        if kind is TextDelta:
            texts.append(event.text)  # type: ignore[attr-defined]
        elif isinstance(event, Started):
            model = model or event.model or ""
        elif isinstance(event, Usage):
            usage = event
        elif isinstance(event, Finished):
            finish = writer.finish(event)
        else:
            return None
    if usage is not None and usage != _usual(usage):
        return None
    choice = _Choice(_Message("".join(texts)), finish)
    answer_id, named = f"chatcmpl-{about.token}", model or asked.model
    notes = writer.left_out.told()
    if usage is None:
        return Whole(encoded(_Plain(answer_id, about.created_s, named, (choice,))), notes)
    counted = _Usage(
        usage.input_tokens,
        usage.output_tokens,
        usage.total,
        _PromptDetails(usage.cached_input_tokens or 0),
        _AnswerDetails(usage.reasoning_tokens or 0),
    )
    return Whole(encoded(_Counted(answer_id, about.created_s, named, (choice,), usage=counted)), notes)


def _whole(asked: Asked, about: About, writer: ChatWriter, events: Sequence[object]) -> Whole:
    """An answer with more than text."""
    said: dict[str, list[str]] = {"content": [], "refusal": [], "reasoning_content": []}
    lists: dict[str, list[Any]] = {"annotations": [], "reasoning_details": [], "images": [], "tool_calls": []}
    audio: _Object = {}
    likely: list[str] = []
    finish = "stop"
    for event in events:
        if type(event) is TextDelta:
            said["content"].append(event.text)
            writer.characters += len(event.text)
        elif type(event) is Finished:
            finish = writer.finish(event)
        elif isinstance(event, PartAdded) and isinstance(event.part, Logprobs):
            likely.append(event.part.details)
        else:
            for name, value in (writer.delta(event) or {}).items():
                if name in said:
                    said[name].append(value)
                elif name == "tool_calls":
                    _add_call(lists[name], value[0])
                elif name == "audio":
                    _add_audio(audio, value)
                else:
                    lists[name] += value
    message = _message({name: "".join(pieces) for name, pieces in said.items()}, lists, audio)
    choice: _Object = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    if (tokens := joined(likely)) is not None:
        choice["logprobs"] = {"content": msgspec.Raw(tokens.encode()), "refusal": None}
    whole: _Object = {
        "id": f"chatcmpl-{about.token}",
        "object": "chat.completion",
        "created": about.created_s,
        "model": about.model or writer.model or asked.model,
        "choices": [choice],
    }
    if writer.usage is not None:
        whole["usage"] = usage_of(writer.usage)
    return Whole(encoded(whole), writer.left_out.told())


def _message(said: dict[str, str], lists: dict[str, list[Any]], audio: _Object) -> _Object:
    text, refusal = said["content"], said["refusal"]
    other = refusal or said["reasoning_content"] or audio or any(lists.values())
    message: _Object = {
        "role": "assistant",
        "content": None if other and not text else text,
        "refusal": refusal or None,
        "annotations": lists["annotations"],
    }
    if said["reasoning_content"]:
        message["reasoning_content"] = said["reasoning_content"]
    message |= {name: lists[name] for name in ("reasoning_details", "images") if lists[name]}
    if lists["tool_calls"]:
        message["tool_calls"] = [_without_index(call) for call in lists["tool_calls"]]
    return message | {"audio": audio} if audio else message


def _without_index(call: _Object) -> _Object:
    return {name: value for name, value in call.items() if name != "index"}


def _add_call(calls: list[_Object], piece: _Object) -> None:
    """The next piece of a call, in a whole message's form."""
    known = next((call for call in calls if call["index"] == piece["index"]), None)
    if known is None:
        calls.append(piece)
        return
    kind, said = ("custom", "input") if "custom" in known else ("function", "arguments")
    more = piece[kind]
    known[kind]["name"] = known[kind].get("name") or more.get("name")
    known[kind][said] += more[said]
    if "extra_content" in piece:
        known["extra_content"] = piece["extra_content"]


def _add_audio(audio: _Object, piece: _Object) -> None:
    """The next piece of the audio, of which each is base64 by itself."""
    try:
        data = base64.b64decode(audio.get("data", "")) + base64.b64decode(piece["data"])
    except binascii.Error:  # a provider's mistake: what is said in it stands in the transcript, too
        data = b""
    audio |= {
        "id": audio.get("id") or piece["id"],
        "data": base64.b64encode(data).decode(),
        "transcript": audio.get("transcript", "") + piece["transcript"],
        "expires_at": 0,
    }
