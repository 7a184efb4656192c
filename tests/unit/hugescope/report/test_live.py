"""What is recorded for one report is read as any other recording."""

from __future__ import annotations

from pathlib import Path

from hugescope.report.gather import gather
from hugescope.report.live import MemoryArchive, record_live
from hugescope_agent.kernel.root import Root
from hugescope_wire.archive import picture_at
from tests.unit.agent.tree_builder import MadeMapping, MadeProcess, MadeTree, build, mapped
from tests.unit.hugescope.recorded import CELLS, HOLE, MAPPED, delta, full
from tests.unit.wire.made_wire import TAKEN_AT, mapping_info

START = 0x7E0000000000


def test_a_host_is_looked_at_until_told_to_end(tmp_path: Path) -> None:
    made = MadeTree({41: MadeProcess((MadeMapping(START, (mapped(1), mapped(2))),))})
    root = Root.at(str(build(tmp_path / "tree", made)))
    archive = record_live(root, 3600, frozenset({41}), lambda: True)
    assert picture_at(archive, archive.ended_s).snapshot().processes[0].pid == 41


def test_memory_is_an_archive() -> None:
    info = mapping_info(1, CELLS)
    archive = MemoryArchive("here")
    archive.add(full(info, [HOLE] * CELLS))
    for at in range(1, 5):
        archive.add(delta(at, info, {at: MAPPED}))
    began = TAKEN_AT.timestamp()
    assert (archive.began_s, archive.ended_s) == (began, began + 4)
    assert [record.at_s - began for record in archive.records(None, began + 2.5)] == [0, 1, 2]
    gathered = gather(archive, began + 1, began + 3, began + 2, None, live=True)
    assert [int(point.states[1]) >> 21 for point in gathered.points] == [1, 2, 3]
    assert gathered.snapshot == picture_at(archive, began + 2).snapshot()
    assert (gathered.frames, gathered.gaps) == (3, ())
