"""One process under watch: what stays the same keeps its cells, and smaps is read seldom."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent import watch as watch_module
from hugescope_agent.errors import BadCapture, ProcessDenied, ProcessUnreadable
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.process import read_smaps
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.watch import SMAPS_EVERY_S, Watch
from tests.unit.agent.tree_builder import (
    HOLE,
    MIB2,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    mapped,
)

LOW = MadeMapping(0x7E0000000000, (mapped(1), HOLE))
HIGH = MadeMapping(0x7E4000000000, (HOLE,), inode=8)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[HostFiles]:
    """One process with two mappings."""
    tree = MadeTree({41: MadeProcess((LOW, HIGH))})
    made = HostFiles(Root.at(str(build(tmp_path / "tree", tree))))
    yield made
    made.close()


@pytest.fixture
def watch(files: HostFiles) -> Iterator[Watch]:
    """Watching it, nothing found yet."""
    opened = Watch.open(files, 41)
    yield opened
    opened.close()


class Smaps:
    """Counts who reads smaps, and may refuse."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = 0
        self.error: Exception | None = None
        self.real = read_smaps
        monkeypatch.setattr(watch_module, "read_smaps", self)

    def __call__(self, root: Root, pid: int, up_to_va: int) -> list[SmapsVma]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.real(root, pid, up_to_va)


@pytest.fixture
def smaps(monkeypatch: pytest.MonkeyPatch) -> Smaps:
    return Smaps(monkeypatch)


def found(files: HostFiles) -> list[HugeVma]:
    return files.finder.vmas(41)


def test_opening_nobody(files: HostFiles) -> None:
    with pytest.raises(ProcessUnreadable, match="proc/42/pagemap"):
        Watch.open(files, 42)


def test_first_update(files: HostFiles, watch: Watch) -> None:
    assert watch.update(found(files), itertools.count(5), 0.0)
    info = watch.info()
    assert (info.pid, info.comm) == (41, "qemu")
    assert [mapping.id for mapping in info.mappings] == [5, 6]
    assert info.mappings[0].vm_flags == LOW.flags.split()


def test_what_is_still_there_keeps_id_and_cells(files: HostFiles, watch: Watch) -> None:
    ids = itertools.count(1)
    low, high = found(files)
    watch.update([low, high], ids, 0.0)
    kept = watch.mappings[1]
    assert not watch.update([low, high], ids, 0.1)
    assert watch.update([high], ids, 0.2)
    assert watch.mappings == [kept]
    assert watch.mappings[0].cells is kept.cells
    assert watch.update([low, high], ids, 0.3)
    assert [mapping.id for mapping in watch.mappings] == [3, 2]


@pytest.mark.parametrize(
    "other",
    [
        {"inode": 99},
        {"offset": MIB2},
        {"device": (0, 18)},
        {"path": "/x"},
        {"shared": False},
        {"page_size": 1 << 20},
    ],
    ids=str,
)
def test_something_else_in_the_same_place_is_new(
    files: HostFiles, watch: Watch, other: dict[str, Any]
) -> None:
    ids = itertools.count(1)
    low = found(files)[0]
    facts = {name: getattr(low, name) for name in HugeVma.__slots__}
    watch.update([low], ids, 0.0)
    assert watch.update([HugeVma(**(facts | other))], ids, 0.1)
    assert watch.mappings[0].id == 2


def test_a_new_name_is_a_change(files: HostFiles, watch: Watch) -> None:
    ids = itertools.count(1)
    watch.update(found(files), ids, 0.0)
    Path(files.root.path, "proc/41/comm").write_text("other\n")
    assert watch.update(found(files), ids, 0.1)
    assert watch.info().comm == "other"
    assert [mapping.id for mapping in watch.mappings] == [1, 2]


def test_smaps_is_read_at_once_and_then_seldom(
    files: HostFiles, watch: Watch, smaps: Smaps
) -> None:
    ids = itertools.count(1)
    for tick in range(100):
        watch.update(found(files), ids, 100.0 + tick / 10)
    assert smaps.reads == 2
    watch.update(found(files), ids, 100.0 + 2 * SMAPS_EVERY_S + 0.2)
    assert smaps.reads == 3


def test_a_slow_smaps_is_read_less_often(
    files: HostFiles, watch: Watch, smaps: Smaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most a hundredth of the time: after 0.27 s none for 27 s."""
    spent = itertools.count(0.0, 0.27)
    monkeypatch.setattr("hugescope_agent.watch.time.thread_time", lambda: next(spent))
    ids, vmas = itertools.count(1), found(files)
    for second in range(26):
        watch.update(vmas, ids, float(second))
    assert smaps.reads == 1
    watch.update(vmas, ids, 28.0)
    assert smaps.reads == 2


def test_a_process_that_maps_and_unmaps_all_the_time_is_not_stalled(
    files: HostFiles, watch: Watch, smaps: Smaps
) -> None:
    """smaps walks all its page tables under mmap_lock: once a second at most."""
    ids, (low, high) = itertools.count(1), found(files)
    for tick in range(10):
        watch.update([low, high] if tick % 2 else [low], ids, tick / 10)
    assert smaps.reads <= 2


def test_a_change_of_flags_alone_is_a_change(files: HostFiles, watch: Watch) -> None:
    ids = itertools.count(1)
    watch.update(found(files), ids, 0.0)
    path = Path(files.root.path, "proc/41/smaps")
    path.write_text(path.read_text().replace(LOW.flags, LOW.flags + " um", 1))
    assert not watch.update(found(files), ids, 1.0)
    assert watch.update(found(files), ids, SMAPS_EVERY_S + 0.1)
    assert watch.info().mappings[0].vm_flags == [*LOW.flags.split(), "um"]


def test_unreadable_smaps_means_unknown_flags(files: HostFiles, watch: Watch, smaps: Smaps) -> None:
    smaps.error = ProcessDenied("proc/41/smaps: Permission denied")
    assert watch.update(found(files), itertools.count(1), 0.0)
    assert [mapping.vm_flags for mapping in watch.info().mappings] == [None, None]


def test_smaps_that_no_kernel_prints_costs_the_flags_and_not_the_process(
    files: HostFiles, watch: Watch, smaps: Smaps
) -> None:
    """Its mappings are known by then: to forget that they are new would tear the next delta."""
    smaps.error = BadCapture("proc/41/smaps:9: HugetlbPteMapped is b'y', expected kB")
    vmas = found(files)
    try:
        changed = watch.update(vmas, itertools.count(1), 0.0)
    except BadCapture:
        assert watch.mappings == []
    else:
        assert changed
        assert watch.info().mappings[0].vm_flags is None


@pytest.mark.parametrize(("stat", "replaced"), [("5", False), ("6", True)])
def test_a_reused_pid_is_told_by_its_start_time(
    files: HostFiles, stat: str, replaced: bool
) -> None:
    path = Path(files.root.path, "proc/41/stat")
    path.write_text("41 (a) S" + " 0" * 18 + " 5\n")
    watch = Watch.open(files, 41)
    path.write_text("41 (a b) S" + " 0" * 18 + f" {stat}\n")
    assert watch.replaced() == replaced
    watch.close()


def test_flags_that_are_asked_for_are_read_in_a_moment_and_once_more(
    files: HostFiles, watch: Watch, smaps: Smaps
) -> None:
    watch.update(found(files), itertools.count(1), 0.0)
    smaps.reads = 0
    assert not watch.answer_smaps(0.5)
    watch.ask_smaps(1.0, 2)
    assert not watch.answer_smaps(1.0)
    assert smaps.reads == 0
    for now_s, reads in ((1.2, 1), (1.3, 1), (2.1, 1), (2.3, 2), (9.0, 2)):
        watch.answer_smaps(now_s)
        assert smaps.reads == reads


def test_flags_that_changed_are_not_read_once_more(
    files: HostFiles, watch: Watch, smaps: Smaps, tmp_path: Path
) -> None:
    watch.update(found(files), itertools.count(1), 0.0)
    assert watch.registered == frozenset()
    file = tmp_path / "tree/proc/41/smaps"
    file.write_text(file.read_text().replace(" ht ", " um ht "))
    watch.ask_smaps(1.0, 2)
    smaps.reads = 0
    assert watch.answer_smaps(1.2)
    assert watch.registered == {"um"}
    assert not watch.answer_smaps(9.0)
    assert smaps.reads == 1


def test_asking_all_the_time_is_answered_once_a_second(
    files: HostFiles, watch: Watch, smaps: Smaps
) -> None:
    watch.update(found(files), itertools.count(1), 0.0)
    smaps.reads = 0
    for tick in range(100):
        watch.ask_smaps(tick / 10, 2)
        watch.answer_smaps(tick / 10)
    assert smaps.reads == 10
