"""A LiteLLM proxy's file as a configuration of ours: models, fall-backs, retries, cooldowns, keys and budgets.

What is carried over is written; each line that is not is named, with why. Nothing is guessed: a key that stands in the
file itself is not written into another one, but referred to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config.health import Health
from .foreign_yaml import Left, Node
from .litellm_models import Models, Target, budget_of

SELECT: Mapping[str, str] = {
    "simple-shuffle": "weighted", "latency-based-routing": "latency", "cost-based-routing": "cost",
}  # fmt: skip

ATTEMPTS_MAX = 10
OPEN_MAX_S = Health().open_max_s

WHY: Mapping[str, str] = {
    "alerting": "alerts stand in the log: see docs/observing.md",
    "allowed_fails_policy": "errors of a route say what may follow a kind, health when a target is left alone",
    "cache": "answers are not cached here",
    "cache_params": "answers are not cached here",
    "callbacks": "observers and counters: see docs/observing.md",
    "context_window_fallback_dict": "on: {context_length: [...]} of a route",
    "database_url": "there is no database: keys stand in the file, spending in the state file",
    "disable_spend_logs": "there is no database",
    "enable_pre_call_checks": "a target whose window is too small is passed over by itself",
    "environment_variables": "set them in the environment of the process",
    "failure_callback": "observers and counters: see docs/observing.md",
    "guardrails": "there are no guardrails here",
    "json_logs": "the gateway's log is JSON",
    "mcp_servers": "tools are the client's own affair",
    "model_list": "",
    "redis_host": "processes share nothing but the state file",
    "redis_password": "processes share nothing but the state file",
    "redis_port": "processes share nothing but the state file",
    "redis_url": "processes share nothing but the state file",
    "retry_after": "waits grow from backoff_s; what a provider asks for is heeded",
    "retry_policy": "errors of a route: {KIND: {retry: ...}}",
    "set_verbose": "see docs/observing.md",
    "store_model_in_db": "there is no database",
    "success_callback": "observers and counters: see docs/observing.md",
    "ui_password": "there is no page with a login",
    "ui_username": "there is no page with a login",
}


@dataclass
class Converted:
    """What a file has become.

    Attributes:
        notes: What has to be done by hand.
    """

    targets: list[Target]
    routes: dict[str, dict[str, Any]]
    sections: dict[str, Any]
    serve: dict[str, Any]
    left: list[Left] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class LiteLLM:
    """Converts one file."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._router, self._settings = root.get("router_settings"), root.get("litellm_settings")
        self._general = root.get("general_settings")
        self._models = Models(root.get("model_list"))

    def convert(self) -> Converted:
        """Convert it."""
        routes = self._routes()
        found = Converted(self._models.targets, routes, self._sections(), self._serve(routes))
        self._fall_backs(routes)
        self._budgets()
        for section in (self._root, self._router, self._settings, self._general):
            for name, part in section.fields.items():
                if part.carried is None and WHY.get(name):
                    part.leave(WHY[name])
        found.left = sorted(self._root.left())
        found.notes = list(self._models.variables)
        return found

    def _either(self, name: str) -> Node:
        """A setting of the router, or of the whole; of two, the router's counts."""
        of_router, whole = self._router.get(name), self._settings.get(name)
        if of_router and whole:
            whole.leave("router_settings says otherwise, and counts")
        return of_router or whole

    def _routes(self) -> dict[str, dict[str, Any]]:
        strategy = self._router.get("routing_strategy")
        select = SELECT.get(str(strategy.value), "weighted")
        if strategy:
            strategy.carried = str(strategy.value) in SELECT or "drawn by weight instead: see select"
        routes: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys(each.of for each in self._models.targets):
            own = self._models.named(name)
            orders = sorted({each.order for each in own})
            tiers = [[each.name for each in own if each.order == order] for order in orders]
            route: dict[str, Any] = {"targets": tiers}
            if any(len(tier) > 1 for tier in tiers):
                route["select"] = select
                weights = {each.name: each.weight for each in own if each.weight is not None}
                if weights and select == "weighted":
                    route["weights"] = weights
            routes[name] = route
        return routes

    def _fall_backs(self, routes: dict[str, dict[str, Any]]) -> None:
        general = self._either("default_fallbacks")
        for route in routes.values():
            route["spare"] = []
        for each in self._either("fallbacks").items:
            for name, spares in each.fields.items():
                if name == "*":
                    general = spares
                else:
                    self._spare(routes, name, spares)
        if general:
            for name, route in routes.items():
                if not route["spare"]:
                    self._spare(routes, name, general)
        for route in routes.values():
            route["targets"] += route.pop("spare")
        kinds = {"context_window_fallbacks": "context_length", "content_policy_fallbacks": "content_filter"}
        for setting, kind in kinds.items():
            for each in self._either(setting).items:
                for name, spares in each.fields.items():
                    self._on(routes, name, kind, spares)

    def _spare(self, routes: dict[str, dict[str, Any]], name: str, spares: Node) -> None:
        if name not in routes:
            spares.leave(f"there is no chat model {name!r}")
            return
        spares.carried = None
        asked = {target for tier in routes[name]["targets"] for target in tier}
        for spare in spares.items or [spares]:
            tier = [each.name for each in self._models.named(str(spare.value)) if each.name not in asked]
            if tier:
                routes[name]["spare"].append(tier)
                asked.update(tier)
                if len(tier) > 1:
                    routes[name].setdefault("select", "weighted")
                spare.carried = True
            elif str(spare.value) == name:
                spare.carried = True  # itself: nothing new
            else:
                spare.leave("it names no other chat model of this file")

    def _on(self, routes: dict[str, dict[str, Any]], name: str, kind: str, spares: Node) -> None:
        if name not in routes:
            spares.leave(f"there is no chat model {name!r}")
            return
        found = []
        for spare in spares.items or [spares]:
            own = [each.name for each in self._models.named(str(spare.value))]
            if own:
                found += [each for each in own if each not in found]
                spare.carried = True
            else:
                spare.leave("it names no chat model of this file")
        if found:
            routes[name].setdefault("on", {})[kind] = found

    def _sections(self) -> dict[str, Any]:
        sections: dict[str, Any] = {}
        retries = self._either("num_retries")
        if retries and isinstance(retries.value, int):
            retries.carried = True
            sections["retry"] = {"attempts": max(1, min(ATTEMPTS_MAX, retries.value + 1))}
        health: dict[str, Any] = {}
        fails, cooldown = self._either("allowed_fails"), self._either("cooldown_time")
        if fails and isinstance(fails.value, int) and fails.value >= 0:
            fails.carried, health["failures_in_row"] = True, fails.value + 1
        if cooldown and (seconds := cooldown.number()):
            cooldown.carried, health["open_s"] = True, seconds
            if seconds > OPEN_MAX_S:
                health["open_max_s"] = seconds
        if health:
            sections["health"] = health
        timeout, whole = self._router.get("timeout"), self._settings.get("request_timeout")
        clock = timeout or whole
        if timeout and whole:
            whole.leave("router_settings says otherwise, and counts")
        if clock and (seconds := clock.number()):
            clock.carried = True
            sections["limits"] = {"deadline_s": seconds, "complete_deadline_s": seconds}
        return sections

    def _serve(self, routes: Mapping[str, Any]) -> dict[str, Any]:
        serve: dict[str, Any] = {}
        master = self._general.get("master_key")
        if master:
            key: dict[str, Any] = {"keys": [self._models.reference(master, "master")]}
            if self._models.wildcards:
                key["models"] = self._models.wildcards
            most = self._general.get("global_max_parallel_requests") or self._general.get("max_parallel_requests")
            if most and (number := most.number()):
                most.carried, key["concurrency"] = True, int(number)
            serve["keys"] = {"master": key}
        else:
            serve["auth"] = "none"
        aliases = {}
        for name, part in self._router.get("model_group_alias").fields.items():
            meant = part.get("model") or part
            if meant.value in routes and name not in routes:
                aliases[name], meant.carried = str(meant.value), True
                if hidden := part.get("hidden"):
                    hidden.leave("an alias is always listed")
            else:
                part.leave("it names no chat model of this file")
        if aliases:
            serve["aliases"] = aliases
        everywhere = self._settings.get("drop_params")
        if everywhere and everywhere.value is True:
            everywhere.carried = True
        dropping = [
            name for name in routes if everywhere.value is True or any(t.drop for t in self._models.named(name))
        ]
        if dropping:
            serve["routes"] = {name: {"unsupported": "drop"} for name in dropping}
        return serve

    def _budgets(self) -> None:
        """Budgets of a provider, which here is one of its target."""
        for provider, part in self._router.get("provider_budget_config").fields.items():
            targets = [each for each in self._models.targets if each.settings["provider"] == provider]
            limit, period = part.get("budget_limit"), part.get("time_period")
            here, number = budget_of(period.value), limit.number()
            if len(targets) == 1 and here and number is not None:
                targets[0].settings[here] = number
                limit.carried = period.carried = True
            else:
                part.leave("a budget is one of a target, a route or a key")
        for name in ("max_budget", "budget_duration"):
            self._settings.get(name).leave("a budget is one of a target, a route or a key: see budget_day")


def convert(root: Node) -> Converted:
    """Convert a file that was read."""
    return LiteLLM(root).convert()
