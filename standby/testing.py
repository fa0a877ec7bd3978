"""For your own tests: simulated providers that answer, fail and break off as you script them, on real sockets.

    from standby.testing import At, Cut, Failure, Script, Simulator

    async with Simulator() as simulator:
        simulator.play("lead", Script("It breaks off here", [Cut(At.delta(2), rst=True)]))

With pytest, the fixtures `standby_simulator` and `standby_provider` are there as soon as standby is installed
(and pytest-asyncio, for they are asynchronous).
"""

from .simulator import (
    Afterwards,
    Answer,
    At,
    BlackHole,
    ClosedPort,
    Cut,
    Delay,
    ErrorEvent,
    Exchange,
    Failure,
    Insert,
    LeaveOut,
    Malformed,
    Page,
    Pings,
    Raw,
    Reading,
    Request,
    Scenario,
    Script,
    ScriptedProvider,
    ScriptError,
    Simulator,
    Stage,
    StagedTarget,
    Stall,
    Window,
    blocked,
    embedded,
    redirect,
    registered,
    talk,
)

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
