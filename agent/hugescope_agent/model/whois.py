"""Who maps this page: every mapping of the page behind one cell, and why the counts differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from hugescope_agent.errors import AskError
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.sharing import ProcessMappings, Sharing
from hugescope_wire.account import FileRef
from hugescope_wire.cells import (
    FLAG_LABELS,
    PAGE_BYTES,
    UNKNOWN_NODE,
    CellFlag,
    CellState,
)
from hugescope_wire.levels import PMD_BYTES
from hugescope_wire.page import PageDetail, PageMapper, PartRun
from hugescope_wire.report import SharingGroup, SharingReason


class Place(NamedTuple):
    """One cell of one mapping of one process."""

    pid: int
    comm: str | None
    mapping: TrackedMapping
    cell: int

    @property
    def address(self) -> int:
        """Where the cell begins."""
        return self.mapping.vma.start + self.cell * self.mapping.vma.page_size

    @property
    def file_page(self) -> int:
        """Its huge page's number in the file."""
        return self.cell + self.mapping.vma.offset // self.mapping.vma.page_size

    @property
    def present(self) -> bool:
        """Whether anything of it is mapped."""
        return CellState.MAPPED <= int(self.mapping.cells.state[self.cell]) <= CellState.PARTIAL

    @property
    def shows_file(self) -> bool:
        """Whether what is mapped there is the file's page, and no private copy."""
        return self.mapping.vma.shared or bool(self.mapping.of_file[self.cell])


def find_place(processes: Iterable[ProcessMappings], pid: int, address: int) -> Place:
    """The cell at an address.

    Raises:
        AskError: `no_such_process`: none with huge pages; `no_such_mapping`: none at the address.
    """
    for number, comm, mappings in processes:
        if number != pid:
            continue
        for mapping in mappings:
            if mapping.vma.start <= address < mapping.vma.end:
                cell = (address - mapping.vma.start) // mapping.vma.page_size
                return Place(pid, comm, mapping, cell)
        raise AskError("no_such_mapping", f"process {pid} has no huge page mapping at {address:#x}")
    raise AskError("no_such_process", f"no process {pid} with huge page mappings is watched")


def check_part(place: Place, part: int | None) -> None:
    """Whether the page has this part to be listed.

    Raises:
        AskError: `no_such_part`.
    """
    chunks = place.mapping.vma.page_size // PMD_BYTES
    if part is not None and not (chunks > 1 and 0 <= part < chunks):
        has = f"{chunks} parts" if chunks > 1 else "no parts that are listed by themselves"
        raise AskError("no_such_part", f"part {part}: the page at {place.address:#x} has {has}")


def page_detail(
    processes: Iterable[ProcessMappings],
    pid: int,
    address: int,
    sharing: Sharing,
    parts: Sequence[PartRun] = (),
    *,
    lost: bool = False,
) -> PageDetail:
    """Everything about the page behind one cell; `parts` come from a drill into it. `lost`: the
    report places a page here that a memory error took, where the page table shows a hole.

    Raises:
        AskError: as `find_place`.
    """
    everyone = list(processes)
    place = find_place(everyone, pid, address)
    places = places_of(everyone, place)
    mapping, cell = place.mapping, place.cell
    cells = mapping.cells
    group = sharing.of_cell(mapping, cell)
    reasons: list[SharingReason] = [] if group is None else group.reasons
    state, flags = CellState(int(cells.state[cell])), int(cells.flags[cell])
    if lost:
        state, flags = CellState.POISONED, flags | CellFlag.INFERRED
        told = {"state": CellState.POISONED.label, "inferred": True}
        parts = [part.model_copy(update=told) for part in parts]
    node = int(cells.node[cell])
    return PageDetail(
        pid=pid,
        comm=place.comm,
        start=mapping.vma.start,
        first=cell,
        address=place.address,
        page_size=mapping.vma.page_size,
        state=state.label,
        mapped_bytes=int(cells.mapped_pages[cell]) * PAGE_BYTES,
        mapcount=None if group is None else group.mapcount,
        mappers=None if group is None else group.mappers,
        processes=None if group is None else group.processes,
        node=None if node == UNKNOWN_NODE else node,
        flags=[label for flag, label in FLAG_LABELS.items() if flags & flag],
        file=_file_ref(mapping),
        file_offset=place.file_page * mapping.vma.page_size,
        reasons=reasons,
        explanation=explain(place, group, places, state, flags),
        mapped_by=None if places is None else [_as_mapper(one) for one in places],
        parts=list(parts),
    )


def places_of(processes: Iterable[ProcessMappings], place: Place) -> list[Place] | None:
    """Everywhere that the page of this cell is mapped, by pid and address.

    Joined by PFN, else by file and offset; of a hole in a file's mapping those that show the file's
    page there. None: a private page whose PFN is hidden.
    """
    head = place.mapping.head_pfn[place.cell]
    by_file = place.shows_file if place.present else place.mapping.vma.shared
    if not head and not by_file:
        return None if place.present else []
    found: list[Place] = []
    for pid, comm, mappings in processes:
        for mapping in mappings:
            if head:
                cells = np.flatnonzero(mapping.head_pfn == head).tolist()
            else:
                cells = _showing(mapping, place)
            found += [Place(pid, comm, mapping, cell) for cell in cells]
    return sorted(found, key=lambda one: (one.pid, one.address))


def explain(
    place: Place,
    group: SharingGroup | None,
    places: list[Place] | None,
    state: CellState,
    flags: int,
) -> list[str]:
    """A sentence for each reason why the counts differ, with the numbers, and for what is not
    known. `state` and `flags`: of the cell, as they are told.
    """
    if not place.present:
        return _absent(state, flags, places)
    if group is None:
        return []
    sentences = [_sentence(reason, group, places or []) for reason in group.reasons]
    if group.mappers is None:
        sentences.append(
            "Who else maps this page cannot be told: it is private and its number is hidden."
            if places is None
            else "Mappers are not counted, because not all processes are looked at."
        )
    elif group.mapcount is None:
        sentences.append("The kernel's own count of this page cannot be read here.")
    elif group.mapcount != group.mappers and not group.reasons:
        sentences.append(
            f"{_mappings(group.mappers)} and a mapcount of {group.mapcount}: why they differ is "
            "not known."
        )
    return sentences


def _sentence(reason: SharingReason, group: SharingGroup, places: list[Place]) -> str:
    mappers, mapcount, processes = group.mappers or 0, group.mapcount or 0, group.processes or 0
    match reason:
        case "shared_table":
            return _shared_table(group, places)
        case "alias":
            return (
                f"{_mappings(mappers)} in {_count(processes, 'process')}: one maps it repeatedly."
            )
        case "unseen_mapping":
            return (
                f"The kernel counts {mapcount}, and {_mappings(mappers)} can be seen: others are "
                "in processes that may not be read or are in no /proc seen here."
            )
        case "average_mapcount":
            return (
                f"This kernel's count, {mapcount}, is an average over the 4 KiB parts of the page, "
                f"of which its {_mappings(mappers)} show different ones."
            )
        case "partly_mapped":
            return (
                f"{_mappings(mappers)} show different parts of the page; no 4 KiB of it is counted "
                f"more often than {mapcount}."
            )
        case "moving":
            return (
                f"{_mappings(mappers)} and a mapcount of {mapcount} were read while pages moved: "
                "look again."
            )


def _shared_table(group: SharingGroup, places: list[Place]) -> str:
    flags = [int(one.mapping.cells.flags[one.cell]) for one in places]
    sharers = [flag for flag in flags if flag & CellFlag.SHARED_TABLE]
    seen = f"{_mappings(group.mappers or 0)} and a mapcount of {group.mapcount}"
    if any(flag & CellFlag.INFERRED for flag in sharers):
        return (
            f"{seen}: of {len(sharers)} that could, some share a page table, which counts once; "
            "which of them is a guess."
        )
    return f"{seen}: {len(sharers)} of them share page tables, each of which counts once."


def _absent(state: CellState, flags: int, places: list[Place] | None) -> list[str]:
    guess = flags & CellFlag.INFERRED
    sentences = {
        CellState.HOLE: "Nothing is mapped here.",
        CellState.MARKER: "Only a userfaultfd write-protect marker is here, and no page.",
        CellState.POISONED: "A memory error likely took the page that was here."
        if guess
        else "The page that was here is lost to a memory error.",
        CellState.MIGRATING: "The page is moving, or poisoned; the next second tells.",
    }
    found = [sentences[state]] if state in sentences else []
    if places:
        found.append(f"The file's page for this place is shown by {_mappings(len(places))}.")
    return found


def _showing(mapping: TrackedMapping, place: Place) -> list[int]:
    """The cell of a mapping that shows the same page of the same file, if one does."""
    vma, other = mapping.vma, place.mapping.vma
    if (vma.device, vma.inode) != (other.device, other.inode):
        return []
    cell = place.file_page - vma.offset // vma.page_size
    if not 0 <= cell < vma.cell_count:
        return []
    there = Place(place.pid, None, mapping, cell)
    return [cell] if there.present and there.shows_file else []


def _as_mapper(place: Place) -> PageMapper:
    flags = int(place.mapping.cells.flags[place.cell])
    return PageMapper(
        pid=place.pid,
        comm=place.comm,
        address=place.address,
        start=place.mapping.vma.start,
        shared=place.mapping.vma.shared,
        shared_table=bool(flags & CellFlag.SHARED_TABLE),
    )


def _file_ref(mapping: TrackedMapping) -> FileRef:
    vma = mapping.vma
    backing = vma.backing
    device = f"{vma.device[0]}:{vma.device[1]}"
    return FileRef(kind=backing.kind, device=device, inode=vma.inode, name=backing.name)


def _mappings(count: int) -> str:
    return _count(count, "mapping")


def _count(count: int, noun: str) -> str:
    plural = "processes" if noun == "process" else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
