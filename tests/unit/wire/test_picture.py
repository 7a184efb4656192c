"""A host's picture from random frames, against a plain dictionary that was told the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import (
    FrameKind,
    encode_cells,
    encode_frame,
    encode_range,
    encode_scattered,
)
from hugescope_wire.host import Limit, ProcessInfo, Skipped
from hugescope_wire.picture import Change, HostPicture, flag_labels, runs_of
from hugescope_wire.snapshot import Capabilities, LevelBytes, Pool, Run
from tests.unit.agent.model.findings.made_facts import about, account, report
from tests.unit.agent.model.findings.made_facts import process as process_with
from tests.unit.wire.made_wire import (
    GIB,
    LABELS,
    MIB2,
    Row,
    any_rows,
    cells_of,
    full_frame,
    host_delta,
    host_frame,
    mapping_info,
    one_mapping,
    picture_of,
    rows_of,
    several,
    take,
    whole_row,
)

MAPPED = whole_row(CellState.MAPPED)
HOLE = whole_row(CellState.HOLE)
FLAGS = {1: "exclusive", 2: "write_protected", 4: "shared_table", 8: "inferred"}


def unrolled(runs: list[Run]) -> list[tuple[object, ...]]:
    """The facts of each cell; fails on a gap, an overlap or neighbours that are one run in two."""
    cells: list[tuple[object, ...]] = []
    for run in runs:
        assert run.first == len(cells)
        facts = (run.state, run.mapped_bytes, run.mapcount, run.mappers, run.node, tuple(run.flags))
        assert not cells or cells[-1] != facts
        cells += [facts] * run.count
    return cells


def facts_of(row: Row) -> tuple[object, ...]:
    """What a snapshot has to say of a row, written down from the contract."""
    pages, mapcount, mappers, state, flags, node = row
    return (
        LABELS[state],
        pages * 4096,
        None if mapcount == 0xFFFF else mapcount,
        None if mappers == 0xFFFF else mappers,
        None if node == 0xFF else node,
        tuple(label for bit, label in FLAGS.items() if flags & bit),
    )


@given(any_rows())
@several
def test_runs_cover_every_cell_once_in_order(rows: list[Row]) -> None:
    assert unrolled(runs_of(cells_of(rows))) == [facts_of(row) for row in rows]


def test_flag_labels() -> None:
    assert [flag_labels(bits) for bits in (0, 1, 10)] == [
        [],
        ["exclusive"],
        ["write_protected", "inferred"],
    ]


@dataclass
class PlainHost:
    """What the frames said, as dictionaries: rows of each mapping, mappings of each process."""

    rows: dict[int, list[Row]] = field(default_factory=dict)
    owned: dict[int, list[int]] = field(default_factory=dict)
    next_id: int = 1
    blocks: list[bytes] = field(default_factory=list)
    touched: dict[int, set[int] | None] = field(default_factory=dict)
    gone_pids: set[int] = field(default_factory=set)
    told_pids: set[int] = field(default_factory=set)

    def process(self, pid: int) -> ProcessInfo:
        mappings = [mapping_info(number, len(self.rows[number])) for number in self.owned[pid]]
        return ProcessInfo(pid=pid, comm=f"p{pid}", mappings=mappings)

    def about(self) -> list[ProcessInfo]:
        return [self.process(pid) for pid in sorted(self.owned)]

    def add_mapping(self, pid: int, rows: list[Row]) -> None:
        number, self.next_id = self.next_id, self.next_id + 1
        self.rows[number] = rows
        self.owned.setdefault(pid, []).append(number)
        self.touched[number] = None
        self.told_pids.add(pid)
        self.blocks.append(encode_range(number, MIB2, cells_of(rows)))

    def drop_mapping(self, pid: int, number: int) -> None:
        self.owned[pid].remove(number)
        self.told_pids.add(pid)
        self._forget(number)

    def drop_process(self, pid: int) -> None:
        for number in self.owned.pop(pid):
            self._forget(number)
        self.gone_pids.add(pid)
        self.told_pids.discard(pid)

    def change(self, number: int, new: dict[int, Row], scattered: bool) -> None:
        for at, row in new.items():
            self.rows[number][at] = row
        index = sorted(new)
        if scattered:
            cells = cells_of([new[at] for at in index])
            self.blocks.append(encode_scattered(number, MIB2, np.array(index, np.intp), cells))
        else:
            first, last = index[0], index[-1] + 1
            index = list(range(first, last))
            cells = cells_of(self.rows[number][first:last])
            self.blocks.append(encode_range(number, MIB2, cells, first))
        seen = self.touched.get(number, set())
        all_of_it = not scattered and len(index) == len(self.rows[number])
        self.touched[number] = None if all_of_it or seen is None else seen | set(index)

    def _forget(self, number: int) -> None:
        del self.rows[number]
        self.touched.pop(number, None)
        self.blocks = [raw for raw in self.blocks if raw[:4] != number.to_bytes(4, "little")]

    def told(self) -> None:
        self.blocks, self.touched = [], {}
        self.gone_pids, self.told_pids = set(), set()


def step(data: st.DataObject, host: PlainHost) -> None:
    """Change one thing of a host."""
    pids, numbers = sorted(host.owned), sorted(host.rows)
    kinds = ["new process"] + ["drop process", "new mapping"] * bool(pids)
    kinds += ["drop mapping", "change", "change"] * bool(numbers)
    kind = data.draw(st.sampled_from(kinds))
    if kind == "new process":
        pid = data.draw(st.integers(1, 6))
        if pid not in host.owned:
            host.add_mapping(pid, data.draw(any_rows(least=1)))
    elif kind == "drop process":
        host.drop_process(data.draw(st.sampled_from(pids)))
    elif kind == "new mapping":
        host.add_mapping(data.draw(st.sampled_from(pids)), data.draw(any_rows(least=1)))
    else:
        number = data.draw(st.sampled_from(numbers))
        if kind == "drop mapping":
            host.drop_mapping(next(p for p in pids if number in host.owned[p]), number)
        else:
            rows = host.rows[number]
            index = data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))
            new = dict(zip(index, data.draw(any_rows(count=len(index))), strict=True))
            host.change(number, new, data.draw(st.booleans()))


def check(picture: HostPicture, host: PlainHost, change: Change, before: set[int]) -> None:
    """The picture and the change equal what the plain host knows."""
    assert {number: rows_of(cells) for number, cells in picture.cells.items()} == host.rows
    assert picture.about is not None
    assert picture.about.processes == host.about()
    assert set(picture.mappings) == set(host.rows)
    assert change.gone == before - set(host.rows)
    assert set(change.cells) == set(host.touched)
    for number, index in change.cells.items():
        expected = host.touched[number]
        # A range over all of a mapping counts as new in full, however it came about.
        assert (None if index is None else set(index.tolist())) == expected
    shown = picture.snapshot()
    assert [process.pid for process in shown.processes] == sorted(host.owned)
    for process in shown.processes:
        for number, mapping in zip(host.owned[process.pid], process.mappings, strict=True):
            assert unrolled(mapping.runs) == [facts_of(row) for row in host.rows[number]]
            mapped = sum(row[0] for row in host.rows[number]) * 4096
            states = {(row[3], row[4] & CellFlag.INFERRED) for row in host.rows[number]}
            if states != {(CellState.HOLE, CellFlag.INFERRED)}:
                assert mapping.level_bytes == LevelBytes(pud=0, pmd=mapped, pte=0)


@given(st.data())
@several
def test_random_deltas_equal_a_plain_dictionary(data: st.DataObject) -> None:
    host, picture = PlainHost(), HostPicture()
    for _ in range(data.draw(st.integers(0, 3))):
        step(data, host)
    first = {number: cells_of(rows) for number, rows in host.rows.items()}
    change = take(picture, full_frame(host_frame(host.about()), first, seq=10))
    assert (change.about, change.full) == (True, True)
    host.told()
    for seq in range(11, 11 + data.draw(st.integers(0, 6))):
        before = set(host.rows)
        for _ in range(data.draw(st.integers(0, 3))):
            step(data, host)
        told = [host.process(pid) for pid in sorted(host.told_pids)]
        delta = host_delta(processes=told, gone_pids=sorted(host.gone_pids))
        change = take(picture, encode_frame(FrameKind.DELTA, seq, delta, host.blocks))
        check(picture, host, change, before)
        assert (change.about, change.full) == (bool(told or host.gone_pids), False)
        host.told()


def delta_frame(seq: int, blocks: list[bytes], **parts: object) -> bytes:
    """An encoded delta."""
    return encode_frame(FrameKind.DELTA, seq, host_delta(**parts), blocks)


def refused(picture: HostPicture, data: bytes, code: str) -> None:
    """A frame is refused by this code, and the picture stays as it was."""
    state = (picture.seq, picture.about, dict(picture.mappings))
    rows = {number: rows_of(cells) for number, cells in picture.cells.items()}
    with pytest.raises(WireError) as caught:
        take(picture, data)
    assert caught.value.code == code
    assert (picture.seq, picture.about, picture.mappings) == state
    assert {number: rows_of(cells) for number, cells in picture.cells.items()} == rows


@pytest.fixture
def picture() -> HostPicture:
    """One process of one mapping of three cells; seq is 1."""
    return picture_of(mapping_info(1, 3), [MAPPED, HOLE, MAPPED])


@pytest.mark.parametrize("seq", [0, 1, 3, (1 << 64) - 1])
def test_a_gap_or_a_repeat_is_refused(picture: HostPicture, seq: int) -> None:
    refused(picture, delta_frame(seq, []), "bad_seq")


def test_nothing_can_be_built_on_nothing() -> None:
    picture = HostPicture()
    refused(picture, delta_frame(1, []), "no_full_frame")
    with pytest.raises(WireError) as caught:
        picture.snapshot()
    assert caught.value.code == "no_full_frame"


def test_a_frame_of_cells_is_not_for_a_picture(picture: HostPicture) -> None:
    refused(picture, encode_cells(2, []), "bad_kind")


def test_a_full_frame_replaces_all_whatever_its_seq(picture: HostPicture) -> None:
    info = mapping_info(2, 1)
    change = take(picture, full_frame(one_mapping(info, pid=5), {2: cells_of([HOLE])}, seq=77))
    assert (dict(change.cells), set(change.gone), change.about) == ({2: None}, {1}, True)
    assert picture.seq == 77
    take(picture, delta_frame(78, []))


def test_a_mapping_must_come_with_all_its_cells(picture: HostPicture) -> None:
    new = [ProcessInfo(pid=41, comm="q", mappings=[mapping_info(1, 3), mapping_info(2, 2)])]
    refused(picture, delta_frame(2, [], processes=new), "missing_cells")
    part = encode_range(2, MIB2, cells_of([MAPPED]))
    refused(picture, delta_frame(2, [part], processes=new), "missing_cells")
    both = encode_scattered(2, MIB2, np.array([0, 1]), cells_of([MAPPED] * 2))
    refused(picture, delta_frame(2, [both], processes=new), "missing_cells")
    refused(picture, full_frame(one_mapping(mapping_info(1, 3)), {}), "missing_cells")


def test_a_mapping_cannot_change_its_size_under_its_id(picture: HostPicture) -> None:
    new = [ProcessInfo(pid=41, comm="q", mappings=[mapping_info(1, 4)])]
    refused(picture, delta_frame(2, [], processes=new), "missing_cells")


def test_cells_of_nobody_are_refused(picture: HostPicture) -> None:
    stray = encode_range(9, MIB2, cells_of([MAPPED]))
    refused(picture, delta_frame(2, [stray]), "bad_block")
    refused(picture, delta_frame(2, [encode_range(1, MIB2, cells_of([HOLE]), 3)]), "bad_block")
    mine = encode_range(1, MIB2, cells_of([HOLE]))
    refused(picture, delta_frame(2, [mine], gone_pids=[41]), "bad_block")


def test_an_id_stands_once(picture: HostPicture) -> None:
    twice = [ProcessInfo(pid=5, comm="q", mappings=[mapping_info(1, 3)])]
    refused(picture, delta_frame(2, [], processes=twice), "bad_json")


def test_a_process_stands_once(picture: HostPicture) -> None:
    twice = [ProcessInfo(pid=5, comm=name, mappings=[]) for name in ("a", "b")]
    refused(picture, delta_frame(2, [], processes=twice), "bad_json")
    refused(picture, full_frame(host_frame(twice), {}), "bad_json")


def test_later_blocks_of_a_mapping_win(picture: HostPicture) -> None:
    blocks = [
        encode_range(1, MIB2, cells_of([HOLE]), 2),
        encode_scattered(1, MIB2, np.array([0, 2]), cells_of([HOLE, MAPPED])),
    ]
    change = take(picture, delta_frame(2, blocks))
    assert rows_of(picture.cells[1]) == [HOLE, HOLE, MAPPED]
    changed = change.cells[1]
    assert changed is not None
    assert changed.tolist() == [0, 2]


def test_earlier_frames_are_not_written_into(picture: HostPicture) -> None:
    """A viewer may hold the cells that it was shown."""
    held = picture.cells[1]
    take(picture, delta_frame(2, [encode_range(1, MIB2, cells_of([HOLE]), 0)]))
    assert rows_of(held) == [MAPPED, HOLE, MAPPED]


def test_a_reused_pid_is_gone_and_new_in_one_delta(picture: HostPicture) -> None:
    new = [ProcessInfo(pid=41, comm="other", mappings=[mapping_info(2, 1)])]
    block = encode_range(2, MIB2, cells_of([HOLE]))
    change = take(picture, delta_frame(2, [block], processes=new, gone_pids=[41]))
    assert change.gone == {1}
    assert [process.comm for process in picture.snapshot().processes] == ["other"]


def test_null_means_unchanged_and_a_value_replaces(picture: HostPicture) -> None:
    before = picture.about
    assert before is not None
    assert not take(picture, delta_frame(2, [])).about
    assert picture.about is not None
    assert picture.about.model_copy(update={"monotonic_s": before.monotonic_s}) == before
    parts = {
        "pools": [Pool(page_size=GIB, node=1, total=1, free=0, reserved=None, surplus=0)],
        "capabilities": Capabilities(
            pfn=False, kpageflags=False, pagemap_scan=False, procmap_query=False, hgm=True
        ),
        "limits": [Limit(capability="pfn", reason="r", cost="c", remedy=None)],
        "skipped": Skipped(denied=3),
    }
    assert take(picture, delta_frame(3, [], **parts)).about
    assert {name: getattr(picture.about, name) for name in parts} == parts
    assert take(picture, delta_frame(4, [], pools=[])).about
    assert picture.about.pools == []


def test_snapshot_of_some_processes_only() -> None:
    infos = {pid: mapping_info(pid, 1) for pid in (3, 5, 9)}
    about = host_frame(
        [ProcessInfo(pid=pid, comm=None, mappings=[info]) for pid, info in infos.items()]
    )
    picture = HostPicture()
    take(picture, full_frame(about, {pid: cells_of([HOLE]) for pid in infos}))
    pids = [process.pid for process in picture.snapshot(frozenset({9, 3, 7})).processes]
    assert pids == [3, 9]
    assert picture.snapshot(frozenset()).processes == []


def test_the_report_of_some_processes_names_no_other_mapping() -> None:
    infos = {pid: mapping_info(pid, 1) for pid in (3, 9)}
    whole = report(mappings=[about(info, pid) for pid, info in infos.items()], accounts=[account()])
    processes = [process_with(pid, info) for pid, info in infos.items()]
    picture = HostPicture()
    held = {number: cells_of([HOLE]) for number in infos}
    take(picture, full_frame(host_frame(processes, report=whole), held))
    some = picture.snapshot(frozenset({9})).report
    assert some == whole.model_copy(update={"mappings": whole.mappings[1:]})
    assert picture.snapshot().report == whole


@pytest.mark.parametrize("flags", [["rd", "hm", "ht"], ["rd", "ht"], None])
def test_level_bytes_come_from_cells_unless_parts_may_be_mapped(flags: list[str] | None) -> None:
    """Cells come at every tick; what smaps says of levels comes with the mapping."""
    told = LevelBytes(pud=None, pmd=MIB2, pte=28672)
    info = mapping_info(1, 2, vm_flags=flags, level_bytes=told)
    picture = picture_of(info, [MAPPED, MAPPED])
    expected = told if flags and "hm" in flags else LevelBytes(pud=0, pmd=2 * MIB2, pte=0)
    assert picture.snapshot().processes[0].mappings[0].level_bytes == expected


@pytest.mark.parametrize(
    ("last", "decided"), [(CellState.FULL, False), (CellState.SPLIT, True)], ids=["full", "split"]
)
def test_level_bytes_of_thp_come_from_the_states_where_they_tell(
    last: CellState, decided: bool
) -> None:
    told = LevelBytes(pud=0, pmd=None, pte=None)
    info = mapping_info(1, 2, kind="thp", level_bytes=told)
    picture = picture_of(info, [MAPPED, whole_row(last)])
    expected = LevelBytes(pud=0, pmd=MIB2, pte=MIB2) if decided else told
    assert picture.snapshot().processes[0].mappings[0].level_bytes == expected
