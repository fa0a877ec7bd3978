"""The parts of turns and answers beyond text, images and calls of functions: for requests, events and answers alike.

    from standby.messages import Citation, FilePart, NativeTool

The everyday ones (`Message`, `TextPart`, `ImagePart`, `Tool`, `ToolCall`, `JsonSchema`) are in `standby` itself.
"""

from .providers.chat import Dumpable, Messages, ReasoningEffort, Role, ToolChoice, Verbosity
from .providers.events import PartAdded
from .providers.messages import AllowedTools, NativeTool
from .providers.origin import Origin
from .providers.parts import (
    AudioPart,
    Cache,
    Citation,
    FilePart,
    Logprobs,
    NativePart,
    Part,
    Reasoning,
    RefusalPart,
    ToolResult,
)
from .providers.returning import wrapped

__all__ = [
    "AllowedTools",
    "AudioPart",
    "Cache",
    "Citation",
    "Dumpable",
    "FilePart",
    "Logprobs",
    "Messages",
    "NativePart",
    "NativeTool",
    "Origin",
    "Part",
    "PartAdded",
    "Reasoning",
    "ReasoningEffort",
    "RefusalPart",
    "Role",
    "ToolChoice",
    "ToolResult",
    "Verbosity",
    "wrapped",
]
