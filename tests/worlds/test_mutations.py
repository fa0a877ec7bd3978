"""Bugs made on purpose: the monitors of the simulated worlds find each of them, and nothing in the same worlds without.

A mutation patches one place of the engine; worlds are played until a monitor speaks, in at most 840 streams.
"""

import functools
import gc
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standby.providers.errors import ErrorKind, ProviderError
from standby.providers.events import Finished, TextDelta
from standby.providers.http.exchange import HttpExchange
from standby.router.engine.attempt import Attempt
from standby.router.engine.call import Call
from standby.router.engine.context import CallContext
from standby.router.engine.held_back import hold_back
from standby.router.engine.target_attempts import TargetAttempts
from standby.router.engine.watchdog import NEVER, Watchdog
from standby.router.failover.course import Course
from standby.router.failover.seam import TextSeam
from standby.router.failover.steps import Policy
from standby.router.health.breaker import Breaker
from standby.router.health.lease import Lease
from standby.router.limits.limiter import Permit
from standby.router.notices.log import LOGGER, CallLog
from standby.router.result.report import AttemptReport

from worlds.__main__ import play
from worlds.draw import CANARY_KEY, Mode
from worlds.world import STREAMS

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]

STREAMS_MAX = 840
SEEDS = range(STREAMS_MAX // STREAMS)

MUTATIONS: dict[str, tuple[Mutation, str, Mode]] = {}
"""By name, with the invariants of which one must be seen to break, and in which worlds."""


def mutation(breaks: str, mode: Mode = "safety") -> Callable[[Mutation], Mutation]:
    """Put a bug on the list.

    Args:
        breaks: Invariants.
        mode: Of the worlds that it is looked for in: in liveness mode more answers are gone on with.
    """

    def listed(patch: Mutation) -> Mutation:
        MUTATIONS[patch.__name__] = (patch, breaks, mode)
        return patch

    return listed


def around(patch: Patch, owner: type, name: str) -> Callable[[Callable[..., Any]], None]:
    """Replace a method by one that is handed the original first."""
    original = getattr(owner, name)

    def replaced(new: Callable[..., Any]) -> None:
        patch.setattr(owner, name, functools.partialmethod(_bound, new, original))

    return replaced


def _bound(self: Any, new: Callable[..., Any], original: Callable[..., Any], *args: Any, **named: Any) -> Any:
    return new(original, self, *args, **named)


async def fails() -> None:
    """In a task without an owner."""
    raise RuntimeError


def nothing(*_: Any, **__: Any) -> None:
    """In place of what is forgotten."""


def reshaped(patch: Patch, reshape: Callable[[list[Any]], list[Any]]) -> None:
    """Let the caller get other events than the engine has."""

    @around(patch, Call, "next")
    async def _(original: Any, call: Call) -> list[Any]:
        while batch := await original(call):
            if changed := reshape(batch):
                return changed
        return []


def deltas(batch: list[Any]) -> list[int]:
    return [place for place, event in enumerate(batch) if type(event) is TextDelta]


# What a caller gets


@mutation("I2 I3 I4 I6")
def drops_a_delta(patch: Patch) -> None:
    turns = iter(range(1_000_000))

    def reshape(batch: list[Any]) -> list[Any]:
        places = deltas(batch)
        return [*batch[: places[0]], *batch[places[0] + 1 :]] if places and next(turns) % 7 == 3 else batch

    reshaped(patch, reshape)


@mutation("I2 I3")
def repeats_a_delta(patch: Patch) -> None:
    reshaped(patch, lambda batch: [batch[0], *batch] if type(batch[0]) is TextDelta else batch)


@mutation("I2 I3")
def swaps_two_deltas(patch: Patch) -> None:
    def reshape(batch: list[Any]) -> list[Any]:
        places = deltas(batch)
        if len(places) > 1:
            first, second = places[:2]
            batch = [*batch]
            batch[first], batch[second] = batch[second], batch[first]
        return batch

    reshaped(patch, reshape)


@mutation("I1")
def ends_twice(patch: Patch) -> None:
    reshaped(patch, lambda batch: [*batch, batch[-1]] if type(batch[-1]) is Finished else batch)


@mutation("I2 I3")
def delivers_the_text_of_a_failed_attempt(patch: Patch) -> None:
    held: dict[int, list[Any]] = {}

    async def hold(context: CallContext, target_attempts: TargetAttempts, first: list[Any]) -> Any:
        found = await hold_back(context, target_attempts, first)
        if not isinstance(found, list):
            held[id(context)] = [first[place] for place in deltas(first)]
        return found

    patch.setattr("standby.router.engine.call.hold_back", hold)

    @around(patch, Call, "_commit")
    def _(original: Any, call: Call, target_attempts: TargetAttempts, batch: list[Any]) -> Any:
        return original(call, target_attempts, [*held.pop(id(call._context), []), *batch])


@mutation("I2 I3")
def asks_again_after_the_commit(patch: Patch) -> None:
    async def resume(call: Any, source: int, broken: ProviderError) -> Any:
        now_s = call._context.loop.time()
        call._current = target_attempts = TargetAttempts(call._context, source)
        return call._hand_over(target_attempts, await target_attempts.once("retry", now_s + 2.0, "no"))

    patch.setattr(Call, "_resume", resume)


@mutation("I4")
def takes_a_cut_answer_for_whole(patch: Patch) -> None:
    @around(patch, Attempt, "_read")
    async def _(original: Any, attempt: Any, until_s: float | None = None) -> Any:
        try:
            return await original(attempt, until_s)
        except ProviderError as error:
            if error.kind is not ErrorKind.TRUNCATED or attempt.report.first_delta_s is None:
                raise
            attempt.finished = True
            return [Finished("stop", "stop")]


# How answers are joined, and what of a text arrives

BREAKS = ("rst_mid", "fin_mid", "stall_mid", "no_end", "error_mid")


def breaks_off(patch: Patch) -> None:
    """Nothing goes wrong in the worlds but that answers break off: more of them are gone on with."""
    patch.setattr("worlds.draw.ALL_FAULTS", BREAKS)


@mutation("I2 I3 I4")
def trims_the_white_space_at_a_seam(patch: Patch) -> None:
    def settle(original: Any, seam: TextSeam, left_out: int, following: list[Any]) -> Any:
        head = "".join(seam._pieces)
        return original(seam, max(left_out, len(head) - len(head.lstrip())), following)

    around(patch, TextSeam, "_settle")(settle)


@mutation("I2 I4", "liveness")
def takes_what_is_said_again_for_an_echo(patch: Patch) -> None:
    breaks_off(patch)

    def settle(original: Any, seam: TextSeam, left_out: int, following: list[Any]) -> Any:
        head = "".join(seam._pieces)
        said_again = [size for size in range(4, len(head) + 1) if seam._delivered.endswith(head[:size])]
        return original(seam, max([left_out, *said_again]), following)

    around(patch, TextSeam, "_settle")(settle)


@mutation("I2 I4", "liveness")
def joins_a_server_that_begins_anew(patch: Patch) -> None:
    breaks_off(patch)
    patch.setattr("standby.router.failover.seam._Again.possible", lambda *_: False)


@mutation("I2 I3 I4")
def drops_half_of_a_character(patch: Patch) -> None:
    def reshape(batch: list[Any]) -> list[Any]:
        places = [place for place in deltas(batch) if batch[place].text[0] > "\uffff"]
        return (
            [*batch[: places[0]], TextDelta("\ufffd" + batch[places[0]].text[1:]), *batch[places[0] + 1 :]]
            if places
            else batch
        )

    reshaped(patch, reshape)


@mutation("I31")
def decodes_all_there_is_in_one_turn(patch: Patch) -> None:
    patch.setattr("standby.providers.http.body.PIECE_MAX_BYTES", 1 << 30)


# What is held, and for how long


@mutation("I18")
def forgets_to_give_a_permit_back(patch: Patch) -> None:
    patch.setattr(Permit, "release", nothing)


@mutation("I23")
def forgets_to_settle_the_lease_of_one_who_left(patch: Patch) -> None:
    patch.setattr(Lease, "abandoned", nothing)


@mutation("I14 I17")
def leaks_a_connection(patch: Patch) -> None:
    patch.setattr(HttpExchange, "close", nothing)


@mutation("I14 I17")
def leaves_the_provider_generating(patch: Patch) -> None:
    patch.setattr(Attempt, "abort", nothing)


@mutation("I9 I12")
def ignores_the_deadline(patch: Patch) -> None:
    def later(deadline_s: float, *rest: Any) -> Policy:
        return Policy(deadline_s + 300.0, *rest)

    patch.setattr("standby.router.engine.context.Policy", later)


@mutation("I21")
def tries_one_target_without_end(patch: Patch) -> None:
    @around(patch, Course, "attempt_failed")
    def _(original: Any, course: Any, index: int, error: ProviderError, now_s: float, **how: Any) -> Any:
        course.standings.of(index).tries = 0
        return original(course, index, error, now_s, **how)


@mutation("I11")
def takes_every_ring_of_the_timer_for_the_end_of_a_clock(patch: Patch) -> None:
    @around(patch, Watchdog, "_ring")
    def _(original: Any, watch: Any) -> None:
        for watched in list(watch._watched):
            if watched.limit_s != NEVER:
                watched.expire()
        original(watch)


@mutation("I17")
def forgets_a_task_that_fails(patch: Patch) -> None:
    @around(patch, Call, "cancel")
    def _(original: Any, call: Any) -> None:
        call._context.loop.create_task(fails())
        original(call)


# The target blamed


@mutation("I23")
def closes_the_breaker_when_a_probe_is_left(patch: Patch) -> None:
    patch.setattr(Breaker, "abandon_probe", Breaker.close)


@mutation("I24")
def blames_the_target_when_a_caller_leaves(patch: Patch) -> None:
    def abandoned(lease: Lease, now_s: float) -> None:
        lease.failed(ProviderError(ErrorKind.SERVER_ERROR), now_s)

    patch.setattr(Lease, "abandoned", abandoned)


@mutation("I24")
def calls_everybody_slow(patch: Patch) -> None:
    @around(patch, Attempt, "open")
    def _(original: Any, attempt: Attempt, *what: Any, **how: Any) -> Any:
        attempt.admission.lease.slow = True
        return original(attempt, *what, **how)


@mutation("I49", "poisoned")
def counts_what_one_request_has_caused_everywhere(patch: Patch) -> None:
    patch.setattr("standby.router.health.doubts.alike", lambda *_: False)


# What is told


@mutation("I1 I17")
def passes_on_what_a_log_raises(patch: Patch) -> None:
    def failed(_: CallLog, error: Exception) -> None:
        raise error

    patch.setattr(CallLog, "_failed", failed)


@mutation("I44")
def reports_a_key(patch: Patch) -> None:
    @around(patch, AttemptReport, "failed")  # behind the mask, which finds a key wherever a provider repeats it
    def _(original: Any, report: AttemptReport, error: ProviderError, now_s: float) -> None:
        error.detail = f"{error.detail} with {CANARY_KEY}"
        original(report, error, now_s)


@mutation("I44")
def logs_a_key(patch: Patch) -> None:
    @around(patch, Lease, "committed")
    def _(original: Any, lease: Lease, now_s: float) -> None:
        logging.getLogger(LOGGER).debug("asked with %s", CANARY_KEY)
        original(lease, now_s)


@mutation("I45")
def shows_the_prompt_in_an_exception(patch: Patch) -> None:
    @around(patch, TargetAttempts, "failed")
    def _(original: Any, target_attempts: Any, error: ProviderError) -> None:
        error.detail = f"{error.detail} for {target_attempts.context.chat.messages[0].content[0].text}"
        original(target_attempts, error)


@pytest.fixture(autouse=True)
def _stands_still_at_once(monkeypatch: Patch) -> None:
    """A bug that lets every task wait for ever costs no real time."""
    monkeypatch.setattr("standby.simulator.virtual.loop.THREADS_MAX_S", 0.0)


def violations(mode: Mode) -> Iterator[str]:
    for seed in SEEDS:
        yield from play(seed, mode).violations


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a bug that leaks leaves what it has leaked
@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.filterwarnings("ignore")  # a bug may leave behind what it likes
def test_the_monitors_find(name: str, monkeypatch: Patch) -> None:
    patch, breaks, mode = MUTATIONS[name]
    patch(monkeypatch)
    found = next((each for each in violations(mode) if each.split()[0] in breaks.split()), None)
    gc.collect()  # here, and not in a later test
    assert found is not None, f"no monitor of {breaks} has seen it in {STREAMS_MAX} streams"


@pytest.mark.parametrize("mode", sorted({mode for _, _, mode in MUTATIONS.values()}))
def test_without_a_bug_the_same_worlds_are_sound(mode: Mode) -> None:
    assert list(violations(mode)) == []


def test_without_a_bug_worlds_in_which_answers_break_off_are_sound(monkeypatch: Patch) -> None:
    breaks_off(monkeypatch)
    assert list(violations("liveness")) == []
