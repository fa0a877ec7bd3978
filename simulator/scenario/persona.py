"""Answers of the simulator without a script: a few friendly words that claim nothing.

An answer repeats nothing of the question, and always says that it comes from the simulator, so that it cannot pass for
a model's. The same request number gets the same words.
"""

from .reply import Answer
from .request import Request
from .script import Script

LINES = (
    "This is standby's simulator speaking, not a language model. The part you hear was routed, streamed and "
    "delivered like a real answer, and every word of it is canned.",
    "Good evening from the simulator! No model was asked and no key was used. Should the lead provider lose its "
    "voice, the next one in the list goes on, and you would not hear the change.",
    "You are listening to a simulated provider on your own machine. Add a real target to the configuration, and the "
    "same stage will carry a real voice.",
)
WORD_DELAY_S = 0.03


def talk(request: Request, *, delta_delay_s: float = WORD_DELAY_S) -> Script:
    """A canned answer, word by word; to be played as a scenario's callable."""
    return Script(Answer(LINES[(request.number - 1) % len(LINES)]), delta_delay_s=delta_delay_s)
