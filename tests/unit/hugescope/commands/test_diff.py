"""`hugescope diff`: moments, mappings, files and captured trees, and exit codes as of diff(1)."""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from pathlib import Path

import pytest

from hugescope_agent.capture.capture import take, write
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_wire.diff_document import DiffDocument
from tests.unit.agent.tree_builder import (
    HOLE,
    MadeCell,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    mapped,
)
from tests.unit.hugescope.recorded import CELLS, PAGE, filling, ran, rebooted
from tests.unit.wire.made_wire import mapping_info
from tests.unit.wire.segments.made_series import parts_of, with_damaged_tail
from tests.unit.wire.segments.made_series import series as made_series

START = 0x7E0000000000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filling(tmp_path / "r.hsrec")


def document(*words: str) -> DiffDocument:
    return DiffDocument.model_validate_json(ran("diff", *words, "--json").stdout)


def test_a_file_is_the_same_as_itself(path: Path) -> None:
    done = ran("diff", path, path)
    assert done.exit_code == 0
    assert "the same: 8 cells compared" in done.stdout


def test_two_moments_of_one_file(path: Path) -> None:
    done = ran("diff", f"{path}@+1s", f"{path}@+4s")
    assert done.exit_code == 1
    assert (
        "different: 8 cells compared; 3 changed, came or went; 6 MiB came, 0 B went" in done.stdout
    )
    one = document(f"{path}@+4s", f"{path}@+1s")
    assert (one.went_bytes, one.mappings[0].matched_by) == (3 * PAGE, "address")
    assert [(run.first_a, run.count) for run in one.mappings[0].runs] == [(1, 3)]


def test_processes_pair_by_name_across_a_reboot_in_one_file(tmp_path: Path) -> None:
    path = rebooted(tmp_path / "r.hsrec")
    one = document(f"{path}@+0s", str(path))
    (mapping,) = one.mappings
    assert (mapping.a.pid, mapping.b.pid, mapping.matched_by) == (41, 9, "backing")
    assert (one.changed_cells, one.only_a, one.only_b) == (CELLS, [], [])


def test_two_files_and_one_mapping_named_on_one_side(path: Path, tmp_path: Path) -> None:
    other = filling(tmp_path / "other.hsrec", "other")
    start = mapping_info(1, 1).start
    assert ran("diff", path, other).exit_code == 0, "one boot of one host by its boot_id"
    one = document(f"{path}@+2s#41:{start:#x}", f"{other}")
    assert one.pools is None
    assert one.mappings[0].matched_by == "named"
    assert one.changed_cells == 6
    assert "diff" in json.loads(one.model_dump_json())["schema"]


def test_captured_trees(tmp_path: Path) -> None:
    trees = [
        build(tmp_path / name, MadeTree({41: MadeProcess((MadeMapping(START, (cell,)),))}))
        for name, cell in (("one", mapped(1)), ("two", HOLE))
    ]
    one = document(*map(str, trees))
    assert one.went_bytes == PAGE
    assert ran("diff", trees[0], trees[0]).exit_code == 0


def packed(place: Path, tree: Path) -> Path:
    """As `hugescope capture` writes it."""
    files = HostFiles(Root.at(str(tree)))
    write(files, take(files, None), place)
    files.close()
    return place


def series(place: Path, steps: int) -> Path:
    """An archive of so many trees in which there is nothing."""
    step = place.with_suffix(".step")
    (step / "proc").mkdir(parents=True)
    with tarfile.open(place, "w:xz") as tar:
        for number in range(steps):
            tar.add(step, f"step{number}")
    return place


def scratches() -> set[Path]:
    """What is unpacked by this process."""
    return set(Path(tempfile.gettempdir()).glob(f"hugescope*-{os.getpid()}-*"))


def made_tree(place: Path, *cells: MadeCell) -> Path:
    mappings = (MadeMapping(START, cells),)
    return build(place, MadeTree({41: MadeProcess(mappings)}))


def test_captures_that_are_still_archives(tmp_path: Path) -> None:
    one, two = made_tree(tmp_path / "one", mapped(1)), made_tree(tmp_path / "two", HOLE)
    a = packed(tmp_path / "one.tar.xz", one)
    b = packed(tmp_path / "two.tar.xz", two).rename(tmp_path / "named.otherwise")
    before = scratches()
    assert document(str(a), str(b)).went_bytes == PAGE
    assert document(f"{a}#41:{START:x}", str(two)).mappings[0].matched_by == "named"
    assert ran("diff", a, one).exit_code == 0
    assert ran("diff", a, a).exit_code == 0
    assert scratches() == before, "nothing unpacked is left"


def test_archives_of_no_capture_are_refused(tmp_path: Path, path: Path) -> None:
    tree = made_tree(tmp_path / "one", mapped(1))
    good = packed(tmp_path / "good.tar.xz", tree)
    cut = tmp_path / "cut.tar.xz"
    cut.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    none = tmp_path / "none.tar.xz"
    none.write_bytes(b"no archive")
    two = series(tmp_path / "two.tar.xz", 2)
    empty = series(tmp_path / "empty.tar.xz", 0)
    before = scratches()
    for words, complaint in {
        f"{good}@+1s": "has one moment only, and no @+1s",
        str(cut): "cannot be unpacked",
        str(none): "cannot be unpacked",
        str(two): "holds a series of 2 trees",
        str(empty): "holds no captured tree",
        f"{good}#1": "1",
    }.items():
        done = ran("diff", words, path)
        assert done.exit_code == 2
        assert done.stderr.startswith("hugescope diff: ")
        assert complaint in done.stderr
        assert "Traceback" not in done.stderr
    assert scratches() == before


def test_what_only_one_side_could_read_is_said(path: Path, tmp_path: Path) -> None:
    made = MadeTree({41: MadeProcess((MadeMapping(START, (mapped(1),)),))})
    done = ran("diff", path, "live", "--root", build(tmp_path / "tree", made), "--json")
    sides = DiffDocument.model_validate_json(done.stdout)
    assert sides.a.capabilities.pfn
    told = "live: pfn could not be read, so node, mapcount and mappers may differ" in done.stderr
    assert told != sides.b.capabilities.pfn


def test_no_more_runs_than_asked_for_and_the_rest_is_counted(path: Path) -> None:
    done = ran("diff", f"{path}@+4s", path, "--runs", "1")
    assert "and 2 more runs" in done.stdout


@pytest.mark.parametrize(
    ("a", "said"),
    [
        ("none.hsrec", "none.hsrec: No such file or directory"),
        ("{path}@soon", "@ soon: is no moment"),
        ("{path}@+99s", "after what r.hsrec holds"),
        ("{path}#x", "#x is no #PID or #PID:START"),
        ("{path}#7", "{path}#7: process 7 maps no huge pages there"),
        ("{path}#41:10", "process 41 has no mapping of huge pages at 0x10"),
        ("live@+1s", "live@+1s: has one moment only"),
    ],
)
def test_trouble_is_code_2_and_named(path: Path, a: str, said: str) -> None:
    done = ran("diff", a.format(path=path), path)
    assert done.exit_code == 2
    assert said.format(path=path) in done.stderr
    assert done.stdout == ""


def test_damage_is_said_and_a_moment_behind_it_is_trouble(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])
    done = ran("diff", f"{path}@+1s", path)
    assert done.exit_code == 1
    assert "to its end, whenever that was" in done.stderr
    assert ran("diff", f"{path}@+1s", f"{path}@+10s").exit_code == 2


def test_a_file_with_a_damaged_end_is_meant_at_the_last_moment_that_is_known(
    tmp_path: Path,
) -> None:
    moments = made_series(12)
    good, bad = tmp_path / "good.hsrec", tmp_path / "bad.hsrec"
    good.write_bytes(b"".join(parts_of(moments[:8])))
    bad.write_bytes(with_damaged_tail(parts_of(moments)))
    done = ran("diff", good, bad)
    assert done.exit_code == 0
    assert "its sum is wrong" in done.stderr


def test_names_with_marks_are_files(tmp_path: Path) -> None:
    odd = filling(tmp_path / "a@b#7.hsrec")
    assert ran("diff", odd, f"{odd}@+0s#41").exit_code == 1
