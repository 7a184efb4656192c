"""A picture's state as one short word: equal words, equal pictures."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import fields
from typing import Final

from hugescope_wire.cells import Cells
from hugescope_wire.errors import WireError
from hugescope_wire.picture import HostPicture

_COLUMNS: Final = tuple(column.name for column in fields(Cells))
_DIGEST_BYTES: Final = 16


def state_hash(picture: HostPicture) -> str:
    """BLAKE2b of all that the picture holds but its frame number: everything that is said of the
    host, times included, and every column of every cell. 32 hexadecimal digits.

    Raises:
        WireError: `no_full_frame` when nothing came yet.
    """
    if picture.about is None:
        raise WireError("no_full_frame", "nothing is known of this host yet")
    text = picture.about.model_dump_json().encode()
    sums = hashlib.blake2b(struct.pack("<Q", len(text)), digest_size=_DIGEST_BYTES)
    sums.update(text)
    for number in sorted(picture.cells):
        cells = picture.cells[number]
        sums.update(struct.pack("<IQ", number, len(cells)))
        for name in _COLUMNS:
            column = getattr(cells, name)
            sums.update(column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes())
    return sums.hexdigest()
