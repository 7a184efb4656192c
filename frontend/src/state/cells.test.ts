import { describe, expect, it } from "vitest";
import { decodeFrame, type Block } from "../wire/frames";
import { CellState, Encoding, UNKNOWN_COUNT } from "../wire/generated";
import { frameBytes, goldenCases } from "../wire/golden";
import { MappingCells } from "./cells";

const TWO_MIB = 2 * 2 ** 20;

function scattered(cells: readonly number[], state: number): Block {
  const rows = cells.length;
  return {
    mappingId: 1,
    encoding: Encoding.SCATTERED,
    first: 0,
    covered: rows,
    index: Uint32Array.from(cells),
    mappedPages: null,
    mapcount: new Uint16Array(rows).fill(1),
    mappers: new Uint16Array(rows).fill(1),
    state: new Uint8Array(rows).fill(state),
    flags: new Uint8Array(rows),
    node: new Uint8Array(rows),
  };
}

describe("cells after a frame", () => {
  it.each(goldenCases().map((golden) => [golden.name, golden] as const))("%s", (_, golden) => {
    const cells = new MappingCells(golden.cell_count, golden.page_size);
    cells.apply(decodeFrame(frameBytes(golden.frame)).blocks);
    const { columns } = cells;
    const at = (column: ArrayLike<number>): (number | undefined)[] =>
      golden.index.map((cell) => column[cell]);
    expect(at(columns.mappedPages)).toEqual(golden.columns.mapped_pages);
    expect(at(columns.mapcount)).toEqual(golden.columns.mapcount);
    expect(at(columns.mappers)).toEqual(golden.columns.mappers);
    expect(at(columns.state)).toEqual(golden.columns.state);
    expect(at(columns.flags)).toEqual(golden.columns.flags);
    expect(at(columns.node)).toEqual(golden.columns.node);
    expect(cells.presentPages).toBe(columns.mappedPages.reduce((sum, pages) => sum + pages, 0));
    expect(cells.stateCounts.reduce((sum, count) => sum + count, 0)).toBe(golden.cell_count);
    expect(cells.complete).toBe(golden.index.length === golden.cell_count);
  });
});

describe("a mapping's cells", () => {
  it("name what changed, and only that", () => {
    const cells = new MappingCells(600, TWO_MIB);
    expect(Array.from(cells.apply([scattered([3, 599], CellState.MAPPED)]))).toEqual([3, 599]);
    expect(Array.from(cells.apply([scattered([3, 7, 599], CellState.MAPPED)]))).toEqual([7]);
    expect(cells.stateCounts[CellState.MAPPED]).toBe(3);
    expect(cells.presentPages).toBe(3 * 512);
    expect(Array.from(cells.apply([scattered([3], CellState.HOLE)]))).toEqual([3]);
    expect(cells.presentPages).toBe(2 * 512);
  });

  it("write nothing of a frame of which one block does not fit", () => {
    const cells = new MappingCells(10, TWO_MIB);
    const blocks = [scattered([1], CellState.MAPPED), scattered([10], CellState.MAPPED)];
    expect(() => cells.apply(blocks)).toThrow("cell 10 of 10");
    expect(cells.stateCounts[CellState.HOLE]).toBe(10);
    expect(cells.columns.mapcount[1]).toBe(UNKNOWN_COUNT);
  });

  it("name more changes than were expected at first", () => {
    const cells = new MappingCells(20_000, TWO_MIB);
    const all = Array.from({ length: 20_000 }, (_, at) => at);
    expect(cells.apply([scattered(all, CellState.SPLIT)])).toHaveLength(20_000);
  });
});
