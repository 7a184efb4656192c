"""``snapshot --root`` on captured trees, cell for cell as their pagemap holds it; and bad trees."""

import ctypes
import datetime
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kernel import plain_reader, snapshot_command
from tests.kernel.plain_reader import Cell, Pool, Vma
from tests.trees.conftest import unpack

Tree = Callable[[str], Path]
Look = tuple[Path, dict[int, dict[Vma, list[Cell]]], dict[str, Any]]
NAMES = [
    "hgm-v2-stage2",
    "hgm-v2-stage3",
    "hgm-v2-stage4",
    "stock-6.12-stage1",
    "stock-6.12-stage3",
]


@pytest.fixture(scope="module", params=NAMES)
def look(request: pytest.FixtureRequest, tree: Tree) -> Look:
    """A tree's root, the plain reading of its processes, and what the command shows of it."""
    root = tree(request.param)
    plain = {pid: plain_reader.read_process(root, pid) for pid in plain_reader.pids(root)}
    return root, plain, snapshot_command.snapshot("--root", str(root))


def test_every_process_and_mapping_is_shown(look: Look) -> None:
    root, plain, shown = look
    for pid, reading in plain.items():
        assert list(snapshot_command.mappings(shown, pid)) == [vma.start for vma in reading]
    assert {process["pid"] for process in shown["processes"]} == set(plain)
    for process in shown["processes"]:
        comm = (root / "proc" / str(process["pid"]) / "comm").read_text()
        assert process["comm"] == comm.removesuffix("\n")


def test_every_cell_is_as_pagemap_holds_it(look: Look) -> None:
    _, plain, shown = look
    found = []
    for pid, reading in plain.items():
        mappings = snapshot_command.mappings(shown, pid)
        for vma, cells in reading.items():
            found += snapshot_command.frame_differences(vma, mappings[vma.start])
            found += snapshot_command.differences(vma, cells, mappings[vma.start])
    assert not found, "\n".join(found)


def test_holes_are_poisoned_only_where_the_report_places_a_lost_page(look: Look) -> None:
    _, plain, shown = look
    placed = {
        (place["process"]["pid"], place["address"])
        for page in shown["report"]["poison"]["pages"]
        for place in page["places"]
        if place["address"] is not None
    }
    told = {
        (pid, vma.start + at * vma.page_size)
        for pid, reading in plain.items()
        for vma, cells in reading.items()
        for at, (cell, seen) in enumerate(
            zip(
                cells,
                snapshot_command.cells(snapshot_command.mappings(shown, pid)[vma.start]),
                strict=True,
            )
        )
        if (cell.state, seen.state) == ("hole", "poisoned")
    }
    assert told == placed


def test_mappers_join_the_processes_of_the_tree(look: Look) -> None:
    _, plain, shown = look
    count = plain_reader.mappers(plain.values())
    for pid, reading in plain.items():
        for start, mapping in snapshot_command.mappings(shown, pid).items():
            cells = next(cells for vma, cells in reading.items() if vma.start == start)
            pairs = zip(cells, snapshot_command.cells(mapping), strict=True)
            for index, (cell, seen) in enumerate(pairs):
                if cell.head_pfn is not None:
                    assert seen.mappers == count[cell.head_pfn], (pid, hex(start), index)


def test_level_bytes_are_smaps_or_the_page_s_own_level(look: Look) -> None:
    """HGM kernels print them; elsewhere a huge page has one entry of its own size."""
    _, plain, shown = look
    for pid, reading in plain.items():
        mappings = snapshot_command.mappings(shown, pid)
        for vma, cells in reading.items():
            own = "pmd" if vma.page_size == 2 << 20 else "pud"
            truth = {"pud": 0, "pmd": 0, "pte": 0, own: sum(c.mapped_bytes for c in cells)}
            for name, kb in vma.level_kb.items():
                truth[name.removeprefix("Hugetlb").removesuffix("Mapped").lower()] = kb * 1024
            assert mappings[vma.start]["level_bytes"] == truth, (pid, hex(vma.start))


def test_pools_of_the_host_and_of_every_node(look: Look) -> None:
    root, _, shown = look
    names = Pool.__dataclass_fields__
    found = [Pool(**{name: pool[name] for name in names}) for pool in shown["pools"]]
    assert sorted(map(str, found)) == sorted(map(str, plain_reader.pools(root)))


def test_capabilities_and_host_of_a_tree(look: Look) -> None:
    """A tree has no ioctl; what it has is what its files hold."""
    root, plain, shown = look
    vmas = [vma for reading in plain.values() for vma in reading]
    assert shown["capabilities"] == {
        "pfn": True,
        "kpageflags": (root / "proc/kpageflags").exists(),
        "pagemap_scan": False,
        "procmap_query": False,
        "hgm": any(vma.level_kb for vma in vmas),
    }
    version = (root / "proc/version").read_text().split()
    assert shown["host"]["kernel"] == version[2]
    assert shown["host"]["boot_id"] is None
    assert datetime.datetime.fromisoformat(shown["taken_at"]).utcoffset() == datetime.timedelta()


def test_both_nodes_of_the_two_node_tree(tree: Tree) -> None:
    shown = snapshot_command.snapshot("--root", str(tree("stock-6.12-stage1")))
    totals = {(p["page_size"], p["node"]): p["total"] for p in shown["pools"]}
    small, large = 2 << 20, 1 << 30
    assert totals == {
        (small, None): 96,
        (small, 0): 48,
        (small, 1): 48,
        (large, None): 2,
        (large, 0): 1,
        (large, 1): 1,
    }


def test_partly_mapped_pages_of_the_hgm_tree(tree: Tree) -> None:
    """Pinned by hand, so that a fault common to both readers would still show."""
    shown = snapshot_command.snapshot("--root", str(tree("hgm-v2-stage3")), "--pid", "41")
    small = snapshot_command.cells(snapshot_command.mappings(shown, 41)[0x7E0000000000])
    assert [cell.mapped_bytes // 1024 for cell in small] == [2048, 56, 1024, 2048, 2048, 400, 12, 0]
    large = snapshot_command.cells(snapshot_command.mappings(shown, 41)[0x7E4000000000])
    assert [cell.mapped_bytes // 1024 for cell in large] == [137272, 1 << 20]
    assert [cell.state for cell in large] == ["partial", "mapped"]


def test_marker_of_the_stock_tree(tree: Tree) -> None:
    shown = snapshot_command.snapshot("--root", str(tree("stock-6.12-stage1")), "--pid", "159")
    cells = snapshot_command.cells(snapshot_command.mappings(shown, 159)[0x7EB000000000])
    assert [cell.state for cell in cells] == ["mapped", "mapped", "marker", "hole"]


def refused(*arguments: str, naming: str) -> None:
    """The command must end with one line on stderr that names the fault, and no traceback."""
    check_refusal(snapshot_command.run("snapshot", "--json", *arguments), naming)


def check_refusal(done: subprocess.CompletedProcess[str], naming: str) -> None:
    """Exit code not 0, nothing on stdout, one line on stderr that holds ``naming``."""
    assert done.returncode != 0, done.stdout[:500]
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert naming in done.stderr


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A small tree of its own, for a test to break."""
    return unpack("hgm-v2-stage2", tmp_path / "tree")


def test_unknown_pid_of_the_live_kernel() -> None:
    never_given = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    refused("--pid", str(never_given), naming=str(never_given))


def test_unknown_pid_of_a_tree(broken: Path) -> None:
    refused("--root", str(broken), "--pid", "40", naming="40")


@pytest.mark.parametrize("word", ["", "x", "-1", "0", "41x", "٤١"])
def test_pid_that_is_no_pid(broken: Path, word: str) -> None:
    refused("--root", str(broken), f"--pid={word}", naming="--pid")


def test_root_that_does_not_exist(tmp_path: Path) -> None:
    refused("--root", str(tmp_path / "absent"), naming=str(tmp_path / "absent"))


def test_root_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    refused("--root", str(file), naming=str(file))


def test_root_without_proc(tmp_path: Path) -> None:
    refused("--root", str(tmp_path), naming=str(tmp_path))


def drop_file_rights() -> None:
    """Take from root what lets it read any file: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    prctl_capbset_drop = 24
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(prctl_capbset_drop, capability, 0, 0, 0)


@pytest.mark.parametrize("closed", ["", "proc", "proc/41/maps", "proc/41/pagemap"])
def test_root_that_may_not_be_read(broken: Path, closed: str) -> None:
    """Also when only a file of the asked pid is closed: an empty answer would be a false one."""
    os.chmod(broken / closed, 0)
    done = snapshot_command.run(
        *("snapshot", "--json", "--root", str(broken), "--pid", "41"),
        before_exec=drop_file_rights if os.geteuid() == 0 else None,
    )
    os.chmod(broken / closed, 0o700)
    check_refusal(done, naming=closed or str(broken))


@pytest.mark.parametrize("cut_at_entry", [0, 1, 512, 2048 + 7])
def test_pagemap_cut_inside_a_hugetlb_mapping(broken: Path, cut_at_entry: int) -> None:
    """Also in the middle of an entry, and at the very first one."""
    pagemap = broken / "proc/41/pagemap"
    size = (0x7E0000000000 // 4096 + cut_at_entry) * 8
    os.truncate(pagemap, size + (3 if cut_at_entry == 1 else 0))
    refused("--root", str(broken), naming="proc/41/pagemap")


def test_pagemap_cut_in_one_of_two_processes(tree: Tree, tmp_path: Path) -> None:
    """The other process is whole, but a snapshot that left one out would not say so."""
    root = unpack("hgm-v2-stage3", tmp_path / "tree")
    os.truncate(root / "proc/44/pagemap", 0x7D0000000000 // 4096 * 8 + 80)
    refused("--root", str(root), naming="proc/44/pagemap")


@pytest.mark.parametrize(
    "line",
    [
        b"this is not a mapping\n",
        b"7e0000000000 rw-s 00000000 00:0b 42 /memfd:hgm-2M (deleted)\n",
        b"7e0001000000-7e0000000000 rw-s 00000000 00:0b 42 /memfd:hgm-2M (deleted)\n",
        b"zz-7e0001000000 rw-s 00000000 00:0b 42 /memfd:hgm-2M (deleted)\n",
        b"\x00\xff\xfe\n",
    ],
)
def test_garbage_in_maps(broken: Path, line: bytes) -> None:
    with open(broken / "proc/41/maps", "ab") as maps:
        maps.write(line)
    refused("--root", str(broken), naming="proc/41/maps")


@pytest.mark.parametrize("inside_an_entry", [True, False])
def test_smaps_that_lacks_a_mapping_of_maps(broken: Path, inside_an_entry: bool) -> None:
    """A file cut short, also at a border, must not pass for a process without huge pages."""
    smaps = broken / "proc/41/smaps"
    text = smaps.read_bytes()
    smaps.write_bytes(text[: text.index(b"7e0000000000-") + 400 * inside_an_entry])
    refused("--root", str(broken), naming="proc/41/smaps")


def test_pid_asked_for_whose_pagemap_was_not_captured(broken: Path) -> None:
    (broken / "proc/41/pagemap").unlink()
    refused("--root", str(broken), "--pid", "41", naming="proc/41/pagemap")


def test_without_zoneinfo_no_node_is_known(broken: Path) -> None:
    """A missing file is a lesser capability: the cells are all there, their node is null."""
    (broken / "proc/zoneinfo").unlink()
    shown = snapshot_command.snapshot("--root", str(broken))
    mappings = snapshot_command.mappings(shown, 41).values()
    cells = [cell for mapping in mappings for cell in snapshot_command.cells(mapping)]
    assert sum(cell.mapped_bytes for cell in cells) == (7636 + 14336) * 1024
    assert {cell.node for cell in cells} == {None}


def test_process_without_maps_is_not_a_failure_of_the_others(tree: Tree, tmp_path: Path) -> None:
    """A process that left while the tree was captured has no files; the rest is shown."""
    root = unpack("hgm-v2-stage3", tmp_path / "tree")
    shutil.rmtree(root / "proc/44")
    (root / "proc/44").mkdir()
    shown = snapshot_command.snapshot("--root", str(root))
    assert [p["pid"] for p in shown["processes"] if p["mappings"]] == [41]
