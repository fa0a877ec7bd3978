"""The providers' side: events, errors, the chat request; codecs, dialects, the registry, the transport."""

from .capabilities import Capabilities
from .chat import (
    ChatRequest,
    ImagePart,
    InvalidRequest,
    JsonSchema,
    Message,
    Messages,
    Reasoning,
    TextPart,
    Tool,
    ToolCall,
)
from .errors import DISPOSITIONS, Disposition, ErrorKind, MissingExtraError, ProviderError, StandbyError
from .events import Finished, ReasoningDelta, RefusalDelta, Started, TextDelta, ToolCallDelta, Usage
from .provider import Decoder, Endpoint, Provider, ProviderInfo, ResponseHead, Unsupported, WireRequest
from .registry import UnknownProvider, get, names, register
from .secret import Secret

__all__ = [
    "DISPOSITIONS",
    "Capabilities",
    "ChatRequest",
    "Decoder",
    "Disposition",
    "Endpoint",
    "ErrorKind",
    "Finished",
    "ImagePart",
    "InvalidRequest",
    "JsonSchema",
    "Message",
    "Messages",
    "MissingExtraError",
    "Provider",
    "ProviderError",
    "ProviderInfo",
    "Reasoning",
    "ReasoningDelta",
    "RefusalDelta",
    "ResponseHead",
    "Secret",
    "StandbyError",
    "Started",
    "TextDelta",
    "TextPart",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "UnknownProvider",
    "Unsupported",
    "Usage",
    "WireRequest",
    "get",
    "names",
    "register",
]
