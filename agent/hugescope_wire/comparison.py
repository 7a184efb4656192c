"""Two looks beside each other as a screen shows them: of `GET /api/v1/compare`."""

from __future__ import annotations

from typing import Final, Literal

from hugescope_wire.diff_document import DiffDocument
from hugescope_wire.record import Count, Record
from hugescope_wire.secrecy import Name
from hugescope_wire.travel import LostTime, Moment

NO_CELL: Final = 255
"""In place of a state: this side has no such cell."""


class ComparedSide(Record):
    """What of a look the document does not tell.

    Attributes:
        at_s: the moment; null: the present.
        process: what people call the process of the one mapping that is compared; null: it has no
            name, or there are several mappings.
        inferred_cells: of the mappings that are compared, not read but concluded.
        link: of the present, how fresh it is; null: of the past.
    """

    host_id: Name
    at_s: Moment | None
    process: Name | None
    inferred_cells: Count
    link: Literal["live", "late", "gone"] | None


class ComparedCells(Record):
    """Every cell of two mappings at the place where it is compared.

    Attributes:
        count: places. Cell n of a is at place `shift_a` + n, of b at `shift_b` + n.
        columns: base64 of the gzip of seven columns of `count` bytes each: of a, then of b its
            state (255: no such cell), its flags and how many sixteenths of it are mapped, rounded
            down and at most 15; then 1 where anything told of the cell differs.
    """

    count: Count
    shift_a: Count
    shift_b: Count
    columns: Name


class Comparison(Record):
    """What `hugescope diff` prints of these two, with what a screen needs beside it.

    Attributes:
        document: of two hosts, no runs; at most 500 each in `mappings`, those that differ first,
            in `only_a` and `only_b`, in `processes_only_a` and `processes_only_b`.
        mapping_total, only_a_total, only_b_total, processes_only_a_total, processes_only_b_total:
            how many there are.
        lost: times between the two moments of one host of which nothing is known.
        cells: of two mappings; null: of hosts, or too many to draw.
    """

    document: DiffDocument
    a: ComparedSide
    b: ComparedSide
    mapping_total: Count
    only_a_total: Count
    only_b_total: Count
    processes_only_a_total: Count
    processes_only_b_total: Count
    lost: list[LostTime]
    cells: ComparedCells | None
