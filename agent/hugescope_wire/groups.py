"""Groups: neighbouring cells of one page table taken together, for views coarser than a cell.

A group is 2**shift entries of a table; group `n` holds the cells whose entry, counted from the
start of the mapping's first table, is `n` shifted. What a group looks like is the viewer's choice:
it carries counts, so no poisoned or migrating cell is ever lost in it. A block, little-endian:

    0   4  mapping id, u32
    4   1  encoding  0 dense, 2 scattered
    5   1  columns   bit 1: changed_ago present
    6   1  shift, 1 to 9
    7   1  reserved, 0
    8   4  first group, u32 (0 for scattered)
    12  4  groups covered, u32
    16  4  rows, u32
    20  .. u32[rows] index (scattered only): the group
           u32[rows] mapped_pages: of all its cells
           u32[rows] changed_ago (when bit 1 is set): of its cell that changed last
           u16[rows] cells in this state, nine such columns in the order of CellState
           u16[rows] write_protected, u16[rows] shared_table, u16[rows] inferred: cells so flagged
           u16[rows] mapcount, u16[rows] mappers: the highest known, UNKNOWN_COUNT if none is
           u8[rows]  node
           zero padding to a multiple of 4
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import (
    SEVERAL_NODES,
    U8,
    U16,
    U32,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)
from hugescope_wire.errors import WireError

MAX_SHIFT: Final = 9
"""A group is never more than one page table."""

COUNTED_FLAGS: Final = (CellFlag.WRITE_PROTECTED, CellFlag.SHARED_TABLE, CellFlag.INFERRED)

_BLOCK: Final = struct.Struct("<IBBBBIII")
_DENSE: Final = 0
_SCATTERED: Final = 2
_HAS_CHANGED_AGO: Final = 2
_SHORT_COLUMNS: Final = len(CellState) + len(COUNTED_FLAGS) + 2
_NO_STATE: Final = len(CellState)
"""What stands in a group's place for entries outside of the mapping."""

Numbers = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Groups:
    """Columns over groups, one entry each in the last dimension.

    Attributes:
        mapped_pages: present 4 KiB pages of all cells of the group, u32.
        counts: cells in each `CellState`, u16, one row a state.
        flagged: cells with each of `COUNTED_FLAGS`, u16, one row a flag.
        mapcount, mappers: the highest that is known, u16, `UNKNOWN_COUNT` if none is.
        node: of the present cells, u8: the one of all, `SEVERAL_NODES`, or `UNKNOWN_NODE` where it
            could not be told of one of them, or none is present.
    """

    mapped_pages: U32
    counts: U16
    flagged: U16
    mapcount: U16
    mappers: U16
    node: U8

    def __len__(self) -> int:
        return len(self.node)

    def take(self, at: Numbers | slice) -> Groups:
        """The groups at these places of the arrays."""
        return Groups(*(column[..., at] for column in self.columns()))

    def put(self, at: Numbers, values: Groups) -> None:
        """Write over the groups at these places of the arrays."""
        for mine, other in zip(self.columns(), values.columns(), strict=True):
            mine[..., at] = other

    def columns(self) -> tuple[npt.NDArray[np.unsignedinteger], ...]:
        """All arrays, in the order of the fields."""
        return (
            self.mapped_pages,
            self.counts,
            self.flagged,
            self.mapcount,
            self.mappers,
            self.node,
        )


@dataclass(frozen=True, slots=True)
class GroupBlock:
    """Groups of one mapping: `index` is None for groups first..first+len, else their numbers."""

    mapping_id: int
    shift: int
    first: int
    index: U32 | None
    groups: Groups
    changed_ago: U32 | None

    def numbers(self) -> Numbers:
        """The number of each group."""
        if self.index is not None:
            return self.index
        return np.arange(self.first, self.first + len(self.groups))

    def check_fits(self, cell_count: int, first_column: int) -> None:
        """Whether each group holds cells of a mapping whose first cell is in `first_column`.

        Raises:
            WireError: `bad_block` when one does not.
        """
        numbers = self.numbers()
        if not len(numbers):
            return
        low, high = int(numbers[0]), int(numbers[-1])
        if (low + 1) << self.shift <= first_column or high << self.shift >= (
            first_column + cell_count
        ):
            raise WireError("bad_block", f"mapping {self.mapping_id}: groups {low} to {high}")


def numbers_of(first: int, end: int, first_column: int, shift: int) -> Numbers:
    """The groups that cells `first` to `end` (exclusive) of a mapping are in."""
    return np.arange((first + first_column) >> shift, ((end - 1 + first_column) >> shift) + 1)


def group_cells(cells: Cells, first_column: int, shift: int, numbers: Numbers) -> Groups:
    """The groups of these numbers of a mapping that has all of `cells`, the first in column
    `first_column` of its table; entries beyond the mapping count nowhere.
    """
    at, beyond = _members(numbers, shift, first_column, len(cells))
    state, flags = cells.state[at], cells.flags[at]
    pages, node = cells.mapped_pages[at], cells.node[at]
    mapcount, mappers = cells.mapcount[at], cells.mappers[at]
    if beyond is not None:
        state[beyond], flags[beyond], pages[beyond] = _NO_STATE, 0, 0
        mapcount[beyond], mappers[beyond] = UNKNOWN_COUNT, UNKNOWN_COUNT
    return Groups(
        pages.sum(axis=0, dtype=np.uint32),
        _counted([state == known for known in CellState]),
        _counted([flags & flag != 0 for flag in COUNTED_FLAGS]),
        _highest(mapcount),
        _highest(mappers),
        _one_node(node, pages),
    )


def coarsen(finer: Groups, first_number: int, by: int, numbers: Numbers) -> Groups:
    """Groups of these numbers, each made of 2**`by` of `finer`, whose numbers rise by one from
    `first_number`; equal to `group_cells` of the cells themselves.
    """
    at, beyond = _members(numbers, by, first_number, len(finer))
    taken = finer.take(at)
    if beyond is not None:
        taken.counts[:, beyond], taken.flagged[:, beyond] = 0, 0
        taken.mapped_pages[beyond] = 0
        taken.mapcount[beyond], taken.mappers[beyond] = UNKNOWN_COUNT, UNKNOWN_COUNT
    return Groups(
        taken.mapped_pages.sum(axis=0, dtype=np.uint32),
        taken.counts.sum(axis=1, dtype=np.uint16),
        taken.flagged.sum(axis=1, dtype=np.uint16),
        _highest(taken.mapcount),
        _highest(taken.mappers),
        _one_node(taken.node, taken.mapped_pages),
    )


def encode_groups(
    mapping_id: int,
    shift: int,
    groups: Groups,
    *,
    first: int = 0,
    index: Numbers | None = None,
    changed_ago: U32 | None = None,
) -> bytes:
    """Groups from number `first` on, or those at rising `index`."""
    rows = len(groups)
    encoding = _DENSE if index is None else _SCATTERED
    columns = 0 if changed_ago is None else _HAS_CHANGED_AGO
    parts = [_BLOCK.pack(mapping_id, encoding, columns, shift, 0, first, rows, rows)]
    if index is not None:
        parts.append(index.astype("<u4", copy=False).tobytes())
    parts.append(groups.mapped_pages.astype("<u4", copy=False).tobytes())
    if changed_ago is not None:
        parts.append(changed_ago.astype("<u4", copy=False).tobytes())
    short = (groups.counts, groups.flagged, groups.mapcount, groups.mappers)
    parts += [column.astype("<u2", copy=False).tobytes() for column in short]
    parts += [groups.node.tobytes(), bytes(-(2 * _SHORT_COLUMNS + 1) * rows % 4)]
    return b"".join(parts)


def decode_groups(data: bytes | memoryview, at: int) -> tuple[GroupBlock, int]:
    """The block at byte `at`, and where it ends.

    Raises:
        WireError: `bad_block`, before anything is allocated that the frame does not hold.
    """
    if at + _BLOCK.size > len(data):
        raise WireError("bad_block", f"block header at byte {at} is cut off")
    mapping_id, encoding, columns, shift, _, first, covered, rows = _BLOCK.unpack_from(data, at)
    name = f"mapping {mapping_id}"
    if encoding not in (_DENSE, _SCATTERED) or columns & ~_HAS_CHANGED_AGO:
        raise WireError("bad_block", f"{name}: encoding {encoding}, columns {columns:#x}")
    if not 1 <= shift <= MAX_SHIFT:
        raise WireError("bad_block", f"{name}: groups of 2^{shift} entries")
    indexed, aged = encoding == _SCATTERED, columns != 0
    wide_bytes = 4 * rows * (1 + indexed + aged)
    short_bytes = (2 * _SHORT_COLUMNS + 1) * rows
    body = at + _BLOCK.size
    end = body + wide_bytes + short_bytes + -short_bytes % 4
    if end > len(data):
        raise WireError("bad_block", f"{rows} rows at byte {at} run past the frame")
    wide = np.frombuffer(data, "<u4", wide_bytes // 4, body).reshape(1 + indexed + aged, rows)
    body += wide_bytes
    short = np.frombuffer(data, "<u2", _SHORT_COLUMNS * rows, body).reshape(_SHORT_COLUMNS, rows)
    node = np.frombuffer(data, "u1", rows, body + 2 * _SHORT_COLUMNS * rows)
    flags_end = len(CellState) + len(COUNTED_FLAGS)
    groups = Groups(
        wide[int(indexed)],
        short[: len(CellState)],
        short[len(CellState) : flags_end],
        short[flags_end],
        short[flags_end + 1],
        node,
    )
    block = GroupBlock(
        mapping_id,
        shift,
        first,
        wide[0] if indexed else None,
        groups,
        wide[-1] if aged else None,
    )
    _check_rows(block, covered)
    return block, end


def _members(
    numbers: Numbers, shift: int, before: int, count: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_] | None]:
    """What is in each group, one column a group: places in an array of `count` that begins `before`
    places after the start of group 0. The mask tells which do not exist; None: all do.
    """
    firsts = (numbers.astype(np.intp) << shift) - before
    at = firsts + np.arange(1 << shift)[:, None]
    if not len(firsts) or (firsts[0] >= 0 and firsts[-1] + (1 << shift) <= count):
        return at, None
    beyond = (at < 0) | (at >= count)
    return np.clip(at, 0, count - 1), beyond


def _counted(masks: list[npt.NDArray[np.bool_]]) -> U16:
    """Of each mask and each of its columns how often it is true."""
    return np.array([mask.sum(axis=0, dtype=np.uint16) for mask in masks], np.uint16)


def _highest(counts: U16) -> U16:
    """Of each column the highest that is known. One more wraps what is unknown to 0, the least."""
    highest: U16 = (counts + np.uint16(1)).max(axis=0, initial=0) - np.uint16(1)
    return highest


def _one_node(node: U8, pages: U32) -> U8:
    """Of each column the node of what is present."""
    absent = (pages == 0).view(np.uint8)
    low = (node | absent * np.uint8(UNKNOWN_NODE)).min(axis=0, initial=UNKNOWN_NODE)
    high = (node & (absent - np.uint8(1))).max(axis=0, initial=0)
    one = np.where(low == high, low, np.uint8(SEVERAL_NODES))
    one[(low == UNKNOWN_NODE) | (high == UNKNOWN_NODE)] = UNKNOWN_NODE
    return one


def _check_rows(block: GroupBlock, covered: int) -> None:
    name, rows = f"mapping {block.mapping_id}", len(block.groups)
    if rows != covered:
        raise WireError("bad_block", f"{name}: {rows} rows for {covered} groups")
    if block.first + rows > 0xFFFFFFFF:
        raise WireError("bad_block", f"{name}: covers groups past 2^32")
    if block.index is not None and not np.all(block.index[1:] > block.index[:-1]):
        raise WireError("bad_block", f"{name}: indices do not rise")
    cells = block.groups.counts.sum(axis=0, dtype=np.uint32)
    if np.any((cells < 1) | (cells > 1 << block.shift)):
        raise WireError("bad_block", f"{name}: a group of no cells, or over 2^{block.shift}")
    if np.any(block.groups.flagged > cells):
        raise WireError("bad_block", f"{name}: more flags than cells in a group")
