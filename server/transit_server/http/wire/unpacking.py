"""Packed bodies (gzip, zlib), unpacked step by step, so that what comes out can be counted before
there is more of it. `body_limits` takes the steps.
"""

import zlib

from transit_server.errors import BodyTooLarge, MalformedBody

_GZIP, _ZLIB = zlib.MAX_WBITS + 16, zlib.MAX_WBITS
_WINDOW = 16 * 1024
_MOST_MEMBERS = 10_000  # each costs a new decompressor, however little is in it


class Unpacking:
    """One packed body. A gzip body may have several members, one behind the other."""

    def __init__(self, packed: bytes, encoding: bytes) -> None:
        self._rest = memoryview(packed)
        self._wbits = _ZLIB if encoding == b"deflate" else _GZIP
        self._member = zlib.decompressobj(self._wbits)
        self._members = 1
        self._given = b""  # to the member, which has not taken it yet

    def step(self, most: int) -> bytes:
        """Up to `most` more bytes; fewer only at the end, when all is unpacked. Raises
        `MalformedBody`, `BodyTooLarge`.
        """
        pieces, left = [], most
        while left and self._member_goes_on():
            given = self._given or self._window()
            try:
                piece = self._member.decompress(given, left)
            except zlib.error as error:
                raise MalformedBody(self._what_is_wrong()) from error
            member = self._member
            self._given = member.unused_data if member.eof else member.unconsumed_tail
            if not (piece or given or member.eof):
                raise MalformedBody("the compressed body is cut off")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _member_goes_on(self) -> bool:
        """Whether there is more to unpack, in this member or in another one behind it."""
        if not self._member.eof:
            return True
        if not (self._given or self._rest):
            return False
        if self._wbits == _ZLIB:
            raise MalformedBody("the compressed body is followed by something else")
        if self._members == _MOST_MEMBERS:
            raise BodyTooLarge(f"the compressed body has more than {_MOST_MEMBERS} members")
        self._member = zlib.decompressobj(self._wbits)
        self._members += 1
        return True

    def _window(self) -> bytes:
        window, self._rest = self._rest[:_WINDOW], self._rest[_WINDOW:]
        return bytes(window)

    def _what_is_wrong(self) -> str:
        if self._members > 1:
            return "what follows the compressed body is not compressed"
        return "the body is not compressed as Content-Encoding says"
