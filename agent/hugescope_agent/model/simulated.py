"""HugeScope's own post-copy, which stands in for a virtual machine that migrates.

Its sides are started as `python -P -m hugescope_agent.workloads.postcopy SIDE OPTION...`: options
of its own, and with them what a QEMU would be started with, such as `-name`
(workloads/supervisor.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hugescope_agent.model.qemu import Backend, RamLayout, RamPiece, size_bytes

MODULE: Final = "hugescope_agent.workloads.postcopy"
SIDES: Final = ("source", "destination")
BACKEND: Final = "ram"
_SIZE: Final = "--size-bytes="


def side_of(arguments: Sequence[str]) -> list[str] | None:
    """The side and its options, where a command line is that of one; None: it is not."""
    for at, one in enumerate(arguments[:-2]):
        if one == "-m" and arguments[at + 1] == MODULE:
            side = list(arguments[at + 2 :])
            return side if side[0] in SIDES else None
    return None


def memfd_name(side: str) -> str:
    """What the memfd of a side's memory is called."""
    return f"hs-{side}-ram"


def layout(side: Sequence[str]) -> RamLayout:
    """Where its memory lies in the guest that it stands for: all of it, from 0 on."""
    sizes = [one.removeprefix(_SIZE) for one in side if one.startswith(_SIZE)]
    size = size_bytes(sizes[-1]) if sizes else None
    if size is None:
        return RamLayout()
    backend = Backend(BACKEND, "memfd", size, memfd=memfd_name(side[0]))
    return RamLayout((RamPiece(0, backend),), (backend,))
