"""The right to ask a target once: it ties every outcome to the admission that it belongs to."""

from typing import Protocol

from ...providers.errors import ProviderError
from ...providers.opaque import Opaque
from .credentials import Credential
from .doubts import CallFailures


class Settles(Protocol):
    """The health that gave a lease; it is told once how the attempt went."""

    def lease_succeeded(self, lease: "Lease", now_s: float) -> None: ...
    def lease_failed(self, lease: "Lease", error: ProviderError, now_s: float) -> None: ...
    def lease_abandoned(self, lease: "Lease", now_s: float) -> None: ...


class Lease(Opaque):
    """The right to ask a target once. Settled exactly once, at the attempt's end; a probe at its first useful delta.

    Settling again does nothing, so that every path out of an attempt may settle, whichever comes first.

    Attributes:
        health: Of the target; it is told how the attempt went.
        epoch: Of the breaker, when it was given.
        credential: Which key is to be used.
        edition: Of that key.
        probe: It is to show whether the target is back.
        slow: It has waited for a useful delta for longer than `slow_call_s`.
        patience_s: A hint of at most this delays its own call only. Known once an attempt has failed.
        hint_waited: Its call has waited out a hint here before.
        call: What else has failed in its call; None: this is all of it. Known once an attempt has failed.
    """

    health: Settles
    epoch: int
    credential: Credential
    edition: int
    probe: bool = False
    slow: bool = False
    patience_s: float = 0.0
    hint_waited: bool = False
    call: CallFailures | None = None
    _settled: bool = False

    def use(self, credential: Credential) -> None:
        """Ask with this key; if it is parked, as its probe."""
        self.credential, self.edition = credential, credential.edition
        if credential.park is not None and credential.probe is None:
            credential.probe = self

    def committed(self, now_s: float) -> None:
        """The first useful delta came: a probe has shown what it was sent for."""
        if self.probe or self.credential.probe is self:
            self.succeeded(now_s)

    def succeeded(self, now_s: float) -> None:
        """The target answered."""
        if not self._settled:
            self._settled = True
            self.health.lease_succeeded(self, now_s)

    def failed(self, error: ProviderError, now_s: float) -> None:
        """The attempt failed; the error's disposition says whether the target is to blame."""
        if not self._settled:
            self._settled = True
            self.health.lease_failed(self, error, now_s)

    def abandoned(self, now_s: float) -> None:
        """The caller left, or nothing was sent: that says nothing about the target, unless it had been slow."""
        if not self._settled:
            self._settled = True
            self.health.lease_abandoned(self, now_s)
