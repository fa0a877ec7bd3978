"""One turn of a conversation: a question, what is heard of its answer, and what of both is remembered."""

from ..providers.chat import Message, TextPart
from ..providers.events import Finished
from ..router.result.answer import collect
from ..router.result.events import HandedOver, Restarted, StreamEvent
from ..router.result.report import Report


class Turn:
    """A question, and the answer as far as it has come."""

    def __init__(self, question: str) -> None:
        self.question = Message("user", (TextPart(question),))
        self._heard: list[StreamEvent] = []
        self._joined = False

    def hear(self, event: StreamEvent) -> None:
        """Take in what comes of the answer."""
        if isinstance(event, Restarted):
            self._heard.clear()  # void, says the router
        else:
            self._heard.append(event)
            self._joined = self._joined or isinstance(event, HandedOver)

    def remembered(self, report: Report) -> tuple[Message, ...]:
        """What the next question is asked after: both turns; none when nothing was said.

        A whole answer goes back with its provider's opaque state. Of one that was stopped, or that two targets gave,
        only the text does: a part of such a state, or that of two, is no state.
        """
        provider = next((each.provider for each in reversed(report.attempts) if each.target == report.target), "")
        answer = collect(self._heard, report, provider)
        whole = bool(self._heard) and isinstance(self._heard[-1], Finished) and not self._joined
        if whole and answer.text:
            return self.question, answer.message
        said = answer.text or answer.refusal
        return (self.question, Message("assistant", (TextPart(said),))) if said else ()
