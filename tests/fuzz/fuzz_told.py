"""What holds for clients of a gateway, whatever a provider sends: each served dialect tells the same texts and calls.

The first byte of an input draws the provider, the rest is an input of its dialect's target.
"""

import json
from typing import Any

from fuzz_dialects import DIALECTS, NOW_S, answer_of
from standby.providers import registry
from standby.providers.chat import ChatRequest, Message
from standby.providers.events import Finished, RefusalDelta, TextDelta, ToolCallDelta
from standby.providers.origin import Origin
from standby.providers.provider import ResponseHead
from standby.providers.serving import About, Asked, Dialect, Source
from standby.providers.serving.chat import chat
from standby.providers.serving.messages import messages
from standby.providers.serving.responses import responses

TOLD_BY: dict[str, Dialect] = {"openai": chat, "anthropic": messages, "openai-responses": responses}
"""By the provider that a client of the protocol reads as."""
ASKED = Asked(chat=ChatRequest(messages=(Message("user", "Hi"),)), model="route", stream=True, include_usage=True)
ABOUT = About("0a1b2c", int(NOW_S))
STREAM = ResponseHead(200, {"content-type": "text/event-stream"}, NOW_S)
BODY = ResponseHead(200, {"content-type": "application/json"}, NOW_S)


def told(data: bytes) -> None:
    """A whole answer of any provider, told again: no exception, and no text, refusal or call is lost or doubled."""
    name = DIALECTS[data[0] % len(DIALECTS)] if data else "koala"
    provider = registry.get(name)
    head, body = answer_of(name, data[1:])
    events, finish = _heard(name, head, body)
    if finish is None or any(not call for call, _ in _calls(events)) or _is_interrupted(events):
        return  # it broke off; or a call has no name, which means nothing anywhere

    def source() -> Source:
        return Source(Origin(name, "https://host", "model", "0123456789ab"), provider.info.dialect)

    for client, dialect in TOLD_BY.items():
        encoder = dialect.stream(ASKED, ABOUT, source)
        half = len(events) // 2
        stream = encoder.encode(events[:half]) + encoder.encode([*events[half:], finish])
        whole = dialect.whole(ASKED, ABOUT, source, [*events, finish]).body
        for form, told_body in ((STREAM, stream), (BODY, whole)):
            again, end = _heard(client, form, told_body)
            assert end is not None, f"{client} breaks off"
            assert _said(again, client) == _said(events, client), f"{client} tells something else"
            loose = form is BODY and client == "anthropic"  # its bodies hold arguments as objects
            assert _calls(again, loose=loose) == _calls(events, loose=loose), f"{client} tells other calls"


def _is_interrupted(events: list[Any]) -> bool:
    """Does something else stand inside a call, before its arguments? To a client that call is over by then."""
    begun: set[int] = set()
    argued: set[int] = set()
    cut: set[int] = set()
    for event in events:
        if not isinstance(event, ToolCallDelta):
            cut |= begun - argued
            continue
        begun.add(event.index)
        if event.arguments:
            argued.add(event.index)
            if event.index in cut:
                return True
    return False


def _heard(name: str, head: ResponseHead, body: bytes) -> tuple[list[Any], Finished | None]:
    """What a client hears; no finish: it broke off."""
    decoder = registry.get(name).decoder(head)
    events: list[Any] = [*decoder.feed(body)]
    events += decoder.end() if decoder.failure is None else []
    return events, None if decoder.failure is not None else decoder.finish


def _said(events: list[Any], client: str) -> tuple[str, ...]:
    """The texts, and the words of declining: the Messages API has no place of their own for these."""
    kinds = (TextDelta | RefusalDelta,) if client == "anthropic" else (TextDelta, RefusalDelta)
    return tuple("".join(event.text for event in events if isinstance(event, kind)) for kind in kinds)


def _calls(events: list[Any], *, loose: bool = False) -> list[tuple[str, Any]]:
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            call = calls.setdefault(event.index, ["", ""])
            call[0], call[1] = call[0] or event.name or "", call[1] + event.arguments
    return [(name, _meant(arguments, loose=loose)) for _, (name, arguments) in sorted(calls.items())]


def _meant(arguments: str, *, loose: bool) -> Any:
    try:
        found = json.loads(arguments or "{}")
    except ValueError:
        return {} if loose else arguments
    return found if isinstance(found, dict) or not loose else {}
