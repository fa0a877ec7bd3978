"""Providers that misbehave on purpose, on loopback sockets: for the demo, the drills, our tests and yours.

`standby.testing` is its public face. Names load on first use, because pytest imports this package at every start
of every project that has standby installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .embedded import Stage, StagedTarget, embedded
    from .exchange import Exchange
    from .faults import Afterwards, At, Cut, Delay, ErrorEvent, Insert, LeaveOut, Malformed, Pings, Stall
    from .persona import talk
    from .ports import BlackHole, ClosedPort
    from .reply import Answer, Failure, Page, Raw, blocked, redirect
    from .request import Reading, Request
    from .script import Scenario, Script, Window
    from .scripted import ScriptedProvider, registered
    from .server import ScriptError, Simulator

_HOME = {
    "embedded": (
        "Stage",
        "StagedTarget",
        "embedded",
    ),
    "exchange": ("Exchange",),
    "faults": (
        "Afterwards",
        "At",
        "Cut",
        "Delay",
        "ErrorEvent",
        "Insert",
        "LeaveOut",
        "Malformed",
        "Pings",
        "Stall",
    ),
    "persona": ("talk",),
    "ports": (
        "BlackHole",
        "ClosedPort",
    ),
    "reply": (
        "Answer",
        "Failure",
        "Page",
        "Raw",
        "blocked",
        "redirect",
    ),
    "request": (
        "Reading",
        "Request",
    ),
    "script": (
        "Scenario",
        "Script",
        "Window",
    ),
    "scripted": (
        "ScriptedProvider",
        "registered",
    ),
    "server": (
        "ScriptError",
        "Simulator",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Afterwards",
    "Answer",
    "At",
    "BlackHole",
    "ClosedPort",
    "Cut",
    "Delay",
    "ErrorEvent",
    "Exchange",
    "Failure",
    "Insert",
    "LeaveOut",
    "Malformed",
    "Page",
    "Pings",
    "Raw",
    "Reading",
    "Request",
    "Scenario",
    "Script",
    "ScriptError",
    "ScriptedProvider",
    "Simulator",
    "Stage",
    "StagedTarget",
    "Stall",
    "Window",
    "blocked",
    "embedded",
    "redirect",
    "registered",
    "talk",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
