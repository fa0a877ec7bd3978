"""The tables of docs/providers.md, made from the registry, the capability data, the adapters and their `FIT`.

python tests/project/provider_tables.py     writes them into the page anew
"""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from standby.providers import registry
from standby.providers.capabilities import Capabilities
from standby.providers.chat import ChatRequest, ImagePart, JsonSchema, Message, TextPart, Tool, ToolCall
from standby.providers.dialects.compatible import PRESETS
from standby.providers.fit import FEATURES, Row
from standby.providers.fitting import facts_for
from standby.providers.fitting.fields import HARMLESS
from standby.providers.provider import Endpoint, Provider, Unsupported
from standby.providers.secret import Secret

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"

NATIVE = tuple(name for name in registry._BUILT_IN if name != "azure-openai")  # speaks what openai speaks
FITTED: dict[str, tuple[Row, ...]] = {
    name: module.FIT
    for name in NATIVE
    if hasattr(module := import_module(f"standby.providers.dialects.{registry._BUILT_IN[name]}"), "FIT")
}
"""Dialects with a table of what they cannot say."""


def with_tables(text: str) -> str:
    """The page, with what stands between each marker and its end made anew."""
    made = {
        "providers": providers(),
        "yaml": six_lines(),
        "capabilities": capabilities(),
        "fields": "\n\n".join(fields(NATIVE[at : at + 3]) for at in range(0, len(NATIVE), 3)),
        "fit": fit_table(),
        "why": why(),
        "speakers": speakers(),
    }
    for name, table in made.items():
        pattern = rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end -->)"
        if not re.search(pattern, text, re.DOTALL):
            raise LookupError(f"the page has no marker <!-- {name}: … -->")
        text = re.sub(pattern, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL)
    return text


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (columns, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(columns)}", *lines[1:]])


def _code(value: str | None) -> str:
    return f"`{value}`" if value else "–"


def providers() -> str:
    """The table of all providers."""
    rows = []
    for name in registry.names():
        info = registry.get(name).info
        key = _code(info.key_env) + ("" if info.key_required or not info.key_env else ", optional")
        state = [] if info.official else ["Unofficial."]
        state += [] if info.working else ["Not working when last seen."]
        note = " ".join([*state, info.note])
        rows.append(
            (_code(name), info.title, _code(info.dialect), _code(info.base_url), key, _code(info.default_model), note)
        )
    columns = ("name", "provider", "dialect", "where, unless the target says otherwise", "key", "default model", "note")
    return _table(columns, rows)


MODELS = {
    "azure-openai": "my-deployment",
    "bedrock": "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    "cerebras": "gpt-oss-120b",
    "cloudflare": '"@cf/openai/gpt-oss-120b"',
    "dashscope": "qwen-plus",
    "deepinfra": "openai/gpt-oss-120b",
    "fireworks": "accounts/fireworks/models/gpt-oss-120b",
    "github": "openai/gpt-4.1-mini",
    "groq": "openai/gpt-oss-120b",
    "huggingface": "openai/gpt-oss-120b",
    "litellm": "my-model",
    "lmstudio": "openai/gpt-oss-20b",
    "minimax": "MiniMax-M2",
    "moonshot": "kimi-k2-thinking",
    "nvidia": "openai/gpt-oss-120b",
    "ollama": "gpt-oss:20b",
    "ollama-v1": "gpt-oss:20b",
    "openrouter": "openai/gpt-oss-120b",
    "sambanova": "gpt-oss-120b",
    "together": "openai/gpt-oss-120b",
    "vercel": "openai/gpt-oss-120b",
    "vllm": "openai/gpt-oss-120b",
    "xai": "grok-4",
    "zai": "glm-4.6",
}
"""A model for each provider that has no usual one."""
SIXTH = {
    "azure-openai": "base_url: https://my-resource.openai.azure.com",
    "bedrock": "options: {region: eu-central-1}",
    "cloudflare": "base_url: https://api.cloudflare.com/client/v4/accounts/my-account/ai/v1",
}
"""What a provider needs more than its key, which is looked up in its variable."""


def six_lines() -> str:
    """A route to each provider."""
    blocks = []
    for name in registry.names():
        info = registry.get(name).info
        last = f"base_url: {info.base_url}" if not info.key_env or name in OWN else f'key: "${{{info.key_env}}}"'
        lines = (
            "targets:",
            f"  {name}:",
            f"    provider: {name}",
            f"    model: {MODELS.get(name) or info.default_model}",
            f"    {SIXTH.get(name, last)}",
            f"routes: {{default: {{targets: [{name}]}}}}",
        )
        blocks.append("\n".join((f"{info.title}:", "", "```yaml", *lines, "```")))
    return "\n\n".join(blocks)


OWN = {name for name, preset in PRESETS.items() if not preset.info.key_required} | {"ollama"}
"""Servers that users run themselves: an address matters more than a key."""


def capabilities() -> str:
    """What is known of each provider's default model, or of any where there is no default."""
    names = [
        "tools", "images", "json_schema", "reasoning", "prefill", "context_window", "max_stop", "sampling", "seed"
    ]  # fmt: skip
    rows = []
    for name in registry.names():
        provider = registry.get(name)
        known = provider.capabilities(provider.info.default_model or "")
        cells = [_known(getattr(known, field)) for field in names]
        rows.append((_code(name), _code(provider.info.default_model), *cells))
    return _table(("provider", "model", *(f"`{name}`" for name in names)), rows)


def _known(value: object) -> str:
    if value is None:
        return "–"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


PICTURE = "iVBORw0KGgo="
CALL = ToolCall("call_1", "look", '{"mark":"MARK"}')
TURNS = (Message("user", (TextPart("Hi"),)),)
ASKED = ChatRequest(messages=TURNS)
TOOL = Tool("look", parameters={"type": "object", "properties": {}})
OFFERED = ChatRequest(messages=TURNS, tools=(TOOL,))
CALLED = (*TURNS, Message("assistant", (), (CALL,)), Message("tool", (TextPart("RESULT"),), tool_call_id="call_1"))


def _with(chat: ChatRequest, **changes: Any) -> tuple[ChatRequest, ChatRequest]:
    return chat, msgspec.structs.replace(chat, **changes)


PROBES: dict[str, tuple[ChatRequest, ChatRequest, str]] = {
    "system text": (*_with(ASKED, system="MARK"), "MARK"),
    "image": (*_with(ASKED, messages=(Message("user", (ImagePart(f"data:image/png;base64,{PICTURE}"),)),)), PICTURE),
    "tool": (*_with(ASKED, tools=(Tool("look", parameters={"type": "object", "title": "MARK"}),)), "MARK"),
    "`tool_choice` of one tool": (*_with(OFFERED, tool_choice="look"), ""),
    "`parallel_tool_calls`": (*_with(OFFERED, parallel_tool_calls=False), ""),
    "a call's arguments": (*_with(OFFERED, messages=CALLED), "MARK"),
    "a tool's result": (*_with(OFFERED, messages=CALLED), "RESULT"),
    "`max_tokens`": (*_with(ASKED, max_tokens=7), ""),
    "`temperature`": (*_with(ASKED, temperature=0.5), ""),
    "`top_p`": (*_with(ASKED, top_p=0.5), ""),
    "`stop`": (*_with(ASKED, stop=("MARK",)), "MARK"),
    "`seed`": (*_with(ASKED, seed=7), ""),
    "`frequency_penalty`": (*_with(ASKED, frequency_penalty=0.5), ""),
    "`presence_penalty`": (*_with(ASKED, presence_penalty=0.5), ""),
    "`response_format`": (
        *_with(ASKED, response_format=JsonSchema({"type": "object", "title": "MARK", "properties": {}})),
        "MARK",
    ),
    "`reasoning_effort`": (*_with(ASKED, reasoning_effort="high"), ""),
    "`prefill`": (*_with(ASKED, prefill="MARK"), "MARK"),
}
"""What a caller may ask: a request without it, one with it, and a text by which it is found in the body."""

_ABLE = Capabilities(sampling=True, penalties=True, prefill="plain", reasoning=True, max_stop=4)
"""So that each dialect shows all of its words, whatever its default model takes."""


def fields(names: tuple[str, ...]) -> str:
    """Where each of these dialects says what a caller may ask."""
    rows = [
        (field, *(_place(registry.get(name), without, with_, mark) for name in names))
        for field, (without, with_, mark) in PROBES.items()
    ]
    return _table(("asked", *(f"`{name}`" for name in names)), rows)


def _place(provider: Provider, without: ChatRequest, with_: ChatRequest, mark: str) -> str:
    model = provider.info.default_model or "model-1"
    to = Endpoint(
        base_url="https://host",
        model=model,
        key=Secret("key"),
        capabilities=provider.capabilities(model).overridden(_ABLE),
        options={"region": "eu-central-1"},
    )
    try:
        before = dict(_leaves(json.loads(provider.build_request(without, to).body)))
        after = dict(_leaves(json.loads(provider.build_request(with_, to).body)))
    except Unsupported:
        return "refused"
    changed = [path for path, leaf in after.items() if before.get(path) != leaf]
    found = [path for path in changed if not mark or mark in str(after[path])]
    if not found:
        return "left out"
    place = _common(found)
    return _code(re.sub(r"\[\d+\]", "[]", ".".join(place).replace(".[", "[")))


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            if name not in ("title", "mark"):
                yield from _leaves(part, (*path, name))
            else:
                yield path, part
    elif isinstance(value, list) and value:
        for at, part in enumerate(value):
            yield from _leaves(part, (*path, f"[{at}]"))
    else:
        yield path, value


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    first, last = min(paths), max(paths)
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same] or first


_SHORT = {"refused": "refused", "left out": "left out", "said otherwise": "otherwise"}


def fit_table() -> str:
    """What each dialect cannot say, feature by feature."""
    rows = []
    for feature in FEATURES:
        cells = [
            ", ".join(dict.fromkeys(_SHORT[row.treatment] for row in table if row.feature == feature))
            for table in FITTED.values()
        ]
        rows.append((feature, *cells))
    return _table(("feature", *(f"`{name}`" for name in FITTED)), rows)


def why() -> str:
    """The reasons, dialect by dialect."""
    parts = []
    for name, table in FITTED.items():
        lines = [f"- {row.feature} – {row.treatment}: {row.why}" for row in table]
        parts.append("\n".join([f"**`{name}`**", "", *lines]))
    return "\n\n".join(parts)


def speakers() -> str:
    """How the speakers of the chat protocol differ from OpenAI."""
    rows = []
    for name in ("openai", *PRESETS):
        speaker = registry.get(name)
        to = Endpoint(base_url="https://host", model=speaker.info.default_model or "")
        facts = facts_for(speaker, to, speaker._quirks)  # type: ignore[attr-defined]
        quirks, known = facts.quirks, facts.capabilities
        harmless = {lack for lack in quirks.lacks if lack in HARMLESS}
        prefill = "no" if quirks.prefill is None or known.prefill == "none" else "yes" if known.prefill else "by model"
        efforts = "none" if known.efforts == () else ", ".join(known.efforts or ())
        rows.append(
            (
                _code(name),
                _code(quirks.max_tokens_field),
                ", ".join(f"`{lack}`" for lack in sorted(quirks.lacks - harmless)) or "–",
                ", ".join(f"`{lack}`" for lack in sorted(harmless)) or "–",
                _code(quirks.effort) + (f": {efforts}" if efforts else ""),
                prefill,
            )
        )
    return _table(("provider", "`max_tokens` is", "refused", "left out", "`reasoning_effort` is", "goes on"), rows)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
