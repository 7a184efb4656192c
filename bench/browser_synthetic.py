"""An agent that reads nothing: one mapping of made-up cells, some of which change with each tick.

    python -m bench.browser_synthetic --server URL [--cells N] [--changes N] [--hz F]

Everything between it and the pixel is real: link, server, page. Every screen says that its source
is a replay of something synthetic.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Final

import numpy as np
from tests.unit.wire.made_wire import host_frame

from hugescope_agent.errors import AskError
from hugescope_agent.link import AgentLink, LinkOptions
from hugescope_agent.sample import Sample
from hugescope_wire.cells import UNKNOWN_COUNT, UNKNOWN_NODE, CellFlag, Cells, CellState
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.host import HostDelta, MappingInfo, ProcessInfo, Source
from hugescope_wire.page import PageDetail
from hugescope_wire.snapshot import Backing, HostInfo, LevelBytes, Pool

HOST: Final = "synthetic"
PID: Final = 9000
START: Final = 0x600000000000
PAGE: Final = 2 << 20
CELLS: Final = 524_288
CHANGES: Final = 5000
HZ: Final = 10.5
"""A little over ten, so that rounding does not decide whether ten are shown."""

_STRETCH: Final = 700
"""Cells that begin alike: neither one block nor noise."""


class Churn:
    """A mapping whose cells come and go anywhere."""

    def __init__(self, cells: int, changes: int) -> None:
        self._random = np.random.default_rng(1)
        self._changes = changes
        self._cells = Cells.holes(cells)
        mapped = self._random.random(-(-cells // _STRETCH)).repeat(_STRETCH)[:cells] < 0.6
        self._put(np.flatnonzero(mapped), CellState.MAPPED)
        lost = self._random.integers(0, cells, 20)
        self._put(lost, CellState.POISONED)
        self._fixed = np.zeros(cells, np.bool_)
        self._fixed[lost] = True

    def full(self) -> Sample:
        """Everything."""
        about = host_frame(
            [ProcessInfo(pid=PID, comm="synthetic", mappings=[self._info()])],
            taken_at=datetime.now(UTC),
            monotonic_s=time.monotonic(),
            source=Source(kind="replay", name="made-up cells (synthetic)"),
            host=HostInfo(name=HOST, kernel="synthetic", boot_id=None),
            pools=[
                Pool(
                    page_size=PAGE, node=None, total=len(self._cells), free=0, reserved=0, surplus=0
                )
            ],
        )
        return Sample(about, [encode_range(1, PAGE, self._cells)])

    def tick(self) -> Sample:
        """Some cells came, others went."""
        if not self._changes:
            return Sample(self._beat(), [])
        index = np.unique(self._random.integers(0, len(self._cells), self._changes))
        index = index[~self._fixed[index]]
        holes = self._cells.state[index] == CellState.HOLE
        self._put(index[holes], CellState.MAPPED)
        self._put(index[~holes], CellState.HOLE)
        return Sample(self._beat(), [encode_scattered(1, PAGE, index, self._cells.take(index))])

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """Nothing is behind any address."""
        raise AskError("no_such_mapping", "nothing here was read from a kernel")

    def _beat(self) -> HostDelta:
        return HostDelta(taken_at=datetime.now(UTC), monotonic_s=time.monotonic())

    def _info(self) -> MappingInfo:
        count = len(self._cells)
        return MappingInfo(
            id=1,
            cell_count=count,
            start=START,
            end=START + count * PAGE,
            page_size=PAGE,
            kind="hugetlb",
            shared=False,
            backing=Backing(kind="anonymous", name=None, inode=None, offset=0),
            vm_flags=["rd", "wr", "mr", "mw", "me", "ht"],
            level_bytes=LevelBytes(pud=None, pmd=None, pte=None),
        )

    def _put(self, index: np.ndarray[tuple[int], np.dtype[np.intp]], state: CellState) -> None:
        there = state is CellState.MAPPED
        cells = self._cells
        cells.state[index] = state
        cells.mapped_pages[index] = PAGE >> 12 if there else 0
        cells.mapcount[index] = cells.mappers[index] = 1 if there else UNKNOWN_COUNT
        cells.node[index] = 0 if there else UNKNOWN_NODE
        cells.flags[index] = CellFlag.EXCLUSIVE if there else 0


def main() -> None:
    """Send until stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--server", required=True)
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--changes", type=int, default=CHANGES, help="cells a tick")
    parser.add_argument("--hz", type=float, default=HZ)
    given = parser.parse_args()
    options = LinkOptions(
        given.server, HOST, "synthetic", given.hz, token=os.environ["HUGESCOPE_TOKEN"]
    )
    asyncio.run(AgentLink(Churn(given.cells, given.changes), options).run())


if __name__ == "__main__":
    main()
