"""Which mappings are a guest's RAM."""

from __future__ import annotations

from typing import Any

from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.guestram import guest_ram
from hugescope_agent.model.qemu import Backend, RamLayout, RamPiece
from tests.unit.agent.model.made_model import GIB, MIB2, START, huge_vma

MEMFD = "/memfd:memory-backend-memfd (deleted)"


def vma(pages: int, inode: int, path: str = MEMFD, **other: Any) -> HugeVma:
    return huge_vma(pages, inode=inode, path=path, start=START + inode * GIB, **other)


def created(region: str) -> str:
    return f"/dev/hugepages/libvirt/qemu/1-web/qemu_back_mem.{region}.aB3dEf (deleted)"


def memfd(name: str, pages: int) -> Backend:
    return Backend(name, "memfd", pages * MIB2)


def in_file(name: str | None, pages: int, path: str = "/dev/hugepages", at: int = 0) -> Backend:
    return Backend(name, "file", pages * MIB2, path, at)


def ram(*backends: Backend, others: tuple[Backend, ...] = (), low: int | None = None) -> RamLayout:
    offset, pieces = 0, []
    for backend in backends:
        pieces.append(RamPiece(offset, backend))
        offset += backend.size_bytes
    return RamLayout(tuple(pieces), (*backends, *others), low)


def offsets(layout: RamLayout, *vmas: HugeVma) -> list[int | None]:
    found = guest_ram(layout, vmas)
    return [found[one].offset if one in found else None for one in vmas]


def test_memfds_are_told_apart_by_size() -> None:
    layout = ram(memfd("a", 4), memfd("b", 2), low=6 * MIB2)
    big, small, other = vma(4, 1), vma(2, 2), vma(4, 3, "/memfd:vhost (deleted)")
    assert offsets(layout, small, other, big) == [4 * MIB2, None, 0]
    found = guest_ram(layout, [big])[big]
    assert (found.backend, found.low_bytes, found.inferred) == ("a", 6 * MIB2, True)


def test_a_size_that_is_no_whole_page_is_rounded_up() -> None:
    assert offsets(ram(Backend("a", "memfd", 3 * MIB2 + 1)), vma(4, 1)) == [0]


def test_memfds_of_one_size_are_not_told_apart() -> None:
    layout = ram(memfd("a", 4), memfd("b", 4), memfd("c", 2))
    assert offsets(layout, vma(4, 1), vma(4, 2), vma(2, 3)) == [None, None, 8 * MIB2]
    # Nor is one of them while the other is not mapped, or is no RAM.
    assert offsets(layout, vma(4, 1)) == [None]
    assert offsets(ram(memfd("a", 4), others=(memfd("dimm", 4),)), vma(4, 1)) == [None]
    # A file that was plugged in later looks like RAM.
    assert offsets(ram(memfd("a", 4)), vma(4, 1), vma(4, 2)) == [None, None]


def test_parts_of_a_mapping_have_their_own_offset() -> None:
    head = vma(1, 1)
    tail = huge_vma(3, inode=1, path=MEMFD, start=head.end, offset=MIB2)
    assert offsets(ram(memfd("z", 2), memfd("a", 4)), head, tail) == [2 * MIB2, 3 * MIB2]
    assert offsets(ram(memfd("a", 4)), tail) == [None]


def test_files_that_qemu_creates_bear_the_name_of_their_backend() -> None:
    layout = ram(in_file("ram-node0", 4), in_file("ram-node1", 4))
    one, two = vma(4, 1, created("ram-node1")), vma(4, 2, created("_objects_ram-node0"))
    assert offsets(layout, one, two) == [4 * MIB2, 0]
    assert offsets(layout, vma(4, 1, created("ram-node10"))) == [None]
    assert offsets(layout, vma(4, 1, created("ram-node1"), shared=False)) == [4 * MIB2]
    # Two files of one name: nothing says which.
    assert offsets(layout, one, vma(4, 3, created("ram-node1"))) == [None, None]


def test_a_file_of_its_own_is_known_by_its_path() -> None:
    layout = ram(in_file("a", 2, "/dev/hugepages/vm1", MIB2))
    whole = vma(3, 1, "/dev/hugepages/vm1")
    inside = vma(2, 1, "/dev/hugepages/vm1", offset=MIB2)
    assert offsets(layout, inside) == [0]
    assert offsets(layout, whole) == [None]
    assert offsets(layout, vma(2, 1, "/dev/hugepages/vm2", offset=MIB2)) == [None]
    # The same part of a file twice: which of the two a mapping is cannot be told.
    twice = ram(*(in_file(name, 2, "/dev/hugepages/vm1", MIB2) for name in "ab"))
    assert offsets(twice, inside) == [None]


def test_ram_of_mem_path_has_no_backend() -> None:
    layout = ram(in_file(None, 4))
    mapping = vma(4, 1, created("pc.ram"))
    assert offsets(layout, mapping) == [0]
    assert guest_ram(layout, [mapping])[mapping].backend is None
    assert offsets(layout, vma(3, 1, created("pc.ram"))) == [None]
    assert offsets(ram(in_file(None, 4), others=(in_file("d", 4),)), mapping) == [None]


def test_other_memory_is_no_ram() -> None:
    assert offsets(ram(Backend("r", "other", 4 * MIB2)), vma(4, 1)) == [None]
    assert offsets(ram(in_file("r", 4)), vma(4, 1)) == [None]
    assert offsets(ram(memfd("r", 4)), vma(4, 1, "/anon_hugepage (deleted)")) == [None]
    assert offsets(RamLayout(), vma(4, 1)) == [None]
