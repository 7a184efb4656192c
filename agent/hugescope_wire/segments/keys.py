"""A whole picture as a record.

Numbers: bytes of JSON, mappings; then of each mapping its id, its cells, and its rows: the ways in
which its cells are, each once (0: they are more than fit a code of two bytes, and each cell has
its row). The JSON and the rows are text; the numbers of the rows, cell by cell, are codes: of up to
16 rows as many in a byte as fit, the first lowest; of more than 256, all low bytes before the high
ones.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import CellFlag, Cells, CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, RawFrame, encode_range, parse_meta
from hugescope_wire.host import MAX_CELLS, HostFrame
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments import streams
from hugescope_wire.segments.numbers import Bytes, Numbers, packed, unpacked
from hugescope_wire.segments.streams import Most, Packer, Unpacker

_MOST: Final = 0xFFFFFFFF
_ALL_FLAGS: Final = sum(CellFlag)
_MOST_CODED: Final = 1 << 16
_MAX_JSON_BYTES: Final = 1 << 26
"""As a frame of an agent (`messages.MAX_AGENT_MESSAGE_BYTES`)."""

_PIECE: Final = 1 << 20
"""Cells that are made of their codes at once."""

_ROW: Final = np.dtype(
    [
        (column.name, kind)
        for column, kind in zip(fields(Cells), ("<u4", "<u2", "<u2", "u1", "u1", "u1"), strict=True)
    ]
)

MOST: Final[Most] = (
    _MAX_JSON_BYTES + _ROW.itemsize * MAX_CELLS,
    _MAX_JSON_BYTES >> 4,
    _ROW.itemsize * MAX_CELLS,
    0,
)
"""Text is JSON and rows, of which there are not more than cells; the numbers of a mapping take 12
bytes, its JSON more than 16 times as many.
"""


def key_payload(picture: HostPicture) -> bytes:
    """Of a record of this picture, which has taken a full frame."""
    assert picture.about is not None, "a picture begins with a full frame"
    text = bytearray(picture.about.model_dump_json().encode())
    codes = bytearray()
    numbers = [len(text), len(picture.cells)]
    for number, cells in picture.cells.items():
        rows, code = _distinct(cells)
        numbers += (number, len(cells), len(rows))
        text += rows.tobytes()
        codes += code
    return Packer().pack((bytes(text), packed(numbers), bytes(codes), b""))


def key_frame(payload: bytes) -> RawFrame:
    """The picture as a full frame.

    Raises:
        WireError: `bad_recording`, or as `parse_meta`.
    """
    meta, sizes, held = _read(payload)
    blocks = [encode_range(number, sizes[number], cells) for number, cells in held.items()]
    return RawFrame(FrameKind.FULL, meta, tuple(blocks))


def key_picture(payload: bytes) -> HostPicture:
    """The picture itself; its arrays are its own and may be written.

    Raises:
        WireError: `bad_recording`, or as `parse_meta`.
    """
    meta, _, held = _read(payload)
    infos = {info.id: info for process in meta.processes for info in process.mappings}
    for number, info in infos.items():
        if number not in held or len(held[number]) != info.cell_count:
            raise WireError("bad_recording", f"mapping {number} came without its cells")
    return HostPicture(0, meta, infos, held)


def _read(payload: bytes) -> tuple[HostFrame, dict[int, int], dict[int, Cells]]:
    """What is said of the host, its mappings' page sizes, and their cells."""
    plain = Unpacker(MOST).unpack(payload)
    text, codes = Bytes(plain[streams.TEXT]), Bytes(plain[streams.CODES])
    numbers = Numbers(unpacked(plain[streams.NUMBERS]))
    meta = parse_meta(FrameKind.FULL, text.take(numbers.count(_MAX_JSON_BYTES)))
    assert isinstance(meta, HostFrame), "a full frame has one"
    sizes = {info.id: info.page_size for process in meta.processes for info in process.mappings}
    held: dict[int, Cells] = {}
    left = MAX_CELLS
    for _ in range(numbers.count(len(sizes))):
        number, count = numbers.count(_MOST), numbers.count(left)
        left -= count
        if number not in sizes:
            raise WireError("bad_recording", f"cells of mapping {number}, which is not there")
        held[number] = _cells(text, codes, count, numbers.count(_MOST_CODED))
    return meta, sizes, held


def _distinct(cells: Cells) -> tuple[npt.NDArray[np.void], bytes]:
    """Each way to be once, and which each cell is; none, and every cell's own row: too many."""
    starts = cells.run_starts()
    firsts = cells.take(starts)
    code, rows = np.zeros(len(starts), np.int64), np.zeros(0, np.intp)
    for field in fields(Cells):
        values, inverse = np.unique(getattr(firsts, field.name), return_inverse=True)
        both = code * len(values) + inverse.reshape(-1)
        _, rows, code = np.unique(both, return_index=True, return_inverse=True)
        code = code.reshape(-1)
    if len(rows) > _MOST_CODED:
        return np.zeros(0, _ROW), _table(cells).tobytes()
    wide = np.repeat(code, np.diff(starts, append=len(cells)))
    return _table(firsts.take(rows)), _coded(wide, len(rows))


def _share(rows: int) -> int:
    """Codes in a byte."""
    return next((8 // bits for bits in (1, 2, 4) if rows <= 1 << bits), 1)


def _coded(code: npt.NDArray[np.int64], rows: int) -> bytes:
    share = _share(rows)
    low = np.zeros(-(-len(code) // share), np.uint8)
    for place in range(share):
        part = (code[place::share] & 0xFF).astype(np.uint8)
        low[: len(part)] |= part << (8 // share * place)
    return low.tobytes() + ((code >> 8).astype(np.uint8).tobytes() if rows > 1 << 8 else b"")


def _decoded(codes: Bytes, count: int, rows: int) -> npt.NDArray[np.uint16]:
    share = _share(rows)
    low = np.frombuffer(codes.take(-(-count // share)), np.uint8)
    code = np.zeros(len(low) * share, np.uint16)
    for place in range(share):
        code[place::share] = low >> (8 // share * place) & (1 << 8 // share) - 1
    code = code[:count]
    if rows > 1 << 8:
        code |= np.frombuffer(codes.take(count), np.uint8).astype(np.uint16) << 8
    return code


def _table(cells: Cells) -> npt.NDArray[np.void]:
    table = np.zeros(len(cells), _ROW)
    for name in _ROW.names or ():
        table[name] = getattr(cells, name)
    return table


def _cells(text: Bytes, codes: Bytes, count: int, rows: int) -> Cells:
    if rows:
        table = np.frombuffer(text.take(_ROW.itemsize * rows), _ROW)
        code = _decoded(codes, count, rows)
        if count and int(code.max()) >= rows:
            raise WireError("bad_recording", f"code {int(code.max())} of {rows} rows")
    else:
        table = np.frombuffer(codes.take(_ROW.itemsize * count), _ROW)
        code = None
    if len(table) and int(table["state"].max()) >= len(CellState):
        raise WireError("bad_recording", "a state is not known here")
    if int(np.bitwise_or.reduce(table["flags"], initial=0)) & ~_ALL_FLAGS:
        raise WireError("bad_recording", "flags are not known here")
    return Cells(**{name: _column(table[name], code) for name in _ROW.names or ()})


def _column(values: npt.NDArray[Any], code: npt.NDArray[np.uint16] | None) -> npt.NDArray[Any]:
    """Of every cell, in memory of its own; indices take eight bytes each, so piece by piece."""
    if code is None:
        return values.copy()
    column = np.empty(len(code), values.dtype)
    for at in range(0, len(code), _PIECE):
        column[at : at + _PIECE] = values[code[at : at + _PIECE]]
    return column
