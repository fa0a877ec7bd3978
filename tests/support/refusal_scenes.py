"""What providers say when they refuse, for each kind of refusal in docs/failover.md, in every dialect that has it.

Shapes and words are those of WIRE-2026 and its siblings, the texts of callers are our own.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from standby.testing import Page


@dataclass(frozen=True)
class Refusal:
    """One refusal of one provider.

    Attributes:
        words: What of the provider's own words the caller is to see.
        code: The provider's code that the caller is to see, or its type where it has none.
        param: The part of the request that it names.
        sse: The body is a stream's; else JSON.
    """

    provider: str
    status: int
    body: Any
    words: str
    code: str | int | None = None
    param: str | None = None
    sse: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.provider

    @property
    def page(self) -> Page:
        """What the simulator answers."""
        if self.body == b"":
            return Page(b"", self.status, "text/event-stream", self.headers)
        if self.sse:
            return Page(b"data: " + json.dumps(self.body).encode() + b"\n\n", self.status, "text/event-stream")
        raw = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return Page(raw, self.status, "application/json")


def openai(
    provider: str,
    status: int,
    words: str,
    code: str | None = None,
    *,
    param: str | None = None,
    kind: str | None = None,
) -> Refusal:
    """In the shape of OpenAI."""
    error = {"message": words, "type": kind or "invalid_request_error", "param": param, "code": code}
    return Refusal(provider, status, {"error": error}, words, code or error["type"], param)


def anthropic(status: int, kind: str, words: str) -> Refusal:
    return Refusal("anthropic", status, {"type": "error", "error": {"type": kind, "message": words}}, words, kind)


def gemini(status: int, name: str, words: str, **more: Any) -> Refusal:
    error = {"code": status, "message": words, "status": name, **more}
    return Refusal("gemini", status, {"error": error}, words, status)


def flat(provider: str, status: int, words: str, code: str | None = None, **more: Any) -> Refusal:
    """A message beside a code, without an `error` around them."""
    return Refusal(provider, status, {"message": words, "code": code, **more}, words, code)


def text(provider: str, status: int, words: str, code: str | None = None) -> Refusal:
    """The error is a text."""
    return Refusal(provider, status, {"error": words} | ({"code": code} if code else {}), words, code)


def openrouter(
    status: int, words: str, *, shown: str | None = None, code: str | int | None = None, **more: Any
) -> Refusal:
    error = {"message": words, "code": status, **more}
    return Refusal("openrouter", status, {"error": error}, shown or words, status if code is None else code)


_INNER = {
    "error": {"message": "This model's maximum context length is 8192 tokens.", "code": "context_length_exceeded"}
}

REFUSALS: dict[str, tuple[Refusal, ...]] = {
    "flagged": (
        openai(
            "openai",
            400,
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
            "invalid_prompt",
        ),
        openai(
            "openai-responses",
            400,
            "This content was flagged for possible cybersecurity risk.",
            "cyber_policy_violation",
        ),
        openai("azure-openai", 400, "The response was filtered due to the prompt.", "content_filter", param="prompt"),
        anthropic(400, "invalid_request_error", "Output blocked by content filtering policy"),
        gemini(
            400,
            "INVALID_ARGUMENT",
            "The prompt could not be submitted: it contains sensitive words that violate our practices.",
        ),
        flat("bedrock", 400, "The generated text has been blocked by our content filters."),
        flat("cohere", 498, "blocked output: please try again with another prompt"),
        flat("mistral", 403, "The input was flagged by our moderation.", "content_moderation", object="error"),
        text("xai", 403, "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO", "permission-denied"),
        openrouter(403, "m/x requires moderation.", metadata={"reasons": ["violence"], "flagged_input": "x"}),
        openai("deepseek", 400, "Content Exists Risk", "invalid_request_error"),
        openai("dashscope", 400, "Output data may contain inappropriate content.", "data_inspection_failed"),
        openai("moonshot", 400, "The request was rejected because it was considered high risk", "content_filter"),
        openai("minimax", 500, "input new_sensitive (1026)"),
        openai("together", 400, "The request holds unsafe or sensitive content.", "1301"),  # z.ai by a gateway
        openai("zai", 400, "This does not go.", "1301"),
        openai("litellm", 400, "litellm.ContentPolicyViolationError: The response was filtered."),
        openai("vercel", 403, "The input was flagged by the moderation.", "content_filter"),
        openai("github", 400, "The response was filtered due to the content management policy.", "content_filter"),
        openai("groq", 400, "The content was blocked: it violates our usage policies."),
    ),
    "too_long": (
        openai(
            "openai",
            400,
            "This model's maximum context length is 128000 tokens.",
            "context_length_exceeded",
            param="messages",
        ),
        openai(
            "openai-responses", 400, "Your input exceeds the context window of this model.", "context_length_exceeded"
        ),
        openai("azure-openai", 400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
        anthropic(400, "invalid_request_error", "prompt is too long: 210001 tokens > 200000 maximum"),
        gemini(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048575).",
        ),
        flat("bedrock", 400, "Input Tokens Exceeded: Number of input tokens exceeds maximum length."),
        flat("cohere", 400, "too many tokens: total number of tokens in the prompt cannot exceed 4081"),
        flat(
            "mistral",
            400,
            "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            "3051",
        ),
        text("ollama", 400, "prompt too long; exceeded max context length by 412 tokens"),
        text(
            "xai",
            400,
            "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
            "invalid-argument",
        ),
        openai("groq", 400, "Please reduce the length of the messages or completion.", param="messages"),
        openai("vllm", 400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
        openai("sglang", 400, "The input (300 tokens) is longer than the model's context length (200 tokens)."),
        openai("together", 422, "inputs tokens + max_new_tokens must be <= 4096. Given: 5000 inputs tokens"),
        openai("llamacpp", 500, "Context size has been exceeded."),
        openai(
            "lmstudio", 400, "The number of tokens to keep from the initial prompt is greater than the context length."
        ),
        openai("fireworks", 400, "The prompt is too long: 150000, model maximum context length: 131071"),
        openai("moonshot", 400, "Your request exceeded model token limit: 262144 (requested: 310000)"),
        openai("minimax", 400, "invalid params, context window exceeds limit (2013)"),
        openai("zai", 400, "Prompt exceeds max length", "1261"),
        openai("dashscope", 400, "Range of input length should be [1, 30000]"),
        openai(
            "github", 413, "Request body too large for gpt-4o model. Max size: 8000 tokens.", "tokens_limit_reached"
        ),
        openai("huggingface", 422, "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000"),
        openai("litellm", 400, "litellm.ContextWindowExceededError: litellm.BadRequestError: too much"),
        openai(
            "cloudflare", 413, "The estimated number of tokens (5000) exceeded this model context window limit (4096)."
        ),
        openai("deepinfra", 400, "Requested input length 5000 exceeds maximum input length 4096"),
        openai(
            "cerebras", 413, "Request body too large for this model. Max size: 8000 tokens.", "tokens_limit_reached"
        ),
        openrouter(
            400,
            "Provider returned error",
            shown=_INNER["error"]["message"],
            code="context_length_exceeded",
            metadata={"raw": json.dumps(_INNER), "provider_name": "OpenAI"},
        ),
        Refusal("llamacpp", 200, b"", "", headers={"server": "uvicorn"}),  # llama-cpp-python: a stream of no bytes
        openai("nvidia", 400, "This model's maximum context length is 4096 tokens. However, you requested 5000."),
        openai(
            "sambanova", 400, "The maximum context length is 8192 tokens, 9000 were sent.", "context_length_exceeded"
        ),
        openai("vercel", 400, "Input is too long for requested model.", "context_length_exceeded"),
        openai("ollama-v1", 400, "prompt too long; exceeded max context length by 412 tokens"),
        openai("perplexity", 400, "The prompt is too long: 130000 tokens, 127072 are allowed."),
        openai("vllm", 400, "The prompt has 40000 tokens, which is above the limit of 32768."),
        openai("sglang", 400, "Context overflow: 40000 tokens do not fit into 32768."),
        openai("deepseek", 400, "This model's maximum context length is 131072 tokens. However, you requested 140000."),
    ),
    "too_large_for_rate": (
        openai(
            "openai",
            429,
            "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45000.",
            "rate_limit_exceeded",
            kind="tokens",
        ),
        openai(
            "groq",
            413,
            "Request too large for model `m` on tokens per minute (TPM): Limit 12000, Requested 14137.",
            "rate_limit_exceeded",
            kind="tokens",
        ),
        openai("azure-openai", 429, "Requested tokens 50000 exceed the limit of 40000 tokens per minute.", "429"),
        openrouter(402, "This request requires more credits, or fewer max_tokens. You can only afford 5183."),
    ),
    "too_many_bytes": (
        Refusal(
            "openai", 413, b"<html><title>413 Request Entity Too Large</title></html>", "413 Request Entity Too Large"
        ),
        anthropic(413, "request_too_large", "Request exceeds the maximum size"),
        gemini(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
        text("ollama", 413, "http: request body too large"),
        flat("bedrock", 413, "Request body is too large: 26214400 bytes."),
        openai("vllm", 413, "Maximum request body size 10485760 exceeded, actual body size 12000000"),
        flat("cohere", 413, "payload too large: 26214400 bytes"),
        flat("mistral", 413, "The request body is too large: 26214400 bytes."),
        text("xai", 413, "Failed to buffer the request body: length limit exceeded"),
        text("koala", 413, "Payload Too Large"),
        openai("openai-responses", 413, "The request exceeds the maximum size: 52428800 bytes."),
        openai("azure-openai", 413, "The request body is too large: 26214400 bytes."),
        openai("groq", 413, "Request Entity Too Large", "request_too_large"),
        openai("llamacpp", 413, "Payload Too Large"),
    ),
    "not_for_model": (
        openai(
            "openai",
            400,
            "Unsupported value: 'temperature' does not support 0.2 with this model.",
            "unsupported_value",
            param="temperature",
        ),
        openai(
            "openai-responses",
            400,
            "Unsupported parameter: 'top_p' is not supported with this model.",
            "unsupported_parameter",
            param="top_p",
        ),
        openai(
            "azure-openai",
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model.",
            "unsupported_parameter",
            param="max_tokens",
        ),
        anthropic(400, "invalid_request_error", "thinking.type: adaptive thinking is not supported on this model"),
        gemini(
            400, "INVALID_ARGUMENT", "Function calling with a response mime type: 'application/json' is unsupported"
        ),
        flat("bedrock", 400, "This model doesn't support tool use in streaming mode."),
        flat("cohere", 400, "invalid request: tools are not supported by this model"),
        flat("mistral", 422, "Reasoning effort is not enabled for this model."),
        text("xai", 400, "Argument not supported on this model: presencePenalty", "invalid-argument"),
        openai("groq", 400, "Failed to call a function. Please adjust your prompt.", "tool_use_failed"),
        openai("vllm", 400, "The model is not a multimodal model"),
        openai("deepseek", 400, "deepseek-reasoner does not support this: function calling is not supported"),
        openai("perplexity", 400, "After the system message, roles must be alternating: user and assistant."),
        text("ollama", 400, "reasoning_effort is not supported by this model"),
        openai(
            "openai",
            400,
            "Invalid value: 'xhigh'. Supported values are: 'low', 'medium', and 'high'.",
            "invalid_value",
            param="reasoning_effort",
        ),
        openai(
            "openai-responses",
            400,
            "Invalid value: 'minimal'. Supported values are: 'none', 'low', and 'high'.",
            "invalid_value",
            param="reasoning.effort",
        ),
        openai("azure-openai", 400, "Unrecognized request argument supplied: reasoning_effort"),
        anthropic(400, "invalid_request_error", "output_config.effort: Input should be 'low', 'medium' or 'high'"),
        anthropic(400, "invalid_request_error", "max_tokens: 100000 > 64000, which is the maximum for claude-m"),
        anthropic(
            400,
            "invalid_request_error",
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ),
        openai("groq", 400, "reasoning_effort must be one of `none` or `default`"),
        openai("openai", 400, "Unsupported service_tier: flex"),
        gemini(400, "INVALID_ARGUMENT", "The thinking budget (52428) is invalid."),
        gemini(400, "INVALID_ARGUMENT", "Unable to submit request because thinking_budget is out of range."),
    ),
    "no_such_thing": (
        openrouter(404, "No endpoints found that support tool use."),
        text("ollama", 400, "registry.ollama.ai/library/m does not support tools"),
        Refusal(
            "llamacpp",
            501,
            {"error": {"code": 501, "message": "This is not here", "type": "not_supported_error"}},
            "This is",
            501,
        ),
        openai("llamacpp", 500, "1 validation error: response_format.type: Input should be text or json_object"),
        openai("litellm", 400, "No deployments available that support these capabilities."),
    ),
    "not_for_account": (
        openai("groq", 400, "The model `m` requires terms acceptance.", "model_terms_required"),
        openai(
            "openai",
            400,
            "Your organization must be verified to stream this model.",
            "unsupported_value",
            param="stream",
        ),
        openai(
            "openai-responses",
            400,
            "Your organization must be verified to generate reasoning summaries.",
            "unsupported_value",
            param="reasoning.summary",
        ),
        openai("groq", 400, "Organization has been restricted.", "organization_restricted"),
        anthropic(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
        gemini(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        flat("bedrock", 400, "Invocation of model ID m with on-demand throughput isn't supported."),
        openai("vllm", 400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
        openrouter(404, "No endpoints found matching your data policy."),
        openai("minimax", 500, "your current token plan not support model, MiniMax-M2"),
        text("ollama", 400, "this model requires a subscription, upgrade for access"),
        openai("azure-openai", 400, "Your organization must be verified to use the model `m`.", param="model"),
        flat("mistral", 400, "This model is not available on your current plan."),
        flat("cohere", 400, "your account is not allowed to use this model"),
        text("xai", 400, "Your team is not authorized to use this model."),
    ),
    "retired": (
        openai(
            "groq", 400, "The model `m` has been decommissioned and is no longer supported.", "model_decommissioned"
        ),
        openai("deepseek", 400, "Model Not Exist", "invalid_request_error"),
        openrouter(400, "foo/bar is not a valid model ID"),
        openai(
            "azure-openai",
            400,
            "The chatCompletion operation does not work with the specified model, m.",
            "OperationNotSupported",
        ),
        flat("bedrock", 400, "The provided model identifier is invalid."),
        openai("litellm", 400, "Invalid model name passed in model=m. Call `/v1/models` to view available models."),
        openai("minimax", 400, "invalid params, unknown model 'm' (2013)"),
        openai("openai", 400, "The model `m` has been deprecated, learn more here.", None),
        openai("openai-responses", 400, "The requested model 'm' does not exist."),
        anthropic(400, "invalid_request_error", "The model claude-1 is no longer available."),
        gemini(400, "INVALID_ARGUMENT", "models/m is not found for API version v1beta."),
        flat("cohere", 400, "model 'm' was removed on September 15, 2025."),
        text("xai", 400, "Model not found: m"),
        text("ollama", 400, "the model was retired on July 1, 2026"),
    ),
    "unknown_model": (
        openai("openai", 404, "The model `m` does not exist or you do not have access to it.", "model_not_found"),
        openai("openai-responses", 400, "The requested model 'm' does not exist.", "model_not_found"),
        openai("azure-openai", 404, "The API deployment for this resource does not exist.", "DeploymentNotFound"),
        anthropic(404, "not_found_error", "model: m"),
        gemini(404, "NOT_FOUND", "models/m is not found for API version v1beta."),
        flat("bedrock", 404, "Could not resolve the foundation model from the provided model identifier."),
        flat("cohere", 404, "model 'm' not found, make sure the correct model ID was used"),
        flat("mistral", 400, "Invalid model: m", "1500"),
        text("ollama", 404, "model 'm' not found"),
        text("koala", 404, "Not found"),
        text("xai", 404, "The model m does not exist or your team has no access to it."),
        openai("fireworks", 404, "Model not found, inaccessible, and/or not deployed", "NOT_FOUND"),
        openai("moonshot", 404, "Not found the model m or Permission denied", kind="resource_not_found_error"),
        openai(
            "perplexity",
            400,
            "Invalid model 'm'. Permitted models can be found in the documentation.",
            kind="invalid_model",
        ),
        openai("together", 400, "Unable to access non-serverless model m.", "model_not_available"),
        openai("together", 400, "The dedicated endpoint for m is not running.", "dedicated_endpoint_not_running"),
        openai("groq", 404, "The model `m` does not exist or you do not have access to it.", "model_not_found"),
        openai("vllm", 404, "The model `m` does not exist.", kind="NotFoundError"),
        openai("zai", 400, "模型不存在，请检查模型代码。", "1211"),
        openai("ollama-v1", 404, "model 'm' not found"),
        openai("nvidia", 404, "404 page not found"),
        openai("sambanova", 404, "Model not found", "model_not_found"),
        openai("cerebras", 404, "Model m does not exist or you do not have access to it.", "model_not_found"),
        openai("deepinfra", 404, "The model `m` does not exist"),
    ),
    "credits_gone": (
        openai("openai", 429, "You exceeded your current quota.", "insufficient_quota", kind="insufficient_quota"),
        anthropic(402, "billing_error", "Your credit balance is too low."),
        gemini(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
        flat("cohere", 402, "Please add a payment method to continue"),
        text("ollama", 429, "you (alice) have reached your weekly usage limit, upgrade for higher limits"),
        text("koala", 402, "Payment required"),
        text(
            "xai",
            429,
            "Your team has used all available credits or reached its monthly spending limit.",
            "Some resource is exhausted",
        ),
        text("xai", 403, "You have to wait.", "personal-team-blocked:spending-limit"),
        openrouter(403, "Key limit exceeded (monthly limit)."),
        openai("deepseek", 402, "Insufficient Balance"),
        openai("minimax", 500, "insufficient balance (1008)", kind="insufficient_balance_error"),
        Refusal("minimax", 200, {"base_resp": {"status_code": 1008, "status_msg": "No."}}, "No.", 1008),
        openai("vllm", 429, "Insufficient balance or no resource package. Please recharge.", "1113"),  # z.ai
        openai("zai", 429, "This does not go.", "1113"),
        openai("moonshot", 429, "Your account is suspended.", kind="exceeded_current_quota_error"),
        openai("dashscope", 400, "Access denied.", "Arrearage"),
        openai("litellm", 400, "Budget has been exceeded! Current cost: 1, Max budget: 1", kind="budget_exceeded"),
        openai(
            "fireworks",
            412,
            "Account a is suspended, possibly due to reaching the monthly spending limit.",
            "PRECONDITION_FAILED",
            kind="error",
        ),
        openai("together", 402, "Credit limit exceeded. Please add credit or upgrade your plan.", kind="credit_limit"),
        openai(
            "azure-openai", 429, "You exceeded your current quota.", "insufficient_quota", kind="insufficient_quota"
        ),
        openai(
            "openai-responses", 429, "You exceeded your current quota.", "insufficient_quota", kind="insufficient_quota"
        ),
        flat("mistral", 402, "Your account has no credits left."),
        text("huggingface", 402, "You have exceeded your monthly included credits for Inference Providers."),
        flat("bedrock", 402, "The account has no payment method."),
    ),
    "state_is_gone": (
        openai(
            "openai-responses",
            404,
            "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false.",
        ),
        openai("openai", 404, "Previous response with id 'resp_1' not found.", "previous_response_not_found"),
        gemini(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)"),
        anthropic(404, "not_found_error", "File not found: file_011CNha8iCJcU1wXNR6q4V8w"),
        openai("azure-openai", 404, "Previous response with id 'resp_1' not found.", "previous_response_not_found"),
    ),
    "unknown_words": (
        openai("openai", 400, "Something about this request is odd.", param="messages"),
        openai("openai-responses", 422, "Something about this request is odd."),
        openai("azure-openai", 400, "Something about this request is odd."),
        anthropic(400, "invalid_request_error", "messages: something is odd"),
        gemini(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        flat("bedrock", 400, "Malformed input request"),
        flat("cohere", 400, "invalid request: something is odd"),
        flat("mistral", 422, "Extra inputs are not permitted", object="error"),
        text("ollama", 400, "invalid options"),
        text("koala", 400, "Bad request"),
        text("xai", 400, "Something about this request is odd.", "invalid-argument"),
        openai("llamacpp", 400, "Something about this request is odd."),
        openai("vllm", 400, "Something about this request is odd.", kind="BadRequestError"),
        openrouter(400, "Something about this request is odd."),
    ),
    "delay_in_words": (
        openai("openai", 429, "Rate limit reached. Please try again in 1m0s.", "rate_limit_exceeded"),
        Refusal(
            "azure-openai",
            429,
            {"error": {"code": "429", "message": "Please retry after 60 seconds."}},
            "retry after",
            "429",
        ),
        anthropic(429, "rate_limit_error", "Please wait 1 minute and try again."),
        gemini(429, "RESOURCE_EXHAUSTED", "Please retry in 60.0s."),
        flat("bedrock", 429, "Too many requests, please wait 60 seconds before trying again."),
        flat("cohere", 429, "The limit resets in 1m."),
        flat("mistral", 429, "Rate limit exceeded: try again in 60 s", "1300"),
        text("ollama", 429, "too many requests: retry after 1 minute"),
        text("koala", 429, "Try again in 60 seconds"),
        text("xai", 429, "Too many requests: try again in 60 seconds"),
        openai("openai-responses", 429, "Rate limit reached. Please try again in 1m0s.", "rate_limit_exceeded"),
        openai("groq", 429, "Rate limit reached for model `m`. Please try again in 1m0s.", "rate_limit_exceeded"),
        openai("cerebras", 429, "Too many requests. Please retry in 60 seconds.", "too_many_requests_error"),
    ),
    "flat_in_200": (
        Refusal(
            "openai",
            200,
            {"code": 429, "message": "too many requests", "success": False},
            "too many requests",
            429,
            sse=True,
        ),
        Refusal(
            "openai",
            200,
            {"error_type": "rate_limit_error", "error_message": "slow"},
            "slow",
            "rate_limit_error",
            sse=True,
        ),
        Refusal(
            "openai",
            200,
            {"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}},
            "rate limit",
            1002,
            sse=True,
        ),
        Refusal(
            "openrouter",
            200,
            {"choices": [{"error": {"code": 429, "message": "Slow."}, "finish_reason": "error"}]},
            "Slow.",
            429,
        ),
        Refusal("vllm", 200, {"status_code": 429, "detail": "Slow."}, "Slow."),
        Refusal(
            "azure-openai",
            200,
            {"type": "error", "code": "too_many_requests", "message": "Slow."},
            "Slow.",
            "too_many_requests",
            sse=True,
        ),
        Refusal("openai-responses", 200, {"code": 429, "message": "Slow."}, "Slow.", 429, sse=True),
        Refusal("anthropic", 200, {"code": 429, "message": "Slow."}, "Slow.", 429, sse=True),
        Refusal("gemini", 200, {"code": 429, "message": "Slow."}, "Slow.", 429, sse=True),
        Refusal("cohere", 200, {"code": 429, "message": "Slow."}, "Slow.", 429, sse=True),
        Refusal(
            "mistral",
            200,
            {"code": "1300", "type": "rate_limited", "message": "Slow.", "status_code": 429},
            "Slow.",
            "1300",
            sse=True,
        ),
        Refusal("ollama", 200, {"status_code": 429, "message": "Slow."}, "Slow."),
        Refusal("bedrock", 200, {"status_code": 429, "message": "Slow."}, "Slow."),
        Refusal("koala", 200, {"code": 429, "message": "Slow."}, "Slow.", 429, sse=True),
    ),
}
"""By the keys of the table "refusals"."""

OPTIONS: dict[str, dict[str, str]] = {"bedrock": {"region": "us-east-1"}}
"""What a target of a provider needs besides a key."""
