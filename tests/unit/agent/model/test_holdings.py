"""Files, what keeps them, and which of their pages are in no page table."""

from dataclasses import replace

import pytest

from hugescope_agent.kernel.fds import HugeFd
from hugescope_agent.kernel.hugetlbfs import HugeFile
from hugescope_agent.kernel.sysvipc import HugeSegment, Segment
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.holdings import FileUse, Sightings, file_uses, holdings, pages_shown
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.owned import OwnedMapping
from hugescope_wire.account import ProcessRef
from hugescope_wire.cells import CellState

MIB2 = 2 << 20
INTERNAL, MOUNTED = (0, 17), (0, 39)


def memfd(inode: int = 5, pages: int = 6) -> HugeFile:
    return HugeFile(INTERNAL, inode, MIB2, pages, 8 * MIB2, 0, "/memfd:ram (deleted)")


def linked(inode: int = 7, pages: int = 3, links: int = 1) -> HugeFile:
    deleted = "" if links else " (deleted)"
    return HugeFile(MOUNTED, inode, MIB2, pages, 3 * MIB2, links, f"/huge/x{deleted}")


def vma(file: HugeFile, start: int = 0x40000000) -> HugeVma:
    return HugeVma(
        start, start + file.size_bytes, MIB2, True, 0, file.device, file.inode, file.path
    )


def segment(
    shmid: int = 5, attached: int = 0, pages: int = 2, inferred: bool = False
) -> HugeSegment:
    listed = Segment(0x1F, shmid, 3 * MIB2 - 5, 1, 2, attached, 0, False, 99, pages << 30)
    return HugeSegment(listed, MIB2, pages, inferred)


def only(seen: Sightings) -> FileUse:
    (use,) = file_uses(seen)
    return use


def kept(seen: Sightings, shown: dict[tuple[tuple[int, int], int], int] | None = None) -> str:
    """By what, and how many of how many pages."""
    found = holdings(file_uses(seen), shown or {})
    return " ".join(f"{one.by}:{one.pages}/{one.file_pages}" for one in found)


def test_what_a_hidden_page_table_may_map_is_inferred() -> None:
    file = memfd()
    uses = file_uses(Sightings(fds=[HugeFd(9, 4, file)]))
    assert [one.inferred for one in holdings(uses, {})] == [False]
    assert [one.inferred for one in holdings(uses, {}, {file.key})] == [True]


def test_a_file_open_and_mapped_by_several() -> None:
    file = memfd()
    seen = Sightings(
        fds=[HugeFd(9, 4, file), HugeFd(2, 11, file), HugeFd(2, 3, file)],
        mappings=[(9, vma(file)), (9, vma(file, 0x80000000)), (12, vma(file))],
        names={2: "qemu", 9: "dpdk"},
    )
    use = only(seen)
    assert [(one.pid, one.comm, one.fd) for one in use.holders] == [
        (2, "qemu", 3),
        (2, "qemu", 11),
        (9, "dpdk", None),
        (9, "dpdk", 4),
        (12, None, None),
    ]
    assert (use.mapped, use.linked, use.detached, use.inferred) == (True, False, False, False)
    assert (use.file_pages, use.size_pages) == (6, 8)
    assert use.file.model_dump() == {
        "kind": "memfd",
        "device": "0:17",
        "inode": 5,
        "name": "ram",
    }


def test_the_descriptor_is_named_before_the_mapping() -> None:
    file = memfd()
    both = Sightings(fds=[HugeFd(9, 4, file)], mappings=[(9, vma(file))])
    assert kept(both, {file.key: 4}) == "fd:2/6"
    assert kept(both, {file.key: 6}) == ""
    assert kept(both, {file.key: 7}) == ""
    mapped = Sightings(mapped_files=[file], mappings=[(9, vma(file))])
    assert kept(mapped, {file.key: 4}) == "mapping:2/6"


def test_a_name_is_named_before_anything() -> None:
    file = linked()
    assert kept(Sightings(linked=[file])) == "hugetlbfs:3/3"
    used = Sightings(linked=[file], fds=[HugeFd(9, 4, file)], mappings=[(9, vma(file))])
    assert kept(used, {file.key: 1}) == "hugetlbfs:2/3"
    assert [one.fd for one in only(used).holders] == [None, 4]


def test_a_name_where_the_mount_could_not_be_walked() -> None:
    assert kept(Sightings(fds=[HugeFd(9, 4, linked())])) == "hugetlbfs:3/3"
    assert kept(Sightings(fds=[HugeFd(9, 4, linked(links=0))])) == "fd:3/3"
    use = only(Sightings(fds=[HugeFd(9, 4, linked(links=0))]))
    assert (use.file.kind, use.file.name) == ("hugetlbfs", "/huge/x")


def test_a_mapped_file_whose_pages_are_not_known_is_left_out() -> None:
    assert file_uses(Sightings(mappings=[(9, vma(memfd()))])) == []


def test_an_empty_file_holds_nothing() -> None:
    assert kept(Sightings(fds=[HugeFd(9, 4, memfd(pages=0))])) == ""


def test_a_detached_segment() -> None:
    seen = Sightings(segments=[segment()], internal={MIB2: INTERNAL})
    use = only(seen)
    assert (use.key, use.detached, use.mapped, use.inferred) == ((INTERNAL, 5), True, False, False)
    assert (use.file_pages, use.size_pages) == (2, 3)
    assert (use.file.kind, use.file.name, use.file.device) == ("sysv", "SYSV0000001f", "0:17")
    assert kept(seen) == "sysv:2/2"
    assert only(replace(seen, segments=[segment(inferred=True)])).inferred
    nowhere = only(replace(seen, internal={}))
    assert (nowhere.key, nowhere.file.device) == (None, None)
    assert kept(replace(seen, internal={})) == "sysv:2/2"


def test_an_attached_segment_is_better_known_by_its_mapping() -> None:
    path = "/SYSV0000001f (deleted)"
    file = HugeFile(INTERNAL, 5, MIB2, 2, 3 * MIB2, 0, path)
    seen = Sightings(
        mapped_files=[file],
        segments=[segment(attached=1, inferred=True)],
        mappings=[(9, vma(file))],
        internal={MIB2: INTERNAL},
    )
    use = only(seen)
    assert (use.file_pages, use.inferred, use.mapped) == (2, False, True)
    assert kept(seen, {file.key: 1}) == "mapping:1/2"
    # map_files could not be read: the list tells how many there are.
    blind = replace(seen, mapped_files=[], segments=[segment(attached=1)])
    assert [one.pid for one in only(blind).holders] == [9]
    assert not only(blind).inferred
    assert kept(blind, {file.key: 1}) == "mapping:1/2"
    # Attached by a process that we do not see: its page tables may hold the pages.
    assert only(replace(blind, mappings=[])).inferred


def test_two_segments_with_one_number() -> None:
    """A mapped one of another IPC namespace takes nothing from the detached one of ours."""
    file = HugeFile(INTERNAL, 5, MIB2, 2, 3 * MIB2, 0, "/SYSV00000000 (deleted)")
    seen = Sightings(
        mapped_files=[file],
        segments=[segment(pages=3)],
        mappings=[(9, vma(file))],
        internal={MIB2: INTERNAL},
    )
    assert kept(seen, {file.key: 2}) == "sysv:3/3"
    assert [use.inferred for use in file_uses(seen)] == [False, True]


def test_a_memfd_and_a_segment_with_one_number() -> None:
    seen = Sightings(fds=[HugeFd(9, 4, memfd())], segments=[segment()], internal={MIB2: INTERNAL})
    assert kept(seen) == "fd:6/6 sysv:2/2"


def test_the_largest_comes_first() -> None:
    seen = Sightings(fds=[HugeFd(9, 4, memfd(pages=1))], linked=[linked()])
    assert kept(seen) == "hugetlbfs:3/3 fd:1/1"


@pytest.mark.parametrize("shared", [True, False])
def test_pages_shown_are_counted_once(shared: bool) -> None:
    """Two mappings of a file, from page 0 and from page 2: pages 0, 1 and 3 in page tables."""

    def mapping(offset: int, present: list[int], start: int) -> OwnedMapping:
        tracked = TrackedMapping(
            1,
            HugeVma(
                start,
                start + 4 * MIB2,
                MIB2,
                shared,
                offset * MIB2,
                INTERNAL,
                5,
                "/memfd:x (deleted)",
            ),
            None,
        )
        tracked.cells.state[present] = CellState.MAPPED
        tracked.of_file[present] = True
        return OwnedMapping(ProcessRef(pid=9, comm=None), tracked)

    first, second = mapping(0, [0, 1, 3], 0x40000000), mapping(2, [1], 0x80000000)
    assert pages_shown([first, second]) == {(INTERNAL, 5): 3}
    if not shared:
        first.mapping.of_file[:] = False
        assert pages_shown([first, second]) == {(INTERNAL, 5): 1}
    assert pages_shown([]) == {}
