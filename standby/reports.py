"""The parts of what a Router tells of itself: of reports, plans, health snapshots and notices.

`Report`, `Plan`, `HealthSnapshot` and the notices themselves are in `standby`; here is what their fields hold.
"""

from .router.explain import PlannedTarget
from .router.health.snapshot import FileSnapshot, HealthState, ParkSnapshot
from .router.notices.observers import Notice, NoticeCounts
from .router.result.reasons import AttemptReason, ChangeReason, RefusalReason, SkipReason, WaitReason
from .router.result.report import AttemptOutcome, AttemptReport, CallOutcome, Skipped, Switch, Waited
from .router.targets.clocks import Clocks

__all__ = [
    "AttemptOutcome",
    "AttemptReason",
    "AttemptReport",
    "CallOutcome",
    "ChangeReason",
    "Clocks",
    "FileSnapshot",
    "HealthState",
    "Notice",
    "NoticeCounts",
    "ParkSnapshot",
    "PlannedTarget",
    "RefusalReason",
    "SkipReason",
    "Skipped",
    "Switch",
    "WaitReason",
    "Waited",
]
