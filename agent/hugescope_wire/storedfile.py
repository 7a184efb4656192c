"""A file that is read piece by piece, in any order, and may be longer than memory."""

from __future__ import annotations

import lzma
import os
import tempfile
import weakref
from pathlib import Path
from typing import IO, Final, Protocol

from hugescope_wire.errors import WireError

XZ_MAGIC: Final = b"\xfd7zXZ\x00"

MAX_UNPACKED_BYTES: Final = 1 << 30
"""Of a compressed file: a small one may stand for any size."""

_MEMORY_BYTES: Final = 1 << 28
"""That unpacking may take."""

_PIECE_BYTES: Final = 1 << 20


class ReadAt(Protocol):
    """Bytes at offsets, of what may grow while it is read."""

    @property
    def size_bytes(self) -> int:
        """As it is now."""

    def read(self, at: int, count: int) -> bytes:
        """`count` bytes from offset `at`; fewer where it ends."""


class SeldomFile:
    """A file that is opened for each read: there may be more of them than may be open at once. One
    that was deleted is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    @property
    def size_bytes(self) -> int:
        """As it is now."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, at: int, count: int) -> bytes:
        """`count` bytes from offset `at`; fewer where it ends."""
        try:
            return StoredFile(self.path).read(at, count)
        except FileNotFoundError:
            return b""


class StoredFile:
    """Bytes at offsets of a file, which may grow while it is read; closed when nothing needs it."""

    def __init__(self, path: Path) -> None:
        """Open for reading.

        Raises:
            OSError: it cannot be opened.
        """
        self._fd: Final = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._fd)

    @property
    def size_bytes(self) -> int:
        """As it is now."""
        return os.fstat(self._fd).st_size

    def read(self, at: int, count: int) -> bytes:
        """`count` bytes from offset `at`; fewer where the file ends.

        No more room is asked for than there are bytes: the little that comes of a window at the end
        of a growing file would stay where the whole window had its place, and leave a hole.
        """
        count = min(count, max(self.size_bytes - at, 0))
        data = os.pread(self._fd, count, at)
        while data and len(data) < count:
            more = os.pread(self._fd, count - len(data), at + len(data))
            if not more:
                break
            data += more
        return data


def unpacked(path: Path) -> StoredFile:
    """The file, or what it unpacks to where xz compressed it; of a damaged one as much as can be
    unpacked. That lies in a temporary file without a name.

    Raises:
        WireError: `bad_recording`: it unpacks to more than `MAX_UNPACKED_BYTES`.
        OSError: it cannot be read, or there is no room to unpack it.
    """
    with path.open("rb") as packed:
        if packed.read(len(XZ_MAGIC)) != XZ_MAGIC:
            return StoredFile(path)
        packed.seek(0)
        with tempfile.NamedTemporaryFile(prefix="hugescope-") as plain:
            _unpack(packed, plain.file)
            plain.flush()
            return StoredFile(Path(plain.name))


def _unpack(packed: IO[bytes], plain: IO[bytes]) -> None:
    reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_BYTES)
    written, data = 0, b""
    try:
        while not reader.eof:
            if reader.needs_input and not (data := packed.read(_PIECE_BYTES)):
                return
            piece = reader.decompress(data, max_length=_PIECE_BYTES)
            data = b""
            written += plain.write(piece)
            if written > MAX_UNPACKED_BYTES:
                raise WireError(
                    "bad_recording", f"it unpacks to more than {MAX_UNPACKED_BYTES} bytes"
                )
    except lzma.LZMAError:
        return
