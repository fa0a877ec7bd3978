"""Parks, and the credentials of a target: each of its keys is left alone by itself, while the others are used in turn.

A park ends with one probe. A short hint of one refusal parks nothing: it delays the call that was refused. Only when a
second refusal shows that the limit holds for others too, what was refused is parked, exactly until the hint.

While other keys are sound, the probe of a key is an ordinary call that goes on with another
key if the key is refused again; the caller notices nothing. A key that is refused again is parked for twice as long.

A key that comes from a file or a callback may change. Then older news of it are void: a refusal of the old key never
disables the new one. Values of keys are compared and never shown; a credential is named by its place (`key-2`).
"""

from collections.abc import Callable, Sequence

import msgspec

from ...config.health import Health
from ...providers.errors import ErrorKind, ProviderError
from ...providers.secret import Secret

OF_CREDENTIAL = (ErrorKind.AUTH, ErrorKind.QUOTA_EXHAUSTED, ErrorKind.RATE_LIMITED)
"""What parks the credential that was used; anything else that parks, parks the target."""

_PARKS_S: dict[ErrorKind, Callable[[Health], float]] = {
    ErrorKind.AUTH: lambda policy: policy.park_auth_s,
    ErrorKind.QUOTA_EXHAUSTED: lambda policy: policy.park_quota_s,
    ErrorKind.NOT_FOUND: lambda policy: policy.park_not_found_s,
    ErrorKind.RATE_LIMITED: lambda policy: policy.park_rate_limited_s,
}
_CHANGING_KEYS = 3
"""Refused keys of one credential, without an answer in between, that show that it is not the age of the key."""


class Park(msgspec.Struct, frozen=True):
    """Something is left alone because of what its provider said, until an end, and then for one probe.

    Attributes:
        times: How often in a row the same was said.
        brief: A short hint led to it: that was no outage, and calls need not come back one after another.
    """

    kind: ErrorKind
    until_s: float
    times: int = 1
    brief: bool = False


class Parking:
    """What can be parked: a target, or one of its credentials.

    Attributes:
        park: Its park, which only a probe lifts; None: it is sound.
        probe: What is out as its probe: a lease, which is only compared here.
    """

    __slots__ = ("park", "probe")

    def __init__(self) -> None:
        self.park: Park | None = None
        self.probe: object | None = None

    def admits(self, now_s: float) -> bool:
        """Is it sound, or due for a probe?"""
        return self.park is None or (self.probe is None and now_s >= self.park.until_s)

    def lift(self) -> None:
        """It is sound again."""
        self.park = self.probe = None

    def refuse(self, error: ProviderError, policy: Health, now_s: float, *, again: bool, grows: bool = True) -> None:
        """Park it, for at least as long as the provider's hint.

        Args:
            again: It was asked after the end of its park: the same refusal now weighs twice.
            grows: Whether it does.
        """
        before, kind, hint_s = self.park, error.kind, error.retry_after_s or None
        times = before.times if before is not None and before.kind is kind and not before.brief else 0
        if again or times == 0:
            times += 1
        usual_s = _PARKS_S[kind](policy)
        doublings = (times - 1 if hint_s is None else times - 2) if grows else 0
        park_s = min(usual_s * 2.0 ** min(max(doublings, 0), 32), max(usual_s, policy.park_growth_max_s))
        if hint_s is not None:  # it is believed once; one that has proved too short is no longer all that counts
            park_s = hint_s if times == 1 else max(hint_s, park_s)
        until_s = now_s + min(max(park_s, 0.0), policy.park_max_s)
        if before is None or until_s > before.until_s:  # extended, never shortened, by later news
            self.park = Park(kind, until_s, times)
        elif times > before.times:
            self.park = Park(kind, before.until_s, times)

    def hold(self, kind: ErrorKind, until_s: float, *, brief: bool) -> None:
        """Park it exactly until then, as its provider has asked: no usual length, and no growth."""
        if self.park is None or until_s > self.park.until_s:
            self.park = Park(kind, until_s, brief=brief)


class Credential(Parking):
    """One key of a target.

    Attributes:
        place: Among the target's keys.
        name: What reports call it. Says nothing of the key's value.
        renewable: It comes from a file or a callback, and may change.
        edition: Counts what makes older news of the key void: a change of it, and its return from a park.
        hint_until_s: How long the last short hint holds that has parked nothing.
    """

    __slots__ = ("_key", "_refused", "edition", "hint_until_s", "name", "place", "renewable")

    def __init__(self, place: int = 0, *, renewable: bool = False) -> None:
        super().__init__()
        self.place, self.renewable = place, renewable
        self.name = f"key-{place + 1}"
        self.edition = 0
        self.hint_until_s = 0.0
        self._key: Secret | None = None
        self._refused: set[int] = set()  # editions since the last answer

    def sees(self, key: Secret) -> bool:
        """Its source has just given this key. Is it another one than before, that lifts the old one's park?"""
        if self._key == key:
            return False
        first, self._key = self._key is None, key
        if first:
            return False
        self.edition += 1
        park = self.park
        if park is None or park.kind is not ErrorKind.AUTH or len(self._refused) >= _CHANGING_KEYS:
            return False
        self.lift()
        return True

    @property
    def sound(self) -> bool:
        """Is there nothing that an answer has to mend?"""
        return self.park is None and not self._refused

    def answered(self, *, back: bool) -> None:
        """A call with it was answered.

        Args:
            back: The call was its probe.
        """
        self._refused.clear()
        if back:
            self.back()

    def back(self) -> None:
        """It returns from its park."""
        self.edition += 1
        self.hint_until_s = 0.0
        self.lift()

    def refused(self, error: ProviderError, edition: int, policy: Health, now_s: float, *, again: bool) -> None:
        """A call with this edition of it was refused."""
        if error.kind is ErrorKind.AUTH:
            if len(self._refused) < _CHANGING_KEYS:  # more than that tells nothing more
                self._refused.add(edition)
            if edition != self.edition and len(self._refused) < _CHANGING_KEYS:
                return  # the key that was refused is in use no more
        self.refuse(error, policy, now_s, again=again, grows=not (self.renewable and error.kind is ErrorKind.AUTH))

    def asked_to_wait(self, hint_s: float, now_s: float, *, again: bool) -> None:
        """A call with it met a rate limit, with a short hint.

        Args:
            again: The call has waited out a hint before, or was sent as a probe.
        """
        until_s = now_s + hint_s
        if again or now_s < self.hint_until_s:
            self.hold(ErrorKind.RATE_LIMITED, until_s, brief=True)
        else:
            self.hint_until_s = until_s

    def free(self, now_s: float) -> bool:
        """May any call use it, without an earlier one having been asked to wait?"""
        return self.park is None and now_s >= self.hint_until_s


class Credentials:
    """All keys of one target; one nameless entry when it takes none."""

    __slots__ = ("_turn", "all")

    def __init__(self, credentials: Sequence[Credential]) -> None:
        self.all = tuple(credentials)
        self._turn = 0

    def next(self) -> Credential:
        """The next one in turn, when all are sound."""
        every = self.all
        if len(every) == 1:
            return every[0]
        self._turn = turn = (self._turn + 1) % len(every)
        return every[turn]

    def take(self, now_s: float) -> Credential:
        """Which one a call is to use now.

        One that is due for its probe; the next one that is free; the next that is not parked; the first to return.
        """
        for credential in self.all:
            if credential.park is not None and credential.admits(now_s):
                return credential
        in_turn = [self.all[(self._turn + step) % len(self.all)] for step in range(1, len(self.all) + 1)]
        found = min(in_turn, key=lambda each: (not each.free(now_s), _until_s(each.park)))
        if found.park is None:
            self._turn = found.place
        return found

    def admit(self, now_s: float) -> bool:
        """Can any be used now?"""
        return any(credential.admits(now_s) for credential in self.all)

    @property
    def any_sound(self) -> bool:
        """Is one not parked?"""
        return any(credential.park is None for credential in self.all)

    @property
    def park(self) -> Park | None:
        """When all are parked: the park that ends first, even if its time is up."""
        parks = [credential.park for credential in self.all if credential.park is not None]
        return min(parks, key=_until_s) if len(parks) == len(self.all) else None

    def any_free(self, now_s: float) -> bool:
        """May a call that one of them has asked to wait use another at once?"""
        return any(credential.free(now_s) for credential in self.all)

    def calm(self, now_s: float) -> bool:
        """May they be used just in turn: is there nothing that an answer has to mend, or a hint has to outlast?"""
        several = len(self.all) > 1
        return all(each.sound and (not several or now_s >= each.hint_until_s) for each in self.all)

    def first_back(self) -> Park | None:
        """The park that ends first among those without a probe; None: all probes are out."""
        parks = [each.park for each in self.all if each.park is not None and each.probe is None]
        return min(parks, key=_until_s, default=None)


def _until_s(park: Park | None) -> float:
    return 0.0 if park is None else park.until_s
