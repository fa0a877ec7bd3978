"""What a server takes of its clients, and how long they may take for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Limits of what clients send, of how long they take for it, and of how many there are.

    Attributes:
        head_s: Maximum time until the head of a request is there, from its first byte.
        body_s: A body may take this long, or longer while it comes at `body_min_bytes_per_s`.
        body_min_bytes_per_s: The pace that keeps a long body from being cut off.
        stalled_s: A client that takes nothing of its answer for so long is dropped.
        keep_alive_s: How long an idle connection is kept: longer than any balancer in front keeps it.
        headers_max: Maximum headers of a request.
        headers_bytes_max: Maximum size of them together.
        url_bytes_max: Maximum length of the address that is asked for.
        body_bytes_max: Maximum size of a body.
        connections_max: Maximum connections at a time.
        in_flight_max: Maximum requests in flight at a time; what is more is refused with 503 and a hint.
    """

    head_s: float = 10.0
    body_s: float = 60.0
    body_min_bytes_per_s: int = 1024
    stalled_s: float = 60.0
    keep_alive_s: float = 620.0
    headers_max: int = 100
    headers_bytes_max: int = 32_768
    url_bytes_max: int = 8192
    body_bytes_max: int = 33_554_432
    connections_max: int = 10_000
    in_flight_max: int = 5000
