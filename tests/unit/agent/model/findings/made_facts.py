"""Looks at made-up hosts, to find things in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from hugescope_agent.model.findings import Facts, find
from hugescope_wire.account import FileRef, HeldPages, PoolAccount, ProcessRef, Vmemmap
from hugescope_wire.cells import UNKNOWN_NODE, Cells, CellState
from hugescope_wire.findings import Finding
from hugescope_wire.host import MappingInfo, ProcessInfo, Skipped
from hugescope_wire.report import HostReport, MappingReport, Poison
from hugescope_wire.snapshot import Backing, Pool
from tests.unit.server.veil.peeping import check_hidden
from tests.unit.wire.made_wire import MIB2, TAKEN_AT, mapping_info

QEMU = ProcessRef(pid=41, comm="qemu")
START = mapping_info(1, 1).start
LETTERS = {
    "h": CellState.HOLE,
    "m": CellState.MAPPED,
    "f": CellState.FULL,
    "s": CellState.SPLIT,
    "p": CellState.PARTIAL,
    "w": CellState.MARKER,
    "x": CellState.POISONED,
    "g": CellState.MIGRATING,
    "b": CellState.SMALL,
}
ONE_SENTENCE = re.compile(r"[^\n]*[^.\n]\.")


def cells(letters: str, page_size: int = MIB2, **columns: list[int]) -> Cells:
    """Cells by letter; whole ones on node 0 with counts of 1."""
    states = np.array([LETTERS[letter] for letter in letters], np.uint8)
    whole = np.isin(states, (CellState.MAPPED, CellState.FULL, CellState.SPLIT))
    pages = np.where(whole, page_size // 4096, 0).astype(np.uint32)
    pages[np.isin(states, (CellState.PARTIAL, CellState.SMALL))] = 1
    made = Cells(
        mapped_pages=pages,
        mapcount=np.where(whole, 1, 0xFFFF).astype(np.uint16),
        mappers=np.where(whole, 1, 0xFFFF).astype(np.uint16),
        state=states,
        flags=np.zeros(len(letters), np.uint8),
        node=np.where(pages > 0, 0, UNKNOWN_NODE).astype(np.uint8),
    )
    given = {name: np.array(values, getattr(made, name).dtype) for name, values in columns.items()}
    return replace(made, **given)


def mapping(number: int, letters: str, page_size: int = MIB2, **facts: Any) -> MappingInfo:
    """A mapping with so many cells."""
    return mapping_info(number, len(letters), page_size, **facts)


def private(number: int, letters: str, **facts: Any) -> MappingInfo:
    """A private anonymous one."""
    backing = Backing(kind="anonymous", name=None, inode=9, offset=0)
    return mapping(number, letters, shared=False, backing=backing, **facts)


def process(pid: int, *mappings: MappingInfo, comm: str | None = "qemu") -> ProcessInfo:
    """A process with these mappings."""
    return ProcessInfo(pid=pid, comm=comm, mappings=list(mappings))


def about(info: MappingInfo, pid: int = 41, **parts: Any) -> MappingReport:
    """What is known of a mapping beyond its cells."""
    return MappingReport(pid=pid, start=info.start, page_size=info.page_size, **parts)


def account(page_size: int = MIB2, **parts: Any) -> PoolAccount:
    """The host's account of a pool of 16 pages, 4 of them mapped, that closes."""
    facts: dict[str, Any] = {
        "page_size": page_size,
        "node": None,
        "total": 16,
        "free": 12,
        "reserved": 0,
        "surplus": 0,
        "overcommit": 0,
        "available": 12,
        "mapped": 4,
        "mapped_by": [],
        "held": HeldPages(fd=0, hugetlbfs=0, sysv=0, mapping=0),
        "poisoned": 0,
        "unattributed": 0,
        "unplaced": None,
    }
    return PoolAccount(**(facts | parts))


def pool(page_size: int = MIB2, **parts: Any) -> Pool:
    """The host's counters of a pool."""
    counts = {"node": None, "total": 16, "free": 12, "reserved": 0, "surplus": 0}
    return Pool(page_size=page_size, **(counts | parts))


def memfd(inode: int = 7, name: str = "ram") -> FileRef:
    """The file of the mappings here."""
    return FileRef(kind="memfd", device="0:15", inode=inode, name=name)


def report(**parts: Any) -> HostReport:
    """A host of which nothing is to be said, but for `parts`."""
    lists = (
        *("accounts", "holdings", "reservations", "cgroups", "mappings", "uffd_holders"),
        *("uffd_waiters", "guest_memory", "stage2", "boot", "findings"),
    )
    empty: dict[str, Any] = {name: [] for name in lists}
    empty["vmemmap"] = Vmemmap(enabled=None, memmap_bytes=None, saved_bytes=None)
    empty["poison"] = Poison(pages=[], failures=[], hardware_corrupted_bytes=None)
    return HostReport(taken_at=TAKEN_AT, **(empty | parts))


def facts(
    *processes: ProcessInfo,
    shown: dict[int, Cells] | None = None,
    denied: int = 0,
    pools: list[Pool] | None = None,
    limits: Any = (),
    history: Any = (),
    not_huge: Any = (),
    **parts: Any,
) -> Facts:
    """A look: `shown` are cells by mapping id, `parts` those of the report."""
    return Facts(
        report=report(**parts),
        pools=pools or [],
        processes=processes,
        cells=shown or {},
        skipped=Skipped(denied=denied),
        limits=limits,
        history=history,
        not_huge=not_huge,
    )


def found(look: Facts, code: str) -> list[Finding]:
    """The findings of one code; all findings are well made, and nothing else is found."""
    findings = find(look)
    check_hidden(look.processes, findings)
    keys = [finding.key for finding in findings]
    assert len(set(keys)) == len(keys)
    for finding in findings:
        assert finding.key.split(":")[0] == finding.code
        for sentence in (finding.what, finding.why, finding.advice):
            assert ONE_SENTENCE.fullmatch(sentence), sentence
            assert sentence[0] == sentence[0].upper() or sentence.startswith("qemu"), sentence
            assert ". " not in sentence, sentence
        assert {link.pid for link in finding.links} <= set(finding.pids)
    return [finding for finding in findings if finding.code == code]


def only(look: Facts, code: str) -> Finding:
    """The one finding of a look in which there is nothing else."""
    findings = find(look)
    check_hidden(look.processes, findings)
    assert [finding.code for finding in findings] == [code]
    return found(look, code)[0]
