"""What the parts of one call share: the request, the seats, the course and the report."""

import asyncio
import os
from collections.abc import Sequence

from ..config.model import Route
from ..providers.chat import ChatRequest
from .bounded import in_call
from .course import Course
from .generation import Generation
from .report import Report
from .resume import resumable
from .seat import Seat
from .shared import Shared
from .steps import Policy


class CallContext:
    """The facts of one call; nothing here changes but the course and the report.

    Attributes:
        began_s, deadline_s: On the loop's clock. The deadline is of the commit, or for a whole answer of the end.
        whole: Nothing is handed over before the end.
        single: One JSON body is asked for instead of a stream.
    """

    __slots__ = (
        "began_s", "chat", "course", "deadline_s", "generation", "loop", "report", "route", "seats", "shared", "single",
        "whole",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        generation: Generation,
        chat: ChatRequest,
        route: Route,
        route_name: str,
        seats: Sequence[Seat],
        *,
        whole: bool,
        single: bool,
        deadline_s: float,
    ) -> None:
        self.shared, self.chat, self.route = shared, chat, route
        self.generation = generation
        self.whole, self.single = whole, single
        self.loop: asyncio.AbstractEventLoop = shared.loop
        self.began_s = began_s = shared.loop.time()
        self.deadline_s = began_s + deadline_s
        self.seats = seats = in_call(seats, chat, self.deadline_s, whole=whole)
        policy = Policy(
            self.deadline_s,
            generation.config.limits.reserve_s,
            route.all_open,
            generation.dispositions(route),
            route.mid_stream,
            resumable(chat),
        )
        self.course = Course(seats, policy, began_s, shared.rng)
        self.report = Report(os.urandom(8).hex(), route_name, [], skipped=self.course.skipped)

    def since_s(self) -> float:
        """Seconds since the call began."""
        return self.loop.time() - self.began_s
