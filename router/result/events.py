"""The router's own events in a stream, beside those of providers: another target has taken the answer over."""

from typing import TypeAlias

import msgspec

from ...config.route import MidStream
from ...providers.errors import ErrorKind
from ...providers.events import ProviderEvent
from ...providers.plain import Plain


class HandedOver(Plain, msgspec.Struct, frozen=True, gc=False, tag="handed_over"):
    """Another target goes on with the answer here: what follows joins what came before.

    Attributes:
        why: How the answer broke off.
        policy: How it is gone on with.
        trimmed: Characters that the new target said again, and that were left out.
    """

    source: str
    target: str
    why: ErrorKind
    policy: MidStream
    trimmed: int = 0


class Restarted(Plain, msgspec.Struct, frozen=True, gc=False, tag="restarted"):
    """What came before is void: the answer begins again here, from its beginning, at this target."""

    source: str
    target: str
    why: ErrorKind


RouterEvent: TypeAlias = HandedOver | Restarted
StreamEvent: TypeAlias = ProviderEvent | RouterEvent
"""What `async for event in stream` gives: a closed union, so that a `match` on it can end with `assert_never`."""
