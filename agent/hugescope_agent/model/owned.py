"""A mapping with the process it belongs to, and files by what names them: what the accounts of the
pools, of reservations and of poison are made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.mapping import Index, TrackedMapping
from hugescope_wire.account import FileRef, ProcessRef
from hugescope_wire.cells import CellState

FileKey = tuple[tuple[int, int], int]
"""Device (major, minor) and inode."""

MappingKey = tuple[int, int]
"""Pid and start address."""

_NO_CELLS: Final = np.empty(0, np.intp)
_POISONED: Final = np.uint8(CellState.POISONED)
_MIGRATING: Final = np.uint8(CellState.MIGRATING)

Offsets = npt.NDArray[np.int64]
"""Places in a file, in huge pages of its size."""


@dataclass(frozen=True, slots=True)
class OwnedMapping:
    """A tracked mapping and whose it is; `ppid` is the parent's pid, None where not known."""

    process: ProcessRef
    mapping: TrackedMapping
    ppid: int | None = None

    @property
    def vma(self) -> HugeVma:
        """The VMA."""
        return self.mapping.vma

    @property
    def key(self) -> MappingKey:
        """What names it on its host."""
        return self.process.pid, self.mapping.vma.start

    @property
    def file(self) -> FileKey:
        """The file that it maps; each anonymous mapping has one of its own, kept over a fork."""
        return self.mapping.vma.device, self.mapping.vma.inode

    @property
    def first_offset(self) -> int:
        """Where in the file its first cell lies, in huge pages."""
        return self.mapping.vma.offset // self.mapping.vma.page_size

    def offsets(self, cells: Index) -> Offsets:
        """Where in the file these cells lie."""
        return cells.astype(np.int64) + self.first_offset

    @property
    def flags(self) -> frozenset[str] | None:
        """VmFlags; None where smaps could not be read."""
        smaps = self.mapping.smaps
        return None if smaps is None else frozenset(smaps.vm_flags)

    def shown_offsets(self) -> Offsets:
        """Pages of the file that its page table shows; private copies are none of them."""
        present = self.mapping.present_index
        if not self.vma.shared:
            present = present[self.mapping.of_file[present]]
        return self.offsets(present)

    def suspect_cells(self) -> Index:
        """Cells whose entry is occupied though no page is present: poisoned or migrating."""
        state = self.mapping.cells.state
        if len(self.mapping.present_index) == len(state):
            return _NO_CELLS
        return np.flatnonzero((state == _POISONED) | (state == _MIGRATING))


def file_ref(vma: HugeVma) -> FileRef:
    """The file behind a hugetlb VMA, as it travels."""
    backing = vma.backing
    assert backing.kind != "file", "a hugetlb VMA maps a hugetlbfs file"
    return FileRef(
        kind=backing.kind, device=device_text(vma.device), inode=vma.inode, name=backing.name
    )


def device_text(device: tuple[int, int]) -> str:
    """A device number as mountinfo prints it."""
    return f"{device[0]}:{device[1]}"
