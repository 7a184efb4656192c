"""Sizes as people write them: ``512M``, ``1G``, ``2 MiB``; all powers of 1024."""

import re

_UNITS = ("KiB", "MiB", "GiB", "TiB")
_SIZE = re.compile(r"([0-9]{1,15})\s*(?:([KMGT])(?:i?B)?|B)?", re.IGNORECASE)


def parse_size_bytes(text: str) -> int:
    """Bytes of a size such as ``256M``, ``1G``, ``2MiB`` or ``4096``; ValueError if it is none."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a size: {text!r} (write it as 256M or 1G)")
    exponent = " KMGT".index((match[2] or " ").upper())
    return int(match[1]) << (10 * exponent)


def size_text(size_bytes: int) -> str:
    """A size in the largest unit that gives at least 1: ``2 MiB``, ``1.5 GiB``."""
    value, unit = float(size_bytes), "bytes"
    for larger in _UNITS:
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.4g} {unit}"
