"""The head of an answer: what stands in its fields. Pure."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from multidict import MultiMapping

from ..router.result.report import Report
from .http import Fields

JSON: Fields = (("content-type", "application/json"),)
NOTES_CHARS_MAX = 2048
"""Maximum length of `x-standby-notes`: balancers take 8 KiB of head, and there are other fields."""

_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


def request_id(headers: MultiMapping[str]) -> str | None:
    """The id that the client has given a request, if it is one that can be written anywhere."""
    sent = headers.getall("x-request-id", ())
    return sent[0] if len(sent) == 1 and _SANE.fullmatch(sent[0]) else None


def text(value: str) -> str:
    """A name as a field's value: what is not plain ASCII is percent-encoded."""
    return quote(value, safe=_PLAIN) if not (value.isascii() and value.isprintable()) else value


def notes_of(report: Report, *others: Iterable[str]) -> tuple[str, ...]:
    """What was fitted or left out for this answer, each said once."""
    notes = [
        note for attempt in report.attempts if attempt.outcome in ("finished", "running") for note in attempt.notes
    ]
    for more in others:
        notes += more
    return tuple(dict.fromkeys(notes))


def of_notes(notes: Iterable[str]) -> Fields:
    """The field of the notes; none when there are none."""
    joined = "; ".join(notes)
    if not joined:
        return ()
    plain = "".join(char if char.isascii() and char.isprintable() else "?" for char in joined)
    return (("x-standby-notes", plain if len(plain) <= NOTES_CHARS_MAX else plain[: NOTES_CHARS_MAX - 1] + "~"),)


def of_report(report: Report, overhead_s: float | None, *, whole: bool) -> Fields:
    """What is known of a call when its head goes out."""
    told = [("x-standby-attempts", str(len(report.attempts)))]
    if report.target is not None:
        told.insert(0, ("x-standby-target", text(report.target)))
    if overhead_s is not None:
        told.append(("x-standby-overhead-ms", f"{max(0.0, overhead_s) * 1000:.2f}"))
    if whole and report.cost is not None:
        told.append(("x-standby-cost-usd", f"{report.cost:.8f}".rstrip("0").rstrip(".")))
    return tuple(told)


def comment_of(report: Report, notes: Iterable[str]) -> Mapping[str, object]:
    """What the last comment of a stream says: what a head could not, since it went out before."""
    told: dict[str, object] = {
        "target": report.target,
        "attempts": len(report.attempts),
        "switches": [
            {"from": switch.source, "to": switch.target, "policy": switch.policy, "why": switch.why}
            for switch in report.switches
        ],
        "cost_usd": report.cost,
    }
    found = list(notes)
    return told | {"notes": found} if found else told
