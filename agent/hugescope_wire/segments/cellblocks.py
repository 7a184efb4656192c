"""Blocks of cells (`hugescope_wire.blocks`), taken apart so that like lies by like.

A block gives five numbers (mapping id, encoding and columns, first cell, cells covered, rows). Of a
coded one the rows go to the text, which repeats itself, the codes to the codes and the distances
from cell to cell, all of a record together, to the bits. Any other's columns go to the codes in
planes: the lowest bytes of all rows, then the next ones; an index as differences.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hugescope_wire.blocks import Encoding, whole_pages
from hugescope_wire.cells import PAGE_BYTES, CellFlag, Cells, CellState
from hugescope_wire.errors import WireError
from hugescope_wire.host import MAX_CELLS
from hugescope_wire.segments.numbers import Bytes, Numbers

_HEAD: Final = struct.Struct("<IBBHIII")
_FAR: Final = 255
_NARROW: Final = ("<u2", "<u2", "u1", "u1", "u1")
_NARROW_BYTES: Final = 7
_U32: Final = 0xFFFFFFFF
_ALL_FLAGS: Final = sum(CellFlag)


@dataclass(slots=True)
class BlockWriter:
    """Takes the blocks of one record apart.

    Attributes:
        distances: of coded blocks, one array each.
    """

    text: bytearray
    codes: bytearray
    distances: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def write(self, data: bytes, at: int, numbers: list[int]) -> int:
        """Append the block at this byte, which was checked; where it ends."""
        mapping_id, encoding, columns, far, first, covered, rows = _HEAD.unpack_from(data, at)
        numbers += (mapping_id, encoding << 1 | columns, first, covered, rows)
        at += _HEAD.size
        if encoding != Encoding.CODED:
            return self._columns(data, at, encoding, columns, rows)
        table = rows * (_NARROW_BYTES + 4 * columns)
        self.text += data[at : at + table]
        self.codes += data[at + table : at + table + covered]
        steps = np.frombuffer(data, np.uint8, covered + far, at + table + covered)
        reached = np.cumsum(steps, dtype=np.int64)[steps != _FAR]
        self.distances.append(np.diff(reached) - 1)
        end: int = at + _padded(rows * _NARROW_BYTES + 2 * covered + far) + 4 * rows * columns
        return end

    def _columns(self, data: bytes, at: int, encoding: int, columns: int, rows: int) -> int:
        if encoding != Encoding.DENSE:
            index = np.frombuffer(data, "<u4", rows, at)
            self.codes += planes(np.diff(index, prepend=index.dtype.type(0)))
            at += index.nbytes
        for kind in ("<u4",) * columns + _NARROW:
            column = np.frombuffer(data, kind, rows, at)
            self.codes += planes(column)
            at += column.nbytes
        return at + -rows * _NARROW_BYTES % 4


class Taken(NamedTuple):
    """A block's numbers, and of a coded one its parts.

    Attributes:
        table: bytes of the rows; empty: it is no coded one.
        codes: the row of each cell, a byte each.
        steps: from each cell but the first to the next.
    """

    mapping_id: int
    encoding: int
    columns: int
    first: int
    covered: int
    rows: int
    table: bytes
    codes: bytes
    steps: npt.NDArray[np.int64]


@dataclass(slots=True)
class BlockReader:
    """Takes the blocks of one record, in order, and puts them together again.

    Raises:
        WireError: `bad_recording`, by all methods.
    """

    text: Bytes
    codes: Bytes
    distances: npt.NDArray[np.int64]
    _used: int = 0

    def take(self, numbers: Numbers) -> Taken:
        """The next one."""
        mapping_id, how, first, covered, rows = numbers.several(5).tolist()
        if not (0 <= how < 1 << 3 and min(mapping_id, first, covered, rows) >= 0):
            raise WireError("bad_recording", f"mapping {mapping_id}: numbers of no block")
        if max(mapping_id, first, covered, rows) > _U32:
            raise WireError("bad_recording", f"mapping {mapping_id}: numbers of no block")
        encoding, columns = how >> 1, how & 1
        table, codes, steps = b"", b"", self.distances[:0]
        if encoding == Encoding.CODED:
            if covered > MAX_CELLS:
                raise WireError("bad_recording", f"mapping {mapping_id}: {covered} cells")
            table = self.text.take(rows * (_NARROW_BYTES + 4 * columns))
            codes = self.codes.take(covered)
            count = max(covered - 1, 0)
            steps = self.distances[self._used : self._used + count] + 1
            self._used += count
            if len(steps) != count:
                raise WireError("bad_recording", "distances are missing")
        return Taken(mapping_id, encoding, columns, first, covered, rows, table, codes, steps)

    def whole(self, taken: Taken) -> bytes:
        """The block that was just taken, as it was written."""
        if taken.encoding == Encoding.CODED:
            body, far = _coded(taken)
        else:
            body, far = self._columns(taken.encoding, taken.columns, taken.rows), 0
        head = _HEAD.pack(*taken[:3], far, *taken[3:6])
        return b"".join((head, body, bytes(-len(body) % 4)))

    def _columns(self, encoding: int, columns: int, rows: int) -> bytes:
        parts = []
        if encoding != Encoding.DENSE:
            steps = unplaned(self.codes.take(4 * rows), "<u4")
            parts.append(np.cumsum(steps, dtype=np.uint32).astype("<u4").tobytes())
        for kind in ("<u4",) * columns + _NARROW:
            width = np.dtype(kind).itemsize
            parts.append(unplaned(self.codes.take(width * rows), kind).tobytes())
        return b"".join(parts)


def _coded(taken: Taken) -> tuple[bytes, int]:
    """What follows the head, and its far steps."""
    far = taken.steps // _FAR
    total = int(far.sum())
    if total > 0xFFFF:
        raise WireError("bad_recording", f"{total} far steps")
    out = np.full(taken.covered + total, _FAR, np.uint8)
    out[:1] = 0
    out[1 + np.cumsum(far) + np.arange(len(far))] = taken.steps % _FAR
    return b"".join((taken.table, taken.codes, out.tobytes())), total


def rows_of_table(taken: Taken, page_size: int) -> Cells:
    """The rows of a coded block.

    Raises:
        WireError: `bad_block`: there are no such cells.
    """
    at, columns = 0, []
    for kind in ("<u4",) * taken.columns + _NARROW:
        column = np.frombuffer(taken.table, kind, taken.rows, at)
        at += column.nbytes
        columns.append(column)
    state, flags = columns[-3], columns[-2]
    if taken.rows and int(state.max()) >= len(CellState):
        raise WireError("bad_block", f"state {int(state.max())} is not known here")
    if int(np.bitwise_or.reduce(flags, initial=0)) & ~_ALL_FLAGS:
        raise WireError("bad_block", "flags are not known here")
    if not taken.columns:
        columns.insert(0, whole_pages(state, page_size))
    elif taken.rows and int(columns[0].max()) > page_size // PAGE_BYTES:
        raise WireError("bad_block", f"mapping {taken.mapping_id}: mapped_pages over a page")
    return Cells(*columns)


def _padded(size: int) -> int:
    return size + -size % 4


def planes(column: npt.NDArray[np.integer]) -> bytes:
    """The lowest bytes of all, then the next ones."""
    width = column.dtype.itemsize
    return column.view(np.uint8).reshape(-1, width).T.tobytes()


def unplaned(data: bytes, kind: str) -> npt.NDArray[np.integer]:
    """The column of which these are the planes."""
    width = np.dtype(kind).itemsize
    raw = np.frombuffer(data, np.uint8).reshape(width, -1).T
    column: npt.NDArray[np.integer] = np.ascontiguousarray(raw).view(kind).reshape(-1)
    return column
