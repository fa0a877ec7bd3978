"""The base of a call's parts: they hold prompts, answers and keys, and their repr is their name alone."""

import msgspec


class Opaque(msgspec.Struct, eq=False):
    """A struct that shows nothing of what it holds, and is equal to itself alone."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
