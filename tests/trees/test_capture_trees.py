"""A capture shows what it was made of: here captured trees, with nodes, poison and HGM."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hugescope_agent.capture.capture import MANIFEST, take, write
from hugescope_agent.errors import BadCapture, NoSuchProcess
from hugescope_agent.kernel import captured_scan
from hugescope_agent.kernel.captured_scan import FRESH
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.pagemap import PFN_MASK
from hugescope_agent.kernel.root import Root
from hugescope_agent.replay import unpack
from hugescope_agent.sampler import Sampler
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import Source
from hugescope_wire.picture import HostPicture

Tree = Callable[[str], Path]
CASES = [
    ("hgm-v2-stage3", False),
    ("stock-6.12-stage1", False),
    ("stock-6.12-stage3", False),
    ("stock-6.12-stage3", True),
]


def shown(root: Path) -> dict[str, Any]:
    """The snapshot of a tree, with its report."""
    files = HostFiles(Root.at(str(root)))
    sampler = Sampler(files, Source(kind="capture"))
    sampler.full()
    sampler.survey(thorough=True)
    sample = sampler.as_seen()
    picture = HostPicture()
    picture.apply(decode_frame(encode_frame(FrameKind.FULL, 1, sample.about, sample.blocks)))
    sampler.close()
    files.close()
    return picture.snapshot(None).model_dump(mode="json")


def captured(
    root: Path, tmp_path: Path, *, raw: bool = False, pids: set[int] | None = None
) -> Path:
    """The tree of a capture of a tree."""
    asked = None if pids is None else frozenset(pids)
    files = HostFiles(Root.at(str(root)))
    archive = tmp_path / "made.tar.xz"
    write(files, take(files, asked), archive, asked=asked, raw_pfns=raw)
    files.close()
    (place,) = unpack(archive, tmp_path / "made")
    return place


@pytest.mark.parametrize(("name", "raw"), CASES)
def test_cells_pools_and_account_are_the_same(
    tree: Tree, tmp_path: Path, name: str, raw: bool
) -> None:
    before, after = shown(tree(name)), shown(captured(tree(name), tmp_path, raw=raw))
    for part in ("host", "pools", "processes"):
        assert after[part] == before[part], part
    same = ("holdings", "reservations", "poison", "mappings", "status_differences", "boot")
    for part in ("accounts", *same, "findings"):
        assert after["report"][part] == before["report"][part], part


def words_of(path: Path) -> tuple[list[int], list[int]]:
    """Places and values of all u64 of a sparse file that are not 0."""
    places: list[int] = []
    values: list[int] = []
    with path.open("rb") as file:
        end, size = 0, path.stat().st_size
        while end < size:
            try:
                first = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(file.fileno(), first, os.SEEK_HOLE)
            words = np.frombuffer(os.pread(file.fileno(), end - first, first), np.uint64)
            there = np.flatnonzero(words)
            places += (there + first // 8).tolist()
            values += words[there].tolist()
    return places, values


def test_no_number_of_a_page_is_left(tree: Tree, tmp_path: Path) -> None:
    root = tree("stock-6.12-stage3")
    files = HostFiles(Root.at(str(root)))
    real = {
        head
        for process in take(files, None).processes.values()
        for mapping in process.mappings
        for head in mapping.heads().tolist()
    }
    files.close()
    assert len(real) > 20
    place = captured(root, tmp_path)
    pagemaps = list(place.glob("proc/*/pagemap"))
    assert pagemaps
    for file in pagemaps:
        _, values = words_of(file)
        assert values
        assert real.isdisjoint(value & PFN_MASK for value in values)
    for name in ("kpagecount", "kpageflags"):
        places, values = words_of(place / "proc" / name)
        assert values
        assert real.isdisjoint(places)
        assert real.isdisjoint(values)
    zoneinfo = (place / "proc/zoneinfo").read_text()
    assert real.isdisjoint(int(word) for word in zoneinfo.split() if word.isdigit())
    assert not (place / "proc/iomem").exists()


def test_of_some_processes_who_shares_with_them_comes_along(tree: Tree, tmp_path: Path) -> None:
    root = tree("stock-6.12-stage3")
    everything = shown(root)
    pid = everything["processes"][0]["pid"]
    place = captured(root, tmp_path, pids={pid})
    said = json.loads((place / MANIFEST).read_text())
    assert said["asked_for"] == [pid]
    assert pid in said["processes"]
    assert set(said["beside"]) < set(said["processes"])
    after = {process["pid"]: process for process in shown(place)["processes"]}
    assert after[pid] == everything["processes"][0]
    for left in said["left_out"]:
        assert (place / "proc" / left).is_dir()
        assert not list((place / "proc" / left).iterdir())


def test_who_is_not_there_cannot_be_captured(tree: Tree) -> None:
    files = HostFiles(Root.at(str(tree("stock-6.12-stage3"))))
    with pytest.raises(NoSuchProcess, match="--pid 4: there is no such process"):
        take(files, frozenset({4}))
    files.close()


Place = tuple[int, int]
"""A mapping's start, and a cell."""


def states_of(process: dict[str, Any]) -> dict[Place, tuple[str, list[str]]]:
    """State and flags of every cell of a process."""
    return {
        (mapping["start"], cell): (run["state"], run["flags"])
        for mapping in process["mappings"]
        for run in mapping["runs"]
        for cell in range(run["first"], run["first"] + run["count"])
    }


def add_scans(place: Path, before: list[dict[str, Any]], kinds: dict[Place, int]) -> None:
    """Scans as they would be of these processes, with some cells of another kind."""
    for process in before:
        sizes = {mapping["start"]: mapping["page_size"] for mapping in process["mappings"]}
        rows = []
        for (start, cell), (state, _) in states_of(process).items():
            kind = kinds.get((start, cell), 0x4E if state == "mapped" else 0)
            if kind:
                at = start + cell * sizes[start]
                rows.append((at, at + sizes[start], kind))
        file = place / captured_scan.name_of(process["pid"])
        file.write_bytes(captured_scan.encode(np.array(rows, np.uint64).reshape(-1, 3)))


def test_what_a_scan_said_is_shown(tree: Tree, tmp_path: Path) -> None:
    """Poisoned, migrating and marked pages all read as holes in pagemap."""
    place = captured(tree("stock-6.12-stage3"), tmp_path)
    before = shown(place)["processes"]
    holes = {
        process["pid"]: [at for at, (state, _) in states_of(process).items() if state == "hole"]
        for process in before
    }
    pid = next(pid for pid, found in holes.items() if len(found) >= 3)
    poisoned, migrating, marker = holes[pid][:3]
    add_scans(place, before, {poisoned: 0x52, migrating: 0x52 | FRESH, marker: 0x50})
    after = shown(place)
    assert after["capabilities"]["pagemap_scan"]
    states = next(states_of(process) for process in after["processes"] if process["pid"] == pid)
    assert states[poisoned] == ("poisoned", ["inferred"])
    assert states[migrating] == ("migrating", ["inferred"])
    assert states[marker] == ("marker", ["write_protected"])


def test_a_scan_that_was_cut_is_named(tree: Tree, tmp_path: Path) -> None:
    place = captured(tree("stock-6.12-stage1"), tmp_path)
    before = shown(place)["processes"]
    pid = before[0]["pid"]
    add_scans(place, before, {})
    file = place / captured_scan.name_of(pid)
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(BadCapture, match=f"proc/{pid}/hugescope_scan: "):
        shown(place)
