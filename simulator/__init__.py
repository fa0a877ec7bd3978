"""Providers that misbehave on purpose, on loopback sockets: for the demo, the drills, our tests and yours.

`standby.testing` is its public face. Names load on first use, because pytest imports this package at every start
of every project that has standby installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .embedded import Stage, StagedTarget, embedded
    from .ports import BlackHole, ClosedPort
    from .scenario.faults import Afterwards, At, Cut, Delay, ErrorEvent, Insert, LeaveOut, Malformed, Pings, Stall
    from .scenario.persona import talk
    from .scenario.reply import Answer, Failure, Page, Raw, blocked, redirect
    from .scenario.request import Reading, Request
    from .scenario.script import Scenario, Script, Window
    from .scripted import ScriptedProvider, registered
    from .server import ScriptError, Simulator
    from .serving.exchange import Exchange

_HOME = {
    "embedded": (
        "Stage",
        "StagedTarget",
        "embedded",
    ),
    "serving.exchange": ("Exchange",),
    "scenario.faults": (
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
    "scenario.persona": ("talk",),
    "ports": (
        "BlackHole",
        "ClosedPort",
    ),
    "scenario.reply": (
        "Answer",
        "Failure",
        "Page",
        "Raw",
        "blocked",
        "redirect",
    ),
    "scenario.request": (
        "Reading",
        "Request",
    ),
    "scenario.script": (
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
