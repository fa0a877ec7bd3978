"""A compressed body, decoded piece by piece (RFC 9110 8.4.1: gzip, deflate).

aiohttp would do this for us, but it ends a gzip body that was cut short as if it were whole, and its decoder cannot
be asked. Here the end of the data is compared with the end of the body. Pieces are bounded, so that a small body
which decodes to a huge one never stands in memory; and one which decodes to too much of nothing is refused.
"""

import zlib

from ..errors import ErrorKind, ProviderError
from ..provider import PIECE_MAX_BYTES

RATIO_MAX = 200
"""No answer is so much larger than its compressed form: text comes to 3 to 10 times, JSON full of blanks to 50."""

FREE_BYTES = 1024 * 1024
"""Below this size the ratio is not checked: so little is decoded in a moment, whatever it is."""

MEMBERS_MAX = 1000
"""Maximum members of a gzip body; more are an attack on the processor."""

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
_NAMES = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


class Inflater:
    """Decodes one body. Hand in what came with `feed`, then `take` until it gives nothing.

    Args:
        encoding: The value of `content-encoding`. One that cannot be read here fails at the first byte, not before:
            the status of the response is worth more than its body.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        self._input = b""
        self._ahead = b""  # what zlib still held when a piece was full, though it had read all of the input
        self._members = 0
        self._read_bytes = 0
        self._given_bytes = 0
        self._decoder: zlib._Decompress | None = None

    @property
    def pending(self) -> bool:
        """Something may be taken without more input."""
        return bool(self._input or self._ahead)

    @property
    def complete(self) -> bool:
        """The compressed data has ended, or never began."""
        return not self.pending and (self._decoder is None or self._decoder.eof)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body, cut anywhere."""
        self._input += data

    def drop(self) -> None:
        """Forget what was fed and not taken."""
        self._input = self._ahead = b""

    def take(self) -> bytes:
        """The next decoded bytes, at most 64 KiB; nothing when more input is needed.

        Raises:
            ProviderError: `protocol`: this is not the encoding that was announced, or one that cannot be read here, or
                it grows more than any answer does.
        """
        piece, self._ahead = self._ahead, b""
        while self._input and not piece:
            if self._decoder is None or self._decoder.eof:
                self._decoder = self._next_member()
            piece = self._decoded(self._decoder, self._input)
            if len(piece) == PIECE_MAX_BYTES and not self._input and not self._decoder.eof:
                self._ahead = self._decoded(self._decoder, b"")
        return piece

    def _decoded(self, decoder: "zlib._Decompress", data: bytes) -> bytes:
        try:
            piece = decoder.decompress(data, PIECE_MAX_BYTES)
        except zlib.error:
            raise ProviderError(ErrorKind.PROTOCOL, f"the body is not valid {self._encoding}") from None
        self._input = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        self._read_bytes += len(data) - len(self._input)
        self._given_bytes += len(piece)
        if self._given_bytes > max(FREE_BYTES, RATIO_MAX * self._read_bytes):
            detail = f"the body is compressed to less than a part in {RATIO_MAX} of what it decodes to"
            raise ProviderError(ErrorKind.PROTOCOL, detail)
        return piece

    def _next_member(self) -> "zlib._Decompress":
        window_bits = _NAMES.get(self._encoding)
        if window_bits is None:
            raise ProviderError(ErrorKind.PROTOCOL, "the body is compressed in a way that was not asked for")
        self._members += 1
        if self._members > MEMBERS_MAX:
            raise ProviderError(ErrorKind.PROTOCOL, f"the body has more than {MEMBERS_MAX} compressed members")
        if window_bits == _ZLIB and self._input[0] & 0x0F != 8:  # many servers send deflate without its zlib frame
            window_bits = _RAW_DEFLATE
        return zlib.decompressobj(window_bits)
