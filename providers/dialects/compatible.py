"""Servers of the OpenAI chat protocol, as data: one row each, with its differences.

Facts: the vendors' documents and SDKs, the servers' sources, and the recordings in `tests/fixtures/wire`. What their
models take, and the names that they give to fields, is in `knowledge`, a file a provider. To add a provider, add a row.
"""

from ..capabilities import Capabilities
from ..provider import ProviderInfo
from ..quirks import SPOKEN, PrefillForm, Quirks
from ..refusals.compatible import GROQ, LLAMACPP, ZAI
from .openai import ModelRows, OpenAIChat

_LOCAL = "A server of your own: say where with base_url; a key is only needed if it was started with one."


def _row(
    name: str,
    title: str,
    site_url: str,
    base_url: str | None,
    key_env: str | None,
    *,
    quirks: Quirks | None = None,
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
        endpoint=(quirks or Quirks()).path,
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
    ),
    _row(
        "cloudflare", "Cloudflare Workers AI", "https://developers.cloudflare.com/workers-ai", None,
        "CLOUDFLARE_API_TOKEN",
        note="base_url is https://api.cloudflare.com/client/v4/accounts/ACCOUNT/ai/v1.",
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "dashscope", "Alibaba DashScope", "https://www.alibabacloud.com/help/en/model-studio",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY",
        quirks=Quirks(prefill=PrefillForm(turn={"partial": True})),
    ),
    _row(
        "deepinfra", "DeepInfra", "https://deepinfra.com/docs", "https://api.deepinfra.com/v1/openai",
        "DEEPINFRA_API_KEY",
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "deepseek", "DeepSeek", "https://api-docs.deepseek.com", "https://api.deepseek.com", "DEEPSEEK_API_KEY",
        default_model="deepseek-chat",
        quirks=Quirks(
            prefill=PrefillForm(turn={"prefix": True}, path="/beta/chat/completions"),
            says=SPOKEN
            - {"logit_bias", "files", "audio", "files by id", "files by URL", "custom tools", "allowed tools"},
        ),
    ),
    _row(
        "fireworks", "Fireworks", "https://docs.fireworks.ai", "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "github", "GitHub Models", "https://docs.github.com/github-models", "https://models.github.ai/inference",
        "GITHUB_TOKEN",
    ),
    _row(
        "groq", "Groq", "https://console.groq.com/docs", "https://api.groq.com/openai/v1", "GROQ_API_KEY",
        quirks=Quirks(
            think_tags=True,
            prefill=PrefillForm(),
            rules=GROQ.own,
            says=SPOKEN - {"logit_bias", "logprobs", "names"},  # its page on compatibility: refused with a 400
        ),
    ),
    _row(
        "huggingface", "Hugging Face", "https://huggingface.co/docs/inference-providers",
        "https://router.huggingface.co/v1", "HF_TOKEN",
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "litellm", "LiteLLM proxy", "https://docs.litellm.ai", "http://localhost:4000/v1", "LITELLM_API_KEY",
        key_required=False, note=_LOCAL,
        quirks=Quirks(think_tags=True, cache_marks=True),
    ),
    _row(
        "llamacpp", "llama.cpp", "https://github.com/ggml-org/llama.cpp", "http://localhost:8080/v1", "LLAMA_API_KEY",
        key_required=False, default_model="default", note=_LOCAL,
        prefill_shown_by="llama.cpp",  # the server of llama-cpp-python begins a new answer
        quirks=Quirks(
            think_tags=True,
            prefill=PrefillForm(body={"chat_template_kwargs": {"enable_thinking": False}}), rules=LLAMACPP.own,
            empty_if_too_long="uvicorn",  # llama-cpp-python's, which stands behind it; llama.cpp's own names itself
        ),
    ),
    _row(
        "lmstudio", "LM Studio", "https://lmstudio.ai/docs", "http://localhost:1234/v1", None,
        key_required=False, note=_LOCAL,
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "minimax", "MiniMax", "https://platform.minimax.io/docs", "https://api.minimax.io/v1", "MINIMAX_API_KEY",
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "moonshot", "Moonshot", "https://platform.moonshot.ai/docs", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY",
        note="Kimi. In China: base_url https://api.moonshot.cn/v1.",
        quirks=Quirks(prefill=PrefillForm(turn={"partial": True})),
    ),
    _row(
        "nvidia", "NVIDIA NIM", "https://docs.api.nvidia.com", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY",
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "ollama-v1", "Ollama (OpenAI protocol)", "https://ollama.com", "http://localhost:11434/v1", "OLLAMA_API_KEY",
        key_required=False, note="A failure inside an answer has no words here: prefer the provider ollama.",
        prefill_shown_by="",
        quirks=Quirks(think_tags=True, prefill=PrefillForm(body={"reasoning_effort": "none"})),
    ),
    _row(
        "openrouter", "OpenRouter", "https://openrouter.ai/docs", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY",
        note="Options: referer and title, which name your application there.",
        quirks=Quirks(
            stream_options=None,  # token counts always come
            option_headers={"referer": "http-referer", "title": "x-title"},
            prefill=PrefillForm(),
            cache_marks=True,
        ),
    ),
    _row(
        "perplexity", "Perplexity", "https://docs.perplexity.ai", "https://api.perplexity.ai", "PERPLEXITY_API_KEY",
        default_model="sonar",
        quirks=Quirks(stream_options=None),
    ),
    _row(
        "sambanova", "SambaNova", "https://docs.sambanova.ai", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY",
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "sglang", "SGLang", "https://docs.sglang.ai", "http://localhost:30000/v1", "SGLANG_API_KEY",
        key_required=False, default_model="default", note=_LOCAL,
        quirks=Quirks(think_tags=True),
    ),
    _row(
        "together", "Together", "https://docs.together.ai", "https://api.together.xyz/v1", "TOGETHER_API_KEY",
        quirks=Quirks(think_tags=True, stream_options=None),
    ),
    _row(
        "vercel", "Vercel AI gateway", "https://vercel.com/docs/ai-gateway", "https://ai-gateway.vercel.sh/v1",
        "AI_GATEWAY_API_KEY",
        quirks=Quirks(cache_marks=True),
    ),
    _row(
        "vllm", "vLLM", "https://docs.vllm.ai", "http://localhost:8000/v1", "VLLM_API_KEY",
        key_required=False, note=_LOCAL, prefill_shown_by="vllm",
        quirks=Quirks(
            think_tags=True,
            prefill=PrefillForm(body={"continue_final_message": True, "add_generation_prompt": False}),
        ),
    ),
    _row(
        "xai", "xAI", "https://docs.x.ai", "https://api.x.ai/v1", "XAI_API_KEY",
    ),
    _row(
        "zai", "Z.ai", "https://docs.z.ai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY",
        note="GLM. In China: base_url https://open.bigmodel.cn/api/paas/v4.",
        quirks=Quirks(rules=ZAI.own),
    ),
)  # fmt: skip

PRESETS: dict[str, OpenAIChat] = {row.name: row for row in _ROWS}
"""The providers of this module, by name."""
