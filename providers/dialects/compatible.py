"""Servers of the OpenAI chat protocol, as data: one row each, with its differences.

Facts: the vendors' documents and SDKs, the servers' sources, and the recordings in `tests/fixtures/wire`. What is not
known is not claimed: a capability of None keeps no target from being asked. To add a provider, add a row.
"""

from ..capabilities import Capabilities
from ..provider import ProviderInfo
from ..refusals.compatible import GROQ, LLAMACPP
from .openai import ModelRows, OpenAIChat
from .openai_quirks import SPOKEN, PrefillForm, Quirks

_LOCAL = "A server of your own: say where with base_url; a key is only needed if it was started with one."

_UP_TO_HIGH = {"minimal": "low", "xhigh": "high", "max": "high"}
"""For models that know low, medium and high."""

_UPSTREAM_MODELS: ModelRows = (  # OpenRouter hands the trailing turn on; the upstream model takes it or not
    (r"anthropic/claude-(?:opus|haiku)-4\.5", Capabilities(prefill="plain")),
    (r"anthropic/claude-(?:opus|sonnet|haiku)-(?:4\.[6-9]|[5-9])", Capabilities(prefill="none")),
    (r"google/gemini-2\.", Capabilities(prefill="plain")),
    (r"openai/", Capabilities(prefill="none")),
)
_OLLAMA_MODELS: ModelRows = (  # renderers that leave a trailing assistant turn open: Ollama's model/renderers
    (r"(?:.*/)?(?:qwen3-coder|olmo-?3|lfm2|laguna)", Capabilities(prefill="plain")),
    (r"(?:.*/)?(?:qwen3-vl|qwen3\.5)", Capabilities(prefill="plain", reasoning=True)),
    (r"(?:.*/)?(?:gpt-oss|deepseek-r1|magistral|qwq|qwen3)", Capabilities(reasoning=True)),
)


def _row(
    name: str,
    title: str,
    site_url: str,
    base_url: str | None,
    key_env: str | None,
    *,
    quirks: Quirks,
    known: Capabilities | None = None,
    models: ModelRows = (),
    key_required: bool = True,
    default_model: str | None = None,
    note: str = "",
    prefill_shown_by: str | None = None,
) -> OpenAIChat:
    info = ProviderInfo(
        title=title,
        dialect="openai",
        site_url=site_url,
        base_url=base_url,
        endpoint=quirks.path,
        key_env=key_env,
        key_required=key_required,
        default_model=default_model,
        note=note,
        prefill_shown_by=prefill_shown_by,
    )
    return OpenAIChat(name, info, quirks=quirks, capabilities=known, models=models)


_ROWS: tuple[OpenAIChat, ...] = (
    _row(
        "cerebras", "Cerebras", "https://inference-docs.cerebras.ai", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY",
        quirks=Quirks(efforts=_UP_TO_HIGH),
    ),
    _row(
        "cloudflare", "Cloudflare Workers AI", "https://developers.cloudflare.com/workers-ai", None,
        "CLOUDFLARE_API_TOKEN",
        note="base_url is https://api.cloudflare.com/client/v4/accounts/ACCOUNT/ai/v1.",
        quirks=Quirks(max_tokens_field="max_tokens"),
    ),
    _row(
        "dashscope", "Alibaba DashScope", "https://www.alibabacloud.com/help/en/model-studio",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY",
        quirks=Quirks(
            max_tokens_field="max_tokens", effort="enable_thinking", prefill=PrefillForm(turn={"partial": True})
        ),
    ),
    _row(
        "deepinfra", "DeepInfra", "https://deepinfra.com/docs", "https://api.deepinfra.com/v1/openai",
        "DEEPINFRA_API_KEY",
        quirks=Quirks(max_tokens_field="max_tokens"),
    ),
    _row(
        "deepseek", "DeepSeek", "https://api-docs.deepseek.com", "https://api.deepseek.com", "DEEPSEEK_API_KEY",
        default_model="deepseek-chat",
        quirks=Quirks(
            max_tokens_field="max_tokens",
            effort="thinking",
            prefill=PrefillForm(turn={"prefix": True}, path="/beta/chat/completions"),
            reasoning_field="reasoning_content",
            reasoning_with_calls=True,
            says=SPOKEN - {"logit_bias", "files", "audio", "files by id", "custom tools", "allowed tools"},
        ),
        known=Capabilities(tools=True, system=True, prefill="plain", max_stop=16, sampling=True),
        models=((r"deepseek-reasoner", Capabilities(reasoning=True)),),
    ),
    _row(
        "fireworks", "Fireworks", "https://docs.fireworks.ai", "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        quirks=Quirks(max_tokens_field="max_tokens", efforts=_UP_TO_HIGH),
    ),
    _row(
        "github", "GitHub Models", "https://docs.github.com/github-models", "https://models.github.ai/inference",
        "GITHUB_TOKEN",
        quirks=Quirks(max_tokens_field="max_tokens"),
    ),
    _row(
        "groq", "Groq", "https://console.groq.com/docs", "https://api.groq.com/openai/v1", "GROQ_API_KEY",
        quirks=Quirks(
            efforts=_UP_TO_HIGH,
            prefill=PrefillForm(),
            rules=GROQ.own,
            says=SPOKEN - {"logit_bias", "logprobs", "names"},  # its page on compatibility: refused with a 400
        ),
        known=Capabilities(tools=True, system=True, prefill="plain", max_stop=4, sampling=True, seed=True),
        models=((r"openai/gpt-oss|qwen/qwen3|deepseek-r1", Capabilities(reasoning=True)),),
    ),
    _row(
        "huggingface", "Hugging Face", "https://huggingface.co/docs/inference-providers",
        "https://router.huggingface.co/v1", "HF_TOKEN",
        quirks=Quirks(max_tokens_field="max_tokens"),
    ),
    _row(
        "litellm", "LiteLLM proxy", "https://docs.litellm.ai", "http://localhost:4000/v1", "LITELLM_API_KEY",
        key_required=False, note=_LOCAL,
        quirks=Quirks(max_tokens_field="max_tokens", cache_marks=True),
    ),
    _row(
        "llamacpp", "llama.cpp", "https://github.com/ggml-org/llama.cpp", "http://localhost:8080/v1", "LLAMA_API_KEY",
        key_required=False, default_model="default", note=_LOCAL,
        prefill_shown_by="llama.cpp",  # the server of llama-cpp-python begins a new answer
        quirks=Quirks(
            max_tokens_field="max_tokens",
            effort="template_enable_thinking",
            lacks=frozenset({"tool_choice of one tool"}),  # it would be taken for auto, without a word
            prefill=PrefillForm(body={"chat_template_kwargs": {"enable_thinking": False}}),
            rules=LLAMACPP.own,
        ),
        known=Capabilities(json_schema=True, prefill="plain", sampling=True, seed=True),
    ),
    _row(
        "lmstudio", "LM Studio", "https://lmstudio.ai/docs", "http://localhost:1234/v1", None,
        key_required=False, note=_LOCAL,
        quirks=Quirks(max_tokens_field="max_tokens"),
        known=Capabilities(json_schema=True, sampling=True, seed=True),
    ),
    _row(
        "minimax", "MiniMax", "https://platform.minimax.io/docs", "https://api.minimax.io/v1", "MINIMAX_API_KEY",
        quirks=Quirks(max_tokens_field="max_tokens"),
    ),
    _row(
        "moonshot", "Moonshot", "https://platform.moonshot.ai/docs", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY",
        note="Kimi. In China: base_url https://api.moonshot.cn/v1.",
        quirks=Quirks(
            max_tokens_field="max_tokens", prefill=PrefillForm(turn={"partial": True}),
            reasoning_field="reasoning_content", reasoning_with_calls=True,
        ),
    ),
    _row(
        "nvidia", "NVIDIA NIM", "https://docs.api.nvidia.com", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY",
        quirks=Quirks(max_tokens_field="max_tokens"),
    ),
    _row(
        "ollama-v1", "Ollama (OpenAI protocol)", "https://ollama.com", "http://localhost:11434/v1", "OLLAMA_API_KEY",
        key_required=False, note="A failure inside an answer has no words here: prefer the provider ollama.",
        prefill_shown_by="",
        quirks=Quirks(
            max_tokens_field="max_tokens",
            efforts={"minimal": "low", "xhigh": "high"},
            lacks=frozenset({"tool_choice", "images by URL"}),
            prefill=PrefillForm(body={"reasoning_effort": "none"}),
        ),
        known=Capabilities(json_schema=True, system=True, sampling=True, seed=True),
        models=_OLLAMA_MODELS,
    ),
    _row(
        "openrouter", "OpenRouter", "https://openrouter.ai/docs", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY",
        note="Options: referer and title, which name your application there.",
        quirks=Quirks(
            max_tokens_field="max_tokens",
            stream_options=None,  # token counts always come
            effort="reasoning",
            option_headers={"referer": "http-referer", "title": "x-title"},
            prefill=PrefillForm(),
            cache_marks=True,
        ),
        known=Capabilities(system=True),
        models=_UPSTREAM_MODELS,
    ),
    _row(
        "perplexity", "Perplexity", "https://docs.perplexity.ai", "https://api.perplexity.ai", "PERPLEXITY_API_KEY",
        default_model="sonar",
        quirks=Quirks(
            max_tokens_field="max_tokens", stream_options=None, lacks=frozenset({"tools", "tool_choice", "seed"})
        ),
        known=Capabilities(tools=False, system=True),
    ),
    _row(
        "sambanova", "SambaNova", "https://docs.sambanova.ai", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY",
        quirks=Quirks(max_tokens_field="max_tokens"),
    ),
    _row(
        "sglang", "SGLang", "https://docs.sglang.ai", "http://localhost:30000/v1", "SGLANG_API_KEY",
        key_required=False, default_model="default", note=_LOCAL,
        quirks=Quirks(max_tokens_field="max_tokens", effort="template_enable_thinking"),
        known=Capabilities(json_schema=True, sampling=True),
    ),
    _row(
        "together", "Together", "https://docs.together.ai", "https://api.together.xyz/v1", "TOGETHER_API_KEY",
        quirks=Quirks(max_tokens_field="max_tokens", stream_options=None, effort="reasoning_enabled"),
        known=Capabilities(system=True, sampling=True, seed=True),
    ),
    _row(
        "vercel", "Vercel AI gateway", "https://vercel.com/docs/ai-gateway", "https://ai-gateway.vercel.sh/v1",
        "AI_GATEWAY_API_KEY",
        quirks=Quirks(max_tokens_field="max_tokens", effort="reasoning", cache_marks=True),
    ),
    _row(
        "vllm", "vLLM", "https://docs.vllm.ai", "http://localhost:8000/v1", "VLLM_API_KEY",
        key_required=False, note=_LOCAL, prefill_shown_by="vllm",
        quirks=Quirks(
            max_tokens_field="max_tokens",
            efforts=_UP_TO_HIGH,
            prefill=PrefillForm(body={"continue_final_message": True, "add_generation_prompt": False}),
        ),
        known=Capabilities(json_schema=True, prefill="plain", sampling=True, seed=True),
    ),
    _row(
        "xai", "xAI", "https://docs.x.ai", "https://api.x.ai/v1", "XAI_API_KEY",
        quirks=Quirks(efforts=_UP_TO_HIGH),
        known=Capabilities(tools=True, json_schema=True, system=True, prefill="none"),
        models=(
            (r"grok-[0-9.]+-(?:fast-)?non-reasoning", Capabilities()),
            (r"grok-(?:3-mini|4|code)", Capabilities(reasoning=True, max_stop=0)),
        ),
    ),
    _row(
        "zai", "Z.ai", "https://docs.z.ai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY",
        note="GLM. In China: base_url https://open.bigmodel.cn/api/paas/v4.",
        quirks=Quirks(max_tokens_field="max_tokens", effort="thinking", reasoning_field="reasoning_content"),
    ),
)  # fmt: skip

PRESETS: dict[str, OpenAIChat] = {row.name: row for row in _ROWS}
"""The providers of this module, by name."""
