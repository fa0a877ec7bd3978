"""The provider protocol: a stateless adapter of one wire dialect, made of pure functions.

    build_request(chat, endpoint) -> WireRequest     what to send
    decoder(head) -> Decoder                         bytes in, events out
    error_for(head, body) -> ProviderError           what a refusal means

No provider does I/O, keeps state between calls, or knows of another provider.
"""

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import msgspec

from .capabilities import Capabilities, Fit
from .chat import ChatRequest
from .errors import ProviderError
from .events import Finished, ProviderEvent
from .origin import Origin, credential_mark
from .secret import Secret

PIECE_MAX_BYTES = 64 * 1024
"""Maximum bytes of a body that a decoder is fed between two turns of the loop."""


class Unsupported(Exception):
    """A dialect cannot say what the request asks; `str` names the feature. Nothing has been sent."""


class ProviderInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the registry shows of a provider.

    Attributes:
        title: Its name for people.
        dialect: The wire it speaks.
        site_url: Where a person reads about it.
        base_url: Where it is asked unless a target says otherwise; None: a target must say.
        endpoint: The path of a chat call, below the base URL.
        key_env: The environment variable that usually holds its key; None: it takes none.
        key_required: A target without a key cannot be asked.
        default_model: The model when a target names none.
        keeps_history: Whether a conversation's earlier turns are sent.
        official: False for an endpoint that its owner never offered as an API.
        working: False when it was last known not to work.
        note: What a user should know.
        prefill_shown_by: For a server that users run themselves, so that another one may stand at its URL: its `server`
            header begins so where what is known of `prefill` holds; empty, if no header shows it, and only a target's
            own `capabilities` do. None: what is known holds.
        options: The names of the options that a target may set for it; None: it does not say, and any will do.
        quirks: The names of the quirks that a target may set for it.
        extra: The extra of ours without which it cannot be asked; None: it needs none.
        extra_module: What that extra installs, by the name that it is imported under; None: as the extra is called.
    """

    title: str
    dialect: str
    site_url: str
    base_url: str | None
    endpoint: str
    key_env: str | None = None
    key_required: bool = True
    default_model: str | None = None
    keeps_history: bool = True
    official: bool = True
    working: bool = True
    note: str = ""
    prefill_shown_by: str | None = None
    options: tuple[str, ...] | None = None
    quirks: tuple[str, ...] = ()
    extra: str | None = None
    extra_module: str | None = None

    def option_problem(self, given: Iterable[str]) -> str | None:
        """What is wrong with the first of these options that nothing would come of; None when all are known."""
        return None if self.options is None else self._unknown("option", given, self.options)

    def quirk_problem(self, given: Iterable[str]) -> str | None:
        """What is wrong with the first of these quirks that nothing would come of; None when all are known."""
        return self._unknown("quirk", given, self.quirks)

    def _unknown(self, what: str, given: Iterable[str], known: tuple[str, ...]) -> str | None:
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(known) or 'none'}"
                return f"{self.title} has no {what} {name!a}; {hint}"
        return None


class Kept(dict[str, Any]):
    """What providers have made of one endpoint, each under its own name: a cache, which only those providers write.

    It belongs to that one object: a changed copy begins with nothing kept. What an endpoint is does not hang on it, so
    that all are equal.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kept)

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, Kept)


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Address and credentials of one attempt: a target with its key resolved.

    Attributes:
        base_url: Without a trailing slash.
        stream: Ask for a stream; else for one JSON body.
        headers: More headers, which win over the provider's own.
        body: More fields of the body, which win over the provider's own.
        options: Settings that only this provider knows (`api_version`, `region`, …), from the target.
        capabilities: What is known of the model, the target's own word included; None: what the provider's data say.
        quirks: The target's own word on how its server wants a request said, by the names of `Quirks`.
        fit: How a request is made fit for it.
        kept: What its provider has made of it alone: used again as long as the same endpoint is asked. Never handed
            in: each endpoint begins with its own, a copy with changes too.
    """

    base_url: str
    model: str
    key: Secret | None = None
    stream: bool = True
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    options: Mapping[str, Any] = msgspec.field(default_factory=dict)
    capabilities: Capabilities | None = None
    quirks: Mapping[str, Any] = msgspec.field(default_factory=dict)
    fit: Fit = "nearest"
    kept: Kept = msgspec.field(default_factory=Kept)

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "kept", Kept())  # a copy with changes has been given the original's

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, {self.model!r})"  # headers, body and options may hold keys


class WireRequest(msgspec.Struct, frozen=True):
    """One HTTP request, ready to be sent.

    Attributes:
        notes: What the dialect could not say and left out harmlessly; they go into the report.
        prefill_cut: White space at the end of the prefill that is not sent, since the API refuses it there. A model
            that goes on writes it again.
        lasting: The adapter promises that this very object of `headers` never changes, and sends it with many requests:
            what is made of it may be kept.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    notes: tuple[str, ...] = ()
    prefill_cut: str = ""
    lasting: bool = False

    def __repr__(self) -> str:
        return f"WireRequest({self.method}, <{len(self.body)} bytes>)"


class ResponseHead(msgspec.Struct, frozen=True):
    """A response's status and headers.

    Attributes:
        headers: Names in lower case.
        now_s: The wall clock when it came, in epoch seconds: dates in hints count from here, or from its `Date`.
    """

    status: int
    headers: Mapping[str, str]
    now_s: float = 0.0

    @property
    def content_type(self) -> str:
        """The media type, in lower case, without parameters; empty when there is none."""
        return media_type(self.headers.get("content-type", ""))


@lru_cache(64)
def media_type(said: str) -> str:
    """The media type of such a header, in lower case, without parameters."""
    return said.partition(";")[0].strip().lower()


class Decoder(Protocol):
    """Turns one response's body into events. Used once.

    Whatever was decoded before a failure is returned first: `feed` and `end` never raise for what the wire says, they
    set `failure`, which the caller reads after taking the events.

    Attributes:
        finish: The dialect's end marker, once seen. Never among the events: the caller emits it last, once.
        closed: After the end marker, nothing that matters can follow.
        failure: What went wrong. Final: nothing is decoded after it.

    They are only read, so that plain attributes do. A decoder may have two more: `notes`, a tuple of sentences for the
    report about what it met and passed over, none of them the provider's own words; and `miscounted`, see `Counting`.
    """

    @property
    def finish(self) -> Finished | None: ...

    @property
    def closed(self) -> bool: ...

    @property
    def failure(self) -> ProviderError | None: ...

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """Take the next bytes of the body, cut anywhere; give the events that are now whole."""
        ...

    def end(self) -> list[ProviderEvent]:
        """The body ended, cleanly as far as HTTP can tell. Without an end marker, `failure` is set: truncated."""
        ...


@runtime_checkable
class Provider(Protocol):
    """An adapter that speaks one wire dialect.

    It may have three methods more. `key_source(options, environment)`, for targets that give no key: a function that is
    asked for one, see `cloud_keys`; None: its environment variable is looked up. `options_problem(options)`: what is
    wrong with the values of a target's options, in words; None: nothing is. `decoder_by(quirks)`: what takes the place
    of `decoder` for a target with quirks of its own.
    """

    name: str
    info: ProviderInfo

    def capabilities(self, model: str) -> Capabilities:
        """What is known of a model of this provider."""
        ...

    def build_request(self, chat: ChatRequest, endpoint: Endpoint) -> WireRequest:
        """Shape a neutral request into this dialect.

        Raises:
            Unsupported: The dialect cannot say what the request asks.
        """
        ...

    def decoder(self, head: ResponseHead) -> Decoder:
        """A fresh decoder for a response with a success status, chosen by its content type."""
        ...

    def error_for(self, head: ResponseHead, body: bytes) -> ProviderError:
        """What a response with any other status means. `body` holds at most 64 KiB of it."""
        ...


def here(provider: Provider, endpoint: Endpoint) -> Origin:
    """The origin that opaque state must have to be understood at an endpoint."""
    return Origin(provider.name, endpoint.base_url, endpoint.model, credential_mark(endpoint.key))


def capabilities_of(provider: Provider, endpoint: Endpoint) -> Capabilities:
    """What a request is shaped by: the target's word on its model, else what the provider's data say of it."""
    known = endpoint.capabilities
    return provider.capabilities(endpoint.model) if known is None else known
