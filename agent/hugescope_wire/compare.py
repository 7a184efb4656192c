"""What is different between two pictures of hosts: columns compared whole, never cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.account import ProcessRef
from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_COUNT, UNKNOWN_NODE, Cells, CellState
from hugescope_wire.diff_document import (
    Aspect,
    AspectDiff,
    CellFacts,
    DiffDocument,
    DiffRun,
    DiffSide,
    FactDiff,
    KindOfChange,
    MappingDiff,
    MappingRef,
    PoolDiff,
    StateChange,
)
from hugescope_wire.pairing import Pair, Pairs, Placed
from hugescope_wire.picture import HostPicture, flag_labels, levels_now

MAX_KINDS: Final = 40
"""Kinds of change listed of one aspect: of bytes mapped in part there may be 262,144."""

_COLUMNS: Final[tuple[tuple[Aspect, str], ...]] = (
    ("state", "state"),
    ("mapped_bytes", "mapped_pages"),
    ("mapcount", "mapcount"),
    ("mappers", "mappers"),
    ("node", "node"),
    ("flags", "flags"),
)
_COUNTERS: Final = ("total", "free", "reserved", "surplus")
_FACTS: Final = ("kind", "shared", "vm_flags")
_NONE: Final = Cells.holes(0)
_STATE_LABELS: Final = [state.label for state in CellState]


def compared(
    a: tuple[DiffSide, HostPicture],
    b: tuple[DiffSide, HostPicture],
    pairs: Pairs,
    *,
    pools: bool,
    most_runs: int | None = None,
    most_detailed: int | None = None,
    changed: Iterable[Changed] | None = None,
) -> DiffDocument:
    """The document of two pictures whose mappings were paired.

    Args:
        pools: compare their pools too.
        most_runs: list no more runs of one mapping; None: list all.
        most_detailed: tell of no more of those that differ what changed, and of others how much;
            None: of all.
        changed: what differs of each pair, where it was looked for already.
    """
    found = (Changed.of(pair) for pair in pairs.pairs) if changed is None else changed
    mappings, differing = [], 0
    for one in found:
        in_detail = most_detailed is None or differing < most_detailed
        mappings.append(mapping_diff(one, most_runs, in_detail=in_detail))
        differing += mappings[-1].differs
    only_a, only_b = [_ref(one) for one in pairs.only_a], [_ref(one) for one in pairs.only_b]
    counters = pool_diffs(a[1], b[1]) if pools else None
    processes_a, processes_b = _processes(pairs, "a"), _processes(pairs, "b")
    lonely = sum(m.only_a + m.only_b for m in mappings) + sum(r.cells for r in (*only_a, *only_b))
    changed_cells = sum(one.changed for one in mappings) + lonely
    return DiffDocument(
        a=a[0],
        b=b[0],
        same=not (differing or only_a or only_b or counters),
        compared_cells=sum(one.compared for one in mappings),
        changed_cells=changed_cells,
        came_bytes=sum(m.came_bytes for m in mappings) + sum(r.mapped_bytes for r in only_b),
        went_bytes=sum(m.went_bytes for m in mappings) + sum(r.mapped_bytes for r in only_a),
        mappings=mappings,
        only_a=only_a,
        only_b=only_b,
        processes_only_a=processes_a,
        processes_only_b=processes_b,
        pools=counters,
    )


@dataclass(frozen=True, slots=True)
class Changed:
    """The cells of a pair that differ in anything.

    Attributes:
        index: which of the cells that both have, counted from the first of these.
        old, new: what they are in a and in b.
        starts: where among them runs begin that are neighbours and changed alike.
    """

    pair: Pair
    index: npt.NDArray[np.intp]
    old: Cells
    new: Cells
    starts: npt.NDArray[np.intp]

    @classmethod
    def of(cls, pair: Pair) -> Changed:
        """Look for them."""
        a = _shared(pair.a.cells, pair.first_a, pair.count)
        b = _shared(pair.b.cells, pair.first_b, pair.count)
        index = a.differing(b)
        if not len(index):
            return cls(pair, index, _NONE, _NONE, index)
        old, new = a.take(index), b.take(index)
        return cls(pair, index, old, new, _run_starts(index, old, new))

    def runs(self, first: int = 0, most: int | None = None) -> list[DiffRun]:
        """No more than `most` (None: all) of the runs, from this one on."""
        if first >= len(self.starts) or most == 0:
            return []
        last = len(self.starts) if most is None else min(first + most, len(self.starts))
        starts, ends = self.starts[first:last], self.starts[first + 1 : last + 1]
        if len(ends) < len(starts):  # the last of all
            ends = np.append(ends, len(self.index))
        known: dict[tuple[int, ...], CellFacts] = {}
        befores, afters = (_cell_facts(cells.take(starts), known) for cells in (self.old, self.new))
        return [
            DiffRun.model_construct(
                first_a=self.pair.first_a + first_cell,
                first_b=self.pair.first_b + first_cell,
                count=count,
                from_=before,
                to=after,
            )
            for first_cell, count, before, after in zip(
                self.index[starts].tolist(), (ends - starts).tolist(), befores, afters, strict=True
            )
        ]

    def came_and_went_bytes(self) -> tuple[int, int]:
        """How much more of them is mapped in b, and of others in a."""
        if not len(self.index):
            return 0, 0
        more = self.new.mapped_pages.astype(np.int64) - self.old.mapped_pages.astype(np.int64)
        came, went = int(more[more > 0].sum()), -int(more[more < 0].sum())
        return came * PAGE_BYTES, went * PAGE_BYTES

    def aspects(self) -> list[AspectDiff]:
        """Those in which any differs."""
        if not len(self.index):
            return []
        columns = ((name, getattr(self.old, one), getattr(self.new, one)) for name, one in _COLUMNS)
        return [_aspect(name, old, new) for name, old, new in columns if (old != new).any()]

    def changes(self) -> list[StateChange]:
        """All of them by their states, the most frequent first."""
        if not len(self.index):
            return []
        kinds = self.old.state.astype(np.int64) * len(CellState) + self.new.state
        size = len(CellState) ** 2
        counts = np.bincount(kinds, minlength=size)
        pages = (
            np.bincount(kinds, side.mapped_pages, size).astype(np.int64)
            for side in (self.old, self.new)
        )
        bytes_a, bytes_b = (column * PAGE_BYTES for column in pages)
        return [
            StateChange(
                from_=_STATE_LABELS[kind // len(CellState)],
                to=_STATE_LABELS[kind % len(CellState)],
                cells=int(counts[kind]),
                bytes_a=int(bytes_a[kind]),
                bytes_b=int(bytes_b[kind]),
            )
            for kind in np.argsort(-counts, kind="stable").tolist()
            if counts[kind]
        ]


def mapping_diff(
    changed: Changed, most_runs: int | None = None, *, in_detail: bool = True
) -> MappingDiff:
    """Two mappings, cell by cell.

    Args:
        changed: the cells that differ.
        most_runs: no more of their runs; None: all.
        in_detail: else how many cells differ is all that is told of these.
    """
    pair = changed.pair
    came_bytes, went_bytes = changed.came_and_went_bytes()
    return MappingDiff(
        a=_ref(pair.a),
        b=_ref(pair.b),
        matched_by=pair.matched_by,
        compared=pair.count,
        changed=len(changed.index),
        only_a=len(pair.a.cells) - pair.count,
        only_b=len(pair.b.cells) - pair.count,
        came_bytes=came_bytes + _alone_bytes(pair.b, pair.first_b, pair.count),
        went_bytes=went_bytes + _alone_bytes(pair.a, pair.first_a, pair.count),
        facts=_facts(changed) if in_detail or not len(changed.index) else [],
        changes=changed.changes() if in_detail else [],
        aspects=changed.aspects() if in_detail else [],
        run_total=len(changed.starts),
        runs=changed.runs(0, most_runs if in_detail else 0),
    )


def pool_diffs(a: HostPicture, b: HostPicture) -> list[PoolDiff]:
    """Counters that differ, of pools that either has."""
    assert a.about is not None
    assert b.about is not None
    before = {(pool.page_size, pool.node): pool for pool in a.about.pools}
    after = {(pool.page_size, pool.node): pool for pool in b.about.pools}
    found = []
    keys = {*before, *after}
    for size, node in sorted(keys, key=lambda key: (key[0], -1 if key[1] is None else key[1])):
        for counter in _COUNTERS:
            old = getattr(before.get((size, node)), counter, None)
            new = getattr(after.get((size, node)), counter, None)
            if old != new:
                found.append(
                    PoolDiff(page_size=size, node=node, counter=counter, from_=old, to=new)
                )
    return found


def _ref(one: Placed) -> MappingRef:
    info = one.info
    return MappingRef(
        pid=one.process.pid,
        comm=one.process.comm,
        start=info.start,
        end=info.end,
        page_size=info.page_size,
        kind=info.kind,
        backing=info.backing,
        cells=len(one.cells),
        mapped_bytes=_bytes(one.cells),
    )


def _bytes(cells: Cells) -> int:
    return int(cells.mapped_pages.sum(dtype=np.uint64)) * PAGE_BYTES


def _shared(cells: Cells, first: int, count: int) -> Cells:
    """Those that the other has too."""
    return cells if count == len(cells) else cells.view(slice(first, first + count))


def _alone_bytes(one: Placed, first: int, count: int) -> int:
    """Mapped of the cells for which the other has none."""
    if count == len(one.cells):
        return 0
    return _bytes(one.cells) - _bytes(_shared(one.cells, first, count))


def _facts(changed: Changed) -> list[FactDiff]:
    a, b = changed.pair.a, changed.pair.b
    old = {name: getattr(a.info, name) for name in _FACTS}
    new = {name: getattr(b.info, name) for name in _FACTS}
    if old == new and a.info.level_bytes == b.info.level_bytes and _has_equal_cells(changed):
        return []
    levels_a, levels_b = levels_now(a.info, a.cells), levels_now(b.info, b.cells)
    if levels_a is a.info.level_bytes or levels_b is b.info.level_bytes:
        # Else they follow from the cells, and so does what is different of them.
        old["level_bytes"], new["level_bytes"] = levels_a.model_dump(), levels_b.model_dump()
    return [
        FactDiff(name=name, from_=value, to=new[name])
        for name, value in old.items()
        if value != new[name]
    ]


def _has_equal_cells(changed: Changed) -> bool:
    pair = changed.pair
    return pair.count == len(pair.a.cells) == len(pair.b.cells) and not len(changed.index)


def _aspect(name: Aspect, old: npt.NDArray[Any], new: npt.NDArray[Any]) -> AspectDiff:
    at = old != new
    pairs = (old[at].astype(np.uint64) << np.uint64(32)) | new[at].astype(np.uint64)
    kinds, counts = np.unique(pairs, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:MAX_KINDS]
    return AspectDiff(
        aspect=name,
        cells=len(pairs),
        kinds=[
            KindOfChange(from_=_word(name, kind >> 32), to=_word(name, kind & 0xFFFFFFFF), cells=n)
            for kind, n in zip(kinds[most].tolist(), counts[most].tolist(), strict=True)
        ],
        other_kinds=len(kinds) - len(most),
    )


def _word(name: Aspect, value: int) -> str | int | None:
    """A column's number as it is told."""
    if name == "state":
        return _STATE_LABELS[value]
    if name == "flags":
        return " ".join(flag_labels(value))
    if name == "mapped_bytes":
        return value * PAGE_BYTES
    return None if value == (UNKNOWN_NODE if name == "node" else UNKNOWN_COUNT) else value


def _run_starts(index: npt.NDArray[np.intp], old: Cells, new: Cells) -> npt.NDArray[np.intp]:
    """Where, among changed cells, runs begin that are neighbours and changed alike."""
    gaps = (index - np.arange(len(index))).astype(np.uint32)
    begins = np.zeros(len(index), np.bool_)
    begins[old.run_starts(gaps)] = begins[new.run_starts()] = True
    return np.flatnonzero(begins)


def _cell_facts(rows: Cells, known: dict[tuple[int, ...], CellFacts]) -> list[CellFacts]:
    """What is told of single cells; equal ones share a record, for there are few kinds."""
    columns = [getattr(rows, column).tolist() for _, column in _COLUMNS]
    facts = []
    for row in zip(*columns, strict=True):
        if row not in known:
            words = {
                name: _word(name, value) for (name, _), value in zip(_COLUMNS, row, strict=True)
            }
            known[row] = CellFacts.model_validate(words | {"flags": flag_labels(row[-1])})
        facts.append(known[row])
    return facts


def _processes(pairs: Pairs, side: str) -> list[ProcessRef]:
    """Processes of one side none of whose mappings were paired."""
    paired = {getattr(pair, side).process.pid for pair in pairs.pairs}
    lonely: Sequence[Placed] = getattr(pairs, f"only_{side}")
    found = {one.process.pid: one.process.comm for one in lonely if one.process.pid not in paired}
    return [ProcessRef(pid=pid, comm=comm) for pid, comm in sorted(found.items())]
