"""Every type that a public function, method or field names can be imported from a public module."""

import ast
import importlib
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from sources import modules

PUBLIC = (
    "standby", "standby.config", "standby.adapters", "standby.batches", "standby.messages", "standby.reports",
    "standby.testing",
)  # fmt: skip
CALLED_BY_SYNTAX = {"__init__", "__new__", "__call__", "__aenter__", "__aiter__", "__anext__", "__iter__", "__next__"}
CALLED_INSIDE = {
    ("RoutedStream", "__init__"),
    ("Simulator", "forget"),
    ("Simulator", "protocol"),
    ("Simulator", "receive"),
}
"""Methods for our own modules alone: the router makes streams, and a simulator's connections ask it for answers."""


def offered() -> dict[str, Any]:
    """Every public name, by `module.name`, with what it stands for."""
    found = {}
    for public in PUBLIC:
        module = importlib.import_module(public)
        found |= {f"{public}.{name}": getattr(module, name) for name in module.__all__}
    return found


def names_in(annotation: ast.expr | None) -> Iterator[str]:
    """The names that an annotation is written with, in quotes too; not the words of a `Literal`, nor bounds."""
    if annotation is None:
        return
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        yield from names_in(ast.parse(annotation.value, mode="eval").body)
    elif isinstance(annotation, ast.Name):
        yield annotation.id
    elif isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Literal":
        return
    elif isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        assert isinstance(annotation.slice, ast.Tuple)
        yield from names_in(annotation.slice.elts[0])
    else:
        for part in ast.iter_child_nodes(annotation):
            if isinstance(part, ast.expr):
                yield from names_in(part)


def annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr | None]:
    """What a function takes and gives."""
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
    yield from (argument.annotation for argument in every if argument is not None)
    yield node.returns


def public_parts(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr | None]]:
    """The annotations of a class's public fields and methods, with the name of each."""
    for part in (*node.body, *filter(None, [_for_checkers(node)])):
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            if not part.target.id.startswith("_"):
                yield part.target.id, part.annotation
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and _is_public(node.name, part.name):
            yield from ((part.name, annotation) for annotation in annotations(part))


def _is_public(owner: str, method: str) -> bool:
    named = not method.startswith("_") or method in CALLED_BY_SYNTAX
    return named and (owner, method) not in CALLED_INSIDE


def resolved(name: str, module: str) -> Any:
    """What a name means in a module, for type checkers alone too; None when it is a type parameter or built in."""
    if hasattr(found := sys.modules[module], name):
        return getattr(found, name)
    for node in ast.walk(modules()[module].tree):
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            package = modules()[module].package
            source = importlib.import_module("." * node.level + (node.module or ""), package)
            return getattr(source, name)
    return None


def classes_in(thing: Any) -> Iterator[type]:
    """The classes of ours that a type is made of."""
    if isinstance(thing, type) and not isinstance(thing, types.GenericAlias):
        if thing.__module__.partition(".")[0] == "standby":
            yield thing
    elif get_origin(thing) is not Literal:
        for part in get_args(thing):
            yield from classes_in(part)


def is_alias(thing: Any) -> bool:
    """A name of ours for a type that has none; one that only adds bounds to a number is as good as the number."""
    return not isinstance(thing, type) and get_origin(thing) not in (None, Annotated)


def nodes_of(thing: Any) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The source of a function, or of a class and those of ours that it builds on, with the module it stands in."""
    for each in thing.__mro__ if isinstance(thing, type) else (thing,):
        if each.__module__ in modules():
            for node in modules()[each.__module__].tree.body:
                if getattr(node, "name", None) == each.__name__:
                    assert isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                    yield each.__module__, node


def unreachable(public: dict[str, Any]) -> Iterator[str]:
    """The types that public names lead to and that are not public themselves."""
    known = list(public.values())
    todo = list(public.items())
    seen: list[Any] = []
    while todo:
        place, thing = todo.pop()
        if any(thing is each for each in seen):
            continue
        seen.append(thing)
        if is_alias(thing):
            todo += [(f"{place}: {each.__name__}", each) for each in classes_in(thing)]
        if isinstance(thing, type | types.FunctionType):
            for module, node in nodes_of(thing):
                parts = (
                    list(public_parts(node))
                    if isinstance(node, ast.ClassDef)
                    else [(node.name, annotation) for annotation in annotations(node)]
                )
                for part, annotation in parts:
                    for name in names_in(annotation):
                        named = resolved(name, module)
                        if is_alias(named) or list(classes_in(named)):
                            todo.append((f"{place}.{part}: {name}", named))
        if not any(thing is each or (is_alias(thing) and thing == each) for each in known):
            yield place


def test_every_type_of_a_public_function_method_or_field_is_public() -> None:
    missing = sorted(unreachable(offered()))
    assert not missing, "\n".join(missing)


def test_a_type_that_is_not_public_is_found() -> None:
    """Each way in which a public name leads to a type: what a function takes or gives, a field, a method, an alias."""
    public = offered()
    for hidden, place in (
        ("standby.CallOptions", "standby.stream.stream: CallOptions"),
        ("standby.StreamEvent", "StreamEvent"),
        ("standby.config.Price", "Target.price: Price"),
        ("standby.reports.ParkSnapshot", "HealthSnapshot.parks: ParkSnapshot"),
        ("standby.reports.PlannedTarget", "Plan.targets: PlannedTarget"),
    ):
        without = {name: thing for name, thing in public.items() if name != hidden}
        assert any(found.endswith(place.partition(": ")[2] or place) for found in unreachable(without)), hidden


def _for_checkers(node: ast.ClassDef) -> ast.FunctionDef | None:
    """The constructor that is written down for type checkers alone."""
    for part in node.body:
        if isinstance(part, ast.If) and ast.unparse(part.test) == "TYPE_CHECKING":
            constructors = (each for each in part.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
            return next(constructors, None)
    return None


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (name, node.name)
        for name, module in modules().items()
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and _for_checkers(node)
    ],
)
def test_a_constructor_for_type_checkers_takes_what_the_class_takes(module: str, name: str) -> None:
    """The same arguments under the same names, in the same order, given by position or not, and optional or not."""
    node = next(n for n in modules()[module].tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    written = _for_checkers(node)
    assert written is not None
    real = [*inspect.signature(getattr(importlib.import_module(module), name)).parameters.values()]
    by_position = [each.arg for each in written.args.args[1:]]
    by_name = [each.arg for each in written.args.kwonlyargs]
    assert by_position == [each.name for each in real if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert by_name == [each.name for each in real if each.kind is each.KEYWORD_ONLY]
    defaults = [*([None] * (len(by_position) - len(written.args.defaults))), *written.args.defaults]
    defaults += written.args.kw_defaults
    required = {name for name, default in zip([*by_position, *by_name], defaults, strict=True) if default is None}
    assert required == {each.name for each in real if each.default is each.empty}
