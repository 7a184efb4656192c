"""Frames made by the Python encoder, for the tests of the browser's decoder.

    PYTHONPATH=agent python frontend/scripts/golden_frames.py [--check]

writes frontend/src/wire/testdata/golden-frames.json: per case the frame in base64 and the cells
it stands for, and per case of groups their columns. Equal sources write equal bytes. `--check`
writes nothing and fails when the file is stale.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np

from hugescope_wire.cells import (
    PAGE_BYTES,
    UNKNOWN_AGE,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)
from hugescope_wire.frames import (
    FrameKind,
    encode_cells,
    encode_frame,
    encode_range,
    encode_rows,
    encode_scattered,
)
from hugescope_wire.groups import COUNTED_FLAGS, encode_groups, group_cells, numbers_of

TARGET = Path(__file__).parent.parent / "src/wire/testdata/golden-frames.json"
TWO_MIB = 2 * 2**20
ONE_GIB = 2**30


def cells_of(states: list[CellState], page_size: int, seed: int) -> Cells:
    """Cells in these states with every other column filled with what such a state may hold."""
    random = np.random.default_rng(seed)
    count = len(states)
    state = np.array(states, np.uint8)
    cells = Cells.holes(count)
    whole = np.isin(state, [CellState.MAPPED, CellState.FULL, CellState.SPLIT])
    partial = state == CellState.PARTIAL
    pages = page_size // PAGE_BYTES
    cells.state[:] = state
    cells.mapped_pages[whole] = pages
    cells.mapped_pages[partial] = random.integers(1, pages, int(partial.sum()))
    known = whole | partial
    cells.mapcount[known] = random.integers(0, 40, int(known.sum()))
    cells.mappers[known] = random.integers(1, UNKNOWN_COUNT, int(known.sum()))
    cells.node[known] = random.integers(0, UNKNOWN_NODE, int(known.sum()))
    cells.flags[known] = random.integers(0, sum(CellFlag) + 1, int(known.sum()))
    return cells


def case(name: str, seq: int, page_size: int, cell_count: int, **how: object) -> dict[str, object]:
    """One entry: `how` holds cells and, for scattered ones, their index, or the first cell."""
    cells = how["cells"]
    assert isinstance(cells, Cells)
    index = how.get("index")
    first = how.get("first", 0)
    assert isinstance(first, int)
    ages = how.get("ages")
    assert ages is None or isinstance(ages, np.ndarray)
    if isinstance(index, np.ndarray):
        encode = encode_scattered if name.startswith("coded") else encode_rows
        block = encode(7, page_size, index, cells, ages)
        where = index.tolist()
    else:
        block = encode_range(7, page_size, cells, first, ages)
        where = list(range(first, first + len(cells)))
    return {
        "name": name,
        "frame": base64.b64encode(encode_cells(seq, [block])).decode(),
        "encoding": block[4],
        "seq": seq,
        "mapping_id": 7,
        "page_size": page_size,
        "cell_count": cell_count,
        "index": where,
        "changed_ago": None if ages is None else ages.tolist(),
        "columns": {f.name: getattr(cells, f.name).tolist() for f in fields(Cells)},
    }


def group_case(
    name: str, cells: Cells, first_column: int, shift: int, *, every: int = 1, aged: bool = False
) -> dict[str, object]:
    """One entry: all groups of a mapping of `cells`, or each of so many."""
    numbers = numbers_of(0, len(cells), first_column, shift)[::every]
    groups = group_cells(cells, first_column, shift, numbers)
    ages = np.array([UNKNOWN_AGE, *range(1, len(numbers))], np.uint32)
    block = encode_groups(
        7,
        shift,
        groups,
        first=int(numbers[0]) if every == 1 else 0,
        index=None if every == 1 else numbers,
        changed_ago=ages if aged else None,
    )
    flags = zip(COUNTED_FLAGS, groups.flagged.tolist(), strict=True)
    return {
        "name": name,
        "frame": base64.b64encode(encode_frame(FrameKind.GROUPS, 12, None, [block])).decode(),
        "mapping_id": 7,
        "shift": shift,
        "first_column": first_column,
        "cell_count": len(cells),
        "numbers": numbers.tolist(),
        "changed_ago": ages.tolist() if aged else None,
        "mapped_pages": groups.mapped_pages.tolist(),
        "counts": groups.counts.tolist(),
        "flagged": {(flag.name or "").lower(): counts for flag, counts in flags},
        "mapcount": groups.mapcount.tolist(),
        "mappers": groups.mappers.tolist(),
        "node": groups.node.tolist(),
    }


def group_cases() -> list[dict[str, object]]:
    """Each shift that viewers ask for, tables cut at both ends, one poisoned cell among many."""
    every = list(CellState)
    mixed = cells_of([every[(4 * n // 7) % len(every)] for n in range(1300)], TWO_MIB, 11)
    one_bad = [CellState.MAPPED] * 700 + [CellState.POISONED] + [CellState.MAPPED] * 300
    return [
        group_case("groups of 8, aged", mixed, 509, 3, aged=True),
        group_case("groups of 64, scattered", mixed, 37, 6, every=3),
        group_case("groups of 8, scattered and aged", mixed, 0, 3, every=5, aged=True),
        group_case("tables, one cell poisoned", cells_of(one_bad, TWO_MIB, 12), 100, 9),
        group_case("tables of 1 GiB pages", cells_of(one_bad, ONE_GIB, 13), 511, 9, aged=True),
    ]


def document() -> dict[str, object]:
    """All cases: each encoding, with and without mapped_pages, odd row counts for the padding."""
    return {"cases": [*plain_cases(), *aged_cases()], "group_cases": group_cases()}


EVERY = list(CellState)
MIXED = [EVERY[(4 * n) % len(EVERY)] for n in range(37)]
FIVE = [
    *(CellState.PARTIAL, CellState.MIGRATING, CellState.MAPPED),
    *(CellState.MARKER, CellState.HOLE),
]
SCATTERED = np.array([0, 5, 6, 511, 700], np.uint32)
FAR_APART = np.array([3, 4, 258, 513, 514, 769, 1279, 1535, 1999])
"""Steps of 1, and on both sides of 255 and 510."""


def tidy() -> Cells:
    """Three runs."""
    cells = Cells.holes(512)
    cells.state[:] = [CellState.HOLE] * 300 + [CellState.MAPPED] * 200 + [CellState.POISONED] * 12
    cells.mapped_pages[cells.state == CellState.MAPPED] = TWO_MIB // PAGE_BYTES
    return cells


def alike() -> Cells:
    """Cells of few kinds."""
    cells = Cells.holes(len(FAR_APART))
    cells.state[::2] = CellState.MAPPED
    cells.mapped_pages[::2] = 512
    cells.mapcount[4:] = 2
    return cells


def plain_cases() -> list[dict[str, object]]:
    """Cells that say nothing of their age."""
    whole = [CellState.MAPPED if n % 2 else CellState.HOLE for n in range(21)]
    half = Cells.holes(300)
    half.state[100:] = CellState.PARTIAL
    half.mapped_pages[100:] = 77
    return [
        case("dense, in part", 1, TWO_MIB, 37, cells=cells_of(MIXED, TWO_MIB, 1)),
        case("dense, whole", 2, TWO_MIB, 21, cells=cells_of(whole, TWO_MIB, 2)),
        case("dense, later cells", 3, TWO_MIB, 64, cells=cells_of(MIXED, TWO_MIB, 3), first=27),
        case("runs, whole", 4, TWO_MIB, 512, cells=tidy()),
        case("runs, in part", 9, TWO_MIB, 512, cells=half, first=200),
        case("runs, one", 2**40 + 3, ONE_GIB, 9, cells=Cells.holes(9)),
        case(
            "scattered, in part",
            6,
            ONE_GIB,
            701,
            cells=cells_of(FIVE, ONE_GIB, 6),
            index=SCATTERED,
        ),
        case(
            "scattered, whole",
            7,
            TWO_MIB,
            701,
            cells=cells_of([CellState.MAPPED] * 5, TWO_MIB, 7),
            index=SCATTERED,
        ),
        case(
            "coded, in part",
            14,
            ONE_GIB,
            701,
            cells=cells_of(FIVE, ONE_GIB, 6),
            index=SCATTERED,
        ),
        case("coded, far apart", 15, TWO_MIB, 2000, cells=alike(), index=FAR_APART),
    ]


def aged_cases() -> list[dict[str, object]]:
    """Cells with the time since they changed."""
    return [
        case(
            "dense, aged",
            10,
            TWO_MIB,
            37,
            cells=cells_of(MIXED, TWO_MIB, 8),
            ages=np.array([UNKNOWN_AGE, *range(36)], np.uint32),
        ),
        case(
            "runs that end with their age",
            11,
            TWO_MIB,
            512,
            cells=tidy(),
            ages=np.array([UNKNOWN_AGE] * 250 + [3] * 262, np.uint32),
        ),
        case(
            "scattered, aged, in part",
            12,
            ONE_GIB,
            701,
            cells=cells_of(FIVE, ONE_GIB, 6),
            index=SCATTERED,
            ages=np.array([0, 1, 2, UNKNOWN_AGE, 600], np.uint32),
        ),
        case(
            "coded, aged",
            16,
            TWO_MIB,
            2000,
            cells=alike(),
            index=FAR_APART,
            ages=np.array([20] * 8 + [UNKNOWN_AGE], np.uint32),
        ),
    ]


def main() -> None:
    """Write the file, or check it."""
    text = json.dumps(document(), indent=1, sort_keys=True) + "\n"
    if "--check" not in sys.argv:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        sys.exit(f"{TARGET.name} is stale: run frontend/scripts/golden_frames.py")


if __name__ == "__main__":
    main()
