"""Transparent huge pages on the real kernel: each case finds exactly what was set up."""

import json
from collections.abc import Callable
from typing import Any

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
    collapse,
    differences,
    khugepaged_asleep,
    looking,
    setting,
    thp_process,
)

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures(khugepaged_asleep.__name__)]
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
            assert look.states(child) == ["split", "mapped"]
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
            process.disable_thp(1)
            assert NotHugeFinder(files).look([process.pid], 0.0) == []
        finally:
            files.close()
    assert [(m.start - BASE, m.present_bytes, m.asked) for m in found] == [
        (0, 2 * MIB2, False),
        (96 * MIB2, 4 * MIB2, True),
    ]
    assert found[1].wanted


def findings_of(pids: list[int]) -> list[tuple[str, str]]:
    """Findings about these processes; what smaps says of their PMDs is what we say."""
    asked = [word for pid in pids for word in ("--pid", str(pid))]
    report = snapshot_command.snapshot("--kind", "thp", *asked)["report"]
    names = ("anon_huge_bytes", "shmem_pmd_bytes", "file_pmd_bytes")
    for facts in (mapping["thp"] for mapping in report["mappings"] if mapping["thp"]):
        assert facts["pmd_bytes"] == sum(facts[name] for name in names)
    about = [f for f in report["findings"] if set(f["pids"]) & set(pids)]
    assert all(link["count"] for f in about for link in f["links"])
    return [(f["code"], f["severity"]) for f in about]


def unprotect(process: ThpProcess) -> None:
    process.mprotect(PART, PARTS, READ_WRITE)


def map_again(process: ThpProcess) -> None:
    process.mmap(PART, PARTS)
    process.madvise(PART, PARTS, HUGEPAGE)


def move_back(process: ThpProcess) -> None:
    process.mremap(ELSEWHERE, PARTS, PART)


REPAIRS: dict[Callable[[ThpProcess], None], Callable[[ThpProcess], None] | None] = {
    protect: unprotect,
    protect_and_back: None,
    unmap: map_again,
    discard: None,
    move: move_back,
}
"""What makes one mapping of it again, with all that a collapse needs."""


@pytest.mark.parametrize("way", SPLITS, ids=lambda way: way.__name__)
def test_each_way_to_split_is_one_finding_until_it_is_repaired(
    way: Callable[[ThpProcess], None],
) -> None:
    with thp_process() as process:
        process.huge(2)
        assert findings_of([process.pid]) == []
        way(process)
        severity = "notice" if way is protect_and_back else "info"
        assert findings_of([process.pid]) == [("split-mapping", severity)]
        repair = REPAIRS[way]
        if repair is not None:
            repair(process)
        collapse(process.pid, BASE, 2 * MIB2)
        assert findings_of([process.pid]) == []


def test_a_write_after_fork_is_a_finding_in_the_child_until_it_is_repaired() -> None:
    with thp_process() as process:
        process.huge(2)
        child = process.fork_write(PART, PAGE)
        assert findings_of([process.pid]) == []
        assert findings_of([process.pid, child]) == [("split-mapping", "notice")]
        collapse(child, BASE, 2 * MIB2)
        assert findings_of([process.pid, child]) == []


def page_of(pid: int, address: int, *others: int) -> dict[str, Any]:
    """What `hugescope page` says, read with the THP mappings of `others`."""
    more = [word for other in others for word in ("--thp-pid", str(other))]
    done = snapshot_command.run(
        "page", "--pid", str(pid), "--address", f"{address:x}", *more, "--json"
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_who_maps_a_page() -> None:
    with thp_process() as process:
        process.huge(2)
        child = process.fork_write(PART, PAGE)
        both = page_of(process.pid, BASE, child)
        assert (both["mapcount"], both["mappers"], both["processes"]) == (2, 2, 2)
        assert [one["pid"] for one in both["mapped_by"]] == sorted([process.pid, child])
        # The child maps one page of 512 less, and nobody else maps any.
        assert (both["state"], both["reasons"], both["explanation"]) == ("mapped", [], [])
        alone = page_of(process.pid, BASE + PAGE)
        assert (alone["mappers"], alone["reasons"]) == (1, ["unseen_mapping"])
        assert [one["pid"] for one in alone["mapped_by"]] == [process.pid]
        assert "not read" in alone["explanation"][0]
        split = page_of(child, BASE, process.pid)
        assert (split["state"], split["mappers"], split["mapped_bytes"]) == ("split", 2, MIB2)


def test_who_maps_a_page_that_is_mapped_in_parts() -> None:
    with thp_process() as process:
        process.huge(1)
        protect(process)
        for address in (BASE, PART, PART + PARTS):
            found = page_of(process.pid, address)
            assert (found["mapcount"], found["mappers"], found["processes"]) == (1, 3, 1)
            assert found["reasons"] == ["partly_mapped"]
            assert [one["start"] for one in found["mapped_by"]] == [BASE, PART, PART + PARTS]
        with looking(process.pid) as look:
            for start in (BASE, PART, PART + PARTS):
                assert look.at(process.pid, start).cells.mappers.tolist() == [3]


def test_mappers_follow_those_who_come_and_go() -> None:
    with thp_process() as process:
        process.huge(2)
        child = process.fork_write(PART, PAGE)
        with looking(process.pid, child) as look:
            assert look.at(process.pid, BASE).cells.mappers.tolist() == [2, 2]
            collapse(child, BASE, MIB2)
            look.ticks()
            assert look.at(process.pid, BASE).cells.mappers.tolist() == [1, 2]
            assert look.at(process.pid, BASE).cells.mapcount.tolist() == [1, 2]
            assert look.at(child, BASE).cells.mappers.tolist() == [1, 2]
            look.fresh()
