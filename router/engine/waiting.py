"""Waits of one call while no target may be asked: for a return, and in the queues of targets that are full."""

from ...providers.opaque import Opaque
from ..failover.steps import Wait
from ..targets.limited_target import LimitedRouteTarget
from .context import CallContext
from .pause import Pause


class Waiting(Opaque):
    """The waits of one call. Made for the first of them: most calls have none."""

    _context: CallContext
    _pause: Pause | None = None

    async def until(self, step: Wait) -> None:
        """Wait until then, for a place in a queue, or for any change of a target's health, and report it."""
        context, at_s = self._context, self._context.since_s()
        self._pause = pause = self._pause or Pause(context.loop)
        for index, route_target in enumerate(context.route_targets):
            if isinstance(route_target, LimitedRouteTarget):
                queue = step.queues.get(index)
                if queue is not None:
                    route_target.wait_in_line(queue, pause.interrupt)
                else:
                    route_target.leave_line()
        await pause.until(step.until_s, context.shared.waiting, (context.began_s, context.deadline_s))
        context.report.waited(step.wait, context.route_targets[step.target_index].label, at_s, context.since_s())

    def leave_lines(self, but: int | None = None) -> None:
        """Leave every queue, except that of the target whose turn it is."""
        for index, route_target in enumerate(self._context.route_targets):
            if index != but and isinstance(route_target, LimitedRouteTarget):
                route_target.leave_line()

    def end(self) -> None:
        """End the wait from outside. Idempotent."""
        if self._pause is not None:
            self._pause.end()
