"""The whole configuration, as plain frozen dataclasses; its parts are in the modules beside this one.

A class is the one place where a setting, its default and its bounds stand. The engine reads these; `settings.py` lets
pydantic validate YAML and environment into the same classes, and makes the JSON Schema of them. Bounds are checked
here too, so that code and YAML are refused alike. Every duration is in seconds and its name says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from .errors import ConfigError, NoTargets
from .health import Health
from .limits import Limits, Retry
from .origin import Origin
from .placed import Placed, Placing
from .route import Route, Targets
from .serve import Serve
from .target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a Router is made of.

    Attributes:
        targets: Targets by name.
        routes: Routes by name. A route `default` is used when a call names none; so is the only one.
        limits: The clocks.
        retry: How often one target is asked.
        health: When a target is left alone.
        serve: The gateway; None: `standby serve` goes by its defaults, and nothing else is concerned.
        origin: The file that it was read from, for messages that name a place; None when made in code.
    """

    targets: Mapping[str, Target] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=Retry)
    health: Health = field(default_factory=Health)
    serve: Serve | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of_targets(cls, targets: Targets) -> Self:
        """One default route over these targets, the best first."""
        if not targets:
            raise NoTargets("no targets: give at least one, for example Router(['koala', 'openai/gpt-5-mini'])")
        return cls(routes={"default": Route(targets)})

    def target(self, reference: "str | Target") -> Target:
        """The target that a route or a call means: its own, a configured one by name, or `provider/model`."""
        if isinstance(reference, Target):
            return reference
        return self.targets.get(reference) or Target(reference)

    def all_targets(self) -> Iterator[Target]:
        """Every target that is configured, or that a route refers to; some more than once."""
        yield from self.targets.values()
        for route in self.routes.values():
            yield from (self.target(placed.reference) for placed in self.placed(route))
            for tier in route.on.values():
                yield from (self.target(placed.reference) for placed in self.standing_by(tier))

    def placed(self, route: Route) -> tuple[Placed, ...]:
        """The targets of a route, in its order; those of a route that it names stand in their place.

        Raises:
            ConfigError: A route names itself.
        """
        return Placing(self.targets, self.routes, self.target).of(route)

    def spelled_out(self, route: Route) -> Route:
        """The same route with targets alone, for what knows of one route only."""
        return Placing(self.targets, self.routes, self.target).spelled_out(route)

    def standing_by(self, tier: Iterable[str | Target]) -> tuple[Placed, ...]:
        """The targets of a route that stand by for one kind of error, likewise."""
        return Placing(self.targets, self.routes, self.target).standing_by(tier)

    def route(self, name: str | None = None) -> Route:
        """The route of a call.

        Raises:
            ConfigError: There is no such route.
            NoTargets: Nothing is configured.
        """
        wanted = "default" if name is None else name
        found = self.routes.get(wanted)
        if found is not None:
            return found
        if not self.routes:
            raise NoTargets("no routes are configured: give targets, or a YAML file with routes")
        if name is None and len(self.routes) == 1:
            return next(iter(self.routes.values()))
        raise ConfigError(f"there is no route {wanted!r}; configured are {', '.join(sorted(self.routes))}")
