"""Make JSON Schemas of Python's types: of a class for an answer, of a function with annotations for a tool.

pydantic is loaded for it at first use.
"""

import inspect
from collections.abc import Callable
from typing import Any

from .messages import InvalidRequest, JsonSchema, Tool


def type_schema(wanted: type[Any]) -> JsonSchema:
    """The schema of answers that become objects of a class: a pydantic model, a dataclass, a TypedDict.

    Raises:
        InvalidRequest: pydantic knows no schema of it, or not one of an object.
    """
    from pydantic import TypeAdapter

    try:
        schema = TypeAdapter(wanted).json_schema()
    except Exception as problem:  # noqa: BLE001 - pydantic raises many kinds for a type that it cannot read
        raise InvalidRequest(
            f"response_format: {wanted.__name__} has no JSON schema ({type(problem).__name__})"
        ) from None
    if schema.get("type") != "object" and "$ref" not in schema:
        raise InvalidRequest(f"response_format: {wanted.__name__} is not a class with fields")
    return JsonSchema(schema, _name(wanted.__name__), strict=False, description=_first_lines(schema.get("description")))


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
