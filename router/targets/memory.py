"""The memory of targets that are not in use any more, kept for as long as it matters.

A target that is used has its record. When its last user is gone (the call's own target was forgotten, a configuration
was replaced), the record stays for as long as forgetting it would be a way around it: while money of a budget is spent
or a person has isolated the target, and while it is left alone, was failing, or has used up its limits.

Number and time are bounded. Of records that hold something, the longest unused is forgotten first, and those that hold
money or a person's word have room of their own: no number of keys that are refused can push them out.
"""

from collections.abc import Callable

from ...config.model import Config
from .record import Hold, Identity, TargetRecord

HELD_MAX = 4096
"""Maximum records held for money or an operator's word, and as many for state that passes: some 6 KiB each."""

PASSING_S = 600.0
"""Time that passing state is held after the last use, or until the target may be asked again if that is later: by then
all windows and slow starts are over, and a budget of retries is full again."""


class Memory:
    """The records of a Router's targets.

    Args:
        make: Makes the record of a target that is not known.
    """

    def __init__(self, make: Callable[[Identity], TargetRecord]) -> None:
        self._make = make
        self._used: dict[Identity, tuple[TargetRecord, int]] = {}  # with the number of its users
        self._held: dict[Hold, dict[Identity, tuple[TargetRecord, float]]] = {"lasting": {}, "passing": {}}

    def __len__(self) -> int:
        return len(self._used) + sum(map(len, self._held.values()))

    def follow(self, config: Config) -> None:
        """Every target is judged by this configuration from now on."""
        records = [record for record, _ in self._used.values()]
        for held in self._held.values():
            records += [record for record, _ in held.values()]
        for record in records:
            record.follow(config)

    def take(self, identity: Identity) -> TargetRecord:
        """The record of a target, for one user more."""
        known = self._used.get(identity)
        if known is None:
            found = self._held["lasting"].pop(identity, None) or self._held["passing"].pop(identity, None)
            known = (self._make(identity) if found is None else found[0]), 0
        self._used[identity] = known[0], known[1] + 1
        return known[0]

    def give_back(self, identity: Identity, now_s: float) -> None:
        """One user is gone."""
        record, users = self._used[identity]
        if users > 1:
            self._used[identity] = record, users - 1
            return
        del self._used[identity]
        hold = record.hold(now_s)
        if hold is None:
            return
        held = self._held[hold]
        held[identity] = record, now_s
        if len(held) > HELD_MAX:
            del held[next(iter(held))]

    def sweep(self, now_s: float) -> bool:
        """Forget what does not matter any more. Is anything left that nothing uses?"""
        lasting, passing = self._held["lasting"], self._held["passing"]
        for identity in [each for each, (record, _) in lasting.items() if not record.lasts(now_s)]:
            del lasting[identity]
        over = []
        for identity, (record, used_s) in passing.items():
            if now_s - used_s < PASSING_S:
                break  # and so are all that follow
            if record.left_alone_until_s <= now_s:
                over.append(identity)
        for identity in over:
            del passing[identity]
        return bool(lasting or passing)
