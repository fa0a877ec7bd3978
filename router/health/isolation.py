"""Isolation: an operator wants a target not to be asked, for a time or until further notice."""

import math

from ...providers.errors import ErrorKind
from .refusal import Refusal


class Isolation:
    """Whether one target is isolated. Pure: the clock is handed in.

    Attributes:
        until_s: When it ends; never, until it is lifted; None: it is not isolated.
    """

    __slots__ = ("until_s",)

    def __init__(self) -> None:
        self.until_s: float | None = None

    def begin(self, now_s: float, for_s: float | None) -> None:
        """Isolate it for so long; None: until `lift`."""
        self.until_s = math.inf if for_s is None else now_s + for_s

    def lift(self) -> None:
        """End it. Idempotent."""
        self.until_s = None

    def holds(self, now_s: float) -> bool:
        """Is it isolated now?"""
        return self.until_s is not None and now_s < self.until_s

    def is_over(self, now_s: float) -> bool:
        """Has its time run out, and nothing has lifted it yet?"""
        return self.until_s is not None and now_s >= self.until_s

    def refusal(self, now_s: float) -> Refusal | None:
        """Why the target may not be asked now; None: it is not isolated."""
        until_s = self.until_s
        if until_s is None or now_s >= until_s:
            return None
        lasting = until_s == math.inf
        detail = "isolated by hand" if lasting else f"isolated by hand for {until_s - now_s:.3g} s more"
        return Refusal("isolated", detail, None if lasting else until_s, ErrorKind.ISOLATED)
