"""A .tar.xz of a captured tree: plain files, and sparse ones that cost what they hold.

A sparse file is written in GNU's form for pax archives, version 1.0 (GNU tar's manual, "PAX
Format, Version 1.0"): the headers GNU.sparse.major, minor, name and realsize, and before the data a
map of decimal lines, padded to 512 bytes: the number of pieces, then offset and length of each. The
length has to be of whole blocks: GNU tar, unlike Python's tarfile, begins each piece with one. Both
leave holes. All belongs to root and may be read by everybody.
"""

from __future__ import annotations

import contextlib
import errno
import io
import lzma
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from hugescope_agent.errors import AgentError
from hugescope_agent.kernel.pagemap import ENTRY_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_BLOCK: Final = 512
_BLOCK_WORDS: Final = _BLOCK // ENTRY_BYTES
_SPARSE_DIRECTORY: Final = "GNUSparseFile.0"


_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_PRESET: Final = 1
"""Blocks are zeros but for one word, mostly: more effort costs minutes and saves little."""

_BATCH: Final = 1 << 12
"""Blocks made at once: 2 MiB."""

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


class _Blocks:
    """Words in blocks of 512 bytes, of which those that hold none are not there.

    Attributes:
        numbers: of the blocks, rising.
    """

    def __init__(self, index: Numbers, words: Words) -> None:
        self._index, self._words = index, words
        self._of = index // _BLOCK_WORDS
        self.numbers = np.unique(self._of)

    def content(self, before: bytes) -> Iterator[bytes]:
        """`before`, then the blocks one after another, a batch at a time."""
        yield before
        for first in range(0, len(self.numbers), _BATCH):
            numbers = self.numbers[first : first + _BATCH]
            begin, end = np.searchsorted(self._of, (numbers[0], numbers[-1] + 1))
            block = np.searchsorted(numbers, self._of[begin:end])
            batch = np.zeros((len(numbers), _BLOCK_WORDS), "<u8")
            batch[block, self._index[begin:end] % _BLOCK_WORDS] = self._words[begin:end]
            yield batch.tobytes()


class _Stream(io.RawIOBase):
    """What an iterator gives, as a file."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Buffer, /) -> int:
        """As much as the present part has; 0 at the end."""
        room = memoryview(into)
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _raise_if_full(path: Path, error: BaseException) -> None:
    """What the file system says of the file that is written names no file.

    Raises:
        AgentError: there is no room for it.
    """
    if isinstance(error, OSError) and error.errno in _FULL:
        raise AgentError(f"{path}: {error.strerror}") from None


class TreeArchive:
    """Writes one archive; gone again if it is not finished.

    Use as a context manager: leaving it by an exception removes the file.
    """

    def __init__(self, path: Path) -> None:
        """Make the file, for its owner only, for what it holds is of others too.

        Raises:
            AgentError: it is there already, or cannot be made.
        """
        self.path = path
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AgentError(f"{path}: {error.strerror}") from None
        self._file = open(fd, "wb")  # noqa: SIM115 - closed with the archive
        self._packed = lzma.open(self._file, "wb", preset=_PRESET)  # noqa: SIM115
        self._tar = tarfile.TarFile(fileobj=self._packed, mode="w", format=tarfile.PAX_FORMAT)
        self._directories: set[str] = set()
        self._at_s = int(time.time())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            with contextlib.suppress(OSError):
                self._packed.close()
            with contextlib.suppress(OSError):
                self._file.close()
            self.path.unlink(missing_ok=True)
            _raise_if_full(self.path, error)
            return
        try:
            self._tar.close()
            self._packed.close()
            self._file.close()
        except BaseException as failure:
            self.path.unlink(missing_ok=True)
            _raise_if_full(self.path, failure)
            raise

    def directory(self, name: str) -> None:
        """A directory, and those above it, once."""
        if not name:
            return
        above = name.rpartition("/")[0]
        if above:
            self.directory(above)
        if name not in self._directories:
            self._directories.add(name)
            info = self._info(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            self._tar.addfile(info)

    def file(self, name: str, content: bytes) -> None:
        """A plain file."""
        self.directory(name.rpartition("/")[0])
        info = self._info(name)
        info.size = len(content)
        self._tar.addfile(info, io.BytesIO(content))

    def words(self, name: str, size: int, index: Numbers, words: Words) -> None:
        """A sparse file of `size` bytes, with u64 `words` at the word numbers `index`, which rise.

        Words that are 0 are holes.
        """
        assert size % _BLOCK == 0, "GNU tar takes pieces of whole blocks"
        there = np.flatnonzero(words)
        blocks = _Blocks(index[there], words[there])
        begins = np.flatnonzero(np.diff(blocks.numbers, prepend=-2) != 1)
        counts = np.diff(np.append(begins, len(blocks.numbers)))
        pieces = zip(
            (blocks.numbers[begins] * _BLOCK).tolist(), (counts * _BLOCK).tolist(), strict=True
        )
        # A piece of no length at the end says where the last hole ends.
        lines = [str(len(begins) + 1), *(f"{at}\n{length}" for at, length in pieces), f"{size}\n0"]
        text = "\n".join(lines).encode() + b"\n"
        sparse_map = text.ljust(-(-len(text) // _BLOCK) * _BLOCK, b"\0")
        directory, _, base = name.rpartition("/")
        self.directory(directory)
        info = self._info(f"{directory}/{_SPARSE_DIRECTORY}/{base}")
        info.size = len(sparse_map) + len(blocks.numbers) * _BLOCK
        info.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": name,
            "GNU.sparse.realsize": str(size),
        }
        self._tar.addfile(info, io.BufferedReader(_Stream(blocks.content(sparse_map))))

    def _info(self, name: str) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.mode, info.mtime = 0o644, self._at_s
        return info
