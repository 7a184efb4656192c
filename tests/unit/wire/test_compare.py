"""What is different between two pictures, against a comparison cell by cell in plain Python."""

from __future__ import annotations

import json
import tracemalloc
from importlib.resources import files

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hugescope_wire.cells import Cells, CellState
from hugescope_wire.compare import MAX_KINDS, Changed, compared, mapping_diff, pool_diffs
from hugescope_wire.diff_document import DiffDocument, DiffSide
from hugescope_wire.host import MappingInfo, ProcessInfo
from hugescope_wire.pairing import Pair, Pairs, Placed, pair_up, select
from hugescope_wire.picture import HostPicture
from hugescope_wire.snapshot import HostInfo, LevelBytes, Pool
from tests.unit.wire.made_wire import (
    COLUMNS,
    MIB2,
    TAKEN_AT,
    Row,
    any_row,
    cells_of,
    full_frame,
    host_frame,
    mapping_info,
    picture_of,
    several,
    take,
    whole_row,
)

HOLE, MAPPED = whole_row(CellState.HOLE), whole_row(CellState.MAPPED)
SIDE = DiffSide(
    label="x",
    taken_at=TAKEN_AT,
    source=host_frame([]).source,
    host=HostInfo(name="box", kernel=None, boot_id=None),
    capabilities=host_frame([]).capabilities,
)


def pairs_of(a: HostPicture, b: HostPicture) -> Pairs:
    return pair_up(select(a, None), select(b, None), one_host=True)


def document(a: HostPicture, b: HostPicture, pools: bool = True) -> DiffDocument:
    return compared((SIDE, a), (SIDE, b), pairs_of(a, b), pools=pools)


def of_rows(rows: list[Row], other: list[Row]) -> DiffDocument:
    info = mapping_info(1, len(rows))
    return document(picture_of(info, rows), picture_of(info, other))


def test_equal_pictures_are_the_same() -> None:
    same = of_rows([HOLE, MAPPED], [HOLE, MAPPED])
    assert same.same
    assert same.compared_cells == 2
    assert same.mappings[0].runs == []


def test_counts_bytes_and_runs() -> None:
    one = of_rows([HOLE, HOLE, MAPPED, MAPPED, HOLE], [MAPPED, MAPPED, MAPPED, HOLE, MAPPED])
    assert not one.same
    assert (one.changed_cells, one.came_bytes, one.went_bytes) == (4, 3 * MIB2, MIB2)
    (mapping,) = one.mappings
    states = next(aspect for aspect in mapping.aspects if aspect.aspect == "state")
    assert [(kind.from_, kind.to, kind.cells) for kind in states.kinds] == [
        ("hole", "mapped", 3),
        ("mapped", "hole", 1),
    ]
    runs = [(run.first_a, run.count, run.from_.state, run.to.state) for run in mapping.runs]
    assert runs == [
        (0, 2, "hole", "mapped"),
        (3, 1, "mapped", "hole"),
        (4, 1, "hole", "mapped"),
    ]


@several
@given(st.data())
def test_it_is_what_a_loop_would_find(data: st.DataObject) -> None:
    row = any_row()
    rows = data.draw(st.lists(row, min_size=1, max_size=30))
    other = [data.draw(st.one_of(st.just(old), row)) for old in rows]
    (mapping,) = of_rows(rows, other).mappings
    changed = [at for at, old in enumerate(rows) if old != other[at]]
    assert mapping.changed == len(changed)
    found = [at for run in mapping.runs for at in range(run.first_a, run.first_a + run.count)]
    assert found == changed
    for at, name in enumerate(COLUMNS):
        wanted = sum(old[at] != new[at] for old, new in zip(rows, other, strict=True))
        told = {one.aspect.replace("bytes", "pages"): one for one in mapping.aspects}.get(name)
        assert (0 if told is None else told.cells) == wanted
        if told is not None and not told.other_kinds:
            assert sum(kind.cells for kind in told.kinds) == wanted
    more = [new[0] - old[0] for old, new in zip(rows, other, strict=True)]
    assert mapping.came_bytes == 4096 * sum(n for n in more if n > 0)
    assert mapping.went_bytes == -4096 * sum(n for n in more if n < 0)
    neighbours = zip(mapping.runs, mapping.runs[1:], strict=False)
    assert all(
        left.first_a + left.count < right.first_a
        or (left.from_, left.to) != (right.from_, right.to)
        for left, right in neighbours
    )


def test_a_mapping_that_grew_has_cells_of_its_own() -> None:
    info = mapping_info(1, 2)
    grown = mapping_info(1, 4)
    one = document(picture_of(info, [HOLE] * 2), picture_of(grown, [HOLE, HOLE, MAPPED, HOLE]))
    (mapping,) = one.mappings
    assert (mapping.compared, mapping.changed, mapping.only_a, mapping.only_b) == (2, 0, 0, 2)
    assert mapping.came_bytes == MIB2
    assert not one.same
    assert one.changed_cells == 2


def test_what_only_one_has_came_or_went_whole() -> None:
    one = mapping_info(1, 1)
    a = picture_of(one, [MAPPED])
    b = HostPicture()
    take(b, full_frame(host_frame([]), {}))
    gone = document(a, b)
    assert [ref.start for ref in gone.only_a] == [one.start]
    assert [ref.pid for ref in gone.processes_only_a] == [41]
    assert (gone.went_bytes, gone.came_bytes) == (MIB2, 0)
    came = document(b, a)
    assert came.processes_only_b == gone.processes_only_a
    assert came.came_bytes == MIB2


def test_pools_and_what_is_told_of_a_mapping() -> None:
    info = mapping_info(1, 1, vm_flags=["hm"], level_bytes=LevelBytes(pud=0, pmd=1, pte=2))
    other = mapping_info(1, 1, vm_flags=None, level_bytes=LevelBytes(pud=0, pmd=1, pte=3))
    pool = Pool(page_size=MIB2, node=0, total=4, free=None, reserved=None, surplus=0)

    def made(info: MappingInfo, pools: list[Pool]) -> HostPicture:
        picture = HostPicture()
        process = ProcessInfo(pid=1, comm=None, mappings=[info])
        take(picture, full_frame(host_frame([process], pools=pools), {1: cells_of([HOLE])}))
        return picture

    a, b = made(info, [pool]), made(other, [pool.model_copy(update={"free": 3})])
    (free,) = pool_diffs(a, b)
    assert (free.counter, free.from_, free.to) == ("free", None, 3)
    assert [fact.name for fact in document(a, b).mappings[0].facts] == ["vm_flags", "level_bytes"]
    assert document(a, b, pools=False).pools is None


def test_many_kinds_are_counted_and_not_all_listed() -> None:
    rows: list[Row] = [(n, 1, 1, int(CellState.PARTIAL), 0, 0) for n in range(2 * MAX_KINDS)]
    (mapping,) = of_rows([(500, *row[1:]) for row in rows], rows).mappings
    (aspect,) = mapping.aspects
    assert (aspect.cells, len(aspect.kinds)) == (2 * MAX_KINDS, MAX_KINDS)
    assert aspect.other_kinds == MAX_KINDS


def test_no_more_runs_than_asked_for_of_half_a_million_cells() -> None:
    pair = flickering(1 << 18)
    mapping = mapping_diff(Changed.of(pair), most_runs=3)
    assert (mapping.run_total, len(mapping.runs)) == (1 << 18, 3)
    assert mapping.changed == np.count_nonzero(pair.b.cells.state)


def flickering(count: int) -> Pair:
    """Two mappings of which every second cell changed: so many runs."""
    info = mapping_info(1, 2 * count)
    process = ProcessInfo(pid=1, comm="p", mappings=[info])
    a, b = Cells.holes(2 * count), Cells.holes(2 * count)
    b.state[::2] = CellState.MAPPED
    pairs = pair_up([Placed(process, info, a)], [Placed(process, info, b)], one_host=True)
    return pairs.pairs[0]


def test_runs_in_pieces_are_all_of_them() -> None:
    changed = Changed.of(flickering(10))
    whole = changed.runs()
    for most in (1, 3, 5, 10, 11):
        pieces = [changed.runs(first, most) for first in range(0, len(whole) + most, most)]
        assert [run for piece in pieces for run in piece] == whole
    assert changed.runs(0, 0) == changed.runs(10, 3) == changed.runs(99, 3) == []


def test_a_piece_of_the_runs_costs_no_copy_of_where_all_begin() -> None:
    changed = Changed.of(flickering(1 << 17))
    changed.runs(0, 4)
    tracemalloc.start()
    try:
        pieces = [changed.runs(first, 4) for first in (0, 1 << 16, (1 << 17) - 4)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [len(piece) for piece in pieces] == [4, 4, 4]
    assert peak < changed.starts.nbytes / 4


def test_of_pairs_beyond_those_asked_for_in_detail_only_counts_are_told() -> None:
    facts = LevelBytes(pud=None, pmd=0, pte=0)
    infos = [mapping_info(number, 2) for number in (1, 2, 3)]
    others = [*infos[:2], infos[2].model_copy(update={"shared": False, "level_bytes": facts})]

    def side(mine: list[MappingInfo], rows: list[Row]) -> tuple[DiffSide, HostPicture]:
        picture = HostPicture()
        about = host_frame([ProcessInfo(pid=1, comm=None, mappings=mine)])
        cells = {1: cells_of(rows), 2: cells_of(rows), 3: cells_of([HOLE, HOLE])}
        take(picture, full_frame(about, cells))
        return SIDE, picture

    a, b = side(infos, [HOLE, MAPPED]), side(others, [MAPPED, MAPPED])
    whole = compared(a, b, pairs_of(a[1], b[1]), pools=False)
    brief = compared(a, b, pairs_of(a[1], b[1]), pools=False, most_detailed=1)
    first, second, third = whole.mappings
    assert second.changes
    assert third.facts
    counts = second.model_copy(update={"changes": [], "aspects": [], "runs": []})
    assert brief.mappings == [first, counts, third]
    assert brief.model_copy(update={"mappings": whole.mappings}) == whole


def test_json_fits_the_schema_that_is_shipped_and_reads_back() -> None:
    schema = json.loads((files("hugescope_wire") / "diff.schema.json").read_text())
    made = DiffDocument.model_json_schema(mode="serialization", by_alias=True)
    assert schema == {"$schema": schema["$schema"], **made}
    one = of_rows([HOLE, MAPPED], [MAPPED, HOLE])
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(one.model_dump_json()))
    assert DiffDocument.model_validate_json(one.model_dump_json()) == one
