"""What the gateway answers, as OpenAPI 3.1: each path, each method, each status with the type of its body. Data.

It is written by hand, and held to the handlers by the tests: what a handler answers stands here, or the test fails.
There is nothing of a configuration in it, but whether clients need a key. A method that is not named is 405.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias

import msgspec

from .openapi_bodies import OPERATORS, SCHEMAS, Schema

PATH = "/openapi.json"

VERSION = "1"
"""Of what is described."""

Told: TypeAlias = dict[str, Any]

JSON, EVENTS, TEXT = "application/json", "text/event-stream", "text/plain"

MEANINGS: Mapping[int, str] = {
    200: "An answer.",
    202: "It will be done.",
    204: "The methods that this path takes; for a page of a listed origin also what it may send.",
    400: "The request cannot be read, asks what is not served, or is refused by a provider as it stands.",
    401: "The key is missing, not known, or over.",
    403: "The key, the host or the page may not do this.",
    404: "There is no such model, or not for this key.",
    408: "The request did not come in time.",
    409: "Several processes serve, and nothing that they share is there to tell them all.",
    413: "The request is too large for the gateway or the model.",
    415: "The body is compressed, or is not said to be JSON.",
    417: "The header Expect asks for what is not done.",
    422: "A provider refuses the request as it stands.",
    429: "A limit: the gateway's own (x-standby-limited-by), or those of all providers.",
    431: "The headers are too large.",
    500: "The gateway has a fault.",
    501: "Nothing is counted here: the extra prometheus is not installed.",
    502: "No provider gave an answer.",
    503: "Busy, shutting down, or in need of an operator; retry-after says when to ask again.",
    504: "No provider answered in time.",
    505: "The request is not of HTTP/1.",
}
"""Each status that is ever answered."""

_OF_HTTP = (400, 408, 417, 431, 500, 503, 505)
"""What the server itself may answer to anything."""

_OF_THE_DOOR = (401, 403)
_OF_BODIES = (413, 415)
_OF_CALLS = (404, 422, 429, 502, 504)

_LIMITS = tuple(f"x-ratelimit-{what}-{of}" for of in ("requests", "tokens") for what in ("limit", "remaining", "reset"))
_OF_ANSWERS = (
    "x-request-id", "request-id", "x-standby-route", "x-standby-target", "x-standby-attempts", "x-standby-overhead-ms",
    "x-standby-cost-usd", "x-standby-notes", *_LIMITS,
)  # fmt: skip
_OF_REFUSALS = (
    "x-request-id", "request-id", "retry-after", "retry-after-ms", "x-should-retry", "x-standby-limited-by", *_LIMITS,
)  # fmt: skip
_OF_PREFLIGHTS = (
    "allow", "access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers",
    "access-control-max-age",
)  # fmt: skip

_OVERRIDES: dict[str, Schema] = {
    "x-standby-deadline-s": {"type": "number", "exclusiveMinimum": 0, "maximum": 86_400},
    "x-standby-targets": {"type": "string"},
    "x-standby-sticky": {"type": "string"},
    "x-standby-mid-stream": {"type": "string"},
    "x-standby-hold": {"type": "string"},
    "x-standby-no-hedge": {"enum": ["true", "false"]},
    "x-standby-upstream": {"type": "string"},
}
"""What a request may set of its own call by its headers."""

_KEYS: Mapping[str, Told] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
}


def _ref(name: str) -> Told:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(schema: Schema | None, kind: str = JSON) -> Told:
    return {kind: {} if schema is None else {"schema": schema}}


def _answers(
    content: Told | None, statuses: Iterable[int], error: Schema, fields: Iterable[str] = (), best: int = 200
) -> Told:
    """The answers of one operation: the good one, and those that refuse."""
    good: Told = {"description": MEANINGS[best], "headers": _fields(fields)}
    told = {str(best): good if content is None else good | {"content": content}}
    for status in sorted(set(statuses)):
        refusal = {"description": MEANINGS[status], "headers": _fields(_OF_REFUSALS), "content": _body(error)}
        told[str(status)] = refusal
    return told


def _fields(names: Iterable[str]) -> Told:
    return {name: {"schema": {"type": "string"}} for name in names}


def _parameter(name: str, where: str, schema: Schema, *, required: bool = False) -> Told:
    return {"name": name, "in": where, "required": required, "schema": schema}


def _reading(about: str, answers: Told, parameters: Iterable[Told] = (), *, open_to_all: bool = False) -> Told:
    """What GET and HEAD do."""
    of = {"summary": about, "parameters": list(parameters), "responses": answers}
    return {"get": of | {"security": []}, "head": of | {"security": []}} if open_to_all else {"get": of, "head": of}


def _asking(about: str, request: str, answer: str, error: Schema, *, streams: bool = True) -> Told:
    """What POST does at a path where a model is asked."""
    content = _body(_ref(answer)) | ({EVENTS: {"schema": {"type": "string"}}} if streams else {})
    statuses = (*_OF_HTTP, *_OF_THE_DOOR, *_OF_BODIES, *(_OF_CALLS if streams else ()))
    headers = {"x-request-id": {"type": "string"}} | (_OVERRIDES if streams else {})
    return {
        "post": {
            "summary": about,
            "parameters": [_parameter(name, "header", schema) for name, schema in headers.items()],
            "requestBody": {"required": True, "content": _body(_ref(request))},
            "responses": _answers(content, statuses, error, _OF_ANSWERS),
        },
        "options": _PREFLIGHT,
    }


_OPENAI, _ANTHROPIC, _EITHER = (
    _ref("OpenAIError"),
    _ref("AnthropicError"),
    {"anyOf": [_ref("OpenAIError"), _ref("AnthropicError")]},
)
_PREFLIGHT: Told = {
    "summary": "Which methods the path takes; and what a page of a listed origin may send.",
    "security": [],
    "responses": _answers(None, _OF_HTTP, _EITHER, _OF_PREFLIGHTS, best=204),
}
_VERSION = _parameter("anthropic-version", "header", {"type": "string"})
_PAGE = (
    _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 1000}),
    _parameter("after_id", "query", {"type": "string"}),
    _parameter("before_id", "query", {"type": "string"}),
)
"""What Anthropic's clients may ask of a list."""

_MODEL = _parameter("model", "path", {"type": "string", "minLength": 1}, required=True)
_ALIVE = _answers(_body(_ref("Alive")), _OF_HTTP, _OPENAI)

CLIENTS: Mapping[str, Told] = {
    "/v1/chat/completions": _asking("Ask as OpenAI's chat completions.", "ChatRequest", "ChatAnswer", _OPENAI),
    "/v1/messages": _asking("Ask as Anthropic's Messages.", "MessagesRequest", "MessagesAnswer", _ANTHROPIC),
    "/v1/messages/count_tokens": _asking(
        "Estimate the tokens of a request; no provider is asked.", "TokensRequest", "Tokens", _ANTHROPIC, streams=False
    ),
    "/v1/responses": _asking(
        "Ask as OpenAI's Responses; nothing is stored.", "ResponsesRequest", "ResponsesAnswer", _OPENAI
    ),
    "/v1/models": _reading(
        "The routes, aliases and targets that the key may ask; as Anthropic lists them if anthropic-version is sent.",
        _answers(_body(_ref("Models")), (*_OF_HTTP, *_OF_THE_DOOR), _EITHER, _OF_ANSWERS),
        (_VERSION, *_PAGE),
    )
    | {"options": _PREFLIGHT},
    "/v1/models/{model}": _reading(
        "One of them.",
        _answers(_body(_ref("Model")), (*_OF_HTTP, *_OF_THE_DOOR, 404), _EITHER, _OF_ANSWERS),
        (_VERSION,),
    )
    | {"parameters": [_MODEL], "options": _PREFLIGHT},
    "/health": _reading("Is the process alive?", _ALIVE, open_to_all=True),
    "/ready": _reading(
        "Is it welcome to be asked? Not once it drains.",
        _ALIVE | {"503": {"description": MEANINGS[503], "content": _body({"anyOf": [_ref("Alive"), _OPENAI]})}},
        open_to_all=True,
    ),
    PATH: _reading("This description.", _answers(_body({"type": "object"}), _OF_HTTP, _OPENAI), open_to_all=True),
}
"""The clients' listener."""

_TARGET = _parameter("target", "path", {"type": "string", "minLength": 1}, required=True)
_REFUSED: Schema = {"anyOf": [_ref("Error"), _ref("OpenAIError")]}
_OF_ADMIN = (*_OF_HTTP, *_OF_THE_DOOR)


def _ordering(about: str, answers: Told, request: Schema | None = None, parameters: Iterable[Told] = ()) -> Told:
    """What POST does at a path for operators."""
    told = {"summary": about, "parameters": list(parameters), "responses": answers}
    return {"post": told if request is None else told | {"requestBody": {"content": _body(request)}}}


def _of_target(request: Schema | None, about: str) -> Told:
    statuses = (*_OF_ADMIN, *_OF_BODIES, 404, 409)
    return _ordering(about, _answers(_body(_ref("Targets")), statuses, _REFUSED), request, (_TARGET,))


ADMIN: Mapping[str, Told] = {
    "/health": _reading("Is the process alive?", _answers(_body(_ref("Status")), _OF_HTTP, _REFUSED), open_to_all=True),
    PATH: _reading("This description.", _answers(_body({"type": "object"}), _OF_ADMIN, _REFUSED)),
    "/metrics": _reading(
        "Counters for Prometheus.", _answers(_body({"type": "string"}, TEXT), (*_OF_ADMIN, 501), _REFUSED)
    ),
    "/admin/targets": _reading("How each target stands.", _answers(_body(_ref("Targets")), _OF_ADMIN, _REFUSED)),
    "/admin/targets/{target}/isolate": _of_target(_ref("Isolate"), "No more calls for it until restored."),
    "/admin/targets/{target}/restore": _of_target(None, "Ask it again, at once."),
    "/admin/explain": _reading(
        "The plan of a call.",
        _answers(_body(_ref("Plan")), _OF_ADMIN, _REFUSED),
        (_parameter("route", "query", {"type": "string"}),),
    ),
    "/admin/drain": _ordering(
        "End as by SIGTERM.", _answers(_body(_ref("Status")), (*_OF_ADMIN, 415), _REFUSED, best=202)
    ),
}
"""The operators' listener."""


def document(*, keyed: bool, admin: bool = False) -> Told:
    """The whole description of a listener.

    Args:
        keyed: It asks for a key.
        admin: It is the operators'.
    """
    schemas = {**SCHEMAS, **OPERATORS} if admin else dict(SCHEMAS)
    components: Told = {"schemas": schemas}
    told: Told = {
        "openapi": "3.1.0",
        "info": {
            "title": "standby, for operators" if admin else "standby",
            "version": VERSION,
            "description": "A method that is not named at a path is answered with 405, and a path not named with 404.",
        },
        "servers": [{"url": "/"}],
        "paths": dict(ADMIN if admin else CLIENTS),
        "components": components,
    }
    if keyed:
        components["securitySchemes"] = dict(_KEYS)
        told["security"] = [{name: []} for name in _KEYS]
    return told


@cache
def described(*, keyed: bool, admin: bool = False) -> bytes:
    """The same as JSON."""
    return msgspec.json.encode(document(keyed=keyed, admin=admin))
