"""Transparent huge pages on the real kernel: each case finds exactly what was set up."""

from collections.abc import Callable

import pytest

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.not_huge import NotHugeFinder
from tests.kernel import snapshot_command
from tests.kernel.thp_cases import (
    BASE,
    COLLAPSE,
    DONTNEED,
    HUGEPAGE,
    MIB2,
    NOHUGEPAGE,
    PAGE,
    READ_ONLY,
    READ_WRITE,
    ThpLook,
    ThpProcess,
    differences,
    looking,
    setting,
    thp_process,
)

pytestmark = pytest.mark.kernel
PART = BASE + 100 * PAGE
PARTS = 16 * PAGE
ELSEWHERE = BASE + 64 * MIB2 + 100 * PAGE


def test_huge_pages_and_holes() -> None:
    with thp_process() as process:
        process.huge(2)
        process.mmap(BASE + 4 * MIB2, 2 * MIB2)
        with looking(process.pid) as look:
            assert look.states(process.pid) == ["mapped", "mapped", "hole", "hole"]
            assert not differences(look, process.pid)
            facts = look.facts(process.pid)[BASE]
            assert (facts.pmd_bytes, facts.folio_bytes) == (2 * MIB2, {MIB2: 2 * MIB2})
            assert facts.eligible is True


def protect(process: ThpProcess) -> None:
    process.mprotect(PART, PARTS, READ_ONLY)


def protect_and_back(process: ThpProcess) -> None:
    process.mprotect(PART, PARTS, READ_ONLY)
    process.mprotect(PART, PARTS, READ_WRITE)


def unmap(process: ThpProcess) -> None:
    process.munmap(PART, PARTS)


def discard(process: ThpProcess) -> None:
    process.madvise(PART, PARTS, DONTNEED)


def move(process: ThpProcess) -> None:
    process.mremap(PART, PARTS, ELSEWHERE)


# Mappings of the three that split the VMA: before, the part, behind.
SPLITS: dict[Callable[[ThpProcess], None], list[str]] = {
    protect: ["partial", "partial", "partial", "mapped"],
    protect_and_back: ["split", "mapped"],
    unmap: ["partial", "partial", "mapped"],
    discard: ["partial", "mapped"],
    move: ["partial", "partial", "mapped", "partial"],
}


@pytest.mark.parametrize("way", SPLITS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("scan", [True, False], ids=["scan", "no scan"])
def test_ways_to_split(way: Callable[[ThpProcess], None], scan: bool) -> None:
    with thp_process() as process:
        process.huge(2)
        with looking(process.pid, **({} if scan else {"pagemap_scan": False})) as look:
            assert look.states(process.pid) == ["mapped", "mapped"]
            way(process)
            if scan:
                look.ticks()
            else:
                look.fresh()
            states = look.states(process.pid)
            if scan or way is not protect_and_back:
                assert states == SPLITS[way]
            else:
                # One of two candidates is mapped by a PMD: which, is not to be known.
                assert states == ["full", "full"]
                assert look.at(process.pid, BASE).cells.flags.all()
            look.fresh()
            if "full" not in states:
                assert not differences(look, process.pid)
            assert set(look.facts(process.pid)[BASE].folio_bytes or {}) <= {MIB2, PAGE}


def parts(look: ThpLook, pid: int, address: int) -> list[tuple[int, str, str | None, int | None]]:
    """Runs of the entries around an address."""
    found = look.sampler.view.thp.parts(pid, address)
    assert found is not None
    return [(run.count, run.state, run.level, run.folio_bytes) for run in found[2]]


def test_write_after_fork() -> None:
    with thp_process() as process:
        process.huge(2)
        child = process.fork_write(PART, PAGE)
        with looking(process.pid, child) as look:
            assert look.states(process.pid) == ["mapped", "mapped"]
            assert look.states(child) == ["partial", "mapped"]
            mapping = look.at(child, BASE)
            # The child's own page is a base page among 511 of the folio.
            assert mapping.folio_pages[0].tolist() == [1, *[0] * 8, 511]
            assert mapping.cells.mapcount.tolist()[1] == 2
            assert not differences(look, process.pid)
            assert not differences(look, child)
            assert parts(look, process.pid, BASE) == [(512, "mapped", "pmd", MIB2)]
            assert parts(look, child, BASE) == [
                (100, "mapped", "pte", MIB2),
                (1, "mapped", "pte", PAGE),
                (411, "mapped", "pte", MIB2),
            ]


def test_collapse_maps_it_back() -> None:
    with thp_process() as process:
        process.huge(2)
        protect_and_back(process)
        with looking(process.pid) as look:
            assert look.states(process.pid) == ["split", "mapped"]
            process.madvise(BASE, MIB2, COLLAPSE)
            look.ticks()
            assert look.states(process.pid) == ["mapped", "mapped"]
            look.fresh()
            assert not differences(look, process.pid)


def test_base_pages_and_pages_of_zeros() -> None:
    with thp_process() as process:
        process.mmap(BASE, 2 * MIB2)
        process.write(BASE, 100 * PAGE)
        process.mmap(BASE + 8 * MIB2, 2 * MIB2)
        process.madvise(BASE + 8 * MIB2, 2 * MIB2, HUGEPAGE)
        process.read(BASE + 8 * MIB2, PAGE)
        with looking(process.pid) as look:
            zeros = look.facts(process.pid)[BASE + 8 * MIB2]
            states = look.states(process.pid)
            assert states[:2] == ["small", "hole"]
            assert states[2:] in (["mapped", "hole"], ["small", "hole"])
            assert (zeros.pmd_bytes, zeros.folio_bytes) == (0, {})
            assert look.facts(process.pid)[BASE].folio_bytes == {PAGE: 100 * PAGE}
            assert not differences(look, process.pid)


def test_shmem() -> None:
    with setting("shmem_enabled", "advise"), thp_process() as process:
        process.memfd(BASE, 4 * MIB2)
        process.madvise(BASE, 4 * MIB2, HUGEPAGE)
        process.write(BASE, 2 * MIB2)
        process.madvise(BASE, 2 * MIB2, COLLAPSE)
        # Of a file a PMD mapping is not split but dropped, and faults map what fits the VMA.
        process.mprotect(BASE + MIB2, PAGE, READ_ONLY)
        process.read(BASE + MIB2, MIB2)
        process.mprotect(BASE + MIB2, PAGE, READ_WRITE)
        with looking(process.pid) as look:
            assert look.states(process.pid) == ["mapped", "split", "hole", "hole"]
            assert look.facts(process.pid)[BASE].shmem_pmd_bytes == MIB2
            assert not differences(look, process.pid)


def test_small_large_folios() -> None:
    size = 64 << 10
    with setting("hugepages-64kB/enabled", "madvise"), thp_process() as process:
        # No room for a PMD: only the folios themselves make it worth a look.
        start = BASE + (512 << 10)
        process.mmap(start, 8 * size)
        process.madvise(start, 8 * size, HUGEPAGE)
        process.write(start, 8 * size)
        process.madvise(start + size, 4 * PAGE, DONTNEED)
        with looking(process.pid) as look:
            assert look.states(process.pid) == ["small"]
            folio_bytes = look.facts(process.pid)[start].folio_bytes or {}
            assert sum(folio_bytes.values()) == 8 * size - 4 * PAGE
            if folio_bytes.get(size) != 8 * size - 4 * PAGE:
                pytest.skip("no 64 KiB of contiguous memory to be had")
            assert not differences(look, process.pid)


def test_only_the_processes_asked_for() -> None:
    with thp_process() as asked, thp_process() as other:
        asked.huge(1)
        other.huge(1)
        with looking(asked.pid, other.pid) as look:
            assert look.states(asked.pid) == look.states(other.pid) == ["mapped"]
        with looking(asked.pid) as look:
            assert look.states(other.pid) == []
            assert look.sampler.view.mappings() == []


def test_hugetlb_beside_it_comes_and_goes() -> None:
    aside = BASE + 512 * MIB2
    with thp_process() as process:
        process.huge(1)
        process.hugetlb(aside, 2 * MIB2)
        with looking(process.pid) as look:
            kinds = [mapping.kind for mapping in look.infos(process.pid)]
            assert sorted(kinds)[0] == "hugetlb"
            assert kinds.count("hugetlb") == 1
            process.munmap(aside, 2 * MIB2)
            look.ticks()
            assert {mapping.kind for mapping in look.infos(process.pid)} == {"thp"}
            assert look.states(process.pid) == ["mapped"]
            process.munmap(BASE, MIB2)
            process.hugetlb(aside, 2 * MIB2)
            look.ticks()
            assert look.states(process.pid, BASE, aside) == []
            assert look.states(process.pid, aside) == ["hole", "hole"]
            look.fresh()


def test_a_process_that_leaves() -> None:
    with thp_process() as process:
        process.huge(1)
        look_pid = process.pid
        with looking(look_pid) as look:
            process._process.kill()
            process._process.wait()
            look.ticks()
            assert look.states(look_pid) == []
            assert look.picture.about is not None
            assert look.picture.about.processes == []


def test_size_wanted_but_not_got() -> None:
    with thp_process() as process:
        process.mmap(BASE, 4 * MIB2)  # base pages, not asked for
        process.write(BASE, 2 * MIB2)
        process.mmap(BASE + 16 * MIB2, 4 * MIB2)  # asked for base pages
        process.madvise(BASE + 16 * MIB2, 4 * MIB2, NOHUGEPAGE)
        process.write(BASE + 16 * MIB2, 4 * MIB2)
        process.huge(4, BASE + 32 * MIB2)  # got huge pages
        process.mmap(BASE + 48 * MIB2, 4 * MIB2)  # no whole region
        process.write(BASE + 48 * MIB2, MIB2 - PAGE)
        process.mmap(BASE + 64 * MIB2, 3 * MIB2)  # too small
        process.write(BASE + 64 * MIB2, 3 * MIB2)
        process.mmap(BASE + 80 * MIB2, 4 * MIB2)  # got them, and they were split
        process.madvise(BASE + 80 * MIB2, 4 * MIB2, HUGEPAGE)
        process.write(BASE + 80 * MIB2, MIB2)
        process.madvise(BASE + 80 * MIB2, MIB2, COLLAPSE)
        process.mprotect(BASE + 80 * MIB2, PAGE, READ_ONLY)
        process.mprotect(BASE + 80 * MIB2, PAGE, READ_WRITE)
        process.mmap(BASE + 96 * MIB2, 4 * MIB2)  # asked for huge pages after the touch
        process.write(BASE + 96 * MIB2, 4 * MIB2)
        process.madvise(BASE + 96 * MIB2, 4 * MIB2, HUGEPAGE)
        process.mmap(BASE + 112 * MIB2, 4 * MIB2)  # read only: zeros are no memory
        process.read(BASE + 112 * MIB2, 4 * MIB2)
        files = HostFiles(Root.at("/"))
        try:
            found = NotHugeFinder(files).look([process.pid], 0.0)
        finally:
            files.close()
    assert [(m.start - BASE, m.present_bytes, m.asked) for m in found] == [
        (0, 2 * MIB2, False),
        (96 * MIB2, 4 * MIB2, True),
    ]
    assert found[1].wanted


def findings_of(pids: list[int]) -> list[str]:
    """Codes of the findings about these processes; what smaps says of their PMDs is what we say."""
    asked = [word for pid in pids for word in ("--pid", str(pid))]
    report = snapshot_command.snapshot("--kind", "thp", *asked)["report"]
    names = ("anon_huge_bytes", "shmem_pmd_bytes", "file_pmd_bytes")
    for facts in (mapping["thp"] for mapping in report["mappings"] if mapping["thp"]):
        assert facts["pmd_bytes"] == sum(facts[name] for name in names)
    return [f["code"] for f in report["findings"] if set(f["pids"]) & set(pids)]


@pytest.mark.parametrize("way", SPLITS, ids=lambda way: way.__name__)
def test_only_whole_pages_that_are_split_are_a_finding(way: Callable[[ThpProcess], None]) -> None:
    with thp_process() as process:
        process.huge(2)
        assert findings_of([process.pid]) == []
        way(process)
        whole = way is protect_and_back
        assert findings_of([process.pid]) == (["split-mapping"] if whole else [])
        if whole:
            process.madvise(BASE, 2 * MIB2, COLLAPSE)
            assert findings_of([process.pid]) == []


def test_a_write_after_fork_is_no_finding() -> None:
    with thp_process() as process:
        process.huge(2)
        child = process.fork_write(PART, PAGE)
        assert findings_of([process.pid, child]) == []
