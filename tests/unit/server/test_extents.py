import random

import numpy as np
import pytest

from hugescope_server.extents import CSV_PIECE_ROWS, Extents, Wish, find
from hugescope_wire.cells import UNKNOWN_AGE, UNKNOWN_NODE, CellFlag, Cells, CellState
from hugescope_wire.extents import Extent
from hugescope_wire.host import MappingInfo
from hugescope_wire.picture import runs_of
from hugescope_wire.snapshot import Backing, GuestRam
from tests.unit.server.made_host import PAGE_SIZE, mapping_info, random_cells

NEVER = UNKNOWN_AGE


def info(count: int, **more: object) -> MappingInfo:
    return mapping_info(1, count).model_copy(update=more)


def extents(cells: Cells, wish: Wish | None = None, **more: object) -> Extents:
    wish = wish or Wish()
    part = wish.range_of(len(cells))
    ages = np.full(len(cells), NEVER, np.uint32)[part]
    return find(info(len(cells), **more), cells, ages, wish)


def test_extents_are_the_runs_of_the_snapshot() -> None:
    cells = random_cells(random.Random(1), 3000)
    found = extents(cells)
    records = found.records(0, len(found))
    assert found.cells == 3000
    for extent, run in zip(records, runs_of(cells), strict=True):
        same = run.model_dump(exclude={"mapped_bytes"})
        assert extent.model_dump(include=set(same)) == same
        assert extent.mapped_bytes == run.mapped_bytes * run.count
    assert Extent.model_validate_json(records[0].model_dump_json()) == records[0]


def test_addresses_and_offsets() -> None:
    cells = Cells.holes(4)
    cells.state[2:] = CellState.MAPPED
    guest = GuestRam(offset=1 << 30, backend="ram", low_bytes=None)
    backing = Backing(kind="hugetlbfs", name="/f", inode=1, offset=3 * PAGE_SIZE)
    second = extents(cells, guest=guest, backing=backing).records(1, 5)[0]
    start = mapping_info(1, 4).start + 2 * PAGE_SIZE
    assert (second.start, second.end) == (start, start + 2 * PAGE_SIZE)
    assert second.file_offset == 5 * PAGE_SIZE
    assert second.guest_offset == (1 << 30) + 2 * PAGE_SIZE
    anonymous = Backing(kind="anonymous", name=None, inode=None, offset=0)
    second = extents(cells, backing=anonymous).records(1, 5)[0]
    assert (second.file_offset, second.guest_offset) == (None, None)


def test_cut_cells_at_a_thp_mappings_ends_stay_inside_of_it() -> None:
    start, end = 0x7F00_0010_0000, 0x7F00_0050_0000
    backing = Backing(kind="file", name="/f", inode=1, offset=0x3000)
    only = extents(Cells.holes(3), kind="thp", start=start, end=end, backing=backing).records(0, 9)
    assert [(one.start, one.end, one.file_offset) for one in only] == [(start, end, 0x3000)]
    last = extents(
        Cells.holes(3), Wish(first=1), kind="thp", start=start, end=end, backing=backing
    ).records(0, 9)[0]
    assert (last.first, last.start, last.end) == (1, 0x7F00_0020_0000, end)
    assert last.file_offset == 0x3000 + 0x10_0000


def test_the_age_of_an_extent_is_of_its_newest_change() -> None:
    cells = Cells.holes(6)
    cells.node[4:] = 1
    ages = np.array([NEVER, 125, 7, NEVER, NEVER, NEVER], np.uint32)
    found = find(info(6), cells, ages, Wish())
    assert [one.changed_ago_s for one in found.records(0, 9)] == [0.7, None]
    assert [one.count for one in found.records(0, 9)] == [4, 2], "an age parts no run"


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(), [(0, 3), (3, 2), (5, 1), (6, 4)]),
        (Wish(states=frozenset({"mapped"})), [(3, 2), (5, 1)]),
        (Wish(states=frozenset({"mapped", "poisoned"})), [(3, 2), (5, 1), (6, 4)]),
        (Wish(flags=frozenset({"inferred"})), [(5, 1), (6, 4)]),
        (Wish(flags=frozenset({"inferred", "exclusive"})), [(3, 2), (5, 1), (6, 4)]),
        (Wish(states=frozenset({"mapped"}), flags=frozenset({"inferred"})), [(5, 1)]),
        (Wish(states=frozenset({"small"})), []),
        (Wish(first=1, count=3), [(1, 2), (3, 1)]),
        (Wish(first=9), [(9, 1)]),
        (Wish(first=9, count=500), [(9, 1)]),
        (Wish(first=10), []),
        (Wish(first=999, count=1), []),
    ],
)
def test_filters(wish: Wish, expected: list[tuple[int, int]]) -> None:
    cells = Cells.holes(10)
    cells.state[3:6] = CellState.MAPPED
    cells.state[6:] = CellState.POISONED
    cells.flags[3:5] = CellFlag.EXCLUSIVE
    cells.flags[5:] = CellFlag.INFERRED
    found = extents(cells, wish)
    assert [(one.first, one.count) for one in found.records(0, 99)] == expected
    assert found.cells == sum(count for _, count in expected)


def test_pages_cover_everything_once() -> None:
    found = extents(random_cells(random.Random(2), 700))
    whole = found.records(0, len(found))
    pages = [found.records(offset, 40) for offset in range(0, len(found) + 40, 40)]
    assert [one for page in pages for one in page] == whole
    assert pages[-1] == []


def test_csv_has_every_extent_with_nothing_for_null() -> None:
    cells = Cells.holes(3)
    cells.state[1:] = CellState.PARTIAL
    cells.mapped_pages[1:] = 3
    cells.mapcount[1:] = 2
    cells.flags[1:] = CellFlag.WRITE_PROTECTED | CellFlag.INFERRED
    ages = np.array([NEVER, 4, 30], np.uint32)
    header, first, second = "".join(find(info(3), cells, ages, Wish()).csv()).splitlines()
    assert header.split(",") == list(Extent.model_fields)
    assert first == "0,1,0x7f0100000000,0x7f0100200000,0,,hole,0,,,,,"
    assert second == (
        "1,2,0x7f0100200000,0x7f0100600000,2097152,,partial,24576,2,,,write_protected inferred,0.4"
    )


def test_csv_comes_in_pieces_and_says_what_the_records_say() -> None:
    found = extents(random_cells(random.Random(3), 4 * CSV_PIECE_ROWS))
    pieces = list(found.csv())
    assert len(pieces) == 1 + -(-len(found) // CSV_PIECE_ROWS) > 2
    rows = "".join(pieces).splitlines()[1:]
    for row, extent in zip(rows, found.records(0, len(found)), strict=True):
        fields = dict(zip(Extent.model_fields, row.split(","), strict=True))
        assert int(fields["start"], 16) == extent.start
        assert int(fields["end"], 16) == extent.end
        assert fields["flags"].split() == extent.flags
        assert fields["state"] == extent.state
        for name in ("first", "count", "file_offset", "mapped_bytes", "mapcount", "node"):
            value = getattr(extent, name)
            assert fields[name] == ("" if value is None else str(value))


def test_no_field_can_be_taken_for_a_formula() -> None:
    cells = random_cells(random.Random(4), 500)
    cells.node[::7] = UNKNOWN_NODE
    for row in "".join(extents(cells).csv()).splitlines():
        assert all(field == "" or field[0].isalnum() for field in row.split(","))
