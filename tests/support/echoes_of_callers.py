"""Phrases of the tables as callers may write them, and how providers repeat what callers wrote.

`phrases` makes one text for each pattern and each code of the tables. `ECHOES` are refusals of each dialect in which a
name or a text of the request is said again; `{}` stands for it.
"""

import json
import re
from typing import Any

from standby.providers.refusals import SHARED
from standby.providers.refusals.shared import EVERYWHERE

_PARSER = re._parser  # type: ignore[attr-defined]  # the only reader of regular expressions that is at hand


def phrases() -> list[str]:
    """A text for each pattern and code of all tables."""
    rules = (*SHARED, *(row for table in EVERYWHERE for row in table.own))
    texts = [_example(_PARSER.parse(pattern.pattern)) for rule in rules for pattern in rule.patterns]
    texts += [word for rule in rules for word in sorted(rule.words)]
    texts += [_example(_PARSER.parse(part)) for rule in rules if rule.codes for part in _parts(rule.codes.pattern)]
    return sorted(set(texts))


def _parts(pattern: str) -> list[str]:
    return [part for part in re.split(r"\|(?![^(]*\))", pattern) if part]


def _example(parsed: Any) -> str:
    """The shortest text that a pattern finds: of alternatives the first, of repetitions the fewest."""
    return "".join(_of(str(kind), held) for kind, held in parsed)


def _of(kind: str, held: Any) -> str:
    match kind:
        case "LITERAL":
            return chr(held)
        case "ANY":
            return "x"
        case "IN":
            return next(text for text in map(_of_set, held) if text)
        case "BRANCH":
            return _example(held[1][0])
        case "SUBPATTERN":
            return _example(held[3])
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, _, inner = held
            return _example(inner) * least
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return ""
        case _:
            raise AssertionError(f"teach this test to write {kind}")


def _of_set(part: Any) -> str:
    kind, held = str(part[0]), part[1]
    if kind == "RANGE":
        return chr(held[0])
    return {"CATEGORY_WORD": "a", "CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " "}.get(str(held), "") or (
        chr(held) if kind == "LITERAL" else ""
    )


def body(provider: str, message: str, **more: Any) -> bytes:
    """A refusal in the shape of a provider's own."""
    match provider:
        case "anthropic":
            found: dict[str, Any] = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        case "gemini":
            found = {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
        case "bedrock" | "cohere":
            found = {"message": message}
        case "ollama" | "koala":
            found = {"error": message}
        case "mistral":
            found = {
                "object": "error",
                "message": message,
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        case "xai":
            found = {"code": "Client specified an invalid argument", "error": message}
        case "vllm" | "sglang":
            found = {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
        case _:
            found = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
    return json.dumps({**found, **more}, ensure_ascii=False).encode()


_OPENAI = (
    "Invalid 'tools[0].function.name': string does not match pattern. Got '{}'.",
    "Invalid schema for function '{}': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.",
    "Invalid schema for response_format 'answer': In context=('properties', '{}'), 'type' is a required key.",
    "Invalid value: '{}'. Allowed values are: 'system', 'assistant', 'user', and 'tool'.",
    "The value `{}` of the field model cannot be read.",
    'Could not parse the message "{}" of the user.',
    "Could not parse the text “{}”.",
    'We could not read the body of your call: {"messages": [{"role": "user", "content": "{}"}], "model": "m"}',
    "The message cannot be read. Requested: {}",
)
_PYTHON = (
    "1 problem in ChatCompletionRequest\nmessages.0.content\n  Input is no list [type=list_type,"
    " input_value='{}', input_type=str]",
    "Unexpected role '{}' in the conversation.",
    "Could not find the template of ``{}``.",
    "The tool ''{}'' was called, and is not among the tools of this call.",
)

ECHOES: dict[str, tuple[str, ...]] = {
    "openai": _OPENAI,
    "openai-responses": _OPENAI,
    "azure-openai": _OPENAI,
    "anthropic": (
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$', got '{}'",
        "tools.0.custom.input_schema.properties: Property keys should match pattern '^[a-z]$', got '{}'",
        'messages.0.content.0.text: unexpected value; "{}"',
        "model: {}",
    ),
    "bedrock": (
        "1 problem detected: Value '{}' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint",
        "Malformed input request: #/messages/0: extraneous key [{}] is not permitted, please reformat your input.",
        'The value "{}" at toolConfig is no tool.',
    ),
    "gemini": (
        "Invalid value at 'tools[0].function_declarations[0].name' (TYPE_STRING), \"{}\"",
        "Unknown name \"{}\" at 'generation_config.response_schema.properties': Cannot find field.",
        'Invalid JSON payload received. Unexpected token.\n{"contents": [{"parts": [{"text": "{}"}]}]',
        "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name '{}'.",
    ),
    "cohere": ("invalid request: tool name '{}' must be one word", 'invalid request: cannot read message "{}"'),
    "mistral": (
        "Function name was {} but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum"
        " length of 64.",
        "Cannot read the content `{}`.",
        'Expected a role, got "{}"',
    ),
    "ollama": (
        'invalid tool "{}" in the request',
        "invalid message content: '{}'",
        'json: cannot unmarshal string "{}" into Go struct field ChatRequest.messages',
    ),
    "koala": ('Bad input: "{}"',),
    "vllm": _PYTHON,
    "sglang": _PYTHON,
    "lmstudio": ("Invalid tool '{}' in the call.",),
    "llamacpp": (
        'Failed to parse messages: no role; messages = [\n  {\n    "content": "{}"\n  }\n]',
        'Cannot read schema: {"{}": 5}',
    ),
    "deepseek": (
        "Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant `{}`,"
        " expected one of"
        " `system`, `user` at line 1 column 42",
    ),
    "groq": ("attempted to call tool '{}' which was not in request.tools",),
    "openrouter": (
        'Input has a problem: [{"path": ["messages", 0], "received": "{}"}]',
        "The tool «{}» has no schema.",
    ),
    "xai": ("Cannot read the tool `{}` of the call.", "The field is wrong. Received: {}"),
    "perplexity": ("['messages']: no role for \"{}\"",),
    "together": ('Input problem: messages.0.content "{}" is no list',),
    "fireworks": ("Extra input in the body, field: '{}'",),
    "cerebras": ("body.messages.0.role: Input is none of the known ones, got '{}'",),
    "zai": ("The message '{}' cannot be read", "无法读取消息“{}”"),
    "minimax": ("invalid params, cannot read message '{}' (2013)",),
    "moonshot": ("Invalid request: unexpected role '{}'",),
    "dashscope": ("<400> InternalError.Algo.InvalidParameter: cannot read the message '{}'", 'No role "{}".'),
    "deepinfra": ("Cannot read the message: `{}`",),
    "huggingface": ("Template problem: unknown role '{}'", 'Cannot read "{}"'),
    "github": ("Cannot read the role '{}' of the message.",),
    "cloudflare": ("AiError: AiError: Bad input: no role '{}'",),
    "litellm": (
        "litellm.BadRequestError: OpenAIException - Invalid value: '{}'. Allowed values are: 'system' and 'user'.",
    ),
    "vercel": ('Invalid input: the role "{}" is none of the known ones',),
    "nvidia": ("Input problem: role '{}' [type=enum, input_value='{}', input_type=str]",),
    "sambanova": ("Cannot read the role '{}'",),
    "ollama-v1": ('invalid tool "{}" in the request',),
}
"""By provider; each at status 400, and as an event."""


def echoed(template: str, phrase: str) -> str:
    return template.replace("{}", phrase)


def cases() -> list[tuple[str, str]]:
    return [(provider, template) for provider, templates in ECHOES.items() for template in templates]
