"""standby: when your lead LLM provider can't go on, the standby does.

async with Router(["koala", "openai/gpt-5-mini"]) as router:
    async with router.stream("Why is the sky blue?") as stream:
        async for text in stream.text(): ...
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import Config, ConfigError, Handling, Health, Hedge, Hold, Limits, NoTargets, Retry, Route, Target
    from .providers import (
        Capabilities,
        ChatRequest,
        ErrorKind,
        Finished,
        ImagePart,
        InvalidRequest,
        JsonSchema,
        Message,
        MissingExtraError,
        Provider,
        ProviderError,
        ReasoningDelta,
        RefusalDelta,
        Secret,
        StandbyError,
        Started,
        TextDelta,
        TextPart,
        Tool,
        ToolCall,
        ToolCallDelta,
        UnknownProvider,
        Usage,
        register,
    )
    from .router import (
        AllTargetsFailed,
        Answer,
        AttemptEnded,
        AttemptReport,
        CallEnded,
        CallFailed,
        HandedOver,
        HealthChanged,
        NoTargetAvailable,
        Notice,
        Report,
        RequestRejected,
        Restarted,
        RoutedStream,
        Router,
        RouterClosed,
        Skipped,
        StreamBusy,
        StreamInterrupted,
        Switch,
        WrongLoop,
        ask,
        ask_stream,
        complete,
        stream,
    )

_ROOMS = ("config", "providers", "router")


def __getattr__(name: str) -> object:
    """The public names live in their rooms and come at first use: whoever imports the face alone pays for nothing."""
    if name in __all__:
        for room in _ROOMS:
            module = _room(room)
            if name in module.__all__:
                found = globals()[name] = getattr(module, name)
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _room(name: str) -> ModuleType:
    """A room of the package.

    Raises:
        ImportError: This is the folder of a checkout, which holds the face alone, and it hides what is installed.
    """
    try:
        return import_module(f".{name}", __name__)
    except ModuleNotFoundError as missing:
        if missing.name != f"{__name__}.{name}":
            raise
        raise ImportError(
            f"{__path__[0]} is a checkout's own folder and holds only the public names: "
            f"run `pip install -e .` there, or start Python in another folder"
        ) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__version__ = "0.1.0"

__all__ = [
    "AllTargetsFailed",
    "Answer",
    "AttemptEnded",
    "AttemptReport",
    "CallEnded",
    "CallFailed",
    "Capabilities",
    "ChatRequest",
    "Config",
    "ConfigError",
    "ErrorKind",
    "Finished",
    "HandedOver",
    "Handling",
    "Health",
    "HealthChanged",
    "Hedge",
    "Hold",
    "ImagePart",
    "InvalidRequest",
    "JsonSchema",
    "Limits",
    "Message",
    "MissingExtraError",
    "NoTargetAvailable",
    "NoTargets",
    "Notice",
    "Provider",
    "ProviderError",
    "ReasoningDelta",
    "RefusalDelta",
    "Report",
    "RequestRejected",
    "Restarted",
    "Retry",
    "Route",
    "RoutedStream",
    "Router",
    "RouterClosed",
    "Secret",
    "Skipped",
    "StandbyError",
    "Started",
    "StreamBusy",
    "StreamInterrupted",
    "Switch",
    "Target",
    "TextDelta",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "UnknownProvider",
    "Usage",
    "WrongLoop",
    "ask",
    "ask_stream",
    "complete",
    "register",
    "stream",
]  # fmt: skip
