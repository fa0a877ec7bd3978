"""Why a model stopped, in the words of all providers: one table, for gateways say in one dialect what they heard in
another, and servers that imitate a dialect keep words of their own.

Facts: the pages and SDKs of OpenAI, Anthropic, Google, Mistral, Cohere, Bedrock, z.ai (`sensitive`,
`model_context_window_exceeded`), Hugging Face's TGI (`eos_token`), AWS's Titan (`STOP_CRITERIA_MET`), Cohere's first
version (`ERROR_LIMIT`, `USER_CANCEL`) and IBM's watsonx (`token_limit`), November 2026. Gateways spell them anew: in
Vercel's SDK it is `content-filter`, in MCP `maxTokens`, and a Python enumeration that was written out is
`FinishReason.MAX_TOKENS`.
"""

import re
from collections.abc import Mapping

from . import hints
from .errors import ErrorKind, ProviderError
from .events import FinishReason
from .provider import ResponseHead

_WORDS: Mapping[FinishReason, str] = {
    "stop": "stop stopped stop_sequence end_turn eos eos_token complete completed finish finished endoftext"
    " stop_criteria_met",
    "length": "length max_tokens max_length max_output_tokens max_completion_tokens max_new_tokens max_tokens_reached"
    " model_length token_limit token_limit_reached continuation model_context_window_exceeded context_window_exceeded"
    " context_length_exceeded context_limit error_limit",
    "tool_calls": "tool_calls tool_call tool_use function_call function_calls",
    "content_filter": "content_filter content_filtered content_blocked refusal sensitive safety recitation language"
    " blocklist prohibited_content spii escalation model_armor guardrail_intervened error_toxic image_safety"
    " image_prohibited_content image_recitation image_other blocked moderation content_moderation"
    " content_policy_violation content_policy policy_violation sensitive_content",
    "pause": "pause_turn",
}
_FAILURES: Mapping[ErrorKind, str] = {
    ErrorKind.SERVER_ERROR: "error abort aborted cancelled canceled user_cancel network_error server_error"
    " internal_error model_error malformed_function_call malformed_response malformed_model_output malformed_tool_use"
    " unexpected_tool_call too_many_tool_calls",
    ErrorKind.OVERLOADED: "insufficient_system_resource overloaded engine_overloaded",
    ErrorKind.TIMEOUT: "timeout",
    ErrorKind.BAD_REQUEST: "missing_thought_signature",
}
"""Words that are no finish: what was said is no answer, or not all of it. `abort`: vLLM and SGLang; `network_error`:
z.ai; `insufficient_system_resource`: DeepSeek; `malformed_…`: Google and Bedrock; `timeout`: Cohere."""
_KINDS: Mapping[str, ErrorKind] = {word: kind for kind, words in _FAILURES.items() for word in words.split()}
_REASONS: Mapping[str, FinishReason] = {word: reason for reason, words in _WORDS.items() for word in words.split()}


def finish_reason(native: str | None) -> FinishReason:
    """The neutral word for a provider's own; `other` for those that are none of ours, like `compaction`, and to come.

    Case does not count, nor what follows a colon (Google's compatible endpoint: `content_filter: PROHIBITED_CONTENT`).
    """
    if not native:
        return "other"
    known = _REASONS.get(native)
    if known is not None:
        return known
    return _REASONS.get(_plainly(native)) or _REASONS.get(_plainly(native.partition(":")[0]), "other")


def is_word(native: str | None) -> bool:
    """Whether it is a word at all; servers that have none yet write nothing, or `null` as a text (DashScope)."""
    return bool(native) and native not in _NO_WORDS


_NO_WORDS = frozenset({"", "null", "None"})
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BEFORE = re.compile(r"^(?:finish_?|stop_?)reason[._]")


def _plainly(word: str) -> str:
    """A word in the one spelling that the table has."""
    plain = _HUMP.sub("_", word.strip()).lower().replace("-", "_").replace(" ", "_")
    return _BEFORE.sub("", plain, count=1)


def cut_off(native: str | None, head: ResponseHead) -> ProviderError | None:
    """What a word means that is no finish, whichever provider's it is; None for all others.

    Args:
        head: Of the response that it came in.
    """
    if not native or native in _REASONS:
        return None
    said, _, behind = native.partition(":")  # Google's compatible endpoint: `function_call_filter: MALFORMED_…`
    word = next((each for each in (_plainly(said), _plainly(behind)) if each in _KINDS), None)
    if word is None:
        return None
    return ProviderError(
        _KINDS[word],
        f"the provider ended the answer with finish_reason {word}",
        native_code=native,
        request_id=hints.request_id(head.headers),
        provider_message=native,
    )
