"""One turn of a conversation: a question, its answer so far, and the messages to remember of both."""

from ..providers.chat import Message, TextPart
from ..providers.events import Finished
from ..router.result.answer import collect
from ..router.result.events import HandedOver, Restarted, StreamEvent
from ..router.result.report import Report


class Turn:
    """A question and its answer so far."""

    def __init__(self, question: str) -> None:
        self.question = Message("user", (TextPart(question),))
        self._heard: list[StreamEvent] = []
        self._joined = False

    def hear(self, event: StreamEvent) -> None:
        """Add an event of the answer."""
        if isinstance(event, Restarted):
            self._heard.clear()  # void, says the router
        else:
            self._heard.append(event)
            self._joined = self._joined or isinstance(event, HandedOver)

    def remembered(self, report: Report) -> tuple[Message, ...]:
        """Return the messages to append to the history; empty if there was no answer.

        A whole answer keeps its provider's opaque state. A stopped answer, or one that two targets gave, keeps only its
        text: half of a state, or half of two, is none.
        """
        provider = next((each.provider for each in reversed(report.attempts) if each.target == report.target), "")
        answer = collect(self._heard, report, provider)
        whole = bool(self._heard) and isinstance(self._heard[-1], Finished) and not self._joined
        if whole and answer.text:
            return self.question, answer.message
        said = answer.text or answer.refusal
        return (self.question, Message("assistant", (TextPart(said),))) if said else ()
