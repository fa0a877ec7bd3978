"""standby: when your lead LLM provider can't go on, the standby does.

async with Router(["koala", "openai/gpt-5-mini"]) as router:
    async with router.stream("Why is the sky blue?") as stream:
        async for text in stream.text(): ...
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import Config, ConfigError, Route, Target
    from .gateway import httpx_client, sync_httpx_client
    from .providers import (
        ChatRequest,
        ErrorKind,
        Finished,
        ImagePart,
        InvalidRequest,
        JsonSchema,
        Message,
        Messages,
        MissingExtraError,
        ProviderError,
        ReasoningDelta,
        RefusalDelta,
        StandbyError,
        Started,
        TextDelta,
        TextPart,
        Tool,
        ToolCall,
        ToolCallDelta,
        Usage,
    )
    from .router import (
        AllTargetsFailed,
        Answer,
        AttemptEnded,
        CallEnded,
        CallFailed,
        CallOptions,
        HandedOver,
        HealthChanged,
        HealthSnapshot,
        NoTargetAvailable,
        Observer,
        Plan,
        Report,
        RequestRejected,
        Restarted,
        RoutedStream,
        Router,
        RouterClosed,
        StreamBusy,
        StreamEvent,
        StreamInterrupted,
        WrongLoop,
        ask,
        ask_stream,
        complete,
        stream,
    )
    from .router.threads import SyncRouter, SyncStream

_ROOMS = ("config", "providers", "router", "router.threads", "gateway")
"""Those behind are loaded only for names that are in none of the others."""


def __getattr__(name: str) -> object:
    """The public names live in their rooms and load at first use: importing the face alone costs nothing more."""
    if name in __all__:
        for room in _ROOMS:
            module = _room(room)
            if name in module.__all__:
                found = globals()[name] = getattr(module, name)
                return found
    if name == "gateway":  # as `standby.gateway.asgi`
        return _room(name)
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
    "CallEnded",
    "CallFailed",
    "CallOptions",
    "ChatRequest",
    "Config",
    "ConfigError",
    "ErrorKind",
    "Finished",
    "HandedOver",
    "HealthChanged",
    "HealthSnapshot",
    "ImagePart",
    "InvalidRequest",
    "JsonSchema",
    "Message",
    "Messages",
    "MissingExtraError",
    "NoTargetAvailable",
    "Observer",
    "Plan",
    "ProviderError",
    "ReasoningDelta",
    "RefusalDelta",
    "Report",
    "RequestRejected",
    "Restarted",
    "Route",
    "RoutedStream",
    "Router",
    "RouterClosed",
    "StandbyError",
    "Started",
    "StreamBusy",
    "StreamEvent",
    "StreamInterrupted",
    "SyncRouter",
    "SyncStream",
    "Target",
    "TextDelta",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "WrongLoop",
    "ask",
    "ask_stream",
    "complete",
    "httpx_client",
    "stream",
    "sync_httpx_client",
]
