"""Decimal numbers in files of the kernel: none is larger than a u64.

A captured tree may hold anything; Python refuses numbers of thousands of digits in an error of its
own, and what is larger than any counter fits no array.
"""

from __future__ import annotations

from typing import Final

_DIGITS: Final = 20
"""Of 2^64 - 1."""

_U64: Final = 1 << 64


def decimal(text: str | bytes) -> int | None:
    """The number that these digits are; None where they are no digits, or more than a u64 holds."""
    if len(text) > _DIGITS or not text.isascii() or not text.isdigit():
        return None
    number = int(text)
    return number if number < _U64 else None
