"""The JSON Schema of the YAML file, so that editors complete names, show what they mean, and mark mistakes."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ..providers.capabilities import Capabilities
from ..providers.chat import ChatRequest
from ..providers.quirks import Quirks
from .describe import SECTIONS, descriptions, summary
from .model import Config
from .settings import Settings

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Schema = {"$ref": "#/$defs/Reference"}
_REFERENCE_SCHEMA: Schema = {
    "type": "string",
    "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*(\?|:-[^}]*)?\}$",
    "description": "The value of an environment variable: ${NAME}; ${NAME:-text} for when it is not set; or, in"
    " a target, ${NAME?}, which leaves out the target then.",
}


def json_schema() -> Schema:
    """The schema of a file: names beyond it are refused, as `load` does. A new one each time."""
    made = Settings.model_json_schema()
    classes = {cls.__name__: cls for cls in SECTIONS}
    defs: Schema = made["$defs"]
    for name, definition in defs.items():
        if name in classes:
            _describe(definition, classes[name])
    for name in ("Target", "Route"):
        properties = defs[name]["properties"]
        _describe(properties["parameters"], ChatRequest)
        _describe(properties.get("capabilities", {}), Capabilities)
        _describe(properties.get("quirks", {}), Quirks)
        properties["parameters"]["description"] = descriptions(classes[name])["parameters"]
    for name in ("capabilities", "quirks"):
        defs["Target"]["properties"][name]["description"] = descriptions(classes["Target"])[name]
    defs["Route"]["properties"]["targets"]["minItems"] = 1
    defs["Reference"] = _REFERENCE_SCHEMA
    made["properties"] = _each(made["properties"], lambda name, schema: schema | {"description": _section(name)})
    plain = _without_noise(made)
    return {
        "$schema": DIALECT,
        **plain,
        "title": "standby",
        "description": "Targets, routes, their limits, and the gateway.",
    }


def _section(name: str) -> str:
    return descriptions(Config)[name]


def _describe(definition: Schema, cls: type[Any]) -> None:
    said = descriptions(cls)
    if "properties" in definition:
        definition["description"] = summary(cls)
        definition["properties"] = _each(
            definition["properties"],
            lambda name, schema: _with_reference(schema | ({"description": said[name]} if name in said else {})),
        )


def _each(properties: Schema, change: Callable[[str, Schema], Schema]) -> Schema:
    return {name: change(name, schema) for name, schema in properties.items()}


def _with_reference(schema: Schema) -> Schema:
    """Lets `${NAME}` stand where a number, a truth value or a choice is due; texts can hold it anyway."""
    kinds = schema.get("anyOf", [schema])
    if not any(kind.get("type") in ("number", "integer", "boolean") or "enum" in kind for kind in kinds):
        return schema
    about = {name: schema[name] for name in ("description", "default") if name in schema}
    return about | {"anyOf": [{k: v for k, v in kind.items() if k not in about} for kind in kinds] + [_REFERENCE]}


def _without_noise(schema: Any, *, names: bool = False) -> Any:
    """Without the titles that only repeat a name, and the defaults that only say that there is none."""
    if isinstance(schema, list):
        return [_without_noise(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for name, item in schema.items():
        noise = name == "title" or (name == "default" and (item is None or isinstance(item, dict)))
        if names or not noise:
            kept[name] = _without_noise(item, names=name in ("properties", "$defs") and not names)
    return kept
