"""For your own tests: simulated providers that answer, fail and break off as you script them, on real sockets.

    from standby.testing import At, Cut, Failure, Script, Simulator

    async with Simulator() as simulator:
        simulator.play("lead", Script("It breaks off here", [Cut(At.delta(2), rst=True)]))

An `Answer` is a text, with thinking before it and calls behind it; or its `parts`, those of `standby.messages`, in
order: thinking with its state, calls, images, citations. Each dialect says what its wire has words for, and names the
rest in a `ValueError`.

With pytest, the fixtures `standby_simulator` and `standby_provider` are there as soon as standby is installed
(and pytest-asyncio, for they are asynchronous).
"""

from .providers.parts import Detail
from .providers.wall_clock import WallClock
from .simulator.embedded import Stage, StagedTarget, embedded
from .simulator.ports import BlackHole, ClosedPort
from .simulator.scenario.faults import (
    Afterwards,
    At,
    Cut,
    Delay,
    ErrorEvent,
    Fault,
    Insert,
    LeaveOut,
    Malformed,
    Part,
    Pings,
    Stall,
)
from .simulator.scenario.persona import talk
from .simulator.scenario.reply import Answer, Failure, Page, Raw, Reply, Words, blocked, redirect
from .simulator.scenario.request import Reading, Request
from .simulator.scenario.script import Chooser, Encoding, Framing, Scenario, Script, Step, Window
from .simulator.scripted import ScriptedProvider, registered
from .simulator.server import ScriptError, Simulator
from .simulator.serving.exchange import Ending, Exchange

__all__ = [
    "Afterwards",
    "Answer",
    "At",
    "BlackHole",
    "Chooser",
    "ClosedPort",
    "Cut",
    "Delay",
    "Detail",
    "Encoding",
    "Ending",
    "ErrorEvent",
    "Exchange",
    "Failure",
    "Fault",
    "Framing",
    "Insert",
    "LeaveOut",
    "Malformed",
    "Page",
    "Part",
    "Pings",
    "Raw",
    "Reading",
    "Reply",
    "Request",
    "Scenario",
    "Script",
    "ScriptError",
    "ScriptedProvider",
    "Simulator",
    "Stage",
    "StagedTarget",
    "Stall",
    "Step",
    "WallClock",
    "Window",
    "Words",
    "blocked",
    "embedded",
    "redirect",
    "registered",
    "talk",
]
