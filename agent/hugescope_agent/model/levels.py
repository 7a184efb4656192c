"""Which page-table level maps the bytes of an HGM mapping, and what that says of its cells.

HGM kernels print HugetlbPudMapped, HugetlbPmdMapped and HugetlbPteMapped in smaps, for a mapping as
a whole. Against what pagemap shows present, 4 KiB by 4 KiB, they give the number of huge pages that
are present in full and still split, exactly, though not which:

    split = (bytes below the page's own level - bytes in partly mapped pages) / page size

and, where the huge page is of 1 GiB, the same for its 2 MiB chunks:

    chunks mapped by PTEs = (HugetlbPteMapped - bytes in partly mapped chunks) / 2 MiB

Both hold only for a pagemap of the same moment, which shows in that the three fields sum to what it
has present.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.model.decode import Chunks, Mask
from hugescope_wire.cells import PAGE_BYTES, U8, U32, CellState
from hugescope_wire.levels import PMD_BYTES, PUD_BYTES
from hugescope_wire.snapshot import LevelBytes


@dataclass(frozen=True, slots=True)
class Shown:
    """What pagemap showed of an HGM mapping at one look; columns over its cells."""

    state: U8
    mapped_pages: U32
    chunks: Chunks

    @property
    def full(self) -> Mask:
        """Cells that are present in full."""
        mask: Mask = self.state == CellState.FULL
        return mask

    @property
    def present_bytes(self) -> int:
        """Bytes present in the mapping."""
        return int(self.mapped_pages.sum(dtype=np.uint64)) * PAGE_BYTES


@dataclass(frozen=True, slots=True)
class Sums:
    """What one reading of smaps says of the cells of the same moment.

    Attributes:
        split: cells that are present in full and mapped by smaller entries.
        chunks_by_pte, chunks_by_pmd: 2 MiB chunks of 1 GiB pages that are present in full and
            mapped so, in full and in partly mapped pages; 0 where huge pages are smaller, None
            where it is not known.
    """

    split: int
    chunks_by_pte: int | None
    chunks_by_pmd: int | None

    @classmethod
    def of_cells_only(cls, split: int, page_size: int) -> Sums:
        """Where nothing is known of chunks, if there are any."""
        chunks = 0 if page_size < PUD_BYTES else None
        return cls(split, chunks, chunks)


def freed_bytes(split: int, chunks: int | None) -> int | None:
    """Page tables that a collapse of what is present in full frees: one each of a split page and
    of a 2 MiB chunk of a larger page that 512 entries map. None where `chunks` is not known.

    A 2 MiB page has a PTE table, a split 1 GiB page a PMD table, a chunk a PTE table: of a partly
    mapped page too, where the chunk comes to have one entry of its own. A collapse that fills the
    holes of such a page frees its other tables with it and takes memory: that is not counted.
    """
    return None if chunks is None else (split + chunks) * PAGE_BYTES


def hgm_levels(smaps: SmapsVma | None) -> LevelBytes:
    """Bytes at each level of an HGM mapping, as its smaps says; null where smaps does not."""
    if smaps is None:
        return LevelBytes(pud=None, pmd=None, pte=None)
    return LevelBytes(
        pud=smaps.pud_mapped_bytes, pmd=smaps.pmd_mapped_bytes, pte=smaps.pte_mapped_bytes
    )


class LevelSums(NamedTuple):
    """Bytes at each level, all known."""

    pud: int
    pmd: int
    pte: int

    @classmethod
    def of(cls, smaps: SmapsVma) -> LevelSums | None:
        """Those of a reading; None where it lacks one."""
        pud, pmd, pte = smaps.pud_mapped_bytes, smaps.pmd_mapped_bytes, smaps.pte_mapped_bytes
        return None if pud is None or pmd is None or pte is None else cls(pud, pmd, pte)

    @property
    def total(self) -> int:
        """Bytes at all levels together."""
        return self.pud + self.pmd + self.pte

    def split_pages(self, shown: Shown, page_size: int) -> int | None:
        """Full cells that the bytes below the page's own level make up; None where they make up no
        whole number of them.
        """
        below = self.pmd + self.pte if page_size >= PUD_BYTES else self.pte
        partial = shown.mapped_pages[shown.state == CellState.PARTIAL].sum(dtype=np.uint64)
        split, rest = divmod(below - int(partial) * PAGE_BYTES, page_size)
        return split if rest == 0 and 0 <= split <= int(shown.full.sum()) else None


def sums_of_same_moment(shown: Shown, levels: LevelSums, page_size: int) -> Sums | None:
    """What smaps says of cells read at the same moment; None where the numbers show that it was
    another.
    """
    split = levels.split_pages(shown, page_size)
    if levels.total != shown.present_bytes or split is None:
        return None
    if page_size < PUD_BYTES:
        return Sums.of_cells_only(split, page_size)
    stray = int(shown.chunks.stray_pages.sum(dtype=np.uint64)) * PAGE_BYTES
    by_pte, rest = divmod(levels.pte - stray, PMD_BYTES)
    by_pmd, more = divmod(levels.pmd, PMD_BYTES)
    if rest or more or by_pte < 0:
        return None
    return Sums(split, by_pte, by_pmd)


def nothing_split(shown: Shown, levels: LevelSums, page_size: int) -> bool:
    """Whether nothing is left for split pages, though smaps counts more than pagemap has present:
    poisoned or migrating pages, which it counts at a level that does not show.

    The caller knows that both speak of the same moment.
    """
    return levels.total >= shown.present_bytes and levels.split_pages(shown, page_size) == 0


def split_by_own_level(full: int, levels: LevelSums, page_size: int) -> int | None:
    """Of `full` cells present in full those not mapped by one entry each; holds while partly mapped
    cells move, as long as no cell became full meanwhile. None where the numbers do not fit.
    """
    own = levels.pud if page_size >= PUD_BYTES else levels.pmd
    return full - own // page_size if own % page_size == 0 and own // page_size <= full else None
