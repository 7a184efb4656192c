"""Frames made by the Python encoder, for the tests of the browser's decoder.

    PYTHONPATH=agent python frontend/scripts/golden_frames.py [--check]

writes frontend/src/wire/testdata/golden-frames.json: per case the frame in base64 and the cells
it stands for. Equal sources write equal bytes. `--check` writes nothing and fails when the file is
stale.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np

from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_COUNT, UNKNOWN_NODE, CellFlag, Cells, CellState
from hugescope_wire.frames import encode_cells, encode_range, encode_scattered

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
    if isinstance(index, np.ndarray):
        block = encode_scattered(7, page_size, index, cells)
        where = index.tolist()
    else:
        block = encode_range(7, page_size, cells, first)
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
        "columns": {f.name: getattr(cells, f.name).tolist() for f in fields(Cells)},
    }


def document() -> dict[str, object]:
    """All cases: each encoding, with and without mapped_pages, odd row counts for the padding."""
    every = list(CellState)
    mixed = [every[(4 * n) % len(every)] for n in range(37)]
    whole = [CellState.MAPPED if n % 2 else CellState.HOLE for n in range(21)]
    tidy = [CellState.HOLE] * 300 + [CellState.MAPPED] * 200 + [CellState.POISONED] * 12
    filled = Cells.holes(512)
    filled.state[:] = tidy
    filled.mapped_pages[filled.state == CellState.MAPPED] = TWO_MIB // PAGE_BYTES
    half = Cells.holes(300)
    half.state[100:] = CellState.PARTIAL
    half.mapped_pages[100:] = 77
    scattered = np.array([0, 5, 6, 511, 700], np.uint32)
    states = [CellState.PARTIAL, CellState.MIGRATING, CellState.MAPPED]
    three = [*states, CellState.MARKER, CellState.HOLE]
    return {
        "cases": [
            case("dense, in part", 1, TWO_MIB, 37, cells=cells_of(mixed, TWO_MIB, 1)),
            case("dense, whole", 2, TWO_MIB, 21, cells=cells_of(whole, TWO_MIB, 2)),
            case("dense, later cells", 3, TWO_MIB, 64, cells=cells_of(mixed, TWO_MIB, 3), first=27),
            case("runs, whole", 4, TWO_MIB, 512, cells=filled),
            case("runs, in part", 9, TWO_MIB, 512, cells=half, first=200),
            case("runs, one", 2**40 + 3, ONE_GIB, 9, cells=Cells.holes(9)),
            case(
                "scattered, in part",
                6,
                ONE_GIB,
                701,
                cells=cells_of(three, ONE_GIB, 6),
                index=scattered,
            ),
            case(
                "scattered, whole",
                7,
                TWO_MIB,
                701,
                cells=cells_of([CellState.MAPPED] * 5, TWO_MIB, 7),
                index=scattered,
            ),
        ]
    }


def main() -> None:
    """Write the file, or check it."""
    text = json.dumps(document(), indent=1, sort_keys=True) + "\n"
    if "--check" not in sys.argv:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        sys.exit(f"{TARGET.name} is stale: run frontend/scripts/golden_frames.py")


if __name__ == "__main__":
    main()
