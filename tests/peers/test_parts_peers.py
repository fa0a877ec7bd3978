"""The official SDKs read an answer in parts at the simulator as our adapters do: each part, its state, its order."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import pytest
from standby.providers.parts import Citation, ImagePart, NativePart, Part, Reasoning, RefusalPart, TextPart, ToolCall
from standby.simulator.scenario.reply import Answer
from standby.simulator.server import Simulator

from components import need
from gateway_answers import ANNOTATION, DRAWN, NOTE, PLACE, RESULT, SEARCH, WEB
from standby import Router
from trips import TRIPS, target

for package in ("anthropic", "botocore", "cohere", "google.genai", "httpx", "mistralai", "ollama", "openai"):
    need(package)
import cohere  # noqa: E402 - only where they are installed
import httpx  # noqa: E402
import ollama  # noqa: E402
from anthropic import AsyncAnthropic  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.session import Session  # noqa: E402
from google.genai import Client  # noqa: E402
from mistralai.client import Mistral  # noqa: E402
from openai import AsyncAzureOpenAI, AsyncOpenAI  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession"),  # the SDK's own doing
    pytest.mark.leaves_behind,  # botocore leaves the sockets of streams to the collector
]
Told = tuple[Any, ...]
KEY = "key-12345678"
ASKED: Any = [{"role": "user", "content": "Go."}]

F, G = ToolCall("D681PevKs", "look", '{"a":1}'), ToolCall("D681PevKt", "read", '{"a":2}')
PLAN, MORE, LOOKING, FOUND = "I plan.", "I think again.", TextPart("I am looking."), TextPart("It is white.")
CODE = '{"executableCode":{"language":"PYTHON","code":"1"}}'
SOURCE = '{"start":0,"end":1,"text":"I","sources":[{"type":"document","id":"d","document":{"url":"https://x/y"}}]}'
REFERENCE = '{"type":"reference","reference_ids":[1]}'
PNG = ImagePart("data:image/png;base64,iVBORw0KGgo=")
CHAT: tuple[Part, ...] = (
    Reasoning(PLAN), LOOKING, Citation("https://x/y", "Y", "", 0, 1, ANNOTATION), PNG, F, G, RefusalPart("No."),
)  # fmt: skip

SAID: dict[str, tuple[Part, ...]] = {
    "anthropic": (
        Reasoning(PLAN, "c3RhdGUx"), LOOKING, F, Reasoning(MORE, "c3RhdGUy"), G, Reasoning("", redacted="bG9ja2Vk"),
        NativePart("server_tool_use", SEARCH), NativePart("web_search_tool_result", RESULT), FOUND,
        Citation("https://x/y", "Y", "White.", details=PLACE), TextPart("Bye."),
    ),
    "bedrock": (
        Reasoning(PLAN, "c3RhdGUx"), LOOKING, F, Reasoning(MORE, "c3RhdGUy"), G, Reasoning("", redacted="bG9ja2Vk"),
        FOUND, TextPart("Bye."),
    ),
    "gemini": (
        Reasoning(PLAN, "c3RhdGUx"), LOOKING, Reasoning("", "c3RhdGUy"),
        ToolCall("call_f", "look", '{"a":1}', "c3RhdGUz"), Reasoning(MORE, "c3RhdGU0"), G,
        NativePart("executableCode", CODE), PNG, FOUND,
    ),
    "openai-responses": (
        Reasoning(PLAN, "rs_a", "locked1"), LOOKING, F, NativePart("web_search_call", WEB),
        Reasoning(MORE, "rs_b", "locked2"), G, ToolCall("call_c", "grep", "a.*b", custom=True), FOUND,
        Citation("https://x/y", "Y", "", 0, 1, NOTE), TextPart("Bye."), RefusalPart("No."), PNG,
        NativePart("image_generation_call", DRAWN),
    ),
    "mistral": (
        Reasoning(PLAN, "c3RhdGUx"), LOOKING, Citation(details=REFERENCE), FOUND, Reasoning(MORE, "c3RhdGUy"), F, G,
    ),
    "cohere": (Reasoning(PLAN), LOOKING, F, G, Citation("https://x/y", "", "I", 0, 1, SOURCE)),
    "ollama": (Reasoning(PLAN), LOOKING, F, G),
    "openai": CHAT,
    "azure-openai": CHAT,
}  # fmt: skip


def told(part: Part) -> Told:
    """A part, in the words that the readers of all SDKs share."""
    match part:
        case Reasoning():
            return ("thought", part.text, part.signature, part.redacted)
        case TextPart() | RefusalPart():
            return (type(part).__name__, part.text)
        case ToolCall():
            return ("call", part.id, part.name, part.arguments if part.custom else json.loads(part.arguments))
        case ImagePart():
            return ("image", part.data[1] if part.data else "")
        case NativePart():
            return ("native", part.kind)
        case Citation():
            return ("citation", part.url)
        case _:
            raise TypeError(type(part).__name__)


class Fold:
    """The parts of a stream so far: pieces of text and thought go on with the one that is open."""

    def __init__(self) -> None:
        self.parts: list[Told] = []

    def add(self, *told: Any) -> None:
        self.parts.append(told)

    def text(self, text: str, kind: str = "TextPart") -> None:
        if self.parts and self.parts[-1][0] == kind:
            text = self.parts.pop()[1] + text
        if text:
            self.add(kind, text)

    def thought(self, text: str, signature: str | None = None) -> None:
        last = self.parts[-1] if self.parts else ("",)
        if last[0] == "thought" and last[2] is None:
            text = self.parts.pop()[1] + text
        if text or signature:
            self.add("thought", text, signature, None)


def _anthropic_block(block: Any) -> list[Told]:
    match block.type:
        case "thinking":
            return [("thought", block.thinking, block.signature, None)]
        case "redacted_thinking":
            return [("thought", "", None, block.data)]
        case "tool_use":
            return [("call", block.id, block.name, block.input)]
        case "text":
            return [("TextPart", block.text), *(("citation", each.url) for each in block.citations or ())]
        case kind:
            return [("native", kind)]


async def anthropic(base_url: str, *, stream: bool) -> list[Told]:
    ask: Any = {"model": "m", "max_tokens": 10, "messages": ASKED}
    async with AsyncAnthropic(base_url=base_url, api_key=KEY, max_retries=0) as client:
        if stream:
            async with client.messages.stream(**ask) as events:
                message = await events.get_final_message()
        else:
            message = await client.messages.create(**ask)
    return [each for block in message.content for each in _anthropic_block(block)]


def _response_item(item: Any) -> list[Told]:
    match item.type:
        case "reasoning":
            return [("thought", "".join(part.text for part in item.summary), item.id, item.encrypted_content)]
        case "function_call":
            return [("call", item.call_id, item.name, json.loads(item.arguments))]
        case "custom_tool_call":
            return [("call", item.call_id, item.name, item.input)]
        case "image_generation_call":
            return [("image", item.result), ("native", item.type)]
        case "message":
            parts: list[Told] = []
            for part in item.content:
                parts.append(("TextPart", part.text) if part.type == "output_text" else ("RefusalPart", part.refusal))
                parts += [("citation", each.url) for each in getattr(part, "annotations", ())]
            return parts
        case kind:
            return [("native", kind)]


async def responses(base_url: str, *, stream: bool) -> list[Told]:
    async with AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0) as client:
        if stream:
            async with client.responses.stream(model="m", input="Go.") as events:
                response: Any = await events.get_final_response()
        else:
            response = await client.responses.create(model="m", input="Go.")
    return [each for item in response.output for each in _response_item(item)]


async def chat(client: Any, *, stream: bool) -> list[Told]:
    """The fields of a message, in the order in which they are told."""
    fields: dict[str, list[Any]] = {}
    calls: dict[int, list[str]] = {}
    async with client:
        answer = await client.chat.completions.create(model="m", messages=ASKED, stream=stream)
        chunks = [chunk async for chunk in answer] if stream else [answer]
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        said = getattr(choice, "delta", None) if stream else choice.message
        if said is None:
            continue  # a chunk of Azure's filters
        more = said.model_extra or {}
        for name, value in {"reasoning_content": None, "images": None, "annotations": None, **more}.items():
            fields.setdefault(name, []).extend(value or ())
        fields.setdefault("content", []).append(said.content or "")
        fields.setdefault("refusal", []).append(said.refusal or "")
        if not stream:
            fields["annotations"] += [note.model_dump() for note in said.annotations or ()]
        for place, call in enumerate(said.tool_calls or ()):
            known = calls.setdefault(call.index if stream else place, ["", "", ""])
            for at, piece in enumerate((call.id, call.function.name, call.function.arguments)):
                known[at] += piece or ""
    return [
        ("thought", "".join(fields["reasoning_content"]), None, None),
        ("TextPart", "".join(fields["content"])),
        *(("citation", note["url_citation"]["url"]) for note in fields["annotations"]),
        *(("image", image["image_url"]["url"].partition(",")[2]) for image in fields["images"]),
        *(("call", call_id, name, json.loads(arguments)) for call_id, name, arguments in calls.values()),
        ("RefusalPart", "".join(fields["refusal"])),
    ]


async def openai(base_url: str, *, stream: bool) -> list[Told]:
    return await chat(AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0), stream=stream)


async def azure(base_url: str, *, stream: bool) -> list[Told]:
    client = AsyncAzureOpenAI(azure_endpoint=base_url, api_version="2024-10-21", api_key=KEY, max_retries=0)
    return await chat(client, stream=stream)


def _gemini_part(part: Any, fold: Fold) -> None:
    signature = base64.b64encode(part.thought_signature).decode() if part.thought_signature else None
    if part.function_call:
        fold.add("call", part.function_call.id, part.function_call.name, part.function_call.args)
    elif part.inline_data:
        fold.add("image", base64.b64encode(part.inline_data.data).decode())
    elif part.executable_code:
        fold.add("native", "executableCode")
    elif part.thought:
        fold.thought(part.text or "", signature)
    else:
        fold.text(part.text or "")
        if signature:
            fold.add("thought", "", signature, None)


async def gemini(base_url: str, *, stream: bool) -> list[Told]:
    client = Client(api_key=KEY, http_options={"base_url": base_url, "api_version": "v1beta"})
    try:
        if stream:
            chunks = [each async for each in await client.aio.models.generate_content_stream(model="m", contents="Go.")]
        else:
            chunks = [await client.aio.models.generate_content(model="m", contents="Go.")]
    finally:
        await client.aio.aclose()
        client.close()
    fold = Fold()
    for candidate in (candidate for chunk in chunks for candidate in chunk.candidates or ()):
        for part in (candidate.content and candidate.content.parts) or ():
            _gemini_part(part, fold)
    return fold.parts


@cache
def _botocore() -> Session:
    return Session()


def _bedrock(base_url: str, stream: bool) -> list[Told]:
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    client = _botocore().create_client(
        "bedrock-runtime", region_name="eu-central-1", endpoint_url=base_url, config=config, **keys
    )
    ask: Any = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "Go."}]}]}
    try:
        if not stream:
            blocks = client.converse(**ask)["output"]["message"]["content"]
        else:
            answer = client.converse_stream(**ask)["stream"]
            blocks = _blocks_of(answer)
            answer.close()
    finally:
        client.close()
    return [_converse_block(block) for block in blocks]


def _blocks_of(events: Any) -> list[Any]:
    """The blocks of a stream, put together as a whole answer has them."""
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        if start := event.get("contentBlockStart"):
            blocks[start["contentBlockIndex"]] = {"toolUse": {**start["start"]["toolUse"], "input": ""}}
        elif piece := event.get("contentBlockDelta"):
            delta, block = piece["delta"], blocks.setdefault(piece["contentBlockIndex"], {})
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            elif "toolUse" in delta:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
            elif "redactedContent" in delta["reasoningContent"]:
                block["reasoningContent"] = delta["reasoningContent"]
            else:
                thought = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
                thought["text"] += delta["reasoningContent"].get("text", "")
                thought |= {k: v for k, v in delta["reasoningContent"].items() if k == "signature"}
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return [*blocks.values()]


def _converse_block(block: Any) -> Told:
    if "toolUse" in block:
        return ("call", block["toolUse"]["toolUseId"], block["toolUse"]["name"], block["toolUse"]["input"])
    if "text" in block:
        return ("TextPart", block["text"])
    redacted = block["reasoningContent"].get("redactedContent")
    if redacted is not None:
        return ("thought", "", None, base64.b64encode(redacted).decode())
    thought = block["reasoningContent"]["reasoningText"]
    return ("thought", thought["text"], thought.get("signature"), None)


async def bedrock(base_url: str, *, stream: bool) -> list[Told]:
    return await asyncio.to_thread(_bedrock, base_url, stream)  # it only knows how to block


def _mistral_said(said: Any, fold: Fold) -> None:
    for chunk in [said.content] if isinstance(said.content, str) else said.content or ():
        if isinstance(chunk, str):
            fold.text(chunk)
        elif chunk.type == "text":
            fold.text(chunk.text)
        elif chunk.type == "thinking":
            fold.thought("".join(piece.text for piece in chunk.thinking), chunk.signature or None)
        else:
            fold.add("citation", "")
    for call in said.tool_calls or ():
        fold.add("call", call.id, call.function.name, json.loads(call.function.arguments))


async def mistral(base_url: str, *, stream: bool) -> list[Told]:
    fold = Fold()
    async with Mistral(KEY, server_url=base_url.removesuffix("/v1")) as client:
        if stream:
            async with await client.chat.stream_async(model="m", messages=ASKED) as events:
                async for event in events:
                    _mistral_said(event.data.choices[0].delta, fold)
        else:
            answer = await client.chat.complete_async(model="m", messages=ASKED)
            _mistral_said(answer.choices[0].message, fold)
    return fold.parts


async def cohere_(base_url: str, *, stream: bool) -> list[Told]:
    plan, text, calls, cited = "", "", {}, []
    async with httpx.AsyncClient() as http:
        client = cohere.AsyncClientV2(KEY, base_url=base_url, httpx_client=http)
        if stream:
            async for event in client.chat_stream(model="m", messages=ASKED):
                message: Any = getattr(getattr(event, "delta", None), "message", None)
                match event.type:
                    case "tool-plan-delta":
                        plan += message.tool_plan
                    case "content-delta":
                        text += message.content.text or ""
                    case "tool-call-start":
                        calls[event.index] = [message.tool_calls.id, message.tool_calls.function.name, ""]
                        calls[event.index][2] += message.tool_calls.function.arguments or ""
                    case "tool-call-delta":
                        calls[event.index][2] += message.tool_calls.function.arguments or ""
                    case "citation-start":
                        cited.append(message.citations)
        else:
            whole = (await client.chat(model="m", messages=ASKED)).message
            plan, text = whole.tool_plan or "", "".join(part.text for part in whole.content or ())
            calls = dict(enumerate((c.id, c.function.name, c.function.arguments) for c in whole.tool_calls or ()))
            cited = whole.citations or []
    return [
        ("thought", plan, None, None),
        ("TextPart", text),
        *(("call", call_id, name, json.loads(arguments)) for call_id, name, arguments in calls.values()),
        *(("citation", source.document["url"]) for each in cited for source in each.sources),
    ]


async def ollama_(base_url: str, *, stream: bool) -> list[Told]:
    fold = Fold()
    client = ollama.AsyncClient(host=base_url)
    try:
        if stream:
            lines = [line async for line in await client.chat("m", ASKED, stream=True)]
        else:
            lines = [await client.chat("m", ASKED)]
    finally:
        await client.close()
    for message in (line.message for line in lines):
        fold.thought(message.thinking or "")
        fold.text(message.content or "")
        for call in message.tool_calls or ():
            fold.add("call", None, call.function.name, dict(call.function.arguments))
    return fold.parts


SDKS: dict[str, Callable[..., Awaitable[list[Told]]]] = {
    "anthropic": anthropic,
    "azure-openai": azure,
    "bedrock": bedrock,
    "cohere": cohere_,
    "gemini": gemini,
    "mistral": mistral,
    "ollama": ollama_,
    "openai": openai,
    "openai-responses": responses,
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "single"])
@pytest.mark.parametrize("name", SDKS)
async def test_both_read_the_same_parts(simulator: Simulator, name: str, stream: bool) -> None:
    simulator.play(name, Answer(parts=SAID[name]), dialect=TRIPS[name].dialect)
    root = simulator.base_url(name)
    theirs = await SDKS[name](root if name == "anthropic" else root + TRIPS[name].path, stream=stream)
    async with Router([target(simulator, name)]) as router:
        if stream:
            async with router.stream("Go.") as events:
                mine = await events.answer()
        else:
            mine = await router.complete("Go.", upstream="single")
    parts = mine.message.content
    if name == "cohere" and not stream:  # in one body citations stand beside the message: they are told before calls
        parts = tuple(sorted(parts, key=lambda part: isinstance(part, Citation)))
    ours = [told(part) for part in parts]
    if name == "ollama":  # the SDK drops the ids of calls
        ours = [("call", None, *part[2:]) if part[0] == "call" else part for part in ours]
    assert theirs == ours
    if name != "cohere":
        assert parts == tuple(_as_heard(part) for part in SAID[name])


def _as_heard(part: Part) -> Part:
    """A part of the provider's own, with the name and the id that are read in it."""
    if not isinstance(part, NativePart):
        return part
    found = json.loads(part.details)
    name = found.get("name", "")
    return NativePart(part.kind, part.details, name, found.get("id") or found.get("tool_use_id"))
