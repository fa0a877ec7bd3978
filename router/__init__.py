"""The router: the decision core, the attempts, the stream, health and retries, the report."""

from .engine.options import CallOptions
from .explain import Plan
from .health.snapshot import FileSnapshot, HealthChanged, HealthSnapshot, HealthState, ParkSnapshot
from .notices.observers import AttemptEnded, CallEnded, Notice, NoticeCounts, Observer
from .oneshot import ask, ask_stream, complete, stream
from .result.answer import Answer
from .result.errors import (
    AllTargetsFailed,
    CallFailed,
    NoTargetAvailable,
    RequestRejected,
    RouterClosed,
    StreamBusy,
    StreamInterrupted,
    WrongLoop,
)
from .result.events import HandedOver, Restarted, StreamEvent
from .result.report import AttemptReport, Report, Skipped, Switch
from .routed_stream import RoutedStream
from .router import Router

__all__ = [
    "AllTargetsFailed",
    "Answer",
    "AttemptEnded",
    "AttemptReport",
    "CallEnded",
    "CallFailed",
    "CallOptions",
    "FileSnapshot",
    "HandedOver",
    "HealthChanged",
    "HealthSnapshot",
    "HealthState",
    "NoTargetAvailable",
    "Notice",
    "NoticeCounts",
    "Observer",
    "ParkSnapshot",
    "Plan",
    "Report",
    "RequestRejected",
    "Restarted",
    "RoutedStream",
    "Router",
    "RouterClosed",
    "Skipped",
    "StreamBusy",
    "StreamEvent",
    "StreamInterrupted",
    "Switch",
    "WrongLoop",
    "ask",
    "ask_stream",
    "complete",
    "stream",
]
