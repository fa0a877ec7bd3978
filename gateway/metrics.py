"""Counters for scraping, in Prometheus's text: what requests, attempts and targets did.

Labels hold names from the configuration and words of ours alone; any other name is `other`, so that no client can make
a series. The children of a label are looked up once and kept.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..config.model import Config
from ..router.health.snapshot import HealthSnapshot
from .record import NO_ROUTE, Record

OTHER = "other"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
OVERHEAD_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

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
        self._children: dict[tuple[object, ...], Any] = {}
        self.registry = registry = CollectorRegistry(auto_describe=False)

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"standby_{name}", about, labels, registry=registry)

        def histogram(name: str, about: str, buckets: Iterable[float] = SECONDS) -> Histogram:
            return Histogram(f"standby_{name}", about, ("ingress", "route"), buckets=tuple(buckets), registry=registry)

        self._requests = counter("requests", "Requests answered", "ingress", "route", "status", "outcome")
        self._seconds = histogram("request_seconds", "From a request's head to the end of its answer")
        self._first = histogram("first_delta_seconds", "From a request's head to the first byte of its answer")
        self._overhead = histogram("overhead_seconds", "The gateway's own part of it", OVERHEAD_SECONDS)
        self._attempts = counter("attempts", "Attempts at targets", "target", "outcome", "kind", "why")
        self._handovers = counter("handovers", "Calls that went on at another target", "from", "to", "when")
        self._tokens = counter("tokens", "Tokens", "route", "direction")
        self._cost = counter("cost_usd", "US dollars, as far as prices are known", "route")
        self._rejected = counter("rejected", "Requests refused by the gateway itself", "reason")
        build = Gauge("standby_build_info", "This gateway", ("version",), registry=registry)
        build.labels(version).set(1)
        flying = Gauge("standby_in_flight", "Requests without an end so far", registry=registry)
        flying.set_function(in_flight)
        registry.register(_States(health, self._target))

    def __call__(self, record: Record) -> None:
        """Count a request that is over."""
        self._refresh()
        ingress, route = record.ingress, self._route(record.route)
        self._child(self._requests, ingress, route, str(record.status), record.outcome).inc()
        self._child(self._seconds, ingress, route).observe(record.total_s)
        if record.first_s is not None:
            self._child(self._first, ingress, route).observe(record.first_s)
        if record.overhead_s is not None:
            self._child(self._overhead, ingress, route).observe(max(0.0, record.overhead_s))
        for direction, tokens in (("input", record.input_tokens), ("output", record.output_tokens)):
            if tokens:
                self._child(self._tokens, route, direction).inc(tokens)
        if record.cost_usd:
            self._child(self._cost, route).inc(record.cost_usd)
        if record.limited_by is not None:
            self._child(self._rejected, record.limited_by).inc()
        elif record.outcome == "refused":
            self._child(self._rejected, record.kind or OTHER).inc()
        self._count_attempts(record)

    def rejected(self, reason: str) -> None:
        """Count a request or connection that the server itself has refused; the reason is a word of ours."""
        self._child(self._rejected, reason).inc()

    def render(self) -> bytes:
        """All of it, as text."""
        self._refresh()
        return generate_latest(self.registry)

    def _count_attempts(self, record: Record) -> None:
        before = ""
        policies = ("continue", "ask_to_continue", "replay", "restart")
        for attempt in record.attempts:
            target = self._target(attempt.target)
            self._child(self._attempts, target, attempt.outcome, attempt.kind or "", attempt.why).inc()
            if before and before != target:
                self._child(self._handovers, before, target, "after" if attempt.why in policies else "before").inc()
            before = target

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

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
