"""The file of a captured scan: its format, and what is no such file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.captured_scan import FRESH, MAGIC, decode, encode, fresh_cells

MIB2 = 2 << 20
ROWS = [(MIB2, 3 * MIB2, 0x4E), (3 * MIB2, 4 * MIB2, 0x52), (8 * MIB2, 9 * MIB2, 0x52 | FRESH)]
RANGES = np.array(ROWS, np.uint64)


def test_there_and_back() -> None:
    raw = encode(RANGES)
    assert raw[:16] == MAGIC + (3).to_bytes(8, "little")
    assert decode(raw, "x").ranges.tolist() == RANGES.tolist()
    assert len(decode(encode(RANGES[:0]), "x").ranges) == 0


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (0, 16 * MIB2, ROWS),
        (2 * MIB2, 8 * MIB2, [(2 * MIB2, 3 * MIB2, 0x4E), ROWS[1]]),
        (4 * MIB2, 8 * MIB2, []),
        (9 * MIB2, 10 * MIB2, []),
    ],
)
def test_scans_of_a_part(start: int, end: int, rows: list[tuple[int, int, int]]) -> None:
    raw = decode(encode(RANGES), "x").scan(start, end)
    assert np.frombuffer(raw, np.uint64).reshape(-1, 3).tolist() == [list(row) for row in rows]


def test_fresh_cells() -> None:
    raw = decode(encode(RANGES), "x").scan(MIB2, 10 * MIB2)
    assert np.flatnonzero(fresh_cells(raw, MIB2, MIB2, 9)).tolist() == [7]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "does not begin"),
        (b"HSSCAN\0\2" + bytes(8), "does not begin"),
        (MAGIC + bytes(7), "7 bytes|15 bytes"),
        (encode(RANGES)[:-1], "87 bytes for 3 ranges"),
        (encode(RANGES) + b"x", "89 bytes for 3 ranges"),
        (encode(RANGES[::-1]), "do not rise"),
        (encode(np.array([(MIB2, MIB2, 1)], np.uint64)), "do not rise"),
        (encode(np.array([(1, MIB2, 1)], np.uint64)), "whole pages"),
        (encode(np.array([(0, 1 << 60, 1)], np.uint64)), "whole pages"),
        (MAGIC + b"\xff" * 8, "16 bytes for 18446744073709551615 ranges"),
    ],
)
def test_what_is_none(raw: bytes, said: str) -> None:
    with pytest.raises(BadCapture, match=said) as caught:
        decode(raw, "proc/7/hugescope_scan")
    assert str(caught.value).startswith("proc/7/hugescope_scan: ")


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: MAGIC + rest))
def test_any_bytes_are_a_scan_or_refused(raw: bytes) -> None:
    try:
        scan = decode(raw, "x")
    except BadCapture:
        return
    assert encode(scan.ranges) == raw
