"""`standby providers`: the providers that a target can name, and which keys are set. Never shows a key.

With a model, what is known of it, and from where.
"""

import os
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from ..providers import registry
from ..providers.capabilities import Capabilities
from ..providers.provider import Provider
from .exits import guarded
from .known import show_known
from .options import AsJson, Debugging
from .render import NONE, Cell, console, drawn_table, show_json, show_table

_CAN = {"tools": "tools", "images": "images", "json_schema": "schemas", "reasoning": "reasons"}
"""Capabilities that are shown, with the word for each."""


def providers(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", show_default=False, help="A model, or provider/model: what is known of it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the providers: their dialect, address and key variable, and whether the key is set.

    With a MODEL, show what is known of it, with the source and the date of each fact.
    """
    with guarded(as_json=as_json, debug=Debugging.of(context)):
        if model is not None:
            show_known(model, as_json=as_json)
            return
        known = [registry.get(name) for name in registry.names()]
        if as_json:
            show_json([_as_dict(provider) for provider in known])
        elif (out := console()).is_terminal:
            _draw(out, known)
        else:
            columns = ("name", "title", "dialect", "base url", "key", "model", "known to take", "note")
            show_table(out, columns, [_row(provider) for provider in known])


def _draw(out: Console, known: list[Provider]) -> None:
    """Draw three columns, related facts in one cell, so that the table fits into eighty characters."""
    rows: list[tuple[Cell, ...]] = []
    for provider in known:
        name, title, dialect, base_url, key, model, can, note = _row(provider)
        first = Text(name, style="bold").append(f"\n{title}", style="dim not bold")
        first.append(f"\nspeaks {dialect}" if dialect != name else "", style="dim not bold")
        about = Text(base_url, overflow="fold")
        about.append(f"\nmodel {model}" if model != NONE else "")
        about.append(f"\ntakes {can}" if can != NONE else "", style="dim")
        about.append(f"\n{note}" if note else "", style="yellow" if not provider.info.working else "dim")
        key_style = {"missing": "red", "set": "green"}.get(key.rpartition(" ")[2], "dim")
        rows.append((first, Text(key.replace(" ", "\n", 1), style=key_style), about))
        rows.append(("", "", ""))
    out.print(drawn_table(("provider", "key", "where, and what is known"), rows[:-1]))


def _row(provider: Provider) -> tuple[str, ...]:
    info = provider.info
    return (
        provider.name,
        info.title,
        info.dialect,
        info.base_url or "given by the target",
        _key(provider),
        info.default_model or NONE,
        ", ".join(word for name, word in _CAN.items() if getattr(_known(provider), name)) or NONE,
        _note(provider),
    )


def _key(provider: Provider) -> str:
    variable = provider.info.key_env
    if variable is None:
        return "none"
    if _is_set(variable):
        return f"{variable} set"
    return f"{variable} missing" if provider.info.key_required else f"{variable} optional"


def _note(provider: Provider) -> str:
    info = provider.info
    state = [] if info.official else ["unofficial"]
    state += [] if info.working else ["not working when last seen"]
    parts = [", ".join(state).capitalize(), info.note.strip().rstrip("."), info.site_url if state else ""]
    return ". ".join(part for part in parts if part)


def _known(provider: Provider) -> Capabilities:
    return provider.capabilities(provider.info.default_model or "")


def _is_set(variable: str) -> bool:
    return bool(os.environ.get(variable, "").strip())


def _as_dict(provider: Provider) -> dict[str, Any]:
    variable = provider.info.key_env
    facts: dict[str, Any] = msgspec.to_builtins(provider.info)
    return {
        "name": provider.name,
        **facts,
        "key_set": bool(variable and _is_set(variable)),
        "capabilities": {
            name: value for name, value in msgspec.structs.asdict(_known(provider)).items() if value is not None
        },
    }
