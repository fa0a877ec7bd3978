"""Invariants of a simulated world, under any fault. Numbers like I4 are those of docs/guarantees.md.

A monitor only writes down; a violation names the call, so that the seed and the number are enough to see it again.
"""

import asyncio
import traceback
from collections import Counter
from typing import Any

import msgspec
from standby.config.limits import Retry
from standby.providers.errors import ErrorKind
from standby.providers.http.transport import HttpTransport
from standby.router.engine.watchdog import LATE_S
from standby.router.health.snapshot import HealthChanged
from standby.router.result.errors import (
    AllTargetsFailed,
    CallFailed,
    NoTargetAvailable,
    RequestRejected,
    StreamInterrupted,
)
from standby.router.result.report import Report
from standby.router.router import Router
from standby.simulator.server import Simulator
from standby.simulator.virtual.network import Network

from .callers import CallersOwnError
from .draw import CANARY_KEY, CANARY_PROMPT
from .health_invariants import EXACT_S, HealthWatch
from .heard import foreign, pieces_of, rest, valid_from
from .instants import held_too_long, overslept
from .records import Heard, Told
from .world import World

SLACK_S = 0.002
"""Virtual seconds for what takes a few turns of the loop and one way over the network."""

LEFT_WITHIN_S = 0.1
"""So soon after a call has ended, every provider that was left has noticed."""

FOREVER_S = 1000.0
"""Nothing in a world may take longer, stalls of the process aside."""


class Monitors:
    """Watches one world.

    Attributes:
        violations: One line for each broken invariant.
        slow_steps: One line for each step that took this machine too long.
        edges: Counts by name: reasons of attempts, ends of calls, waits, and skipped targets.
    """

    def __init__(self, world: World, simulator: Simulator, network: Network, router: Router) -> None:
        self._world, self._simulator, self._network, self._router = world, simulator, network, router
        self._loop = asyncio.get_running_loop()
        self.health = HealthWatch(
            self.blame, router.config.health.slow_call_s or FOREVER_S, keys_fetched="fetched_keys" in world.points
        )
        router.on_health_change.append(self.health.changed)
        if world.mode == "poisoned":
            router.on_health_change.append(self._shut)
        self._answered_s = self._loop.time()
        self._log_told = 0
        self.violations: list[str] = []
        self.slow_steps: list[str] = []
        self.edges: Counter[str] = Counter()

    def blame(self, invariant: str, call: int | None, words: str) -> None:
        self.violations.append(_line(self._world, invariant, call, words))

    def took_long(self, invariant: str, call: int | None, words: str) -> None:
        """Note a step that took this machine too long."""
        self.slow_steps.append(_line(self._world, invariant, call, words))

    def _shut(self, change: HealthChanged) -> None:
        """In this world one request alone fails, again and again: that shuts no target (I49).

        When the other callers are done, and nothing has been answered within the window, it looks like an outage under
        a service with one fixed prompt, which does shut them.
        """
        lonely = self._loop.time() - self._answered_s > self._router.config.health.window_s
        if change.now in ("open", "parked") and not lonely:
            self.blame("I49", None, f"{change.target} is {change.now} after {change.reason}, for one request's sake")

    # One call is over

    def over(self, heard: Heard) -> None:
        """Hold what a caller got against what was to be said, and against the report."""
        self._world.strikes.running.discard(heard.call)
        report = heard.report
        if isinstance(heard.error, CallFailed):
            report = heard.error.report
        if report is None:
            if heard.error is not None:
                self.blame("I1", heard.call, f"it raised {heard.error!r}")
            elif not heard.left:
                self.blame("I42", heard.call, "there is no report")
            return
        answered_s = [each.ended_s or 0.0 for each in report.attempts if each.outcome == "finished"]
        self._answered_s = max([self._answered_s, *(heard.began_s + at_s for at_s in answered_s)])
        self._world.strikes.over(heard, report)
        self.health.over(heard, report)
        told = [each for each in self._world.told if each.call == heard.call]
        self._one_terminal(heard, report)
        self._words(heard, report, told)
        self._books(heard, report, told)
        self._deadline(heard, report)
        self._clocks(heard, report)
        self._secrets(heard, report)
        self._alive(heard, report)
        self._unharmed(heard, report)
        self._trace(heard, report)
        self._look_again(heard.call, heard.left or report.outcome != "finished")

    def _one_terminal(self, heard: Heard, report: Report) -> None:
        call = heard.call
        if heard.after_end:
            self.blame("I1", call, f"{heard.after_end} events behind the end ({heard.temper})")
        if report.outcome == "running":
            self.blame("I1", call, f"its report still says running ({heard.temper}, {heard.events} events)")
        if heard.finished and report.outcome != "finished":
            self.blame("I1", call, f"the caller saw it finished, the report says {report.outcome}")
        if isinstance(heard.error, CallFailed) and report.outcome != "failed":
            self.blame("I1", call, f"the caller saw it fail, the report says {report.outcome}")
        if heard.left and report.outcome == "failed":
            self.blame("I24", call, "it was left, and is reported as failed")
        if heard.error is None and not heard.left and not heard.finished:
            self.blame("I1", call, f"it ended without a terminal ({heard.temper}, {report.outcome})")
        if isinstance(heard.error, CallersOwnError) and heard.temper != "raises":
            self.blame("I16", call, "a foreign error")
        if heard.error is not None and not isinstance(heard.error, CallFailed | CallersOwnError):
            frame = traceback.extract_tb(heard.error.__traceback__)[-1]
            self.blame("I1", call, f"it raised {heard.error!r} in {frame.name}, line {frame.lineno}")
        if heard.events and isinstance(heard.error, AllTargetsFailed | NoTargetAvailable | RequestRejected):
            self.blame("I5", call, f"something reached the caller before {type(heard.error).__name__}")

    def _words(self, heard: Heard, report: Report, told: "list[Told]") -> None:
        """No chunk lost, repeated, reordered, spliced in, or from another call (I2, I3, I4, I6, I36)."""
        call, pieces = heard.call, pieces_of(heard, report)
        valid = "".join(pieces[valid_from(heard) :])
        if self._world.common:
            whole = self._world.whole(call)
            if not whole.startswith(valid):
                self.blame("I2", call, f"{valid!r} is no beginning of the answer {whole!r} ({heard.marks})")
        else:
            for piece in foreign(pieces, report, told):
                self.blame("I3", call, f"{piece!r} was not said so to this call ({heard.marks}): {told}")
        if heard.finished:
            self._whole(heard, report, valid if self._world.common else pieces[-1], told)
        if isinstance(heard.error, StreamInterrupted) and heard.error.partial != valid:
            self.blame("I6", call, f"partial is not what was delivered: {heard.error.partial!r} {heard.pieces}")

    def _whole(self, heard: Heard, report: Report, text: str, told: "list[Told]") -> None:
        """A finished answer was sent to its end by the target asked last, and has arrived (I4)."""
        call, world = heard.call, self._world
        if report.completion == "unproven":
            if world.dialects.get(report.target or "") != "koala":
                self.blame("I4", call, f"{report.target} has an end marker, and yet its answer counts as unproven")
            return
        last = next((each for each in reversed(told) if each.provider == report.target), None)
        if last is None:
            self.blame("I4", call, f"finished by {report.target}, which said nothing to this call")
        elif not last.sound:
            self.blame("I4", call, f"finished, but the end was never told: {last}")
        elif last.fault != "empty":
            expected = world.whole(call) if world.common else rest(last.text, report)
            if text != expected:
                self.blame("I4", call, f"finished with {text!r}; whole is {expected!r} ({heard.marks})")

    def _books(self, heard: Heard, report: Report, told: "list[Told]") -> None:
        """Attempts are complete, none runs on, and no provider was asked behind the report's back (I18, I41, I42)."""
        call = heard.call
        for attempt in report.attempts:
            if attempt.outcome == "running" or attempt.ended_s is None:
                self.blame("I41", call, f"an attempt at {attempt.target} never ended")
            if attempt.outcome == "failed" and attempt.kind is None:
                self.blame("I42", call, f"an attempt at {attempt.target} failed for no reason")
        for name in self._world.names:
            attempts = sum(attempt.target == name for attempt in report.attempts)
            asked = sum(each.provider == name for each in told)
            if asked > attempts:
                self.blame("I21", call, f"{name} was asked {asked} times, and the report knows of {attempts}")
        finished = sum(attempt.outcome == "finished" for attempt in report.attempts)
        if finished != (report.outcome == "finished"):
            self.blame("I41", call, f"{finished} attempts finished, and the call is {report.outcome}")
        retries = Counter(attempt.target for attempt in report.attempts if attempt.why == "retry")
        most = self._world.route.retry.attempts - 1 if self._world.route.retry else 2
        returns = Counter(attempt.target for attempt in report.attempts if attempt.why != "retry")
        for name, count in retries.items():
            if count > most * returns[name]:
                self.blame("I21", call, f"{name} was retried {count} times; {most} are allowed in each turn")

    def _deadline(self, heard: Heard, report: Report) -> None:
        collected = heard.temper == "collects"
        config = self._world.limits
        deadline_s = config.complete_deadline_s if collected else config.deadline_s
        committed_s = report.ended_s if collected or report.first_delta_s is None else report.first_delta_s
        # After a stall the clocks are lenient for a moment: what came meanwhile is read before one of them rings.
        slack_s = (
            SLACK_S + self._world.stalled_s + self._world.points.late_s + (LATE_S if self._world.stalled_s else 0.0)
        )
        if committed_s is not None and committed_s > deadline_s + slack_s:
            self.blame("I9", heard.call, f"its deadline was {deadline_s:g} s, it took {committed_s:.4f} s")
        if heard.ended_s - heard.began_s > FOREVER_S + slack_s:
            self.blame("I10", heard.call, f"it took {heard.ended_s - heard.began_s:.0f} s")
        route = self._world.route
        for words in overslept(report, deadline_s, route.retry or Retry(), slack_s, whole=collected):
            self.blame("I12", heard.call, words)
        for words in held_too_long(report, None if collected else route.hold, slack_s):
            self.blame("I9", heard.call, words)

    def _clocks(self, heard: Heard, report: Report) -> None:
        """No target is called silent before one of its time limits has run out, whenever the timer rings (I11)."""
        clocks, slack_s = self._world.limits, EXACT_S + self._world.stalled_s
        for attempt in report.attempts:
            ended_s, delta_s = attempt.ended_s or 0.0, attempt.first_delta_s
            took_s = ended_s - (attempt.began_s if delta_s is None else delta_s)
            silent = attempt.kind is ErrorKind.FIRST_TOKEN_TIMEOUT and "within its limit" in attempt.detail
            if silent and took_s < clocks.first_delta_s - slack_s:
                self.blame("I11", heard.call, f"{attempt.target} was called silent after {took_s:.4f} s")
            stalled = attempt.kind is ErrorKind.STALLED and "no useful delta" in attempt.detail
            if stalled and took_s < clocks.stall_s - slack_s:
                self.blame("I11", heard.call, f"{attempt.target} was called stalled after {took_s:.4f} s")

    def _secrets(self, heard: Heard, report: Report) -> None:
        shown = [repr(report), msgspec.json.encode(report).decode()]
        if heard.error is not None:
            shown += [repr(heard.error), str(heard.error), repr(heard.error.args)]
        for text in shown:
            if CANARY_KEY[:14] in text:
                self.blame("I44", heard.call, "a key shows")
            if CANARY_PROMPT in text or f"c{heard.call}_" in text:
                self.blame("I45", heard.call, "a prompt or an answer shows")

    def _alive(self, heard: Heard, report: Report) -> None:
        """Once a healthy core has appeared, every call ends well. Only a delivered answer does not wait for it."""
        world = self._world
        healed = world.core is not None and world.healed_s is not None and heard.began_s >= world.healed_s
        all_but_the_end = "".join(heard.pieces[valid_from(heard) :]) == world.whole(heard.call)
        if not healed or heard.finished or all_but_the_end:
            return
        if not isinstance(heard.error, StreamInterrupted) or not self._core_is_left_alone():
            kinds = [(attempt.target, attempt.why, attempt.kind) for attempt in report.attempts]
            skips = [(skip.target, skip.reason) for skip in report.skipped]
            self.blame("I10", heard.call, f"a healthy target stood by, and it ended {report.outcome}: {kinds} {skips}")

    def _unharmed(self, heard: Heard, report: Report) -> None:
        """A request that fails everywhere costs no other call its answer (I49)."""
        if self._world.mode == "poisoned" and not (heard.poisoned or heard.left or heard.finished):
            kinds = [(attempt.target, attempt.why, attempt.kind) for attempt in report.attempts]
            self.blame("I49", heard.call, f"all targets are well, and it ended {report.outcome}: {kinds}")

    def _core_is_left_alone(self) -> bool:
        """Its parks and its breaker outlast what was wrong with it: may it not be asked at this moment?"""
        lives = self._router._entered().generation.all_live()
        core = next(live for live in lives if live.label == self._world.core)
        return core.health.refusal(self._loop.time()) is not None

    def _trace(self, heard: Heard, report: Report) -> None:
        attempts = [(a.target, a.why, a.outcome, a.kind and a.kind.value, a.ended_s) for a in report.attempts]
        self._network.note(f"call {heard.call} {report.outcome} {attempts} {heard.pieces}")
        self.edges[f"caller {heard.temper}"] += 1
        if heard.turn is not None:
            self.edges[f"{heard.temper} in turn {heard.turn}"] += 1
        if heard.poisoned:
            self.edges[f"poison {self._world.poison}"] += 1
        for attempt in report.attempts:
            self.edges[f"ask {attempt.why}"] += 1
            if attempt.target == self._world.standby:
                self.edges["ask standby"] += 1
            if attempt.kind is not None:
                self.edges[f"kind {attempt.kind.value}"] += 1
        for skip in report.skipped:
            self.edges[f"skip {skip.reason}"] += 1
        for wait in report.waits:
            self.edges[f"wait {wait.reason}"] += 1
        for switch in report.switches:
            self.edges[f"switch {switch.policy}"] += 1
        ended = type(heard.error).__name__ if isinstance(heard.error, CallFailed) else report.outcome
        self.edges[f"end {ended}"] += 1

    def _look_again(self, call: int, given_up: bool) -> None:
        due_s = self._loop.time() + LEFT_WITHIN_S
        self._loop.call_at(due_s, self._left, call, given_up, due_s)

    def _left(self, call: int, given_up: bool, due_s: float) -> None:
        """A little later, no target generates for a call that is over (I14, I15)."""
        if self._loop.time() > due_s + SLACK_S:  # the process stood still, and all that was due comes at once
            self._look_again(call, given_up)
            return
        for exchange in self._simulator.exchanges:
            if exchange.ended is None and f"#{call} ".encode() in exchange.request.body and given_up:
                self.blame("I14", call, f"{exchange.provider} still answers, though the call is over")

    def unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop reports a lost task, an exception that no code has read, or a callback that raised (I17).

        A log that cannot be written is reported here, too: once, and only where it raises.
        """
        if "log cannot be written" in context["message"]:
            self._log_told += 1
            if self._log_told == 1 and "raising_logs" in self._world.points:
                return
        self.blame("I17", None, f"the loop says: {context['message']} {context.get('exception')!r}")

    # The world is over

    def settled(self) -> None:
        """All calls have ended: what was taken has been given back (I17, I18)."""
        self.health.settle(self._world.stalled_s)
        shared = self._router._entered()
        if shared.generation.calls:
            self.blame("I18", None, f"{len(shared.generation.calls)} calls are counted as in flight")
        if shared.waiting:
            self.blame("I18", None, f"{len(shared.waiting)} calls wait for a return")
        for live in shared.generation.all_live():
            if live.limits.in_flight or live.limits.queue:
                held = f"{live.limits.in_flight} permits are out, {len(live.limits.queue)} calls stand in line"
                self.blame("I18", None, f"{live.label}: {held}")
            if live.health.probing:
                self.blame("I23", None, f"{live.label}: a probe is out that no call sent")
            transport = live._transport.present
            if not isinstance(transport, HttpTransport):
                continue  # it was asked nothing
            if transport.open_exchanges:
                self.blame("I17", None, f"{live.label}: {transport.open_exchanges} exchanges are open")
            if transport.connections_in_use:
                self.blame("I17", None, f"{live.label}: {transport.connections_in_use} connections are taken")
        told = Counter(each.call for each in self._world.told)
        if any(call >= self._world.streams for call in told):
            self.blame("I41", None, "a provider was asked for a call that no caller made")

    def closed(self) -> None:
        """The Router is closed: nothing of it is left (I10, I17)."""
        mine = asyncio.current_task()
        for task in asyncio.all_tasks():
            name = getattr(task.get_coro(), "__qualname__", "")
            if task is not mine and not name.startswith("Connection."):
                self.blame("I10", None, f"a task outlives the Router: {name} {task.get_name()}")
        if self._network.open:
            self.blame("I17", None, f"{len(self._network.open)} connections are open")


def _line(world: World, invariant: str, call: int | None, words: str) -> str:
    where = "" if call is None else f" call {call}"
    return f"{invariant} seed {world.mode} {world.seed}{where}: {words}"
