"""Older kernels and lesser rights: the same cells, minus what the missing capability gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent.kernel.root import Root
from tests.kernel import cases
from tests.kernel.cases import MIB2, Case, extra_pages, mounted_hugetlbfs
from tests.kernel.puppets import (
    LOOKS,
    Mappings,
    all_capabilities,
    following,
    fresh_look,
    puppet,
)

pytestmark = pytest.mark.kernel

NOBODY = Path(__file__).with_name("as_nobody.py")
GIVE_UP_AFTER_S = 60
NARROWED = {
    "no pagemap_scan": {"pagemap_scan": False},
    "no procmap_query": {"procmap_query": False},
    "neither": {"pagemap_scan": False, "procmap_query": False},
    "no kpageflags": {"kpageflags": False},
    "nothing": {"pagemap_scan": False, "procmap_query": False, "kpageflags": False},
}


@pytest.fixture(scope="module", params=list(cases.ALL))
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """Each kind of mapping in turn, in processes that stand still."""
    with cases.ALL[request.param]() as made:
        yield made


def without_counts(shown: dict[int, Mappings]) -> dict[int, Mappings]:
    """Every cell, its mapcount unknown: what a kernel without kpagecount leaves. Shared tables are
    told by it, and so are not told.
    """
    found = {}
    for pid, mappings in shown.items():
        found[pid] = [mapping | {"runs": without_count(mapping)} for mapping in mappings]
    return found


def without_count(mapping: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells of one mapping."""
    return [
        cell | {"mapcount": None, "flags": [f for f in cell["flags"] if f != "shared_table"]}
        for cell in cells_of(mapping)
    ]


def cells_of(mapping: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs, a cell each: without a column neighbours may be alike that were not."""
    return [
        run | {"first": run["first"] + at, "count": 1}
        for run in mapping["runs"]
        for at in range(run["count"])
    ]


def unrolled(shown: dict[int, Mappings]) -> dict[int, Mappings]:
    """As `without_counts`, with the counts."""
    return {
        pid: [mapping | {"runs": cells_of(mapping)} for mapping in mappings]
        for pid, mappings in shown.items()
    }


@pytest.mark.parametrize("name", NARROWED)
def test_the_same_cells_minus_what_is_missing(case: Case, name: str) -> None:
    narrowed = all_capabilities().model_copy(update=NARROWED[name])
    for _ in range(LOOKS):
        expected = fresh_look(*case.pids)
        found = fresh_look(*case.pids, narrowed=narrowed)
        if expected == fresh_look(*case.pids):
            break
    else:
        pytest.fail("the page tables of an idle process did not stand still")
    assert set(expected) == set(case.pids)
    if narrowed.kpageflags:
        assert found == expected
    else:
        assert unrolled(found) == without_counts(expected)


@pytest.mark.parametrize("name", NARROWED)
def test_what_is_missing_is_said(name: str) -> None:
    narrowed = all_capabilities().model_copy(update=NARROWED[name])
    with following(narrowed=narrowed) as host:
        host.full()
        about = host.picture.about
        assert about is not None
        # Some process may be out of reach on any machine, even for root.
        found = {limit.capability for limit in about.limits} - {"processes"}
        assert found == set(NARROWED[name])


@pytest.mark.parametrize("name", ["no procmap_query", "nothing"])
def test_a_hugetlbfs_that_was_mounted_later(name: str) -> None:
    """The agent runs for months; mounts come and go."""
    narrowed = all_capabilities().model_copy(update=NARROWED[name])
    with following(narrowed=narrowed) as host:
        host.full()
        with mounted_hugetlbfs(MIB2) as directory, puppet() as process, extra_pages(MIB2, 2):
            process.do("file", 0, 2, str(directory / "late"))
            process.do("touch", 0, [1])
            host.ticks()
            assert host.states(process.pid) == ["hm"]
            process.kill()


def test_smaps_is_read_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PROCMAP_QUERY too: it walks all page tables of its process under mmap_lock."""
    narrowed = all_capabilities().model_copy(update={"procmap_query": False})
    with puppet() as process, following(narrowed=narrowed) as host:
        process.do("memfd", 0, 2, "ram", False)
        host.full()
        read: list[str] = []
        real = Root.read

        def counted(root: Root, name: str) -> bytes:
            read.append(name)
            return real(root, name)

        monkeypatch.setattr(Root, "read", counted)
        seconds = 10
        host.ticks(10 * seconds)
        assert read.count(f"proc/{process.pid}/smaps") <= seconds


def test_a_small_mapping_is_never_taken_for_a_huge_one() -> None:
    """Whatever a file is called: no process without huge pages is shown."""
    for update in NARROWED.values():
        narrowed = all_capabilities().model_copy(update=update)
        with following(narrowed=narrowed) as host:
            host.full()
            for process in host.picture.snapshot().processes:
                for mapping in process.mappings:
                    assert mapping.page_size > 4096
                    assert (mapping.end - mapping.start) % mapping.page_size == 0


@pytest.fixture
def nobody() -> dict[str, Any]:
    """What a process of user nobody sees of itself and of one of root's."""
    return look_as_nobody(dumpable=True)


def look_as_nobody(*, dumpable: bool) -> dict[str, Any]:
    """Run as_nobody.py beside a process of root that maps huge pages."""
    if os.geteuid() != 0:
        pytest.skip("no root: there is no other user to become")
    with extra_pages(MIB2, 4), puppet() as other:
        other.do("memfd", 0, 2)
        other.do("touch", 0, [0])
        done = subprocess.run(
            [sys.executable, str(NOBODY), str(other.pid), str(int(dumpable))],
            capture_output=True,
            text=True,
            timeout=GIVE_UP_AFTER_S,
            check=False,
        )
        other.kill()
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer | {"other": other.pid}


def test_nobody_sees_its_own_pages_without_pfns(nobody: dict[str, Any]) -> None:
    (mapping,) = nobody["processes"][str(nobody["own"])]
    first, second = mapping["runs"]
    assert (first["state"], first["mapped_bytes"]) == ("mapped", MIB2)
    assert (first["mapcount"], first["node"]) == (None, None)
    assert (second["state"], second["mapped_bytes"]) == ("hole", 0)
    assert mapping["backing"]["name"] == "own"
    assert "ht" in mapping["vm_flags"]


def test_nobody_is_told_what_is_missing(nobody: dict[str, Any]) -> None:
    assert not nobody["capabilities"]["pfn"]
    assert not nobody["capabilities"]["kpageflags"]
    assert {"pfn", "kpageflags"} <= set(nobody["limits"])


def test_nobody_counts_whom_it_may_not_read(nobody: dict[str, Any]) -> None:
    assert str(nobody["other"]) not in nobody["processes"]
    assert nobody["skipped"]["denied"] > 0
    assert f"proc/{nobody['other']}/" in nobody["why"]


def test_a_program_whose_own_files_belong_to_root_still_starts() -> None:
    """As one with file capabilities: not dumpable, so even /proc/self/pagemap is closed."""
    answer = look_as_nobody(dumpable=False)
    assert not answer["capabilities"]["pfn"]
    assert "pfn" in answer["limits"]
