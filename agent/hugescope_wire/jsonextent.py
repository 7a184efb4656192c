"""How much JSON there is, before it is parsed.

A parser takes hundreds of bytes for each object or list, however short, and as much for each that
is wrong: 60 MiB of ``[],`` would take 10 GiB. Bounds follow from the most mappings that a full
frame can hold, 65,535. What stands in strings, which processes choose, does not count.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hugescope_wire.errors import WireError

MAX_OPENINGS: Final = 1 << 19
"""Objects and lists: eight a mapping."""

MAX_COMMAS: Final = 1 << 22
"""Values, nearly: 64 a mapping."""

_PIECE_BYTES: Final = 1 << 20
_QUOTE, _COMMA, _OBJECT, _LIST = b'",{['


def check_extent(text: bytes) -> None:
    """Refuse what is more than any host has to say.

    Raises:
        WireError: `bad_json`.
    """
    if _is_too_much(text.count(b"{") + text.count(b"["), text.count(b",")):
        openings, commas = _outside_strings(text)
        if _is_too_much(openings, commas):
            raise WireError(
                "bad_json",
                f"{openings} objects and lists, {commas} commas, "
                f"at most {MAX_OPENINGS} and {MAX_COMMAS}",
            )


def _is_too_much(openings: int, commas: int) -> bool:
    return openings > MAX_OPENINGS or commas > MAX_COMMAS


def _outside_strings(text: bytes) -> tuple[int, int]:
    """Objects and lists, and commas, that no string holds."""
    plain = text.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
    quotes = openings = commas = 0
    for at in range(0, len(plain), _PIECE_BYTES):
        raw = np.frombuffer(plain, np.uint8, min(_PIECE_BYTES, len(plain) - at), at)
        before = np.cumsum(raw == _QUOTE) + quotes
        quotes = int(before[-1])
        outside = raw[before % 2 == 0]
        commas += int(np.count_nonzero(outside == _COMMA))
        openings += int(np.count_nonzero((outside == _OBJECT) | (outside == _LIST)))
    return openings, commas
