import random

import numpy as np
import pytest

from hugescope_server.totals import Totals
from hugescope_wire.cells import PAGE_BYTES, CellFlag, Cells, CellState
from hugescope_wire.picture import levels_now
from hugescope_wire.snapshot import LevelBytes
from tests.unit.server.made_host import mapping_info, random_cells


def test_changes_leave_what_a_recount_would_find() -> None:
    rng = random.Random(3)
    cells = random_cells(rng, 900)
    totals = Totals(cells)
    for _ in range(20):
        at = np.array(sorted(rng.sample(range(900), 50)))
        values = random_cells(rng, 50)
        totals.replace(cells.take(at), values)
        cells = cells.replaced(at, values)
        assert totals.state_counts == cells.state_counts()
        assert totals.mapped_bytes == int(cells.mapped_pages.sum()) * PAGE_BYTES


def unseen(cells: Cells) -> Cells:
    out = Cells.holes(len(cells))
    out.flags[:] = CellFlag.INFERRED
    return out


@pytest.mark.parametrize("kind", ["hugetlb", "thp"])
@pytest.mark.parametrize("vm_flags", [None, ["ht"], ["ht", "hm"]])
@pytest.mark.parametrize("page_size", [1 << 16, 2 << 20, 1 << 30])
def test_levels_are_those_that_the_cells_tell(
    kind: str, vm_flags: list[str] | None, page_size: int
) -> None:
    said = LevelBytes(pud=1, pmd=2, pte=3)
    facts = {"kind": kind, "vm_flags": vm_flags, "page_size": page_size, "level_bytes": said}
    info = mapping_info(1, 300).model_copy(update=facts)
    any_cells = random_cells(random.Random(5), 300)
    decided = any_cells.copy()
    decided.state[decided.state == CellState.FULL] = CellState.SPLIT
    decided.flags[:] = 0
    for cells in (any_cells, decided, unseen(any_cells), Cells.holes(300)):
        assert Totals(cells).levels(info) == levels_now(info, cells)
