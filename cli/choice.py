"""Choose a command's targets: those named, else those configured, else each provider with a key, else none.

--targets                         as named; a configuration file beside them gives them meaning
--config, $STANDBY_CONFIG, ./standby.yaml
the providers' usual variables    a target for each that holds a key
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import Config, Route, Target, load
from ..config.origin import ENV_FILE
from ..providers import knowledge, registry
from .exits import UsageError

if TYPE_CHECKING:
    from ..router.engine.options import CallOptions
    from ..simulator.embedded import StagedTarget

PREFERRED = (
    "openai", "anthropic", "gemini", "mistral", "groq", "deepseek", "xai", "cohere", "together", "openrouter",
)  # fmt: skip
"""The order in which providers with a key are asked; the others follow by name."""

SIMULATED = "nothing is configured: the built-in simulator answers, and every word of it is canned"
"""What is said where there is no choice."""

USUAL_MODELS: dict[str, str] = {
    "groq": "llama-3.3-70b-versatile",
    "openrouter": "openai/gpt-5-mini",
    "together": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "xai": "grok-4-fast-non-reasoning",
}
"""The model that is asked when only a key is found and the provider has no default of its own."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The targets to ask.

    Attributes:
        route: The named route; None: the default.
        targets: The targets to ask instead of a route.
        note: A line for the user, where the command has chosen the targets by itself.
    """

    config: Config
    route: str | None = None
    targets: tuple[str, ...] | None = None
    note: str = ""

    @property
    def options(self) -> "CallOptions":
        """The options of a call."""
        return {"route": self.route, "targets": self.targets}

    @property
    def shown(self) -> str:
        """The choice in words."""
        return f"route {self.route or 'default'}" if self.targets is None else "these targets"

    @property
    def as_route(self) -> Route:
        """The route of such a call."""
        return self.config.route(self.route) if self.targets is None else Route(self.targets)


def choose(
    targets: Sequence[str],
    file: Path | None,
    route: str | None,
    environment: Mapping[str, str] = os.environ,
    *,
    env_file: Path | None = None,
) -> Choice | None:
    """Choose the targets; None when none is configured.

    Raises:
        UsageError: The options contradict each other.
        ConfigFileError: The configuration cannot be used.
    """
    named = listed(targets)
    if named and route:
        raise UsageError("give --route or --targets, not both: a route has targets of its own")
    config = load(file, env_file=env_file or ENV_FILE)
    if named:
        return Choice(config, targets=named)
    if config.routes or route:
        return Choice(config, route)
    found = providers_with_keys(environment)
    if not found:
        return None
    chosen = tuple(Target(name, model=usual_model(name)) for name in found.values())
    shown = ", ".join(f"{target.label} ({variable})" for target, variable in zip(chosen, found, strict=True))
    routes = {"default": Route(chosen)}
    note = f"no configuration: asking the providers with a key in the environment: {shown}"
    return Choice(Config(routes=routes, limits=config.limits, retry=config.retry, health=config.health), note=note)


def providers_with_keys(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The providers whose usual variable holds a key, by that variable, the preferred first.

    Of two providers that read one key, the first is asked.
    """
    found: dict[str, str] = {}
    for name in _by_preference():
        variable = registry.get(name).info.key_env
        if variable and environment.get(variable, "").strip() and usual_model(name):
            found.setdefault(variable, name)
    return found


def usual_file() -> Path:
    """The file that `load` would read without being told one.

    Raises:
        ConfigError: There is none.
    """
    from ..config import settings  # with it comes pydantic

    return settings.usual_file()


def listed(targets: Sequence[str]) -> tuple[str, ...]:
    """Split `--targets`, which may stand several times and hold several targets, separated by commas.

    Raises:
        UsageError: The option is there, and names no target.
    """
    names = tuple(name for part in targets for each in part.split(",") if (name := each.strip()))
    if targets and not names:
        raise UsageError("--targets names no target; write for example --targets koala,openai/gpt-5-mini")
    return names


def model_reference(model: str, file: Path | None, env_file: Path | None) -> str:
    """The reference of a model that was named with its provider or without: a target, `provider/model`, or a provider.

    Raises:
        UsageError: It is not known which provider has it.
        ConfigFileError: The configuration cannot be used.
    """
    config = load(file, env_file=env_file or ENV_FILE)
    if model in config.targets or model.partition("/")[0] in registry.names():
        return model
    if not (found := providers_of(model)):
        raise UsageError(
            f"no provider is known for the model {model!r}: write provider/{model} (see `standby providers`)"
        )
    by_key: dict[str, str] = {}  # of two providers that read one key, the first is meant
    for name in sorted(found, key=_by_preference().index):
        by_key.setdefault(registry.get(name).info.key_env or name, name)
    with_key = [name for variable, name in by_key.items() if os.environ.get(variable, "").strip()]
    chosen = with_key or list(by_key.values())
    if len(chosen) > 1:
        choices = " or ".join(f"{name}/{model}" for name in chosen)
        raise UsageError(f"several providers have the model {model!r}: write {choices}")
    return f"{chosen[0]}/{model}"


def providers_of(model: str) -> list[str]:
    """The providers of which it is known that they have a model of this name."""
    return [
        name
        for name in knowledge.providers()
        if name in registry.names() and any(fact.models for fact in knowledge.known(name, model).facts)
    ]


def simulated(staged: "StagedTarget", name: str | None = None) -> Target:
    """A target that the embedded simulator plays. Its key is for show."""
    return Target(
        staged.provider, model=staged.model, name=name or staged.name, base_url=staged.base_url, key="simulated"
    )


def _by_preference() -> list[str]:
    known = registry.names()
    return [*(name for name in PREFERRED if name in known), *(name for name in known if name not in PREFERRED)]


def usual_model(name: str) -> str | None:
    """The model to ask at a provider; None when there is none to guess, or no address to ask at."""
    info = registry.get(name).info
    return (info.default_model or USUAL_MODELS.get(name)) if info.base_url else None
