"""Compare what a caller of a simulated world got with what the targets sent to it. Pure: it blames nothing.

If all targets give the same answer, the delivered text must be a beginning of it. If each gives its own, each piece
must come from the target that the mark before it names, from its beginning on, less the text that the mark says was
left out. Only text that the caller has already may be left out, or white space that an adapter cut off its request.
"""

import itertools
from collections.abc import Iterator, Sequence

from standby.router.result.report import Report, Switch

from .records import Heard, Told


def pieces_of(heard: Heard, report: Report) -> list[str]:
    """The text between the marks. A reader of plain text sees no marks, but the report knows where they were."""
    if heard.temper != "reads_text" or not report.switches:
        return heard.pieces
    text = heard.pieces[0]
    places = [0, *(switch.at_chars for switch in report.switches), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


def valid_from(heard: Heard) -> int:
    """The first piece that no restart has made void."""
    return max((index + 1 for index, mark in enumerate(heard.marks) if mark == "restart"), default=0)


def foreign(pieces: Sequence[str], report: Report, told: Sequence[Told]) -> Iterator[str]:
    """The pieces that no target has sent to this call."""
    delivered = ""
    for index, piece in enumerate(pieces):
        switch = report.switches[index - 1] if index else None
        if switch is not None and switch.policy == "restart":
            delivered = ""
        if piece and not any(_told(each, piece, delivered, switch) for each in told):
            yield piece
        delivered += piece


def rest(text: str, report: Report) -> str:
    """The part of the last attempt's text that was to be delivered."""
    return text[report.switches[-1].trimmed_chars :] if report.switches else text


def _told(told: Told, piece: str, delivered: str, switch: Switch | None) -> bool:
    """Is this piece a beginning of the text sent here, less the text that the switch left out?"""
    if switch is None:
        return told.text.startswith(piece)
    left_out = told.text[: switch.trimmed_chars]
    blanks = len(delivered) - len(delivered.rstrip())
    known = delivered.endswith(left_out.lstrip() or left_out) or (left_out.isspace() and len(left_out) <= blanks)
    return known and told.provider == switch.target and told.text[len(left_out) :].startswith(piece)
