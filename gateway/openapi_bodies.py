"""What stands in the bodies of requests and answers, as JSON Schema: what `openapi` refers to by name. Data.

A field that is not named here travels to targets of the client's own protocol, or is refused by its path; so none of
these objects is closed. Fields that are never served are named, with the one value that asks for nothing.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_WORDS: Schema = {"type": "string", "minLength": 1}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TEXT_OR_NONE: Schema = {"type": ["string", "null"]}
_OBJECT: Schema = {"type": "object"}
_NOTHING: Schema = {"type": "null", "description": "Not served: a conversation is sent whole."}
_NOT_STORED: Schema = {"const": False, "description": "Not served: nothing is stored."}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Mapping[str, Schema], also: Mapping[str, Schema] | None = None, about: str = "") -> Schema:
    """An object with fields that are always there, and some that may be."""
    told: dict[str, Any] = {"type": "object", "properties": {**required, **(also or {})}}
    if required:
        told["required"] = list(required)
    return told | {"description": about} if about else told


def _asked(required: Mapping[str, Schema], also: Mapping[str, Schema]) -> Schema:
    """What is asked: a field that need not be there may also be null, which says nothing."""
    return _object(required, {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in also.items()})


def _list(of: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": of} | ({"minItems": least} if least else {})


_PARTS: Schema = {"oneOf": [_TEXT, _list(_object({"type": _TEXT}))]}
"""What a turn holds: a text, or parts."""

_STANDBY: Schema = {
    "type": "object",
    "description": "What the request sets of its own call, as far as its key may; headers x-standby-… do, too.",
    "properties": {
        "deadline_s": {"type": "number", "exclusiveMinimum": 0},
        "targets": _list(_WORDS, 1),
        "sticky": _WORDS,
        "mid_stream": {"type": ["array", "string"]},
        "hold": {"type": ["boolean", "string", "object"]},
        "no_hedge": _FLAG,
        "upstream": _TEXT,
    },
    "additionalProperties": False,
}

_MODEL: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "description": "The name of a route, an alias, a target, or provider/model.",
}
_COMMON: dict[str, Schema] = {
    "stream": {"type": "boolean", "default": False},
    "temperature": {"type": "number", "minimum": 0},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "tools": _list(_OBJECT),
    "tool_choice": {"type": ["string", "object"]},
    "metadata": _OBJECT,
    "service_tier": _TEXT,
    "standby": _ref("Overrides"),
}

_CHAT_TURN = _asked(
    {"role": {"enum": ["system", "developer", "user", "assistant", "tool"]}},
    {"content": _PARTS, "tool_calls": _list(_OBJECT), "tool_call_id": _TEXT, "reasoning_content": _TEXT},
)
_CHAT_REQUEST = _asked(
    {"model": _MODEL, "messages": _list(_ref("ChatTurn"), 1)},
    _COMMON
    | {
        "stream_options": _asked({}, {"include_usage": _FLAG}),
        "max_tokens": {"type": "integer", "minimum": 1},
        "max_completion_tokens": {"type": "integer", "minimum": 1},
        "stop": {"type": ["string", "array"]},
        "seed": {"type": "integer"},
        "n": {"const": 1, "description": "An answer has one choice."},
        "response_format": _OBJECT,
        "reasoning_effort": _TEXT,
        "logprobs": _FLAG,
        "store": _NOT_STORED,
    },
)
_CHAT_USAGE = _object({"prompt_tokens": _COUNT, "completion_tokens": _COUNT, "total_tokens": _COUNT})
_CHAT_ANSWER = _object(
    {
        "id": _WORDS,
        "object": {"const": "chat.completion"},
        "created": _COUNT,
        "model": _TEXT,
        "choices": _list(
            _object(
                {
                    "index": {"const": 0},
                    "message": _object({"role": {"const": "assistant"}}, {"content": _TEXT_OR_NONE}),
                    "finish_reason": _TEXT_OR_NONE,
                }
            ),
            1,
        ),
    },
    {"usage": _CHAT_USAGE},
)

_MESSAGES_TURN = _object({"role": {"enum": ["user", "assistant", "system"]}, "content": _PARTS})
_TOKENS_REQUEST = _asked(
    {"model": _WORDS, "messages": _list(_ref("MessagesTurn"), 1)},
    {"system": {"oneOf": [_TEXT, _list(_object({"type": {"const": "text"}, "text": _TEXT}))]}, "tools": _list(_OBJECT)},
)
_MESSAGES_REQUEST = _asked(
    {"model": _MODEL, "messages": _list(_ref("MessagesTurn"), 1), "max_tokens": {"type": "integer", "minimum": 1}},
    _COMMON
    | {
        "system": {"oneOf": [_TEXT, _list(_object({"type": {"const": "text"}, "text": _TEXT}))]},
        "tool_choice": _OBJECT,
        "stop_sequences": _list(_WORDS),
        "top_k": {"type": "integer", "minimum": 1},
        "thinking": _OBJECT,
        "metadata": _asked({}, {"user_id": _TEXT}),
    },
)
_MESSAGES_ANSWER = _object(
    {
        "id": _WORDS,
        "type": {"const": "message"},
        "role": {"const": "assistant"},
        "model": _TEXT,
        "content": _list(_object({"type": _WORDS})),
        "stop_reason": _TEXT_OR_NONE,
        "usage": _object({"input_tokens": _COUNT, "output_tokens": _COUNT}),
    }
)

_RESPONSES_REQUEST = _asked(
    {"model": _MODEL, "input": {"oneOf": [_WORDS, _list(_OBJECT, 1)]}},
    _COMMON
    | {
        "instructions": _TEXT,
        "max_output_tokens": {"type": "integer", "minimum": 1},
        "reasoning": _OBJECT,
        "text": _OBJECT,
        "include": _list(_TEXT),
        "store": _NOT_STORED,
        "previous_response_id": _NOTHING,
        "conversation": _NOTHING,
        "background": {"const": False, "description": "Not served."},
        "truncation": {"const": "disabled"},
    },
)
_RESPONSES_ANSWER = _object(
    {
        "id": _WORDS,
        "object": {"const": "response"},
        "created_at": _COUNT,
        "status": {"enum": ["completed", "incomplete"]},
        "model": _TEXT,
        "output": _list(_object({"type": _WORDS})),
    }
)

_OPENAI_MODEL = _object({"id": _WORDS, "object": {"const": "model"}, "created": _COUNT, "owned_by": _TEXT})
_ANTHROPIC_MODEL = _object({"id": _WORDS, "type": {"const": "model"}, "display_name": _TEXT, "created_at": _TEXT})

SCHEMAS: Mapping[str, Schema] = {
    "Overrides": _STANDBY,
    "ChatTurn": _CHAT_TURN,
    "ChatRequest": _CHAT_REQUEST,
    "ChatAnswer": _CHAT_ANSWER,
    "MessagesTurn": _MESSAGES_TURN,
    "MessagesRequest": _MESSAGES_REQUEST,
    "MessagesAnswer": _MESSAGES_ANSWER,
    "TokensRequest": _TOKENS_REQUEST,
    "Tokens": _object({"input_tokens": {"type": "integer", "minimum": 1}}),
    "ResponsesRequest": _RESPONSES_REQUEST,
    "ResponsesAnswer": _RESPONSES_ANSWER,
    "Model": {"oneOf": [_OPENAI_MODEL, _ANTHROPIC_MODEL]},
    "Models": {
        "oneOf": [
            _object({"object": {"const": "list"}, "data": _list(_OPENAI_MODEL)}),
            _object(
                {
                    "data": _list(_ANTHROPIC_MODEL),
                    "has_more": _FLAG,
                    "first_id": _TEXT_OR_NONE,
                    "last_id": _TEXT_OR_NONE,
                }
            ),
        ]
    },
    "OpenAIError": _object(
        {"error": _object({"message": _WORDS, "type": _WORDS}, {"code": _TEXT_OR_NONE, "param": _TEXT_OR_NONE})}
    ),
    "AnthropicError": _object(
        {"type": {"const": "error"}, "error": _object({"type": _WORDS, "message": _WORDS})}, {"request_id": _TEXT}
    ),
    "Alive": _object({"status": {"enum": ["ok", "draining"]}, "in_flight": _COUNT}),
    "WrongMethod": _object({"status": _WORDS}),
}
"""Of the clients' listener."""

_STATES = ("closed", "half_open", "open", "parked", "isolated", "unknown")
"""Of targets; the last only where several workers serve, before they have written anything down."""

OPERATORS: Mapping[str, Schema] = {
    "Target": _object(
        {"target": _WORDS, "state": {"enum": ["closed", "half_open", "open", "parked", "isolated", "unknown"]}}
    ),
    "Targets": _object({"targets": _list(_ref("Target"))}),
    "Plan": _object({"targets": _list(_OBJECT)}),
    "Isolate": _object({}, {"for_s": {"type": "number", "exclusiveMinimum": 0}}) | {"additionalProperties": False},
    "Status": _object({"status": _WORDS}),
    "Error": _object({"error": _WORDS}),
}
"""Of the operators' listener."""
