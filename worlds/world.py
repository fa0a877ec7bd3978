"""The providers of one simulated world, made from its `Draw`."""

import asyncio
from collections import Counter
from collections.abc import Container

import msgspec
from standby.simulator.scenario.reply import Answer, Failure
from standby.simulator.scenario.request import Request
from standby.simulator.scenario.script import Script

from .draw import CANARY_PROMPT, POISON, SURFACED, Draw, Mode
from .injection import Points
from .records import Told
from .script_faults import SCRIPT_FAULTS, Cast, ScriptFault
from .struck import CALL, ON_IDLE, Strikes
from .texts import as_heard, cut, text_of, went_on

ENDS_ALL_THE_SAME = ("kept_open", "short_body")
"""Something goes wrong behind the dialect's end marker, which has proven that the answer is whole. Koala has none."""

UNASKED = ("late_answer", "late_garbage")
"""Faults that send bytes after the answer, which no request asked for."""

STREAMS = 70


class World(Draw):
    """A seed, and what comes of it.

    Args:
        points: At which points our own code is struck, instead of those that are drawn.
    """

    def __init__(
        self, seed: int, *, mode: Mode = "safety", streams: int = STREAMS, points: Container[str] | None = None
    ) -> None:
        super().__init__(seed, mode)
        self.streams = streams
        self.points = Points(f"{mode}-{seed}", safety=mode == "safety", only=points)
        self.poisoner = asyncio.Lock()
        self.told: list[Told] = []
        self.strikes = Strikes()
        self.drawn: Counter[str] = Counter()
        self._wholes: dict[int, str] = {}
        self.healed = False
        self.healed_s: float | None = None
        self.stalled_s = 0.0

    def script(self, request: Request) -> Script:
        """What a provider does with a request: the answer, or the answer spoilt."""
        rng = self.rng
        name, dialect = request.provider, self.dialects[request.provider]
        if any(POISON in text for _, text in request.reading.messages):
            return self._poisoned(dialect, stream=request.reading.stream)
        call, left, goes_on = self._what_to_say(request, dialect)
        CALL.set(call)
        answer = Answer(cut(left, rng))
        spared = name == self.core and self.healed
        fault = None
        if answer.text and not spared and rng.random() < self.share:
            known = [kind for kind in self.kinds if kind in SCRIPT_FAULTS]
            known = [kind for kind in known if request.reading.stream or not SCRIPT_FAULTS[kind].streams_only]
            if name in self.lined_up:  # bytes under way at the next request would pass for its answer
                known = [kind for kind in known if kind not in UNASKED]
            if "down_slice" in self.kinds or "cut_reads" in self.points:
                known = [kind for kind in known if not SCRIPT_FAULTS[kind].large]
            if "cut_reads" in self.points:  # a few bytes at a time, without a turn: no bound is meant for that
                known = [kind for kind in known if kind != "inflating"]
            fault = self._drawn(known) if known else None
        pace_s = rng.choice((0.0, 0.01, 0.05))
        script = Script(answer) if fault is None else fault.spoil(Cast(answer, dialect, request.reading.stream, rng))
        script = msgspec.structs.replace(
            script, delta_delay_s=pace_s, head_delay_s=rng.choice((0.0, 0.02)),
            keep_alive=script.keep_alive and (fault is not None or rng.random() < 0.7),
        )  # fmt: skip
        empty = fault is not None and fault.name == "empty"
        ends = fault is not None and fault.name in ENDS_ALL_THE_SAME and dialect != "koala"
        sound = fault is None or fault.harmless or ends or (empty and goes_on)
        text = "" if empty else as_heard(left)
        self.told.append(Told(call, name, request.number, text, fault.name if fault else None, sound))
        return script

    def _poisoned(self, dialect: str, *, stream: bool) -> Script:
        """What the poisoned request gets. What lies between events is a server's error where none are asked for."""
        CALL.set(None)
        fault = SCRIPT_FAULTS[self.poison]
        if fault.streams_only and not stream:
            fault = SCRIPT_FAULTS["server_error"]
        script = fault.spoil(Cast(Answer("lost"), dialect, stream, self.rng))
        if isinstance(script.reply, Failure):  # without a hint: one would park the target for all calls
            return msgspec.structs.replace(script, reply=msgspec.structs.replace(script.reply, retry_after_s=None))
        return script

    def _drawn(self, known: list[str]) -> ScriptFault:
        """One of these faults, rather one that has seldom been drawn: many compete, and some need a stream."""
        weights = [_weight(kind) / (1 + self.drawn[kind]) ** 2 for kind in known]
        (kind,) = self.rng.choices(known, weights)
        self.drawn[kind] += 1
        return SCRIPT_FAULTS[kind]

    def _what_to_say(self, request: Request, dialect: str) -> tuple[int, str, bool]:
        """The call that asks, what is left of it to be said, and whether an answer is gone on with."""
        messages = request.reading.messages
        asked = next(text for role, text in messages if CANARY_PROMPT in text)
        call = int(asked.split("#")[1].split()[0])
        said = next((text for role, text in reversed(messages) if role == "assistant"), "")
        if not self.common:
            return call, text_of(f"c{call}_{request.provider}_{request.number}", self.texts), bool(said)
        text, prefilled = self._text(call), request.reading.prefilled
        forgets = request.provider in self.forgetful and not self._goes_round(call, said)
        begins_anew = prefilled and (dialect == "mistral" or forgets)
        if not said or begins_anew or not self.whole(call).startswith(said):
            return call, text, bool(said)
        rest = text[len(said) :]
        return call, rest if prefilled else went_on(said, rest, self.rng), True

    def _goes_round(self, call: int, said: str) -> bool:
        """Is what was delivered one passage over and over, or said twice by the whole answer?

        Then nothing in the text tells an answer that begins anew from one that goes on: it counts as going on, and
        docs/guarantees.md does not promise that a server is found out which begins anew although its target claims
        prefill. White space behind `said` may have been delivered, too, and cut off by the adapter.
        """
        whole = self.whole(call)
        rest = whole[len(said) :]
        blanks = rest[: len(rest) - len(rest.lstrip())]
        for end in range(len(blanks) + 1):
            delivered = said + blanks[:end]
            if (delivered * 2).find(delivered, 1) < len(delivered) or whole.lstrip().startswith(delivered.lstrip() * 2):
                return True
        return False

    def whole(self, call: int) -> str:
        """The one answer of all targets to a call, as the caller gets it, in a world where they all give the same."""
        whole = self._wholes.get(call)
        if whole is None:
            whole = self._wholes[call] = as_heard(self._text(call))
        return whole

    def _text(self, call: int) -> str:
        return text_of(f"c{call}_all", self.texts)


def _weight(kind: str) -> float:
    """Drawn more often is what cannot befall every request, or comes when many a caller is gone."""
    fault = SCRIPT_FAULTS[kind]
    if fault.large:
        return 58.0
    if kind == "stall_mid":
        return 11.0
    if kind in UNASKED:
        return 20.0
    if kind in ("silent", "slow_answer", "rst_mid", "pings_forever", "pings_mid", "hiccup"):
        return 7.0
    if kind in ("short_body", "malformed", "no_end", "inflating", "some_pings", *SURFACED):
        return 5.0
    return 3.0 if fault.streams_only or kind in ON_IDLE else 1.5
