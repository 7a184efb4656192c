"""The axis of a VM's RAM, and one process's mappings on it.

Blocks are pieces of RAM, by backend and offset, whatever mappings show them: a mapping that is
split or mapped elsewhere, or numbered anew by an agent that started again, shows the same cells.
All cells of all blocks stand in a row, in the order of their offsets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hugescope_server.migration.presence import Index
from hugescope_wire.host import MappingInfo, ProcessInfo

REGISTERED: Final = frozenset(("um", "ui"))
NO_RESERVE: Final = "nr"

MAX_BLOCKS: Final = 4096
MAX_OFFSET: Final = 1 << 60
"""Beyond any guest's RAM: places up to there can be told in 64 bits."""


@dataclass(frozen=True, slots=True)
class Block:
    """`first` is its first cell among those of all blocks; the rest is as in `MigrationBlock`."""

    backend: str | None
    offset: int
    low_bytes: int | None
    page_size: int
    pages: int
    first: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A mapping of RAM: its cell 0 is cell `first` of the row, in block number `block`."""

    info: MappingInfo
    block: int
    first: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A mapping with its place; by hand, of memory that is no guest's that is known."""

    info: MappingInfo
    backend: str | None
    offset: int
    low_bytes: int | None

    @property
    def end(self) -> int:
        return self.offset + self.info.cell_count * self.info.page_size


def is_vm(process: ProcessInfo) -> bool:
    """Whether this is a VM with RAM on huge pages."""
    if process.vm is None and not any(info.guest for info in process.mappings):
        return False
    return any(_is_ram(info) for info in process.mappings)


class Ram:
    """Blocks, in the order of their offsets; they stay as long as this does."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks: Final = tuple(blocks)
        self.count: Final = sum(block.pages for block in blocks)
        self._firsts: Final = np.array([block.first for block in blocks], np.int64)

    @property
    def shape(self) -> tuple[tuple[int, int], ...]:
        """Page size and pages of each block."""
        return tuple((block.page_size, block.pages) for block in self.blocks)

    @property
    def names(self) -> tuple[tuple[str | None, int], ...]:
        """Backend and offset of each block."""
        return tuple((block.backend, block.offset) for block in self.blocks)

    @property
    def page_size(self) -> int:
        """Of the most bytes."""
        sizes = {size: 0 for size, _ in self.shape}
        for size, pages in self.shape:
            sizes[size] += size * pages
        return max(sizes, key=lambda size: (sizes[size], size))

    def blocks_of(self, cells: Index) -> Index:
        """The block of each cell."""
        return np.searchsorted(self._firsts, cells, side="right").astype(np.int64) - 1

    def block_of(self, cell: int) -> int:
        """The block of one cell."""
        return int(np.searchsorted(self._firsts, cell, side="right")) - 1

    def within(self, cells: Index, blocks: Index) -> Index:
        """Cells as their blocks count them."""
        return cells - self._firsts[blocks]

    def addresses(self, cells: Index) -> Index:
        """Bytes into the guest's RAM at which these cells begin."""
        blocks = self.blocks_of(cells)
        offsets = np.array([block.offset for block in self.blocks], np.int64)
        sizes = np.array([block.page_size for block in self.blocks], np.int64)
        found: Index = offsets[blocks] + self.within(cells, blocks) * sizes[blocks]
        return found

    def bytes_of(self, cells: Index) -> int:
        """All of these cells together."""
        sizes = np.array([block.page_size for block in self.blocks], np.int64)
        return int(sizes[self.blocks_of(cells)].sum())

    def pieces(self, process: ProcessInfo) -> list[Piece]:
        """Where the process's mappings lie; what lies in no block is left out."""
        found = []
        for part in _parts(process):
            for number, block in enumerate(self.blocks):
                end = block.offset + block.pages * block.page_size
                same = (part.backend, part.info.page_size) == (block.backend, block.page_size)
                if same and block.offset <= part.offset and part.end <= end:
                    first = block.first + (part.offset - block.offset) // block.page_size
                    found.append(Piece(part.info, number, first))
                    break
        return found


def ram_of(process: ProcessInfo) -> Ram:
    """The blocks that a process maps: its guest's RAM, or where none is known all of its hugetlb
    mappings, one behind the other.
    """
    blocks: list[Block] = []
    first = 0
    for part in _parts(process):
        size, pages = part.info.page_size, part.info.cell_count
        if blocks and _goes_on(blocks[-1], part):
            blocks[-1] = replace(blocks[-1], pages=blocks[-1].pages + pages)
        else:
            block = Block(part.backend, part.offset, part.low_bytes, size, pages, first)
            blocks.append(block)
        first += pages
    return Ram(blocks)


def is_registered(pieces: Iterable[Piece]) -> bool | None:
    """Whether any is registered with userfaultfd for missing or minor faults; None: unreadable."""
    flags = [piece.info.vm_flags for piece in pieces]
    if any(REGISTERED & set(one) for one in flags if one is not None):
        return True
    return None if not flags or None in flags else False


def _is_ram(info: MappingInfo) -> bool:
    return info.kind == "hugetlb" and info.guest is not None


def _goes_on(block: Block, part: _Part) -> bool:
    return (
        (block.backend, block.page_size) == (part.backend, part.info.page_size)
        and block.offset + block.pages * block.page_size == part.offset
        and part.info.guest is not None
    )


def _parts(process: ProcessInfo) -> list[_Part]:
    """In the order of their offsets; of mappings that show the same RAM, the first."""
    huge = sorted(
        (info for info in process.mappings if info.kind == "hugetlb"), key=lambda info: info.start
    )
    parts = [
        _Part(info, guest.backend, guest.offset, guest.low_bytes)
        for info in huge
        if (guest := info.guest) is not None
        if guest.offset < MAX_OFFSET and guest.offset % info.page_size == 0
    ]
    if not parts:
        offset = 0
        for info in huge:
            parts.append(_Part(info, None, offset, None))
            offset = parts[-1].end
        return parts[:MAX_BLOCKS]
    found: list[_Part] = []
    for part in sorted(parts, key=lambda part: (part.offset, part.info.start)):
        if not found or part.offset >= found[-1].end:
            found.append(part)
    return found[:MAX_BLOCKS]
