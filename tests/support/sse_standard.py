"""Server-Sent Events by the standard: a naive reading of it, which our decoder is held against."""

from standby.providers.codecs import SSEEvent


def by_the_standard(body: bytes) -> list[SSEEvent]:
    """WHATWG HTML 9.2.6 taken word by word, over the whole stream at once."""
    text = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *lines, _unended = text.split(b"\n")
    events, data, name, last_id = [], b"", b"", b""
    for line in lines:
        if line == b"":
            if data:
                events.append(
                    SSEEvent(
                        data.removesuffix(b"\n"),
                        (name or b"message").decode(errors="replace"),
                        last_id.decode(errors="replace"),
                    )
                )
            data, name = b"", b""
            continue
        if line.startswith(b":"):
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            data += value + b"\n"
        elif field == b"id" and b"\0" not in value:
            last_id = value
    return events
