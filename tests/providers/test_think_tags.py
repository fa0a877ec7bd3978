"""Thinking between tags in the text: told as thinking by the providers that are known for it, however it is cut."""

import json
from pathlib import Path
from typing import Any

import pytest
from standby.config import load
from standby.config.advice import quirk_notes
from standby.providers import registry
from standby.providers.knowledge import NAMES
from standby.providers.provider import ResponseHead

from read_streams import outcome, ways_to_cut
from standby import Router, Target
from standby.testing import Page, Simulator

STREAM = "text/event-stream"


def sse(*pieces: str, finish: str | None = "stop") -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    end = [{"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}] if finish else []
    return b"".join(b"data: " + json.dumps({"model": "m", **chunk}).encode() + b"\n\n" for chunk in chunks + end)


ANSWERS = {
    "thinking, then the answer": (("<think>\nplan", "</think>\n\nAnswer"), "plan", "Answer"),
    "a tag in pieces": (("<th", "ink>", "plan</", "thi", "nk>", "\n", "\nAnswer"), "plan", "Answer"),
    "nothing was thought": (("<think>\n\n</think>\n\n", "Answer"), "", "Answer"),
    "blanks before the tag": (("\n", "<think>a</think>b"), "a", "b"),
    "what looks like the end": (("<think>a </thin b </think>c",), "a </thin b ", "c"),
    "no thinking": (("Answer with <think>tags</think>",), "", "Answer with <think>tags</think>"),
    "the beginning of no tag": (("<th", "ree>"), "", "<three>"),
    "only the beginning of a tag": (("<thi",), "", "<thi"),
    "it never ends": (("<think>plan", " and </th"), "plan and </th", ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_is_split_at_its_tags(name: str) -> None:
    pieces, thought, text = ANSWERS[name]
    wanted = {key: value for key, value in (("text", text), ("reasoning", thought), ("finish", "stop")) if value}
    body = sse(*pieces)
    for cuts in ways_to_cut(body):
        said = outcome("together", STREAM, body, cuts)
        assert said == wanted, f"cut at {cuts[:3]}"


def test_a_whole_answer_is_split_too() -> None:
    body = json.dumps(
        {"model": "m", "choices": [{"message": {"content": "<think>plan</think>\nAnswer"}, "finish_reason": "stop"}]}
    ).encode()
    said = outcome("vllm", "application/json", body)
    assert (said["text"], said["reasoning"]) == ("Answer", "plan")


def test_elsewhere_the_text_is_as_it_was_asked_for() -> None:
    body = sse("<think>plan</think>Answer")
    assert outcome("openai", STREAM, body)["text"] == "<think>plan</think>Answer"


def test_a_server_that_tells_thinking_itself_is_believed() -> None:
    chunks = [{"reasoning_content": "plan"}, {"content": "<think>is a tag"}]
    body = b"".join(
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": chunk}]}).encode() + b"\n\n" for chunk in chunks
    )
    said = outcome("vllm", STREAM, body + sse(finish="stop"))
    assert (said["text"], said["reasoning"]) == ("<think>is a tag", "plan")


def test_what_was_held_is_told_when_the_answer_breaks_off() -> None:
    said = outcome("vllm", STREAM, sse("<thi", finish=None))
    assert said == {"text": "<thi", "error_kind": "truncated"}
    decoder = registry.get("vllm").decoder(ResponseHead(200, {"content-type": STREAM}))
    assert (decoder.closed, getattr(decoder, "miscounted", None)) == (False, False)


@pytest.mark.parametrize(
    ("provider", "quirks", "thought"),
    [
        ("openai", {}, ""),
        ("openai", {"think_tags": True}, "plan"),
        ("azure-openai", {"think_tags": True}, "plan"),
        ("together", {}, "plan"),
        ("together", {"think_tags": False}, ""),
        ("together", {"max_tokens_field": "max_tokens"}, "plan"),
    ],
)
@pytest.mark.parametrize("upstream", ["stream", "single"])
async def test_a_target_says_whether_its_server_thinks_so(
    standby_simulator: Simulator, provider: str, quirks: dict[str, Any], thought: str, upstream: Any
) -> None:
    said = "<think>plan</think>Answer"
    page = Page(sse(said), 200, STREAM)
    if upstream == "single":
        whole = {"choices": [{"index": 0, "message": {"content": said}, "finish_reason": "stop"}]}
        page = Page(json.dumps(whole).encode(), 200, "application/json")
    standby_simulator.play("there", page)
    target = Target(provider, model="m", key="k", base_url=standby_simulator.base_url("there"), quirks=quirks)
    async with Router([target]) as router:
        answer = await router.complete("Hello?", upstream=upstream)
    assert (answer.reasoning, answer.text) == (thought, "Answer" if thought else said)


def test_it_can_be_written_in_a_file_and_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "standby.yaml"
    file.write_text("targets:\n  t: {provider: openai, model: m, key: k, quirks: {think_tags: true}}\n")
    config = load(file)
    assert config.targets["t"].quirks == {"think_tags": True}
    (note,) = quirk_notes(config)
    assert note.message == "an answer that begins with <think> has its thinking there"


def test_it_is_nothing_that_is_known_of_a_model() -> None:
    assert "think_tags" not in NAMES
