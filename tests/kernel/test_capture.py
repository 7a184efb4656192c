"""``capture`` on the real kernel: its tree shows what the live host shows, and no frame number."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hugescope_agent.capture.capture import take
from hugescope_agent.capture.processes import ProcessReader
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.replay import unpack
from tests.kernel import cases, snapshot_command
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.puppets import Puppet, puppet
from tests.kernel.tier_readers import opener

pytestmark = pytest.mark.kernel

AS_NOBODY = Path(__file__).with_name("tree_as_nobody.py")
SET_UPS = ("forked_private", "aliased_memfd", "shared_table", "hugetlbfs_file", "uffd_marker")
# Compaction may move pages between the looks; it never goes on for so many.
LOOKS = 10
PFN = (1 << 55) - 1
PRESENT = 1 << 63
OF_A_MAPPING = ("sharing", "shared_table_cells", "lost_pages", "split", "uffd")


@dataclass(frozen=True)
class Captured:
    """What was captured while nothing moved: the live look, and the archive."""

    live: dict[str, Any]
    archive: Path
    pids: list[int]
    frames: set[int]


def frames_of(pid: int) -> set[int]:
    """The real PFN of every huge page of a process, by a plain reading of its page tables."""
    found = set()
    with open(f"/proc/{pid}/smaps") as smaps, open(f"/proc/{pid}/pagemap", "rb") as pagemap:
        entry = ""
        for line in smaps:
            if line[0] in "0123456789abcdef":
                entry = line.split()[0]
            elif line.startswith("VmFlags:") and " ht" in line:
                start, end = (int(part, 16) for part in entry.split("-"))
                for address in range(start, end, MIB2):
                    word = int.from_bytes(os.pread(pagemap.fileno(), 8, address >> 9), "little")
                    if word & PRESENT:
                        found.add(word & PFN)
    return found


def look(pids: list[int]) -> dict[str, Any]:
    return snapshot_command.snapshot(*(word for pid in pids for word in ("--pid", str(pid))))


def capture(archive: Path, *arguments: str) -> None:
    archive.unlink(missing_ok=True)
    done = snapshot_command.run("capture", "-o", str(archive), *arguments)
    assert done.returncode == 0, done.stderr
    assert f"in {archive}" in done.stdout


def captured_still(archive: Path, pids: list[int]) -> Captured:
    for _ in range(LOOKS):
        frames, before = [frames_of(pid) for pid in pids], look(pids)
        capture(archive)
        if (
            frames == [frames_of(pid) for pid in pids]
            and look(pids)["processes"] == before["processes"]
        ):
            return Captured(before, archive, pids, set[int]().union(*frames))
    pytest.fail("idle processes did not stand still")


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    with ExitStack() as stack:
        running = [stack.enter_context(cases.ALL[name]()) for name in SET_UPS]
        pids = [pid for case in running for pid in case.pids]
        yield captured_still(tmp_path_factory.mktemp("captured") / "host.tar.xz", pids)


def of_pids(shown: dict[str, Any], pids: list[int]) -> list[dict[str, Any]]:
    return [process for process in shown["processes"] if process["pid"] in pids]


def test_the_tree_shows_what_the_host_showed(captured: Captured) -> None:
    shown = snapshot_command.snapshot("--root", str(captured.archive))
    assert of_pids(shown, captured.pids) == captured.live["processes"]
    assert shown["host"] == captured.live["host"]
    assert shown["capabilities"] == captured.live["capabilities"] | {"procmap_query": False}
    states = {
        run["state"]
        for process in of_pids(shown, captured.pids)
        for mapping in process["mappings"]
        for run in mapping["runs"]
    }
    assert states == {"mapped", "hole", "marker"}
    reported = {(one["pid"], one["start"]): one for one in shown["report"]["mappings"]}
    for one in captured.live["report"]["mappings"]:
        same = reported[one["pid"], one["start"]]
        assert [same[name] for name in OF_A_MAPPING] == [one[name] for name in OF_A_MAPPING]


def test_one_gib_pages(tmp_path: Path) -> None:
    with cases.one_gib_page() as case:
        found = captured_still(tmp_path / "host.tar.xz", [case.pid])
        shown = snapshot_command.snapshot("--root", str(found.archive))
        assert of_pids(shown, [case.pid]) == found.live["processes"]


def test_no_frame_number_of_this_host_is_in_it(captured: Captured, tmp_path: Path) -> None:
    """Not in an entry, not in a scan, not as a place in a file by page, not in zoneinfo."""
    assert len(captured.frames) > 20
    (place,) = unpack(captured.archive, tmp_path / "tree")
    entries = [*place.glob("proc/*/pagemap"), *place.glob("proc/*/hugescope_scan")]
    assert len(entries) >= 2 * len(captured.pids)
    for file in entries:
        for raw in pieces(file):
            words = np.frombuffer(raw[: len(raw) // 8 * 8], np.uint64)
            assert captured.frames.isdisjoint((words & np.uint64(PFN)).tolist()), file
    for name in ("kpagecount", "kpageflags"):
        with (place / "proc" / name).open("rb") as opened:
            found = [pfn for pfn in captured.frames if any(os.pread(opened.fileno(), 8, pfn * 8))]
        assert found == []
    numbers = {
        int(word) for word in (place / "proc/zoneinfo").read_text().split() if word.isdigit()
    }
    assert captured.frames.isdisjoint(numbers)
    assert not (place / "proc/iomem").exists()


def pieces(file: Path) -> Iterator[bytes]:
    """What a sparse file holds."""
    with file.open("rb") as opened:
        end, size = 0, file.stat().st_size
        while end < size:
            try:
                first = os.lseek(opened.fileno(), end, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(opened.fileno(), first, os.SEEK_HOLE)
            yield os.pread(opened.fileno(), end - first, first)


def test_raw_numbers_are_in_it_where_they_are_asked_for(captured: Captured, tmp_path: Path) -> None:
    archive = tmp_path / "raw.tar.xz"
    capture(archive, "--raw-pfns", "--pid", str(captured.pids[0]))
    (place,) = unpack(archive, tmp_path / "tree")
    found = set()
    for raw in pieces(place / f"proc/{captured.pids[0]}/pagemap"):
        words = np.frombuffer(raw, np.uint64)
        found |= set((words[words != 0] & np.uint64(PFN)).tolist())
    assert found & captured.frames
    assert (place / "proc/iomem").exists()


def test_anybody_may_show_it(captured: Captured) -> None:
    with tempfile.TemporaryDirectory(prefix="hs-captured-") as directory:
        os.chmod(directory, 0o755)
        archive = Path(directory) / "host.tar.xz"
        shutil.copy(captured.archive, archive)
        archive.chmod(0o644)
        done = subprocess.run(
            [sys.executable, str(AS_NOBODY), str(archive)],
            capture_output=True,
            text=True,
            timeout=snapshot_command.GIVE_UP_AFTER_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert of_pids(json.loads(done.stdout), captured.pids) == captured.live["processes"]


def test_an_opener_gives_the_same(captured: Captured, tmp_path: Path) -> None:
    with opener(reader_uid=0) as socket:
        capture(tmp_path / "opened.tar.xz", "--opener", socket)
    shown = snapshot_command.snapshot("--root", str(tmp_path / "opened.tar.xz"))
    assert of_pids(shown, captured.pids) == captured.live["processes"]


class Interrupted(ProcessReader):
    """Something happens to one process in mid-reading, once."""

    def __init__(self, files: HostFiles, victim: Puppet, *command: object) -> None:
        super().__init__(files, lambda _: None)
        self.victim, self.command, self.times = victim, command, 0

    def _small(self, pid: int) -> dict[str, bytes]:
        found = super()._small(pid)
        if pid == self.victim.pid:
            self.times += 1
            if self.times == 1 and self.command:
                self.victim.do(*self.command)
            elif self.times == 1:
                self.victim.kill()
        return found


@pytest.fixture
def files() -> Iterator[HostFiles]:
    made = HostFiles(Root.at("/"))
    yield made
    made.close()


def test_a_process_that_ends_meanwhile_is_left_out(files: HostFiles) -> None:
    with extra_pages(MIB2, 4), puppet() as stays, puppet() as ends:
        for one in (stays, ends):
            one.do("memfd", 0, 2)
            one.do("touch", 0, [0])
        taken = take(files, frozenset({stays.pid}), Interrupted(files, ends))
    assert stays.pid in taken.processes
    assert ends.pid not in taken.processes
    assert ends.pid not in taken.left_out
    assert taken.gone >= 1


def test_a_process_that_maps_more_meanwhile_is_read_again(files: HostFiles) -> None:
    with extra_pages(MIB2, 4), puppet() as changes:
        changes.do("memfd", 0, 2)
        reader = Interrupted(files, changes, "memfd", 1, 1)
        process = reader.read(changes.pid)
    assert reader.times == 2
    assert process is not None
    assert [one.vma.cell_count for one in process.mappings] == [2, 1]
    assert process.files["maps"].count(b"\n") == process.files["smaps"].count(b"VmFlags:") == 2
