"""Who shares the pages of captured trees, and what no kernel file says: which tables are shared."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.whois import page_detail
from hugescope_agent.sampler import Sampler
from hugescope_wire.cells import CellFlag
from hugescope_wire.host import Source
from hugescope_wire.report import SharingGroup

Tree = Callable[[str], Path]
STOCK = ["stock-6.12-stage1", "stock-6.12-stage3"]
EVERY = [*STOCK, "hgm-v2-stage2", "hgm-v2-stage3", "hgm-v2-stage4"]
MIB2 = 2 << 20
FIRST = (159, 0x7E8000000000)
SECOND = (161, 0x7D8000000000)
TWIN = (162, 0x7C8000200000)
BOTH = CellFlag.SHARED_TABLE | CellFlag.INFERRED


@contextmanager
def looked_at(root: Path) -> Iterator[Sampler]:
    """A sampler that has looked once."""
    files = HostFiles(Root.at(str(root)))
    sampler = Sampler(files, Source(kind="capture"))
    try:
        sampler.full()
        yield sampler
    finally:
        sampler.close()
        files.close()


def mapping_at(sampler: Sampler, pid: int, start: int) -> TrackedMapping:
    """The mapping of a process that begins there."""
    mappings = next(found for number, _, found in sampler.view.processes() if number == pid)
    return next(mapping for mapping in mappings if mapping.vma.start == start)


def counts(groups: list[SharingGroup]) -> set[tuple[object, ...]]:
    return {(g.cells, g.mapcount, g.mappers, g.processes, *g.reasons) for g in groups}


def test_shared_table_of_two_and_a_twin_beside_the_border(tree: Tree) -> None:
    """The twin's pages have three mappers and a mapcount of 2; all others two and 1."""
    with looked_at(tree("stock-6.12-stage1")) as sampler:
        sharing = sampler.view.sharing()
        for pid, start in (FIRST, SECOND):
            mapping = mapping_at(sampler, pid, start)
            assert counts(sharing.groups(mapping)) == {
                (5, 1, 2, 2, "shared_table"),
                (5, 2, 3, 3, "shared_table"),
            }
            flags = mapping.cells.flags[mapping.present_index] & BOTH
            assert set(flags.tolist()) == {CellFlag.SHARED_TABLE}
        twin = mapping_at(sampler, *TWIN)
        assert counts(sharing.groups(twin)) == {(5, 2, 3, 3, "shared_table")}
        assert not (twin.cells.flags & BOTH).any()


def test_the_twin_counts_though_its_process_was_not_captured(tree: Tree) -> None:
    """Process 162 lives on in the kernel's counts, and the table is found all the same."""
    with looked_at(tree("stock-6.12-stage3")) as sampler:
        sharing = sampler.view.sharing()
        for pid, start in (FIRST, SECOND):
            assert counts(sharing.groups(mapping_at(sampler, pid, start))) == {
                (5, 1, 2, 2, "shared_table"),
                (5, 2, 2, 2, "shared_table", "unseen_mapping"),
            }
        assert counts(sharing.groups(mapping_at(sampler, 159, 0x7E1000000000))) == {
            (4, 1, 1, 1),
            (1, 2, 2, 2),
            (2, 3, 2, 2, "unseen_mapping"),
        }


@pytest.mark.parametrize("name", STOCK)
def test_the_kernel_s_exclusive_bit_agrees(tree: Tree, name: str) -> None:
    """6.12 clears it on a shared table: a page of mapcount 1 without it is in one."""
    with looked_at(tree(name)) as sampler:
        for _, _, mappings in sampler.view.processes():
            for mapping in mappings:
                cells = mapping.cells.take(mapping.present_index)
                once = cells.mapcount == 1
                shared = (cells.flags & CellFlag.SHARED_TABLE) != 0
                exclusive = (cells.flags & CellFlag.EXCLUSIVE) != 0
                assert np.array_equal(shared[once], ~exclusive[once])


@pytest.mark.parametrize("name", EVERY)
def test_every_difference_has_a_reason(tree: Tree, name: str) -> None:
    """Only where a process was not captured is a mapping unseen."""
    with looked_at(tree(name)) as sampler:
        sharing = sampler.view.sharing()
        for _, _, mappings in sampler.view.processes():
            for mapping in mappings:
                for group in sharing.groups(mapping):
                    agree = group.mapcount == group.mappers == group.processes
                    hidden = group.reasons == ["shared_table", "unseen_mapping"]
                    assert agree == (not group.reasons or hidden), group
                    assert "moving" not in group.reasons
                    if name != "stock-6.12-stage3":
                        assert "unseen_mapping" not in group.reasons


@pytest.mark.parametrize("name", EVERY)
def test_whoever_maps_a_page_is_named_from_all_its_mappings_alike(tree: Tree, name: str) -> None:
    with looked_at(tree(name)) as sampler:
        everyone, sharing = sampler.view.processes(), sampler.view.sharing()
        for pid, _, mappings in everyone:
            for mapping in mappings:
                cell = next(iter(mapping.present_index.tolist()), None)
                if cell is None:
                    continue
                address = mapping.vma.start + cell * mapping.vma.page_size
                detail = page_detail(everyone, pid, address, sharing)
                assert detail.mapped_by is not None
                assert len(detail.mapped_by) == detail.mappers
                assert len({mapper.pid for mapper in detail.mapped_by}) == detail.processes
                for mapper in detail.mapped_by:
                    other = page_detail(everyone, mapper.pid, mapper.address, sharing)
                    assert other.mapped_by == detail.mapped_by
                    assert not mapping.vma.shared or other.file_offset == detail.file_offset


def test_who_maps_a_page_of_the_shared_table(tree: Tree) -> None:
    with looked_at(tree("stock-6.12-stage1")) as sampler:
        twin = mapping_at(sampler, *TWIN)
        cell = int(twin.present_index[0])
        address = TWIN[1] + cell * MIB2 + 5
        detail = page_detail(sampler.view.processes(), TWIN[0], address, sampler.view.sharing())
        assert detail.mapped_by is not None
        assert [(m.pid, m.start, m.shared_table) for m in detail.mapped_by] == [
            (*FIRST, True),
            (*SECOND, True),
            (*TWIN, False),
        ]
        assert detail.file_offset == twin.vma.offset + cell * MIB2
        assert (detail.mapcount, detail.mappers, detail.processes) == (2, 3, 3)
