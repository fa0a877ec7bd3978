"""Why a client's request cannot be read: the sentence names the field by its path, and never says what it holds."""

import re

import msgspec

from ..codecs import UNDECODABLE, TooBulky, decode_kindly
from ..errors import InvalidRequest
from ..sendable import type_name

_PATH = re.compile(r"[a-z][a-z_0-9]*(?:\.[A-Za-z_0-9-]+|\[\d*\])*")
_WORDS = frozenset({"the", "a", "an", "unknown"})
"""What a sentence may begin with that names no field."""


class Refused(InvalidRequest):
    """A request is refused before anything of it is sent.

    Attributes:
        param: The path of the field that is at fault; None: it is the body as a whole.
        code: A word for programs: `unsupported_parameter`, `invalid_value`, `missing_required_parameter`.
    """

    def __init__(self, sentence: str, param: str | None = None, code: str = "invalid_value") -> None:
        super().__init__(sentence)
        self.param, self.code = param, code

    def __reduce__(self) -> tuple[type["Refused"], tuple[str, str | None, str]]:
        return type(self), (str(self), self.param, self.code)


def wrong(path: str, why: str, code: str = "invalid_value") -> Refused:
    """Say what is wrong with a field, by its path."""
    return Refused(f"{path} {why}", path, code)


def unserved(path: str, why: str) -> Refused:
    """Say that what a field asks is not served."""
    return Refused(f"{path} is not supported here: {why}", path, "unsupported_parameter")


def refused(problem: InvalidRequest) -> Refused:
    """A problem of the neutral request as a refusal: its sentence begins with the field."""
    if isinstance(problem, Refused):
        return problem
    sentence = str(problem)
    found = _PATH.match(sentence)
    param = found[0] if found and found[0] not in _WORDS else None
    return Refused(sentence, param)


def read_object(body: bytes) -> dict[str, object]:
    """The body of a request: one JSON object.

    Raises:
        Refused: It is none.
    """
    try:
        found = decode_kindly(body)
    except TooBulky:
        raise Refused("the body is nested or split up more than any request is", code="invalid_json") from None
    except UNDECODABLE:
        raise Refused("the body is not JSON", code="invalid_json") from None
    if not isinstance(found, dict):
        raise Refused(f"the body is not a JSON object, but a {type_name(found)}", code="invalid_json")
    return found


def raw(value: object) -> msgspec.Raw:
    """A value as JSON."""
    return msgspec.Raw(msgspec.json.encode(value))
