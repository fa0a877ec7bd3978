"""Koala (koala.sh): the web page's own endpoint without a key, the official KoalaChat API with one.

Facts: the public `g4f` adapter and its history for the web endpoint, Koala's API page for the official one. Both take
one input and the turns before it as two lists of equal length. The stream holds bare JSON strings and no end marker at
all, so only a clean end between two events counts as the end, and what made the model stop is never known.
"""

import secrets
import string
from collections.abc import Callable
from typing import Any

import msgspec

from ..asked import unsaid
from ..capabilities import Capabilities
from ..chat import ChatRequest, Message
from ..codecs import UNDECODABLE, decode_json, decode_kindly
from ..decoding import EventStreamDecoder, JsonBodyDecoder, decoder_for
from ..envelope import request_body, request_headers
from ..error_facts import facts_of, is_error
from ..errors import ErrorKind, ProviderError
from ..events import Finished, ProviderEvent, Started, TextDelta
from ..knowledge import known
from ..mapping import provider_error, stream_error
from ..provider import Decoder, Endpoint, ProviderInfo, ResponseHead, Unsupported, WireRequest, here
from ..returning import Returning
from ..turns import lifted

DEFAULT_MODEL = "gpt-4o-mini"
GO_ON = "Continue."
"""The input when a conversation ends with the assistant's turn: the endpoint always wants one."""

_WEB_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0",
    "Accept": "text/event-stream",
    "Accept-Language": "de,en-US;q=0.7,en;q=0.3",
    "Accept-Encoding": "identity",  # a browser would take compression, which holds a stream back
    "Content-Type": "application/json",
    "Referer": "https://koala.sh/chat",
    "Flag-Real-Time-Data": "false",
    "Visitor-ID": "",
    "Origin": "https://koala.sh",
    "Alt-Used": "koala.sh",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
    "TE": "trailers",
}
_AS_A_BROWSER_WRITES = {name.lower(): name for name in _WEB_HEADERS}

_LEFT_OUT = (
    "temperature", "top_p", "max_tokens", "seed", "frequency_penalty", "presence_penalty", "reasoning_effort",
)  # fmt: skip


def visitor_id() -> str:
    """What the web page makes up for every visitor: 20 lower-case letters and digits."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(20))


class Koala:
    """The provider.

    Args:
        make_visitor_id: Makes the `Visitor-ID` of one call to the web endpoint.
    """

    name = "koala"
    info = ProviderInfo(
        title="Koala",
        dialect="koala",
        site_url="https://koala.sh/chat",
        base_url="https://koala.sh",
        endpoint="/api/gpt/",
        key_env="KOALA_API_KEY",
        key_required=False,
        default_model=DEFAULT_MODEL,
        official=False,
        working=False,
        note="Without a key this is the web page's own endpoint: never offered as an API, last known not to work,"
        " behind a bot wall. With a key of a paid plan it is the official KoalaChat API.",
        options=("real_time_data",),
    )

    def __init__(self, make_visitor_id: Callable[[], str] = visitor_id) -> None:
        self._make_visitor_id = make_visitor_id

    def capabilities(self, model: str) -> Capabilities:
        """The same for every model: text in, text out."""
        return known(self.name, model).capabilities

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a conversation into one input and the turns before it.

        Args:
            chat: The conversation.
            endpoint: With a key, the official API is asked; option `real_time_data` has it search the web.

        Raises:
            Unsupported: It asks for more than text in, text out.
        """
        chat, moved = lifted(chat)
        _refuse_what_cannot_be_said(chat)
        left = [name for name in _LEFT_OUT if _given(chat, name)]
        if left and endpoint.fit == "strict":
            raise Unsupported(left[0])
        more = unsaid(chat, frozenset({"refusals"}), endpoint.fit)
        asked, earlier_inputs, earlier_outputs = _turns(chat)
        live = bool(endpoint.options.get("real_time_data", False))
        body: dict[str, Any] = {
            "input": asked,
            "inputHistory": earlier_inputs,
            "outputHistory": earlier_outputs,
            "model": endpoint.model or DEFAULT_MODEL,
        }
        if endpoint.key is None:
            own = {
                **_WEB_HEADERS,
                "Visitor-ID": self._make_visitor_id(),
                "Flag-Real-Time-Data": "true" if live else "false",
            }
        else:
            own = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
            if live:
                body["realTimeData"] = True
        headers = request_headers(endpoint, own, stream_type="text/event-stream, application/json;q=0.9")
        return WireRequest(
            endpoint.base_url + self.info.endpoint,
            {_AS_A_BROWSER_WRITES.get(name, name): value for name, value in headers.items()},
            request_body(body, chat, endpoint),
            notes=(
                *moved,
                *(f"{name} was left out: Koala does not take it" for name in left),
                *more,
                *Returning(lambda: here(self, endpoint)).notes(chat.messages),
            ),
        )

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder: the web endpoint streams, the official API answers JSON; the content type tells."""
        return decoder_for(
            head,
            stream=lambda: _StreamDecoder(head),
            body=lambda: JsonBodyDecoder(lambda body, decoder: _parse(body, decoder, head)),
        )

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a refusal means: a 403 with Cloudflare's page is a bot wall, a 402 a plan without credits."""
        return provider_error(head, body)

    def __repr__(self) -> str:
        return f"<provider {self.name}>"


class _StreamDecoder(EventStreamDecoder):
    """Events that are bare JSON strings; any other JSON that may hold words is an error, and nothing is guessed."""

    _says = (b'"', b"{", b"[")

    def __init__(self, head: ResponseHead) -> None:
        super().__init__()
        self._head = head
        self._begun = False

    def _payload(self, data: bytes, name: str, events: list[ProviderEvent]) -> None:
        decoded = decode_json(data)
        if isinstance(decoded, dict) and is_error(decoded):
            self.failure = _error(decoded, self._head)
            return
        if not isinstance(decoded, str):
            raise msgspec.ValidationError("an event is not a JSON string")
        if not self._begun:
            self._begun = True
            events.append(Started())
        if decoded:
            events.append(TextDelta(decoded))

    def end(self) -> list[ProviderEvent]:
        if self._whole is not None:
            return super().end()
        if self.failure is None:
            if not self._begun:
                self.failure = self._nothing()
            elif self._sse.unfinished:
                self.failure = ProviderError(ErrorKind.TRUNCATED, "the stream ended inside an event")
            else:
                self.finish = Finished(None)
        events: list[ProviderEvent] = []
        self._ended(events)
        return events

    def _nothing(self) -> ProviderError:
        """No event at all: perhaps a bare JSON error in what calls itself an event stream."""
        self._sse.end()
        try:
            decoded = decode_kindly(self._sse.residue)
        except UNDECODABLE:
            decoded = None
        if isinstance(decoded, dict) and (is_error(decoded) or decoded.get("message")):
            return _error(decoded, self._head)
        return ProviderError(ErrorKind.TRUNCATED, "the stream ended before its first event")


def _parse(body: bytes, decoder: JsonBodyDecoder, head: ResponseHead) -> list[ProviderEvent]:
    decoded = decode_json(body)
    output = decoded.get("output") if isinstance(decoded, dict) else None
    if isinstance(output, str):
        decoder.finish = Finished(None)
        return [Started(), TextDelta(output)] if output else [Started()]
    if isinstance(decoded, dict) and (is_error(decoded) or decoded.get("message")):
        decoder.failure = _error(decoded, head)
        return []
    raise msgspec.ValidationError("the body has no output")


def _error(decoded: dict[str, Any], head: ResponseHead) -> ProviderError:
    """An error at status 200. Its shape is undocumented, so a sentence alone is not taken to mean what it says."""
    facts = facts_of(decoded)
    if facts.words or facts.status is not None:
        return stream_error(decoded, head)
    return ProviderError(ErrorKind.UNKNOWN, "Koala reports an error inside the answer", provider_message=facts.message)


def _refuse_what_cannot_be_said(chat: ChatRequest) -> None:
    if chat.has_images:
        raise Unsupported("images")
    if chat.has_tools:
        raise Unsupported("tools")
    for name in ("response_format", "prefill", "stop"):
        if _given(chat, name):
            raise Unsupported(name)


def _given(chat: ChatRequest, name: str) -> bool:
    return getattr(chat, name) not in (None, ())


def _words(message: Message) -> str:
    return message.text + message.refusal


def _turns(chat: ChatRequest) -> tuple[str, list[str], list[str]]:
    """The input, and the earlier inputs and outputs, of equal length as the API demands.

    Turns of one speaker in a row are joined; an assistant's turn at the beginning answers an empty input. There is no
    field for the system text: it goes after the user's, as the web page's users have always sent it.
    """
    inputs: list[str] = []
    outputs: list[str] = []
    for message in chat.messages:
        if message.role == "user" and len(inputs) == len(outputs):
            inputs.append(_words(message))
        elif message.role == "user":
            inputs[-1] = f"{inputs[-1]}\n\n{_words(message)}"
        elif len(outputs) < len(inputs):
            outputs.append(_words(message))
        elif outputs:
            outputs[-1] = f"{outputs[-1]}\n\n{_words(message)}"
        else:
            inputs.append("")
            outputs.append(_words(message))
    asked = inputs.pop() if len(inputs) > len(outputs) else GO_ON
    return f"{asked} {chat.system}" if chat.system else asked, inputs, outputs


provider = Koala()
