"""The parts of a provider adapter, and of a transport: protocols, the types that they take and give, and helpers.

    from standby.adapters import EventStreamDecoder, ProviderInfo, WireRequest, register

A service that speaks OpenAI's protocol is an `OpenAIChat` with a `ProviderInfo`. One with a wire of its own is an
object with the attributes and methods of `Provider`; docs/providers.md builds one step by step. What carries the
requests of a Router is a `Transport`; docs/transports.md builds two.
"""

from .providers.capabilities import Capabilities, Fit, Prefill, Thinking
from .providers.chat import (
    ChatRequest,
    ImagePart,
    JsonSchema,
    Message,
    Part,
    Reasoning,
    ReasoningEffort,
    Role,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from .providers.codecs import NDJSONDecoder, SSEDecoder, SSEEvent, decode_json, decode_kindly
from .providers.counts import Count
from .providers.decoder_base import BaseDecoder
from .providers.decoding import EventStreamDecoder, JsonBodyDecoder, LineDecoder, decoder_for
from .providers.dialects.openai import ModelRows, OpenAIChat
from .providers.envelope import request_body, request_headers
from .providers.error_facts import ErrorFacts
from .providers.errors import AskAnother, Disposition, ErrorKind, ProviderError, RetryRule
from .providers.events import (
    Finished,
    FinishReason,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsefulDelta,
)
from .providers.fit import Row, fit, left_out, refused, said_otherwise
from .providers.mapping import Rule, provider_error, rule, stream_error
from .providers.provider import (
    Decoder,
    Endpoint,
    Kept,
    Provider,
    ProviderInfo,
    ResponseHead,
    Unsupported,
    WireRequest,
    capabilities_of,
)
from .providers.quirks import EffortForm, JsonForm, PrefillForm, Quirks
from .providers.registry import UnknownProvider, get, names, register, unregister
from .providers.secret import Secret
from .providers.tool_calls import CallNumbering
from .providers.transport import Exchange, Transport, TransportFactory, TransportOptions

__all__ = [
    "AskAnother",
    "BaseDecoder",
    "CallNumbering",
    "Capabilities",
    "ChatRequest",
    "Count",
    "Decoder",
    "Disposition",
    "EffortForm",
    "Endpoint",
    "ErrorFacts",
    "ErrorKind",
    "EventStreamDecoder",
    "Exchange",
    "FinishReason",
    "Finished",
    "Fit",
    "ImagePart",
    "JsonBodyDecoder",
    "JsonForm",
    "JsonSchema",
    "Kept",
    "LineDecoder",
    "Message",
    "ModelRows",
    "NDJSONDecoder",
    "OpenAIChat",
    "Part",
    "Prefill",
    "PrefillForm",
    "Provider",
    "ProviderError",
    "ProviderEvent",
    "ProviderInfo",
    "Quirks",
    "Reasoning",
    "ReasoningDelta",
    "ReasoningEffort",
    "RefusalDelta",
    "ResponseHead",
    "RetryRule",
    "Role",
    "Row",
    "Rule",
    "SSEDecoder",
    "SSEEvent",
    "Secret",
    "Started",
    "TextDelta",
    "TextPart",
    "Thinking",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolChoice",
    "Transport",
    "TransportFactory",
    "TransportOptions",
    "UnknownProvider",
    "Unsupported",
    "Usage",
    "UsefulDelta",
    "WireRequest",
    "capabilities_of",
    "decode_json",
    "decode_kindly",
    "decoder_for",
    "fit",
    "get",
    "http_transport",
    "left_out",
    "names",
    "provider_error",
    "refused",
    "register",
    "request_body",
    "request_headers",
    "rule",
    "said_otherwise",
    "stream_error",
    "unregister",
]


def http_transport(options: TransportOptions) -> Transport:
    """Make the standard transport: HTTP over aiohttp, which is loaded now.

    Raises:
        ValueError: The proxy is no URL that can be used, or given together with a connector that it excludes.
        MissingExtraError: A SOCKS proxy, without the extra `socks`.
    """
    from .providers.http.transport import HttpTransport

    return HttpTransport(options)
