"""What providers say when they refuse, as data: a module for each dialect, a table for each provider.

    openai, anthropic, bedrock, gemini, ollama, cohere, mistral    the providers that have a dialect of their own
    compatible                                                     the presets of OpenAI's protocol
    elsewhere                                                      what many gateways say, or one without a preset

A table (`Refusals`) lists the words of one provider by what they mean, and `rows` says what follows from each meaning.
The words of all tables are read everywhere, for gateways pass them on; what would be too short for that stands in
`own`, and is read in its own dialect alone. `quoted` takes out first what a provider only repeats.
"""

from .rule import Rule, rule
from .shared import GENERAL, SHARED, STATUSES
from .table import Refusals

__all__ = ["GENERAL", "SHARED", "STATUSES", "Refusals", "Rule", "rule"]
