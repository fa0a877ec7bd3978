"""Calls that wait: these protocols open a call with its name, and one thing at a time.

Some servers send arguments before the name; some announce several calls before the arguments of the first. So a call
begins with its name and its first arguments, or, without any, where something else begins, or the answer ends.
"""

from ..events import ToolCallDelta


class Waiting:
    """Calls of one answer that have not begun, each with what has come of it."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[int, tuple[ToolCallDelta, list[str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    def ready(self, event: ToolCallDelta) -> ToolCallDelta | None:
        """A call that begins with this event, and all that has come of it; None: it waits.

        To be asked for each event of a call until it has begun.
        """
        held = self._held.pop(event.index, None)
        if held is None:
            if event.name and event.arguments:
                return event
            held = event, [event.arguments]
        else:
            first, pieces = held
            pieces.append(event.arguments)
            held = _joined(first, event), pieces
        first, pieces = held
        if first.name and any(pieces):
            return _whole(first, pieces)
        self._held[event.index] = held
        return None

    def named(self) -> list[ToolCallDelta]:
        """The calls that have a name, in their order: something else begins."""
        found = [index for index, (first, _) in self._held.items() if first.name]
        return [_whole(*self._held.pop(index)) for index in found]

    def rest(self) -> list[ToolCallDelta]:
        """All of them: the answer is over."""
        held, self._held = self._held, {}
        return [_whole(first, pieces) for first, pieces in held.values()]


def _joined(first: ToolCallDelta, then: ToolCallDelta) -> ToolCallDelta:
    """What is known of a call, without its arguments."""
    signature = first.signature if then.signature is None else then.signature
    return ToolCallDelta(
        first.index, first.id or then.id, first.name or then.name, "", signature, first.custom or then.custom
    )


def _whole(first: ToolCallDelta, pieces: list[str]) -> ToolCallDelta:
    return ToolCallDelta(first.index, first.id, first.name, "".join(pieces), first.signature, first.custom)
