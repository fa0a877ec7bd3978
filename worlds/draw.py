"""Draw one simulated world: its faults, its targets in several dialects, and a route with its policies.

Everything is drawn from one seed, in swarm subsets: a world has some of the faults, not all, so that rare ones combine.
"""

import random
from typing import Any, Literal, cast

from standby.config.health import Health
from standby.config.limits import Limits, Retry
from standby.config.model import Config
from standby.config.route import Hedge, Hold, Route
from standby.config.target import Target
from standby.providers.errors import ErrorKind

from .script_faults import SCRIPT_FAULTS
from .wire_faults import CONNECT_FAULTS, WIRE_FAULTS

Mode = Literal["safety", "liveness", "poisoned"]

PROCESS_FAULTS = ("process_stall", "wall_jump")
ALL_FAULTS = (*SCRIPT_FAULTS, *CONNECT_FAULTS, *WIRE_FAULTS, *PROCESS_FAULTS)
SURFACED = ("bad_request", "context_length", "content_filter", "unknown")
"""A fault of the caller's, for which no other target need be asked."""

SPEAKERS = ("openai", "openai", "anthropic", "gemini", "koala", "openai-responses", "ollama", "cohere", "mistral")
POISONS = (
    "server_error", "overloaded", "timeout", "silent", "empty", "malformed", "error_first", "fin_before_head",
)  # fmt: skip
"""Faults of the one request that fails at every target. None of them means that a target cannot be reached."""

_HARMLESS = (
    *(name for name, fault in SCRIPT_FAULTS.items() if fault.harmless and name != "slow_answer"),
    "slow", "down_slice", "up_slice",
)  # fmt: skip
"""Faults of a healthy target, which cost no call its answer."""

POISON = "#poison"
"""Stands in place of the call's number in the prompt: the request that fails everywhere is always the same one."""

CANARY_PROMPT = "canaryprompt-9f3b"
"""Part of every prompt; it must reach the providers and show nowhere else."""

POISONED_EVERY = 20
"""One call in twenty is poisoned."""

_NOT_TO_END_WELL = (*SURFACED, *PROCESS_FAULTS, "no_descriptors", "calls_without_index")
"""Faults under which a call may fail beside a healthy target: no target continues an answer with a tool call in it."""

_MAY_GO_ON = ("openai", "anthropic", "gemini", "ollama")
"""Some models behind these go on from a beginning, and a configuration may say so of any."""

CANARY_KEY = "sk-canary-7Jq2LwP0xVbN4tRz"


class Draw:
    """The settings that follow from a seed, before the world runs.

    Attributes:
        common: All targets give the same answer, so that one can continue another's; else each gives its own.
        kinds: The faults of this world. In `poisoned` mode they are harmless, and only the poison is not.
        poison: The fault of a poisoned request, at every target.
        share: Share of the requests and connections that a fault strikes.
        prefilled: The targets that the configuration says continue an answer from its beginning.
        core: The target that is healed after a while, in `liveness` mode.
        standby: The target that is asked only after an error of one kind.
        texts: The source of the answers, beside their marks.
        forgetful: The targets that take the beginning of an answer to continue, and begin again all the same.
        lined_up: The targets with a queue, where the next call may follow at once on the connection of the one before.
    """

    def __init__(self, seed: int, mode: Mode) -> None:
        self.seed, self.mode = seed, mode
        self.rng = rng = random.Random(f"{mode}-{seed}")  # noqa: S311 - chance, not cryptography
        self.common = rng.random() < 0.5
        kinds = [kind for kind in ALL_FAULTS if rng.random() < 0.5] or ["refuse"]
        if mode == "liveness":
            kinds = [kind for kind in kinds if kind not in _NOT_TO_END_WELL]
        if mode == "poisoned":
            kinds = [kind for kind in kinds if kind in _HARMLESS]
        self.kinds = kinds
        self.share = rng.choice((0.8, 0.9, 1.0))
        self.poison = rng.choice(POISONS)
        self.calls_per_s = 0.7 if mode == "liveness" else rng.choice((0.3, 1.0, 4.0))
        self.names = [f"t{index}" for index in range(rng.randint(2, 5))]
        self.dialects = {name: rng.choice(SPEAKERS) for name in self.names}
        self.core = self.names[-1] if mode == "liveness" else None
        self.standby: str | None = None
        self.lined_up: set[str] = set()
        self.texts = f"{mode}-{seed}"
        self.prefilled = {name for name in self.names if self.dialects[name] in _MAY_GO_ON and rng.random() < 0.8}
        self.forgetful = {name for name in self.prefilled if rng.random() < 0.3}
        self.route = self._route()
        self.limits = Limits(
            connect_s=0.8, first_delta_s=2.0, stall_s=2.0, deadline_s=30.0 if self.core is None else 300.0,
            complete_deadline_s=60.0 if self.core is None else 300.0, reserve_s=1.0,
            total_s=rng.choice((None, None, 8.0)) if mode == "safety" else None,
        )  # fmt: skip

    def is_poisoned(self, number: int) -> bool:
        """Is this the call that no target can answer?"""
        return self.mode != "liveness" and number % POISONED_EVERY == POISONED_EVERY // 2

    def config(self) -> Config:
        """The configuration of the Router."""
        rng = self.rng
        targets = {name: self._target(name) for name in self.names}
        poisoned = self.mode == "poisoned"
        health = Health(
            failures_in_row=rng.choice((2, 5, 20)), failure_ratio=rng.choice((0.5, 0.9, 1.0)),
            window_min_calls=10 if poisoned else rng.choice((4, 10, 30)), open_s=rng.choice((0.2, 0.5, 5.0)),
            slow_call_s=None if poisoned else rng.choice((None, 0.5)),
            probes_to_close=rng.choice((1, 2)), park_auth_s=10.0,
            park_quota_s=20.0, park_max_s=40.0, park_not_found_s=10.0, park_growth_max_s=30.0,
        )  # fmt: skip
        return Config(targets=targets, routes={"world": self.route}, limits=self.limits, health=health)

    def _target(self, name: str) -> Target:
        """One target. Where nothing has to end well, it may have limits of its own, a small window, or a second key."""
        rng = self.rng
        keys: tuple[str, ...] = (CANARY_KEY,)
        concurrency = requests_per_min = None
        capabilities: dict[str, Any] = {}
        if self.mode == "liveness":
            self.lined_up.add(name)
        elif self.mode == "safety":
            keys = rng.choice((keys, keys, (CANARY_KEY, f"{CANARY_KEY}-2")))
            concurrency = rng.choice((None, None, None, None, 1, 3))
            requests_per_min = rng.choice((None, None, None, 20))
            if concurrency or requests_per_min or self.route.all_open == "wait":
                self.lined_up.add(name)
            capabilities = rng.choice(({}, {"context_window": 8_000}, {"context_window": 200_000}))
        if name in self.prefilled:
            capabilities = capabilities | {"prefill": "plain"}
        return Target(
            self.dialects[name], model="simulated-1", name=name, keys=keys, reasoning=False, concurrency=concurrency,
            requests_per_min=requests_per_min, capabilities=capabilities, base_url=f"http://{name}.sim/{name}",
        )  # fmt: skip

    def _route(self) -> Route:
        rng = self.rng
        policies = [policy for policy in ("continue", "ask_to_continue", "replay", "restart") if rng.random() < 0.6]
        rng.shuffle(policies)
        if self.core is not None and "replay" not in policies:
            policies.append("replay")
        if self.core is not None:
            self.common = True
        names: list[Any] = list(self.names)
        if self.mode == "safety" and len(names) > 2 and rng.random() < 0.4:
            self.standby = names.pop()
        select = rng.choice(("priority", "priority", "weighted", "latency"))
        if select != "priority" and len(names) > 2 and rng.random() < 0.5:
            names = [tuple(names[:2]), *names[2:]]
        after = rng.choice((ErrorKind.CONTEXT_LENGTH, ErrorKind.CONTENT_FILTER, ErrorKind.BAD_REQUEST))
        return Route(
            tuple(names),
            on={after: (self.standby,)} if self.standby else {},
            select=cast(Any, select),
            all_open="wait" if self.core is not None else rng.choice(("wait", "last_resort", "fail")),
            mid_stream=cast(Any, tuple(policies)),
            upstream=rng.choice(("stream", "stream", "stream", "stream", "stream", "single")),
            hold=rng.choice((None, None, None, Hold(deltas=3), Hold(for_s=0.4), Hold())),
            hedge=rng.choice((None, None, Hedge(after=0.4, budget_ratio=1.0), Hedge(budget_ratio=0.5))),
            retry=Retry(attempts=rng.choice((1, 2, 3)), budget_floor_per_s=rng.choice((1.0, 10.0)), backoff_s=0.3),
        )
