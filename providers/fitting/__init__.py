"""Fit a request to its target: one mechanism for every dialect, and all that differs is facts.

    facts = facts_for(provider, endpoint)
    chat, notes = fitted(chat, facts)

What a model or a server does not take is moved to the nearest value with a note where that is harmless; what cannot be
is refused before anything is sent, so that the next target is asked. `max_tokens`, schemas and tools are never moved
without a word. What is not known is sent as it was written. What a *dialect* has no words for is `fit`'s matter.
"""

from .facts import Facts, facts_for
from .mechanism import fitted

__all__ = ["Facts", "facts_for", "fitted"]
