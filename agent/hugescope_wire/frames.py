"""Binary frames: what an agent sends, a recording stores and a browser decodes.

All numbers little-endian; every offset below is from the start of the frame, every block starts at
a multiple of 4.

    0   4  magic  b"HSF1"
    4   1  kind   1 full, 2 delta, 3 cells (server to viewer: blocks of one mapping)
    5   1  reserved, 0
    6   2  block count, u16
    8   8  seq, u64: 1 for the first frame of an epoch, one more each frame
    16  4  JSON length in bytes, u32
    20  .. JSON (UTF-8), zero-padded to a multiple of 4
    ..     blocks

A block holds cells of one mapping, as columns in falling alignment:

    0   4  mapping id, u32
    4   1  encoding  0 dense, 1 runs, 2 scattered
    5   1  columns   bit 0: mapped_pages present
    6   2  reserved, 0
    8   4  first cell, u32   (dense, runs; 0 for scattered)
    12  4  cells covered, u32
    16  4  rows, u32
    20  .. u32[rows] index   (runs: first cell of the run; scattered: the cell; dense: absent)
           u32[rows] mapped_pages (when bit 0 is set)
           u16[rows] mapcount, u16[rows] mappers, u8[rows] state, u8[rows] flags, u8[rows] node
           zero padding to a multiple of 4

Without `mapped_pages` a cell that is mapped, full or split has all its 4 KiB pages and any other
none. The encoder takes the smallest encoding. Decoding checks every length and index before it
allocates, so that a hostile frame raises `WireError` and never costs more memory than its own size,
runs of a known mapping aside.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from hugescope_wire.cells import PAGE_BYTES, CellFlag, Cells, CellState
from hugescope_wire.errors import WireError
from hugescope_wire.host import HostDelta, HostFrame

MAGIC: Final = b"HSF1"
_HEADER: Final = struct.Struct("<4sBBHQI")
_BLOCK: Final = struct.Struct("<IBBHIII")
_HAS_MAPPED_PAGES: Final = 1
_ROW_BYTES: Final = 7
"""mapcount, mappers, state, flags and node of one row."""
_ALL_FLAGS: Final = sum(CellFlag)
_IS_WHOLE: Final = np.array(
    [state in (CellState.MAPPED, CellState.FULL, CellState.SPLIT) for state in CellState], np.uint32
)

_FULL: Final = TypeAdapter(HostFrame)
_DELTA: Final = TypeAdapter(HostDelta)


class FrameKind(IntEnum):
    """What a frame holds."""

    FULL = 1
    DELTA = 2
    CELLS = 3


class Encoding(IntEnum):
    """How a block lays out its cells."""

    DENSE = 0
    RUNS = 1
    SCATTERED = 2


@dataclass(frozen=True, slots=True)
class Block:
    """Cells of one mapping: `index` is None for cells first..first+len, else the cells' own indices
    (u32).
    """

    mapping_id: int
    first: int
    index: npt.NDArray[np.uint32] | None
    cells: Cells


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame. `meta` is None in a frame of kind cells."""

    kind: FrameKind
    seq: int
    meta: HostFrame | HostDelta | None
    blocks: tuple[EncodedBlock, ...]


@dataclass(frozen=True, slots=True)
class EncodedBlock:
    """A block whose header and lengths are checked but whose runs are not yet spread out."""

    mapping_id: int
    encoding: Encoding
    first: int
    covered: int
    index: npt.NDArray[np.uint32] | None
    mapped_pages: npt.NDArray[np.uint32] | None
    mapcount: npt.NDArray[np.uint16]
    mappers: npt.NDArray[np.uint16]
    state: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]
    node: npt.NDArray[np.uint8]

    def decode(self, cell_count: int, page_size: int) -> Block:
        """Spread the block out against the mapping that it names.

        Raises:
            WireError: `bad_block` when a cell lies outside the mapping's `cell_count`.
        """
        if self.encoding is Encoding.SCATTERED:
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
            return Block(self.mapping_id, self.first, None, cells.repeated(ends - self.index))
        return Block(self.mapping_id, self.first, self.index, cells)


def whole_pages(state: npt.NDArray[np.uint8], page_size: int) -> npt.NDArray[np.uint32]:
    """Present 4 KiB pages of cells that are mapped whole or not at all."""
    pages: npt.NDArray[np.uint32] = _IS_WHOLE[state] * np.uint32(page_size // PAGE_BYTES)
    return pages


def encode_range(mapping_id: int, page_size: int, cells: Cells, first: int = 0) -> bytes:
    """Neighbouring cells from index `first`, dense or as runs, whichever is smaller."""
    starts = cells.run_starts()
    in_part = _mapped_in_part(cells, page_size)
    row_bytes = _ROW_BYTES + 4 * in_part
    if len(starts) * (row_bytes + 4) >= len(cells) * row_bytes:
        return _block(mapping_id, Encoding.DENSE, first, len(cells), None, cells, in_part)
    index = (starts + first).astype(np.uint32)
    rows = cells.take(starts)
    return _block(mapping_id, Encoding.RUNS, first, len(cells), index, rows, in_part)


def encode_scattered(
    mapping_id: int, page_size: int, index: npt.NDArray[np.integer], cells: Cells
) -> bytes:
    """Cells at rising `index`, one row each."""
    in_part = _mapped_in_part(cells, page_size)
    wide = index.astype(np.uint32)
    return _block(mapping_id, Encoding.SCATTERED, 0, len(cells), wide, cells, in_part)


def encode_frame(
    kind: FrameKind, seq: int, meta: HostFrame | HostDelta | None, blocks: Sequence[bytes]
) -> bytes:
    """A frame of `blocks` made by `encode_range` and `encode_scattered`.

    Raises:
        WireError: `too_many_blocks` beyond 65,535.
    """
    if len(blocks) > 0xFFFF:
        raise WireError("too_many_blocks", f"{len(blocks)} mappings in one frame, at most 65535")
    text = b"" if meta is None else meta.model_dump_json().encode()
    header = _HEADER.pack(MAGIC, kind, 0, len(blocks), seq, len(text))
    return b"".join((header, text, bytes(-len(text) % 4), *blocks))


def decode_frame(data: bytes | memoryview) -> Frame:
    """Check and decode one frame.

    Raises:
        WireError: with a stable code: `short_frame`, `bad_magic`, `bad_kind`, `bad_json`,
        `bad_block`,
            `trailing_bytes`; the message says where.
    """
    if len(data) < _HEADER.size:
        raise WireError("short_frame", f"{len(data)} bytes, the header alone has {_HEADER.size}")
    magic, kind_number, _, block_count, seq, json_length = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise WireError("bad_magic", f"starts with {bytes(magic)!r}, expected {MAGIC!r}")
    try:
        kind = FrameKind(kind_number)
    except ValueError:
        raise WireError("bad_kind", f"frame kind {kind_number} is not known here") from None
    json_end = _HEADER.size + json_length
    at = json_end + -json_length % 4
    if at > len(data):
        raise WireError("short_frame", f"JSON of {json_length} bytes in a frame of {len(data)}")
    meta = _decode_meta(kind, bytes(data[_HEADER.size : json_end]))
    blocks = []
    for _ in range(block_count):
        block, at = _decode_block(data, at)
        blocks.append(block)
    if at != len(data):
        raise WireError("trailing_bytes", f"{len(data) - at} bytes after the last block")
    return Frame(kind, seq, meta, tuple(blocks))


def _mapped_in_part(cells: Cells, page_size: int) -> bool:
    """Whether `mapped_pages` says more than the states do, so that it has to travel."""
    return not np.array_equal(cells.mapped_pages, whole_pages(cells.state, page_size))


def _block(
    mapping_id: int,
    encoding: Encoding,
    first: int,
    covered: int,
    index: npt.NDArray[np.uint32] | None,
    rows: Cells,
    mapped: bool,
) -> bytes:
    header = _BLOCK.pack(mapping_id, encoding, int(mapped), 0, first, covered, len(rows))
    parts: list[bytes] = [header]
    if index is not None:
        parts.append(index.astype("<u4").tobytes())
    if mapped:
        parts.append(rows.mapped_pages.astype("<u4").tobytes())
    parts += [rows.mapcount.astype("<u2").tobytes(), rows.mappers.astype("<u2").tobytes()]
    parts += [rows.state.tobytes(), rows.flags.tobytes(), rows.node.tobytes()]
    parts.append(bytes(-len(rows) * _ROW_BYTES % 4))
    return b"".join(parts)


def _decode_meta(kind: FrameKind, text: bytes) -> HostFrame | HostDelta | None:
    if kind is FrameKind.CELLS:
        if text:
            raise WireError("bad_json", "a frame of cells carries no JSON")
        return None
    adapter: TypeAdapter[HostFrame] | TypeAdapter[HostDelta]
    adapter = _FULL if kind is FrameKind.FULL else _DELTA
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise WireError("bad_json", f"{where}: {first['msg']}") from None


def _decode_block(data: bytes | memoryview, at: int) -> tuple[EncodedBlock, int]:
    if at + _BLOCK.size > len(data):
        raise WireError("bad_block", f"block header at byte {at} is cut off")
    mapping_id, number, columns, _, first, covered, rows = _BLOCK.unpack_from(data, at)
    try:
        encoding = Encoding(number)
    except ValueError:
        raise WireError("bad_block", f"encoding {number} at byte {at + 4}") from None
    indexed = encoding is not Encoding.DENSE
    mapped = bool(columns & _HAS_MAPPED_PAGES)
    size = rows * (_ROW_BYTES + 4 * indexed + 4 * mapped)
    body = at + _BLOCK.size
    padding = -_ROW_BYTES * rows % 4
    if columns & ~_HAS_MAPPED_PAGES:
        raise WireError("bad_block", f"columns {columns:#x} at byte {at + 5}")
    if body + size + padding > len(data):
        raise WireError("bad_block", f"{rows} rows at byte {at} run past the frame")
    index = None
    if indexed:
        index = np.frombuffer(data, "<u4", rows, body)
        body += 4 * rows
    pages = None
    if mapped:
        pages = np.frombuffer(data, "<u4", rows, body)
        body += 4 * rows
    mapcount = np.frombuffer(data, "<u2", rows, body)
    mappers = np.frombuffer(data, "<u2", rows, body + 2 * rows)
    state, flags, node = (np.frombuffer(data, "u1", rows, body + n * rows) for n in (4, 5, 6))
    block = EncodedBlock(
        mapping_id, encoding, first, covered, index, pages, mapcount, mappers, state, flags, node
    )
    _check_rows(block, rows)
    return block, body + _ROW_BYTES * rows + padding


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
    elif rows != block.covered:
        raise WireError("bad_block", f"{name}: {rows} rows for {block.covered} cells")
    if block.encoding is Encoding.SCATTERED and not _rises(block.index):
        raise WireError("bad_block", f"{name}: indices do not rise")
    if rows and int(block.state.max()) >= len(CellState):
        raise WireError("bad_block", f"{name}: state {int(block.state.max())} is not known here")
    if rows and int(np.bitwise_or.reduce(block.flags)) & ~_ALL_FLAGS:
        raise WireError("bad_block", f"{name}: flags beyond {_ALL_FLAGS:#x}")


def _rises(index: npt.NDArray[np.uint32] | None) -> bool:
    return index is None or bool(np.all(index[1:] > index[:-1]))


def encode_cells(seq: int, blocks: Iterable[bytes]) -> bytes:
    """A frame of kind cells, as the server sends to a viewer of one mapping."""
    return encode_frame(FrameKind.CELLS, seq, None, list(blocks))
