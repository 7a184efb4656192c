"""On a live mainline kernel no huge page is split, none is lost, and each is one entry inside."""

from __future__ import annotations

import numpy as np
import pytest

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.granularity import lost_pages, split_facts
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_agent.watch import SMAPS_EVERY_S
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.host import Source
from tests.kernel import cases

pytestmark = pytest.mark.kernel


class Clock:
    """Moves by the test's hand, so that smaps is read again without waiting for it."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("name", ["uffd_marker", "shared_table", "forked_private", "one_gib_page"])
def test_smaps_and_cells_agree_to_the_byte(name: str) -> None:
    clock = Clock()
    with cases.ALL[name]() as case:
        files = HostFiles(Root.at("/"))
        options = SamplerOptions(pids=frozenset(case.pids))
        sampler = Sampler(files, Source(kind="live"), options, clock)
        sampler.full()
        clock.now_s += 100 * SMAPS_EVERY_S
        sampler.full()
        for pid in case.pids:
            watch = sampler.view.watches[pid]
            assert watch.mappings
            for mapping in watch.mappings:
                assert mapping.smaps_fits
                assert lost_pages(mapping) == 0
                assert split_facts(mapping) is None
                for cell in np.flatnonzero(mapping.cells.mapped_pages).tolist():
                    runs = sampler.view._reader.drill(mapping, watch.pagemap, cell)
                    assert [run.state for run in runs] == ["mapped"]
                    present = sum(run.count * run.present_bytes for run in runs)
                    assert present == int(mapping.cells.mapped_pages[cell]) * PAGE_BYTES
        sampler.close()
        files.close()
