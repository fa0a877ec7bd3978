"""Counters for scraping, in Prometheus's text: what requests, attempts and targets did.

Labels hold names from the configuration and words of ours alone; any other name is `other`, so that no client can make
a series. Requests are tallied in plain numbers; a scrape makes Prometheus's words of them.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import TypeAlias, cast

from prometheus_client import CollectorRegistry, Gauge, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from ..config.model import Config
from ..router.health.snapshot import HealthSnapshot
from .record import NO_ROUTE, Record
from .tallies import Counter, Requests, Spread

OTHER = "other"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
OVERHEAD_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_MID_STREAM = frozenset(("continue", "ask_to_continue", "replay", "restart"))
"""Why an attempt is made that goes on with an answer of which something was told."""

_Kind: TypeAlias = tuple[str, str, int, str]
"""The protocol of a request, its route, its status and its outcome."""

STATES = ("closed", "half_open", "open", "parked", "isolated")


class Metrics:
    """The counters of one gateway.

    Args:
        config: Gives the configuration that holds now: its names may be labels.
        health: Gives how each target stands now.
        in_flight: Gives how many requests have not been answered to their end.
        version: Of this package.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        health: Callable[[], Iterable[HealthSnapshot]],
        in_flight: Callable[[], int],
        version: str,
    ) -> None:
        self._config, self._known_of = config, cast("Config | None", None)
        self._targets: frozenset[str] = frozenset()
        self._routes: frozenset[str] = frozenset()
        self._requests: dict[_Kind, Requests] = {}
        self._attempts = Counter("attempts", "Attempts at targets", "target", "outcome", "kind", "why")
        self._handovers = Counter("handovers", "Calls that went on at another target", "from", "to", "when")
        self._rejected = Counter("rejected", "Requests refused by the gateway itself", "reason")
        self.registry = registry = CollectorRegistry(auto_describe=False)
        registry.register(_Requests(self._requests))
        registry.register(_Counted((self._attempts, self._handovers, self._rejected)))
        build = Gauge("standby_build_info", "This gateway", ("version",), registry=registry)
        build.labels(version).set(1)
        flying = Gauge("standby_in_flight", "Requests without an end so far", registry=registry)
        flying.set_function(in_flight)
        registry.register(_States(health, self._target))

    def __call__(self, record: Record) -> None:
        """Count a request that is over."""
        self._refresh()
        kind = record.ingress, self._route(record.route), record.status, record.outcome
        of_kind = self._requests.get(kind)
        if of_kind is None:
            of_kind = self._requests[kind] = Requests(SECONDS, OVERHEAD_SECONDS)
        of_kind.count += 1
        of_kind.total.observe(record.total_s)
        if record.first_s is not None:
            of_kind.first.observe(record.first_s)
        if record.overhead_s is not None:
            of_kind.overhead.observe(max(0.0, record.overhead_s))
        of_kind.input_tokens += record.input_tokens or 0
        of_kind.output_tokens += record.output_tokens or 0
        of_kind.cost_usd += record.cost_usd or 0.0
        if record.limited_by is not None:
            self._rejected.add((record.limited_by,))
        elif record.outcome == "refused":
            self._rejected.add((record.kind or OTHER,))
        self._count_attempts(record)

    def rejected(self, reason: str) -> None:
        """Count a request or connection that the server itself has refused; the reason is a word of ours."""
        self._rejected.add((reason,))

    def render(self) -> bytes:
        """All of it, as text."""
        self._refresh()
        return generate_latest(self.registry)

    def _count_attempts(self, record: Record) -> None:
        before = ""
        for attempt in record.attempts:
            target = self._target(attempt.target)
            self._attempts.add((target, attempt.outcome, attempt.kind or "", attempt.why))
            if before and before != target:
                self._handovers.add((before, target, "after" if attempt.why in _MID_STREAM else "before"))
            before = target

    def _refresh(self) -> None:
        config = self._config()
        if config is not self._known_of:
            self._known_of = config
            self._routes = frozenset(config.routes)
            self._targets = frozenset((*config.targets, *(target.label for target in config.all_targets())))

    def _target(self, label: str) -> str:
        return label if label in self._targets else OTHER

    def _route(self, name: str) -> str:
        return name if name in self._routes or name == NO_ROUTE else OTHER


class _Requests(Collector):
    """What requests came to so far."""

    def __init__(self, requests: Mapping[_Kind, Requests]) -> None:
        self._requests = requests

    def collect(self) -> Iterable[Metric]:
        counted = Counter("requests", "Requests answered", "ingress", "route", "status", "outcome")
        tokens = Counter("tokens", "Tokens", "route", "direction")
        cost = Counter("cost_usd", "US dollars, as far as prices are known", "route")
        for (ingress, route, status, outcome), of_kind in self._requests.items():
            counted.add((ingress, route, str(status), outcome), of_kind.count)
            for labels, amount in (
                ((route, "input"), of_kind.input_tokens),
                ((route, "output"), of_kind.output_tokens),
            ):
                if amount:
                    tokens.add(labels, amount)
            if of_kind.cost_usd:
                cost.add((route,), of_kind.cost_usd)
        yield from map(_counter, (counted, tokens, cost))
        about = "From a request's head to the end of its answer"
        yield self._histogram("request_seconds", about, SECONDS, lambda of_kind: of_kind.total)
        about = "From a request's head to the first byte of its answer"
        yield self._histogram("first_delta_seconds", about, SECONDS, lambda of_kind: of_kind.first)
        about = "The gateway's own part of it"
        yield self._histogram("overhead_seconds", about, OVERHEAD_SECONDS, lambda of_kind: of_kind.overhead)

    def _histogram(
        self, name: str, about: str, bounds: tuple[float, ...], of: Callable[[Requests], Spread]
    ) -> HistogramMetricFamily:
        """One of their spreads, by protocol and route."""
        spreads: dict[tuple[str, str], Spread] = {}
        for (ingress, route, _, _), of_kind in self._requests.items():
            if of(of_kind).count:
                spreads.setdefault((ingress, route), Spread(bounds)).add(of(of_kind))
        family = HistogramMetricFamily(f"standby_{name}", about, labels=("ingress", "route"))
        named = [*map(floatToGoString, bounds), "+Inf"]
        for labels, spread in spreads.items():
            below = list(zip(named, accumulate(spread.counts), strict=True))
            family.add_metric(labels, below, spread.total_s)
        return family


class _Counted(Collector):
    """What else was counted so far."""

    def __init__(self, counters: Iterable[Counter]) -> None:
        self._counters = tuple(counters)

    def collect(self) -> Iterable[Metric]:
        return map(_counter, self._counters)


def _counter(counter: Counter) -> CounterMetricFamily:
    family = CounterMetricFamily(f"standby_{counter.name}", counter.about, labels=counter.labels)
    for labels, value in counter.values.items():
        family.add_metric(labels, value)
    return family


class _States(Collector):
    """The state of each target, at the moment of a scrape."""

    def __init__(self, health: Callable[[], Iterable[HealthSnapshot]], shown: Callable[[str], str]) -> None:
        self._health, self._shown = health, shown

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily("standby_target_state", "1 for the state it is in", labels=("target", "state"))
        counts: dict[tuple[str, str], int] = {}
        for snapshot in self._health():
            for state in STATES:
                key = self._shown(snapshot.target), state
                counts[key] = counts.get(key, 0) + (snapshot.state == state)
        for (target, state), count in counts.items():
            family.add_metric([target, state], count)
        yield family
