"""One turn of a conversation: a question, its answer so far, and the messages to remember of both."""

from ..providers.chat import Message, TextPart
from ..providers.events import RefusalDelta, TextDelta
from ..router.result.answer import Answer
from ..router.result.events import Restarted, StreamEvent


class Turn:
    """A question and its answer so far."""

    def __init__(self, question: str) -> None:
        self.question = Message("user", (TextPart(question),))
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._whole: Message | None = None

    def hear(self, event: StreamEvent) -> None:
        """Add an event of the answer."""
        if isinstance(event, Restarted):
            self._text.clear()  # void, says the router
            self._refusal.clear()
        elif isinstance(event, TextDelta):
            self._text.append(event.text)
        elif isinstance(event, RefusalDelta):
            self._refusal.append(event.text)

    def end(self, answer: Answer) -> None:
        """Take the whole answer: with its provider's opaque state, where one target gave all of it."""
        self._whole = answer.message

    def remembered(self) -> tuple[Message, ...]:
        """Return the messages to append to the history; empty if there was no answer.

        A stopped answer keeps only its text: half of a state is none.
        """
        if self._whole is not None and self._text:
            return self.question, self._whole
        said = "".join(self._text or self._refusal)
        return (self.question, Message("assistant", (TextPart(said),))) if said else ()
