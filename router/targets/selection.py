"""Which targets a call may ask, in what order, and why others are left out: pure, from request and newest state.

An unknown capability never keeps a target out; its provider may still say `unsupported`, before anything is sent.
"""

import hashlib
import math
import random
from collections.abc import Sequence
from typing import NamedTuple, Self

from ...config.route import Select
from ...providers.capabilities import Capabilities
from ...providers.chat import ChatRequest
from ...providers.errors import MissingExtraError
from ...providers.provider import Unsupported
from ..limits.token_estimate import demand, estimated_tokens
from ..result.reasons import SkipReason
from .limited_target import CallTarget
from .route_target import CONFIDENT, RouteTarget

UNASKABLE = (Unsupported, MissingExtraError)
"""Raised before anything is sent: this target is of no use for this request, and others may well be."""


def unaskable(problem: Unsupported | MissingExtraError) -> tuple[SkipReason, str]:
    """Reason and detail of such a target."""
    if isinstance(problem, MissingExtraError):
        return "missing_extra", str(problem)
    return "unsupported", f"cannot express {problem}"


class Needs(NamedTuple):
    """The needs of a request, which its target must meet. Found out once per call."""

    images: bool
    tools: bool
    json_schema: bool
    tokens: int

    @classmethod
    def of(cls, chat: ChatRequest) -> Self:
        tokens, form = estimated_tokens(chat), chat.response_format
        of_schema = form is not None and bool(form.schema)
        if len(chat.messages) == 1 and chat.messages[0].plain_text is not None:
            return cls(False, bool(chat.tools), of_schema, tokens)
        return cls(chat.has_images, chat.has_tools, of_schema, tokens)


def lacks(needs: Needs, capabilities: Capabilities) -> str | None:
    """What the request needs and the target is known not to have; None when nothing is known to lack."""
    if needs.images and capabilities.images is False:
        return "takes no images"
    if needs.tools and capabilities.tools is False:
        return "takes no tools"
    if needs.json_schema and capabilities.json_schema is False:
        return "gives no structured output"
    return None


def all_take_any(route_targets: Sequence[CallTarget]) -> bool:
    """Is nothing known of any of them for which a request may have to be `left_out`?"""
    for route_target in route_targets:  # noqa: SIM110 - a generator would cost more than all the rest
        if not route_target.takes_any:
            return False
    return True


def speaks_otherwise(route_target: CallTarget, dialect: str) -> tuple[SkipReason, str] | None:
    """Reason and detail when a target cannot be told a request that only targets of one dialect understand whole."""
    spoken = route_target.live.dialect
    if spoken == dialect:
        return None
    return "unsupported", f"speaks {spoken!r}, and only {dialect!r} has words for all of it"


def left_out(route_target: CallTarget, needs: Needs) -> tuple[SkipReason, str] | None:
    """Reason and detail when a target is of no use for a request, whatever its health."""
    if route_target.outside is not None:
        return "out_of_bounds", route_target.outside
    if flaw := route_target.live.flaw:
        return flaw
    if route_target.fit != "off" and (problem := lacks(needs, route_target.capabilities)):
        return "unsupported", problem
    window = route_target.capabilities.context_window
    if window is not None and needs.tokens > window * CONFIDENT:
        return "context_window", f"about {needs.tokens} tokens are too many for its window of {window}"
    return None


def ordered(
    route_targets: Sequence[RouteTarget],
    select: Select,
    chat: ChatRequest,
    sticky: str | None,
    now_s: float,
    rng: random.Random,
) -> Sequence[RouteTarget]:
    """The route targets in the order in which this call asks them.

    Args:
        sticky: A conversation's key: within a tier its calls go to the same target while that is well, so that prompt
            caches stay warm.
    """
    loop_with = _tool_loop_with(chat) if chat.messages[-1].role == "tool" else None
    if select == "priority" and sticky is None and loop_with is None:
        for route_target in route_targets:
            if route_target.live.health.ramp.from_s is not None:
                break
        else:
            return route_targets  # as written: what nearly every call wants costs nothing
    order = _ramped(_by_tier(route_targets, select, chat, sticky, rng), now_s, rng)
    if loop_with is not None:  # a provider that began a tool loop holds its opaque state: ask it while it is well
        order.sort(key=lambda route_target: route_target.live.target.provider != loop_with)
    return order


def planned(
    route_targets: Sequence[RouteTarget], select: Select, chat: ChatRequest, sticky: str | None
) -> Sequence[RouteTarget]:
    """The order as far as nothing is drawn for it: by cost, and by a conversation's key."""
    undrawn: Select = select if select == "cost" else "priority"
    if undrawn == "priority" and sticky is None:
        return route_targets
    return _by_tier(route_targets, undrawn, chat, sticky, random.Random(0))  # noqa: S311 - nothing is drawn from it


def _by_tier(
    route_targets: Sequence[RouteTarget], select: Select, chat: ChatRequest, sticky: str | None, rng: random.Random
) -> list[RouteTarget]:
    tiers: dict[int, list[RouteTarget]] = {}
    for route_target in route_targets:
        tiers.setdefault(route_target.tier, []).append(route_target)
    order: list[RouteTarget] = []
    for tier in tiers.values():
        order += _within(tier, select if tier[0].only_on is None else "priority", chat, sticky, rng)
    return order


def _within(
    tier: list[RouteTarget], select: Select, chat: ChatRequest, sticky: str | None, rng: random.Random
) -> list[RouteTarget]:
    if len(tier) == 1:
        return tier
    if sticky is not None:
        return sorted(tier, key=lambda route_target: _rendezvous(sticky, route_target), reverse=True)
    match select:
        case "priority":
            return tier
        case "weighted":
            # Exponential keys: sorting by them draws without replacement, in proportion to the weights.
            return sorted(
                tier,
                key=lambda route_target: (
                    -math.log(1.0 - rng.random()) / route_target.weight if route_target.weight else math.inf
                ),
            )
        case "latency":
            shuffled = rng.sample(tier, len(tier))
            one, two = shuffled[:2]
            # The quicker of two: unlike the quickest of all, it does not send all calls to the same target.
            # Targets without samples sort first, so that they get some.
            if (two.live.latency.ewma_s or 0.0) < (one.live.latency.ewma_s or 0.0):
                shuffled[:2] = [two, one]
            return shuffled
        case "cost":
            usage = demand(chat).likely
            return sorted(
                tier,
                key=lambda route_target: math.inf if (rates := route_target.live.rates) is None else rates.cost(usage),
            )


def _rendezvous(key: str, route_target: RouteTarget) -> float:
    """Highest random weight: when a target goes, only its own conversations move."""
    digest = hashlib.blake2b(f"{key}\0{route_target.label}".encode(), digest_size=8).digest()
    drawn = (int.from_bytes(digest, "big") + 1) / 2**64
    return route_target.weight / -math.log(drawn) if drawn < 1.0 else math.inf


def _ramped(order: list[RouteTarget], now_s: float, rng: random.Random) -> list[RouteTarget]:
    """Those in slow start take only a growing share: else a target that is just back would drown at once."""
    back: list[RouteTarget] = [
        route_target for route_target in order if route_target.live.health.ramp.from_s is not None
    ]
    late = [route_target for route_target in back if rng.random() > route_target.live.health.share(now_s)]
    return [route_target for route_target in order if route_target not in late] + late if late else order


def _tool_loop_with(chat: ChatRequest) -> str | None:
    """The provider that made the tool calls that the last messages answer, if the conversation has its opaque state."""
    for message in reversed(chat.messages):
        if message.role == "assistant":
            return message.origin.provider if message.origin is not None else None
    return None
