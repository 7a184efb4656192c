"""A picture that is brought forward, frame by frame, faster than frame by whole frame.

Nobody sees the pictures in between: changes are written into the cells in place, and of texts that
differ in numbers alone only the last is read. Where a frame tells of processes, which its numbers
may name, it is taken whole.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

import numpy as np

from hugescope_wire.blocks import Encoding, decode_block
from hugescope_wire.cells import Cells
from hugescope_wire.errors import WireError
from hugescope_wire.frames import Frame, FrameKind, parse_meta
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments.cellblocks import Taken, rows_of_table
from hugescope_wire.segments.deltas import Parts
from hugescope_wire.segments.texts import Said

_COLUMNS: Final = tuple(column.name for column in fields(Cells))
_MOST_TABLES: Final = 64
_NO_PROCESSES: Final = b'"processes":[],"gone_pids":[],'


class Forward:
    """Brings a picture whose arrays are its own from a key on."""

    def __init__(self, picture: HostPicture) -> None:
        self._picture = picture
        self._waiting: dict[int, Said] = {}
        self._plain: dict[int, bool] = {}
        self._owned: set[int] = set()
        self._rows: dict[tuple[bytes, int, int], Cells] = {}

    def take(self, parts: Parts) -> None:
        """The next frame.

        Raises:
            WireError: it does not fit, or is none.
        """
        said = parts.said
        plain = self._plain.get(said.number)
        if plain is None:
            plain = parts.kind is FrameKind.DELTA and _NO_PROCESSES in said.skeleton
            self._plain[said.number] = plain
        if not plain:
            self._catch_up()
            self._apply(parts)
            return
        # The last one of its skeleton is the newest: it goes behind the others.
        self._waiting.pop(said.number, None)
        self._waiting[said.number] = said
        for taken in parts.taken():
            self._write(parts, taken)

    def begin_segment(self) -> None:
        """Skeletons are numbered anew from here on."""
        self._catch_up()
        self._plain.clear()

    def picture(self) -> HostPicture:
        """What it came to."""
        self._catch_up()
        return self._picture

    def _apply(self, parts: Parts) -> None:
        frame = parts.frame()
        blocks = tuple(decode_block(block, 0, with_ages=False)[0] for block in frame.blocks)
        self._picture.apply(Frame(frame.kind, self._picture.seq + 1, frame.meta, blocks))
        self._owned.clear()

    def _catch_up(self) -> None:
        for said in self._waiting.values():
            meta = parse_meta(FrameKind.DELTA, said.text())
            self._picture.apply(Frame(FrameKind.DELTA, self._picture.seq + 1, meta, ()))
        self._waiting.clear()

    def _write(self, parts: Parts, taken: Taken) -> None:
        info = self._picture.mappings.get(taken.mapping_id)
        if info is None:
            raise WireError("bad_block", f"mapping {taken.mapping_id} is not there")
        if taken.encoding == Encoding.CODED:
            self._write_coded(taken, info.page_size)
            return
        encoded, _ = decode_block(parts.blocks.whole(taken), 0, with_ages=False)
        block = encoded.decode(info.cell_count, info.page_size)
        index = slice(block.first, block.first + len(block.cells))
        cells = self._own(info.id)
        for name in _COLUMNS:
            column = getattr(cells, name)
            column[index if block.index is None else block.index] = getattr(block.cells, name)

    def _write_coded(self, taken: Taken, page_size: int) -> None:
        cells = self._own(taken.mapping_id)
        if not taken.covered:
            return
        index = np.cumsum(np.concatenate(((taken.first,), taken.steps)))
        code = np.frombuffer(taken.codes, np.uint8)
        if int(index[-1]) >= len(cells) or int(code.max()) >= taken.rows:
            raise WireError("bad_block", f"mapping {taken.mapping_id}: a cell past its end")
        rows = self._rows_of(taken, page_size)
        for name in _COLUMNS:
            getattr(cells, name)[index] = getattr(rows, name)[code]

    def _rows_of(self, taken: Taken, page_size: int) -> Cells:
        """Most frames' cells are in the same few ways."""
        key = (taken.table, taken.columns, page_size)
        rows = self._rows.get(key)
        if rows is None:
            if len(self._rows) >= _MOST_TABLES:
                self._rows.clear()
            rows = self._rows[key] = rows_of_table(taken, page_size)
        return rows

    def _own(self, number: int) -> Cells:
        """The cells of a mapping, to be written: what came in a whole frame may be its bytes."""
        cells = self._picture.cells[number]
        if number in self._owned:
            return cells
        self._owned.add(number)
        if not all(getattr(cells, name).flags.writeable for name in _COLUMNS):
            cells = self._picture.cells[number] = cells.copy()
        return cells
