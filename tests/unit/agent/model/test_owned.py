"""A mapping seen as part of a file, from entries as a kernel gives them."""

from __future__ import annotations

import pytest

from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.owned import OwnedMapping, file_ref
from hugescope_wire.account import FileRef, ProcessRef
from tests.unit.agent.model.made_accounts import owned
from tests.unit.agent.model.made_model import (
    KPF_HWPOISON,
    MIB2,
    START,
    SUSPECT,
    FakeKernel,
    huge_vma,
    tracked,
)

FILE_BIT = 1 << 61
PID = ProcessRef(pid=41, comm="qemu")


def read(kernel: FakeKernel, mapping: TrackedMapping) -> OwnedMapping:
    """A look at it, without PAGEMAP_SCAN."""
    kernel.reader(scan=False).look(mapping, kernel.pagemap(), 0.0)
    return OwnedMapping(PID, mapping)


@pytest.mark.parametrize("hgm", [False, True])
def test_bit_61_tells_the_file_s_page_from_a_copy(hgm: bool) -> None:
    kernel = FakeKernel()
    kernel.map(0, 512)
    kernel.map(2, 1024)
    kernel.words[START + 2 * MIB2] |= FILE_BIT
    one = read(kernel, tracked(1, 4, hgm=hgm, shared=False, offset=3 * MIB2))
    assert one.mapping.of_file.tolist() == [False, False, True, False]
    assert one.shown_offsets().tolist() == [5]
    kernel.map(2, 1536)
    again = read(kernel, one.mapping)
    assert again.shown_offsets().tolist() == []


def test_a_shared_mapping_shows_only_its_file() -> None:
    kernel = FakeKernel()
    kernel.map(1, 512)
    assert read(kernel, tracked(1, 2)).shown_offsets().tolist() == [1]


def test_a_poisoned_cell_remembers_its_page() -> None:
    kernel = FakeKernel()
    kernel.map(1, 512)
    reader, mapping = kernel.reader(), tracked(1, 2)
    reader.look(mapping, kernel.pagemap(), 0.0)
    kernel.flag[512] |= KPF_HWPOISON
    kernel.unmap(1, SUSPECT)
    reader.look(mapping, kernel.pagemap(), 0.1)
    assert mapping.lost_pfn == {1: 512}
    assert OwnedMapping(PID, mapping).suspect_cells().tolist() == [1]


def test_names() -> None:
    one = owned(3, "F.", offset=4 * MIB2, flags=None)
    assert (one.key, one.file, one.first_offset, one.flags) == ((3, START), ((0, 17), 7), 4, None)
    assert owned(3, ".", flags="rd ht").flags == frozenset({"rd", "ht"})
    assert file_ref(huge_vma(1)) == FileRef(kind="memfd", device="0:17", inode=7, name="ram")
