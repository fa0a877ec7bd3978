"""The conversation as the Gemini API has it: turns of two sides, each signature on the part that it came on.

Facts: the pages on thought signatures and on function calling.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from ..fit import arguments_object, json_object
from ..messages import (
    AudioPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
)
from ..provider import Unsupported
from ..returning import Returning
from ..tool_calls import is_made
from ..turns import calls_by_id, image_data, image_type, sides

WirePart: TypeAlias = dict[str, Any] | msgspec.Raw
Media: TypeAlias = ImagePart | FilePart | AudioPart


class Turns:
    """The turns of one conversation.

    Args:
        returning: What opaque state goes back.
        third: The model is of the third generation or a later one: it wants a signature with each step of calls, and
            takes images from tools.
        vertex: For Vertex AI, which wants the results of tools in a turn of their own.
    """

    def __init__(self, chat: ChatRequest, returning: Returning, *, third: bool, vertex: bool) -> None:
        self._chat, self._returning, self._vertex = chat, returning, vertex
        self._is_third = third
        self._calls = calls_by_id(chat.messages)
        self._own_ids = {
            call.id
            for message in chat.messages
            if returning.owns(message)
            for call in message.tool_calls
            if not is_made(call.id)
        }

    def contents(self) -> list[dict[str, Any]]:
        """All turns.

        Raises:
            Unsupported: One of their parts cannot be said.
        """
        turns: list[dict[str, Any]] = []
        for is_model, run in sides(self._chat.messages):
            if is_model:
                groups = [[part for message in run for part in self._model_parts(message)]]
            else:
                groups = self._user_parts(run)
            turns += [{"role": "model" if is_model else "user", "parts": parts} for parts in groups if parts]
        if self._chat.prefill:
            if not turns or turns[-1]["role"] != "model":
                turns.append({"role": "model", "parts": []})
            turns[-1]["parts"].append({"text": self._chat.prefill})
        return turns

    def _user_parts(self, run: tuple[Message, ...]) -> list[list[WirePart]]:
        """The turns of the user's side: results first, in the order of their calls, since some calls have no ids."""
        places = {call_id: place for place, call_id in enumerate(self._calls)}
        results = [message for message in run if message.role == "tool"]
        results.sort(key=lambda message: places[message.tool_call_id or ""])
        answered: list[WirePart] = [self._result(message) for message in results]
        said = [part for message in run if message.role != "tool" for part in self._said(message)]
        return [answered, said] if self._vertex else [answered + said]

    def _said(self, message: Message) -> Iterator[WirePart]:
        for part in message.content:
            if isinstance(part, NativePart):
                yield from self._native(part, message)
            else:
                yield from _parts([part])

    def _model_parts(self, message: Message) -> list[WirePart]:
        """A model's turn in its order; a signature without a thought is that of the text or the image before it."""
        parts: list[WirePart] = []
        needs_signature = self._is_third and not self._returning.owns(message)
        for part in message.content:
            match part:
                case Reasoning():
                    signature = self._returning.state(part.signature, message)
                    if signature is not None and part.text:
                        parts.append({"text": part.text, "thought": True, "thoughtSignature": signature})
                    elif signature is not None:
                        _sign(parts, signature)
                case ToolCall():
                    called = self._call(part, message)
                    if needs_signature and "thoughtSignature" not in called:
                        called["thoughtSignature"] = self._returning.placeholder()
                    needs_signature = False  # of calls side by side only the first has one
                    parts.append(called)
                case RefusalPart():
                    parts.append({"text": part.text})
                case TextPart():
                    parts += _parts([part])
                case NativePart():
                    parts += self._native(part, message)
                case ImagePart() | FilePart() | AudioPart():
                    if not self._returning.owns(message):
                        raise _outside(part)
                    parts += _parts([part])
                case _:
                    pass
        return parts

    def _native(self, part: NativePart, message: Message) -> Iterator[msgspec.Raw]:
        written = self._returning.state(part.details, message)
        if written is not None:
            if json_object(written) is None:
                raise Unsupported("a native part that is no JSON object")
            yield msgspec.Raw(written.encode())

    def _call(self, call: ToolCall, message: Message) -> dict[str, Any]:
        function: dict[str, Any] = {"name": call.name, "args": arguments_object(call)}
        if call.id in self._own_ids:
            function["id"] = call.id
        part: dict[str, Any] = {"functionCall": function}
        signature = self._returning.state(call.signature, message)
        if signature is not None:
            part["thoughtSignature"] = signature
        return part

    def _result(self, message: Message) -> WirePart:
        """A result; `output` and `error` are the words that the API knows for one that is no object."""
        call = self._calls[message.tool_call_id or ""]
        said: Any = json_object(message.text)
        if message.is_error:
            said = {"error": message.text if said is None else said}
        elif said is None:
            said = {"output": message.text}
        function: dict[str, Any] = {"name": call.name, "response": said}
        if call.id in self._own_ids:
            function["id"] = call.id
        shown = [part for part in message.content if isinstance(part, ImagePart | FilePart | AudioPart)]
        if shown and not self._is_third:
            raise _outside(shown[0])
        if shown:
            function["parts"] = [_media(part) for part in shown]
        return {"functionResponse": function}


def _outside(part: Media) -> Unsupported:
    kind = "images" if isinstance(part, ImagePart) else "files" if isinstance(part, FilePart) else "audio"
    return Unsupported(f"{kind} outside user turns")


def _sign(parts: list[WirePart], signature: str) -> None:
    last = parts[-1] if parts else {}
    if isinstance(last, dict) and "thoughtSignature" not in last and ("text" in last or "inlineData" in last):
        last["thoughtSignature"] = signature
    else:
        parts.append({"text": "", "thoughtSignature": signature})


def _parts(content: Iterable[Part]) -> Iterator[dict[str, Any]]:
    for part in content:
        if isinstance(part, TextPart):
            if part.text:
                yield {"text": part.text}
        elif isinstance(part, ImagePart | FilePart | AudioPart):
            yield _media(part)


def _media(part: Media) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        data = image_data(part)
        if data is None:
            return {"fileData": {"mimeType": image_type(part), "fileUri": part.url}}
        return {"inlineData": {"mimeType": data[0], "data": data[1]}}
    found = part.data
    if found is not None:
        return {"inlineData": {"mimeType": found[0], "data": found[1]}}
    uploaded = part.id if isinstance(part, FilePart) else None
    if uploaded is not None:
        return {"fileData": {"fileUri": uploaded}}
    if not part.url:
        raise Unsupported("audio by its id")
    if part.media_type is None:
        raise Unsupported("a file at a URL that does not tell its type")
    return {"fileData": {"mimeType": part.media_type, "fileUri": part.url}}
