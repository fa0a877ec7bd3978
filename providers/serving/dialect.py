"""The interface of a served dialect: pure functions from bytes to a neutral request, and from events to bytes.

    read(body) -> Asked                                  what a client asks
    stream(asked, about, source) -> StreamEncoder        batches of events in, bytes out
    whole(asked, about, source, events) -> Whole         the same events as one JSON body
    error(failure) -> bytes                              the body of a refusal

An encoder takes the events of one answer in batches cut anywhere, each event once. Opaque state goes out marked with
its origin, and comes back so: `returning.Returning` takes the mark off.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias

import msgspec

from ..chat import ChatRequest
from ..errors import ErrorKind
from ..origin import Origin


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks.

    Attributes:
        chat: The neutral request.
        model: The name that it asks for, as written.
        stream: It wants the answer as it comes.
        include_usage: Of a chat stream: it wants to be told the tokens.
        standby: The body's field `standby`, as JSON; None: there is none.
        carried: The paths of fields that only targets of the same dialect understand. They stand in `chat.extra` under
            the dialect's name, or in `chat.native_tools`; whether to leave them out elsewhere is the gateway's to say.
        hints: The same of fields that change no answer, but how soon it comes, or how much of it is shown: any target
            may be asked without them, and the client is told.
        notes: What was left out on the way in, for the client.
        echoed: Fields of the body that the answer repeats.
    """

    chat: ChatRequest
    model: str
    stream: bool = False
    include_usage: bool = False
    standby: msgspec.Raw | None = None
    carried: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    echoed: dict[str, Any] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Asked({self.chat!r}, stream={self.stream})"


class About(msgspec.Struct, frozen=True):
    """What the answer's head says, besides what its events do.

    Attributes:
        token: Letters and digits that no other answer has: the answer's id is made of them, and those of its parts.
        created_s: When it began, in epoch seconds.
        model: The model that is named; empty: the one that the first target names, else the one that was asked for.
    """

    token: str
    created_s: int
    model: str = ""


class Source(msgspec.Struct, frozen=True):
    """The target whose answer is told.

    Attributes:
        origin: What its opaque state is marked with.
        dialect: The wire that it speaks: blocks of the provider's own go out where the client speaks the same.
    """

    origin: Origin
    dialect: str


Asking: TypeAlias = Callable[[], Source | None]
"""Gives the target that is answering; asked only where there is state, or a block of the provider's own. None: it is
not known, and what hangs on it is left out, with a note."""


class Whole(msgspec.Struct, frozen=True):
    """An answer as one JSON body.

    Attributes:
        notes: What of it this dialect has no words for.
    """

    body: bytes
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Whole(<{len(self.body)} bytes>)"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer, or no more of one. All texts are shown to the client.

    Attributes:
        kind: The kind of the failure.
        status: The HTTP status that it has, or would have had before the stream began.
        message: A sentence.
        code, type: Words for programs; None: this dialect's own for the status.
        param: The path of the field at fault.
        request_id: Of the gateway's request.
    """

    kind: ErrorKind
    status: int
    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None
    request_id: str | None = None

    def __repr__(self) -> str:
        return f"Failure({self.kind!r}, {self.status})"


class StreamEncoder(Protocol):
    """Tells one answer as a stream.

    Attributes:
        notes: What of it this dialect has no words for, so far.
    """

    @property
    def notes(self) -> tuple[str, ...]: ...

    def encode(self, events: Iterable[object]) -> bytes:
        """The next events as bytes, maybe none.

        `Finished` is the end: its bytes close the stream, with the last `Usage` before it; where several targets were
        asked, that is to be their sum. An event that is none of a provider's says that another target goes on from
        here, as `handed_over` does: its batch holds no state of the target before. The first call opens the answer,
        even with no events; a chat answer opens with its first delta.
        """
        ...

    def handed_over(self) -> bytes:
        """Another target goes on from here: thinking that is open is closed, and what follows is another block."""
        ...

    def failed(self, failure: Failure) -> bytes:
        """The answer breaks off: the error in the stream's own form. Nothing may follow it, not even a last chunk."""
        ...


class Dialect(Protocol):
    """One wire, as a server speaks it.

    Attributes:
        name: The dialect's name, as `ProviderInfo.dialect` has it.
        stream_type: The content type of its streams.
        ping: Bytes that keep a stream warm, between any two batches and before the first.
    """

    @property
    def name(self) -> str: ...

    @property
    def stream_type(self) -> str: ...

    @property
    def ping(self) -> bytes: ...

    def read(self, body: bytes) -> Asked:
        """What a client asks.

        Raises:
            Refused: The body is no request of this dialect, or asks what is not served; names the field.
        """
        ...

    def stream(self, asked: Asked, about: About, source: Asking) -> StreamEncoder:
        """A fresh encoder for one answer's stream."""
        ...

    def whole(self, asked: Asked, about: About, source: Asking, events: Iterable[object]) -> Whole:
        """The whole answer as one JSON body. The events are those of a stream, from the first to `Finished`."""
        ...

    def error(self, failure: Failure) -> bytes:
        """The body of an error before any answer."""
        ...


def comment(told: object) -> bytes:
    """The last line of a stream, a comment that every reader of event streams passes over: `: standby {…}`."""
    return b": standby " + msgspec.json.encode(told) + b"\n\n"
