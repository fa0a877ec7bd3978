"""Blocks of Anthropic's Messages API that only it understands, kept so that they can go back to it as they came.

They are calls of tools that the provider runs itself, their results, compactions, and types to come: the API wants an
assistant's turn back whole, and takes every block that it wrote. A streamed one is put together from its pieces as the
SDK does it: the input of a call from its JSON text, anything else member by member.
"""

from typing import Any

import msgspec

from ..codecs import UNDECODABLE, decode_json
from ..codecs.json import json_text, whole_text
from ..events import PartAdded
from ..parts import Citation, NativePart


class _Head(msgspec.Struct, gc=False):
    type: Any = ""
    id: Any = None
    tool_use_id: Any = None
    name: Any = None


class NativeBlock:
    """One such block.

    Args:
        written: The block as its start has it, which in a whole message is all of it.

    Raises:
        One of `UNDECODABLE`: It is no UTF-8, or too bulky.
    """

    __slots__ = ("_foreign", "_input", "_more", "_written")

    def __init__(self, written: msgspec.Raw) -> None:
        self._written = json_text(written)
        self._input: list[str] = []
        self._more: dict[str, str | None] = {}
        self._foreign = False

    def add(self, delta: dict[str, Any]) -> None:
        """The next piece."""
        kind, *more = delta.get("type"), *(item for item in delta.items() if item[0] != "type")
        if kind == "input_json_delta" and isinstance(delta.get("partial_json"), str):
            self._input.append(whole_text(delta["partial_json"]))
            return
        for name, value in more:
            if value is None:
                self._more.setdefault(name, None)
            elif isinstance(value, str):
                self._more[name] = (self._more.get(name) or "") + whole_text(value)
            else:
                self._foreign = True

    def whole(self) -> NativePart | None:
        """The block as it goes back; None: it was cut off, or its pieces are of a form that is not known."""
        if self._foreign:
            return None
        try:
            head = decode_json(self._written.encode(), _Head)
            details = self._with_pieces() if self._input or self._more else self._written
        except UNDECODABLE:
            return None
        call_id = head.id if isinstance(head.id, str) else head.tool_use_id
        return NativePart(
            head.type if isinstance(head.type, str) else "",
            details,
            head.name if isinstance(head.name, str) else "",
            call_id if isinstance(call_id, str) else None,
        )

    def _with_pieces(self) -> str:
        block = decode_json(self._written.encode(), dict[str, Any])
        for name, value in self._more.items():
            begun = block.get(name)
            block[name] = begun + value if isinstance(begun, str) and value is not None else value
        if self._input:
            written = "".join(self._input).encode()
            decode_json(written, dict[str, Any])
            block["input"] = msgspec.Raw(written)
        return msgspec.json.encode(block).decode()


def cited(written: msgspec.Raw) -> PartAdded:
    """The event of one citation: the places in it are of the source, and stand in its details only."""
    details = json_text(written)
    try:
        found = decode_json(details.encode(), dict[str, Any])
    except UNDECODABLE:
        found = {}

    def text(*names: str) -> str:
        return next((found[name] for name in names if isinstance(found.get(name), str)), "")

    return PartAdded(Citation(text("url"), text("title", "document_title"), text("cited_text"), details=details))


def call_state(caller: msgspec.Raw, toolset_name: str | None) -> str | None:
    """What a call of the caller's own tool has to bring back beside its arguments, as JSON text; None: nothing.

    Args:
        caller: What called it: the model itself, or the provider's code execution.
        toolset_name: The set that its tool is one of.
    """
    said: dict[str, Any] = {}
    if caller:
        try:
            found = decode_json(json_text(caller).encode(), dict[str, Any])
        except UNDECODABLE:
            found = {}
        if found.get("type") not in (None, "direct"):
            said["caller"] = found
    if toolset_name:
        said["toolset_name"] = toolset_name
    return msgspec.json.encode(said).decode() if said else None
