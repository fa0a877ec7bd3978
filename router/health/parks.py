"""Parks (cooldowns) of one target: of the target as a whole, and of each of its keys."""

from collections.abc import Iterator

from ...config.health import Health
from ...providers.errors import ErrorKind, ProviderError
from .credentials import OF_CREDENTIAL, Credentials, Park, Parking
from .lease import Lease


class Parks:
    """The parks of one target and of its keys.

    Attributes:
        own: The target's own park.
        credentials: Its keys, each with a park of its own.
    """

    __slots__ = ("credentials", "own")

    def __init__(self, credentials: Credentials) -> None:
        self.own = Parking()
        self.credentials = credentials

    @property
    def whole(self) -> Park | None:
        """The park that the target as a whole is under, even if its time is up."""
        own, of_keys = self.own.park, self.credentials.park
        return own if of_keys is None or (own is not None and own.until_s >= of_keys.until_s) else of_keys

    def all(self) -> Iterator[tuple[str | None, Park]]:
        """Every park, with the name of the key that is under it; None: the target as a whole, or its only key."""
        if self.own.park is not None:
            yield None, self.own.park
        several = len(self.credentials.all) > 1
        for credential in self.credentials.all:
            if credential.park is not None:
                yield (credential.name if several else None), credential.park

    def blocking(self, now_s: float) -> Park | None:
        """The park whose end is still to come, and before which the target cannot be asked with any key."""
        own = self.own.park
        if own is not None and now_s < own.until_s:
            return own
        return None if self.credentials.admit(now_s) else self.credentials.first_back()

    def begin_probes(self, lease: Lease) -> None:
        """This lease is the probe of the key that it asks with, and of the target itself, as far as they are parked."""
        lease.use(lease.credential)
        if self.own.park is not None:
            self.own.probe = lease

    def refuse(self, lease: Lease, error: ProviderError, policy: Health, now_s: float) -> None:
        """Park what was refused, as far as the refusal concerns others than its own call."""
        credential, kind, hint_s = lease.credential, error.kind, error.heeded_s
        probe = credential.probe is lease
        if kind not in OF_CREDENTIAL:
            self.own.refuse(error, policy, now_s, again=self.own.probe is lease)
        elif hint_s is not None and hint_s <= lease.patience_s:
            credential.asked_to_wait(hint_s, now_s, again=lease.hint_waited or lease.probe or probe)
        elif kind is not ErrorKind.RATE_LIMITED or hint_s is not None or len(self.credentials.all) > 1:
            credential.refused(error, lease.edition, policy, now_s, again=probe)

    def replace_key(self, lease: Lease, error: ProviderError, policy: Health, now_s: float) -> bool:
        """The lease's key cannot be had: ask with another one in its place, if there is one that may be asked with."""
        lost = lease.credential
        lost.refused(error, lease.edition, policy, now_s, again=lost.probe is lease)
        if lost.probe is lease:
            lost.probe = None
        found = self.credentials.admit(now_s)
        if found:
            lease.use(self.credentials.take(now_s))
        return found

    def answered(self, lease: Lease) -> None:
        """The target has answered: nothing that this lease was the probe of is parked any more."""
        lease.credential.answered(back=lease.credential.probe is lease)
        if self.own.probe is lease:
            self.own.lift()

    def settle(self, lease: Lease) -> None:
        """Whatever this lease was the probe of may be probed anew."""
        for parking in (self.own, lease.credential):
            if parking.probe is lease:
                parking.probe = None

    def lift(self) -> None:
        """Nothing is parked any more."""
        self.own.lift()
        for credential in self.credentials.all:
            credential.back()
