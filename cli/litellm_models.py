"""The models of a LiteLLM proxy's file as targets: a pure mapping of its settings to ours."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..providers import registry
from .foreign_yaml import Node

PROVIDERS: Mapping[str, str] = {
    "anthropic": "anthropic", "azure": "azure-openai", "bedrock": "bedrock", "cerebras": "cerebras",
    "cloudflare": "cloudflare", "cohere": "cohere", "cohere_chat": "cohere", "custom_openai": "openai",
    "dashscope": "dashscope", "deepinfra": "deepinfra", "deepseek": "deepseek", "fireworks_ai": "fireworks",
    "gemini": "gemini", "github": "github", "groq": "groq", "hosted_vllm": "vllm", "huggingface": "huggingface",
    "litellm_proxy": "litellm", "llamafile": "llamacpp", "lm_studio": "lmstudio", "minimax": "minimax",
    "mistral": "mistral", "moonshot": "moonshot", "nvidia_nim": "nvidia", "ollama": "ollama",
    "ollama_chat": "ollama", "openai": "openai", "openai_like": "openai", "openrouter": "openrouter",
    "perplexity": "perplexity", "sambanova": "sambanova", "together_ai": "together",
    "vercel_ai_gateway": "vercel", "vllm": "vllm", "xai": "xai", "zai": "zai",
}  # fmt: skip
"""The beginning of a model's name there, and the provider here."""

BY_NAME = (
    (re.compile(r"(gpt|o[134]|chatgpt)-?[\w.]*"), "openai"), (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gemini"), "gemini"), (re.compile(r"(mistral|codestral|ministral)"), "mistral"),
    (re.compile(r"command"), "cohere"), (re.compile(r"deepseek-"), "deepseek"),
)  # fmt: skip
"""Models that are named there without a provider."""

LIMITS: Mapping[str, tuple[str, float]] = {
    "rpm": ("requests_per_min", 1e6), "tpm": ("tokens_per_min", 1e8), "max_parallel_requests": ("concurrency", 1e6),
}  # fmt: skip

NO_CHAT = frozenset(
    ("audio_speech", "audio_transcription", "batch", "embedding", "image_edit", "image_generation", "moderation",
     "ocr", "realtime", "rerank", "search", "vector_store", "video_generation")
)  # fmt: skip

PARAMETERS = (
    "temperature", "max_tokens", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty", "reasoning_effort",
)  # fmt: skip
"""Fields of a request that a target may have defaults for."""

OPTIONS: Mapping[str, Mapping[str, str]] = {
    "azure-openai": {"api_version": "api_version"},
    "bedrock": {
        "aws_region_name": "region", "aws_access_key_id": "access_key_id", "aws_session_token": "session_token",
        "aws_secret_access_key": "secret_access_key", "aws_profile_name": "profile", "aws_role_name": "role",
    },
}  # fmt: skip

WHY: Mapping[str, str] = {
    "allowed_openai_params": "a field that only OpenAI's protocol knows travels to its targets by itself",
    "cache_control_injection_points": "a client marks what may be cached itself",
    "drop_params": "",
    "max_retries": "tries belong to a route: see retry.attempts",
    "mock_response": "the simulator answers in tests: see docs/drills.md",
    "num_retries": "tries belong to a route: see retry.attempts",
    "tags": "see labels, with require and avoid",
    "use_in_pass_through": "there are no pass-through paths",
    "vertex_project": "see the provider's options in docs/providers.md",
}

_ENV = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_SECRET = re.compile(r"(?i)authorization|key|token|secret|cookie")


@dataclass
class Target:
    """A target to be written.

    Attributes:
        of: The name of the model that it stands behind.
        order: Lower ones are asked first.
        weight: Its share among those beside it.
    """

    name: str
    of: str
    line: int
    settings: dict[str, Any] = field(default_factory=dict)
    order: float = 1.0
    weight: float | None = None
    drop: bool = False


class Models:
    """Reads `model_list`.

    Attributes:
        targets: In their order.
        wildcards: Patterns of models that are asked by `provider/model`.
        variables: Names of variables that have to be set for keys that stood in the file itself.
    """

    def __init__(self, listed: Node) -> None:
        self.targets: list[Target] = []
        self.wildcards: list[str] = []
        self.variables: list[str] = []
        self._counts: dict[str, int] = {}
        for each in listed.items:
            self._model(each)

    def named(self, model: str) -> list[Target]:
        """The targets behind a model's name."""
        return [each for each in self.targets if each.of == model]

    def _model(self, each: Node) -> None:
        name, params, info = each.get("model_name"), each.get("litellm_params"), each.get("model_info")
        model = params.get("model")
        if not isinstance(name.value, str) or not isinstance(model.value, str):
            each.leave("a model without a name")
            return
        if (mode := info.get("mode").value) in NO_CHAT:
            each.leave(f"{mode} is not served: this is a router for conversations")
            return
        prefix, slash, rest = model.value.partition("/")
        provider = PROVIDERS.get(prefix) if slash else _by_name(model.value)
        if "*" in model.value or "*" in name.value:
            self._wildcard(each, provider, rest)
            return
        if provider is None or provider not in registry.names():
            each.leave(f"there is no provider for {prefix!r}" if slash else "its provider is not named")
            return
        begins = safe(name.value)
        number = self._counts[begins] = self._counts.get(begins, 0) + 1
        target = Target(f"{begins}-{number}", name.value, each.line)
        target.settings = {"provider": provider, "model": rest if slash else model.value}
        name.carried = model.carried = True
        self._params(target, params, info)
        if provider in ("azure-openai", "cloudflare") and "base_url" not in target.settings:
            each.carried = f"a target of {provider} needs api_base"
            return
        self.targets.append(target)

    def _wildcard(self, each: Node, provider: str | None, rest: str) -> None:
        if provider is None or rest != "*":
            each.leave("a pattern of models: give the route an alias, or list them")
            return
        self.wildcards.append(f"{provider}/*")
        each.get("model_name").carried = each.get("litellm_params").get("model").carried = True
        if key := each.get("litellm_params").get("api_key"):
            key.leave(f"what is asked by {provider}/MODEL has the provider's usual variable as its key")

    def _params(self, target: Target, params: Node, info: Node) -> None:
        settings = target.settings
        if key := params.get("api_key"):
            settings["key"] = self.reference(key, target.name)
        if base := params.get("api_base") or params.get("base_url"):
            settings["base_url"] = reference_or_text(base)
        options = {}
        for there, here in OPTIONS.get(settings["provider"], {}).items():
            if option := params.get(there):
                secret = _SECRET.search(there)
                options[here] = self.reference(option, f"{target.name}-{here}") if secret else reference_or_text(option)
        if options:
            settings["options"] = options
        for there, (here, most) in LIMITS.items():
            limit = params.get(there) or info.get(there)
            if limit and (number := limit.number()) and number <= most:
                limit.carried = True
                settings[here] = int(number)
        for there, here in (("stream_timeout", "first_delta_s"), ("timeout", "total_s")):
            if (clock := params.get(there)) and (seconds := clock.number()):
                clock.carried = True
                settings[here] = seconds
        self._money(target, params, info)
        self._body(target, params)
        if (order := params.get("order")) and (number := order.number()):
            order.carried, target.order = True, number
        if (weight := params.get("weight")) and (number := weight.number()):
            weight.carried, target.weight = True, number
        if (drop := params.get("drop_params")) and drop.value is True:
            drop.carried, target.drop = True, True
        if model_id := info.get("id"):
            model_id.leave(f"the target is called {target.name}")
        for name, part in params.fields.items():
            if part.carried is None and WHY.get(name):
                part.leave(WHY[name])
        for name, part in info.fields.items():
            if part.carried is None and (name.startswith(("supports_", "max_")) or name in ("mode", "base_model")):
                part.leave("what a model can do is known here: see standby providers, and capabilities of a target")

    def _money(self, target: Target, params: Node, info: Node) -> None:
        price = {}
        for there, here in (
            ("input_cost_per_token", "input"), ("output_cost_per_token", "output"),
            ("cache_read_input_token_cost", "cached"),
        ):  # fmt: skip
            cost = params.get(there) or info.get(there)
            if cost and (number := cost.number()) is not None:
                price[here] = (cost, round(number * 1_000_000, 6))
        if "input" in price and "output" in price:
            target.settings["price"] = {name: number for name, (_, number) in price.items()}
            for cost, _ in price.values():
                cost.carried = True
        else:
            for cost, _ in price.values():
                cost.leave("a price needs both: of the prompt and of the answer")
        budget, duration = params.get("max_budget"), params.get("budget_duration")
        if budget and (number := budget.number()) is not None:
            if period := budget_of(duration.value):
                target.settings[period] = number
                budget.carried = duration.carried = True
            else:
                budget.leave("budgets are of a day or a month")
                duration.leave("budgets are of a day or a month")

    def _body(self, target: Target, params: Node) -> None:
        defaults = {}
        for name in PARAMETERS:
            if part := params.get(name):
                defaults[name] = part.take()
        if defaults:
            target.settings["parameters"] = defaults
        if organization := params.get("organization"):
            target.settings["headers"] = {"OpenAI-Organization": reference_or_text(organization)}
        for name, part in params.get("extra_headers").fields.items():
            secret = _SECRET.search(name)
            said = self.reference(part, f"{target.name}-{name}") if secret else reference_or_text(part)
            target.settings.setdefault("headers", {})[name] = said
        if (body := params.get("extra_body")) and body.fields:
            target.settings["body"] = body.take()

    def reference(self, secret: Node, name: str) -> str:
        """A reference to the variable that holds a secret: one that stands in the file is not written into another."""
        secret.carried = True
        if found := _ENV.fullmatch(str(secret.value)):
            return f"${{{found[1]}}}"
        variable = re.sub(r"[^A-Z0-9]+", "_", f"STANDBY_KEY_{name}".upper())
        self.variables.append(f"{variable}: what stands in line {secret.line} ({secret.path})")
        return f"${{{variable}}}"


def reference_or_text(part: Node) -> str:
    """A reference to a variable, or the text as it stands."""
    part.carried = True
    found = _ENV.fullmatch(str(part.value))
    return f"${{{found[1]}}}" if found else str(part.value).replace("${", "$${")


def budget_of(duration: object) -> str | None:
    """The setting for a budget of this duration; None: there is none."""
    day, month = ("1d", "24h"), ("30d", "31d", "1mo")
    return "budget_day" if duration in day else "budget_month" if duration in month else None


def safe(name: str) -> str:
    """A name for a target."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"


def _by_name(model: str) -> str | None:
    return next((provider for pattern, provider in BY_NAME if pattern.match(model)), None)
