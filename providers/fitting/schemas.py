"""Schemas of answers and tools, made fit by the rules of the model that gets them.

A schema may be narrowed, never widened: every answer of a narrowed schema is one of the caller's. So objects that say
nothing of more properties are closed, and properties become required, with a note. A keyword that is refused is
dropped with a note where it only describes. One that constrains is refused where the schema is to be enforced
(`strict`); where it is not, it is told in the description, with a note.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from ..messages import ChatRequest, Tool
from .facts import Facts
from .moves import Move, Refusal

DESCRIBING = frozenset(
    ("$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly")
)
"""Keywords that say something to people: no answer is right or wrong by them."""

_SCHEMAS_BY_NAME = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_SCHEMAS_IN_LIST = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMAS = ("items", "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties")

DEPTH_MAX = 100
"""Maximum levels of a schema that are looked at; no provider takes a deeper one."""


class _Unfit(Exception):
    """The schema cannot be made fit; the text says why."""


class _Rules(NamedTuple):
    """How one schema is made fit.

    Attributes:
        closed: Objects must forbid more properties.
        full: Every property must be required.
        lacks: Keywords that are refused.
        enforced: The schema is to be enforced.
    """

    closed: bool
    full: bool
    lacks: frozenset[str]
    enforced: bool


def fit_json(chat: ChatRequest, facts: Facts) -> Refusal | None:
    """Refuse an answer in JSON of a kind that the model or server does not give, or not beside tools."""
    form, known = chat.response_format, facts.capabilities
    if form is None:
        return None
    if form.schema and (known.json_schema is False or facts.quirks.json == "json_object"):
        return Refusal("response_format with a schema")
    if not form.schema and known.json_object is False:
        return Refusal("response_format without a schema")
    return Refusal("tools with a response_format") if chat.tools and known.tools_with_json is False else None


def fit_schemas(chat: ChatRequest, facts: Facts) -> Move | Refusal | None:
    """Make the schemas of the answer and of strict tools such as the model takes them."""
    notes: dict[str, None] = {}
    changes: dict[str, Any] = {}
    try:
        form = chat.response_format
        if form is not None and form.schema and (rules := _rules(facts, strict=form.strict)):
            schema = _fitted(form.schema, rules, "response_format", notes)
            if schema is not form.schema:
                changes["response_format"] = msgspec.structs.replace(form, schema=schema)
        tools = tuple(_tool(tool, facts, notes) for tool in chat.tools)
    except _Unfit as unfit:
        return Refusal(str(unfit))
    if any(fit is not given for fit, given in zip(tools, chat.tools, strict=True)):
        changes["tools"] = tools
    if not changes:
        return None
    feature = "response_format as it is written" if "response_format" in changes else "tools as they are written"
    return Move(msgspec.structs.replace(chat, **changes), feature, tuple(notes))


def _tool(tool: Tool, facts: Facts, notes: dict[str, None]) -> Tool:
    rules = _rules(facts, strict=True) if tool.strict else None
    if rules is None:
        return tool
    schema = tool.parameters if "properties" in tool.parameters else {**tool.parameters, "properties": {}}
    schema = _fitted(schema, rules, f"strict tool {tool.name}", notes)
    return tool if schema is tool.parameters else msgspec.structs.replace(tool, parameters=schema)


def _rules(facts: Facts, *, strict: bool) -> _Rules | None:
    known = facts.capabilities
    closed, full, lacks = bool(known.closed_schemas), bool(known.full_schemas), known.schema_lacks or ()
    if not (closed or full or lacks) or (known.schema_rules == "strict" and not strict):
        return None
    return _Rules(closed, full, frozenset(lacks), strict)


def _fitted(schema: Mapping[str, Any], rules: _Rules, where: str, notes: dict[str, None]) -> dict[str, Any]:
    """The schema as the rules have it; the very same object where nothing has to be changed."""
    told: dict[str, None] = {}
    made: dict[str, Any] = _schema(schema, rules, where, told, 0)
    for change in told:
        notes.setdefault(f"{where}: {change}")
    return made if told else schema  # type: ignore[return-value]


def _schema(node: Any, rules: _Rules, where: str, told: dict[str, None], depth: int) -> Any:
    if not isinstance(node, Mapping) or depth > DEPTH_MAX:
        return node
    made: dict[str, Any] = {}
    constraints: list[str] = []
    for word, value in node.items():
        if word in rules.lacks:
            if word in DESCRIBING:
                told[f"the keyword {word} was left out of the schema"] = None
            elif rules.enforced:
                raise _Unfit(f"{where}: the keyword {word} in a schema")
            else:
                told[f"the keyword {word} was left out of the schema, and is told in a description"] = None
                constraints.append(f"{word}: {msgspec.json.encode(value).decode()}")
        else:
            made[word] = _inside(word, value, rules, where, told, depth + 1)
    if constraints:
        said = [words] if isinstance(words := made.get("description"), str) and words else []
        made["description"] = " ".join((*said, f"({', '.join(constraints)})"))
    if _is_object(node):
        _narrow(made, rules, where, told)
    return made


def _inside(word: str, value: Any, rules: _Rules, where: str, told: dict[str, None], depth: int) -> Any:
    if word in _SCHEMAS_BY_NAME and isinstance(value, Mapping):
        return {name: _schema(part, rules, where, told, depth) for name, part in value.items()}
    if (word in _SCHEMAS_IN_LIST or word == "items") and isinstance(value, list | tuple):
        return [_schema(part, rules, where, told, depth) for part in value]
    return _schema(value, rules, where, told, depth) if word in _SCHEMAS else value


def _is_object(node: Mapping[str, Any]) -> bool:
    kind = node.get("type")
    return kind == "object" or (isinstance(kind, list | tuple) and "object" in kind) or "properties" in node


def _narrow(node: dict[str, Any], rules: _Rules, where: str, told: dict[str, None]) -> None:
    properties = node.get("properties") or {}
    if rules.closed and node.get("additionalProperties") is not False:
        if "additionalProperties" in node or "patternProperties" in node:
            raise _Unfit(f"{where}: an object with more properties than those of its schema")
        if "properties" not in node:
            raise _Unfit(f"{where}: an object whose properties are not in its schema")
        node["additionalProperties"] = False
        told["additionalProperties false was added to its objects"] = None
    if rules.full and isinstance(properties, Mapping):
        required = said if isinstance(said := node.get("required"), list | tuple) else ()
        if missing := [name for name in properties if name not in required]:
            node["required"] = [*required, *missing]
            told["every property was made required"] = None
