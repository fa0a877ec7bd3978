"""A route: an ordered list of targets, and the policy of a call on it."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar

from ..providers.bare import door_of
from ..providers.capabilities import Fit
from ..providers.errors import AskAnother, ErrorKind, RetryRule
from ..providers.sendable import type_name
from ..providers.sequences import ListOf
from .bounds import Bounds
from .errors import ConfigError, NoTargets
from .field_types import STRICT, Count, Dollars, Parameters, Ratio, Seconds
from .fields import NameOrTarget
from .held import check
from .labels import Wanted
from .limits import Retry
from .target import Target

T = TypeVar("T")

AllOpen: TypeAlias = Literal["wait", "last_resort", "fail"]

MidStream: TypeAlias = Literal["continue", "ask_to_continue", "replay", "restart"]

Upstream: TypeAlias = Literal["stream", "single"]

CONTINUE = (
    "Your answer was cut off. First say its last two sentences or lines again, exactly as they stand there, up to the"
    " cut. Then go on from there, without any comment."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How much of an answer is held before its first delta is delivered. Whichever comes first ends it.

    Holding trades the time to the first token for handovers that the caller never sees. It never outlasts the deadline,
    nor a mebibyte of text. With neither number given, the whole answer is held.

    Attributes:
        deltas: Maximum useful deltas held.
        for_s: Maximum seconds after the first useful delta.
    """

    __pydantic_config__: ClassVar = STRICT

    deltas: Count | None = None
    for_s: Seconds | None = None

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """When a second target is asked beside one that stays silent. The first useful delta wins, the other is closed.

    Attributes:
        after: Seconds of silence, or a percentile of the target's own recent first deltas (`p95`).
        budget_ratio: Hedges may be at most this share of the route's calls.
    """

    __pydantic_config__: ClassVar = STRICT

    after: Seconds | Literal["p50", "p75", "p90", "p95", "p99"] = "p95"
    budget_ratio: Ratio = 0.05

    def __post_init__(self) -> None:
        if not isinstance(self.after, str):
            check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What may follow an error of one kind on a route. What is not given stays as the table of kinds has it.

    Attributes:
        retry: May the same target be asked again, and how?
        ask_another: May another target be asked, and which?
    """

    __pydantic_config__: ClassVar = STRICT

    retry: RetryRule | None = None
    ask_another: AskAnother | None = None


Tier: TypeAlias = tuple[Annotated[str | Target, NameOrTarget()], ...]

Targets: TypeAlias = ListOf[str | Target | ListOf[str | Target]]
"""Targets as code gives them, the best first. A list inside the list is a tier."""

Select: TypeAlias = Literal["priority", "weighted", "latency", "cost"]

WEIGHT = Bounds(at_least=0, at_most=1_000_000)

Weight: TypeAlias = Annotated[float, WEIGHT]

ENDS = frozenset((ErrorKind.DEADLINE, ErrorKind.CANCELLED))
"""Kinds that end a call whatever its route says."""


@door_of
@dataclass(frozen=True, slots=True)
class Route:
    """An ordered list of targets and the policy of a call.

    Attributes:
        targets: Names of configured targets, `provider/model`, or `Target`s; the best first. A list inside the list is
            a tier; its targets stand side by side, and `select` says which of them is asked first. The name of another
            route stands for its targets.
        require: Labels that a target must have to be asked, as `region: eu`, or `region: [eu, ch]` for any of these.
        avoid: Labels, likewise, that it must not have.
        select: Within a tier: as written, drawn by weight, the quicker of two drawn at random, or the one for which
            this request is estimated to cost least. A route without tiers is one tier, except for `priority`.
        weights: For `weighted`: a target's name and its share; 1 unless given, 0 for only as a last choice.
        deadline_s: Of a call on this route; None: the default.
        first_delta_s, stall_s, total_s: Clocks on this route, for targets that have none of their own; None: those of
            `limits`.
        all_open: When every target is being left alone: wait for the first to return within the deadline, ask the
            one that returns first all the same, or fail at once.
        mid_stream: What may follow when an answer breaks off after its first delta, tried in order.
        fit: How a request is made fit for a target that does not say it itself: moved to the nearest value that is
            taken, with a note; refused where it would have to be moved; or sent as it was written.
        upstream: Ask providers for a stream, which shows that they are alive, or for one JSON body, which is cheaper.
        parameters: Defaults for fields of the request that neither caller nor target sets.
        retry: How often one target is asked; None: as the section `retry` says, and so is what it leaves open.
        ask_another_when_empty: Whether an answer without anything in it goes to the next target.
        repair: Whether a target whose answer is not of the class that was asked for (`response_format=Model`) is asked
            once more, with what the validator says of it; once in a call.
        on: By kind of error, which targets are asked next when an attempt fails that way, and for as long as a target
            is left alone or left out for that kind (a park, an open breaker, too small a window). They are asked for
            nothing else.
        errors: By kind of error, what may follow it on this route, where that is not what the table of kinds says.
        hold: Hold this much of an answer back before anything is delivered; until then every failure is invisible.
        hedge: Ask a second target beside one that stays silent. It may bill twice.
        instruction: What `ask_to_continue` says to the next target, after the delivered text as an assistant's turn.
        budget_day: The most US dollars for calls on this route within a day, UTC, at all targets. What a target
            without a known price costs is not counted.
        budget_month: The same within a calendar month.
    """

    __pydantic_config__: ClassVar = STRICT

    targets: tuple[Annotated[str | Target | Tier, NameOrTarget()], ...]
    _: KW_ONLY
    require: Wanted = field(default_factory=dict)
    avoid: Wanted = field(default_factory=dict)
    select: Select = "priority"
    weights: Mapping[str, Weight] = field(default_factory=dict)
    deadline_s: Seconds | None = None
    first_delta_s: Seconds | None = None
    stall_s: Seconds | None = None
    total_s: Seconds | None = None
    all_open: AllOpen = "wait"
    mid_stream: tuple[MidStream, ...] = ("continue", "replay", "ask_to_continue")
    fit: Fit = "nearest"
    upstream: Upstream = "stream"
    parameters: Parameters = field(default_factory=dict, repr=False)
    retry: Retry | None = None
    ask_another_when_empty: bool = True
    repair: bool = False
    on: Mapping[ErrorKind, Tier] = field(default_factory=dict)
    errors: Mapping[ErrorKind, Handling] = field(default_factory=dict)
    hold: Hold | None = None
    hedge: Hedge | None = None
    instruction: str = CONTINUE
    budget_day: Dollars | None = None
    budget_month: Dollars | None = None

    if TYPE_CHECKING:  # code may write lists for tuples, and kinds of error as texts

        def __init__(
            self,
            targets: Targets,
            *,
            require: Wanted = ...,
            avoid: Wanted = ...,
            select: Select = "priority",
            weights: Mapping[str, float] = ...,
            deadline_s: float | None = None,
            first_delta_s: float | None = None,
            stall_s: float | None = None,
            total_s: float | None = None,
            all_open: AllOpen = "wait",
            mid_stream: ListOf[MidStream] = ...,
            fit: Fit = "nearest",
            upstream: Upstream = "stream",
            parameters: Mapping[str, object] = ...,
            retry: Retry | None = None,
            ask_another_when_empty: bool = True,
            repair: bool = False,
            on: Mapping[ErrorKind, ListOf[str | Target]] | Mapping[str, ListOf[str | Target]] = ...,
            errors: Mapping[ErrorKind, Handling] | Mapping[str, Handling] = ...,
            hold: Hold | None = None,
            hedge: Hedge | None = None,
            instruction: str = ...,
            budget_day: float | None = None,
            budget_month: float | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "on", {kind: listed(tier) for kind, tier in _of_kinds("on", self.on)})
        for kind in set(self.on) & ENDS:
            raise ConfigError(f"Route.on: after {kind.value!r} a call asks no target any more")
        object.__setattr__(self, "errors", dict(_of_kinds("errors", self.errors)))
        check(self)
        listed(self.targets)
        for kind, handling in self.errors.items():
            if not isinstance(handling, Handling):
                raise ConfigError(f"Route.errors: {kind.value!r} takes a Handling, but not {type(handling).__name__}")
        for name, weight in self.weights.items():
            if problem := WEIGHT.problem(weight):
                raise ConfigError(f"Route.weights: {name!r} {problem}")
        if not self.placed():
            raise NoTargets("a route needs at least one target")

    def placed(self) -> list[tuple[tuple[int, ...], str | Target]]:
        """Every target that is referred to, with its place: `(2,)`, or `(2, 0)` for the first of the tier at 2."""
        found: list[tuple[tuple[int, ...], str | Target]] = []
        for number, entry in enumerate(self.targets):
            if isinstance(entry, str | Target):
                found.append(((number,), entry))
            else:
                found += [((number, inside), each) for inside, each in enumerate(entry)]
        return found


def _of_kinds(name: str, given: Mapping[Any, T]) -> Iterator[tuple[ErrorKind, T]]:
    """The entries of a mapping from error kinds; code may also give the kinds as texts.

    Raises:
        ConfigError: A key is no error kind.
    """
    for key, value in given.items():
        try:
            yield ErrorKind(key), value
        except ValueError:
            near = difflib.get_close_matches(str(key), list(ErrorKind), n=1)
            meant = f"; did you mean {str(near[0])!r}?" if near else f"; known are {', '.join(ErrorKind)}"
            raise ConfigError(f"Route.{name}: {key!r} is no error kind{meant}") from None


def listed(targets: Any) -> tuple[Any, ...]:
    """Targets as code gives them, the best first, in the shape of `Route.targets`.

    Raises:
        ConfigError: They are no list of targets.
    """
    if isinstance(targets, str | Target):
        shown = repr(targets) if isinstance(targets, str) else "Target(…)"
        raise ConfigError(f"targets are given in a list, the best first: [{shown}]")
    if isinstance(targets, bytes | Mapping | Set) or not isinstance(targets, Iterable):
        raise ConfigError(f"targets must be a list of targets, the best first, but is a {type_name(targets)}")
    entries = tuple(targets)
    for entry in entries:
        for each in entry if isinstance(entry, list | tuple) else (entry,):
            if not isinstance(each, str | Target):
                raise ConfigError(
                    f"a target is a text like 'openai/gpt-5-mini', or a Target, but not {type_name(each)}"
                )
    return entries
