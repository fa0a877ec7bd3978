"""The input of a Responses request: items, of which those of one side in a row are one turn."""

from collections.abc import Iterable
from typing import Any

from .. import part_shapes
from ..messages import Message, NativePart, Part, Reasoning, RefusalPart, Role, TextPart, ToolCall
from ..parts import Citation
from .fields import Fields, known_only, list_of, objects, text_of
from .refused import unserved, wrong
from .state import MARK, original, unsealed

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_MESSAGE = frozenset({"type", "role", "content", "id", "status", "phase"})
_OUTPUT = frozenset({"type", "call_id", "output", "id", "status"})
_IDS = ("id", "status")
"""What this API says of every item that it has written itself; nothing is stored, so nothing hangs on it."""


def read_input(fields: Fields) -> list[Message]:
    """The turns of a request."""
    given = fields.take("input")
    if isinstance(given, str) and given:
        return [Message("user", given)]
    items = list_of(given, "input")
    if not items:
        raise wrong("input", "is missing, or empty: nothing to ask", "missing_required_parameter")
    reader = _Input(fields)
    for where, item in objects(items, "input"):
        reader.add(item, where)
    return reader.turns()


class _Input:
    """Items on their way to turns."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._turns: list[Message] = []
        self._answer: list[Part] = []  # of the assistant's turn that is open
        self._marks: dict[str, str] = {}  # of the provider's own calls, by their ids

    def turns(self) -> list[Message]:
        self._close()
        return self._turns

    def add(self, item: dict[str, Any], where: str) -> None:
        kind = item.get("type")
        match kind:
            case None | "message":
                self._message(item, where)
            case "function_call" | "custom_tool_call":
                self._answer.append(_call(item, where))
            case "function_call_output" | "custom_tool_call_output":
                known_only(item, _OUTPUT, where)
                call_id = Fields(item, f"{where}.").needed("call_id")
                content = _content(item.get("output"), f"{where}.output")
                self._close()
                self._turns.append(Message("tool", content, tool_call_id=call_id))
            case "reasoning":
                self._answer += _reasoning(item, where)
            case "item_reference":
                raise unserved(where, "nothing is stored; ask with store: false, and send the item itself")
            case str():
                self._native(item, kind, where)
            case _:
                raise wrong(f"{where}.type", "is not a text")

    def _close(self) -> None:
        if self._answer:
            self._turns.append(Message("assistant", tuple(self._answer)))
            self._answer = []

    def _message(self, item: dict[str, Any], where: str) -> None:
        known_only(item, _MESSAGE, where)
        role = _ROLES.get(said) if isinstance(said := item.get("role"), str) else None
        if role is None:
            raise wrong(f"{where}.role", "is not user, assistant, system or developer")
        phase = text_of(item.get("phase"), f"{where}.phase")
        if role == "assistant":
            self._answer += _answered(item.get("content"), f"{where}.content", phase)
        else:
            content = _content(item.get("content"), f"{where}.content")
            self._close()
            self._turns.append(Message(role, content))

    def _native(self, item: dict[str, Any], kind: str, where: str) -> None:
        """An item of the provider's own. What a client answers to one goes where that one came from."""
        name, call_id = (value if isinstance(value := item.get(each), str) else "" for each in ("name", "call_id"))
        details = original(item)
        if isinstance(mark := item.get(MARK), str) and call_id:
            self._marks[call_id] = mark
        if kind.endswith(("_output", "_response")):
            if MARK not in item and (mark := self._marks.get(call_id or _request_of(item))) is not None:
                details = original({**item, MARK: mark})
            self._close()
            self._turns.append(Message("user", (NativePart(kind, details, name, call_id or None),)))
        else:
            self._answer.append(NativePart(kind, details, name, call_id or text_of(item.get("id"), f"{where}.id")))


def _request_of(item: dict[str, Any]) -> str:
    found = item.get("approval_request_id")
    return found if isinstance(found, str) else ""


def _content(given: Any, where: str) -> tuple[Part, ...]:
    """What a user or a tool says: read as the chat protocol's parts, which say the same in other words."""
    if isinstance(given, list):
        given = [_as_chat(part, at) for at, part in objects(given, where)]
    return part_shapes.content(given, where, may_lack=False)


def _as_chat(part: dict[str, Any], where: str) -> dict[str, Any]:
    about = Fields(part, f"{where}.")
    kind = about.take("type")
    match kind:
        case "input_text" | "output_text" | "text":
            said: dict[str, Any] = {"type": "text", "text": about.take("text")}
        case "input_image":
            if about.take("file_id") is not None:
                raise unserved(f"{where}.file_id", "an image is sent along, or found at a URL")
            said = {"type": "image_url", "image_url": {"url": about.take("image_url"), "detail": about.take("detail")}}
        case "input_file":
            if (url := about.text("file_url")) is not None:
                said = {"type": "file", "file": {"file_data": url, "filename": about.take("filename")}}
            else:
                names = ("file_data", "file_id", "filename")
                said = {"type": "file", "file": {name: about.take(name) for name in names}}
        case "input_audio":
            said = {"type": "input_audio", "input_audio": about.take("input_audio")}
        case _:
            raise unserved(where, "a part of this type has no place here")
    about.nothing_more()
    return said


def _answered(given: Any, where: str, phase: str | None) -> Iterable[Part]:
    """What an assistant has said."""
    if isinstance(given, str):
        yield TextPart(given, phase=phase)
        return
    for at, part in objects(list_of(given, where) or (), where):
        about = Fields(part, f"{at}.")
        match about.take("type"):
            case "output_text" | "input_text" | "text":
                yield TextPart(about.text("text") or "", phase=phase)
                about.take("logprobs")
                for noted, note in objects(about.list("annotations") or (), f"{at}.annotations"):
                    yield _citation(note, noted)
            case "refusal":
                yield RefusalPart(about.text("refusal") or "")
            case _:
                raise wrong(f"{at}.type", "is not output_text or refusal")
        about.nothing_more()


def _citation(note: dict[str, Any], where: str) -> Citation:
    start, end = note.get("start_index"), note.get("end_index")
    return Citation(
        text_of(note.get("url"), f"{where}.url") or "",
        text_of(note.get("title") or note.get("filename"), f"{where}.title") or "",
        start=start if type(start) is int else None,
        end=end if type(end) is int else None,
        details=original(note),
    )


def _call(item: dict[str, Any], where: str) -> ToolCall:
    about = Fields(item, f"{where}.")
    custom = about.take("type") == "custom_tool_call"
    call_id, name, signature = about.needed("call_id"), about.needed("name"), about.text(MARK)
    said = about.text("input" if custom else "arguments") or ""
    for each in _IDS:
        about.take(each)
    about.nothing_more()
    return ToolCall(call_id, name, said if custom else said or "{}", signature, custom)


def _reasoning(item: dict[str, Any], where: str) -> list[Part]:
    """The blocks of an item of thinking: the state of all of them stands at the last."""
    about = Fields(item, f"{where}.")
    about.take("type")
    item_id, sealed_text = about.text("id"), about.text("encrypted_content")
    about.take("status")
    texts: list[str] = []
    for name in ("summary", "content"):
        for at, part in objects(about.list(name) or (), f"{where}.{name}"):
            known_only(part, {"type", "text"}, at)
            texts.append(text_of(part.get("text"), f"{at}.text") or "")
    about.nothing_more()
    blocks: list[Part] = [Reasoning(text) for text in texts]
    if sealed_text is None:
        return blocks
    last = unsealed(texts[-1] if texts else "", sealed_text, "redacted")
    if last.redacted == sealed_text and not sealed_text.startswith("standby1:"):
        last = Reasoning(last.text, item_id, sealed_text)  # of a conversation that began elsewhere
    return [*blocks[:-1], last]
