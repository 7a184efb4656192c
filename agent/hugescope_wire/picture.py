"""A host's present state, built from its frames: one code for server, replay and command line."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import (
    FLAG_LABELS,
    PAGE_BYTES,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)
from hugescope_wire.errors import WireError
from hugescope_wire.frames import EncodedBlock, Frame, FrameKind
from hugescope_wire.host import MAX_CELLS, HostDelta, HostFrame, MappingInfo, ProcessInfo
from hugescope_wire.levels import (
    HGM_FLAG,
    mainline_levels,
    not_captured,
    thp_levels,
    thp_undecided,
)
from hugescope_wire.report import HostReport
from hugescope_wire.snapshot import Flag, LevelBytes, Mapping, MappingFacts, Process, Run, Snapshot

_STATE_LABELS = [state.label for state in CellState]


@dataclass(frozen=True, slots=True)
class Change:
    """What one frame changed.

    Attributes:
        cells: changed cell indices by mapping id; None for a mapping that is new, or new in full.
        gone: ids of mappings that are no more.
        about: whether anything but cells changed (pools, processes, cost, capabilities).
        full: a full frame told all of it anew.
    """

    cells: MappingType[int, npt.NDArray[np.integer] | None]
    gone: frozenset[int]
    about: bool
    full: bool


@dataclass(slots=True)
class HostPicture:
    """The latest state of one host and one epoch. Apply frames in order of `seq`, a full one first.

    A frame that does not fit raises `WireError` and leaves the picture as it was.
    """

    seq: int = 0
    about: HostFrame | None = None
    mappings: dict[int, MappingInfo] = field(default_factory=dict)
    cells: dict[int, Cells] = field(default_factory=dict)

    def apply(self, frame: Frame) -> Change:
        """Take one frame in.

        Raises:
            WireError: `bad_seq` on a gap or a repeat, `no_full_frame` for a delta that comes first,
                `bad_block` for cells of a mapping that is not there, `missing_cells` for a mapping
                that came without, `bad_json` for a process or mapping that stands twice,
                `too_many_cells`.
        """
        if frame.kind is FrameKind.CELLS or frame.meta is None:
            raise WireError("bad_kind", "a frame of cells is not for a host's picture")
        _check_pids(frame.meta.processes)
        if isinstance(frame.meta, HostFrame):
            about, processes = frame.meta, frame.meta.processes
            old: dict[int, Cells] = {}
        else:
            if self.about is None:
                raise WireError("no_full_frame", f"delta {frame.seq} came before any full frame")
            if frame.seq != self.seq + 1:
                raise WireError("bad_seq", f"frame {frame.seq} came after frame {self.seq}")
            about = _merge(self.about, frame.meta)
            processes, old = about.processes, self.cells
        infos = _by_id(processes)
        cells = {number: old[number] for number in infos if number in old}
        changed: dict[int, npt.NDArray[np.integer] | None] = {}
        for block in frame.blocks:
            _apply_block(block, infos, cells, changed)
        for number, info in infos.items():
            if number not in cells or len(cells[number]) != info.cell_count:
                raise WireError("missing_cells", f"mapping {number} came without its cells")
        gone = frozenset(self.cells) - frozenset(cells)
        about_changed = isinstance(frame.meta, HostFrame) or _says_anything(frame.meta)
        self.seq, self.about, self.mappings, self.cells = frame.seq, about, infos, cells
        return Change(changed, gone, about_changed, isinstance(frame.meta, HostFrame))

    def snapshot(self, pids: frozenset[int] | None = None) -> Snapshot:
        """The state as the contract has it, of these processes only (None: of all); what the report
        says beyond single mappings is of the whole host.

        Raises:
            WireError: `no_full_frame` when nothing came yet.
        """
        if self.about is None:
            raise WireError("no_full_frame", "nothing is known of this host yet")
        return Snapshot(
            taken_at=self.about.taken_at,
            host=self.about.host,
            capabilities=self.about.capabilities,
            pools=self.about.pools,
            report=_report_of(self.about.report, pids),
            processes=[
                Process(
                    pid=process.pid,
                    comm=process.comm,
                    name=process.name,
                    vm=process.vm,
                    mappings=[self._mapping(info) for info in process.mappings],
                )
                for process in self.about.processes
                if pids is None or process.pid in pids
            ],
        )

    def _mapping(self, info: MappingInfo) -> Mapping:
        facts = {name: getattr(info, name) for name in MappingFacts.model_fields}
        cells = self.cells[info.id]
        facts["level_bytes"] = levels_now(info, cells)
        return Mapping.model_construct(**facts, runs=runs_of(cells))


def _report_of(report: HostReport | None, pids: frozenset[int] | None) -> HostReport | None:
    if report is None or pids is None:
        return report
    mappings = [mapping for mapping in report.mappings if mapping.pid in pids]
    return report.model_copy(update={"mappings": mappings})


def levels_now(info: MappingInfo, cells: Cells) -> LevelBytes:
    """Bytes at each level as the cells are now.

    Cells come ten times a second; what is said of a mapping, only when it changes. Only of an HGM
    mapping, of one that was not captured, and of a THP mapping whose cells leave it open, can the
    cells not tell.
    """
    if info.kind == "thp":
        undecided = thp_undecided(cells.state, cells.flags)
        return info.level_bytes if undecided else thp_levels(cells.state, cells.mapped_pages)
    if HGM_FLAG in (info.vm_flags or ()) or not_captured(cells.state, cells.flags):
        return info.level_bytes
    return mainline_levels(info.page_size, cells.mapped_pages)


def runs_of(cells: Cells) -> list[Run]:
    """Cells as runs of equal neighbours, in order, without gap or overlap."""
    starts = cells.run_starts()
    counts = np.diff(np.append(starts, len(cells)))
    rows = cells.take(starts)
    runs = []
    for at, (first, count) in enumerate(zip(starts.tolist(), counts.tolist(), strict=True)):
        mapcount, mappers, node = int(rows.mapcount[at]), int(rows.mappers[at]), int(rows.node[at])
        runs.append(
            Run.model_construct(
                first=first,
                count=count,
                state=_STATE_LABELS[rows.state[at]],
                mapped_bytes=int(rows.mapped_pages[at]) * PAGE_BYTES,
                mapcount=None if mapcount == UNKNOWN_COUNT else mapcount,
                mappers=None if mappers == UNKNOWN_COUNT else mappers,
                node=None if node == UNKNOWN_NODE else node,
                flags=flag_labels(int(rows.flags[at])),
            )
        )
    return runs


def flag_labels(bits: int) -> list[Flag]:
    """The words for a cell's flag bits."""
    return [FLAG_LABELS[flag] for flag in CellFlag if bits & flag]  # type: ignore[misc]


def _merge(about: HostFrame, delta: HostDelta) -> HostFrame:
    replaced = {process.pid: process for process in delta.processes}
    gone = set(delta.gone_pids)
    processes = [
        replaced.pop(process.pid, process)
        for process in about.processes
        if process.pid not in gone or process.pid in replaced
    ]
    update: dict[str, object] = {
        "taken_at": delta.taken_at,
        "monotonic_s": delta.monotonic_s,
        "faults": delta.faults,  # since the sample before, never of an earlier one
        "processes": sorted([*processes, *replaced.values()], key=lambda process: process.pid),
    }
    for name in ("capabilities", "limits", "pools", "skipped", "cost", "report"):
        value = getattr(delta, name)
        if value is not None:
            update[name] = value
    return about.model_copy(update=update)


def _says_anything(delta: HostDelta) -> bool:
    parts = (
        delta.capabilities,
        delta.limits,
        delta.pools,
        delta.skipped,
        delta.cost,
        delta.report,
    )
    return bool(delta.processes or delta.gone_pids) or any(part is not None for part in parts)


def _check_pids(processes: list[ProcessInfo]) -> None:
    seen: set[int] = set()
    for process in processes:
        if process.pid in seen:
            raise WireError("bad_json", f"process {process.pid} stands twice")
        seen.add(process.pid)


def _by_id(processes: list[ProcessInfo]) -> dict[int, MappingInfo]:
    infos: dict[int, MappingInfo] = {}
    for process in processes:
        for info in process.mappings:
            if info.id in infos:
                raise WireError("bad_json", f"mapping id {info.id} stands twice")
            infos[info.id] = info
    total = sum(info.cell_count for info in infos.values())
    if total > MAX_CELLS:
        raise WireError("too_many_cells", f"{total} cells in all mappings, at most {MAX_CELLS}")
    return infos


def _apply_block(
    encoded: EncodedBlock,
    infos: dict[int, MappingInfo],
    cells: dict[int, Cells],
    changed: dict[int, npt.NDArray[np.integer] | None],
) -> None:
    info = infos.get(encoded.mapping_id)
    if info is None:
        raise WireError("bad_block", f"cells of mapping {encoded.mapping_id}, which is not there")
    block = encoded.decode(info.cell_count, info.page_size)
    if block.index is None and len(block.cells) == info.cell_count:
        cells[info.id] = block.cells
        changed[info.id] = None
        return
    if info.id not in cells:
        raise WireError("missing_cells", f"mapping {info.id} came without all its cells")
    index = block.index
    if index is None:
        index = np.arange(block.first, block.first + len(block.cells), dtype=np.uint32)
    cells[info.id] = cells[info.id].replaced(index, block.cells)
    if changed.get(info.id, index) is not None:
        before = changed.get(info.id)
        changed[info.id] = index if before is None else np.union1d(before, index)
