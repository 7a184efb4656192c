"""One cell of a THP mapping, as a question about its page is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hugescope_agent.kernel.folios import PMD_PAGES
from hugescope_agent.model.thp_join import ThpPlace
from hugescope_wire.cells import (
    FLAG_LABELS,
    PAGE_BYTES,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    CellState,
)
from hugescope_wire.page import PageDetail, PageMapper, PartRun
from hugescope_wire.report import SharingReason

_NO_FOLIO: Final = {
    CellState.HOLE: "Nothing is mapped here.",
    CellState.MARKER: "Only a userfaultfd write-protect marker is here, and no page.",
    CellState.SMALL: "No folio of 2 MiB is here, and base pages and smaller folios are not joined.",
}
_HIDDEN: Final = (
    "Which processes map these pages cannot be told: page numbers or their flags cannot be read."
)
_ZEROS: Final = "This is the huge page of zeros, which is nobody's memory."
_ONE_COUNT: Final = (CellState.SPLIT, CellState.PARTIAL)


def thp_page(
    place: ThpPlace,
    places: Sequence[ThpPlace] | None,
    counted: int | None,
    parts: Sequence[PartRun],
    *,
    averaged: bool,
) -> PageDetail:
    """Everything about one cell.

    `places` maps its folios among the processes asked for, None where that is not known; `counted`
    are the kernel's counts of all 4 KiB of these folios, summed up: where they are as many as the
    entries of the places, nobody else maps them. `averaged`: the kernel keeps averages only.
    """
    mapping, cell = place.mapping, place.cell
    cells, vma = mapping.cells, mapping.vma
    mapcount, node, flags = int(cells.mapcount[cell]), int(cells.node[cell]), int(cells.flags[cell])
    if any(one.heads - place.heads for one in places or ()):
        counted = None  # entries of these places are of other folios too
    one_folio = places is not None and len(place.heads) == 1
    reasons = _reasons(places or [], mapcount, counted, averaged)
    return PageDetail(
        pid=place.pid,
        comm=place.comm,
        start=vma.start,
        first=cell,
        address=place.address,
        page_size=vma.page_size,
        state=CellState(int(cells.state[cell])).label,
        mapped_bytes=int(cells.mapped_pages[cell]) * PAGE_BYTES,
        mapcount=None if mapcount == UNKNOWN_COUNT else mapcount,
        mappers=len(places) if places is not None and one_folio else None,
        processes=len({one.pid for one in places}) if places is not None and one_folio else None,
        node=None if node == UNKNOWN_NODE else node,
        flags=[label for flag, label in FLAG_LABELS.items() if flags & flag],
        file=None,
        file_offset=vma.offset + place.address - vma.start if vma.has_file else None,
        reasons=reasons,
        explanation=_explain(place, places, counted, reasons),
        mapped_by=None if places is None else [_as_mapper(one) for one in places],
        parts=list(parts),
    )


def _reasons(
    places: Sequence[ThpPlace], mapcount: int, counted: int | None, averaged: bool
) -> list[SharingReason]:
    seen = sum(one.huge_pages for one in places)
    if not places or counted is None or counted < seen or mapcount == UNKNOWN_COUNT:
        return []
    if averaged and any(one.huge_pages != PMD_PAGES for one in places):
        return ["average_mapcount"]
    reasons: list[SharingReason] = []
    if counted > seen:
        reasons.append("unseen_mapping")
    elif mapcount != len(places):
        reasons.append("partly_mapped")
    if "partly_mapped" not in reasons and len({one.pid for one in places}) < len(places):
        reasons.append("alias")
    return reasons


def _explain(
    place: ThpPlace,
    places: Sequence[ThpPlace] | None,
    counted: int | None,
    reasons: Sequence[SharingReason],
) -> list[str]:
    """A sentence for each reason, and for what is not known."""
    state = CellState(int(place.mapping.cells.state[place.cell]))
    inferred = int(place.mapping.cells.flags[place.cell]) & CellFlag.INFERRED
    if places is None:
        if place.mapping.zero_huge[place.cell]:
            return [_ZEROS]
        return [_HIDDEN if inferred else _NO_FOLIO.get(state, _HIDDEN)]
    sentences = []
    if len(place.heads) > 1:
        sentences.append("Parts of more than one folio of 2 MiB meet here; listed is who maps any.")
    mapcount = int(place.mapping.cells.mapcount[place.cell])
    if state in _ONE_COUNT and mapcount != UNKNOWN_COUNT and "average_mapcount" not in reasons:
        sentences.append(
            f"The kernel counts each 4 KiB of a folio by itself: the mapcount of {mapcount} is of "
            "the first one that is mapped here."
        )
    sentences += [_sentence(reason, places, counted or 0) for reason in reasons]
    if counted is None or counted < sum(one.huge_pages for one in places):
        sentences.append(
            "Whether others map it too is not known: the kernel's counts of its pages do not fit "
            "or cannot be read."
        )
    return sentences


def _sentence(reason: SharingReason, places: Sequence[ThpPlace], counted: int) -> str:
    mappings = f"{len(places)} mapping{'' if len(places) == 1 else 's'}"
    match reason:
        case "unseen_mapping":
            seen = sum(one.huge_pages for one in places)
            return (
                f"Other processes map it too and are not read: the kernel counts {counted} entries "
                f"for its 4 KiB pages, and {seen} are seen in the processes asked for."
            )
        case "average_mapcount":
            return (
                "This kernel keeps an average count of the 4 KiB parts only, so whether others map "
                "it too cannot be told."
            )
        case "alias":
            return f"{mappings}, and some of them are of the same process."
        case _:
            return f"{mappings} show different parts of it, and nobody else maps any."


def _as_mapper(place: ThpPlace) -> PageMapper:
    return PageMapper(
        pid=place.pid,
        comm=place.comm,
        address=place.address,
        start=place.mapping.vma.start,
        shared=place.mapping.vma.shared,
        shared_table=False,
    )
