"""Four kinds of bytes, each compressed in a context of its own: one for all would have to find one
code for text, small numbers and noise.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from hugescope_wire.errors import WireError

TEXT, NUMBERS, CODES, BITS = range(4)
COUNT: Final = 4

_LENGTHS: Final = struct.Struct(f"<{COUNT}I")
_LEVEL: Final = 9
_WINDOW_BITS: Final = (15, 12, 12, 9)
"""Text repeats itself from far away. The others hardly do, and memory is what a window costs."""

_FLUSHED: Final = b"\x00\x00\xff\xff"
"""Ends everything that zlib flushes (RFC 1951, 3.2.4), so it need not be kept."""

_MOST_RATIO: Final = 1032
"""Deflate makes at most so many bytes of one."""

_FEW: Final = 64
"""Bytes that may come of what was packed before, and of the end of what is flushed."""

_PIECE_BYTES: Final = 1 << 20
_FED_BYTES: Final = 1 << 14

Plain = tuple[bytes, bytes, bytes, bytes]
Most = tuple[int, int, int, int]
"""Bytes to which each stream of one record may unpack."""


class Packer:
    """Packs record after record of one segment."""

    def __init__(self) -> None:
        self._packers = [
            zlib.compressobj(_LEVEL, zlib.DEFLATED, -bits, 8 if bits == 15 else 6)
            for bits in _WINDOW_BITS
        ]

    def pack(self, streams: Plain) -> bytes:
        """The payload of a record."""
        parts = []
        for packer, plain in zip(self._packers, streams, strict=True):
            packed = b""
            if plain:
                packed = packer.compress(plain) + packer.flush(zlib.Z_SYNC_FLUSH)
            parts.append(packed.removesuffix(_FLUSHED))
        return b"".join((_LENGTHS.pack(*map(len, parts)), *parts))


class Unpacker:
    """Unpacks what a `Packer` packed, from the first record of the segment on; `most` a record."""

    def __init__(self, most: Most) -> None:
        self._most = most
        self._unpackers = [zlib.decompressobj(-bits) for bits in _WINDOW_BITS]

    def unpack(self, payload: bytes) -> Plain:
        """The four streams of a record.

        Raises:
            WireError: `bad_recording`.
        """
        plain = [
            _joined(_pieces(unpacker, packed, most))
            for unpacker, packed, most in zip(
                self._unpackers, _parts(payload), self._most, strict=True
            )
        ]
        return plain[0], plain[1], plain[2], plain[3]

    def skip(self, payload: bytes) -> None:
        """As `unpack`, and nothing is kept.

        Raises:
            WireError: `bad_recording`.
        """
        for unpacker, packed, most in zip(
            self._unpackers, _parts(payload), self._most, strict=True
        ):
            for _ in _pieces(unpacker, packed, most):
                pass


def may_exceed(payload: bytes, most: Most) -> bool:
    """Whether a record of this payload, whose parts may lie, could unpack to more than `most`."""
    if len(payload) < _LENGTHS.size:
        return False
    lengths = _LENGTHS.unpack_from(payload)
    return any(
        length and _MOST_RATIO * (length + _FEW) > one
        for length, one in zip(lengths, most, strict=True)
    )


def _parts(payload: bytes) -> Iterator[bytes]:
    if len(payload) < _LENGTHS.size:
        raise WireError("bad_recording", "a record is too short")
    lengths = _LENGTHS.unpack_from(payload)
    if _LENGTHS.size + sum(lengths) != len(payload):
        raise WireError("bad_recording", "a record's parts are not as long as it says")
    at = _LENGTHS.size
    for length in lengths:
        yield payload[at : at + length]
        at += length


def _pieces(unpacker: zlib._Decompress, packed: bytes, most: int) -> Iterator[bytes]:
    """What it unpacks to, a piece at a time."""
    total = 0
    for rest in _fed(packed):
        while True:
            try:
                piece = unpacker.decompress(rest, _PIECE_BYTES)
            except zlib.error as error:
                raise WireError("bad_recording", f"a record cannot be unpacked: {error}") from None
            if unpacker.eof:
                # No writer ends one, and zlib would copy all that follows for each piece of it.
                raise WireError("bad_recording", "a record's stream ends before its segment")
            total += len(piece)
            if total > most:
                raise WireError("bad_recording", f"a record unpacks to more than {most} bytes")
            yield piece
            rest = unpacker.unconsumed_tail
            # After a full piece there may be more of what was consumed.
            if not rest and len(piece) < _PIECE_BYTES:
                break


def _joined(pieces: Iterator[bytes]) -> bytes:
    """Without a second copy of all."""
    whole = BytesIO()
    whole.writelines(pieces)
    return whole.getvalue()


def _fed(packed: bytes) -> Iterator[bytes]:
    """Piece by piece: what is not consumed is copied each time."""
    for at in range(0, len(packed), _FED_BYTES):
        yield packed[at : at + _FED_BYTES]
    if packed:
        yield _FLUSHED
