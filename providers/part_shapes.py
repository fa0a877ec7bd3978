"""Read the parts of a message as OpenAI's clients write them, and as the SDKs of other APIs do.

A field that is not known is refused by its name: in silence nothing is dropped.
"""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn, cast, get_args

import msgspec

from .messages import (
    AudioPart,
    Cache,
    FilePart,
    ImagePart,
    InvalidRequest,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from .parts import Detail
from .sendable import json_problem, type_name

_DETAILS = get_args(Detail)


def as_mapping(item: object) -> object:
    """A dict for an object of an SDK (anything with `model_dump`); everything else as it is."""
    if isinstance(item, Mapping | msgspec.Struct | type):
        return item
    dump = getattr(item, "model_dump", None)
    if not callable(dump):
        return item
    try:
        found: object = dump(exclude_none=True)
    except Exception:  # noqa: BLE001 - not ours, and what it says may hold the content
        return item
    return found


def content(given: object, where: str, *, may_lack: bool) -> tuple[Part, ...]:
    """The parts of a message's content: of a text, or of a list of parts."""
    if given is None and may_lack:
        return ()
    if isinstance(given, str):
        return (TextPart(given),) if given else ()
    if isinstance(given, bytes) or not isinstance(given, Sequence):
        raise InvalidRequest(f"{where} is neither a text nor a list of parts, but a {type_name(given)}")
    return tuple(part_of(part, f"{where}[{place}]") for place, part in enumerate(given))


def cache_mark(given: object, where: str) -> Cache | None:
    """What Anthropic's `cache_control` asks for."""
    if given is None:
        return None
    if isinstance(given, Mapping) and given.get("type") == "ephemeral":
        ttl = given.get("ttl") or "5m"
        if ttl in ("5m", "1h"):
            return "1h" if ttl == "1h" else "5m"
    raise InvalidRequest(f"{where}.cache_control is not {{'type': 'ephemeral'}}, with a ttl of 5m or 1h if any")


def refuse_key(key: object, where: str, known: Collection[str]) -> NoReturn:
    """Say that there is no such field, and which may be meant."""
    if not isinstance(key, str):
        raise InvalidRequest(f"{where} holds a key that is no text, but a {type_name(key)}")
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
    raise InvalidRequest(f"{where} has no field {key[:40]!a}; {hint}")


def listed(given: object, where: str) -> Sequence[object]:
    """A list, or nothing."""
    if given is None:
        return ()
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InvalidRequest(f"{where} is not a list, but a {type_name(given)}")
    return given


def text_of(given: object, where: str) -> str:
    """A text."""
    if not isinstance(given, str):
        raise InvalidRequest(f"{where} is not a text, but a {type_name(given)}")
    return given


def part_of(given: object, where: str) -> Part:
    """A part: ours, or a dict that names its type.

    Raises:
        InvalidRequest: It is none; says where.
    """
    given = as_mapping(given)
    if isinstance(given, Part):
        return given
    readers = _readers()
    kind = given.get("type") if isinstance(given, Mapping) else None
    read, known = readers.get(kind, (None, "")) if isinstance(kind, str) else (None, "")
    if not isinstance(given, Mapping) or read is None:
        raise InvalidRequest(f"{where} is not a part of a known type ({', '.join(sorted(readers))})")
    check_fields(given, where, {"type", "cache_control", *known.split()})
    part = read(given, where)
    marked = cache_mark(given.get("cache_control"), where)
    return cached(part, marked, where) if marked else part


def check_fields(given: Mapping[Any, Any], where: str, known: Collection[str]) -> None:
    """Refuse a field that is not known and says something: SDKs write out all of theirs, most of them empty.

    Raises:
        InvalidRequest: There is one.
    """
    if unknown := [name for name, value in given.items() if name not in known and value not in (None, [], {})]:
        refuse_key(unknown[0], where, known)


def cached(part: Part, cache: Cache, where: str) -> Part:
    """A part, with the mark that the prompt may be cached up to here.

    Raises:
        InvalidRequest: It is none that can be marked.
    """
    if isinstance(part, TextPart | ImagePart | FilePart):
        return msgspec.structs.replace(part, cache=cache)
    raise InvalidRequest(f"{where} carries cache_control, which texts, images and files can")


def _text_part(given: Mapping[Any, Any], where: str) -> Part:
    if not isinstance(given.get("text"), str):
        raise InvalidRequest(f"{where} is not a part of type {given['type']} (with text)")
    return TextPart(given["text"])


def _refusal_part(given: Mapping[Any, Any], where: str) -> Part:
    return RefusalPart(text_of(given.get("refusal"), f"{where}.refusal"))


def _image_part(given: Mapping[Any, Any], where: str) -> Part:
    image = given.get("image_url")
    if isinstance(image, Mapping):
        check_fields(image, f"{where}.image_url", ("url", "detail"))
    url = image.get("url") if isinstance(image, Mapping) else image
    detail = (image if isinstance(image, Mapping) else given).get("detail")
    if not isinstance(url, str) or detail not in (None, *_DETAILS):
        raise InvalidRequest(
            f"{where} is not a part of type {given['type']} (with url, and a detail of {', '.join(_DETAILS)})"
        )
    return ImagePart(url, detail)


def _audio_part(given: Mapping[Any, Any], where: str) -> Part:
    audio = given.get("input_audio")
    if isinstance(audio, Mapping):
        check_fields(audio, f"{where}.input_audio", ("data", "format"))
    data = audio.get("data") if isinstance(audio, Mapping) else None
    form = audio.get("format") if isinstance(audio, Mapping) else None
    if not isinstance(data, str) or not isinstance(form, str) or not form.isalnum():
        raise InvalidRequest(f"{where} is not a part of type input_audio (with data and format)")
    return AudioPart(f"data:audio/{form};base64,{data}")


def _file_part(given: Mapping[Any, Any], where: str) -> Part:
    file = given.get("file")
    found = file if isinstance(file, Mapping) else {}
    check_fields(found, f"{where}.file", ("file_data", "file_id", "filename"))
    data, file_id, name = found.get("file_data"), found.get("file_id"), found.get("filename")
    if not (isinstance(data, str) or isinstance(file_id, str)) or not isinstance(name, str | None):
        raise InvalidRequest(f"{where} is not a part of type file (with file_data or file_id)")
    url = data if isinstance(data, str) else ""
    if url and ":" not in url[:16]:
        url = f"data:application/pdf;base64,{url}"
    return FilePart(url, name, file_id if isinstance(file_id, str) else None)


def _thinking_part(given: Mapping[Any, Any], where: str) -> Part:
    said = given.get("thinking")
    if isinstance(said, Sequence) and not isinstance(said, str):  # Mistral writes a list of texts
        said = "".join(text_of(part.get("text"), where) for part in said if isinstance(part, Mapping))
    signature = given.get("signature")
    return Reasoning(
        text_of(said or "", f"{where}.thinking"), text_of(signature, f"{where}.signature") if signature else None
    )


def _redacted_part(given: Mapping[Any, Any], where: str) -> Part:
    return Reasoning("", redacted=text_of(given.get("data"), f"{where}.data"))


def _tool_use(given: Mapping[Any, Any], where: str) -> Part:
    """A call as Anthropic's SDK has it, where its arguments are an object."""
    call_id, name = (text_of(given.get(field), f"{where}.{field}") for field in ("id", "name"))
    arguments = given.get("input", {})
    if not isinstance(arguments, Mapping):
        raise InvalidRequest(f"{where}.input is not an object, but a {type_name(arguments)}")
    if problem := json_problem(arguments):
        raise InvalidRequest(f"{where}.input {problem}")
    return ToolCall(call_id, name, msgspec.json.encode(arguments).decode())


def _tool_result(given: Mapping[Any, Any], where: str) -> Part:
    parts = content(given.get("content"), f"{where}.content", may_lack=True)
    if not all(isinstance(part, TextPart | ImagePart | FilePart | AudioPart) for part in parts):
        raise InvalidRequest(f"{where}.content holds other parts than texts, images, files and audio")
    call_id = text_of(given.get("tool_use_id"), f"{where}.tool_use_id")
    return ToolResult(call_id, cast("Any", parts), bool(given.get("is_error", False)))


@cache
def _readers() -> dict[str, tuple[Callable[[Mapping[Any, Any], str], Part], str]]:
    """The types of parts: what reads each, and the fields that it may have."""
    return {
        "text": (_text_part, "text"),
        "input_text": (_text_part, "text"),
        "output_text": (_text_part, "text"),
        "refusal": (_refusal_part, "refusal"),
        "image_url": (_image_part, "image_url"),
        "input_image": (_image_part, "image_url detail"),
        "input_audio": (_audio_part, "input_audio"),
        "file": (_file_part, "file"),
        "thinking": (_thinking_part, "thinking signature closed"),
        "redacted_thinking": (_redacted_part, "data"),
        "tool_use": (_tool_use, "id name input"),
        "tool_result": (_tool_result, "tool_use_id content is_error"),
    }
