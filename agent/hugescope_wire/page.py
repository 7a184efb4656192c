"""One page, as a question about it is answered: who maps it, and how, part by part."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hugescope_wire.account import FileRef, NodeNumber, Pid, ProcessRef
from hugescope_wire.record import Count, Record, State
from hugescope_wire.report import SharingReason
from hugescope_wire.secrecy import Address, Name


class PageMapper(ProcessRef):
    """One mapping of the page: at `address`, in the mapping that begins at `start`."""

    address: Address
    start: Address
    shared: bool
    shared_table: bool


class PartRun(Record):
    """Equal neighbours inside a huge page: `count` parts of `part_bytes` from index `first`.

    `level` is the page-table level of the entries: pud, pmd or pte; null: cannot be told.
    """

    first: Count
    count: Annotated[int, Field(ge=1)]
    part_bytes: Count
    state: State
    level: Literal["pud", "pmd", "pte"] | None
    present_bytes: Count
    folio_bytes: Count | None = None
    inferred: bool = False


class PageDetail(Record):
    """Everything about the page behind one cell: who maps it, and how, part by part.

    Attributes:
        address: of the cell; `first` its index in the mapping at `start`.
        explanation: a sentence for each reason why the counts differ.
        mapped_by: every mapping seen; null where pages cannot be joined.
        parts: 2 MiB chunks of a 1 GiB page, 4 KiB entries of a smaller one.
    """

    pid: Pid
    comm: Name | None
    start: Address
    first: Count
    address: Address
    page_size: Count
    state: State
    mapped_bytes: Count
    mapcount: Count | None
    mappers: Count | None
    processes: Count | None
    node: NodeNumber | None
    flags: list[Name]
    file: FileRef | None
    file_offset: Count | None
    reasons: list[SharingReason]
    explanation: list[str]
    mapped_by: list[PageMapper] | None
    parts: list[PartRun]
