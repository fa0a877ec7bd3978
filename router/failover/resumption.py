"""Choose the policy and the target that go on with a delivered answer that broke off. Pure."""

from collections.abc import Sequence

from ...config.route import MidStream
from ...providers.opaque import Opaque
from .delivered import Relayed
from .standings import Standings
from .steps import Candidate, Policy, Resume


class Resumption(Opaque):
    """The ways of going on with the delivered answer of one call; each is tried once.

    Attributes:
        candidates: The targets in the order in which they are to be asked.
        standings: How each target stands within this call.
    """

    candidates: Sequence[Candidate]
    policy: Policy
    standings: Standings
    _tried: set[tuple[MidStream, int]] = set()

    def broke_off(self, index: int, *, again: bool) -> None:
        """The answer broke off at this target.

        Args:
            again: It may go on with the answer once more all the same, if this was the first time.
        """
        standing = self.standings.of(index)
        standing.broke, standing.once_more = True, again and not standing.broke
        self._tried = {(policy, other) for policy, other in self._tried if other != index}

    def next(self, relayed: Relayed, now_s: float, *, restartable: bool) -> Resume | None:
        """The next way that was not tried; None: there is none.

        Policies in the route's order, each only where it is correct for what was delivered. For each come first the
        targets that have not broken off, then those that have, once more, if their own errors permit it; of either,
        those come last that have asked this call to wait a little.

        Args:
            restartable: The caller can be told that what it has is void.
        """
        of = self.standings.of
        admitted = [index for index, _, refusal in self.standings.walk(now_s) if refusal is None]
        admitted.sort(key=lambda index: now_s < of(index).not_before_s)
        indexes = [index for index in admitted if not of(index).broke]
        indexes += [index for index in admitted if of(index).once_more]
        for policy in self._correct(relayed, restartable=restartable):
            for index in indexes:
                candidate = self.candidates[index]
                if (policy, index) not in self._tried and (policy != "continue" or candidate.takes_prefill):
                    self._tried.add((policy, index))
                    begins_s = max(now_s, of(index).not_before_s)
                    return Resume(index, policy, begins_s + candidate.first_delta_s, begins_s)
        return None

    def _correct(self, relayed: Relayed, *, restartable: bool) -> tuple[MidStream, ...]:
        """The policies that are correct for what was delivered."""
        policy = self.policy
        if relayed.only_reasoning and policy.mid_stream:
            return ("restart",)  # nothing of the answer itself is out: a marked fresh start does no harm
        joinable = relayed.plain and policy.resumable
        correct: dict[MidStream, bool] = {
            "continue": joinable,
            "ask_to_continue": joinable,
            "replay": True,
            "restart": restartable,
        }
        return tuple(name for name in policy.mid_stream if correct[name])
