"""Counters for scraping, in Prometheus's text: what requests, attempts and targets did.

Labels hold names from the configuration and words of ours alone; any other name is `other`, so that no client can make
a series. Requests are tallied in plain numbers; a scrape makes Prometheus's words of them. Of several workers each
writes its tallies down now and then, see `worker_tallies`, and a scrape of their supervisor adds them up.
"""

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import cast

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from ..config.model import Config
from ..router.health.snapshot import HealthSnapshot
from .record import NO_ROUTE, Record
from .tallies import Counter, Requests, Spread, Tallies

OTHER = "other"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
OVERHEAD_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_MID_STREAM = frozenset(("continue", "ask_to_continue", "replay", "restart"))
"""Why an attempt is made that goes on with an answer of which something was told."""

STATES = ("closed", "half_open", "open", "parked", "isolated")


def new_tallies() -> Tallies:
    """Nothing counted so far."""
    return Tallies(SECONDS, OVERHEAD_SECONDS, LAG_SECONDS)


class Metrics:
    """The counters of one gateway.

    Args:
        config: Gives the configuration that holds now: its names may be labels.
        health: Gives how each target stands now.
        in_flight: Gives how many requests have not been answered to their end.
        version: Of this package.

    Attributes:
        tallies: What is counted so far.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        health: Callable[[], Iterable[HealthSnapshot]],
        in_flight: Callable[[], int],
        version: str,
    ) -> None:
        self._config, self._known_of = config, cast("Config | None", None)
        self._health, self._in_flight, self._version = health, in_flight, version
        self._targets: frozenset[str] = frozenset()
        self._routes: frozenset[str] = frozenset()
        self.tallies = new_tallies()

    def __call__(self, record: Record) -> None:
        """Count a request that is over."""
        self._refresh()
        route, tallies = self._route(record.route), self.tallies
        of_kind = tallies.of_requests((record.ingress, route, record.status, record.outcome))
        of_kind.count += 1
        of_kind.total.observe(record.total_s)
        if record.first_s is not None:
            of_kind.first.observe(record.first_s)
        if record.overhead_s is not None:
            of_kind.overhead.observe(max(0.0, record.overhead_s))
        if record.limited_by is not None:
            tallies.rejected.add((record.limited_by,))
        elif record.outcome == "refused":
            tallies.rejected.add((record.kind or OTHER,))
        self._count_attempts(record, route)

    def rejected(self, reason: str) -> None:
        """Count a request or connection that the server itself has refused; the reason is a word of ours."""
        self.tallies.rejected.add((reason,))

    def lagged(self, lag_s: float) -> None:
        """Count that the event loop was so late."""
        self.tallies.lag.observe(lag_s)

    def sample(self) -> None:
        """Take down what stands at this moment: requests in flight, and the states of targets."""
        self._refresh()
        self.tallies.in_flight = self._in_flight()
        counts: dict[tuple[str, str], int] = {}
        for snapshot in self._health():
            for state in STATES:
                key = self._target(snapshot.target), state
                counts[key] = counts.get(key, 0) + (snapshot.state == state)
        self.tallies.states = counts

    def render(self) -> bytes:
        """All of it, as text."""
        self.sample()
        return rendered(self.tallies, self._version)

    def _count_attempts(self, record: Record, route: str) -> None:
        before = ""
        for attempt in record.attempts:
            target = self._target(attempt.target)
            tried = self.tallies.of_attempts((route, target, attempt.outcome, attempt.kind or "", attempt.why))
            tried.count += 1
            tried.input_tokens += attempt.input_tokens or 0
            tried.output_tokens += attempt.output_tokens or 0
            tried.cost_usd += attempt.cost_usd or 0.0
            if before and before != target:
                self.tallies.handovers.add((before, target, "after" if attempt.why in _MID_STREAM else "before"))
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


def rendered(tallies: Tallies, version: str) -> bytes:
    """Tallies as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrape(tallies, version))
    return generate_latest(registry)


class _Scrape(Collector):
    """Tallies in Prometheus's words."""

    def __init__(self, tallies: Tallies, version: str) -> None:
        self._tallies, self._version = tallies, version

    def collect(self) -> Iterable[Metric]:
        yield from self._of_requests()
        yield from self._of_attempts()
        yield _counter(self._tallies.handovers)
        yield _counter(self._tallies.rejected)
        yield from self._of_now()

    def _of_requests(self) -> Iterable[Metric]:
        counted = Counter("requests", "Requests answered", "ingress", "route", "status", "outcome")
        for (ingress, route, status, outcome), of_kind in self._tallies.requests.items():
            counted.add((ingress, route, str(status), outcome), of_kind.count)
        yield _counter(counted)
        about = "From a request's head to the end of its answer"
        yield self._histogram("request_seconds", about, SECONDS, lambda of_kind: of_kind.total)
        about = "From a request's head to the first byte of its answer"
        yield self._histogram("first_delta_seconds", about, SECONDS, lambda of_kind: of_kind.first)
        about = "The gateway's own part of it"
        yield self._histogram("overhead_seconds", about, OVERHEAD_SECONDS, lambda of_kind: of_kind.overhead)

    def _of_attempts(self) -> Iterable[Metric]:
        counted = Counter("attempts", "Attempts at targets", "target", "outcome", "kind", "why")
        tokens = Counter("tokens", "Tokens", "route", "target", "direction")
        cost = Counter("cost_usd", "US dollars, as far as prices are known", "route", "target")
        for (route, target, outcome, kind, why), tried in self._tallies.attempts.items():
            counted.add((target, outcome, kind, why), tried.count)
            for direction, amount in (("input", tried.input_tokens), ("output", tried.output_tokens)):
                if amount:
                    tokens.add((route, target, direction), amount)
            if tried.cost_usd:
                cost.add((route, target), tried.cost_usd)
        yield from map(_counter, (counted, tokens, cost))

    def _of_now(self) -> Iterable[Metric]:
        lag = HistogramMetricFamily("standby_loop_lag_seconds", "How late the event loop is", labels=())
        lag.add_metric((), _below(self._tallies.lag, LAG_SECONDS), self._tallies.lag.total_s)
        yield lag
        flying = GaugeMetricFamily("standby_in_flight", "Requests without an end so far", labels=())
        flying.add_metric((), self._tallies.in_flight)
        yield flying
        about = "1 for the state it is in, added up over workers"
        states = GaugeMetricFamily("standby_target_state", about, labels=("target", "state"))
        for labels, count in self._tallies.states.items():
            states.add_metric(labels, count)
        yield states
        build = GaugeMetricFamily("standby_build_info", "This gateway", labels=("version",))
        build.add_metric((self._version,), 1)
        yield build

    def _histogram(
        self, name: str, about: str, bounds: tuple[float, ...], of: Callable[[Requests], Spread]
    ) -> HistogramMetricFamily:
        """One of their spreads, by protocol and route."""
        spreads: dict[tuple[str, str], Spread] = {}
        for (ingress, route, _, _), of_kind in self._tallies.requests.items():
            if of(of_kind).count:
                spreads.setdefault((ingress, route), Spread(bounds)).add(of(of_kind))
        family = HistogramMetricFamily(f"standby_{name}", about, labels=("ingress", "route"))
        for labels, spread in spreads.items():
            family.add_metric(labels, _below(spread, bounds), spread.total_s)
        return family


def _below(spread: Spread, bounds: tuple[float, ...]) -> list[tuple[str, float]]:
    """How many lie below each bound, and below none."""
    return list(zip([*map(floatToGoString, bounds), "+Inf"], accumulate(spread.counts), strict=True))


def _counter(counter: Counter) -> CounterMetricFamily:
    family = CounterMetricFamily(f"standby_{counter.name}", counter.about, labels=counter.labels)
    for labels, value in counter.values.items():
        family.add_metric(labels, value)
    return family
