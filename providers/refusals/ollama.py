"""Ollama, at home and in its cloud: sentences without codes. Sources: the server's source, reports (WIRE A18)."""

from ..errors import ErrorKind
from .rule import rule
from .table import Refusals

OLLAMA = Refusals(
    too_long=(r"prompt too long", r"exceeded (?:max )?context length", r"input length exceeds"),
    credits_gone=(r"reached your (?:\w+ )?usage limit\b",),
    not_for_account=(r"(?:requires|is required).{0,40}subscription", r"is not allowed on this server"),
    busy=(r"server busy", r"maximum pending requests exceeded"),
    own=(
        rule(
            ErrorKind.UNSUPPORTED,
            pattern=(
                r"does not support (?:tools|thinking|chat|images|vision|generate|insert|embed)",
                r"think value .{0,80}not supported",
                r"image urls are not",
            ),
            statuses=(400, 501),
        ),
        rule(ErrorKind.OVERLOADED, pattern=r"server busy", statuses=(500, 503)),
    ),
)
