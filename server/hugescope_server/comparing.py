"""Two looks at hosts beside each other, as who asks may see them (docs/decisions/0025).

What differs is found by `hugescope_wire.compare`, as for `hugescope diff`. No I/O; runs in a
thread.

CSV: a header row, then one row a run. Addresses in hexadecimal, other numbers in decimal, nothing
for null, flags with a space between. Nothing is quoted: all are numbers or words of ours.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from hugescope_server.errors import ApiError
from hugescope_server.veil.sight import Sight
from hugescope_wire.cells import PAGE_BYTES, CellFlag, Cells
from hugescope_wire.compare import Changed, compared
from hugescope_wire.comparison import NO_CELL, ComparedCells, ComparedSide, Comparison
from hugescope_wire.diff_document import CellFacts, DiffDocument, DiffSide, MappingRef
from hugescope_wire.errors import WireError
from hugescope_wire.host import MappingInfo
from hugescope_wire.pairing import Pairs, Placed, Selection, is_one_boot, pair_up, select
from hugescope_wire.picture import HostPicture
from hugescope_wire.travel import LostTime

MAX_CELLS: Final = 1 << 22
"""Of both sides together: about two seconds of a core."""

MAX_DRAWN: Final = 1 << 20
"""Places that are drawn: 2 TiB of 2 MiB pages."""

MAX_MAPPINGS: Final = 1 << 15
"""Of both sides together: about two seconds of a core, where all of them changed."""

MAX_LISTED: Final = 500
"""Pairs, and of either side mappings and processes that the other has not."""

CSV_PIECE_ROWS: Final = 2048
_LEVELS: Final = 16
_GZIP_LEVEL: Final = 1
"""Columns repeat themselves: more takes longer and saves little."""

_FACTS: Final = [f"{name}_{side}" for side in "ab" for name in CellFacts.model_fields]
CSV_HEADER: Final = ",".join(["first_a", "first_b", "count", "start_a", "start_b", *_FACTS])


@dataclass(frozen=True, slots=True)
class Looked:
    """One side.

    Attributes:
        name: "a" or "b", for messages.
        at_s: None: the present.
        selection: by true address; None: all of the host.
        sight: how who asks sees that host then.
    """

    name: str
    host_id: str
    at_s: float | None
    picture: HostPicture
    selection: Selection | None
    sight: Sight
    link: Literal["live", "late", "gone"] | None = None

    def placed(self) -> list[Placed]:
        """The mappings that are meant.

        Raises:
            ApiError: 404 `no_such_process` or `no_such_mapping`; it tells no address, which not all
                may see.
        """
        try:
            return select(self.picture, self.selection)
        except WireError as error:
            pid = None if self.selection is None else self.selection.pid
            when = "now" if self.at_s is None else f"at {self.at_s}"
            what = "no process {pid} with huge pages"
            if error.code == "no_such_mapping":
                what = "no mapping there in process {pid}"
            said = what.format(pid=pid)
            message = f"{self.name}: {self.host_id} has {said} {when}"
            raise ApiError(404, error.code, message) from None

    def described(self) -> tuple[DiffSide, HostPicture]:
        """As the document has it."""
        about = self.picture.about
        assert about is not None, "a host is known from its first full frame on"
        side = DiffSide(
            label=self.host_id if self.at_s is None else f"{self.host_id}@{self.at_s}",
            taken_at=about.taken_at,
            source=about.source,
            host=about.host,
            capabilities=about.capabilities,
        )
        return side, self.picture

    def told(self, placed: Sequence[Placed]) -> ComparedSide:
        """What the document does not tell."""
        name = placed[0].process.name if len(placed) == 1 else None
        inferred = sum(int(np.count_nonzero(one.cells.flags & CellFlag.INFERRED)) for one in placed)
        return ComparedSide(
            host_id=self.host_id,
            at_s=self.at_s,
            process=None if name is None else name.name,
            inferred_cells=inferred,
            link=self.link,
        )

    def is_one_host_with(self, other: Looked) -> bool:
        """Whether pids and addresses mean the same in both."""
        one_source = self.host_id == other.host_id
        return is_one_boot(self.picture, other.picture, one_source=one_source)


def comparison(a: Looked, b: Looked, most_runs: int, lost: list[LostTime]) -> Comparison:
    """Both compared; of two named mappings with so many runs, and with every cell.

    Raises:
        ApiError: 404 `no_such_process` or `no_such_mapping`, 413 `too_many_cells` or
            `too_many_mappings`, 422 `page_sizes_differ`.
    """
    placed_a, placed_b = a.placed(), b.placed()
    _check(placed_a, placed_b)
    pairs = _pairs(a, b, placed_a, placed_b)
    named = Changed.of(pairs.pairs[0]) if _is_named(a, b) else None
    document = compared(
        a.described(),
        b.described(),
        pairs,
        pools=a.selection is None,
        most_runs=0 if named is None else most_runs,
        most_detailed=MAX_LISTED,
        changed=None if named is None else [named],
    )
    return Comparison(
        document=_shown(document, a.sight, b.sight),
        a=a.told(placed_a),
        b=b.told(placed_b),
        mapping_total=len(document.mappings),
        only_a_total=len(document.only_a),
        only_b_total=len(document.only_b),
        processes_only_a_total=len(document.processes_only_a),
        processes_only_b_total=len(document.processes_only_b),
        lost=lost,
        cells=None if named is None else compared_cells(named),
    )


def csv_of(a: Looked, b: Looked) -> Iterator[str]:
    """All runs of two named mappings, in pieces of whole rows; compares before it returns.

    Raises:
        ApiError: as `comparison`.
    """
    placed_a, placed_b = a.placed(), b.placed()
    _check(placed_a, placed_b)
    (pair,) = _pairs(a, b, placed_a, placed_b).pairs
    infos = [
        side.sight.shown_of(placed.process.pid, placed.info)
        for side, placed in ((a, pair.a), (b, pair.b))
    ]
    return _csv(Changed.of(pair), infos[0], infos[1])


def compared_cells(found: Changed) -> ComparedCells | None:
    """Every cell at its place; None: there are too many."""
    pair = found.pair
    shift_a, shift_b = pair.first_b, pair.first_a
    count = max(shift_a + len(pair.a.cells), shift_b + len(pair.b.cells))
    if count > MAX_DRAWN:
        return None
    changed = np.zeros(count, np.uint8)
    changed[found.index + max(shift_a, shift_b)] = 1
    size = pair.a.info.page_size
    columns = [
        *_columns(pair.a.cells, shift_a, count, size),
        *_columns(pair.b.cells, shift_b, count, size),
        changed,
    ]
    packed = gzip.compress(b"".join(column.tobytes() for column in columns), _GZIP_LEVEL)
    text = base64.b64encode(packed).decode("ascii")
    return ComparedCells(count=count, shift_a=shift_a, shift_b=shift_b, columns=text)


def _check(a: Sequence[Placed], b: Sequence[Placed]) -> None:
    cells, mappings = sum(len(one.cells) for one in (*a, *b)), len(a) + len(b)
    if cells > MAX_CELLS:
        raise ApiError(
            413,
            "too_many_cells",
            f"{cells} cells on both sides together, at most {MAX_CELLS} are compared here: choose "
            "mappings, or use `hugescope diff`",
        )
    if mappings > MAX_MAPPINGS:
        raise ApiError(
            413,
            "too_many_mappings",
            f"{mappings} mappings on both sides together, at most {MAX_MAPPINGS} are compared "
            "here: choose a process or a mapping, or use `hugescope diff`",
        )


def _is_named(a: Looked, b: Looked) -> bool:
    return all(one.selection is not None and one.selection.start is not None for one in (a, b))


def _pairs(a: Looked, b: Looked, placed_a: list[Placed], placed_b: list[Placed]) -> Pairs:
    try:
        return pair_up(
            placed_a,
            placed_b,
            one_host=a.is_one_host_with(b) and a.selection == b.selection,
            same_process=a.selection is not None,
            named=_is_named(a, b),
        )
    except WireError as error:
        raise ApiError(422, error.code, error.message) from None


def _shown(document: DiffDocument, a: Sight, b: Sight) -> DiffDocument:
    """As many of it as are listed, without what who asks may not see."""

    def refs(found: list[MappingRef], sight: Sight) -> list[MappingRef]:
        return [sight.shown_of(one.pid, one) for one in found[:MAX_LISTED]]

    listed = sorted(document.mappings, key=lambda one: not one.differs)[:MAX_LISTED]
    mappings = [
        one.model_copy(
            update={"a": a.shown_of(one.a.pid, one.a), "b": b.shown_of(one.b.pid, one.b)}
        )
        for one in listed
    ]
    update = {
        "mappings": mappings,
        "only_a": refs(document.only_a, a),
        "only_b": refs(document.only_b, b),
        "processes_only_a": document.processes_only_a[:MAX_LISTED],
        "processes_only_b": document.processes_only_b[:MAX_LISTED],
    }
    return document.model_copy(update=update)


def _columns(
    cells: Cells, shift: int, count: int, page_size: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    state, flags = np.full(count, NO_CELL, np.uint8), np.zeros(count, np.uint8)
    level = np.zeros(count, np.uint8)
    here = slice(shift, shift + len(cells))
    state[here], flags[here] = cells.state, cells.flags
    share = cells.mapped_pages.astype(np.uint64) * _LEVELS // (page_size // PAGE_BYTES)
    level[here] = np.minimum(share, _LEVELS - 1)
    return state, flags, level


def _csv(changed: Changed, a: MappingInfo, b: MappingInfo) -> Iterator[str]:
    yield CSV_HEADER + "\n"
    for first in range(0, len(changed.starts), CSV_PIECE_ROWS):
        yield "".join(
            f"{run.first_a},{run.first_b},{run.count},"
            f"{_start(a, run.first_a):#x},{_start(b, run.first_b):#x},"
            f"{_fields(run.from_)},{_fields(run.to)}\n"
            for run in changed.runs(first, CSV_PIECE_ROWS)
        )


def _start(info: MappingInfo, cell: int) -> int:
    return max(info.start, info.start - info.start % info.page_size + cell * info.page_size)


def _fields(facts: CellFacts) -> str:
    numbers = (facts.mapped_bytes, facts.mapcount, facts.mappers, facts.node)
    told = ["" if number is None else str(number) for number in numbers]
    return ",".join((facts.state, *told, " ".join(facts.flags)))
