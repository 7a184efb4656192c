"""Blocks: cells of one mapping as they stand in a binary frame.

All numbers little-endian; a block starts at a multiple of 4 and holds columns in falling alignment:

    0   4  mapping id, u32
    4   1  encoding  0 dense, 1 runs, 2 scattered, 3 coded
    5   1  columns   bit 0: mapped_pages present; bit 1: changed_ago present (frames of kind cells)
    6   2  coded: far steps, u16; else reserved, 0
    8   4  first cell, u32   (0 for scattered)
    12  4  cells covered, u32
    16  4  rows, u32
    20  .. u32[rows] index   (runs: first cell of the run; scattered: the cell; dense: absent)
           u32[rows] mapped_pages (when bit 0 is set)
           u32[rows] changed_ago (when bit 1 is set): tenths of a second since the cell last changed
           u16[rows] mapcount, u16[rows] mappers, u8[rows] state, u8[rows] flags, u8[rows] node
           coded: u8[covered] code, u8[covered + far steps] step
           zero padding to a multiple of 4

Scattered cells are most often alike in a few ways: coded, each row stands once, and a cell is the
number of its row and its distance from the cell before, 0 for the first. A step of 255 leads 255
cells on and to none.

Without `mapped_pages` a cell that is mapped, full or split has all its 4 KiB pages and any other
none. Without `changed_ago` in a viewer's frame every cell of the block changed just now, within
about a second. The encoder takes the smallest encoding; equal neighbours are a run only where they
are equal in all columns that travel. Decoding checks every length and index before it allocates.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import PAGE_BYTES, U8, U16, U32, CellFlag, Cells, CellState
from hugescope_wire.errors import WireError

_BLOCK: Final = struct.Struct("<IBBHIII")
_HAS_MAPPED_PAGES: Final = 1
_HAS_CHANGED_AGO: Final = 2
_ROW_BYTES: Final = 7
"""mapcount, mappers, state, flags and node of one row."""
MAX_CODES: Final = 256
"""Rows of a coded block."""

_FAR: Final = 255
"""A step that leads to no cell."""

_SAMPLE: Final = 2048
"""Cells among which too many ways to be are looked for first."""

_ALL_FLAGS: Final = sum(CellFlag)
_IS_WHOLE: Final = np.array(
    [state in (CellState.MAPPED, CellState.FULL, CellState.SPLIT) for state in CellState], np.uint32
)


class Encoding(IntEnum):
    """How a block lays out its cells."""

    DENSE = 0
    RUNS = 1
    SCATTERED = 2
    CODED = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Cells of one mapping: `index` is None for cells first..first+len, else the cells' own indices
    (u32).
    """

    mapping_id: int
    first: int
    index: U32 | None
    cells: Cells
    changed_ago: U32 | None = None


@dataclass(frozen=True, slots=True)
class EncodedBlock:
    """A block whose header and lengths are checked but whose runs or codes are not yet spread out.

    Attributes:
        index: runs: first cell of each; scattered, coded: the cells; dense: None.
        code: coded: the row of each cell.
    """

    mapping_id: int
    encoding: Encoding
    first: int
    covered: int
    index: U32 | None
    mapped_pages: U32 | None
    mapcount: U16
    mappers: U16
    state: U8
    flags: U8
    node: U8
    changed_ago: U32 | None = None
    code: U8 | None = None

    def decode(self, cell_count: int, page_size: int) -> Block:
        """Spread the block out against the mapping that it names.

        Raises:
            WireError: `bad_block` when a cell lies outside the mapping's `cell_count`.
        """
        if self.encoding in (Encoding.SCATTERED, Encoding.CODED):
            if self.index is not None and len(self.index) and int(self.index[-1]) >= cell_count:
                raise WireError(
                    "bad_block", f"mapping {self.mapping_id}: index past {cell_count} cells"
                )
        elif self.first + self.covered > cell_count:
            raise WireError(
                "bad_block",
                f"mapping {self.mapping_id}: cells {self.first}+{self.covered} of {cell_count}",
            )
        pages = self.mapped_pages
        if pages is None:
            pages = whole_pages(self.state, page_size)
        elif len(pages) and int(pages.max()) > page_size // PAGE_BYTES:
            raise WireError("bad_block", f"mapping {self.mapping_id}: mapped_pages over a page")
        cells = Cells(pages, self.mapcount, self.mappers, self.state, self.flags, self.node)
        if self.encoding is Encoding.RUNS:
            assert self.index is not None
            ends = np.append(self.index[1:], np.uint32(self.first + self.covered))
            counts = ends - self.index
            ages = None if self.changed_ago is None else np.repeat(self.changed_ago, counts)
            return Block(self.mapping_id, self.first, None, cells.repeated(counts), ages)
        if self.code is None:
            return Block(self.mapping_id, self.first, self.index, cells, self.changed_ago)
        ages = None if self.changed_ago is None else self.changed_ago[self.code]
        return Block(self.mapping_id, 0, self.index, cells.take(self.code), ages)


def whole_pages(state: U8, page_size: int) -> U32:
    """Present 4 KiB pages of cells that are mapped whole or not at all."""
    pages: U32 = _IS_WHOLE[state] * np.uint32(page_size // PAGE_BYTES)
    return pages


def encode_range(
    mapping_id: int,
    page_size: int,
    cells: Cells,
    first: int = 0,
    changed_ago: U32 | None = None,
) -> bytes:
    """Neighbouring cells from index `first`, dense or as runs, whichever is smaller."""
    starts = cells.run_starts(changed_ago)
    in_part = _mapped_in_part(cells, page_size)
    row_bytes = _ROW_BYTES + 4 * in_part + 4 * (changed_ago is not None)
    header = (mapping_id, Encoding.DENSE, first, len(cells))
    if len(starts) * (row_bytes + 4) >= len(cells) * row_bytes:
        return _block(header, None, cells, in_part, changed_ago)
    header = (mapping_id, Encoding.RUNS, first, len(cells))
    index = (starts + first).astype(np.uint32)
    ages = None if changed_ago is None else changed_ago[starts]
    return _block(header, index, cells.take(starts), in_part, ages)


def encode_scattered(
    mapping_id: int,
    page_size: int,
    index: npt.NDArray[np.integer],
    cells: Cells,
    changed_ago: U32 | None = None,
) -> bytes:
    """Cells at rising `index`, coded or with a row each, whichever is smaller."""
    in_part = _mapped_in_part(cells, page_size)
    coded = _coded(mapping_id, index, cells, in_part, changed_ago)
    row_bytes = _ROW_BYTES + 4 * (1 + in_part + (changed_ago is not None))
    if coded is not None and len(coded) < _BLOCK.size + row_bytes * len(cells):
        return coded
    return encode_rows(mapping_id, page_size, index, cells, changed_ago)


def encode_rows(
    mapping_id: int,
    page_size: int,
    index: npt.NDArray[np.integer],
    cells: Cells,
    changed_ago: U32 | None = None,
) -> bytes:
    """Cells at rising `index`, with a row each."""
    in_part = _mapped_in_part(cells, page_size)
    header = (mapping_id, Encoding.SCATTERED, 0, len(cells))
    return _block(header, index.astype(np.uint32), cells, in_part, changed_ago)


def _coded(
    mapping_id: int,
    index: npt.NDArray[np.integer],
    cells: Cells,
    mapped: bool,
    changed_ago: U32 | None,
) -> bytes | None:
    """The block with each row once; None where there are too many, or cells too far apart."""
    found = _distinct(cells, mapped, changed_ago)
    if found is None:
        return None
    rows, code = found
    cells_at = index.astype(np.int64)
    distances = cells_at - np.concatenate((cells_at[:1], cells_at[:-1]))
    far = distances // _FAR
    total = int(far.sum())
    if total > 0xFFFF:
        return None
    steps = np.full(len(index) + total, _FAR, np.uint8)
    steps[np.cumsum(far) + np.arange(len(index))] = distances % _FAR
    header = _BLOCK.pack(
        mapping_id,
        Encoding.CODED,
        _HAS_MAPPED_PAGES * mapped | _HAS_CHANGED_AGO * (changed_ago is not None),
        total,
        int(index[0]),
        len(index),
        len(rows),
    )
    ages = None if changed_ago is None else changed_ago[rows]
    body = [*_columns(None, cells.take(rows), mapped, ages), code.tobytes(), steps.tobytes()]
    narrow = len(rows) * _ROW_BYTES + len(code) + len(steps)
    return b"".join((header, *body, bytes(-narrow % 4)))


def _distinct(
    cells: Cells, mapped: bool, changed_ago: U32 | None
) -> tuple[npt.NDArray[np.intp], U8] | None:
    """The first cell of each way to be, and which of them each cell is; None: none or too many."""
    if not len(cells):
        return None
    key = cells.mapcount.astype(np.uint64)
    for column, bits in ((cells.mappers, 16), (cells.state, 8), (cells.flags, 8), (cells.node, 8)):
        key = key << np.uint64(bits) | column
    keys = [key]
    if mapped or changed_ago is not None:
        pages = cells.mapped_pages.astype(np.uint64)
        keys.append(pages if changed_ago is None else pages << np.uint64(32) | changed_ago)
    if any(len(np.unique(one[:_SAMPLE])) > MAX_CODES for one in keys):
        return None
    rows, code = np.zeros(1, np.intp), np.zeros(len(cells), np.intp)
    for one in keys:
        _, codes = np.unique(one, return_inverse=True)
        both = code * (int(codes.max()) + 1) + codes.reshape(-1)
        _, rows, code = np.unique(both, return_index=True, return_inverse=True)
        code = code.reshape(-1)
    return None if len(rows) > MAX_CODES else (rows, code.astype(np.uint8))


def _mapped_in_part(cells: Cells, page_size: int) -> bool:
    """Whether `mapped_pages` says more than the states do, so that it has to travel."""
    return not np.array_equal(cells.mapped_pages, whole_pages(cells.state, page_size))


def _block(
    header: tuple[int, Encoding, int, int],
    index: U32 | None,
    rows: Cells,
    mapped: bool,
    changed_ago: U32 | None,
) -> bytes:
    """One block; `header` holds mapping id, encoding, first cell and cells covered."""
    mapping_id, encoding, first, covered = header
    columns = _HAS_MAPPED_PAGES * mapped | _HAS_CHANGED_AGO * (changed_ago is not None)
    parts = [_BLOCK.pack(mapping_id, encoding, columns, 0, first, covered, len(rows))]
    parts += _columns(index, rows, mapped, changed_ago)
    parts.append(bytes(-len(rows) * _ROW_BYTES % 4))
    return b"".join(parts)


def _columns(index: U32 | None, rows: Cells, mapped: bool, changed_ago: U32 | None) -> list[bytes]:
    """The columns of rows, in falling alignment."""
    wide = (index, rows.mapped_pages if mapped else None, changed_ago)
    parts = [column.astype("<u4", copy=False).tobytes() for column in wide if column is not None]
    parts += [
        rows.mapcount.astype("<u2", copy=False).tobytes(),
        rows.mappers.astype("<u2", copy=False).tobytes(),
    ]
    return [*parts, rows.state.tobytes(), rows.flags.tobytes(), rows.node.tobytes()]


def decode_block(data: bytes | memoryview, at: int, *, with_ages: bool) -> tuple[EncodedBlock, int]:
    """The block at byte `at`, and where it ends; `with_ages`: it may hold `changed_ago`.

    Raises:
        WireError: `bad_block`, before anything is allocated that the frame does not hold.
    """
    if at + _BLOCK.size > len(data):
        raise WireError("bad_block", f"block header at byte {at} is cut off")
    mapping_id, number, columns, far, first, covered, rows = _BLOCK.unpack_from(data, at)
    try:
        encoding = Encoding(number)
    except ValueError:
        raise WireError("bad_block", f"encoding {number} at byte {at + 4}") from None
    if columns & ~(_HAS_MAPPED_PAGES | _HAS_CHANGED_AGO * with_ages):
        raise WireError("bad_block", f"columns {columns:#x} at byte {at + 5}")
    coded = encoding is Encoding.CODED
    indexed = encoding in (Encoding.RUNS, Encoding.SCATTERED)
    has = (indexed, columns & _HAS_MAPPED_PAGES, columns & _HAS_CHANGED_AGO)
    narrow = rows * _ROW_BYTES + (2 * covered + far) * coded
    size = rows * 4 * sum(map(bool, has)) + narrow
    body = at + _BLOCK.size
    padding = -narrow % 4
    if body + size + padding > len(data):
        raise WireError("bad_block", f"{rows} rows at byte {at} run past the frame")
    wide: list[U32 | None] = []
    for there in has:
        wide.append(np.frombuffer(data, "<u4", rows, body) if there else None)
        body += 4 * rows if there else 0
    index, pages, ages = wide
    mapcount = np.frombuffer(data, "<u2", rows, body)
    mappers = np.frombuffer(data, "<u2", rows, body + 2 * rows)
    state, flags, node = (np.frombuffer(data, "u1", rows, body + n * rows) for n in (4, 5, 6))
    code = np.frombuffer(data, "u1", covered, body + _ROW_BYTES * rows) if coded else None
    if coded:
        steps = np.frombuffer(data, "u1", covered + far, body + _ROW_BYTES * rows + covered)
        index = _walked(f"mapping {mapping_id}", first, covered, steps)
    block = EncodedBlock(
        mapping_id,
        encoding,
        0 if coded else first,
        covered,
        index,
        pages,
        mapcount,
        mappers,
        state,
        flags,
        node,
        ages,
        code,
    )
    _check_rows(block, rows)
    return block, body + narrow + padding


def _walked(name: str, first: int, covered: int, steps: U8) -> U32:
    """The cells that steps lead to."""
    ends = first + np.cumsum(steps, dtype=np.int64)
    index = ends[steps != _FAR]
    whole = not len(steps) or (steps[0] == 0 and steps[-1] != _FAR and ends[-1] <= 0xFFFFFFFF)
    if len(index) != covered or not whole or not bool(np.all(index[1:] > index[:-1])):
        raise WireError("bad_block", f"{name}: {len(steps)} steps for {covered} cells")
    cells: U32 = index.astype(np.uint32)
    return cells


def _check_rows(block: EncodedBlock, rows: int) -> None:
    name = f"mapping {block.mapping_id}"
    if block.first + block.covered > 0xFFFFFFFF:
        raise WireError("bad_block", f"{name}: covers cells past 2^32")
    if block.encoding is Encoding.RUNS:
        assert block.index is not None
        if (rows == 0) != (block.covered == 0) or rows > block.covered:
            raise WireError("bad_block", f"{name}: {rows} runs for {block.covered} cells")
        if rows and (int(block.index[0]) != block.first or not _rises(block.index)):
            raise WireError("bad_block", f"{name}: runs do not rise from cell {block.first}")
        if rows and int(block.index[-1]) >= block.first + block.covered:
            raise WireError("bad_block", f"{name}: a run starts past the cells covered")
    elif block.code is not None:
        if rows > MAX_CODES or (rows == 0) != (block.covered == 0):
            raise WireError("bad_block", f"{name}: {rows} rows to code")
        if rows and int(block.code.max()) >= rows:
            raise WireError("bad_block", f"{name}: code {int(block.code.max())} of {rows} rows")
    elif rows != block.covered:
        raise WireError("bad_block", f"{name}: {rows} rows for {block.covered} cells")
    if block.encoding is Encoding.SCATTERED and not _rises(block.index):
        raise WireError("bad_block", f"{name}: indices do not rise")
    if rows and int(block.state.max()) >= len(CellState):
        raise WireError("bad_block", f"{name}: state {int(block.state.max())} is not known here")
    if rows and int(np.bitwise_or.reduce(block.flags)) & ~_ALL_FLAGS:
        raise WireError("bad_block", f"{name}: flags beyond {_ALL_FLAGS:#x}")


def _rises(index: U32 | None) -> bool:
    return index is None or bool(np.all(index[1:] > index[:-1]))
