"""The rules of fail-over told a second time, from the design's words and not from the code, to hold `Course` against.

Where the design leaves something open, the reading taken here is marked "reading:".
"""

from typing import Any

# The table's columns. All other kinds: no retry here; ask another.
RETRY_HERE = {"disconnected": "fresh", "truncated": "fresh", "timeout": "once", "unknown": "once"}
RETRY_HERE |= {"rate_limited": "hint", "server_error": "backoff", "overloaded": "backoff"}
HEEDS = ("rate_limited", "server_error", "overloaded", "timeout")  # 429, 408 and 5xx: the provider may say when
ASK_ANOTHER = {"content_filter": "no", "deadline": "no", "cancelled": "no", "closed": "no"}
ASK_ANOTHER |= {"context_length": "window", "bad_request": "one"}
GAVE_WAY = ("truncated", "protocol", "disconnected")  # reading: these allow the same target once more; silence never
HURTS = {"connect", "dns", "tls", "disconnected", "first_token_timeout", "stalled", "truncated", "timeout", "blocked"}
HURTS |= {"server_error", "overloaded", "protocol", "unknown", "empty"}  # two calls in a row: no retry within a call
OF_THE_FORM = ("prefill_unsupported", "unsupported")  # the target is well: it may be asked in another form
Step = tuple[Any, ...]
"""`("ask", who, why, first_by_s, cut, not_before_s, wait)`, `("wait", until_s, wait)`, `("resume", who, policy,
not_before_s)`, or `("end", verdict)`."""


class Reference:
    """The rules, one call long. Times are absolute; of every backoff's range, `share` is waited."""

    def __init__(self, targets: list[Any], policy: Any, share: float) -> None:
        self.targets, self.policy, self.share = targets, policy, share
        self.out, self.asked = set[int](), set[int]()  # out: not asked again in this call
        self.hints, self.not_before = dict[int, int](), dict[int, float]()  # short ones: how many, and until when
        self.tries = dict.fromkeys(range(len(targets)), 0)
        self.refused, self.last_resort_used, self.restartable = False, False, True
        self.skips: set[tuple[str, str]] = set()
        self.once_more: dict[int, bool] = {}  # broke off after the commit: may it be asked once more?
        self.ways: set[tuple[str, int]] = set()
        self.in_flight, self.lost = 0, list[tuple[int, Any]]()

    def next(self, now_s: float) -> Step:
        """Rules 1 and 3: past the deadline, end; else the first admitted target; else what `all_open` says."""
        if now_s >= self.policy.deadline_s:
            return ("end", "deadline")
        back: list[tuple[float, int]] = []
        for who in self._left():
            refusal, hint_until_s = self.targets[who].refusal(now_s), self.not_before.get(who, 0.0)
            if refusal is None and now_s >= hint_until_s:
                return self._ask(who, now_s)
            self.skips.add((self.targets[who].label, "parked" if refusal is None else refusal.reason))
            until_s = hint_until_s if refusal is None else refusal.until_s
            back.append((self.policy.deadline_s if until_s is None else until_s, who))
        until_s, who = min(back, default=(float("inf"), -1))
        if self.policy.all_open == "wait" and until_s <= self.policy.deadline_s:
            return ("wait", until_s, "hint" if until_s == self.not_before.get(who) else "return")
        if self.policy.all_open == "last_resort" and back and not self.last_resort_used:
            self.last_resort_used = True
            return self._ask(who, now_s, "last_resort")
        return ("end", "exhausted" if self.asked else "unavailable")  # engine rule 17

    def exclude(self, who: int, reason: str) -> None:
        self.out.add(who)
        self.skips.add((self.targets[who].label, reason))

    def began(self, who: int) -> None:
        self.tries[who] += 1
        self.asked.add(who)

    def attempt_failed(self, who: int, error: Any, now_s: float, *, begun: bool) -> Step | None:
        """Rules 2 and 3: again here; else wait for what is in flight beside it; else each failure has its say."""
        self.heed(who, error, now_s)
        delay = self.retry(who, error, now_s, begun)
        if delay is not None:
            delay_s, wait = delay
            return ("ask", who, "retry", *self.first_by(who, now_s + delay_s), now_s + delay_s, wait)
        return self.gone(who, error, now_s)

    def gone(self, who: int, error: Any, now_s: float) -> Step | None:
        """Nothing more comes of this target's turn."""
        self.lost.append((who, error))
        return self.ended(now_s)

    def ended(self, now_s: float) -> Step | None:
        """Of two in flight the other one decides."""
        self.in_flight -= 1
        if self.in_flight:
            return None
        lost, self.lost = self.lost, []
        ends = [end for who, error in lost if (end := self.failed(who, error))]
        return ends[0] if ends else self.next(now_s)

    def hint(self, error: Any) -> float | None:
        """The provider's delay, where it is heeded; of nothing there is none."""
        return (error.retry_after_s or None) if error.kind.value in HEEDS else None

    def heed(self, who: int, error: Any, now_s: float) -> None:
        """A short hint delays this call. Reading: from the third on it backs off as well, however short they are."""
        hint_s, retry = self.hint(error), self.targets[who].retry
        if hint_s is not None and hint_s <= retry.patience_s:
            self.hints[who] = times = self.hints.get(who, 0) + 1
            self.not_before[who] = now_s + (hint_s if times < 3 else max(hint_s, self.backoff(who, times - 2)))

    def backoff(self, who: int, times: int) -> float:
        """Full jitter, between a tenth and the whole."""
        retry = self.targets[who].retry
        whole_s = min(retry.backoff_max_s, retry.backoff_s * 2 ** (times - 1))
        return 0.1 * whole_s + (whole_s - 0.1 * whole_s) * self.share

    def retry(self, who: int, error: Any, now_s: float, begun: bool) -> tuple[float, str | None] | None:
        """When the same target is tried again: while attempts, the provider, deadline, health and budget allow."""
        target, tries, hint_s = self.targets[who], self.tries[who], self.hint(error)
        rule = RETRY_HERE.get(error.kind.value, "no")
        if error.should_retry is not None and (rule != "hint" or not error.should_retry):
            rule = "backoff" if error.should_retry else "no"  # whether, not how long: a hint stays a hint
        if tries >= target.retry.attempts:
            return None
        if begun:  # it had begun to answer: once more where no other is left, if its connection gave way or a try may
            if tries > 1 or self._others(who, now_s):
                return None
            rule = "fresh" if error.kind.value in GAVE_WAY and error.should_retry is None else rule
        delay_s, wait = float("inf"), None
        if rule in ("backoff", "hint") or (rule == "once" and tries == 1):
            delay_s, wait = self.backoff(who, tries), "backoff"
            if hint_s is not None and hint_s > target.retry.patience_s:
                return None
            if hint_s is not None and self.hints[who] == 1:
                delay_s, wait = hint_s, "hint"
            elif hint_s is not None and rule == "hint":
                return None
            elif hint_s is not None and hint_s >= delay_s:  # reading: each retry comes after its hint, and backs off
                delay_s, wait = hint_s, "hint"
        elif rule == "fresh" and tries == 1 and (error.reused_connection or not self._others(who, now_s)):
            delay_s = 0.0
        if now_s + delay_s < self.not_before.get(who, 0.0):  # a last resort is asked within a hint, but once
            delay_s, wait = self.not_before[who] - now_s, "hint"
        outage = error.kind.value in HURTS and not (error.local or error.reused_connection) and target.row >= 2
        refusal = target.refusal(now_s)
        left_alone = outage or (refusal is not None and (refusal.until_s is None or refusal.until_s > now_s + delay_s))
        if now_s + delay_s > self.policy.deadline_s or left_alone:
            return None
        return (delay_s, wait) if target.try_pay_retry(now_s) else None

    def failed(self, who: int, error: Any) -> Step | None:
        """Rule 3 once the tries here are used up, and what the table says of asking another."""
        kind = error.kind.value
        hint_s = self.hint(error)
        parked = kind == "rate_limited" or (hint_s is not None and hint_s > self.targets[who].retry.patience_s)
        if not parked:  # it may return in time
            self.out.add(who)
        match ASK_ANOTHER.get(kind, "yes"):
            case "no":
                return ("end", "deadline" if kind == "deadline" else "rejected")
            case "window":
                windows = [target.capabilities.context_window for target in self.targets]
                for other in self._left():
                    if None not in (windows[who], windows[other]) and windows[other] <= windows[who]:
                        self.exclude(other, "context_window")
            case "one":  # reading: one other must have judged it; a target that was down has not
                if self.refused or not self._left():
                    return ("end", "rejected")
                self.refused = True
        return None

    def hedge(self, silent: int, now_s: float) -> Step | None:
        """Engine rule 3: beside a silent target, the next untried one that is well and can pay."""
        untried = (who for who in self._left() if who != silent and who not in self.asked)
        who = next((who for who in untried if self.targets[who].try_pay_hedge(now_s)), None)
        return None if who is None else self._ask(who, now_s, "hedge")

    def broke_off(self, who: int, error: Any, relayed: Any, now_s: float) -> Step:
        """Rule 4, engine rule 11: the answer broke off at this target, or a way of going on with it failed there."""
        kind = error.kind.value
        if ASK_ANOTHER.get(kind) == "no":
            return ("end", "interrupted")
        self.heed(who, error, now_s)
        if kind not in OF_THE_FORM:
            self.once_more[who] = who not in self.once_more and (kind in RETRY_HERE or kind in GAVE_WAY)
            self.ways = {(policy, other) for policy, other in self.ways if other != who}
        return self.go_on(relayed, now_s)

    def go_on(self, relayed: Any, now_s: float) -> Step:
        """The first policy that is correct for what was relayed, at a target that is left: others first."""
        left = [who for who in self._left() if not self.targets[who].refusal(now_s)]
        asked_to_wait = [who for who in left if now_s < self.not_before.get(who, 0.0)]
        left = [who for who in left if who not in asked_to_wait] + asked_to_wait
        order = [who for who in left if who not in self.once_more] + [who for who in left if self.once_more.get(who)]
        policies = ("restart",) if relayed.only_reasoning and self.policy.mid_stream else self.policy.mid_stream
        joins = relayed.plain and self.policy.resumable
        correct = {"continue": joins, "ask_to_continue": joins, "restart": self.restartable or relayed.only_reasoning}
        for policy in [policy for policy in policies if correct.get(policy, True)]:
            for who in order:
                takes = policy != "continue" or self.targets[who].capabilities.prefill in ("plain", "echoed")
                if takes and (policy, who) not in self.ways:
                    self.ways.add((policy, who))
                    return ("resume", who, policy, max(now_s, self.not_before.get(who, 0.0)))
        return ("end", "interrupted")

    def first_by(self, who: int, now_s: float) -> tuple[float, str]:
        """Engine rule 7: leave `reserve_s` for one more target; the last one may use all that is left.

        Reading: of what the deadline cuts, a fair part is `fair_s` or more; with less, silence is nothing's fault.
        """
        own_s, left_s = self.targets[who].first_delta_s, self.policy.deadline_s - now_s
        if self.policy.single:  # one body: there is no first delta
            own_s = float("inf")
        if not self._others(who, now_s):
            if self.targets[who].first_delta_held and own_s < left_s:  # set for this target or call: the last one's too
                return now_s + own_s, "no"
            return self.policy.deadline_s, self.cut(left_s, own_s)
        spare_s = max(left_s - self.policy.reserve_s, left_s / 2)  # reading: at most half of what is left
        return now_s + min(own_s, spare_s), self.cut(spare_s, own_s)

    def cut(self, given_s: float, own_s: float) -> str:
        return "no" if given_s >= own_s else "fair" if given_s >= self.policy.fair_s else "short"

    def _left(self) -> list[int]:
        return [who for who in range(len(self.targets)) if who not in self.out]

    def _others(self, who: int, now_s: float) -> bool:
        """Can another target still be asked before the deadline?"""
        refusals = [self.targets[other].refusal(now_s) for other in self._left() if other != who]
        return any(r is None or (r.until_s or float("inf")) < self.policy.deadline_s for r in refusals)

    def _ask(self, who: int, now_s: float, why: str | None = None) -> Step:
        self.tries[who] = 0
        why = why or ("return" if who in self.asked else "handover" if self.asked else "first")
        self.in_flight += 1
        return ("ask", who, why, *self.first_by(who, now_s), 0.0, None)
