"""Warnings of `standby check`: settings that are legal and yet probably a mistake. Never shows a value."""

import os
import stat
from collections.abc import Iterator, Mapping

from ..providers import prices, registry
from ..providers.files import CERTIFICATES_BYTES_MAX, UnreadableFile, read_bounded
from ..providers.quirks import explained
from ..providers.wall_clock import WALL_CLOCK
from .bounded import may_route, targets_within
from .client_key import ClientKey
from .errors import ConfigError
from .flaws import cloud_key, flaws
from .keys import read_key_file
from .model import Config
from .optional import words
from .origin import ENV_FILE, IGNORED_HINT, Path, shown_name
from .problems import ConfigProblem
from .route import Route
from .serve_flaws import problem_at
from .target import Target

_NO_SPARE = "there is no other to fail over to"


def warnings(config: Config, environ: Mapping[str, str] | None = None) -> list[ConfigProblem]:
    """Everything suspicious, in the order of the file.

    Args:
        environ: The environment that keys are looked up in; None: the process's own.
    """
    advice = _Advice(config, os.environ if environ is None else environ)
    found = [
        *advice.of_file(), *advice.of_targets(), *advice.of_routes(), *advice.of_money(), *advice.of_gateway(),
    ]  # fmt: skip
    return sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))


def quirk_notes(config: Config) -> list[ConfigProblem]:
    """What each quirk of a target does, in words, in the order of the file."""
    at = _Advice(config, {})._at
    found = [
        at(("targets", name, "quirks", quirk), explained(quirk, value))
        for name, target in config.targets.items()
        for quirk, value in target.quirks.items()
    ]
    return sorted(found, key=lambda note: (note.line or 0, note.column or 0))


def _budget(settings: Target | Route) -> str | None:
    """The name of the first budget that is set."""
    return next((name for name in ("budget_day", "budget_month") if getattr(settings, name) is not None), None)


class _Advice:
    def __init__(self, config: Config, environ: Mapping[str, str]) -> None:
        self._config, self._environ = config, environ

    def of_file(self) -> Iterator[ConfigProblem]:
        """Keys that are written out, and a file that others may read them in."""
        origin = self._config.origin
        if origin is not None and origin.ignored:
            yield ConfigProblem(ENV_FILE, None, None, (), origin.ignored_words, IGNORED_HINT)
        for left_out, said in words(origin.left_out) if origin is not None else ():
            yield self._at(left_out, said)
        if origin is None or not origin.literal_keys:
            return
        for path in origin.literal_keys:
            if path[0] == "serve":
                yield self._at(path, "the key is written out in the file", "write its digest (`standby key new`)")
                continue
            target = self._config.targets.get(str(path[1])) if path[-1] == "key" and len(path) == 3 else None
            variable = registry.get(target.provider).info.key_env if target else None
            yield self._at(path, "the key is written out in the file", f"write ${{{variable or 'A_VARIABLE'}}} instead")
        if os.name == "posix" and os.path.exists(origin.file) and os.stat(origin.file).st_mode & stat.S_IROTH:
            yield self._at((), "holds a key and can be read by every user of the machine", f"chmod 600 {origin.file}")

    def of_targets(self) -> Iterator[ConfigProblem]:
        """Targets that cannot be asked as they are."""
        names: dict[str, str] = {}
        for name, target in self._config.targets.items():
            path: Path = ("targets", name)
            for field, message, hint in self._lacks(target):
                yield self._at((*path, field), message, hint)
            if first := names.get(target.label):
                yield self._at(
                    (*path, "name"), f"has the same name as targets.{first}", "reports cannot tell them apart"
                )
            names.setdefault(target.label, name)

    def of_routes(self) -> Iterator[ConfigProblem]:
        """Routes that cannot do what routes are for."""
        for name, route in self._config.routes.items():
            path: Path = ("routes", name)
            placed = self._config.placed(route)
            targets = [self._config.target(each.reference) for each in placed]
            for (place, reference, *_), target in zip(placed, targets, strict=True):
                if reference not in self._config.targets if isinstance(reference, str) else True:
                    for _, message, hint in self._lacks(target):
                        yield self._at((*path, "targets", *place), message, hint)
            usable = sum(not any(self._lacks(target)) for target in targets)
            if usable < 2:
                what = "no target of it can be asked" if not usable else "only one target of it can be asked"
                yield self._at((*path, "targets"), f"{what}: there is no other to fail over to")
            else:
                yield from self._without_spare(name, route)
            yield from self._too_short(path, route, targets)

    def _without_spare(self, name: str, route: Route) -> Iterator[ConfigProblem]:
        """Bounds that leave less to ask than a fail-over needs: those of the route, and of each key that may ask it."""

        def usable(key: ClientKey | None) -> int:
            within = targets_within(self._config, route, key)
            return sum(not any(self._lacks(target)) for target in within)

        if usable(None) < 2:
            path: Path = ("routes", name, "require" if route.require else "avoid")
            yield self._at(path, "leaves fewer than two targets that can be asked", _NO_SPARE)
            return
        for key_name, key in self._config.serve.keys.items() if self._config.serve else ():
            if (key.require or key.avoid) and may_route(key, name) and usable(key) < 2:
                path = ("serve", "keys", key_name, "require" if key.require else "avoid")
                left = "fewer than two targets" if usable(key) else "no target"
                yield self._at(path, f"leaves {left} of the route {shown_name(name)} to be asked", _NO_SPARE)

    def of_money(self) -> Iterator[ConfigProblem]:
        """Budgets that cannot count, and choices by cost among what has no price."""
        for name, target in self._config.targets.items():
            budget = _budget(target)
            if budget and not self._has_price(target):
                yield self._unpriced(("targets", name, budget), "counts nothing: its price is not known")
        for name, route in self._config.routes.items():
            field = _budget(route) or ("select" if route.select == "cost" else None)
            unknown = [
                target.label
                for placed in self._config.placed(route)
                if field and not self._has_price(target := self._config.target(placed.reference))
            ]
            if field and unknown:
                what = "comes last" if field == "select" else "is not counted"
                yield self._unpriced(("routes", name, field), f"the price of {unknown[0]} is not known, so it {what}")

    def of_gateway(self) -> Iterator[ConfigProblem]:
        """What a gateway does otherwise than a file says, and keys that hold no more."""
        serve, wall_s = self._config.serve, WALL_CLOCK()
        if serve is None:
            return
        for name, route in self._config.routes.items():
            if "restart" in route.mid_stream:
                path: Path = ("routes", name, "mid_stream")
                message = "restart of text cannot be said on a wire: the gateway leaves it out"
                yield self._at((*path, list(route.mid_stream).index("restart")), message)
        for name, key in serve.keys.items():
            if key.expires_s is not None and key.expires_s <= wall_s:
                yield self._at(("serve", "keys", name, "expires"), "is over: the key is refused")
            elif any(ends_s is not None and ends_s <= wall_s for _, ends_s in key.written_digests()):
                yield self._at(("serve", "keys", name, "digests"), "one of them is over: that key is refused")

    def _has_price(self, target: Target) -> bool:
        model = target.model or registry.get(target.provider).info.default_model or ""
        return target.price is not None or prices.is_known(target.provider, model)

    def _unpriced(self, path: Path, message: str) -> ConfigProblem:
        return self._at(
            path, message, "give its price" if prices.installed() else "give its price, or install standby[prices]"
        )

    def _too_short(self, path: Path, route: Route, targets: list[Target]) -> Iterator[ConfigProblem]:
        deadline_s = route.deadline_s or self._config.limits.deadline_s
        for target in targets:
            first_delta_s = self._first_delta_s(route, target)
            if deadline_s < first_delta_s:
                place = (*path, "deadline_s") if route.deadline_s else ("limits", "deadline_s")
                message = (
                    f"{deadline_s:g} s are over before one attempt at {target.label} is given up ({first_delta_s:g} s)"
                )
                yield self._at(place, message, "a silent first target leaves no time for another")
                return

    def _first_delta_s(self, route: Route, target: Target) -> float:
        limits = self._config.limits
        reasons = target.reasoning
        if reasons is None:
            provider = registry.get(target.provider)
            reasons = provider.capabilities(target.model or provider.info.default_model or "").reasoning
        default_s = limits.reasoning_first_delta_s if reasons else limits.first_delta_s
        return target.first_delta_s or route.first_delta_s or default_s

    def _lacks(self, target: Target) -> Iterator[tuple[str, str, str]]:
        """Field, message and hint for all that keeps a target from being asked."""
        info = registry.get(target.provider).info
        if target.key_file is not None:
            try:
                read_key_file(target.key_file)
            except ConfigError as error:
                yield "key_file", str(error), ""
        elif (source := cloud_key(target, self._environ)) is not None:
            if source.file is not None and not os.path.isfile(source.file):
                yield "options", f"the file {source.file} is not there", "give key or key_file, or mend the path"
        elif (
            not (target.key or target.keys)
            and info.key_required
            and not (info.key_env and self._environ.get(info.key_env))
        ):
            yield (
                "key",
                f"has no key, and {target.provider} needs one",
                (f"set {info.key_env}, or give key or key_file" if info.key_env else "give key or key_file"),
            )
        yield from flaws(target, self._environ)
        for field in ("ca_file", "client_cert"):
            named = getattr(target, field)
            if named is None:
                continue
            try:
                read_bounded(named, CERTIFICATES_BYTES_MAX)
            except UnreadableFile as error:
                there = os.path.exists(named) and not os.path.isdir(named)
                yield field, f"the file {named} {error if there else 'is not there'}", ""

    def _at(self, path: Path, message: str, hint: str = "") -> ConfigProblem:
        return problem_at(self._config, path, message, hint)
