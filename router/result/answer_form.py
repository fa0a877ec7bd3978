"""The class that an answer is to become an object of: read strictly, so that what does not fit is told and never bent.

pydantic reads models, dataclasses and TypedDicts, msgspec its own structs; either is loaded when the first answer is
read. Reading is strict: a text is no number, whatever it looks like, for the schema that was asked for says so too.
"""

from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from typing import Any, cast

import msgspec

from ...providers.events import RefusalDelta, TextDelta, ToolCallDelta
from ...providers.schemas import is_for_msgspec
from .events import StreamEvent

CLASSES_KEPT = 128
"""Maximum classes of which the way of reading is kept: a program has a few, one that makes them as it goes has more."""

WORDS_MAX_CHARS = 2000
"""Maximum length of what a model is told of its mistakes."""

PROBLEMS_TOLD_MAX = 10


class Misfit(Exception):
    """An answer does not fit. `str` may be shown anywhere: it holds nothing of the answer.

    Attributes:
        text: The answer.
        words: What the validator says, for the model that gave it; it may quote the answer.
    """

    def __init__(self, told: str, text: str, words: str) -> None:
        super().__init__(told)
        self.text, self.words = text, words[:WORDS_MAX_CHARS]


class AnswerForm:
    """Reads answers as objects of one class.

    Args:
        wanted: The class.
        prefix: The beginning of every answer, which the request has given.
    """

    __slots__ = ("_prefix", "_wanted")

    def __init__(self, wanted: type[Any], prefix: str = "") -> None:
        self._wanted, self._prefix = wanted, prefix

    def read(self, events: Iterable[StreamEvent]) -> Any:
        """The object that a whole answer stands for; None: the model declines, or wants tools called first.

        Raises:
            Misfit: It is none.
        """
        text, declined = [self._prefix], False
        for event in events:
            if isinstance(event, TextDelta):
                text.append(event.text)
            elif isinstance(event, ToolCallDelta):
                return None
            declined = declined or isinstance(event, RefusalDelta)
        said = "".join(text)
        if declined and not said.strip():
            return None
        try:
            return _reader(cast("Hashable", self._wanted))(unfenced(said))
        except _NotRead as wrong:
            raise Misfit(wrong.told, said, wrong.words) from None


def unfenced(text: str) -> str:
    """The inside of a text that is one fenced block of Markdown and nothing else; any other text as it is."""
    inside = text.strip()
    if not inside.startswith("```") or not inside.endswith("```") or "\n" not in inside:
        return text
    return inside[:-3].partition("\n")[2]


class _NotRead(Exception):
    """What was read is no object of the class."""

    def __init__(self, told: str, words: str) -> None:
        super().__init__(told)
        self.told, self.words = told, words


@lru_cache(CLASSES_KEPT)
def _reader(wanted: Hashable) -> Callable[[str], Any]:
    assert isinstance(wanted, type)
    return _by_msgspec(wanted) if is_for_msgspec(wanted) else _by_pydantic(wanted)


def _by_msgspec(wanted: type[Any]) -> Callable[[str], Any]:
    decoder = msgspec.json.Decoder(wanted)

    def read(text: str) -> Any:
        try:
            return decoder.decode(text)
        except msgspec.ValidationError as error:
            raise _NotRead("the answer does not fit its schema", str(error)) from None
        except msgspec.DecodeError as error:
            raise _NotRead("the answer is no JSON", f"It is no JSON: {error}") from None

    return read


def _by_pydantic(wanted: type[Any]) -> Callable[[str], Any]:
    from pydantic import TypeAdapter, ValidationError

    adapter: TypeAdapter[Any] = TypeAdapter(wanted)

    def read(text: str) -> Any:
        try:
            return adapter.validate_json(text, strict=True)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
        kinds = dict.fromkeys(str(problem["type"]) for problem in problems)
        words = [
            f"{'.'.join(map(str, problem['loc'])) or 'the answer'}: {problem['msg']}"
            for problem in problems[:PROBLEMS_TOLD_MAX]
        ]
        if "json_invalid" in kinds:
            raise _NotRead("the answer is no JSON", words[0])
        known = ", ".join(kind for kind in kinds if kind.isidentifier())[:WORDS_MAX_CHARS]
        raise _NotRead(f"the answer does not fit its schema: {known}", "; ".join(words))

    return read
