"""Processes with mappings, files, pools and bad pages, made up for the accounts' tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from hugescope_agent.kernel.frames import BadPages, HugeFrames
from hugescope_agent.model.holdings import FileUse
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.owned import FileKey, OwnedMapping
from hugescope_wire.account import FdHolder, FileRef, Holding, ProcessRef
from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.snapshot import Pool
from tests.unit.agent.model.made_model import MIB2, START, huge_vma, set_present, smaps_of

ANONYMOUS = "/anon_hugepage (deleted)"
SHARED_FLAGS = "rd wr sh ht"
KEY: FileKey = ((0, 17), 7)
FILE = FileRef(kind="memfd", device="0:17", inode=7, name="ram")


def head(number: int) -> int:
    """The head PFN of the n-th 2 MiB page."""
    return 0x1000 + number * 512


def owned(
    pid: int,
    cells: str,
    *,
    pages: list[int | None] | None = None,
    node: int = 0,
    ppid: int | None = None,
    flags: str | None = SHARED_FLAGS,
    **vma: Any,
) -> OwnedMapping:
    """A mapping: a letter a cell, `.` hole, `F` the file's page, `A` a private copy, `P` poisoned,
    `p` poisoned by time alone, `M` migrating. `pages` are numbers of the present ones, None for a
    hidden PFN; else each cell has the page of its place in the file.
    """
    facts = huge_vma(len(cells), **{"shared": "A" not in cells, **vma})
    mapping = TrackedMapping(pid * 1000 + facts.start % 997, facts, None)
    if flags is not None:
        mapping.smaps = smaps_of(facts, flags)
    present = [at for at, letter in enumerate(cells) if letter in "FA"]
    numbers = [facts.offset // facts.page_size + at for at in present] if pages is None else pages
    heads: list[int | None] = [None] * len(cells)
    for at, number in zip(present, numbers, strict=True):
        heads[at] = 0 if number is None else head(number)
    set_present(mapping, heads)
    mapping.of_file[[at for at in present if cells[at] == "F"]] = True
    mapping.cells.node[present] = node
    _suspects(mapping, cells)
    return OwnedMapping(ProcessRef(pid=pid, comm="prog"), mapping, ppid)


def _suspects(mapping: TrackedMapping, cells: str) -> None:
    for at, letter in enumerate(cells):
        if letter in "PpM":
            state = CellState.MIGRATING if letter == "M" else CellState.POISONED
            mapping.cells.state[at] = state
            mapping.cells.flags[at] = 0 if letter == "P" else CellFlag.INFERRED
    mapping.presence_changed()


def private(pid: int, cells: str, **other: Any) -> OwnedMapping:
    """A private anonymous mapping."""
    facts: dict[str, Any] = {"path": ANONYMOUS, "flags": "rd wr ht", "shared": False}
    return owned(pid, cells, **(facts | other))


def pool(total: int | None, free: int | None, node: int | None = None, **other: Any) -> Pool:
    """Counters of 2 MiB pages."""
    facts: dict[str, Any] = {
        "page_size": MIB2,
        "reserved": 0 if node is None else None,
        "surplus": 0,
    }
    return Pool(node=node, total=total, free=free, **(facts | other))


def holding(by: str, pages: int, inode: int = 7) -> Holding:
    """Pages of a file that no page table maps."""
    file = FILE.model_copy(update={"inode": inode})
    holder = FdHolder(pid=1, comm="holder", fd=3)
    facts: dict[str, Any] = {"by": by, "page_size": MIB2, "file_pages": pages, "file": file}
    return Holding(pages=pages, holders=[holder], **facts)


def file_use(pages: int, size_pages: int | None, inode: int = 7, **other: Any) -> FileUse:
    """What is known of the file of `owned`, or of another one."""
    facts: dict[str, Any] = {"device": KEY[0], "inode": inode, "page_size": MIB2, "file": FILE}
    return FileUse(file_pages=pages, size_pages=size_pages, **(facts | other))


def frames(bad: dict[int, int], good: int = 0) -> HugeFrames:
    """2 MiB pages: `good` first ones on node 0, and bad ones by number with their node."""
    numbers = [*range(good), *bad]
    return HugeFrames(
        np.array([head(number) for number in numbers], np.uint64),
        np.full(len(numbers), MIB2, np.int64),
        np.array([False] * good + [True] * len(bad)),
        np.array([0] * good + list(bad.values()), np.uint8),
    )


def outside(*pages: tuple[int, int, int]) -> BadPages:
    """Bad 4 KiB pages: PFN, flags and node."""
    pfns, flags, nodes = zip(*pages, strict=True) if pages else ((), (), ())
    return BadPages(
        np.array(pfns, np.uint64), np.array(flags, np.uint64), np.array(nodes, np.uint8)
    )


__all__ = ["MIB2", "START"]
