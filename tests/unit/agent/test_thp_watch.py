"""Processes asked for, in captures: kept from step to step, and never more than can be watched."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from hugescope_agent import thp_watch
from hugescope_agent.errors import BadCapture, ProcessError
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.thp_watch import ThpWatcher
from hugescope_wire.cells import CellState
from hugescope_wire.host import ProcessInfo

MIB2 = 2 << 20
START = 0x40000000
PRESENT = 1 << 63
HEAD = 512 * 4


def capture(directory: Path, present: list[int], rss_kib: int | None = None) -> HostFiles:
    """Process 41 with base pages at these indices of a mapping of 8 MiB, and an empty mapping."""
    process = directory / "proc/41"
    process.mkdir(parents=True)
    (directory / "proc/version").write_text("Linux version 6.1.0\n")
    heads = [
        f"{START:08x}-{START + 4 * MIB2:08x} rw-p 00000000 00:00 0 \n",
        f"{2 * START:08x}-{2 * START + 8 * MIB2:08x} rw-p 00000000 00:00 0 \n",
    ]
    rss = [len(present) * 4 if rss_kib is None else rss_kib, 0]
    (process / "maps").write_text("".join(heads))
    (process / "smaps").write_text(
        "".join(
            f"{head}Rss: {kib} kB\nAnonHugePages: 0 kB\nVmFlags: rd wr\n"
            for head, kib in zip(heads, rss, strict=True)
        )
    )
    (process / "comm").write_text("prog\n")
    words = np.zeros(4 * 512, np.uint64)
    words[present] = PRESENT | (HEAD + np.array(present, np.uint64))
    with (process / "pagemap").open("wb") as file:
        file.seek(START // 4096 * 8)
        file.write(words.tobytes())
    for name in ("kpageflags", "kpagecount"):
        (directory / "proc" / name).write_bytes(bytes(8 * 8192))
    return HostFiles(Root.at(str(directory)))


def states(watcher: ThpWatcher) -> list[list[str]]:
    return [[CellState(s).label for s in m.cells.state] for m in watcher.mappings(41)]


def watch(files: HostFiles) -> ThpWatcher:
    """Process 41 discovered and looked at."""
    watcher = ThpWatcher(frozenset({41}), itertools.count(1), 0.001)
    watcher.use(files)
    assert watcher.discover(41, frozenset(), 0.0)
    watcher.look(41, 0.0)
    return watcher


def test_mappings_keep_their_ids_in_the_next_step(tmp_path: Path) -> None:
    first, second = capture(tmp_path / "1", [0, 513]), capture(tmp_path / "2", [0])
    watcher = watch(first)
    ids = [mapping.id for mapping in watcher.mappings()]
    assert states(watcher)[0] == ["small", "small", "hole", "hole"]
    watcher.use(second)
    watcher.discover(41, frozenset(), 1.0)
    changes, moved = watcher.look(41, 1.0)
    assert [(number, index.tolist()) for number, index in changes] == [(ids[0], [1]), (ids[1], [])]
    assert not moved
    assert states(watcher)[0] == ["small", "hole", "hole", "hole"]
    assert [mapping.id for mapping in watcher.mappings()] == ids
    watcher.close()
    for files in (first, second):
        files.close()


def test_a_look_without_a_change_reads_nothing(tmp_path: Path) -> None:
    files = capture(tmp_path / "1", [0])
    watcher = watch(files)
    assert [index.tolist() for _, index in watcher.look(41, 9.0)[0]] == [[], []]
    assert watcher.refresh() == []
    watcher.close()
    files.close()


def test_empty_mappings_are_left_out_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thp_watch, "MAX_THP_CELLS", 6)
    files = capture(tmp_path / "1", [0])
    watcher = watch(files)
    assert [mapping.vma.start for mapping in watcher.mappings()] == [START]
    (limit,) = watcher.limits()
    assert "more than 6 cells" in limit.reason
    watcher.close()
    files.close()


def test_what_was_not_captured_is_a_limit(tmp_path: Path) -> None:
    files = capture(tmp_path / "1", [], rss_kib=12)
    watcher = watch(files)
    (limit,) = watcher.limits()
    assert "12288 bytes" in limit.reason
    assert watcher.facts()[41, START].folio_bytes is None
    watcher.close()
    files.close()


def test_hugetlb_is_left_alone_and_joined_by_address(tmp_path: Path) -> None:
    files = capture(tmp_path / "1", [0])
    watcher = watch(files)
    other = (
        watcher.mappings()[1]
        .info()
        .model_copy(update={"start": 8 * MIB2, "end": 16 * MIB2, "id": 77})
    )
    both = watcher.joined(41, ProcessInfo(pid=41, comm="prog", mappings=[other]))
    assert [info.start for info in both.mappings] == [8 * MIB2, START, 2 * START]
    assert watcher.joined(41, None).comm == "prog"
    watcher.close()
    files.close()


def test_only_what_was_asked_for(tmp_path: Path) -> None:
    files = capture(tmp_path / "1", [0])
    watcher = ThpWatcher(frozenset({42}), itertools.count(1), 0.001)
    watcher.use(files)
    assert not watcher.discover(41, frozenset(), 0.0)
    with pytest.raises(ProcessError):
        watcher.discover(42, frozenset(), 0.0)
    assert watcher.watched() == []
    assert watcher.look(42, 0.0) == ([], False)
    files.close()


def test_a_damaged_smaps_is_bad_input(tmp_path: Path) -> None:
    files = capture(tmp_path / "1", [0])
    path = tmp_path / "1/proc/41/smaps"
    path.write_text(path.read_text().replace("Rss: 4 kB", "Rss: many"))
    watcher = ThpWatcher(frozenset({41}), itertools.count(1), 0.001)
    watcher.use(files)
    with pytest.raises(BadCapture, match="proc/41/smaps"):
        watcher.discover(41, frozenset(), 0.0)
    assert watcher.watched() == []
    files.close()
