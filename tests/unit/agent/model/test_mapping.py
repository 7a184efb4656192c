"""One mapping as the agent keeps it, and what travels of it beside its cells."""

import pytest

from hugescope_wire.cells import Cells
from hugescope_wire.snapshot import LevelBytes
from tests.unit.agent.model.made_model import GIB, MIB2, huge_vma, smaps_of, tracked
from tests.unit.wire.made_wire import rows_of


def test_a_new_mapping_knows_only_holes() -> None:
    mapping = tracked(3, 4)
    assert rows_of(mapping.cells) == rows_of(Cells.holes(4))
    assert not mapping.present.any()
    assert mapping.head_pfn.tolist() == [0] * 4
    assert mapping.ranges is None


def test_info_without_smaps() -> None:
    mapping = tracked(3, 2)
    mapping.cells.mapped_pages[:] = [512, 0]
    info = mapping.info()
    assert (info.id, info.cell_count, info.vm_flags) == (3, 2, None)
    assert (info.end - info.start, info.page_size) == (2 * MIB2, MIB2)
    assert info.level_bytes == LevelBytes(pud=0, pmd=MIB2, pte=0)


@pytest.mark.parametrize("hgm", [True, False])
def test_levels_are_smaps_own_where_parts_may_be_mapped(hgm: bool) -> None:
    mapping = tracked(3, 1, page_size=GIB)
    vma = huge_vma(1, page_size=GIB)
    mapping.smaps = smaps_of(vma, "rd ht hm" if hgm else "rd ht", pud=0, pmd=4 * MIB2, pte=4096)
    mapping.cells.mapped_pages[:] = 2049
    expected = (0, 4 * MIB2, 4096) if hgm else (2049 * 4096, 0, 0)
    levels = mapping.info().level_bytes
    assert mapping.hgm == hgm
    assert (levels.pud, levels.pmd, levels.pte) == expected
    assert mapping.info().vm_flags == (["rd", "ht", "hm"] if hgm else ["rd", "ht"])


@pytest.mark.parametrize("looked_before", [True, False])
def test_smaps_fits_when_nothing_moved_around_it(looked_before: bool) -> None:
    mapping = tracked(3, 1)
    if looked_before:
        mapping.looked()
    assert not mapping.unmoved_since_smaps
    mapping.take_smaps(smaps_of(mapping.vma), still=False)
    assert not mapping.smaps_fits
    mapping.looked()
    assert mapping.unmoved_since_smaps
    assert mapping.smaps_fits == looked_before
    mapping.moves += 1
    mapping.looked()
    assert not mapping.unmoved_since_smaps
    assert not mapping.smaps_fits


def test_smaps_does_not_fit_when_pages_moved_before_the_look_after_it() -> None:
    mapping = tracked(3, 1)
    mapping.looked()
    mapping.take_smaps(smaps_of(mapping.vma), still=False)
    mapping.moves += 1
    mapping.looked()
    assert mapping.unmoved_since_smaps
    assert not mapping.smaps_fits


def test_in_a_captured_tree_smaps_and_the_look_are_of_one_moment() -> None:
    mapping = tracked(3, 1)
    mapping.take_smaps(smaps_of(mapping.vma), still=True)
    mapping.moves += 1
    mapping.looked()
    assert mapping.smaps_fits
    mapping.take_smaps(None, still=True)
    mapping.looked()
    assert not mapping.smaps_fits
