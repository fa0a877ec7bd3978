"""`standby schema`: the JSON Schema of the configuration file, for editors."""

import typer

from ..config import json_schema
from .exits import guarded
from .options import Debugging
from .render import show_json


def schema(context: typer.Context) -> None:
    """Print the JSON Schema of the configuration file, for editors that complete and check YAML."""
    with guarded(debug=Debugging.of(context)):
        show_json(json_schema())
