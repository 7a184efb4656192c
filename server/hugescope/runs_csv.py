"""Runs of cells as CSV: one row a run, under a header row.

Columns as `hugescope_server.extents` has them, behind when and whose. Quoted where a field needs it
(RFC 4180). `comm` and `backing` are what a process chose to call itself and its memory: control
characters are made visible, and what a spreadsheet would take for a formula gets a quote mark.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Final, TextIO

import numpy as np

from hugescope.commands.snapshot import printable
from hugescope.moments import utc_words
from hugescope_server.extents import Wish, find
from hugescope_wire.cells import UNKNOWN_AGE, Cells
from hugescope_wire.extents import Extent
from hugescope_wire.host import MappingInfo, ProcessInfo
from hugescope_wire.picture import HostPicture

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_FIELDS: Final = tuple(name for name in Extent.model_fields if name != "changed_ago_s")
COLUMNS: Final = (
    *("at", "taken_at", "pid", "comm", "mapping", "mapping_end", "page_size", "kind", "backing"),
    *_FIELDS,
)


def write_header(out: TextIO) -> None:
    """The names of the columns."""
    out.write(_line(*COLUMNS) + "\n")


def write_runs(out: TextIO, at_s: float, picture: HostPicture, pids: frozenset[int] | None) -> None:
    """Every run of cells of these processes (None: of all) at one moment."""
    assert picture.about is not None
    when = (utc_words(at_s), _rfc3339(picture.about.taken_at))
    for process in picture.about.processes:
        if pids is not None and process.pid not in pids:
            continue
        for info in process.mappings:
            begin = _line(*when, *_whose(process, info))
            for row in _rows(info, picture.cells[info.id]):
                out.write(f"{begin},{row}\n")


def _line(*fields: object) -> str:
    """Fields quoted where they need it, without the end of the line."""
    made = io.StringIO()
    csv.writer(made, lineterminator="").writerow(fields)
    return made.getvalue()


def _rfc3339(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _whose(process: ProcessInfo, info: MappingInfo) -> tuple[object, ...]:
    backing = info.backing.name or info.backing.kind
    return (
        *(process.pid, guarded(process.comm), f"{info.start:#x}", f"{info.end:#x}"),
        *(info.page_size, info.kind, guarded(backing)),
    )


def guarded(text: str | None) -> str:
    """Text of others that no spreadsheet takes for a formula; nothing for what is not known."""
    if text is None:
        return ""
    shown = printable(text).plain
    return f"'{shown}" if text.lstrip(" ").startswith(_FORMULA) else shown


def _rows(info: MappingInfo, cells: Cells) -> Iterator[str]:
    """The server's rows, without their last field: when a cell changed is not known here."""
    ages = np.full(len(cells), UNKNOWN_AGE, np.uint32)
    pieces = find(info, cells, ages, Wish()).csv()
    next(pieces)  # the header
    for piece in pieces:
        for row in piece.splitlines():
            yield row.rpartition(",")[0]
