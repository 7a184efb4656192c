"""Input made from seeds by what people, disks and attackers do to it: some drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hypothesis import strategies as st

NUMBERS: Final = (
    b"0",
    b"-1",
    b"18446744073709551615",
    b"9223372036854775808",
    b"9" * 40,
    b"7" * 5000,
    b"NaN",
    b"Infinity",
    b"1e999",
    b"0x7f",
)
"""5000 digits are more than Python turns into a number."""

PIECES: Final = (
    b"",
    b"\0",
    b"\n",
    b" ",
    b"\xff",
    b"\xc3\x28",
    b"\x1b[31m<img src=x>",
    b"../..",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"\xf0\x9f\x92\xa9",
    "\u0663\u00b2".encode(),
    *NUMBERS,
)
WORDS: Final = tuple(
    number.to_bytes(size, "little")
    for size in (4, 8)
    for number in (0, 1, 1 << (8 * size - 1), (1 << 8 * size) - 1)
)

Draw = Callable[[st.SearchStrategy[int]], int]
_Change = Callable[[bytes, Draw], bytes]


def _at(data: bytes, draw: Draw) -> int:
    return draw(st.integers(0, len(data)))


def _flipped(data: bytes, draw: Draw) -> bytes:
    if not data:
        return data
    bit = draw(st.integers(0, len(data) * 8 - 1))
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def _cut(data: bytes, draw: Draw) -> bytes:
    return data[: _at(data, draw)]


def _without_a_part(data: bytes, draw: Draw) -> bytes:
    first, last = sorted((_at(data, draw), _at(data, draw)))
    return data[:first] + data[last:]


def _with_a_piece(data: bytes, draw: Draw) -> bytes:
    at = _at(data, draw)
    return data[:at] + PIECES[draw(st.integers(0, len(PIECES) - 1))] + data[at:]


def _over_a_word(data: bytes, draw: Draw) -> bytes:
    word = WORDS[draw(st.integers(0, len(WORDS) - 1))]
    at = _at(data, draw) // 4 * 4
    return data[:at] + word + data[at + len(word) :]


def _other_number(data: bytes, draw: Draw) -> bytes:
    """One run of digits is another."""
    starts = [
        at for at in range(len(data)) if data[at : at + 1].isdigit() and not _digit(data, at - 1)
    ]
    if not starts:
        return data
    first = starts[draw(st.integers(0, len(starts) - 1))]
    last = first
    while _digit(data, last):
        last += 1
    return data[:first] + NUMBERS[draw(st.integers(0, len(NUMBERS) - 1))] + data[last:]


def _digit(data: bytes, at: int) -> bool:
    return at >= 0 and data[at : at + 1].isdigit()


def _line_again(data: bytes, draw: Draw) -> bytes:
    """A line stands twice, or somewhere else."""
    lines = data.split(b"\n")
    line = lines[draw(st.integers(0, len(lines) - 1))]
    lines.insert(draw(st.integers(0, len(lines))), line)
    return b"\n".join(lines)


def _without_a_line(data: bytes, draw: Draw) -> bytes:
    lines = data.split(b"\n")
    del lines[draw(st.integers(0, len(lines) - 1))]
    return b"\n".join(lines)


CHANGES: Final[tuple[_Change, ...]] = (
    _flipped,
    _cut,
    _without_a_part,
    _with_a_piece,
    _over_a_word,
    _other_number,
    _line_again,
    _without_a_line,
)


@st.composite
def hostile(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A seed with a few changes, one from the begin of one and the end of another, or noise."""
    kind = draw(st.integers(0, 19))
    if kind == 0:
        return draw(st.binary(max_size=200))
    data = draw(st.sampled_from(seeds))
    if kind == 1:
        other = draw(st.sampled_from(seeds))
        return data[: _at(data, draw)] + other[_at(other, draw) :]
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4)):
        data = change(data, draw)
    return data
