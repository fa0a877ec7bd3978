"""Health of one target, which decides whether it may be asked: breaker, parks, those of its keys, isolation by hand.

Reading (`refusal`) changes nothing, so that selection and `explain` see what a call would see. Only `admit` takes
something, and gives a lease that must be settled exactly once. While nothing is wrong, which is nearly always, one flag
says so, and a call pays for no more.
"""

import random
from collections.abc import Callable, Iterator, Sequence

from ...config.health import Health
from ...providers.errors import ErrorKind, ProviderError
from ...providers.secret import Secret
from ..result.reasons import ChangeReason
from .announcer import Announcer
from .breaker import Breaker
from .credentials import OF_CREDENTIAL, Credential, Credentials, Park
from .doubts import SILENT, Doubts
from .isolation import Isolation
from .lease import Lease
from .parks import Parks
from .refusal import Refusal
from .return_line import ReturnLine
from .slow_start import SlowStart
from .snapshot import HealthChanged, HealthState


class TargetHealth:
    """The health of one target.

    Args:
        on_change: Told of every change, after it; a waiting call may then go on.
        credentials: Its keys; none given: it needs none.

    Attributes:
        doubts: What calls hold against it.
        calm: Nothing is wrong: closed, nothing parked or doubted, not isolated, no probe out.
        slow_call_s: Without a useful delta for longer than this a call is slow; None: it never is.
        parking: The target's own park.
        ramp: Its slow start.
        returning: The line of the calls that waited for its last return.
        probing: A probe is out.
    """

    __slots__ = (
        "_announcer", "_brief", "_isolation", "_opened_by", "_parks", "_policy", "_probe", "breaker", "calm",
        "credentials", "doubts", "parking", "ramp", "returning", "slow_call_s",
    )  # fmt: skip

    def __init__(
        self,
        policy: Health,
        rng: random.Random,
        on_change: Callable[[HealthChanged], None],
        credentials: Sequence[Credential] = (),
    ) -> None:
        self._policy = policy
        self.slow_call_s = policy.slow_call_s
        self._announcer = Announcer(on_change)
        self.breaker = Breaker(policy, rng)
        self.doubts = Doubts(self.breaker, policy)
        self.credentials = Credentials(credentials or (Credential(),))
        self._parks = Parks(self.credentials)
        self.parking = self._parks.own
        self._probe: Lease | None = None
        self._isolation = Isolation()
        self._brief = False  # it is left alone for a short hint, and for nothing else
        self._opened_by: ChangeReason = "answered"
        self.ramp = SlowStart(policy.slow_start_s)
        self.returning: ReturnLine | None = None
        self.calm = True

    def follow(self, policy: Health) -> None:
        """Decide by this policy from now on. What was seen, and what it is left alone for, stays as it is."""
        self._policy = policy
        self.slow_call_s = policy.slow_call_s
        self.doubts.follow(policy)
        self.ramp.follow(policy.slow_start_s)
        if not policy.slow_start_s:
            self.returning = None

    def known_as(self, name: str) -> None:
        """It is configured under this name, too."""
        self._announcer.know(name)

    def no_longer_known_as(self, name: str) -> None:
        """One target less is configured under this name."""
        self._announcer.forget(name)

    # Reading

    def refusal(self, now_s: float, fingerprint: Callable[[], bytes] | None = None) -> Refusal | None:
        """Why the target may not be asked now; None when it may.

        Args:
            fingerprint: Of the request that it would be asked; None: of any. Found out only where it matters.
        """
        if self.calm:
            return None
        if (isolated := self._isolation.refusal(now_s)) is not None:
            return isolated
        if self._probe is not None:
            return Refusal("probing", "one probe is out to see whether it is back", None, self._left_alone_for())
        if (park := self._parks.blocking(now_s)) is not None:
            wait_s = park.until_s - now_s
            detail = f"left alone for {wait_s:.3g} s after {park.kind.value}"
            return Refusal("parked", detail, park.until_s, park.kind)
        if not self.credentials.admit(now_s):
            return Refusal("probing", "probes are out with all its keys", None, self._left_alone_for())
        if not self.breaker.admits(now_s):
            if fingerprint is not None and self.breaker.admits_at_once(fingerprint):
                return None
            wait_s = self.breaker.until_s - now_s
            detail = f"its breaker is open for {wait_s:.3g} s more"
            return Refusal("breaker_open", detail, self.breaker.until_s, self._left_alone_for())
        return None

    def share(self, now_s: float) -> float:
        """How much of its usual share of calls it should take: it rises to 1 after its breaker has closed."""
        return self.ramp.share(now_s)

    def has_other_credential(self, error: ProviderError, now_s: float) -> bool:
        """After such an error with one of its keys: can it be asked with another, or a renewed one, at once?"""
        if error.local or error.kind not in OF_CREDENTIAL:
            return False
        if error.kind is ErrorKind.RATE_LIMITED:
            several = len(self.credentials.all) > 1
            return several and self.credentials.any_free(now_s) and self.refusal(now_s) is None
        return self.credentials.any_sound and self.refusal(now_s) is None

    @property
    def probing(self) -> bool:
        """A probe is out."""
        return self._probe is not None

    @property
    def park(self) -> Park | None:
        """The park that the target as a whole is under, even if its time is up."""
        return self._parks.whole

    def parks(self) -> Iterator[tuple[str | None, Park]]:
        """Every park, with the name of the key that is under it; None: the target as a whole, or its only key."""
        return self._parks.all()

    def state(self, now_s: float) -> HealthState:
        """Where it stands, in one word."""
        if self._isolation.holds(now_s):
            return "isolated"
        if self._probe is not None:
            return "half_open"
        if self.breaker.state != "closed" and self._parks.blocking(now_s) is None:
            return "open"
        return "closed" if self.park is None else "parked"

    def reason(self, now_s: float) -> ChangeReason | None:
        """What keeps it from being asked as usual: an error kind, `slow` or `isolated`; None: nothing does."""
        state = self.state(now_s)
        if state in ("closed", "isolated"):
            return None if state == "closed" else "isolated"
        park = self.park
        return self._opened_by if state == "open" or park is None else park.kind

    # What attempts do

    def admit(self, now_s: float) -> Lease:
        """Take the right to ask the target now. A call to a target that is left alone is its probe."""
        breaker = self.breaker
        if self.calm:
            credential = self.credentials.next()
            return Lease(self, breaker.epoch, credential, credential.edition)
        if self._isolation.is_over(now_s):
            self._isolation.lift()
            self._changed(now_s, "isolation_over")
        left_alone = breaker.state != "closed" or self.park is not None
        credential = self.credentials.take(now_s)
        if left_alone and self._probe is not None:  # only as a last resort: the probe that is out keeps its task
            return Lease(self, -1, credential, credential.edition)
        if breaker.state == "open":
            breaker.begin_probe()
        lease = Lease(self, breaker.epoch, credential, credential.edition, left_alone)
        self._parks.begin_probes(lease)
        if left_alone:
            self._probe = lease
            try:
                self._changed(now_s, "probe")
            except BaseException:  # of a listener that ends the task or the process: nothing is asked with this lease
                lease.abandoned(now_s)
                raise
        return lease

    def gave_up(self, error: ProviderError, now_s: float) -> None:
        """A call has no retries left here. A rate limit without a hint parks an only key now: backoff came first."""
        only = self.credentials.all[0]
        if error.kind is ErrorKind.RATE_LIMITED and error.heeded_s is None and len(self.credentials.all) == 1:
            only.refused(error, only.edition, self._policy, now_s, again=False)
            self._changed(now_s, error.kind)

    def resolved(self, credential: Credential, key: Secret, now_s: float) -> None:
        """A key's file or callback has given this; another key than before may be asked with at once."""
        if credential.sees(key):
            self._changed(now_s, "renewed")

    def replace_key(self, lease: Lease, error: ProviderError, now_s: float) -> bool:
        """The lease's key cannot be had; nothing was sent. Is there another one to ask with in its place?"""
        if len(self.credentials.all) == 1:
            return False
        found = self._parks.replace_key(lease, error, self._policy, now_s)
        self._changed(now_s, error.kind)
        return found

    def lease_succeeded(self, lease: Lease, now_s: float) -> None:
        breaker = self.breaker
        reason: ChangeReason = "answered"
        if (line := self.returning) is not None:
            line.answered(now_s)
            if line.is_over(now_s):
                self.returning = None
        if lease.epoch == breaker.epoch:
            breaker.succeeded(now_s, slow=lease.slow)
            if lease.epoch == breaker.epoch:
                if self.calm:
                    return
            elif breaker.state == "closed":
                self.ramp.begin(now_s)
            elif lease.slow:
                reason = self._opened_by = "slow"
        self._parks.answered(lease)
        self._settled(lease, now_s, reason)

    def lease_failed(self, lease: Lease, error: ProviderError, now_s: float) -> None:
        disposition, breaker, hint_s = error.disposition, self.breaker, error.heeded_s
        reason: ChangeReason = "abandoned"
        if self.returning is not None and disposition.health and not error.local:
            self.returning.failed(now_s)
        if disposition.parks and not error.local:
            reason = error.kind
            self._parks.refuse(lease, error, self._policy, now_s)
        elif hint_s is not None and hint_s > lease.patience_s:  # it has said when: nothing is left to find out
            reason = error.kind
            self.parking.hold(error.kind, now_s + min(hint_s, self._policy.open_max_s), brief=False)
        elif disposition.health and not error.local and not error.reused_connection and lease.epoch == breaker.epoch:
            reason = error.kind
            if lease.call is None:
                breaker.failed(now_s, disposition.health, slow=lease.slow)
            elif breaker.state == "half_open":
                lease.call.probe_failed(self.doubts, error.kind, now_s)
            else:
                lease.call.failed(self.doubts, error.kind, disposition.health, now_s, slow=lease.slow)
            if lease.epoch != breaker.epoch:
                reason = self._opened_by = "slow" if breaker.cause == "slow" else reason
        elif disposition.health and not error.local and lease.call is not None:
            lease.call.failed_unheeded(self.doubts, error.kind, lease.epoch, now_s)
        elif error.local and error.kind in SILENT and lease.call is not None:
            lease.call.unanswered(self.doubts, error.kind, now_s)
        if lease is self._probe and lease.epoch == breaker.epoch:
            breaker.abandon_probe(now_s)
        self._settled(lease, now_s, reason)

    def lease_abandoned(self, lease: Lease, now_s: float) -> None:
        reason: ChangeReason = "abandoned"
        if lease.slow and lease.epoch == self.breaker.epoch:
            self.breaker.left_slow(now_s)
            if lease.epoch != self.breaker.epoch and self.breaker.cause == "slow":
                reason = self._opened_by = "slow"
        elif lease is self._probe:
            self.breaker.abandon_probe(now_s)
        if lease.epoch != self.breaker.epoch or not self.calm:
            self._settled(lease, now_s, reason)

    def _settled(self, lease: Lease, now_s: float, reason: ChangeReason) -> None:
        """Whatever this lease was the probe of may be probed anew."""
        self._parks.settle(lease)
        if lease is self._probe:
            self._probe = None
        self._changed(now_s, reason)

    # What people do

    def isolate(self, now_s: float, for_s: float | None = None) -> None:
        """Ask it no more, for so long; None: until `restore`. What is under way goes on."""
        self._isolation.begin(now_s, for_s)
        self._changed(now_s, "isolated")

    def restore(self, now_s: float) -> None:
        """Ask it again at once, whatever it was left alone for."""
        if self.breaker.state != "closed":
            self.ramp.begin(now_s)
        self.breaker.close(now_s)
        self._parks.lift()
        self._isolation.lift()
        self._probe = None
        self._changed(now_s, "restored")

    # The rest

    def _left_alone_for(self) -> ErrorKind | None:
        """The kind of failure that opened its breaker, or that it was parked for; None: its calls were slow."""
        park = self.park
        if self.breaker.state == "closed":
            return None if park is None else park.kind
        return self._opened_by if isinstance(self._opened_by, ErrorKind) else None

    def _changed(self, now_s: float, reason: ChangeReason) -> None:
        """Something may have changed: tell it, once all is as it will be."""
        if self._probe is not None and self.breaker.state == "closed" and self.park is None:
            self._probe = None  # a key was back, or another, before it was: nothing is left for it to find out
        state, park = self.state(now_s), self.park
        if state == "closed" != self._announcer.state and self._policy.slow_start_s and not self._brief:
            self.returning = ReturnLine(self._policy.slow_start_s, now_s)
        self._brief = park is not None and park.brief and self.breaker.state == "closed"
        self.calm = state == "closed" and self._isolation.until_s is None and self.credentials.calm(now_s)
        refusal = self.refusal(now_s)
        self._announcer.credentials(self.credentials, reason, now_s)
        self._announcer.target(state, reason, None if refusal is None else refusal.until_s, now_s)
