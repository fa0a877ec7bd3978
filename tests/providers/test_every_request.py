"""Every recorded request body is made from the neutral request stored beside it, in `requests/neutral.json`.

All but Koala's are made from one conversation, which shows an image, calls a tool and answers it. A provider may name
the call otherwise and add its own opaque state to the turn; messages and tools are the same. Where we say more than was
recorded, or a recorded tool says less, the case takes it away.
"""

import json
from typing import Any

import msgspec
import pytest
from standby.providers import registry
from standby.providers.chat import ChatRequest
from standby.providers.events import TextDelta
from standby.providers.provider import Unsupported
from standby.router.failover.delivered import Relayed
from standby.router.failover.mid_stream import resumed

from components import need
from conversation import REQUESTS, body, built, recorded

NEUTRAL: dict[str, Any] = json.loads((REQUESTS / "neutral.json").read_bytes())
FORMS: dict[str, list[tuple[str, str]]] = NEUTRAL["continuation"]["forms"]
NO_PREFILL = "no-prefill providers"


def neutral(case: dict[str, Any]) -> ChatRequest:
    """The neutral request of a recorded one: the shared conversation, unless the case has its own."""
    if "conversation" in case:
        return msgspec.convert(case["conversation"], ChatRequest)
    shared: dict[str, Any] = json.loads(json.dumps(NEUTRAL["conversation"]))
    _, turn, result = shared["messages"]
    turn["tool_calls"][0] |= case.get("call", {})
    turn |= case.get("turn", {})
    result["tool_call_id"] = turn["tool_calls"][0]["id"]
    shared["tools"][0] |= case.get("tool", {})
    return msgspec.convert(shared | case.get("asks", {}), ChatRequest)


def test_no_recorded_request_is_left_out() -> None:
    there = {path.stem for path in REQUESTS.iterdir()}
    assert there == {*NEUTRAL["requests"], "continuation", "neutral"}
    assert recorded("continuation").keys() == FORMS.keys()


@pytest.mark.parametrize("name", NEUTRAL["requests"])
def test_the_neutral_request_becomes_the_recorded_one(name: str) -> None:
    case = NEUTRAL["requests"][name]
    if name == "bedrock":
        need("botocore")
    wire = built(registry.get(case["provider"]), neutral(case), **case["target"])
    assert json.loads(wire.body) == recorded(name)
    assert [note.split()[0] for note in wire.notes] == case.get("left_out", [])


def test_all_but_koalas_share_messages_and_tools() -> None:
    cases = {name: case for name, case in NEUTRAL["requests"].items() if "conversation" in case}
    assert list(cases) == ["koala"]
    assert all("messages" not in case.get("asks", {}) for case in NEUTRAL["requests"].values())


@pytest.mark.parametrize(
    ("form", "name", "model"),
    [(form, name, model) for form, cases in FORMS.items() if form != NO_PREFILL for name, model in cases],
)
def test_an_answer_is_gone_on_with_as_recorded(form: str, name: str, model: str) -> None:
    chat = msgspec.convert(NEUTRAL["continuation"]["conversation"], ChatRequest)
    provider = registry.get(name)
    said, wanted = body(provider, chat, model), recorded("continuation")[form]
    assert {field: said[field] for field in wanted} == wanted
    usual = body(provider, msgspec.structs.replace(chat, prefill=None), model).keys()
    assert said.keys() - wanted.keys() <= usual, "nothing else is said than in any request"
    assert provider.capabilities(model).prefill in ("plain", "echoed"), "so that the router tries it"


@pytest.mark.parametrize(("name", "model"), FORMS[NO_PREFILL])
def test_who_cannot_go_on_is_asked_to_as_recorded(name: str, model: str) -> None:
    chat = msgspec.convert(NEUTRAL["continuation"]["conversation"], ChatRequest)
    provider = registry.get(name)
    with pytest.raises(Unsupported, match="prefill"):
        body(provider, chat, model)
    begun, asked = chat.prefill or "", msgspec.structs.replace(chat, prefill=None)
    wanted = recorded("continuation")[NO_PREFILL]["messages"]
    said = resumed(asked, "ask_to_continue", Relayed([[TextDelta(begun)]]), instruction=wanted[-1]["content"])
    assert body(provider, said, model)["messages"] == wanted
