"""What is known of a model, fact by fact, and where each is from."""

from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from ..providers import knowledge, registry
from ..providers.knowledge import Fact, Known
from .choice import providers_of
from .exits import UsageError
from .render import Cell, console, drawn_table, show_json, show_table

_COLUMNS = ("provider", "model", "what", "value", "models", "source", "seen")


def show_known(reference: str, *, as_json: bool) -> None:
    """Show what is known of a model.

    Args:
        reference: `provider/model`; a provider, for its default model; or a model, at every provider that knows it.

    Raises:
        UsageError: Nothing is known of it.
    """
    found = [(provider, model, knowledge.known(provider, model)) for provider, model in _meant(reference)]
    found = [each for each in found if each[2].facts]
    if not found:
        raise UsageError(
            f"nothing is known of {reference!r}: a request is sent to it as it was written; `standby providers` lists"
            " the providers"
        )
    if as_json:
        show_json([_as_dict(*each) for each in found])
    elif (out := console()).is_terminal:
        for each in found:
            _draw(out, *each)
    else:
        rows = [
            (provider, model, fact.name, _value(fact.value), fact.models or "all", fact.source, str(fact.seen))
            for provider, model, known in found
            for fact in known.facts
        ]
        show_table(out, _COLUMNS, rows)


def _meant(reference: str) -> list[tuple[str, str]]:
    provider, _, model = reference.partition("/")
    names = registry.names()
    if provider in names:
        return [(provider, model or registry.get(provider).info.default_model or "")]
    return [(name, reference) for name in providers_of(reference)]


def _draw(out: Console, provider: str, model: str, known: Known) -> None:
    """Draw two columns, the facts of one source together, so that the table fits into eighty characters."""
    groups: dict[tuple[str, str, str], list[Fact]] = {}
    for fact in known.facts:
        groups.setdefault((fact.source, str(fact.seen), fact.models), []).append(fact)
    rows: list[tuple[Cell, ...]] = []
    for (source, seen, models), facts in groups.items():
        what = Text()
        for fact in facts:
            what.append("\n" if what.plain else "").append(fact.name, style="bold")
            what.append(f" {_value(fact.value)}", style="cyan")
        about = Text(source).append(f"\nseen {seen}{f', of {models}' if models else ''}", style="dim")
        rows += [(what, about), ("", "")]
    out.print(Text(f"{provider}/{model}" if model else provider, style="bold"))
    out.print(drawn_table(("what is known", "where from"), rows[:-1]))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | frozenset):
        return ", ".join(value if isinstance(value, tuple) else sorted(value)) or "none"
    return str(value)


def _as_dict(provider: str, model: str, known: Known) -> dict[str, Any]:
    return {"provider": provider, "model": model, "facts": [_fact(fact) for fact in known.facts]}


def _fact(fact: Fact) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(fact)
    return plain
