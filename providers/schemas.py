"""Make JSON Schemas of Python's types: of a class for an answer, of a function with annotations for a tool.

pydantic is loaded for it at first use.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any, is_typeddict

import msgspec

from .messages import InvalidRequest, JsonSchema, Tool


def type_schema(wanted: type[Any]) -> JsonSchema:
    """The schema of answers that become objects of a class: of pydantic, a dataclass, a TypedDict, a struct of msgspec.

    Raises:
        InvalidRequest: There is no schema of it, or not one of an object.
    """
    try:
        schema = _schema(wanted)
    except Exception as problem:  # noqa: BLE001 - pydantic raises many kinds for a type that it cannot read
        raise InvalidRequest(
            f"response_format: {wanted.__name__} has no JSON schema ({type(problem).__name__})"
        ) from None
    if schema.get("type") != "object" and "$ref" not in schema:
        raise InvalidRequest(f"response_format: {wanted.__name__} is not a class with fields")
    return JsonSchema(schema, _name(wanted.__name__), strict=False, description=_first_lines(schema.get("description")))


def is_for_msgspec(wanted: type[Any]) -> bool:
    """Does msgspec read this class? Its own structs, and the TypedDicts of an older Python, which pydantic refuses."""
    return issubclass(wanted, msgspec.Struct) or (sys.version_info < (3, 12) and is_typeddict(wanted))


def _schema(wanted: type[Any]) -> dict[str, Any]:
    if is_for_msgspec(wanted):
        return msgspec.json.schema(wanted)
    from pydantic import TypeAdapter

    return TypeAdapter(wanted).json_schema()


def function_tool(function: Callable[..., Any], where: str) -> Tool:
    """The tool that a function is: its name, its docstring, its annotated parameters.

    Raises:
        InvalidRequest: A parameter has no annotation, or takes any number of values; says which.
    """
    from pydantic import create_model

    name = getattr(function, "__name__", type(function).__name__)
    fields: dict[str, Any] = {}
    try:
        signature = inspect.signature(function, eval_str=True)
    except (TypeError, ValueError, NameError):
        raise InvalidRequest(f"{where}: the parameters of {name} cannot be read") from None
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InvalidRequest(f"{where}: {name} takes any number of values as {parameter.name}: name each")
        if parameter.annotation is parameter.empty:
            raise InvalidRequest(f"{where}: the parameter {parameter.name} of {name} has no annotation")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (parameter.annotation, default)
    try:
        schema = create_model(name, **fields).model_json_schema()
    except Exception as problem:  # noqa: BLE001 - pydantic raises many kinds for a type that it cannot read
        raise InvalidRequest(f"{where}: {name} has no JSON schema ({type(problem).__name__})") from None
    schema.pop("title", None)
    schema.setdefault("properties", {})
    return Tool(_name(name), inspect.getdoc(function) or "", schema)


def _name(name: str) -> str:
    """A name in the letters that all dialects take."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in name)[:64]


def _first_lines(text: object) -> str:
    return text.partition("\n\n")[0] if isinstance(text, str) else ""
