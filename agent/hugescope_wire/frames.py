"""Binary frames: what an agent sends, a recording stores and a browser decodes.

All numbers little-endian; every offset below is from the start of the frame, every block starts at
a multiple of 4.

    0   4  magic  b"HSF1"
    4   1  kind   1 full, 2 delta, 3 cells (server to viewer: blocks of one mapping), 4 groups
                  (the same of coarser views; its blocks: `hugescope_wire.groups`)
    5   1  flags: 1 late, made while there was no link to the server; others 0
    6   2  block count, u16
    8   8  seq, u64: 1 for the first frame of an epoch, one more each frame
    16  4  JSON length in bytes, u32
    20  .. JSON (UTF-8), zero-padded to a multiple of 4
    ..     blocks

A block of kind full, delta or cells stands in `hugescope_wire.blocks`, of kind groups in
`hugescope_wire.groups`.

Decoding checks every length and index before it allocates, so that a hostile frame raises
`WireError` and never costs more memory than its own size, runs of a known mapping aside.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from hugescope_wire.blocks import (
    Block,
    EncodedBlock,
    Encoding,
    decode_block,
    encode_range,
    encode_rows,
    encode_scattered,
    whole_pages,
)
from hugescope_wire.errors import WireError
from hugescope_wire.groups import GroupBlock, decode_groups
from hugescope_wire.host import HostDelta, HostFrame
from hugescope_wire.jsonextent import check_extent

__all__ = [
    "MAGIC",
    "Block",
    "EncodedBlock",
    "Encoding",
    "Frame",
    "FrameKind",
    "RawFrame",
    "decode_frame",
    "encode_cells",
    "encode_frame",
    "encode_range",
    "encode_rows",
    "encode_scattered",
    "marked_late",
    "parse_meta",
    "split_frame",
    "whole_pages",
]

MAGIC: Final = b"HSF1"
_HEADER: Final = struct.Struct("<4sBBHQI")
_LATE: Final = 1
_MOST_ERRORS: Final = 1000
"""All are made when one is asked for."""

_LONG_JSON_BYTES: Final = 1 << 20
"""From here on it becomes plain values first: what validates JSON itself takes up to 13 KiB for
each object meanwhile, and a copy of it for each error.
"""

_FULL: Final = TypeAdapter(HostFrame)
_DELTA: Final = TypeAdapter(HostDelta)


class FrameKind(IntEnum):
    """What a frame holds."""

    FULL = 1
    DELTA = 2
    CELLS = 3
    GROUPS = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame. `meta` is None in frames of cells and of groups; a frame of groups has
    `groups` and no `blocks`, any other the other way round. `late`: it waited for a link.
    """

    kind: FrameKind
    seq: int
    meta: HostFrame | HostDelta | None
    blocks: tuple[EncodedBlock, ...]
    groups: tuple[GroupBlock, ...] = ()
    late: bool = False


@dataclass(frozen=True, slots=True)
class RawFrame:
    """A frame that was checked, with its blocks as they stand in it: to be sent again."""

    kind: FrameKind
    meta: HostFrame | HostDelta
    blocks: tuple[bytes, ...]


def encode_frame(
    kind: FrameKind, seq: int, meta: HostFrame | HostDelta | None, blocks: Sequence[bytes]
) -> bytes:
    """A frame of `blocks` made by `encode_range` and `encode_scattered`.

    Raises:
        WireError: `too_many_blocks` beyond 65,535.
    """
    if len(blocks) > 0xFFFF:
        raise WireError("too_many_blocks", f"{len(blocks)} mappings in one frame, at most 65535")
    text = b"" if meta is None else meta.model_dump_json().encode()
    header = _HEADER.pack(MAGIC, kind, 0, len(blocks), seq, len(text))
    return b"".join((header, text, bytes(-len(text) % 4), *blocks))


def marked_late(frame: bytes) -> bytes:
    """The same frame, said to have waited for a link."""
    return b"".join((frame[:5], bytes((frame[5] | _LATE,)), frame[6:]))


def encode_cells(seq: int, blocks: Iterable[bytes]) -> bytes:
    """A frame of kind cells, as the server sends to a viewer of one mapping; its blocks are made by
    `encode_range` and `encode_scattered`, of a frame of kind groups by `encode_groups`.
    """
    return encode_frame(FrameKind.CELLS, seq, None, list(blocks))


def decode_frame(data: bytes | memoryview) -> Frame:
    """Check and decode one frame.

    Raises:
        WireError: with a stable code: `short_frame`, `bad_magic`, `bad_kind`, `bad_json`,
            `bad_block`, `trailing_bytes`; the message says where.
    """
    if len(data) < _HEADER.size:
        raise WireError("short_frame", f"{len(data)} bytes, the header alone has {_HEADER.size}")
    magic, kind_number, flags, block_count, seq, json_length = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise WireError("bad_magic", f"starts with {bytes(magic)!r}, expected {MAGIC!r}")
    try:
        kind = FrameKind(kind_number)
    except ValueError:
        raise WireError("bad_kind", f"frame kind {kind_number} is not known here") from None
    json_end = _HEADER.size + json_length
    at = json_end + -json_length % 4
    if at > len(data):
        raise WireError("short_frame", f"JSON of {json_length} bytes in a frame of {len(data)}")
    meta = parse_meta(kind, bytes(data[_HEADER.size : json_end]))
    blocks: list[EncodedBlock] = []
    groups: list[GroupBlock] = []
    for _ in range(block_count):
        if kind is FrameKind.GROUPS:
            group, at = decode_groups(data, at)
            groups.append(group)
        else:
            block, at = decode_block(data, at, with_ages=kind is FrameKind.CELLS)
            blocks.append(block)
    if at != len(data):
        raise WireError("trailing_bytes", f"{len(data) - at} bytes after the last block")
    return Frame(kind, seq, meta, tuple(blocks), tuple(groups), bool(flags & _LATE))


def split_frame(data: bytes) -> RawFrame:
    """A frame of kind full or delta in its parts.

    Raises:
        WireError: as `decode_frame`; `bad_kind` for frames of cells or groups.
    """
    frame = decode_frame(data)
    if frame.meta is None:
        raise WireError("bad_kind", "a frame of cells is no part of a recording")
    (json_length,) = struct.unpack_from("<I", data, 16)
    at = _HEADER.size + json_length + -json_length % 4
    blocks = []
    for _ in frame.blocks:
        _, end = decode_block(data, at, with_ages=False)
        blocks.append(data[at:end])
        at = end
    return RawFrame(frame.kind, frame.meta, tuple(blocks))


def parse_meta(kind: FrameKind, text: bytes) -> HostFrame | HostDelta | None:
    """The JSON part of a frame.

    Raises:
        WireError: `bad_json`.
    """
    if kind in (FrameKind.CELLS, FrameKind.GROUPS):
        if text:
            raise WireError("bad_json", "a frame of cells carries no JSON")
        return None
    adapter: TypeAdapter[HostFrame] | TypeAdapter[HostDelta]
    adapter = _FULL if kind is FrameKind.FULL else _DELTA
    check_extent(text)
    try:
        if len(text) < _LONG_JSON_BYTES:
            return adapter.validate_json(text)
        return adapter.validate_python(_plain(text))
    except ValidationError as error:
        if error.error_count() > _MOST_ERRORS:
            raise WireError("bad_json", f"{error.error_count()} fields are wrong") from None
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise WireError("bad_json", f"{where}: {first['msg']}") from None


def _plain(text: bytes) -> object:
    try:
        return from_json(text)
    except ValueError as error:
        raise WireError("bad_json", f"JSON: {error}") from None
