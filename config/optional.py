"""Targets that are left out because a variable of theirs is not set, and `${NAME?}` says that they may be: they are in
no route, and nothing asks them. What is left out is told when the file is loaded, and by `standby check`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from .origin import Path
from .route import Route
from .target import Target

Reasons: TypeAlias = Mapping[Path, str]
"""Why targets of a file are left out, by the way to each."""


def targets_left(targets: Mapping[str, Target], left_out: Reasons) -> dict[str, Target]:
    """The targets of a file without those that are left out."""
    return {name: target for name, target in targets.items() if ("targets", name) not in left_out}


def routes_left(routes: Mapping[str, Route], left_out: Reasons) -> tuple[dict[str, Route], list[tuple[Path, str]]]:
    """The routes of a file without those targets; and what is wrong with them now, with its place."""
    if not left_out:
        return dict(routes), []
    kept: dict[str, Route] = {}
    problems: list[tuple[Path, str]] = []
    for name, route in routes.items():
        path: Path = ("routes", name)
        targets = _entries_left((*path, "targets"), route.targets, left_out)
        if not targets:
            why = _why((*path, "targets"), route, left_out)
            problems.append(((*path, "targets"), f"every target of it is left out: {why}"))
            continue
        tiers = {kind: _entries_left((*path, "on", str(kind)), tier, left_out) for kind, tier in route.on.items()}
        on: dict[Any, Any] = {kind: tier for kind, tier in tiers.items() if tier}
        kept[name] = replace(route, targets=targets, on=on)
    return kept, problems


def _entries_left(path: Path, entries: Iterable[Any], left_out: Reasons) -> tuple[Any, ...]:
    found: list[Any] = []
    for place, entry in enumerate(entries):
        if isinstance(entry, list | tuple):
            tier = _entries_left((*path, place), entry, left_out)
            found += [tier] if tier else []
        elif not _reason((*path, place), entry, left_out):
            found.append(entry)
    return tuple(found)


def _reason(path: Path, entry: str | Target, left_out: Reasons) -> str | None:
    return left_out.get(path) or (left_out.get(("targets", entry)) if isinstance(entry, str) else None)


def _why(path: Path, route: Route, left_out: Reasons) -> str:
    """The reasons of all targets of a route, each once."""
    reasons = (_reason((*path, *place), entry, left_out) for place, entry in route.placed())
    return ", ".join(dict.fromkeys(reason for reason in reasons if reason))


def words(left_out: Reasons) -> Iterator[tuple[Path, str]]:
    """What is to be said of each target that is left out, with its place."""
    yield from ((path, f"is left out: {reason}") for path, reason in left_out.items())
